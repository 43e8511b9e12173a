/* elicitation/create: flat forms and URLs to open. */
#include <stdio.h>

#include "acp_internal.h"

#define FIELDS_MAX 32u
#define CHOICES_MAX 64u
#define TYPE(x) REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_##x

/* Values of a choice: "enum": [..], or "oneOf"/"anyOf": [{"const": .., "title": ..}]. */
static const json_t *choices_of(const json_t *schema) {
  static const char *const names[] = {"enum", "oneOf", "anyOf"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const json_t *list = json_object_get(schema, names[i]);
    if (json_array_size(list) > 0) return list;
  }
  return NULL;
}

static Remote__V1__FormFieldType field_type(const json_t *schema) {
  const char *type = json_string_value(json_object_get(schema, "type"));
  if (type == NULL) return choices_of(schema) != NULL ? TYPE(CHOICE) : TYPE(STRING);
  if (strcmp(type, "number") == 0) return TYPE(NUMBER);
  if (strcmp(type, "integer") == 0) return TYPE(INTEGER);
  if (strcmp(type, "boolean") == 0) return TYPE(BOOLEAN);
  if (strcmp(type, "array") == 0) return TYPE(MULTIPLE);
  return choices_of(schema) != NULL ? TYPE(CHOICE) : TYPE(STRING);
}

static const json_t *choice_value(const json_t *choice) {
  return json_is_object(choice) ? json_object_get(choice, "const") : choice;
}

static void build_choices(acp_build *b, const json_t *list, Remote__V1__FormField *field) {
  size_t count = json_array_size(list);
  field->choices = acp_build_alloc(b, CHOICES_MAX * sizeof *field->choices);
  for (size_t i = 0; i < count; i++) {
    const json_t *choice = json_array_get(list, i), *title = json_object_get(choice, "title");
    if (!json_is_string(choice_value(choice))) continue;
    if (field->n_choices == CHOICES_MAX || b->room < 1024) {
      b->cut = true;
      return;
    }
    Remote__V1__FormChoice *c = acp_build_alloc(b, sizeof *c);
    remote__v1__form_choice__init(c);
    c->value = acp_build_string(b, choice_value(choice), 255);
    c->label =
        json_is_string(title) ? acp_build_string(b, title, 255) : acp_build_copy(b, c->value);
    field->choices[field->n_choices++] = c;
  }
}

static bool is_required(const json_t *required, const char *name) {
  for (size_t i = 0; i < json_array_size(required); i++) {
    const char *word = json_string_value(json_array_get(required, i));
    if (word != NULL && strcmp(word, name) == 0) return true;
  }
  return false;
}

static Remote__V1__FormField *build_field(acp_build *b, const char *name, const json_t *schema,
                                          const json_t *required) {
  Remote__V1__FormField *field = acp_build_alloc(b, sizeof *field);
  remote__v1__form_field__init(field);
  field->name = acp_build_alloc(b, ACP_ID_BYTES);
  acp_id_make(name, ACP_ID_BYTES - 1, field->name);
  field->title = acp_build_string(b, json_object_get(schema, "title"), 255);
  field->description = acp_build_string(b, json_object_get(schema, "description"), 1024);
  field->type = field_type(schema);
  field->required = is_required(required, name);
  const json_t *choices =
      choices_of(field->type == TYPE(MULTIPLE) ? json_object_get(schema, "items") : schema);
  if (choices != NULL) build_choices(b, choices, field);
  const json_t *preset = json_object_get(schema, "default");
  char *text = preset != NULL && !json_is_null(preset)
                   ? json_dumps(preset, JSON_COMPACT | JSON_ENCODE_ANY)
                   : NULL;
  if (text != NULL && strlen(text) <= 1024)
    field->default_json = acp_build_text(b, text, strlen(text), 1024);
  free(text);
  if (b->room > 8192) field->schema = acp_build_json(b, schema);
  return field;
}

static void build_form(acp_build *b, json_t *params, Remote__V1__Ask *ask) {
  const json_t *schema = json_object_get(params, "requestedSchema");
  json_t *properties = json_object_get(schema, "properties");
  Remote__V1__FormAsk *form = acp_build_alloc(b, sizeof *form);
  remote__v1__form_ask__init(form);
  form->text = acp_build_string(b, json_object_get(params, "message"), 4096);
  form->fields = acp_build_alloc(b, FIELDS_MAX * sizeof *form->fields);
  const char *name;
  json_t *field;
  json_object_foreach(properties, name, field) {
    if (form->n_fields == FIELDS_MAX) {
      b->cut = true;
      break;
    }
    form->fields[form->n_fields++] =
        build_field(b, name, field, json_object_get(schema, "required"));
  }
  ask->kind_case = REMOTE__V1__ASK__KIND_FORM;
  ask->form = form;
}

static Remote__V1__AskOption *url_option(acp_build *b, const char *id, const char *label,
                                         Remote__V1__AskOptionKind kind) {
  Remote__V1__AskOption *option = acp_build_alloc(b, sizeof *option);
  remote__v1__ask_option__init(option);
  option->option_id = acp_build_copy(b, id);
  option->label = acp_build_copy(b, label);
  option->kind = kind;
  return option;
}

static void build_url(acp_build *b, json_t *params, Remote__V1__Ask *ask) {
  Remote__V1__OpenUrlAsk *url = acp_build_alloc(b, sizeof *url);
  remote__v1__open_url_ask__init(url);
  url->text = acp_build_string(b, json_object_get(params, "message"), 4096);
  url->url = acp_build_string(b, json_object_get(params, "url"), 2048);
  url->elicitation_id = acp_build_id(b, json_object_get(params, "elicitationId"), 127);
  ask->options = acp_build_alloc(b, 2 * sizeof *ask->options);
  ask->options[0] = url_option(b, "accept", "I opened it",
                               REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE);
  ask->options[1] =
      url_option(b, "decline", "No", REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE);
  ask->n_options = 2;
  ask->kind_case = REMOTE__V1__ASK__KIND_OPEN_URL;
  ask->open_url = url;
}

void acp_form_ask(acp_session *s, json_t *id, json_t *params) {
  const char *mode = json_string_value(json_object_get(params, "mode"));
  const char *url = json_string_value(json_object_get(params, "url"));
  const json_t *tool = json_object_get(params, "toolCallId");
  bool is_url = mode != NULL && strcmp(mode, "url") == 0;
  bool is_form = mode != NULL && strcmp(mode, "form") == 0;
  acp_ask *slot = acp_ask_free_slot(s);
  if ((!is_url && !is_form) || slot == NULL || (is_url && (url == NULL || strlen(url) > 2048))) {
    /* A URL must be shown in full or not at all. */
    rpc_refuse(s->rpc, id, slot == NULL ? RPC_INTERNAL_ERROR : RPC_INVALID_PARAMS,
               "this elicitation cannot be shown");
    acp_extension(s, "elicitation/create", params != NULL ? params : json_null(), false);
    return;
  }
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  slot->elicitation = true;
  if (is_form) {
    build_form(&b, params, &ask);
    json_t *properties = json_object_get(json_object_get(params, "requestedSchema"), "properties");
    slot->options = json_is_object(properties) ? json_incref(properties) : json_object();
  } else {
    build_url(&b, params, &ask);
    snprintf(slot->elicitation_id, sizeof slot->elicitation_id, "%s", ask.open_url->elicitation_id);
  }
  if (json_is_string(tool)) ask.tool_call_id = acp_build_id(&b, tool, 127);
  if (b.cut) acp_extension(s, "elicitation/create", params, false);
  acp_ask_open(s, slot, &ask, id);
  acp_build_end(&b);
}

/* ---- the answer ---- */

/* A value in the type that the agent wants: surfaces send numbers and switches as words too. */
static json_t *as_type(Remote__V1__FormFieldType type, json_t *value) {
  const char *word = json_string_value(value);
  char *end;
  switch ((int)type) {
    case TYPE(NUMBER):
    case TYPE(INTEGER): {
      if (word == NULL || *word == '\0') break;
      double number = strtod(word, &end);
      if (*end != '\0') break;
      return type == TYPE(INTEGER) || number == (double)(long long)number
                 ? json_integer((json_int_t)number)
                 : json_real(number);
    }
    case TYPE(BOOLEAN):
      if (word == NULL) break;
      return json_boolean(strcmp(word, "true") == 0 || strcmp(word, "yes") == 0);
    case TYPE(MULTIPLE):
      if (word != NULL) return json_pack("[O]", value);
      break;
    default:
      break;
  }
  return json_incref(value);
}

static const char *agents_name(const json_t *properties, const char *name) {
  const char *key;
  json_t *schema;
  json_t *all = json_incref((json_t *)(uintptr_t)properties); /* foreach wants it writable */
  const char *found = NULL;
  json_object_foreach(all, key, schema) {
    char known[ACP_ID_BYTES];
    acp_id_make(key, ACP_ID_BYTES - 1, known);
    if (strcmp(known, name) == 0) found = key;
  }
  json_decref(all);
  return found;
}

/* An answer without JSON: an option or words for the first field. */
static json_t *plain_answer(const json_t *properties, const Remote__V1__AnswerContent *answer) {
  const char *value = answer->option_id[0] != '\0' ? answer->option_id : answer->text;
  json_t *all = (json_t *)(uintptr_t)properties;
  void *first = json_object_iter(all);
  if (first == NULL) return json_object();
  if (value[0] == '\0') return NULL;
  json_t *word = json_string(value);
  json_t *content = json_object();
  json_object_set_new(content, json_object_iter_key(first),
                      as_type(field_type(json_object_iter_value(first)), word));
  json_decref(word);
  return content;
}

/* The content of an accepted form; NULL: the answer holds none. */
json_t *acp_form_content(const json_t *properties, const Remote__V1__AnswerContent *answer) {
  if (answer->json[0] == '\0') return plain_answer(properties, answer);
  json_t *given = json_loads(answer->json, 0, NULL);
  if (!json_is_object(given)) {
    json_decref(given);
    return NULL;
  }
  json_t *content = json_object();
  const char *name;
  json_t *value;
  json_object_foreach(given, name, value) {
    const char *key = agents_name(properties, name);
    const json_t *schema = key != NULL ? json_object_get(properties, key) : NULL;
    if (schema != NULL) json_object_set_new(content, key, as_type(field_type(schema), value));
  }
  json_decref(given);
  return content;
}

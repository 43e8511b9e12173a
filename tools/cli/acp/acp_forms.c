/* elicitation/create: flat forms and URLs to open. The answers are acp_form_answer.c's. */
#include <stdio.h>

#include "acp_internal.h"

#define FIELDS_MAX 32u
#define CHOICES_MAX 64u
#define URL_BYTES_MAX 2048u
#define TYPE(x) REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_##x

/* Values of a choice: "enum": [..], or "oneOf"/"anyOf": [{"const": .., "title": ..}]. */
const json_t *acp_form_choices(const json_t *schema) {
  static const char *const names[] = {"enum", "oneOf", "anyOf"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const json_t *list = json_object_get(schema, names[i]);
    if (json_array_size(list) > 0) return list;
  }
  return NULL;
}

Remote__V1__FormFieldType acp_form_type(const json_t *schema) {
  const char *type = json_string_value(json_object_get(schema, "type"));
  if (type == NULL) return acp_form_choices(schema) != NULL ? TYPE(CHOICE) : TYPE(STRING);
  if (strcmp(type, "number") == 0) return TYPE(NUMBER);
  if (strcmp(type, "integer") == 0) return TYPE(INTEGER);
  if (strcmp(type, "boolean") == 0) return TYPE(BOOLEAN);
  if (strcmp(type, "array") == 0) return TYPE(MULTIPLE);
  return acp_form_choices(schema) != NULL ? TYPE(CHOICE) : TYPE(STRING);
}

const json_t *acp_form_choice_value(const json_t *choice) {
  return json_is_object(choice) ? json_object_get(choice, "const") : choice;
}

static void build_choices(acp_build *b, const json_t *list, Remote__V1__FormField *field) {
  size_t count = json_array_size(list);
  field->choices = acp_build_alloc(b, CHOICES_MAX * sizeof *field->choices);
  for (size_t i = 0; i < count; i++) {
    const json_t *choice = json_array_get(list, i), *title = json_object_get(choice, "title");
    if (!json_is_string(acp_form_choice_value(choice))) continue;
    if (field->n_choices == CHOICES_MAX || b->room < 1024) {
      b->cut = true;
      return;
    }
    Remote__V1__FormChoice *c = acp_build_alloc(b, sizeof *c);
    remote__v1__form_choice__init(c);
    /* Comes back as the answer: as it is. */
    const json_t *value = acp_form_choice_value(choice);
    c->value = acp_build_text(b, json_string_value(value), json_string_length(value), 255);
    c->label =
        json_is_string(title) ? acp_build_string(b, title, 255) : acp_build_copy(b, c->value);
    field->choices[field->n_choices++] = c;
  }
}

bool acp_form_required(const json_t *required, const char *name) {
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
  field->type = acp_form_type(schema);
  field->required = acp_form_required(required, name);
  const json_t *choices =
      acp_form_choices(field->type == TYPE(MULTIPLE) ? json_object_get(schema, "items") : schema);
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

void acp_form_build(acp_build *b, const json_t *message, const json_t *schema,
                    Remote__V1__Ask *ask) {
  json_t *properties = json_object_get(schema, "properties");
  Remote__V1__FormAsk *form = acp_build_alloc(b, sizeof *form);
  remote__v1__form_ask__init(form);
  form->text = acp_build_string(b, message, 4096);
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

/* NULL: it can be shown; else why not, for the agent. */
static const char *unfit(const json_t *params, bool is_form, bool is_url) {
  const char *url = json_string_value(json_object_get(params, "url"));
  const json_t *schema = json_object_get(params, "requestedSchema");
  if (is_form && json_object_size(json_object_get(schema, "properties")) > FIELDS_MAX)
    return "a form of more than 32 fields cannot be shown";
  if (is_form) return NULL;
  if (!is_url) return "this mode of elicitation is not known";
  /* A URL must be shown in full or not at all. */
  if (url == NULL || strlen(url) > URL_BYTES_MAX)
    return "a URL is shown whole or not at all: at most 2048 bytes";
  for (const char *c = url; *c != '\0'; c++)
    if ((unsigned char)*c <= ' ' || *c == 0x7f) return "a URL has no blanks or control characters";
  return NULL;
}

void acp_form_ask(acp_session *s, json_t *id, json_t *params) {
  const char *mode = json_string_value(json_object_get(params, "mode"));
  const json_t *tool = json_object_get(params, "toolCallId");
  if (mode == NULL) /* older drafts had forms only */
    mode = json_is_object(json_object_get(params, "requestedSchema")) ? "form" : "";
  bool is_url = strcmp(mode, "url") == 0, is_form = strcmp(mode, "form") == 0;
  acp_ask *slot = acp_ask_free_slot(s);
  const char *why = slot == NULL ? "too many open requests" : unfit(params, is_form, is_url);
  if (why != NULL) {
    rpc_refuse(s->rpc, id, slot == NULL ? RPC_INTERNAL_ERROR : RPC_INVALID_PARAMS, why);
    acp_extension(s, "elicitation/create", params != NULL ? params : json_null(), false);
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The agent asked something that cannot be shown (%s); it was told so.", why);
    return;
  }
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  slot->elicitation = true;
  if (is_form) {
    json_t *schema = json_object_get(params, "requestedSchema");
    acp_form_build(&b, json_object_get(params, "message"), schema, &ask);
    slot->options = json_is_object(schema) ? json_incref(schema) : json_object();
  } else {
    build_url(&b, params, &ask);
    snprintf(slot->elicitation_id, sizeof slot->elicitation_id, "%s", ask.open_url->elicitation_id);
  }
  if (json_is_string(tool)) ask.tool_call_id = acp_build_id(&b, tool, 127);
  if (b.cut) acp_extension(s, "elicitation/create", params, false);
  acp_ask_open(s, slot, &ask, id);
  acp_build_end(&b);
}

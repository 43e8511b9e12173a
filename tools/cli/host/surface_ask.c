/* Asks on the terminal: shown with numbers, answered by number, dismissed by whoever was first. */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>

#include "surface_internal.h"

#define OPTION(x) REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_##x
#define DISMISSED_NS (5ull * 1000000000ull)

void surface_actor(const Remote__V1__Actor *by, char *out, size_t bytes) {
  if (by == NULL || (!by->local && by->origin == NULL)) {
    snprintf(out, bytes, "nobody");
  } else if (by->local) {
    snprintf(out, bytes, "you");
  } else {
    snprintf(out, bytes, "%.63s on %.63s", by->origin->account,
             by->origin->device[0] != '\0' ? by->origin->device : by->origin->surface);
  }
}

static Remote__V1__Ask *copy_ask(const Remote__V1__Ask *ask) {
  size_t bytes = remote__v1__ask__get_packed_size(ask);
  uint8_t *packed = memory_zero(bytes);
  remote__v1__ask__pack(ask, packed);
  Remote__V1__Ask *copy = remote__v1__ask__unpack(NULL, bytes, packed);
  free(packed);
  return copy;
}

static bool has_id(const Remote__V1__Ask *ask, const ProtobufCBinaryData *id) {
  return ask->ask_id.len == id->len && memcmp(ask->ask_id.data, id->data, id->len) == 0;
}

static void slot_free(shown_ask *slot) {
  remote__v1__ask__free_unpacked(slot->ask, NULL);
  slot->ask = NULL;
  slot->number = 0;
}

void surface_asks_free(surface *s) {
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++)
    if (s->asks[i].number != 0) slot_free(&s->asks[i]);
}

/* ---- showing ---- */

void surface_diff(surface *s, const Remote__V1__Diff *diff) {
  char path[512];
  terminal_text_copy(path, sizeof path, diff->path.data, diff->path.len, TERMINAL_TEXT_ONE_LINE);
  surface_line(s, STYLE_BOLD, diff->new_file ? "  new file " : "  change ", path);
  surface_block(s, STYLE_RED, "  - ", diff->old_text, strlen(diff->old_text), 40);
  surface_block(s, STYLE_GREEN, "  + ", diff->new_text, strlen(diff->new_text), 40);
}

/* Choices of a form with one field stand for options. */
static const Remote__V1__FormField *only_field(const Remote__V1__Ask *ask) {
  if (ask->kind_case != REMOTE__V1__ASK__KIND_FORM || ask->form->n_fields != 1) return NULL;
  return ask->form->fields[0];
}

static size_t option_count(const Remote__V1__Ask *ask) {
  const Remote__V1__FormField *field = only_field(ask);
  if (ask->n_options > 0 || field == NULL) return ask->n_options;
  return field->type == REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_BOOLEAN ? 2 : field->n_choices;
}

static const char *option_label(const Remote__V1__Ask *ask, size_t index) {
  const Remote__V1__FormField *field = only_field(ask);
  if (ask->n_options > 0) return ask->options[index]->label;
  if (field->n_choices == 0) return index == 0 ? "yes" : "no";
  return field->choices[index]->label;
}

static const char *option_value(const Remote__V1__Ask *ask, size_t index) {
  const Remote__V1__FormField *field = only_field(ask);
  if (ask->n_options > 0) return ask->options[index]->option_id;
  if (field->n_choices == 0) return index == 0 ? "true" : "false";
  return field->choices[index]->value;
}

static void show_options(surface *s, const Remote__V1__Ask *ask) {
  for (size_t i = 0; i < option_count(ask); i++) {
    char lead[32];
    snprintf(lead, sizeof lead, "    %zu  ", i + 1);
    surface_line(s, STYLE_PLAIN, lead, option_label(ask, i));
  }
}

static void show_form(surface *s, const shown_ask *slot) {
  const Remote__V1__FormAsk *form = slot->ask->form;
  char text[1200];
  for (size_t i = 0; i < form->n_fields; i++) {
    const Remote__V1__FormField *f = form->fields[i];
    snprintf(text, sizeof text, "%.127s%s%.255s%s%.255s%s", f->name,
             f->title[0] != '\0' ? ": " : "", f->title, f->description[0] != '\0' ? " - " : "",
             f->description, f->required ? " (required)" : "");
    surface_line(s, STYLE_PLAIN, "    ", text);
    for (size_t k = 0; form->n_fields > 1 && k < f->n_choices; k++)
      surface_line(s, STYLE_DIM, "      ", f->choices[k]->value);
  }
  if (option_count(slot->ask) > 0) return;
  if (form->n_fields == 1)
    snprintf(text, sizeof text, "answer with: #%u WORDS, or #%u no", slot->number, slot->number);
  else
    snprintf(text, sizeof text, "answer with: #%u {\"NAME\": VALUE, …}, or #%u no", slot->number,
             slot->number);
  surface_line(s, STYLE_DIM, "    ", text);
}

static void show_permission(surface *s, const shown_ask *slot, const char *lead) {
  static const char *const outside = "outside the workspace";
  const Remote__V1__PermissionAsk *p = slot->ask->permission;
  bool command = p->command[0] != '\0';
  surface_line(s, STYLE_YELLOW, lead, command && p->n_diffs == 0 ? "run a command?" : p->title);
  if (command) surface_block(s, STYLE_BOLD, "    $ ", p->command, strlen(p->command), 40);
  if (p->url[0] != '\0') surface_block(s, STYLE_BOLD, "    ", p->url, strlen(p->url), 4);
  for (size_t i = 0; p->n_diffs == 0 && i < p->n_paths && i < 8; i++)
    surface_block(s, STYLE_PLAIN, "    ", (const char *)p->paths[i].data, p->paths[i].len, 1);
  for (size_t i = 0; i < p->n_diffs; i++) surface_diff(s, p->diffs[i]);
  if (p->place == REMOTE__V1__PLACE__PLACE_OUTSIDE_WORKSPACE)
    surface_line(s, STYLE_RED, "    ", outside);
  if (p->risk[0] != '\0') surface_line(s, STYLE_RED, "    ", p->risk);
}

static void show(surface *s, const shown_ask *slot) {
  const Remote__V1__Ask *ask = slot->ask;
  char lead[32];
  snprintf(lead, sizeof lead, "? #%u ", slot->number);
  switch ((int)ask->kind_case) {
    case REMOTE__V1__ASK__KIND_PERMISSION:
      show_permission(s, slot, lead);
      break;
    case REMOTE__V1__ASK__KIND_QUESTION:
      surface_line(s, STYLE_YELLOW, lead, ask->question->text);
      break;
    case REMOTE__V1__ASK__KIND_PLAN:
      surface_line(s, STYLE_YELLOW, lead, ask->plan->summary);
      surface_block(s, STYLE_PLAIN, "    ", ask->plan->text, strlen(ask->plan->text), 200);
      break;
    case REMOTE__V1__ASK__KIND_FORM:
      surface_line(s, STYLE_YELLOW, lead, ask->form->text);
      show_form(s, slot);
      break;
    case REMOTE__V1__ASK__KIND_OPEN_URL:
      surface_line(s, STYLE_YELLOW, lead, ask->open_url->text);
      surface_block(s, STYLE_BOLD, "    ", ask->open_url->url, strlen(ask->open_url->url), 40);
      break;
    case REMOTE__V1__ASK__KIND_LIMIT:
      surface_line(s, STYLE_YELLOW, lead, ask->limit->text);
      break;
    default:
      surface_line(s, STYLE_YELLOW, lead, "the agent asks something this version does not know");
      break;
  }
  if (ask->why[0] != '\0') surface_line(s, STYLE_DIM, "    ", ask->why);
  show_options(s, ask);
}

void surface_ask_opened(surface *s, const Remote__V1__Ask *ask) {
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++) {
    shown_ask *slot = &s->asks[i];
    if (slot->number != 0) continue;
    slot->ask = copy_ask(ask);
    if (slot->ask == NULL) return;
    slot->number = ++s->ask_count;
    show(s, slot);
    surface_prompt(s);
    return;
  }
}

size_t surface_open_asks(const surface *s) {
  size_t count = 0;
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++) count += s->asks[i].number != 0;
  return count;
}

void surface_show_asks(surface *s) {
  if (surface_open_asks(s) == 0) surface_say(s, "nothing is asked");
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++)
    if (s->asks[i].number != 0) show(s, &s->asks[i]);
}

/* ---- the end of an ask ---- */

static const char *outcome_text(const Remote__V1__AskResolved *resolved) {
  switch ((int)resolved->outcome) {
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_EXPIRED:
      return "nobody answered in time";
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN:
      return "taken back";
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_CANCELLED:
      return "cancelled";
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ORPHANED:
      return "the agent that asked is gone";
    default:
      return "ended";
  }
}

static const char *chosen_label(const Remote__V1__Ask *ask, const Remote__V1__AnswerContent *a) {
  if (a == NULL) return "";
  for (size_t i = 0; i < ask->n_options; i++)
    if (strcmp(ask->options[i]->option_id, a->option_id) == 0) return ask->options[i]->label;
  if (a->declined) return "declined";
  if (a->text[0] != '\0') return a->text;
  return a->json[0] != '\0' ? a->json : a->option_id;
}

void surface_ask_resolved(surface *s, const Remote__V1__AskResolved *resolved) {
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++) {
    shown_ask *slot = &s->asks[i];
    if (slot->number == 0 || !has_id(slot->ask, &resolved->ask_id)) continue;
    char lead[32], who[160], text[512];
    snprintf(lead, sizeof lead, "  #%u ", slot->number);
    surface_actor(resolved->by, who, sizeof who);
    if (resolved->outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED)
      snprintf(text, sizeof text, "answered by %s: %.200s", who,
               chosen_label(slot->ask, resolved->answer));
    else
      snprintf(text, sizeof text, "%s%s%.200s", outcome_text(resolved),
               resolved->reason[0] != '\0' ? ": " : "", resolved->reason);
    surface_line(s, STYLE_DIM, lead, text);
    if (resolved->by != NULL && !resolved->by->local) {
      s->ask_closed_ns = uv_hrtime();
      snprintf(s->ask_closed_by, sizeof s->ask_closed_by, "%s", who);
    }
    slot_free(slot);
    return;
  }
}

/* ---- reading answers ---- */

static shown_ask *find_number(surface *s, unsigned number) {
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++)
    if (number != 0 && s->asks[i].number == number) return &s->asks[i];
  return NULL;
}

static shown_ask *only_ask(surface *s) {
  shown_ask *found = NULL;
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++) {
    if (s->asks[i].number == 0) continue;
    if (found != NULL) return NULL;
    found = &s->asks[i];
  }
  return found;
}

static bool all_digits(const char *text) {
  size_t n = strspn(text, "0123456789");
  return n > 0 && n < 6 && text[n] == '\0';
}

static const char *option_of_kind(const Remote__V1__Ask *ask, int kind) {
  for (size_t i = 0; i < ask->n_options; i++)
    if ((int)ask->options[i]->kind == kind) return ask->options[i]->option_id;
  return NULL;
}

bool surface_ask_rejection(const surface *s, size_t index, lrm_id *ask_id, char option[128]) {
  for (size_t i = 0; i < SHOWN_ASKS_MAX; i++) {
    if (s->asks[i].number == 0 || index-- > 0) continue;
    const Remote__V1__Ask *ask = s->asks[i].ask;
    const char *no = option_of_kind(ask, OPTION(REJECT_ONCE));
    if (no == NULL) no = option_of_kind(ask, OPTION(REJECT_ALWAYS));
    snprintf(option, 128, "%s", no != NULL ? no : "");
    return lrm_id_from(ask->ask_id.data, ask->ask_id.len, ask_id) == 0;
  }
  return false;
}

/* A form with one field takes a word for its content; one with several takes JSON only. */
static bool answer_form(surface *s, const Remote__V1__Ask *ask, const char *word,
                        surface_answer *out) {
  const Remote__V1__FormField *field = only_field(ask);
  json_t *given = word[0] == '{' ? json_loads(word, 0, NULL) : NULL;
  if (given == NULL && field != NULL) {
    json_t *value = json_string(word);
    if (field->type == REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_BOOLEAN)
      value = json_boolean(strcmp(word, "true") == 0 || strcmp(word, "yes") == 0);
    else if (field->type == REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_MULTIPLE)
      value = json_pack("[o]", value);
    else if (field->type == REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_NUMBER ||
             field->type == REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_INTEGER)
      value = json_loads(word, JSON_DECODE_ANY, NULL);
    if (value != NULL) given = json_pack("{s:o}", field->name, value);
  }
  char *text = json_is_object(given) ? json_dumps(given, JSON_COMPACT) : NULL;
  json_decref(given);
  if (text == NULL) return false;
  snprintf(s->answer_text, sizeof s->answer_text, "%s", text);
  free(text);
  out->json = s->answer_text;
  return true;
}

static surface_reading answer_word(surface *s, const shown_ask *slot, const char *word,
                                   surface_answer *out) {
  bool free_text =
      slot->ask->kind_case == REMOTE__V1__ASK__KIND_FORM ||
      (slot->ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION && slot->ask->question->free_text) ||
      (slot->ask->kind_case == REMOTE__V1__ASK__KIND_LIMIT && slot->ask->limit->free_text);
  if (all_digits(word)) {
    unsigned long n = strtoul(word, NULL, 10);
    if (n >= 1 && n <= option_count(slot->ask)) {
      out->option_id = option_value(slot->ask, n - 1);
      if (slot->ask->n_options > 0) return SURFACE_ANSWER;
      word = out->option_id; /* the choice of a form */
      out->option_id = "";
    }
  }
  const char *yes = strcasecmp(word, "y") == 0 || strcasecmp(word, "yes") == 0
                        ? option_of_kind(slot->ask, OPTION(ALLOW_ONCE))
                        : NULL;
  bool no = strcasecmp(word, "n") == 0 || strcasecmp(word, "no") == 0;
  const char *rejection = no ? option_of_kind(slot->ask, OPTION(REJECT_ONCE)) : NULL;
  if (yes != NULL || rejection != NULL) {
    out->option_id = yes != NULL ? yes : rejection;
    return SURFACE_ANSWER;
  }
  if (no && free_text) {
    out->declined = true;
    return SURFACE_ANSWER;
  }
  if (slot->ask->kind_case == REMOTE__V1__ASK__KIND_FORM) {
    if (answer_form(s, slot->ask, word, out)) return SURFACE_ANSWER;
    surface_say(s, "#%u wants {\"NAME\": VALUE, …}", slot->number);
    return SURFACE_SAID;
  }
  if (free_text) {
    snprintf(s->answer_text, sizeof s->answer_text, "%s", word);
    out->text = s->answer_text;
    return SURFACE_ANSWER;
  }
  surface_say(s, "#%u has no option %.60s; take one of 1 to %zu", slot->number, word,
              option_count(slot->ask));
  return SURFACE_SAID;
}

static bool is_short_answer(const char *line) {
  return all_digits(line) || strcasecmp(line, "y") == 0 || strcasecmp(line, "n") == 0 ||
         strcasecmp(line, "yes") == 0 || strcasecmp(line, "no") == 0;
}

surface_reading surface_read_answer(surface *s, const char *line, surface_answer *out) {
  shown_ask *slot;
  *out = (surface_answer){.option_id = "", .text = "", .json = ""};
  while (*line == ' ') line++;
  if (line[0] == '#' && isdigit((unsigned char)line[1])) {
    char *rest;
    unsigned long number = strtoul(line + 1, &rest, 10);
    while (*rest == ' ') rest++;
    slot = number < 1000000 ? find_number(s, (unsigned)number) : NULL;
    if (slot == NULL) {
      surface_say(s, "#%lu is not open", number);
      return SURFACE_SAID;
    }
    line = rest;
  } else if (!is_short_answer(line)) {
    return SURFACE_NOT_ASK;
  } else if (surface_open_asks(s) == 0) {
    /* Typed for an ask that somebody else was quicker to answer: not a prompt. */
    if (uv_hrtime() - s->ask_closed_ns > DISMISSED_NS || s->ask_closed_ns == 0)
      return SURFACE_NOT_ASK;
    surface_say(s, "that was just answered by %s; \"%s\" was not sent", s->ask_closed_by, line);
    return SURFACE_SAID;
  } else {
    slot = only_ask(s);
    if (slot == NULL) {
      surface_say(s, "%zu asks are open: answer with #ASK OPTION, for example #%u 1",
                  surface_open_asks(s), s->ask_count);
      return SURFACE_SAID;
    }
  }
  if (lrm_id_from(slot->ask->ask_id.data, slot->ask->ask_id.len, &out->ask_id) != 0)
    return SURFACE_SAID;
  return answer_word(s, slot, line, out);
}

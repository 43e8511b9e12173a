#include "ask_desk.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask_text.h"
#include "event_words.h"
#include "memory.h"
#include "terminal_text.h"

#define OPTION(x) REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_##x
#define FIELD(x) REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_##x
#define CLOSED_NS (UINT64_C(5) * 1000000000)

/* The generated structs want writable texts; nobody writes to them. */
static char *borrow(const char *text) {
  union {
    const char *in;
    char *out;
  } both = {.in = text};
  return both.out;
}

/* ---- the open ones ---- */

void ask_desk_init(ask_desk *d) { memset(d, 0, sizeof *d); }

static void end_form(ask_desk *d) {
  json_decref(d->form_values);
  d->form_values = NULL;
  memset(&d->form, 0, sizeof d->form);
}

static void forget(ask_desk *d, size_t at) {
  if (lrm_id_equal(&d->form, &d->asks[at].id)) end_form(d);
  if (lrm_id_equal(&d->focus, &d->asks[at].id) || at == 0) d->choice = 0;
  remote__v1__ask__free_unpacked(d->asks[at].ask, NULL);
  memmove(d->asks + at, d->asks + at + 1, (--d->count - at) * sizeof *d->asks);
}

void ask_desk_free(ask_desk *d) {
  while (d->count > 0) forget(d, d->count - 1);
  end_form(d);
}

static Remote__V1__Ask *copy_ask(const Remote__V1__Ask *ask) {
  size_t bytes = remote__v1__ask__get_packed_size(ask);
  uint8_t *packed = memory_zero(bytes);
  remote__v1__ask__pack(ask, packed);
  Remote__V1__Ask *copy = remote__v1__ask__unpack(NULL, bytes, packed);
  free(packed);
  return copy;
}

static size_t find_id(const ask_desk *d, const lrm_id *id) {
  for (size_t i = 0; i < d->count; i++)
    if (lrm_id_equal(&d->asks[i].id, id)) return i;
  return SIZE_MAX;
}

void ask_desk_opened(ask_desk *d, const Remote__V1__Ask *ask, unsigned number) {
  lrm_id id;
  if (number == 0 || lrm_id_from(ask->ask_id.data, ask->ask_id.len, &id) != 0) return;
  if (find_id(d, &id) != SIZE_MAX || d->count == ASK_DESK_MAX) return;
  Remote__V1__Ask *copy = copy_ask(ask);
  if (copy != NULL) d->asks[d->count++] = (desk_ask){number, id, copy};
}

void ask_desk_resolved(ask_desk *d, const Remote__V1__AskResolved *resolved, uint64_t now_ns) {
  lrm_id id;
  if (lrm_id_from(resolved->ask_id.data, resolved->ask_id.len, &id) != 0) return;
  size_t at = find_id(d, &id);
  if (at == SIZE_MAX) return;
  d->closed_number = d->asks[at].number;
  d->closed_ns = now_ns > 0 ? now_ns : 1;
  bool here = d->local && resolved->by != NULL && resolved->by->local;
  actor_text(here ? NULL : resolved->by, d->closed_by, sizeof d->closed_by);
  forget(d, at);
}

void ask_desk_sync(ask_desk *d, Remote__V1__Ask *const *asks, size_t count,
                   unsigned (*number)(void *user, const Remote__V1__Ask *ask), void *user) {
  for (size_t i = d->count; i-- > 0;) {
    bool open = false;
    for (size_t k = 0; k < count && !open; k++)
      open = asks[k]->ask_id.len == sizeof d->asks[i].id.bytes &&
             memcmp(asks[k]->ask_id.data, d->asks[i].id.bytes, sizeof d->asks[i].id.bytes) == 0;
    if (!open) forget(d, i);
  }
  for (size_t k = 0; k < count; k++) ask_desk_opened(d, asks[k], number(user, asks[k]));
}

const desk_ask *ask_desk_by_number(const ask_desk *d, unsigned number) {
  for (size_t i = 0; i < d->count; i++)
    if (d->asks[i].number == number) return &d->asks[i];
  return NULL;
}

const desk_ask *ask_desk_only(const ask_desk *d) { return d->count == 1 ? &d->asks[0] : NULL; }

const desk_ask *ask_desk_focused(const ask_desk *d) {
  size_t at = find_id(d, &d->focus);
  if (d->count == 0) return NULL;
  return &d->asks[at != SIZE_MAX ? at : 0];
}

/* ---- options ---- */

/* The choices of a form with one field stand for options. */
static const Remote__V1__FormField *only_field(const Remote__V1__Ask *ask) {
  if (ask->kind_case != REMOTE__V1__ASK__KIND_FORM || ask->form->n_fields != 1) return NULL;
  return ask->form->fields[0];
}

size_t ask_option_count(const Remote__V1__Ask *ask) {
  const Remote__V1__FormField *field = only_field(ask);
  if (ask->n_options > 0 || field == NULL) return ask->n_options;
  return field->type == FIELD(BOOLEAN) ? 2 : field->n_choices;
}

const char *ask_option_label(const Remote__V1__Ask *ask, size_t index) {
  const Remote__V1__FormField *field = only_field(ask);
  if (ask->n_options > 0)
    return ask->options[index]->label[0] != '\0' ? ask->options[index]->label
                                                 : ask->options[index]->option_id;
  if (field->n_choices == 0) return index == 0 ? "yes" : "no";
  return field->choices[index]->label[0] != '\0' ? field->choices[index]->label
                                                 : field->choices[index]->value;
}

static const char *option_value(const Remote__V1__Ask *ask, size_t index) {
  const Remote__V1__FormField *field = only_field(ask);
  if (ask->n_options > 0) return ask->options[index]->option_id;
  if (field->n_choices == 0) return index == 0 ? "true" : "false";
  return field->choices[index]->value;
}

const char *ask_rejection(const Remote__V1__Ask *ask) {
  const char *always = "";
  for (size_t i = 0; i < ask->n_options; i++) {
    if (ask->options[i]->kind == OPTION(REJECT_ONCE)) return ask->options[i]->option_id;
    if (ask->options[i]->kind == OPTION(REJECT_ALWAYS)) always = ask->options[i]->option_id;
  }
  return always;
}

static bool takes_words(const Remote__V1__Ask *ask) {
  return (ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION && ask->question->free_text) ||
         (ask->kind_case == REMOTE__V1__ASK__KIND_LIMIT && ask->limit->free_text);
}

static bool can_be_declined(const Remote__V1__Ask *ask) {
  return ask->kind_case == REMOTE__V1__ASK__KIND_FORM ||
         ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL ||
         ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION || ask->n_options == 0;
}

/* ---- answers ---- */

static void begin_answer(ask_answer *out, const desk_ask *slot) {
  *out = (ask_answer){.ask_id = slot->id, .content = REMOTE__V1__ANSWER_CONTENT__INIT};
}

static desk_reading complain(ask_desk *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static desk_reading complain(ask_desk *d, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(d->said, sizeof d->said, format, arguments);
  va_end(arguments);
  return DESK_SAID;
}

static bool all_digits(const char *text) {
  size_t n = strspn(text, "0123456789");
  return n > 0 && n < 6 && text[n] == '\0';
}

static json_t *field_value(const Remote__V1__FormField *field, const char *word) {
  json_t *value = NULL;
  bool yes =
      strcasecmp(word, "true") == 0 || strcasecmp(word, "yes") == 0 || strcasecmp(word, "y") == 0;
  bool no =
      strcasecmp(word, "false") == 0 || strcasecmp(word, "no") == 0 || strcasecmp(word, "n") == 0;
  switch ((int)field->type) {
    case FIELD(BOOLEAN):
      return yes || no ? json_boolean(yes) : NULL;
    case FIELD(NUMBER):
    case FIELD(INTEGER):
      value = json_loads(word, JSON_DECODE_ANY, NULL);
      if (field->type == FIELD(INTEGER) ? json_is_integer(value) : json_is_number(value))
        return value;
      json_decref(value);
      return NULL;
    case FIELD(MULTIPLE): {
      char *copy = memory_string(word), *rest = copy, *part;
      value = json_array();
      while ((part = strsep(&rest, ",")) != NULL) {
        while (*part == ' ') part++;
        size_t n = strlen(part);
        while (n > 0 && part[n - 1] == ' ') part[--n] = '\0';
        unsigned long number = all_digits(part) ? strtoul(part, NULL, 10) : 0;
        if (number >= 1 && number <= field->n_choices) part = field->choices[number - 1]->value;
        if (*part != '\0') json_array_append_new(value, json_string(part));
      }
      free(copy);
      return value;
    }
    case FIELD(CHOICE): {
      unsigned long number = all_digits(word) ? strtoul(word, NULL, 10) : 0;
      for (size_t i = 0; i < field->n_choices; i++)
        if (strcmp(field->choices[i]->value, word) == 0 ||
            strcasecmp(field->choices[i]->label, word) == 0 || number == i + 1)
          return json_string(field->choices[i]->value);
      return field->n_choices == 0 ? json_string(word) : NULL;
    }
    default:
      return json_string(word);
  }
}

static bool put_json(ask_desk *d, json_t *object, ask_answer *out) {
  char *text = json_is_object(object) ? json_dumps(object, JSON_COMPACT) : NULL;
  bool fits = text != NULL && strlen(text) < sizeof d->text;
  if (fits) snprintf(d->text, sizeof d->text, "%s", text);
  free(text);
  out->content.json = d->text;
  return fits;
}

/* A form with one field takes a word for its content; any takes a JSON object. */
static bool answer_form(ask_desk *d, const Remote__V1__Ask *ask, const char *word,
                        ask_answer *out) {
  const Remote__V1__FormField *field = only_field(ask);
  json_t *given = word[0] == '{' ? json_loads(word, 0, NULL) : NULL;
  if (given == NULL && field != NULL) {
    json_t *value = field_value(field, word);
    if (value != NULL) given = json_pack("{s:o}", field->name, value);
  }
  bool good = put_json(d, given, out);
  json_decref(given);
  return good;
}

/* "1,3" where several may be chosen. */
static bool take_several(ask_desk *d, const Remote__V1__Ask *ask, const char *word,
                         ask_answer *out) {
  bool multiple = ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION && ask->question->multiple;
  size_t count = 0;
  if (!multiple || strspn(word, "0123456789, ") != strlen(word)) return false;
  for (const char *at = word; *at != '\0';) {
    char *end;
    unsigned long n = strtoul(at, &end, 10);
    if (end == at || n < 1 || n > ask->n_options || count > ASK_DESK_MORE_MAX) return false;
    if (count == 0)
      out->content.option_id = ask->options[n - 1]->option_id;
    else
      d->more[count - 1] = ask->options[n - 1]->option_id;
    count++;
    at = end + strspn(end, ", ");
  }
  out->content.more_option_ids = d->more;
  out->content.n_more_option_ids = count > 0 ? count - 1 : 0;
  return count > 0;
}

static bool put_text(ask_desk *d, const char *text, ask_answer *out) {
  if (strlen(text) > 16384) return false;
  snprintf(d->text, sizeof d->text, "%s", text);
  out->content.text = d->text;
  return true;
}

static desk_reading wrong_option(ask_desk *d, const desk_ask *slot, const char *word) {
  size_t count = ask_option_count(slot->ask);
  if (count == 0) return complain(d, "#%u is answered with y or n", slot->number);
  return complain(d, "#%u has no option %.60s; take one of 1 to %zu", slot->number, word, count);
}

static desk_reading no_answer(ask_desk *d, const desk_ask *slot, ask_answer *out) {
  const char *rejection = ask_rejection(slot->ask);
  if (rejection[0] != '\0')
    out->content.option_id = borrow(rejection);
  else if (can_be_declined(slot->ask))
    out->content.declined = true;
  else
    return complain(d, "#%u has no option that says no; choose one", slot->number);
  return DESK_ANSWER;
}

static desk_reading yes_answer(ask_desk *d, const desk_ask *slot, ask_answer *out) {
  const Remote__V1__AskOption *once = ask_once_option(slot->ask, 1);
  if (once != NULL)
    out->content.option_id = once->option_id;
  else if (slot->ask->kind_case != REMOTE__V1__ASK__KIND_OPEN_URL)
    return complain(d, "#%u has no single option that says yes once; choose one", slot->number);
  return DESK_ANSWER;
}

static bool says(const char *word, const char *letter, const char *whole) {
  return strcasecmp(word, letter) == 0 || strcasecmp(word, whole) == 0;
}

/* An option's number with what follows as a comment, when it is one. */
static bool take_commented(ask_desk *d, const Remote__V1__Ask *ask, const char *word,
                           ask_answer *out) {
  size_t digits = strspn(word, "0123456789");
  if (digits == 0 || digits > 4 || word[digits] != ' ' || ask->n_options == 0) return false;
  unsigned long n = strtoul(word, NULL, 10);
  if (n < 1 || n > ask->n_options || strlen(word + digits) > 4096) return false;
  out->content.option_id = ask->options[n - 1]->option_id;
  snprintf(d->text, sizeof d->text, "%s", word + digits + strspn(word + digits, " "));
  out->content.comment = d->text;
  return true;
}

static desk_reading answer_word(ask_desk *d, const desk_ask *slot, const char *word,
                                ask_answer *out) {
  const Remote__V1__Ask *ask = slot->ask;
  size_t options = ask_option_count(ask);
  begin_answer(out, slot);
  if (all_digits(word) && options > 0) {
    unsigned long n = strtoul(word, NULL, 10);
    if (n < 1 || n > options) return wrong_option(d, slot, word);
    if (ask->n_options > 0) {
      out->content.option_id = ask->options[n - 1]->option_id;
      return DESK_ANSWER;
    }
    word = option_value(ask, n - 1); /* the choice of a form */
    return answer_form(d, ask, word, out) ? DESK_ANSWER : wrong_option(d, slot, word);
  }
  const Remote__V1__AskOption *named = ask_find_option(ask, word, 0);
  if (named != NULL) {
    out->content.option_id = named->option_id;
    return DESK_ANSWER;
  }
  const Remote__V1__FormField *field = only_field(ask);
  bool boolean = field != NULL && field->type == FIELD(BOOLEAN);
  if (says(word, "y", "yes") && !boolean && !takes_words(ask) && field == NULL)
    return yes_answer(d, slot, out);
  if (says(word, "n", "no") && !boolean) return no_answer(d, slot, out);
  if (take_several(d, ask, word, out) || take_commented(d, ask, word, out)) return DESK_ANSWER;
  if (ask->kind_case == REMOTE__V1__ASK__KIND_FORM) {
    if (answer_form(d, ask, word, out)) return DESK_ANSWER;
    if (field != NULL) return complain(d, "#%u does not take that value", slot->number);
    return complain(d, "#%u wants {\"NAME\": VALUE, …}; #%u alone asks field by field",
                    slot->number, slot->number);
  }
  if (takes_words(ask))
    return put_text(d, word, out) ? DESK_ANSWER
                                  : complain(d, "an answer may have 16 KiB; that has more");
  return wrong_option(d, slot, word);
}

/* ---- forms, field by field ---- */

static const desk_ask *form_ask(const ask_desk *d) {
  size_t at = lrm_id_none(&d->form) ? SIZE_MAX : find_id(d, &d->form);
  return at != SIZE_MAX ? &d->asks[at] : NULL;
}

static const char *field_type(const Remote__V1__FormField *f) {
  static const char *const types[] = {"text",      "text",   "number",         "whole number",
                                      "yes or no", "choice", "choices, with ,"};
  return types[(size_t)f->type < 7 ? (size_t)f->type : 0];
}

const char *ask_desk_form_text(ask_desk *d) {
  const desk_ask *slot = form_ask(d);
  char name[200];
  if (slot == NULL) return NULL;
  const Remote__V1__FormField *f = slot->ask->form->fields[d->form_field];
  const char *title = f->title[0] != '\0' ? f->title : f->name;
  terminal_text_copy(name, sizeof name, title, strlen(title), TERMINAL_TEXT_ONE_LINE);
  size_t n = (size_t)snprintf(d->said, sizeof d->said, "#%u %zu/%zu %s (%s%s)", slot->number,
                              d->form_field + 1, slot->ask->form->n_fields, name, field_type(f),
                              f->required ? "" : ", may be empty");
  for (size_t i = 0; i < f->n_choices && n < sizeof d->said - 200; i++) {
    const char *label =
        f->choices[i]->label[0] != '\0' ? f->choices[i]->label : f->choices[i]->value;
    terminal_text_copy(name, 100, label, strlen(label), TERMINAL_TEXT_ONE_LINE);
    n += (size_t)snprintf(d->said + n, sizeof d->said - n, "%s %zu %s", i > 0 ? "," : ":", i + 1,
                          name);
  }
  if (f->default_json[0] != '\0' && n < sizeof d->said - 200) {
    terminal_text_copy(name, sizeof name, f->default_json, strlen(f->default_json),
                       TERMINAL_TEXT_ONE_LINE);
    snprintf(d->said + n, sizeof d->said - n, "; Enter alone: %s", name);
  }
  return d->said;
}

static desk_reading form_line(ask_desk *d, const char *line, ask_answer *out) {
  const desk_ask *slot = form_ask(d);
  const Remote__V1__FormField *field = slot->ask->form->fields[d->form_field];
  if (strcmp(line, "#") == 0) {
    end_form(d);
    return complain(d, "the form is left open; #%u begins again", slot->number);
  }
  if (line[0] != '\0') {
    json_t *value = field_value(field, line);
    if (value == NULL)
      return complain(d, "that is no value for %.100s (%s)", field->name, field_type(field));
    json_object_set_new(d->form_values, field->name, value);
  } else if (field->default_json[0] != '\0') {
    json_t *value = json_loads(field->default_json, JSON_DECODE_ANY, NULL);
    if (value != NULL) json_object_set_new(d->form_values, field->name, value);
  } else if (field->required) {
    return complain(d, "%.100s has to be given; # alone stops", field->name);
  }
  if (++d->form_field < slot->ask->form->n_fields) {
    (void)ask_desk_form_text(d);
    return DESK_SAID;
  }
  begin_answer(out, slot);
  bool good = put_json(d, d->form_values, out);
  end_form(d);
  return good ? DESK_ANSWER : complain(d, "the form's answers are over 32 KiB");
}

static desk_reading begin_form(ask_desk *d, const desk_ask *slot) {
  bool form = slot->ask->kind_case == REMOTE__V1__ASK__KIND_FORM && slot->ask->form->n_fields > 0;
  if (!form) return complain(d, "write #%u and an option", slot->number);
  end_form(d);
  d->form = slot->id;
  d->form_field = 0;
  d->form_values = json_object();
  (void)ask_desk_form_text(d);
  return DESK_SAID;
}

/* ---- lines ---- */

void ask_desk_begin(ask_desk *d) {
  const desk_ask *only = ask_desk_only(d);
  memset(&d->armed, 0, sizeof d->armed);
  if (only != NULL) d->armed = only->id;
  d->begun = true;
}

void ask_desk_end(ask_desk *d) { d->begun = false; }

static bool is_short(const char *line) {
  return all_digits(line) || says(line, "y", "yes") || says(line, "n", "no");
}

/* What a bare number was meant for is gone: it is not sent, as an answer or as a prompt. */
static desk_reading gone(ask_desk *d, const char *line) {
  if (d->closed_by[0] == '\0')
    return complain(d, "what was asked is no longer open; \"%s\" was not sent", line);
  return complain(d, "#%u was just answered, %s; \"%s\" was not sent", d->closed_number,
                  d->closed_by, line);
}

static desk_reading read_short(ask_desk *d, const char *line, uint64_t now_ns, ask_answer *out) {
  const desk_ask *only = ask_desk_only(d);
  bool armed = d->begun && !lrm_id_none(&d->armed);
  if (armed && find_id(d, &d->armed) == SIZE_MAX) return gone(d, line);
  if (d->count == 0) {
    bool just_now =
        d->closed_ns != 0 && now_ns - d->closed_ns < CLOSED_NS && d->closed_by[0] != '\0';
    /* Somebody else was quicker: surely not a prompt. */
    return just_now ? gone(d, line) : DESK_NOT_ASK;
  }
  if (only == NULL)
    return complain(d, "%zu questions are open: answer with #NUMBER OPTION, for example #%u 1",
                    d->count, d->asks[0].number);
  if (d->begun && !lrm_id_equal(&d->armed, &only->id))
    return complain(d, "#%u came while you wrote; look, and answer again", only->number);
  return answer_word(d, only, line, out);
}

desk_reading ask_desk_read(ask_desk *d, const char *line, uint64_t now_ns, ask_answer *out) {
  const desk_ask *slot = form_ask(d);
  if (slot != NULL && line[0] != '/' && !(line[0] == '#' && isdigit((unsigned char)line[1])))
    return form_line(d, line, out);
  if (line[0] != '#' || !isdigit((unsigned char)line[1]))
    return is_short(line) ? read_short(d, line, now_ns, out) : DESK_NOT_ASK;
  char *rest;
  unsigned long number = strtoul(line + 1, &rest, 10);
  while (*rest == ' ') rest++;
  slot = number < 1000000000 ? ask_desk_by_number(d, (unsigned)number) : NULL;
  if (slot == NULL && number == d->closed_number && number != 0 && d->closed_by[0] != '\0')
    return gone(d, line);
  if (slot == NULL) return complain(d, "#%lu is not open", number);
  return *rest == '\0' ? begin_form(d, slot) : answer_word(d, slot, rest, out);
}

desk_reading ask_desk_judge(ask_desk *d, unsigned number, bool yes, ask_answer *out) {
  const desk_ask *slot = number != 0 ? ask_desk_by_number(d, number) : ask_desk_only(d);
  if (slot == NULL && number != 0) return complain(d, "#%u is not open", number);
  if (slot == NULL)
    return complain(d, d->count == 0 ? "nothing is asked" : "several questions are open: name one");
  begin_answer(out, slot);
  return yes ? yes_answer(d, slot, out) : no_answer(d, slot, out);
}

/* ---- keys ---- */

bool ask_desk_step(ask_desk *d, int step) {
  const desk_ask *slot = ask_desk_focused(d);
  size_t count = slot != NULL ? ask_option_count(slot->ask) : 0;
  if (count == 0) return false;
  d->focus = slot->id;
  if (d->choice == 0)
    d->choice = step > 0 ? 1 : count;
  else
    d->choice = (d->choice - 1 + (step > 0 ? 1 : count - 1)) % count + 1;
  return true;
}

bool ask_desk_next(ask_desk *d, int step) {
  const desk_ask *slot = ask_desk_focused(d);
  if (slot == NULL || d->count < 2) return false;
  size_t at = (size_t)(slot - d->asks);
  d->focus = d->asks[(at + (step > 0 ? 1 : d->count - 1)) % d->count].id;
  d->choice = 0;
  return true;
}

bool ask_desk_chosen(ask_desk *d, ask_answer *out) {
  const desk_ask *slot = ask_desk_focused(d);
  char word[16];
  if (slot == NULL || d->choice == 0 || !lrm_id_equal(&d->focus, &slot->id)) return false;
  snprintf(word, sizeof word, "%zu", d->choice);
  d->choice = 0;
  return answer_word(d, slot, word, out) == DESK_ANSWER;
}

bool ask_desk_give_up(ask_desk *d) {
  bool something = d->choice != 0 || form_ask(d) != NULL;
  d->choice = 0;
  end_form(d);
  return something;
}

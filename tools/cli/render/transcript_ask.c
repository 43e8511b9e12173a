/* Asks as cards: what is asked, all that is needed to decide, and what can be answered. Everything
 * in a card that somebody else wrote is shown with what is hidden in it. Then how it ended, and by
 * whom. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ask_text.h"
#include "event_words.h"
#include "remote/types.h"
#include "transcript_internal.h"

#define DECIDE (TERMINAL_TEXT_NAMED | TERMINAL_TEXT_ONE_LINE)
#define CARD_TITLE_BYTES_MAX 300

/* ---- numbers and labels ---- */

transcript_known_ask *transcript_find_ask(transcript *t, const uint8_t *id, size_t bytes) {
  for (size_t i = 0; i < TRANSCRIPT_ASKS_MAX; i++)
    if (t->asks[i].number && bytes == sizeof t->asks[i].id && !memcmp(t->asks[i].id, id, bytes))
      return &t->asks[i];
  return NULL;
}

static uint64_t id_hash(const char *id) {
  return transcript_hash(TRANSCRIPT_HASH_START, id, strlen(id));
}

unsigned transcript_ask_number(transcript *t, const Remote__V1__Ask *ask) {
  transcript_known_ask *known = transcript_find_ask(t, ask->ask_id.data, ask->ask_id.len);
  if (known) return known->number;
  if (ask->ask_id.len != sizeof known->id) return 0;
  known = &t->asks[0];
  for (size_t i = 0; i < TRANSCRIPT_ASKS_MAX; i++)
    if (t->asks[i].number < known->number) known = &t->asks[i];
  *known = (transcript_known_ask){.number = ++t->ask_count};
  memcpy(known->id, ask->ask_id.data, sizeof known->id);
  for (size_t i = 0; i < ask->n_options && i < TRANSCRIPT_OPTIONS_MAX; i++) {
    const Remote__V1__AskOption *option = ask->options[i];
    known->option[i].id_hash = id_hash(option->option_id);
    terminal_text_copy(known->option[i].label, sizeof known->option[i].label, option->label,
                       strlen(option->label), TERMINAL_TEXT_ONE_LINE);
    known->options++;
  }
  return known->number;
}

/* ---- fields ---- */

/* "label: text"; the lines of a longer text stand below each other, behind the label: no text can
 * look like another row of the card. */
static void field(transcript *t, unsigned style, const char *label, const void *text,
                  size_t bytes) {
  if (bytes == 0) return;
  const char *at = text, *end = at + bytes;
  size_t columns = terminal_text_columns(label);
  bool first = true;
  while (at < end || first) {
    const char *stop = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    if (!stop) stop = end;
    if (first)
      transcript_put(t, STYLE_DIM, label);
    else if (!t->options.screen_reader)
      transcript_printf(t, STYLE_PLAIN, "%*s", (int)columns, "");
    wrap_hang(&t->out, (unsigned)columns);
    transcript_foreign(t, style, at, (size_t)(stop - at), DECIDE);
    transcript_end_line(t);
    first = false;
    at = stop + (stop < end);
  }
}

static void text_field(transcript *t, unsigned style, const char *label, const char *text) {
  field(t, style, label, text, strlen(text));
}

/* A command is never wrapped between words: it is what it is. */
static void command_field(transcript *t, const char *command) {
  const char *label = t->options.symbols ? "$ " : "command: ";
  for (bool first = true; *command; first = false) {
    size_t bytes = strcspn(command, "\n");
    if (first)
      transcript_put(t, STYLE_DIM, label);
    else if (!t->options.screen_reader)
      transcript_printf(t, STYLE_PLAIN, "%*s", (int)strlen(label), "");
    wrap_hang(&t->out, (unsigned)strlen(label));
    t->out.hard = true;
    transcript_foreign(t, STYLE_BOLD, command, bytes, DECIDE);
    transcript_end_line(t);
    command += bytes + (command[bytes] == '\n');
  }
}

static void put_permission(transcript *t, const Remote__V1__Ask *ask) {
  const Remote__V1__PermissionAsk *p = ask->permission;
  command_field(t, p->command);
  text_field(t, STYLE_PLAIN, "server: ", p->server);
  text_field(t, STYLE_PLAIN, "tool: ", p->tool);
  text_field(t, STYLE_BOLD, "url: ", p->url);
  for (size_t i = 0; i < p->n_paths; i++) {
    bool told = false; /* by the head of its change */
    for (size_t k = 0; k < p->n_diffs; k++)
      told = told || transcript_same(&p->diffs[k]->path, &p->paths[i]);
    if (!told) field(t, STYLE_PLAIN, "path: ", p->paths[i].data, p->paths[i].len);
  }
  if (p->place == REMOTE__V1__PLACE__PLACE_INSIDE_WORKSPACE)
    text_field(t, STYLE_PLAIN, "place: ", "inside the workspace");
  if (p->place == REMOTE__V1__PLACE__PLACE_OUTSIDE_WORKSPACE)
    text_field(t, STYLE_RED | STYLE_BOLD, "place: ", "OUTSIDE the workspace");
  text_field(t, STYLE_RED, "risk: ", p->risk);
  const transcript_tool *tool = NULL;
  if (ask->tool_call_id[0]) tool = transcript_find_tool(t, ask->tool_call_id);
  for (size_t i = 0; i < p->n_diffs; i++)
    transcript_diff(t, p->diffs[i], 0, tool ? tool->number : ++t->numbers, true);
  if (p->input && p->input->text[0] && !p->command[0] && !p->n_diffs) {
    text_field(t, STYLE_PLAIN, "input: ", p->input->text);
    if (p->input->asset_id[0]) {
      transcript_put(t, STYLE_YELLOW, "(cut here; the whole input");
      transcript_fetch_words(t, p->input->asset_id);
      transcript_put(t, STYLE_YELLOW, ")\n");
    }
  }
  if (p->one_time_only) transcript_put(t, STYLE_DIM, "(policy allows one-time answers only)\n");
}

static void put_form_field(transcript *t, const Remote__V1__FormField *f, size_t number,
                           size_t count) {
  static const char *const types[] = {"text",   "text",       "number",     "whole number",
                                      "yes/no", "one choice", "any choices"};
  size_t type = (size_t)f->type;
  char lead[48];
  if (t->options.screen_reader)
    snprintf(lead, sizeof lead, "Field %zu of %zu: ", number, count);
  else
    snprintf(lead, sizeof lead, "- ");
  transcript_put(t, STYLE_PLAIN, lead);
  wrap_hang(&t->out, 2);
  transcript_foreign(t, STYLE_BOLD, f->name, strlen(f->name), DECIDE);
  transcript_printf(t, STYLE_DIM, " (%s%s)", types[type < 7 ? type : 0],
                    f->required ? ", required" : "");
  if (f->title[0]) transcript_put(t, STYLE_PLAIN, ": ");
  transcript_foreign(t, STYLE_PLAIN, f->title, strlen(f->title), DECIDE);
  if (f->default_json[0]) transcript_put(t, STYLE_DIM, "; default ");
  transcript_foreign(t, STYLE_DIM, f->default_json, strlen(f->default_json), DECIDE);
  transcript_end_line(t);
  text_field(t, STYLE_DIM, "  ", f->description);
  for (size_t k = 0; k < f->n_choices; k++) {
    const Remote__V1__FormChoice *c = f->choices[k];
    bool labelled = c->label[0] && strcmp(c->label, c->value);
    if (t->options.screen_reader)
      transcript_printf(t, STYLE_PLAIN, "Choice %zu: ", k + 1);
    else if (count == 1)
      transcript_printf(t, STYLE_BOLD, "  [%zu] ", k + 1);
    else
      transcript_put(t, STYLE_PLAIN, "    ");
    wrap_hang(&t->out, 6);
    transcript_foreign(t, STYLE_PLAIN, c->value, strlen(c->value), DECIDE);
    if (labelled) transcript_put(t, STYLE_DIM, " = ");
    if (labelled) transcript_foreign(t, STYLE_DIM, c->label, strlen(c->label), DECIDE);
    transcript_end_line(t);
  }
}

/* Apart from the card's own rows, or its text could add an option. */
static void put_plan(transcript *t, const char *text) {
  if (!text[0]) return;
  if (t->options.screen_reader) transcript_put(t, STYLE_PLAIN, "The plan:\n");
  transcript_gutter(t, transcript_mark_text(t, MARK_QUOTE), STYLE_YELLOW);
  transcript_markdown(t, STYLE_PLAIN, text);
  transcript_gutter(t, transcript_mark_text(t, MARK_CARD), STYLE_YELLOW);
  if (t->options.screen_reader) transcript_put(t, STYLE_PLAIN, "End of the plan.\n");
}

static void put_kind(transcript *t, const Remote__V1__Ask *ask) {
  switch (ask->kind_case) {
    case REMOTE__V1__ASK__KIND_PERMISSION:
      put_permission(t, ask);
      break;
    case REMOTE__V1__ASK__KIND_PLAN:
      put_plan(t, ask->plan->text);
      break;
    case REMOTE__V1__ASK__KIND_FORM:
      for (size_t i = 0; i < ask->form->n_fields; i++)
        put_form_field(t, ask->form->fields[i], i + 1, ask->form->n_fields);
      break;
    case REMOTE__V1__ASK__KIND_OPEN_URL:
      text_field(t, STYLE_BOLD, "open: ", ask->open_url->url);
      break;
    default:
      break;
  }
}

/* ---- options ---- */

static void put_option(transcript *t, const Remote__V1__Ask *ask, size_t index) {
  const Remote__V1__AskOption *option = ask->options[index];
  const char *label = option->label[0] ? option->label : option->option_id;
  char lead[32], kind[24];
  snprintf(kind, sizeof kind, "%s", ask_option_kind_name(option->kind));
  for (char *at = kind; t->options.screen_reader && (at = strchr(at, '_'));) *at = ' ';
  if (t->options.screen_reader)
    snprintf(lead, sizeof lead, "Option %zu: ", index + 1);
  else
    snprintf(lead, sizeof lead, "[%zu] ", index + 1);
  transcript_put(t, STYLE_BOLD, lead);
  wrap_hang(&t->out, 4);
  transcript_foreign(t, STYLE_PLAIN, label, strlen(label), DECIDE);
  if (option->kind && option->kind != REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_OTHER)
    transcript_printf(t, STYLE_DIM, "  (%s)", kind);
  if (ask->kind_case == REMOTE__V1__ASK__KIND_PLAN && ask->plan->recommended[0] &&
      !strcmp(ask->plan->recommended, option->option_id))
    transcript_put(t, STYLE_GREEN, "  (recommended)");
  if (!t->options.answers) {
    transcript_put(t, STYLE_DIM, "  id ");
    transcript_foreign(t, STYLE_DIM, option->option_id, strlen(option->option_id), DECIDE);
  }
  transcript_end_line(t);
  text_field(t, STYLE_DIM, t->options.screen_reader ? "About it: " : "    ", option->description);
}

static bool takes_words(const Remote__V1__Ask *ask) {
  return (ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION && ask->question->free_text) ||
         (ask->kind_case == REMOTE__V1__ASK__KIND_LIMIT && ask->limit->free_text);
}

static void put_hint(transcript *t, const Remote__V1__Ask *ask, unsigned number) {
  size_t count = ask->n_options;
  const Remote__V1__FormAsk *form = NULL;
  if (ask->kind_case == REMOTE__V1__ASK__KIND_FORM) form = ask->form;
  if (!count && form && form->n_fields == 1) count = form->fields[0]->n_choices;
  bool yes = ask_once_option(ask, 1), no = ask_once_option(ask, 0);
  bool words = takes_words(ask) || (form && !count && form->n_fields == 1);
  transcript_put(t, STYLE_DIM, "answer: ");
  if (count) transcript_printf(t, STYLE_DIM, count == 1 ? "1" : "1 to %zu", count);
  if (yes || no)
    transcript_printf(t, STYLE_DIM, "%s%s", count ? ", " : "",
                      yes && no ? "y or n"
                      : yes     ? "y"
                                : "n");
  if (words) transcript_printf(t, STYLE_DIM, "%s#%u WORDS", count ? ", or " : "", number);
  if (form && form->n_fields > 1)
    transcript_printf(t, STYLE_DIM, "#%u {\"NAME\": VALUE, ...}", number);
  if (form) transcript_printf(t, STYLE_DIM, ", or #%u n", number);
  transcript_end_line(t);
}

/* ---- the card ---- */

static void put_card_head(transcript *t, const Remote__V1__Ask *ask, unsigned number,
                          const char *title) {
  char id[9];
  ask_short_id(ask, id);
  if (t->options.screen_reader)
    transcript_printf(t, STYLE_BOLD, "%u, %s: ", number, ask_kind_words(ask));
  else if (number)
    transcript_printf(t, STYLE_BOLD | STYLE_YELLOW, "#%u ", number);
  if (!t->options.screen_reader) transcript_put(t, STYLE_BOLD | STYLE_YELLOW, ask_kind_words(ask));
  if (!t->options.answers && !t->options.screen_reader) transcript_printf(t, STYLE_DIM, " %s", id);
  if (!t->options.screen_reader) transcript_put(t, STYLE_BOLD | STYLE_YELLOW, ": ");
  wrap_hang(&t->out, 2);
  transcript_put(t, STYLE_BOLD, title);
  transcript_end_line(t);
}

void transcript_ask(transcript *t, const Remote__V1__Ask *ask) {
  transcript_ask_as(t, ask, transcript_ask_number(t, ask));
}

void transcript_ask_as(transcript *t, const Remote__V1__Ask *ask, unsigned number) {
  char title[CARD_TITLE_BYTES_MAX];
  const char *plain = ask_plain_title(ask);
  terminal_text_copy(title, sizeof title, plain, strlen(plain), DECIDE);
  t->agent = ask->agent_id;
  transcript_block(t, BLOCK_ASK, transcript_mark_text(t, MARK_ASK), STYLE_YELLOW,
                   transcript_mark_text(t, MARK_CARD), STYLE_YELLOW);
  put_card_head(t, ask, number, title);
  if (strlen(plain) >= sizeof title - 4 || strchr(plain, '\n'))
    text_field(t, STYLE_PLAIN, "text: ", plain);
  put_kind(t, ask);
  text_field(t, STYLE_PLAIN, "why: ", ask->why);
  for (size_t i = 0; i < ask->n_options; i++) put_option(t, ask, i);
  if (t->options.answers)
    put_hint(t, ask, number);
  else if (takes_words(ask))
    transcript_put(t, STYLE_DIM, "(an answer in words is taken too)\n");
  transcript_break(t);
  t->agent = NULL;
}

/* ---- how it ended ---- */

static const char *label_of(const transcript_known_ask *known, const char *option_id) {
  for (size_t i = 0; known && i < known->options; i++)
    if (known->option[i].id_hash == id_hash(option_id) && known->option[i].label[0])
      return known->option[i].label;
  return option_id;
}

static void put_answer(transcript *t, const transcript_known_ask *known,
                       const Remote__V1__AskResolved *resolved) {
  static const char *const kinds[] = {"",
                                      "allowed once",
                                      "allowed for this session",
                                      "allowed here",
                                      "allowed from now on",
                                      "rejected",
                                      "rejected from now on",
                                      ""};
  const Remote__V1__AnswerContent *answer = resolved->answer;
  size_t kind = (size_t)resolved->option_kind;
  transcript_put(t, STYLE_DIM, "answered");
  if (!answer) return;
  transcript_put(t, STYLE_DIM, ": ");
  if (answer->declined) {
    transcript_put(t, STYLE_PLAIN, "declined");
  } else if (kind < sizeof kinds / sizeof *kinds && kinds[kind][0]) {
    transcript_put(t, kind < 5 ? STYLE_GREEN : STYLE_RED, kinds[kind]);
  } else {
    const char *text = answer->option_id[0] ? label_of(known, answer->option_id)
                       : answer->text[0]    ? answer->text
                                            : answer->json;
    const char *quote = text == answer->json ? "" : "\""; /* JSON has its own */
    transcript_put(t, STYLE_PLAIN, quote);
    transcript_foreign(t, STYLE_PLAIN, text, strnlen(text, 200), TERMINAL_TEXT_ONE_LINE);
    transcript_put(t, STYLE_PLAIN, quote);
    for (size_t i = 0; i < answer->n_more_option_ids; i++) {
      transcript_put(t, STYLE_PLAIN, ", \"");
      transcript_words(t, STYLE_PLAIN, label_of(known, answer->more_option_ids[i]));
      transcript_put(t, STYLE_PLAIN, "\"");
    }
  }
}

static void take_resolution(transcript *t, const Remote__V1__AskResolved *resolved) {
  static const char *const ends[] = {"ended",
                                     "answered",
                                     "expired: nobody answered in time",
                                     "taken back by the agent",
                                     "ended with the turn",
                                     "void: the agent that asked is gone"};
  const transcript_known_ask *known =
      transcript_find_ask(t, resolved->ask_id.data, resolved->ask_id.len);
  size_t outcome = (size_t)resolved->outcome;
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  transcript_block(t, BLOCK_NOTE, transcript_mark_text(t, MARK_NOTE), STYLE_DIM, "", STYLE_DIM);
  wrap_hang(&t->out, 2);
  if (known) {
    transcript_printf(t, STYLE_YELLOW,
                      t->options.screen_reader ? "Question %u "
                      : t->options.symbols     ? "#%u "
                                               : "ask #%u ",
                      known->number);
  } else {
    if (lrm_id_from(resolved->ask_id.data, resolved->ask_id.len, &id)) memset(&id, 0, sizeof id);
    lrm_id_hex(&id, hex);
    transcript_printf(t, STYLE_DIM, "ask %.8s ", hex);
  }
  if (outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED)
    put_answer(t, known, resolved);
  else
    transcript_put(t, STYLE_DIM, ends[outcome < sizeof ends / sizeof *ends ? outcome : 0]);
  transcript_put_actor(t, STYLE_DIM, resolved->by);
  if (resolved->reason[0]) transcript_put(t, STYLE_DIM, ": ");
  transcript_words(t, STYLE_DIM, resolved->reason);
  if (resolved->answer && resolved->answer->comment[0]) {
    transcript_put(t, STYLE_DIM, "; comment: ");
    transcript_words(t, STYLE_PLAIN, resolved->answer->comment);
  }
  transcript_break(t);
}

void transcript_ask_event(transcript *t, const Remote__V1__Event *event) {
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASK_RESOLVED)
    take_resolution(t, event->ask_resolved);
  else if (event->ask_opened->ask)
    transcript_ask(t, event->ask_opened->ask);
}

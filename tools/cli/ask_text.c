#include "ask_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "terminal_text.h"

const char *ask_kind_name(const Remote__V1__Ask *ask) {
  switch (ask->kind_case) {
    case REMOTE__V1__ASK__KIND_PERMISSION:
      return "permission";
    case REMOTE__V1__ASK__KIND_QUESTION:
      return "question";
    case REMOTE__V1__ASK__KIND_PLAN:
      return "plan";
    case REMOTE__V1__ASK__KIND_FORM:
      return "form";
    case REMOTE__V1__ASK__KIND_OPEN_URL:
      return "open_url";
    case REMOTE__V1__ASK__KIND_LIMIT:
      return "limit";
    default:
      return "unknown";
  }
}

const char *ask_option_kind_name(Remote__V1__AskOptionKind kind) {
  static const char *const names[] = {"other",          "allow_once",   "allow_session",
                                      "allow_location", "allow_always", "reject_once",
                                      "reject_always",  "other"};
  size_t at = (size_t)kind;
  return at < sizeof names / sizeof *names ? names[at] : names[0];
}

static const char *plain_title(const Remote__V1__Ask *ask) {
  switch (ask->kind_case) {
    case REMOTE__V1__ASK__KIND_PERMISSION:
      return ask->permission->title[0] ? ask->permission->title : ask->permission->command;
    case REMOTE__V1__ASK__KIND_QUESTION:
      return ask->question->text;
    case REMOTE__V1__ASK__KIND_PLAN:
      return ask->plan->summary[0] ? ask->plan->summary : "Review the plan";
    case REMOTE__V1__ASK__KIND_FORM:
      return ask->form->text;
    case REMOTE__V1__ASK__KIND_OPEN_URL:
      return ask->open_url->text;
    case REMOTE__V1__ASK__KIND_LIMIT:
      return ask->limit->text;
    default:
      return "something this program does not know; answer it on another surface";
  }
}

void ask_title(const Remote__V1__Ask *ask, char *out, size_t capacity) {
  const char *title = plain_title(ask);
  terminal_text_copy(out, capacity, title, strlen(title), TERMINAL_TEXT_ONE_LINE);
}

void ask_short_id(const Remote__V1__Ask *ask, char out[9]) {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  if (lrm_id_from(ask->ask_id.data, ask->ask_id.len, &id)) memset(&id, 0, sizeof id);
  lrm_id_hex(&id, hex);
  memcpy(out, hex, 8);
  out[8] = 0;
}

/* "   label: text", further lines indented. Nothing for an empty text. */
static void print_field(FILE *to, const char *label, const void *text, size_t bytes) {
  if (bytes == 0) return;
  fprintf(to, "   %s: ", label);
  const char *at = text, *end = at + bytes;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    terminal_text_print(to, at, (size_t)(stop - at), 0);
    fputc('\n', to);
    at = stop + (stop < end);
    if (at < end) fputs("     ", to);
  }
}

static void print_text(FILE *to, const char *label, const char *text) {
  print_field(to, label, text, strlen(text));
}

static void print_prefixed(FILE *to, char sign, const char *text) {
  while (*text) {
    size_t bytes = strcspn(text, "\n");
    fprintf(to, "   %c ", sign);
    terminal_text_print(to, text, bytes, 0);
    fputc('\n', to);
    text += bytes + (text[bytes] == '\n');
  }
}

static void print_diff(FILE *to, const Remote__V1__Diff *diff) {
  print_field(to, diff->new_file ? "new file" : "change", diff->path.data, diff->path.len);
  print_prefixed(to, '-', diff->old_text);
  print_prefixed(to, '+', diff->new_text);
  if (diff->old_asset_id[0] || diff->new_asset_id[0])
    fputs("   (cut here; the whole text is longer)\n", to);
}

static void print_permission(FILE *to, const Remote__V1__PermissionAsk *p) {
  static const char *const places[] = {NULL, "inside the workspace", "OUTSIDE the workspace"};
  print_text(to, "command", p->command);
  print_text(to, "server", p->server);
  print_text(to, "tool", p->tool);
  print_text(to, "url", p->url);
  for (size_t i = 0; i < p->n_paths; i++)
    print_field(to, "path", p->paths[i].data, p->paths[i].len);
  if ((size_t)p->place < 3 && places[p->place]) print_text(to, "place", places[p->place]);
  print_text(to, "risk", p->risk);
  for (size_t i = 0; i < p->n_diffs; i++) print_diff(to, p->diffs[i]);
  if (p->input && p->input->text[0] && !p->command[0] && !p->n_diffs)
    print_text(to, "input", p->input->text);
  if (p->one_time_only) fputs("   (policy allows one-time answers only)\n", to);
}

static void print_form(FILE *to, const Remote__V1__FormAsk *form) {
  static const char *const types[] = {"string",  "string", "number", "integer",
                                      "boolean", "choice", "choices"};
  for (size_t i = 0; i < form->n_fields; i++) {
    const Remote__V1__FormField *field = form->fields[i];
    size_t type = (size_t)field->type;
    fputs("   - ", to);
    terminal_text_puts(to, field->name, TERMINAL_TEXT_ONE_LINE);
    fprintf(to, " (%s%s)", types[type < 7 ? type : 0], field->required ? ", required" : "");
    if (field->title[0]) fputs(": ", to);
    terminal_text_puts(to, field->title, TERMINAL_TEXT_ONE_LINE);
    if (field->default_json[0]) fputs("; default ", to);
    terminal_text_puts(to, field->default_json, TERMINAL_TEXT_ONE_LINE);
    fputc('\n', to);
    print_text(to, "  about", field->description);
    for (size_t k = 0; k < field->n_choices; k++) {
      fputs("       ", to);
      terminal_text_puts(to, field->choices[k]->value, TERMINAL_TEXT_ONE_LINE);
      if (field->choices[k]->label[0] &&
          strcmp(field->choices[k]->label, field->choices[k]->value)) {
        fputs(" = ", to);
        terminal_text_puts(to, field->choices[k]->label, TERMINAL_TEXT_ONE_LINE);
      }
      fputc('\n', to);
    }
  }
}

void ask_print_options(FILE *to, const Remote__V1__Ask *ask) {
  for (size_t i = 0; i < ask->n_options; i++) {
    const Remote__V1__AskOption *option = ask->options[i];
    fprintf(to, "   [%zu] ", i + 1);
    terminal_text_puts(to, option->label[0] ? option->label : option->option_id,
                       TERMINAL_TEXT_ONE_LINE);
    if (option->kind && option->kind != REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_OTHER)
      fprintf(to, "  (%s)", ask_option_kind_name(option->kind));
    fputs("  id ", to);
    terminal_text_puts(to, option->option_id, TERMINAL_TEXT_ONE_LINE);
    fputc('\n', to);
    print_text(to, "   about", option->description);
  }
}

static int takes_text(const Remote__V1__Ask *ask) {
  return (ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION && ask->question->free_text) ||
         (ask->kind_case == REMOTE__V1__ASK__KIND_LIMIT && ask->limit->free_text);
}

void ask_print(FILE *to, const Remote__V1__Ask *ask, unsigned number) {
  char title[1200], id[9];
  ask_title(ask, title, sizeof title);
  ask_short_id(ask, id);
  if (number)
    fprintf(to, "#%u %s %s: %s\n", number, ask_kind_name(ask), id, title);
  else
    fprintf(to, "%s %s: %s\n", ask_kind_name(ask), id, title);
  if (ask->kind_case == REMOTE__V1__ASK__KIND_PERMISSION) print_permission(to, ask->permission);
  const char *whole = plain_title(ask);
  if (strchr(whole, '\n') || strlen(whole) > 1000) print_text(to, "text", whole);
  if (ask->kind_case == REMOTE__V1__ASK__KIND_PLAN) print_text(to, "plan", ask->plan->text);
  if (ask->kind_case == REMOTE__V1__ASK__KIND_FORM) print_form(to, ask->form);
  if (ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL) print_text(to, "open", ask->open_url->url);
  print_text(to, "why", ask->why);
  ask_print_options(to, ask);
  if (takes_text(ask)) fputs("   (an answer in words is taken too)\n", to);
}

const Remote__V1__AskOption *ask_once_option(const Remote__V1__Ask *ask, int yes) {
  Remote__V1__AskOptionKind kind = yes ? REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE
                                       : REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE;
  const Remote__V1__AskOption *found = NULL;
  for (size_t i = 0; i < ask->n_options; i++) {
    if (ask->options[i]->kind != kind) continue;
    if (found) return NULL;
    found = ask->options[i];
  }
  return found;
}

const Remote__V1__AskOption *ask_find_option(const Remote__V1__Ask *ask, const char *word,
                                             int numbers) {
  const Remote__V1__AskOption *found = NULL;
  size_t bytes = strlen(word), matches = 0;
  for (size_t i = 0; i < ask->n_options; i++)
    if (!strcmp(ask->options[i]->option_id, word)) return ask->options[i];
  char *end = NULL;
  unsigned long number = strtoul(word, &end, 10);
  if (numbers && word[0] >= '0' && word[0] <= '9' && !*end)
    return number >= 1 && number <= ask->n_options ? ask->options[number - 1] : NULL;
  for (size_t i = 0; bytes && i < ask->n_options; i++) {
    if (strncasecmp(ask->options[i]->label, word, bytes)) continue;
    if (!strcasecmp(ask->options[i]->label, word)) return ask->options[i];
    found = ask->options[i];
    matches++;
  }
  return matches == 1 ? found : NULL;
}

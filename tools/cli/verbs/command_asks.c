/* `remote asks`, `approve`, `deny`, `answer`: what waits for a person, and the answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "ask_text.h"
#include "commands.h"
#include "json_event.h"
#include "live_sessions.h"
#include "terminal_text.h"

typedef struct answering {
  act act;
  const char *ask_word;
  const char *comment;
  const char *text;
  const char *content; /* JSON */
  option_list also;
  bool decline;
} answering;

/* ---- the list ---- */

/* Returns how many there are. */
static size_t print_asks(const act *a, const remote_session *s, bool title) {
  const Remote__V1__SessionState *state = remote_session_state(s);
  if (title && state->n_asks && !a->json) printf("%s (%.8s):\n", s->title, s->hex);
  for (size_t i = 0; i < state->n_asks; i++) {
    if (!a->json)
      ask_print(stdout, state->asks[i], 0);
    else
      json_print_line(stdout, json_pack("{s:s, s:s, s:o}", "session_id", s->hex, "kind",
                                        ask_kind_name(state->asks[i]), "ask",
                                        json_from_message(&state->asks[i]->base)));
  }
  return state->n_asks;
}

typedef struct listing {
  act *act;
  size_t count;
} listing;

static void print_asks_of(void *user, const remote_session *s, size_t index) {
  listing *l = user;
  (void)index;
  l->count += print_asks(l->act, s, true);
}

/* Without a name: what waits in every session that is live. */
static exit_code list_asks(act *a) {
  session_list list;
  size_t index = 0;
  listing l = {.act = a};
  exit_code result = connection_open(&a->connection, &a->flags);
  if (result) return result;
  result = session_list_fetch(&a->connection, &list);
  bool many =
      !result && !a->session_word && session_list_find(&list, NULL, &index) == EXIT_CODE_USAGE;
  if (many) live_sessions_each(&a->connection, &list, print_asks_of, &l);
  if (!result && !many) result = act_open_listed(a, &list);
  if (!result && !many) {
    l.count = print_asks(a, &a->session, false);
    remote_session_close(&a->session);
  }
  if (!result && !l.count && !a->json) fputs("nothing waits for an answer\n", stderr);
  session_list_free(&list);
  connection_close(&a->connection);
  return result;
}

int command_asks(int argc, char **argv) {
  static act a;
  const option options[] = {ACT_OPTIONS(a)};
  const option_usage usage = {
      "remote asks [SESSION] [--json]",
      "Lists what waits for a person; without SESSION in all sessions whose host is connected.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (act_take_session(&a, &usage, &words, 0) < 0) return EXIT_CODE_USAGE;
  return (int)list_asks(&a);
}

/* ---- answers ---- */

static void copy_id(Remote__V1__AnswerAsk *answer, lrm_id *id, const Remote__V1__Ask *ask) {
  if (lrm_id_from(ask->ask_id.data, ask->ask_id.len, id)) memset(id, 0, sizeof *id);
  answer->ask_id.data = id->bytes;
  answer->ask_id.len = sizeof id->bytes;
}

/* Sends the content as the answer to `ask`, and prints what became of it. The view may change
 * while we wait, so that everything needed from the ask is copied first. */
static exit_code send_answer(answering *w, const Remote__V1__Ask *ask,
                             Remote__V1__AnswerContent *content, const char *verb) {
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  lrm_id id;
  char title[160], done[256];
  copy_id(&answer, &id, ask);
  ask_title(ask, title, sizeof title);
  snprintf(done, sizeof done, "%s: %s", verb, title);
  if (w->comment) content->comment = strdup(w->comment);
  answer.answer = content;
  command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
  command.answer_ask = &answer;
  exit_code result = act_run(&w->act, &command, done);
  if (w->comment) free(content->comment);
  return result;
}

/* Asks without a yes-or-no option can still be accepted (a URL) or declined (questions, forms). */
static bool without_option(const Remote__V1__Ask *ask, bool yes) {
  if (ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL) return true;
  return !yes && (ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION ||
                  ask->kind_case == REMOTE__V1__ASK__KIND_FORM);
}

/* How this ask can be answered, to the person who tried otherwise. */
static void say_how(const answering *w, const Remote__V1__Ask *ask) {
  const bool form = ask->kind_case == REMOTE__V1__ASK__KIND_FORM;
  char id[9];
  ask_short_id(ask, id);
  if (ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL && ask->n_options == 0) {
    fputs("remote: say `remote approve` when the page has done its work, or `remote deny`\n",
          stderr);
    return;
  }
  const char *what = ask->n_options > 0 ? "OPTION, one of"
                     : form             ? "--json '{\"NAME\": VALUE}', with the names"
                                        : "--text WORDS";
  fprintf(stderr, "remote: `remote answer %.8s %s ...` takes %s\n", w->act.session.hex, id, what);
  ask_print_options(stderr, ask);
  for (size_t i = 0; form && i < ask->form->n_fields; i++) {
    fputs("   ", stderr);
    terminal_text_puts(stderr, ask->form->fields[i]->name,
                       TERMINAL_TEXT_ONE_LINE | TERMINAL_TEXT_NAMED);
    fputs(ask->form->fields[i]->required ? "  (required)\n" : "\n", stderr);
  }
}

static exit_code judge(answering *w, bool yes) {
  const Remote__V1__Ask *ask = NULL;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  char option_id[128];
  exit_code result = ask_choose(remote_session_state(&w->act.session), w->ask_word, &ask);
  if (result) return result;
  const Remote__V1__AskOption *choice = ask_once_option(ask, yes);
  if (choice) {
    snprintf(option_id, sizeof option_id, "%s", choice->option_id);
    content.option_id = option_id;
  } else if (without_option(ask, yes)) {
    content.declined = !yes;
  } else {
    fprintf(stderr, "remote: this %s has no single option that says %s once\n", ask_kind_words(ask),
            yes ? "yes" : "no");
    say_how(w, ask);
    return EXIT_CODE_USAGE;
  }
  return send_answer(w, ask, &content, yes ? "approved" : "denied");
}

/* Takes the session that has the named ask, when only one ask fits. */
static void take_owner(answering *w, const session_list *list, const ask_owners *found) {
  static char hex[LRM_ID_HEX_BYTES];
  if (found->asks != 1) return;
  lrm_id id = session_entry_id(&list->entries[found->index]);
  lrm_id_hex(&id, hex);
  w->act.session_word = hex;
}

/* One word may name a session or an ask. Both at once must not be guessed: an approval would go
 * to the wrong ask. */
static exit_code sort_out_word(answering *w, const option_usage *usage, const session_list *list,
                               const char *word) {
  size_t index = 0;
  exit_code as_session = session_list_find(list, word, &index);
  ask_owners found = live_sessions_find_ask(&w->act.connection, list, word);
  if (as_session != EXIT_CODE_NOT_FOUND && found.asks)
    return (exit_code)options_wrong(
        usage, "\"%s\" could be a session or an ask; write more of it, or name both", word);
  if (as_session != EXIT_CODE_NOT_FOUND) {
    w->act.session_word = word;
    return EXIT_CODE_DONE;
  }
  if (found.asks > 1)
    return (exit_code)options_wrong(
        usage, "\"%s\" fits more than one ask; write more of it (`remote asks` lists them)", word);
  w->ask_word = word;
  take_owner(w, list, &found);
  return EXIT_CODE_DONE;
}

/* An ask is named, a session is not: with several live ones it is looked for. */
static exit_code find_owner(answering *w, const option_usage *usage, const session_list *list) {
  size_t index = 0;
  if (session_list_find(list, NULL, &index) != EXIT_CODE_USAGE) return EXIT_CODE_DONE;
  ask_owners found = live_sessions_find_ask(&w->act.connection, list, w->ask_word);
  if (found.asks > 1)
    return (exit_code)options_wrong(
        usage, "\"%s\" fits more than one ask; write more of it (`remote asks` lists them)",
        w->ask_word);
  take_owner(w, list, &found);
  return EXIT_CODE_DONE;
}

/* As act_open, but what `word` means is found out with the list of sessions. */
static exit_code open_by_word(answering *w, const option_usage *usage, const char *word) {
  act *a = &w->act;
  session_list list;
  exit_code result = connection_open(&a->connection, &a->flags);
  if (result) return result;
  result = session_list_fetch(&a->connection, &list);
  if (!result && word) result = sort_out_word(w, usage, &list, word);
  if (!result && !word && w->ask_word && !a->session_word) result = find_owner(w, usage, &list);
  if (!result) result = act_open_listed(a, &list);
  session_list_free(&list);
  if (result) connection_close(&a->connection);
  return result;
}

static int judge_command(int argc, char **argv, bool yes) {
  static answering w;
  const option options[] = {
      {"comment", OPTION_VALUE, &w.comment, "TEXT", "a comment for the agent", NULL},
      ACT_OPTIONS(w.act),
  };
  const option_usage usage = {
      yes ? "remote approve [SESSION] [ASK] [--comment TEXT]"
          : "remote deny [SESSION] [ASK] [--comment TEXT]",
      yes ? "Says yes to the only open ask or the named one, this time only. With two words the\n"
            "first one is SESSION; a single word is a SESSION if it names one, else an ASK."
          : "Says no to the only open ask or the named one, this time only; declines a question,\n"
            "form or URL. With two words the first one is SESSION; a single word is a SESSION if\n"
            "it names one, else an ASK.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  const char *word = NULL;
  if (words.count > 2 || (words.count == 2 && w.act.session_word))
    return options_wrong(&usage, "too many words");
  if (words.count == 2) w.act.session_word = words.words[0];
  if (words.count == 2 || (words.count == 1 && w.act.session_word))
    w.ask_word = words.words[words.count - 1];
  else if (words.count == 1)
    word = words.words[0];
  exit_code result = open_by_word(&w, &usage, word);
  if (result) return result;
  result = judge(&w, yes);
  act_close(&w.act);
  return result;
}

int command_approve(int argc, char **argv) { return judge_command(argc, argv, true); }
int command_deny(int argc, char **argv) { return judge_command(argc, argv, false); }

static exit_code no_such_option(const answering *w, const Remote__V1__Ask *ask, const char *word) {
  char shown[128];
  terminal_text_copy(shown, sizeof shown, word, strlen(word), TERMINAL_TEXT_ONE_LINE);
  fprintf(stderr, "remote: \"%s\" is not %s\n", shown,
          ask->n_options > 0 ? "one of the options (id, or beginning of one label)"
                             : "an answer to this: it has no options");
  say_how(w, ask);
  return EXIT_CODE_NOT_FOUND;
}

static bool is_object(const char *text) {
  json_error_t error;
  json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  bool object = json_is_object(value);
  if (!value)
    fprintf(stderr, "remote: --json: %s at column %d\n", error.text, error.column);
  else if (!object)
    fputs("remote: --json takes an object\n", stderr);
  json_decref(value);
  return object;
}

static char *keep_id(char kept[128], const Remote__V1__AskOption *chosen) {
  snprintf(kept, 128, "%s", chosen->option_id);
  return kept;
}

/* Fills the content from the flags and the chosen options; the ids are copied into `kept`. */
static exit_code fill(const answering *w, const Remote__V1__Ask *ask, const char *choice,
                      char kept[OPTIONS_LIST_MAX + 1][128], char **more,
                      Remote__V1__AnswerContent *content) {
  const Remote__V1__AskOption *found;
  if (choice) {
    found = ask_find_option(ask, choice, 0);
    if (!found) return no_such_option(w, ask, choice);
    content->option_id = keep_id(kept[0], found);
  }
  for (size_t i = 0; i < w->also.count; i++) {
    found = ask_find_option(ask, w->also.items[i], 0);
    if (!found) return no_such_option(w, ask, w->also.items[i]);
    more[i] = keep_id(kept[i + 1], found);
  }
  content->more_option_ids = more;
  content->n_more_option_ids = w->also.count;
  content->declined = w->decline;
  return EXIT_CODE_DONE;
}

static exit_code answer(answering *w, const char *choice) {
  const Remote__V1__Ask *ask = NULL;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  char kept[OPTIONS_LIST_MAX + 1][128], *more[OPTIONS_LIST_MAX];
  exit_code result = ask_choose(remote_session_state(&w->act.session), w->ask_word, &ask);
  if (!result) result = fill(w, ask, choice, kept, more, &content);
  if (result) return result;
  char *text = w->text ? strdup(w->text) : NULL, *object = w->content ? strdup(w->content) : NULL;
  if (text) content.text = text;
  if (object) content.json = object;
  result = send_answer(w, ask, &content, "answered");
  free(text);
  free(object);
  return result;
}

int command_answer(int argc, char **argv) {
  static answering w;
  bool lines = false;
  const option options[] = {
      {"text", OPTION_VALUE, &w.text, "TEXT", "an answer in words", NULL},
      {"json", OPTION_VALUE, &w.content, "OBJECT", "a form's content", NULL},
      {"also", OPTION_LIST, &w.also, "OPTION", "a further option, where several may be chosen",
       NULL},
      {"decline", OPTION_FLAG, &w.decline, NULL, "decline to answer", NULL},
      {"comment", OPTION_VALUE, &w.comment, "TEXT", "a comment for the agent", NULL},
      {"json-lines", OPTION_FLAG, &lines, NULL, "print the outcome as JSON", NULL},
      {"session", OPTION_VALUE, &w.act.session_word, "SESSION", "which session", NULL},
      CONNECTION_OPTIONS(w.act.flags),
  };
  const option_usage usage = {
      "remote answer [SESSION] ASK OPTION | --text T | --json J | --decline",
      "Answers any ask. OPTION is an option's id or the beginning of its label, never its number.\n"
      "The last word is OPTION unless --text, --json or --decline is given; the one before it is\n"
      "ASK, of any session that is live; one more before that is SESSION.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  w.act.json = lines;
  size_t wanted = w.text || w.content || w.decline ? 1 : 2;
  int taken = act_take_session(&w.act, &usage, &words, wanted);
  if (taken < 0) return EXIT_CODE_USAGE;
  if (words.count < wanted)
    return options_wrong(&usage, wanted == 1 ? "name the ASK" : "name the ASK and the OPTION");
  if (w.content && !is_object(w.content)) return EXIT_CODE_USAGE;
  w.ask_word = words.words[taken];
  exit_code result = open_by_word(&w, &usage, NULL);
  if (result) return result;
  result = answer(&w, wanted == 2 ? words.words[taken + 1] : NULL);
  act_close(&w.act);
  return result;
}

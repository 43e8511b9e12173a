#include "steering.h"

#include <string.h>

int steering_parse(steering *w, int argc, char **argv, const steering_form *form) {
  const option options[] = {ACT_OPTIONS(w->act)};
  const option_usage usage = {form->synopsis, form->text, options, sizeof options / sizeof *options,
                              false};
  option_result parsed = options_parse(&usage, argc, argv, &w->words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (w->words.count < form->least) return options_wrong(&usage, "something is missing");
  return -1;
}

int steering_begin(steering *w, int argc, char **argv, const steering_form *form) {
  const option_usage usage = {form->synopsis, form->text, NULL, 0, false};
  int result = steering_parse(w, argc, argv, form);
  if (result >= 0) return result;
  w->taken = act_take_session(&w->act, &usage, &w->words, form->others);
  if (w->taken < 0) return EXIT_CODE_USAGE;
  exit_code opened = act_open(&w->act);
  return opened ? (int)opened : -1;
}

int steering_open_either(steering *w, const steering_form *form, size_t others) {
  const option_usage usage = {form->synopsis, form->text, NULL, 0, false};
  act *a = &w->act;
  session_list list;
  size_t index = 0;
  if (w->words.count > others + (a->session_word ? 0 : 1))
    return options_wrong(&usage, "too many words");
  exit_code result = connection_open(&a->connection, &a->flags);
  if (result) return (int)result;
  result = session_list_fetch(&a->connection, &list);
  if (!result && !a->session_word && w->words.count) {
    bool must = w->words.count > others;
    if (must || session_list_find(&list, w->words.words[0], &index) != EXIT_CODE_NOT_FOUND) {
      a->session_word = w->words.words[0];
      w->taken = 1;
    }
  }
  if (!result) result = act_open_listed(a, &list);
  session_list_free(&list);
  if (result) connection_close(&a->connection);
  return result ? (int)result : -1;
}

const char *steering_word(const steering *w, size_t index) {
  size_t at = index + (size_t)w->taken;
  return at < w->words.count ? w->words.words[at] : NULL;
}

exit_code steering_run(steering *w, const Remote__V1__Command *command, const char *done) {
  return act_run(&w->act, command, done);
}

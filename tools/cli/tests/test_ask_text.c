/* Options by kind, never by position; what is shown of an ask; exit codes of outcomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ask_text.h"
#include "outcome.h"

enum {
  ONCE = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE,
  ALWAYS = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ALWAYS,
  NO = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE,
  NEVER = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ALWAYS
};

typedef struct sample {
  Remote__V1__Ask ask;
  Remote__V1__PermissionAsk permission;
  Remote__V1__AskOption options[6];
  Remote__V1__AskOption *pointers[6];
  uint8_t id[16];
} sample;

static char text[6][32];

static void make(sample *s, size_t count, const int *kinds) {
  memset(s, 0, sizeof *s);
  remote__v1__ask__init(&s->ask);
  remote__v1__permission_ask__init(&s->permission);
  memset(s->id, 0xA5, sizeof s->id);
  s->ask.ask_id.data = s->id;
  s->ask.ask_id.len = 16;
  s->ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
  s->ask.permission = &s->permission;
  for (size_t i = 0; i < count; i++) {
    remote__v1__ask_option__init(&s->options[i]);
    snprintf(text[i], sizeof text[i], "opt-%zu", i);
    s->options[i].option_id = text[i];
    s->options[i].kind = (Remote__V1__AskOptionKind)kinds[i];
    s->pointers[i] = &s->options[i];
  }
  s->ask.options = s->pointers;
  s->ask.n_options = count;
}

static void picks_by_kind(void **state) {
  (void)state;
  static const int always_first[] = {ALWAYS, NEVER, ONCE, NO};
  static const int lasting[] = {ALWAYS, NEVER};
  static const int twice[] = {ONCE, ONCE, NO};
  sample s;
  make(&s, 4, always_first);
  assert_ptr_equal(&s.options[2], ask_once_option(&s.ask, 1));
  assert_ptr_equal(&s.options[3], ask_once_option(&s.ask, 0));
  make(&s, 2, lasting);
  assert_null(ask_once_option(&s.ask, 1));
  assert_null(ask_once_option(&s.ask, 0));
  make(&s, 3, twice);
  assert_null(ask_once_option(&s.ask, 1));
  assert_ptr_equal(&s.options[2], ask_once_option(&s.ask, 0));
}

static void finds_options(void **state) {
  (void)state;
  static const int kinds[] = {ONCE, ALWAYS, NO};
  static char labels[3][16] = {"Allow", "Allow always", "2"};
  sample s;
  make(&s, 3, kinds);
  for (size_t i = 0; i < 3; i++) s.options[i].label = labels[i];
  assert_ptr_equal(&s.options[1], ask_find_option(&s.ask, "opt-1", 0));
  assert_ptr_equal(&s.options[0], ask_find_option(&s.ask, "allow", 0)); /* a whole label */
  assert_null(ask_find_option(&s.ask, "al", 0));
  assert_ptr_equal(&s.options[1], ask_find_option(&s.ask, "allow a", 0));
  assert_ptr_equal(&s.options[2], ask_find_option(&s.ask, "2", 0)); /* a label, no number */
  assert_ptr_equal(&s.options[1], ask_find_option(&s.ask, "2", 1));
  assert_null(ask_find_option(&s.ask, "4", 1));
  assert_null(ask_find_option(&s.ask, "0", 1));
  assert_null(ask_find_option(&s.ask, "", 0));
}

static char *printed(const Remote__V1__Ask *ask) {
  char *out = NULL;
  size_t bytes = 0;
  FILE *memory = open_memstream(&out, &bytes);
  ask_print(memory, ask, 3);
  fclose(memory);
  return out;
}

static void shows_what_is_hidden(void **state) {
  (void)state;
  static const int kinds[] = {ONCE};
  static char title[] = "Run \x1b[8mrm -rf /\x1b[0m now", command[] = "ls\r\x1b[2Krm";
  sample s;
  make(&s, 1, kinds);
  s.permission.title = title;
  s.permission.command = command;
  char *out = printed(&s.ask);
  assert_non_null(strstr(out, "#3 permission a5a5a5a5: Run \xE2\x90\x9B[8mrm -rf /"));
  assert_non_null(strstr(out, "rm\n"));
  assert_null(strchr(out, '\x1b'));
  assert_null(strchr(out, '\r'));
  assert_non_null(strstr(out, "[1] opt-0  (allow_once)"));
  free(out);
}

static void maps_outcomes_to_exit_codes(void **state) {
  (void)state;
  assert_int_equal(0, outcome_exit(1, 0));
  assert_int_equal(6, outcome_exit(2, LRM_CODE_ELEVATION));
  assert_int_equal(6, outcome_exit(2, LRM_CODE_SLASH_NOT_ALLOWED));
  assert_int_equal(4, outcome_exit(2, LRM_CODE_VIEW_ONLY));
  assert_int_equal(4, outcome_exit(2, LRM_CODE_COMMAND_POLICY));
  assert_int_equal(5, outcome_exit(2, LRM_CODE_NO_SUCH_ASK));
  assert_int_equal(4, outcome_exit(2, LRM_CODE_POLICY));
  assert_int_equal(6, outcome_exit(3, 0));
  assert_int_equal(7, outcome_exit(4, 0));
  assert_int_equal(7, outcome_exit(5, 0));
  assert_int_equal(8, outcome_exit(6, 0));
  assert_int_equal(8, outcome_exit(0, 0));
  assert_int_equal(8, outcome_exit(99, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(picks_by_kind),
      cmocka_unit_test(finds_options),
      cmocka_unit_test(shows_what_is_hidden),
      cmocka_unit_test(maps_outcomes_to_exit_codes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

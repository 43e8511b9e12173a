/* One thing of a list by a word: never a guess. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "pick.h"

typedef struct thing {
  const char *id, *label;
} thing;

static const thing things[] = {
    {"model", "Model"},        {"mode", "Mode of work"},    {"models", "All models"},
    {"MODE-2", "Second mode"}, {"thought level", "Effort"}, {"effort", "Other effort"},
};

static const char *id_of(const void *items, size_t index) {
  return ((const thing *)items)[index].id;
}

static const char *label_of(const void *items, size_t index) {
  return ((const thing *)items)[index].label;
}

static exit_code find(const char *word, size_t *index) {
  const pick_list list = {"thing", sizeof things / sizeof *things, things, id_of, label_of};
  return pick_find(&list, word, index);
}

static void expect(const char *word, size_t wanted) {
  size_t index = 99;
  assert_int_equal(find(word, &index), EXIT_CODE_DONE);
  assert_int_equal(index, wanted);
}

static void whole_beats_beginning(void **state) {
  (void)state;
  expect("model", 0); /* though "models" begins so */
  expect("mode", 1);
  expect("models", 2);
  expect("mode-2", 3); /* whatever the case */
  expect("Model", 0);
}

static void ids_beat_labels(void **state) {
  (void)state;
  expect("effort", 5);
  expect("thought", 4);
}

static void beginnings_of_only_one(void **state) {
  (void)state;
  expect("sec", 3);
  expect("thought l", 4);
  expect("all", 2);
}

static void several_are_refused(void **state) {
  (void)state;
  size_t index = 99;
  assert_int_equal(find("mo", &index), EXIT_CODE_USAGE);
  assert_int_equal(find("MODEL", &index), EXIT_CODE_DONE);
  assert_int_equal(find("Effort", &index), EXIT_CODE_USAGE); /* an id and another's label */
}

static void nothing_fits(void **state) {
  (void)state;
  size_t index = 99;
  assert_int_equal(find("", &index), EXIT_CODE_NOT_FOUND);
  assert_int_equal(find("modelss", &index), EXIT_CODE_NOT_FOUND);
  assert_int_equal(find("x", &index), EXIT_CODE_NOT_FOUND);
  const pick_list none = {"thing", 0, NULL, id_of, NULL};
  assert_int_equal(pick_find(&none, "x", &index), EXIT_CODE_NOT_FOUND);
  assert_int_equal(index, 99);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_beats_beginning),  cmocka_unit_test(ids_beat_labels),
      cmocka_unit_test(beginnings_of_only_one), cmocka_unit_test(several_are_refused),
      cmocka_unit_test(nothing_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which line answers which ask, and which one must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ask_desk.h"

#define OPTION(x) REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_##x
#define FIELD(x) REMOTE__V1__FORM_FIELD_TYPE__FORM_FIELD_TYPE_##x
#define SECOND UINT64_C(1000000000)

static ask_desk d;
static ask_answer answer;

static int begin(void **state) {
  (void)state;
  ask_desk_init(&d);
  return 0;
}
static int end(void **state) {
  (void)state;
  ask_desk_free(&d);
  return 0;
}

static void set_id(ProtobufCBinaryData *id, uint8_t number) {
  static uint8_t bytes[256][16];
  memset(bytes[number], number, 16);
  id->data = bytes[number];
  id->len = 16;
}

static void open_permission(uint8_t number) {
  static char ids[3][8] = {"always", "once", "reject"},
              labels[3][16] = {"Always", "Once", "Reject"};
  static const int kinds[] = {OPTION(ALLOW_ALWAYS), OPTION(ALLOW_ONCE), OPTION(REJECT_ONCE)};
  Remote__V1__PermissionAsk permission = REMOTE__V1__PERMISSION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  Remote__V1__AskOption options[3], *pointers[3];
  for (size_t i = 0; i < 3; i++) {
    remote__v1__ask_option__init(&options[i]);
    options[i].option_id = ids[i];
    options[i].label = labels[i];
    options[i].kind = (Remote__V1__AskOptionKind)kinds[i];
    pointers[i] = &options[i];
  }
  set_id(&ask.ask_id, number);
  ask.options = pointers;
  ask.n_options = 3;
  ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
  ask.permission = &permission;
  ask_desk_opened(&d, &ask, number);
}

static void open_form(uint8_t number, size_t fields) {
  static char names[3][8] = {"name", "age", "sure"}, empty[1] = "";
  static const int types[] = {FIELD(STRING), FIELD(INTEGER), FIELD(BOOLEAN)};
  Remote__V1__FormAsk form = REMOTE__V1__FORM_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  Remote__V1__FormField all[3], *pointers[3];
  for (size_t i = 0; i < 3; i++) {
    remote__v1__form_field__init(&all[i]);
    all[i].name = names[i];
    all[i].title = empty;
    all[i].type = (Remote__V1__FormFieldType)types[i];
    all[i].required = i == 0;
    pointers[i] = &all[i];
  }
  form.fields = pointers;
  form.n_fields = fields;
  set_id(&ask.ask_id, number);
  ask.kind_case = REMOTE__V1__ASK__KIND_FORM;
  ask.form = &form;
  ask_desk_opened(&d, &ask, number);
}

static void open_question(uint8_t number, bool free_text, bool multiple) {
  static char ids[2][4] = {"r", "b"}, labels[2][8] = {"red", "blue"}, text[] = "Which?";
  Remote__V1__QuestionAsk question = REMOTE__V1__QUESTION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  Remote__V1__AskOption options[2], *pointers[2];
  for (size_t i = 0; i < 2; i++) {
    remote__v1__ask_option__init(&options[i]);
    options[i].option_id = ids[i];
    options[i].label = labels[i];
    pointers[i] = &options[i];
  }
  question.text = text;
  question.free_text = free_text;
  question.multiple = multiple;
  set_id(&ask.ask_id, number);
  ask.options = pointers;
  ask.n_options = 2;
  ask.kind_case = REMOTE__V1__ASK__KIND_QUESTION;
  ask.question = &question;
  ask_desk_opened(&d, &ask, number);
}

static void close_by(uint8_t number, bool local, uint64_t now_ns) {
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  Remote__V1__Actor by = REMOTE__V1__ACTOR__INIT;
  Remote__V1__Origin origin = REMOTE__V1__ORIGIN__INIT;
  static char account[] = "anna", device[] = "phone";
  origin.account = account;
  origin.device = device;
  by.local = local;
  if (!local) by.origin = &origin;
  set_id(&resolved.ask_id, number);
  resolved.by = &by;
  ask_desk_resolved(&d, &resolved, now_ns);
}

static desk_reading read_line(const char *line) { return ask_desk_read(&d, line, SECOND, &answer); }

static void one_is_open(void **state) {
  (void)state;
  open_permission(1);
  assert_int_equal(read_line("fix the bug"), DESK_NOT_ASK);
  assert_int_equal(read_line("2 files are missing"), DESK_NOT_ASK);
  assert_int_equal(read_line("2"), DESK_ANSWER);
  assert_string_equal(answer.content.option_id, "once");
  assert_int_equal(answer.ask_id.bytes[0], 1);
  assert_int_equal(read_line("y"), DESK_ANSWER);
  assert_string_equal(answer.content.option_id, "once");
  assert_int_equal(read_line("No"), DESK_ANSWER);
  assert_string_equal(answer.content.option_id, "reject");
  assert_int_equal(read_line("#1 always"), DESK_ANSWER);
  assert_string_equal(answer.content.option_id, "always");
  assert_int_equal(read_line("4"), DESK_SAID);
  assert_int_equal(read_line("#1 3 use the other folder"), DESK_ANSWER);
  assert_string_equal(answer.content.option_id, "reject");
  assert_string_equal(answer.content.comment, "use the other folder");
  assert_int_equal(read_line("#1 nonsense"), DESK_SAID);
  assert_int_equal(read_line("#9 1"), DESK_SAID);
  assert_int_equal(read_line("#1"), DESK_SAID);
  assert_int_equal(read_line("#1x"), DESK_SAID);
  assert_int_equal(read_line("# a heading"), DESK_NOT_ASK);
}

static void several_are_open(void **state) {
  (void)state;
  open_permission(1);
  open_permission(2);
  assert_int_equal(read_line("1"), DESK_SAID);
  assert_int_equal(read_line("y"), DESK_SAID);
  assert_int_equal(read_line("#2 1"), DESK_ANSWER);
  assert_int_equal(answer.ask_id.bytes[0], 2);
  assert_int_equal(ask_desk_judge(&d, 1, false, &answer), DESK_ANSWER);
  assert_int_equal(ask_desk_judge(&d, 0, false, &answer), DESK_SAID);
}

/* The thumb was on its way when the ask changed. */
static void what_changes_under_the_thumb(void **state) {
  (void)state;
  open_permission(1);
  ask_desk_begin(&d);
  close_by(1, false, SECOND);
  open_permission(2);
  assert_int_equal(read_line("2"), DESK_SAID);
  assert_non_null(strstr(d.said, "phone"));
  ask_desk_end(&d);
  ask_desk_begin(&d);
  assert_int_equal(read_line("2"), DESK_ANSWER);
  ask_desk_end(&d);
  close_by(2, false, SECOND);
  /* Nothing is open: a number right after it was meant as an answer, a later one is a prompt. */
  assert_int_equal(ask_desk_read(&d, "y", 2 * SECOND, &answer), DESK_SAID);
  assert_int_equal(ask_desk_read(&d, "y", 60 * SECOND, &answer), DESK_NOT_ASK);
  /* One that came while the line was being written is not what it was begun for. */
  ask_desk_begin(&d);
  open_permission(3);
  assert_int_equal(ask_desk_read(&d, "1", 60 * SECOND, &answer), DESK_SAID);
}

static void our_own_answer_is_no_surprise(void **state) {
  (void)state;
  d.local = true;
  open_permission(1);
  close_by(1, true, SECOND);
  assert_int_equal(ask_desk_read(&d, "2", 2 * SECOND, &answer), DESK_NOT_ASK);
}

static void words_and_several_choices(void **state) {
  (void)state;
  open_question(1, true, true);
  assert_int_equal(read_line("#1 a colour of my own"), DESK_ANSWER);
  assert_string_equal(answer.content.text, "a colour of my own");
  assert_int_equal(read_line("#1 2,1"), DESK_ANSWER);
  assert_string_equal(answer.content.option_id, "b");
  assert_int_equal(answer.content.n_more_option_ids, 1);
  assert_string_equal(answer.content.more_option_ids[0], "r");
  assert_int_equal(read_line("#1 n"), DESK_ANSWER);
  assert_true(answer.content.declined);
}

static void a_form_field_by_field(void **state) {
  (void)state;
  open_form(1, 3);
  assert_int_equal(read_line("#1 word"), DESK_SAID);
  assert_int_equal(read_line("#1 {\"name\":\"x\"}"), DESK_ANSWER);
  assert_string_equal(answer.content.json, "{\"name\":\"x\"}");
  assert_int_equal(read_line("#1"), DESK_SAID);
  assert_non_null(strstr(d.said, "1/3 name"));
  assert_int_equal(read_line(""), DESK_SAID); /* it is required */
  assert_int_equal(read_line("Anna \"A\""), DESK_SAID);
  assert_int_equal(read_line("four"), DESK_SAID);
  assert_int_equal(read_line("4"), DESK_SAID);
  assert_non_null(strstr(d.said, "3/3"));
  assert_int_equal(read_line("yes"), DESK_ANSWER);
  assert_string_equal(answer.content.json, "{\"name\":\"Anna \\\"A\\\"\",\"age\":4,\"sure\":true}");
  /* Given up, and ended by somebody else. */
  assert_int_equal(read_line("#1"), DESK_SAID);
  assert_int_equal(read_line("#"), DESK_SAID);
  assert_null(ask_desk_form_text(&d));
  assert_int_equal(read_line("#1"), DESK_SAID);
  close_by(1, false, SECOND);
  assert_null(ask_desk_form_text(&d));
  assert_int_equal(ask_desk_read(&d, "Anna", SECOND, &answer), DESK_NOT_ASK);
}

static void a_form_with_one_field(void **state) {
  (void)state;
  open_form(1, 1);
  assert_int_equal(read_line("#1 some words"), DESK_ANSWER);
  assert_string_equal(answer.content.json, "{\"name\":\"some words\"}");
  assert_int_equal(read_line("#1 no"), DESK_ANSWER);
  assert_true(answer.content.declined);
}

static void keys_choose(void **state) {
  (void)state;
  assert_false(ask_desk_step(&d, 1));
  open_permission(1);
  open_permission(2);
  assert_false(ask_desk_chosen(&d, &answer)); /* Enter alone answers nothing */
  assert_true(ask_desk_step(&d, 1) && ask_desk_step(&d, 1));
  assert_true(ask_desk_chosen(&d, &answer));
  assert_string_equal(answer.content.option_id, "once");
  assert_int_equal(answer.ask_id.bytes[0], 1);
  assert_true(ask_desk_next(&d, 1) && ask_desk_step(&d, -1));
  assert_true(ask_desk_chosen(&d, &answer));
  assert_string_equal(answer.content.option_id, "reject");
  assert_int_equal(answer.ask_id.bytes[0], 2);
  /* The choice goes with its ask. */
  assert_true(ask_desk_step(&d, 1));
  close_by(2, false, SECOND);
  assert_false(ask_desk_chosen(&d, &answer));
  assert_true(ask_desk_step(&d, 1));
  assert_true(ask_desk_give_up(&d));
  assert_false(ask_desk_chosen(&d, &answer));
}

static void rejections(void **state) {
  (void)state;
  open_permission(1);
  assert_string_equal(ask_rejection(d.asks[0].ask), "reject");
  open_form(2, 1);
  assert_string_equal(ask_rejection(d.asks[1].ask), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
  const struct CMUnitTest tests[] = {TEST(one_is_open),
                                     TEST(several_are_open),
                                     TEST(what_changes_under_the_thumb),
                                     TEST(our_own_answer_is_no_surprise),
                                     TEST(words_and_several_choices),
                                     TEST(a_form_field_by_field),
                                     TEST(a_form_with_one_field),
                                     TEST(keys_choose),
                                     TEST(rejections)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

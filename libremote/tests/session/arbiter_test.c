/* The arbiter: what fits an ask, who wins, and that everybody else is told so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "remote/arbiter.h"

#define SEED UINT64_C(20240919)

static size_t live, calls, fail_at;

static void *counted_alloc(void *user, size_t bytes) {
  (void)user;
  if (++calls == fail_at) return NULL;
  live++;
  return malloc(bytes);
}

static void counted_free(void *user, void *memory) {
  (void)user;
  live--;
  free(memory);
}

static const lrm_allocator counted = {counted_alloc, counted_free, NULL};

static lrm_arbiter *new_arbiter(void) {
  lrm_arbiter *arbiter;
  fail_at = calls = 0;
  assert_int_equal(lrm_arbiter_create(&counted, &arbiter), 0);
  return arbiter;
}

static void end_arbiter(lrm_arbiter *arbiter) {
  lrm_arbiter_destroy(arbiter);
  assert_int_equal(live, 0);
}

static lrm_id id_of(uint32_t number) {
  lrm_id id = {{0xa5}};
  memcpy(id.bytes + 12, &number, sizeof number);
  return id;
}

static bool is_id(ProtobufCBinaryData data, lrm_id id) {
  return data.len == 16 && memcmp(data.data, id.bytes, 16) == 0;
}

/* ---- asks to answer ---- */

#define KIND(name) REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_##name

struct sample {
  Remote__V1__Ask ask;
  Remote__V1__AskOption options[4];
  Remote__V1__AskOption *list[4];
  Remote__V1__PermissionAsk permission;
  Remote__V1__QuestionAsk question;
  Remote__V1__PlanAsk plan;
  Remote__V1__FormAsk form;
  Remote__V1__OpenUrlAsk open_url;
  Remote__V1__LimitAsk limit;
  lrm_id id;
};

static void add_option(struct sample *s, const char *id, Remote__V1__AskOptionKind kind) {
  Remote__V1__AskOption *option = &s->options[s->ask.n_options];
  remote__v1__ask_option__init(option);
  memcpy(&option->option_id, &id, sizeof id);
  option->kind = kind;
  s->list[s->ask.n_options++] = option;
  s->ask.options = s->list;
}

/* Kinds: p permission, P one time only, q question, w with free text, m with several, l plan,
 * f form, u URL, i limit, I with free text, x a kind that is not known. */
static void make_ask(struct sample *s, char kind, uint32_t number) {
  memset(s, 0, sizeof *s);
  remote__v1__ask__init(&s->ask);
  remote__v1__permission_ask__init(&s->permission);
  remote__v1__question_ask__init(&s->question);
  remote__v1__plan_ask__init(&s->plan);
  remote__v1__form_ask__init(&s->form);
  remote__v1__open_url_ask__init(&s->open_url);
  remote__v1__limit_ask__init(&s->limit);
  s->id = id_of(number);
  s->ask.ask_id = (ProtobufCBinaryData){16, s->id.bytes};
  s->permission.one_time_only = kind == 'P';
  s->question.free_text = kind == 'w';
  s->question.multiple = kind == 'm';
  s->limit.free_text = kind == 'I';
  if (kind != 'f' && kind != 'u') {
    add_option(s, "yes", KIND(ALLOW_ONCE));
    add_option(s, "always", KIND(ALLOW_ALWAYS));
    add_option(s, "no", KIND(REJECT_ONCE));
    add_option(s, "never", KIND(REJECT_ALWAYS));
  }
  s->ask.permission = &s->permission;
  s->ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
#define IS(letters, name, NAME)                      \
  if (strchr(letters, kind) != NULL) {               \
    s->ask.kind_case = REMOTE__V1__ASK__KIND_##NAME; \
    s->ask.name = &s->name;                          \
  }
  IS("qwm", question, QUESTION)
  IS("l", plan, PLAN)
  IS("f", form, FORM)
  IS("u", open_url, OPEN_URL)
  IS("iI", limit, LIMIT)
#undef IS
  if (kind == 'x') s->ask.kind_case = REMOTE__V1__ASK__KIND__NOT_SET;
}

static void open_ask(lrm_arbiter *arbiter, char kind, uint32_t number) {
  struct sample s;
  make_ask(&s, kind, number);
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), 0);
}

static Remote__V1__AnswerContent answer_of(const char *option) {
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  if (option != NULL) memcpy(&answer.option_id, &option, sizeof option);
  return answer;
}

static lrm_verdict answer_with(lrm_arbiter *arbiter, uint32_t number, const char *option,
                               const Remote__V1__AskResolved **resolution) {
  Remote__V1__AnswerContent answer = answer_of(option);
  lrm_id id = id_of(number);
  return lrm_arbiter_answer(arbiter, &id, &answer, NULL, NULL, 1, resolution);
}

/* ---- what fits ---- */

static void answers_are_checked_against_the_ask(void **state) {
  (void)state;
  static const struct {
    char kind;
    const char *option, *more[2], *text, *json;
    bool declined;
    lrm_verdict verdict;
    Remote__V1__AskOptionKind option_kind;
  } cases[] = {
#define WON LRM_VERDICT_WON
#define BAD LRM_VERDICT_INVALID
#define NOT LRM_VERDICT_NOT_OFFERED
#define NONE KIND(UNSPECIFIED)
      /* permissions */
      {'p', "yes", {0}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'p', "always", {0}, NULL, NULL, false, WON, KIND(ALLOW_ALWAYS)},
      {'p', "no", {0}, NULL, NULL, false, WON, KIND(REJECT_ONCE)},
      {'p', "maybe", {0}, NULL, NULL, false, NOT, NONE},
      {'p', "YES", {0}, NULL, NULL, false, NOT, NONE},
      {'p', "", {0}, NULL, NULL, false, BAD, NONE},
      {'p', NULL, {0}, NULL, NULL, false, BAD, NONE},
      {'p', "yes", {"no"}, NULL, NULL, false, BAD, NONE},
      {'p', "yes", {0}, "words", NULL, false, BAD, NONE},
      {'p', "yes", {0}, NULL, "{}", false, BAD, NONE},
      {'p', NULL, {0}, NULL, NULL, true, BAD, NONE},
      {'P', "yes", {0}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'P', "no", {0}, NULL, NULL, false, WON, KIND(REJECT_ONCE)},
      {'P', "always", {0}, NULL, NULL, false, NOT, NONE},
      {'P', "never", {0}, NULL, NULL, false, NOT, NONE},
      /* questions */
      {'q', "yes", {0}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'q', "maybe", {0}, NULL, NULL, false, NOT, NONE},
      {'q', NULL, {0}, NULL, NULL, false, BAD, NONE},
      {'q', NULL, {0}, "words", NULL, false, BAD, NONE},
      {'q', NULL, {0}, NULL, NULL, true, WON, NONE},
      {'q', "yes", {0}, NULL, NULL, true, BAD, NONE},
      {'q', "yes", {"no"}, NULL, NULL, false, BAD, NONE},
      {'w', NULL, {0}, "words", NULL, false, WON, NONE},
      {'w', "yes", {0}, "words", NULL, false, WON, KIND(ALLOW_ONCE)},
      {'w', NULL, {0}, "", NULL, false, BAD, NONE},
      {'w', NULL, {0}, "words", NULL, true, BAD, NONE},
      {'w', "maybe", {0}, "words", NULL, false, NOT, NONE},
      {'m', "yes", {"no"}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'m', "yes", {"no", "never"}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'m', "yes", {0}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'m', "yes", {"maybe"}, NULL, NULL, false, NOT, NONE},
      {'m', "yes", {"yes"}, NULL, NULL, false, BAD, NONE},
      {'m', "yes", {"no", "no"}, NULL, NULL, false, BAD, NONE},
      {'m', "yes", {""}, NULL, NULL, false, BAD, NONE},
      {'m', NULL, {"no"}, NULL, NULL, false, BAD, NONE},
      /* plans */
      {'l', "yes", {0}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'l', "maybe", {0}, NULL, NULL, false, NOT, NONE},
      {'l', NULL, {0}, NULL, NULL, false, BAD, NONE},
      {'l', NULL, {0}, NULL, NULL, true, BAD, NONE},
      {'l', "yes", {0}, "words", NULL, false, BAD, NONE},
      /* forms */
      {'f', NULL, {0}, NULL, "{}", false, WON, NONE},
      {'f', NULL, {0}, NULL, " {\"a\":1}\n", false, WON, NONE},
      {'f', NULL, {0}, NULL, NULL, false, NOT, NONE},
      {'f', NULL, {0}, NULL, "", false, NOT, NONE},
      {'f', NULL, {0}, NULL, "[1]", false, BAD, NONE},
      {'f', NULL, {0}, NULL, "{", false, BAD, NONE},
      {'f', NULL, {0}, NULL, "  ", false, BAD, NONE},
      {'f', NULL, {0}, NULL, NULL, true, WON, NONE},
      {'f', NULL, {0}, NULL, "{}", true, BAD, NONE},
      {'f', "yes", {0}, NULL, "{}", false, BAD, NONE},
      {'f', NULL, {0}, "words", "{}", false, BAD, NONE},
      /* URLs */
      {'u', NULL, {0}, NULL, NULL, false, WON, NONE},
      {'u', NULL, {0}, NULL, NULL, true, WON, NONE},
      {'u', "yes", {0}, NULL, NULL, false, NOT, NONE},
      {'u', NULL, {0}, NULL, "{}", false, BAD, NONE},
      /* limits */
      {'i', "yes", {0}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'i', NULL, {0}, "100", NULL, false, BAD, NONE},
      {'i', NULL, {0}, NULL, NULL, false, BAD, NONE},
      {'i', NULL, {0}, NULL, NULL, true, BAD, NONE},
      {'I', NULL, {0}, "100", NULL, false, WON, NONE},
      /* a kind of a later version */
      {'x', "yes", {0}, NULL, NULL, false, WON, KIND(ALLOW_ONCE)},
      {'x', NULL, {0}, "words", NULL, false, BAD, NONE},
      {'x', NULL, {0}, NULL, NULL, true, BAD, NONE},
  };
  lrm_arbiter *arbiter = new_arbiter();
  for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    open_ask(arbiter, cases[i].kind, i);
    Remote__V1__AnswerContent answer = answer_of(cases[i].option);
    char *more[2];
    memcpy(more, cases[i].more, sizeof more);
    answer.more_option_ids = more;
    while (answer.n_more_option_ids < 2 && more[answer.n_more_option_ids] != NULL)
      answer.n_more_option_ids++;
    memcpy(&answer.text, &cases[i].text, sizeof answer.text);
    memcpy(&answer.json, &cases[i].json, sizeof answer.json);
    char comment[] = "any answer may carry one";
    answer.comment = comment;
    answer.declined = cases[i].declined;
    const Remote__V1__AskResolved *resolution;
    lrm_id id = id_of(i);
    lrm_verdict verdict = lrm_arbiter_answer(arbiter, &id, &answer, NULL, NULL, 5, &resolution);
    if (verdict != cases[i].verdict)
      fail_msg("case %u (%c): verdict %d", i, cases[i].kind, (int)verdict);
    assert_int_equal(resolution != NULL, verdict == LRM_VERDICT_WON);
    assert_int_equal(lrm_arbiter_find(arbiter, &id) == NULL, verdict == LRM_VERDICT_WON);
    if (resolution != NULL) {
      assert_int_equal(resolution->option_kind, cases[i].option_kind);
      assert_string_equal(resolution->answer->comment, comment);
      assert_int_equal(resolution->at_ms, 5);
      assert_int_equal(resolution->command_id.len, 0);
      assert_true(is_id(resolution->ask_id, id));
    } else {
      assert_int_equal(lrm_arbiter_end(arbiter, &id, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN,
                                       NULL, NULL, 6, &resolution),
                       LRM_VERDICT_WON);
    }
  }
  end_arbiter(arbiter);
}

/* RFC 8259 takes these for objects; then those it does not. */
static const char *const good_forms[] = {
    "{}", "\t\r\n { \n\"a\"\t: 1 , \"b\":[ ] }\r",
    "{\"\":\"\",\"a\":null,\"b\":true,\"c\":false,\"d\":{}}",
    "{\"a\":[0,-0,10,-1.5,0.25,1e5,1E+5,2.0e-07]}",
    "{\"a\":[[],[[1],{}],{\"b\":[{\"c\":{}}]}],\"d\":[1,2]}",
    "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"}",
    "{\"\\u0061\":\"\xc3\xa9 \x7f \xe2\x80\xa8 }]\"}", "{\"a\":1,\"a\":2}",
    /* at the bounds */
    "{\"a\":[9223372036854775807,-9223372036854775808,-1.5e250,2E-250]}",
    "{\"a\":0.123456789012345678901234567890}", "{\"a\":\"\\u0001\\uD7FF\\uE000\"}"};
static const char *const bad_forms[] = {
    "{'a':1,}", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":undefined}",
    /* structure */
    "{a:1}", "{\"a\":1,}", "{,}", "{,\"a\":1}", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{\"a\"::1}",
    "{\"a\":1 \"b\":2}", "{\"a\":1;\"b\":2}", "{\"a\":1,,\"b\":2}", "{1:2}", "{null:1}", "{[]}",
    "{{}}", "{\"a\":[}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1 2]}", "{\"a\":[1}",
    "{\"a\":[1}]}", "{\"a\":{]}", "{\"a\":(1)}", "{\"a\":[\"b\":1]}", "{]", "[}", "}", "{}}",
    "{}{}", "{},", "{} x", "{\"a\":{}", "{\"a\":1", "{\"a\":", "{\"a\"", "{\"a", "{\"", "{ ",
    /* what is not an object */
    "[]", "\"{}\"", "1", "null", "true", "x{}", "(1)", "x",
    /* blanks and comments of other languages */
    "\xef\xbb\xbf{}", "\xc2\xa0{}", "{}\xe2\x80\x83", "{\v}", "{\f}", "{/**/}", "{}//", "# a\n{}",
    /* literals */
    "{\"a\":nul}", "{\"a\":nulls}", "{\"a\":True}", "{\"a\":falsetrue}", "{\"a\":t}",
    /* numbers */
    "{\"a\":01}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":1.e5}",
    "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":0x10}", "{\"a\":1_000}", "{\"a\":--1}", "{\"a\":1.5.2}",
    "{\"a\":-01}", "{\"a\":1f}", "{\"a\":\xd9\xa1}", "{\"a\":9223372036854775808}",
    "{\"a\":-9223372036854775809}", "{\"a\":99999999999999999999}", "{\"a\":1e251}",
    "{\"a\":1e-251}", "{\"a\":1e99999999999999999999}", "{\"a\":0.1234567890123456789012345678901}",
    /* escapes */
    "{\"a\":\"\\u0000\"}", "{\"\\u0000\":1}", "{\"a\":\"\\uD83D\"}", "{\"a\":\"\\uD83Dx\"}",
    "{\"a\":\"\\uDE00\"}", "{\"a\":\"\\uD83D\\uD83D\"}", "{\"a\":\"\\uD83D\\n\"}",
    /* strings */
    "{\"a\":\"b}", "{\"a\":\"\\\"}", "{\"a\":\"\\x41\"}", "{\"a\":\"\\'\"}", "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\\u12\"}", "{\"a\":\"\\u", "{\"a\":\"\\", "{\"a\":\"\\U0041\"}", "{\"a\":\"\n\"}",
    "{\"a\":\"\t\"}", "{\"a\":\"\x1f\"}", "{\"a\tb\":1}", "{\"a\":\"b\" \"c\"}", "{\"a\":'b'}"};

static lrm_verdict answer_form(lrm_arbiter *arbiter, const char *json) {
  static uint32_t number = 1000; /* an id is never used again */
  const Remote__V1__AskResolved *resolution;
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  lrm_id id = id_of(++number);
  memcpy(&answer.json, &json, sizeof answer.json);
  open_ask(arbiter, 'f', number);
  lrm_verdict verdict = lrm_arbiter_answer(arbiter, &id, &answer, NULL, NULL, 5, &resolution);
  lrm_arbiter_end(arbiter, &id, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN, NULL, NULL, 6,
                  &resolution);
  return verdict;
}

/* {"a":[[[...]]]} with `depth` arrays, or one bracket fewer. */
static lrm_verdict answer_deep_form(lrm_arbiter *arbiter, size_t depth, bool closed) {
  static const char begin[] = "{\"a\":";
  char *json = malloc(2 * depth + sizeof begin + 1), *at = json + sizeof begin - 1;
  memcpy(json, begin, sizeof begin - 1);
  memset(at, '[', depth);
  at += depth;
  memset(at, ']', depth);
  at += closed ? depth : depth - 1;
  *at++ = '}';
  *at = '\0';
  lrm_verdict verdict = answer_form(arbiter, json);
  free(json);
  return verdict;
}

static void a_form_takes_an_object_of_rfc_8259_and_nothing_else(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  for (size_t i = 0; i < sizeof good_forms / sizeof *good_forms; i++)
    if (answer_form(arbiter, good_forms[i]) != LRM_VERDICT_WON)
      fail_msg("refused: %s", good_forms[i]);
  for (size_t i = 0; i < sizeof bad_forms / sizeof *bad_forms; i++)
    if (answer_form(arbiter, bad_forms[i]) != LRM_VERDICT_INVALID)
      fail_msg("taken: %s", bad_forms[i]);
  /* 64 levels with the object itself. */
  assert_int_equal(answer_deep_form(arbiter, 63, true), LRM_VERDICT_WON);
  assert_int_equal(answer_deep_form(arbiter, 63, false), LRM_VERDICT_INVALID);
  assert_int_equal(answer_deep_form(arbiter, 64, true), LRM_VERDICT_INVALID);
  assert_int_equal(answer_deep_form(arbiter, 16380, true), LRM_VERDICT_INVALID);
  assert_int_equal(answer_deep_form(arbiter, 200000, true), LRM_VERDICT_INVALID);
  end_arbiter(arbiter);
}

static void one_time_only_takes_lasting_options_away(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  open_ask(arbiter, 'P', 1);
  lrm_id id = id_of(1);
  const Remote__V1__Ask *ask = lrm_arbiter_find(arbiter, &id);
  assert_int_equal(ask->n_options, 2);
  assert_string_equal(ask->options[0]->option_id, "yes");
  assert_string_equal(ask->options[1]->option_id, "no");
  end_arbiter(arbiter);
}

/* ---- who wins ---- */

static void everybody_learns_who_won(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  open_ask(arbiter, 'p', 1);
  open_ask(arbiter, 'p', 2);
  lrm_id ask = id_of(1), command = id_of(77);
  Remote__V1__AnswerContent answer = answer_of("no");
  Remote__V1__Origin origin = REMOTE__V1__ORIGIN__INIT;
  Remote__V1__Actor by = REMOTE__V1__ACTOR__INIT;
  char device[] = "phone";
  origin.device = device;
  by.origin = &origin;
  const Remote__V1__AskResolved *won, *later;
  assert_int_equal(lrm_arbiter_answer(arbiter, &ask, &answer, &by, &command, 9, &won),
                   LRM_VERDICT_WON);
  device[0] = 'X'; /* it was copied */
  assert_string_equal(won->by->origin->device, "phone");
  assert_true(is_id(won->command_id, command));
  assert_int_equal(answer_with(arbiter, 1, "yes", &later), LRM_VERDICT_SUPERSEDED);
  assert_ptr_equal(later, won);
  assert_int_equal(answer_with(arbiter, 1, "nonsense", &later), LRM_VERDICT_SUPERSEDED);
  assert_ptr_equal(later, won);
  assert_int_equal(lrm_arbiter_end(arbiter, &ask, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_CANCELLED,
                                   "late", NULL, 10, &later),
                   LRM_VERDICT_SUPERSEDED);
  assert_ptr_equal(later, won);
  /* One never blocks another, and what was never asked is not an ask. */
  assert_int_equal(answer_with(arbiter, 2, "yes", &later), LRM_VERDICT_WON);
  assert_int_equal(answer_with(arbiter, 3, "yes", &later), LRM_VERDICT_NO_SUCH_ASK);
  assert_null(later);
  assert_null(lrm_arbiter_open_ask(arbiter, 0));
  end_arbiter(arbiter);
}

static void ids_are_never_used_again(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  struct sample s;
  const Remote__V1__AskResolved *resolution;
  make_ask(&s, 'p', 1);
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), 0);
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), LRM_ERR_USAGE);
  assert_int_equal(answer_with(arbiter, 1, "yes", &resolution), LRM_VERDICT_WON);
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), LRM_ERR_USAGE);
  s.ask.ask_id.len = 15;
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), LRM_ERR_USAGE);
  s.ask.ask_id.len = 0;
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), LRM_ERR_USAGE);
  memset(&s.id, 0, sizeof s.id);
  s.ask.ask_id.len = 16;
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), LRM_ERR_USAGE);
  end_arbiter(arbiter);
}

static void only_ends_end_an_ask(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  for (uint32_t outcome = 0; outcome < 8; outcome++) {
    const Remote__V1__AskResolved *resolution;
    lrm_id id = id_of(outcome + 1);
    open_ask(arbiter, 'p', outcome + 1);
    lrm_verdict verdict =
        lrm_arbiter_end(arbiter, &id, (Remote__V1__AskOutcome)outcome, "why", NULL, 3, &resolution);
    bool ends = outcome >= 2 && outcome <= 5;
    assert_int_equal(verdict, ends ? LRM_VERDICT_WON : LRM_VERDICT_INVALID);
    if (!ends) continue;
    assert_int_equal(resolution->outcome, outcome);
    assert_string_equal(resolution->reason, "why");
    assert_null(resolution->answer);
  }
  end_arbiter(arbiter);
}

static void asks_expire_in_their_order(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  const Remote__V1__AskResolved *resolution;
  static const uint64_t expires[] = {500, 0, 300, 400, 300};
  assert_true(lrm_arbiter_deadline_ms(arbiter) == UINT64_MAX);
  for (uint32_t i = 0; i < 5; i++) {
    struct sample s;
    make_ask(&s, 'p', i);
    s.ask.expires_ms = expires[i];
    if (i == 3) s.ask.on_expiry = REMOTE__V1__ON_EXPIRY__ON_EXPIRY_REJECT;
    assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), 0);
  }
  assert_true(lrm_arbiter_deadline_ms(arbiter) == 300);
  assert_false(lrm_arbiter_expire(arbiter, 299, &resolution));
  static const uint32_t order[] = {2, 4, 3};
  for (size_t i = 0; i < 3; i++) {
    assert_true(lrm_arbiter_expire(arbiter, 450, &resolution));
    assert_true(is_id(resolution->ask_id, id_of(order[i])));
    assert_int_equal(resolution->outcome, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_EXPIRED);
    if (order[i] != 3) assert_null(resolution->answer);
  }
  assert_string_equal(resolution->answer->option_id, "no");
  assert_int_equal(resolution->option_kind, KIND(REJECT_ONCE));
  assert_false(lrm_arbiter_expire(arbiter, 450, &resolution));
  assert_true(lrm_arbiter_deadline_ms(arbiter) == 500);
  /* An answer before anybody looked at the clock wins; SUPERSEDED beats expiry. */
  assert_int_equal(answer_with(arbiter, 0, "yes", &resolution), LRM_VERDICT_WON);
  assert_false(lrm_arbiter_expire(arbiter, UINT64_MAX, &resolution));
  assert_int_equal(answer_with(arbiter, 2, "yes", &resolution), LRM_VERDICT_SUPERSEDED);
  assert_int_equal(resolution->outcome, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_EXPIRED);
  end_arbiter(arbiter);
}

/* ---- limits and memory ---- */

static void open_asks_are_limited(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  struct sample s;
  const Remote__V1__AskResolved *resolution;
  for (uint32_t i = 0; i < LRM_ASKS_OPEN_MAX; i++) open_ask(arbiter, 'p', i);
  make_ask(&s, 'p', 1000);
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), LRM_ERR_BUSY);
  assert_int_equal(answer_with(arbiter, 10, "yes", &resolution), LRM_VERDICT_WON);
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), 0);
  assert_true(is_id(lrm_arbiter_open_ask(arbiter, 10)->ask_id, id_of(11)));
  assert_true(is_id(lrm_arbiter_open_ask(arbiter, 63)->ask_id, id_of(1000)));
  assert_null(lrm_arbiter_open_ask(arbiter, 64));
  end_arbiter(arbiter);
}

static void old_resolutions_are_remembered_within_limits(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  char *json = malloc(30001);
  memset(json, ' ', 30000);
  json[0] = '{';
  json[29999] = '}';
  json[30000] = '\0';
  for (uint32_t i = 0; i < 4097; i++) {
    Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
    const Remote__V1__AskResolved *resolution;
    lrm_id id = id_of(i);
    answer.json = json;
    open_ask(arbiter, 'f', i);
    assert_int_equal(lrm_arbiter_answer(arbiter, &id, &answer, NULL, NULL, i, &resolution),
                     LRM_VERDICT_WON);
    assert_int_equal(strlen(resolution->answer->json), 30000);
  }
  lrm_id first = id_of(0), second = id_of(1), recent = id_of(4000), oldish = id_of(3000);
  assert_null(lrm_arbiter_resolution(arbiter, &first));
  assert_int_equal(lrm_arbiter_resolution(arbiter, &second)->at_ms, 1);
  assert_true(strlen(lrm_arbiter_resolution(arbiter, &oldish)->answer->json) <= 1);
  assert_int_equal(strlen(lrm_arbiter_resolution(arbiter, &recent)->answer->json), 30000);
  free(json);
  end_arbiter(arbiter);
}

static void missing_memory_changes_nothing(void **state) {
  (void)state;
  lrm_arbiter *arbiter = new_arbiter();
  const Remote__V1__AskResolved *resolution;
  struct sample s;
  make_ask(&s, 'p', 1);
  s.ask.expires_ms = 10;
  fail_at = calls + 1;
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), LRM_ERR_NO_MEMORY);
  assert_int_equal(lrm_arbiter_open(arbiter, &s.ask), 0);
  fail_at = calls + 1;
  assert_int_equal(answer_with(arbiter, 1, "yes", &resolution), LRM_VERDICT_NO_MEMORY);
  assert_non_null(lrm_arbiter_find(arbiter, &s.id));
  fail_at = calls + 1;
  assert_false(lrm_arbiter_expire(arbiter, 20, &resolution));
  assert_int_equal(answer_with(arbiter, 1, "yes", &resolution), LRM_VERDICT_WON);
  end_arbiter(arbiter);
}

/* ---- after a restart ---- */

static void a_restart_orphans_before_it_answers(void **state) {
  (void)state;
  lrm_arbiter *before = new_arbiter(), *after = new_arbiter();
  const Remote__V1__AskResolved *won, *resolution;
  struct sample s;
  for (uint32_t i = 1; i <= 3; i++) open_ask(before, 'p', i);
  assert_int_equal(answer_with(before, 2, "always", &won), LRM_VERDICT_WON);
  /* In any order, and twice. */
  assert_int_equal(lrm_arbiter_restore_resolved(after, won), 0);
  for (uint32_t i = 1; i <= 3; i++) {
    make_ask(&s, 'p', i);
    assert_int_equal(lrm_arbiter_restore_open(after, &s.ask), 0);
    assert_int_equal(lrm_arbiter_restore_open(after, &s.ask), 0);
  }
  assert_int_equal(lrm_arbiter_restore_resolved(after, won), 0);
  assert_true(is_id(lrm_arbiter_open_ask(after, 1)->ask_id, id_of(3)));
  while (lrm_arbiter_open_ask(after, 0) != NULL) {
    lrm_id id;
    memcpy(id.bytes, lrm_arbiter_open_ask(after, 0)->ask_id.data, 16);
    assert_int_equal(lrm_arbiter_end(after, &id, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ORPHANED,
                                     NULL, NULL, 50, &resolution),
                     LRM_VERDICT_WON);
  }
  assert_int_equal(answer_with(after, 1, "yes", &resolution), LRM_VERDICT_SUPERSEDED);
  assert_int_equal(resolution->outcome, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ORPHANED);
  assert_int_equal(answer_with(after, 2, "yes", &resolution), LRM_VERDICT_SUPERSEDED);
  assert_string_equal(resolution->answer->option_id, "always");
  lrm_arbiter_destroy(before);
  end_arbiter(after);
}

/* ---- anything, at random, against an oracle ---- */

struct oracle {
  bool open, resolved;
  uint64_t expires_ms, at_ms; /* at_ms: when it was resolved, which tells the winners apart */
};

static uint64_t random_state;

static uint64_t random_below(uint64_t limit) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (z ^ (z >> 31)) % limit;
}

#define ASKS 24u

static void expect_first_wins(struct oracle *o, lrm_verdict verdict,
                              const Remote__V1__AskResolved *resolution, uint64_t now,
                              bool would_win) {
  if (!o->open && !o->resolved) {
    assert_int_equal(verdict, LRM_VERDICT_NO_SUCH_ASK);
  } else if (o->resolved) {
    assert_int_equal(verdict, LRM_VERDICT_SUPERSEDED);
    assert_true(resolution->at_ms == o->at_ms);
  } else if (would_win) {
    assert_int_equal(verdict, LRM_VERDICT_WON);
    assert_true(resolution->at_ms == now);
    *o = (struct oracle){false, true, 0, now};
  } else {
    assert_int_equal(verdict, LRM_VERDICT_NOT_OFFERED);
  }
}

static void random_step(lrm_arbiter *arbiter, struct oracle *oracle, uint64_t now) {
  uint32_t number = (uint32_t)random_below(ASKS);
  struct oracle *o = &oracle[number];
  lrm_id id = id_of(number);
  const Remote__V1__AskResolved *resolution;
  struct sample s;
  switch (random_below(6)) {
    case 0:
      make_ask(&s, 'p', number);
      s.ask.expires_ms = random_below(2) ? now + 1 + random_below(40) : 0;
      assert_int_equal(lrm_arbiter_open(arbiter, &s.ask),
                       o->open || o->resolved ? LRM_ERR_USAGE : 0);
      if (!o->open && !o->resolved) *o = (struct oracle){true, false, s.ask.expires_ms, 0};
      break;
    case 1: {
      lrm_verdict verdict = lrm_arbiter_end(
          arbiter, &id, (Remote__V1__AskOutcome)(2 + random_below(4)), "", NULL, now, &resolution);
      expect_first_wins(o, verdict, resolution, now, true);
      break;
    }
    case 2:
      while (lrm_arbiter_expire(arbiter, now, &resolution)) {
        uint32_t which;
        memcpy(&which, resolution->ask_id.data + 12, sizeof which);
        assert_true(oracle[which].open && oracle[which].expires_ms != 0 &&
                    oracle[which].expires_ms <= now);
        oracle[which] = (struct oracle){false, true, 0, now};
      }
      for (size_t i = 0; i < ASKS; i++)
        assert_false(oracle[i].open && oracle[i].expires_ms != 0 && oracle[i].expires_ms <= now);
      break;
    default: {
      bool right = random_below(4) != 0;
      Remote__V1__AnswerContent answer = answer_of(right ? "yes" : "maybe");
      lrm_id command = id_of(5000 + (uint32_t)now);
      lrm_verdict verdict = lrm_arbiter_answer(arbiter, &id, &answer, NULL,
                                               random_below(2) ? &command : NULL, now, &resolution);
      expect_first_wins(o, verdict, resolution, now, right);
    }
  }
}

static void the_first_wins_whatever_happens(void **state) {
  (void)state;
  for (uint64_t seed = 0; seed < 300; seed++) {
    lrm_arbiter *arbiter = new_arbiter();
    struct oracle oracle[ASKS] = {{0}};
    random_state = SEED + seed;
    for (uint64_t now = 1; now <= 250; now++) {
      random_step(arbiter, oracle, now);
      size_t open = 0;
      for (size_t i = 0; i < ASKS; i++) open += oracle[i].open;
      assert_int_equal(open == 0, lrm_arbiter_open_ask(arbiter, 0) == NULL);
      if (open > 0) assert_non_null(lrm_arbiter_open_ask(arbiter, open - 1));
      assert_null(lrm_arbiter_open_ask(arbiter, open));
    }
    end_arbiter(arbiter);
  }
}

int main(void) {
  print_message("seed %llu\n", (unsigned long long)SEED);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers_are_checked_against_the_ask),
      cmocka_unit_test(a_form_takes_an_object_of_rfc_8259_and_nothing_else),
      cmocka_unit_test(one_time_only_takes_lasting_options_away),
      cmocka_unit_test(everybody_learns_who_won),
      cmocka_unit_test(ids_are_never_used_again),
      cmocka_unit_test(only_ends_end_an_ask),
      cmocka_unit_test(asks_expire_in_their_order),
      cmocka_unit_test(open_asks_are_limited),
      cmocka_unit_test(old_resolutions_are_remembered_within_limits),
      cmocka_unit_test(missing_memory_changes_nothing),
      cmocka_unit_test(a_restart_orphans_before_it_answers),
      cmocka_unit_test(the_first_wins_whatever_happens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Elicitation: what is shown of a form, and what an answer may hold before the agent hears it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "recorder.h"

static recorder rec;

static int begin(void **state) {
  (void)state;
  recorder_init(&rec);
  recorder_start(&rec, NULL, NULL);
  recorder_ready(&rec);
  return 0;
}

static int end(void **state) {
  (void)state;
  assert_int_equal(rec.bad, 0);
  recorder_free(&rec);
  return 0;
}

static void ask_form(const char *schema) {
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':1,'method':'elicitation/create','params':{'sessionId':'s1',"
             "'mode':'form','message':'Tell me','requestedSchema':{'type':'object',%s}}}",
             schema);
  assert_int_equal(rec.ask_count, 1);
}

static char reason[512];

static bool fits(const char *json) {
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  char *text = memory_string(json);
  for (char *p = text; *p != '\0'; p++)
    if (*p == '\'') *p = '"';
  answer.json = text;
  bool good = acp_session_answer_fits(rec.session, &rec.asks[0].id, &answer, reason, sizeof reason);
  free(text);
  return good;
}

static void refused(const char *json, const char *why) {
  if (fits(json)) fail_msg("taken: %s", json);
  if (strcmp(reason, why) != 0) fail_msg("%s: %s", json, reason);
}

static void answer_json(const char *json) {
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  char *text = memory_string(json);
  for (char *p = text; *p != '\0'; p++)
    if (*p == '\'') *p = '"';
  answer.json = text;
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = &answer;
  acp_session_answer(rec.session, &rec.asks[0].id, &resolved, rec.now_ns);
  free(text);
}

/* Answers and gives the content as the agent hears it. */
static char *accepted(const char *json) {
  answer_json(json);
  json_t *result = json_object_get(sent_answer(&rec, "1"), "result");
  assert_string_equal(json_string_value(json_object_get(result, "action")), "accept");
  return json_dumps(json_object_get(result, "content"), JSON_COMPACT | JSON_SORT_KEYS);
}

static void expect_accepted(const char *json, const char *content) {
  char *text = accepted(json);
  assert_string_equal(text, content);
  free(text);
}

static void numbers_keep_their_digits(void **state) {
  (void)state;
  ask_form("'properties':{'big':{'type':'integer'},'i':{'type':'integer'},'n':{'type':'number'}}");
  refused("{'i':'nan'}", "i: must be a whole number");
  refused("{'i':'0x10'}", "i: must be a whole number");
  refused("{'i':1.5}", "i: must be a whole number");
  refused("{'i':'1e30'}", "i: must be a whole number");
  refused("{'n':'inf'}", "n: must be a number");
  refused("{'n':true}", "n: must be a number");
  expect_accepted("{'big':'9223372036854775807','i':3.0,'n':'2.5'}",
                  "{\"big\":9223372036854775807,\"i\":3,\"n\":2.5}");
}

static void what_the_schema_says_is_held(void **state) {
  (void)state;
  ask_form(
      "'properties':{'age':{'type':'integer','minimum':18,'maximum':99,'title':'Your age'},"
      "'name':{'type':'string','minLength':2,'maxLength':4},"
      "'mail':{'type':'string','format':'email'},'when':{'type':'string','format':'date'},"
      "'at':{'type':'string','format':'date-time'},'link':{'type':'string','format':'uri'},"
      "'colour':{'type':'string','oneOf':[{'const':'r','title':'Red'},{'const':'g'}]},"
      "'some':{'type':'array','minItems':1,'maxItems':2,'items':{'anyOf':[{'const':'a','title':"
      "'A'},{'const':'b'},{'const':'c'}]}},'ok':{'type':'boolean'}},'required':['name','ok']");
  refused("{}", "name: must be given");
  refused("{'name':'Bo'}", "ok: must be given");
  refused("{'name':null,'ok':true}", "name: must be given");
  refused("{'name':'x','ok':true}", "name: at least 2 characters");
  refused("{'name':'\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9','ok':true}",
          "name: at most 4 characters");
  refused("{'name':7,'ok':true}", "name: must be text");
  refused("{'name':'Bo','ok':'perhaps'}", "ok: must be yes or no");
  refused("{'name':'Bo','ok':1}", "ok: must be yes or no");
  refused("{'age':17,'name':'Bo','ok':true}", "Your age: at least 18");
  refused("{'age':'100','name':'Bo','ok':true}", "Your age: at most 99");
  refused("{'mail':'bo','name':'Bo','ok':true}", "mail: must be an e-mail address");
  refused("{'when':'31.1.2026','name':'Bo','ok':true}", "when: must be a date, such as 2026-01-31");
  refused("{'when':'2026-13-01','name':'Bo','ok':true}",
          "when: must be a date, such as 2026-01-31");
  refused("{'at':'2026-01-31','name':'Bo','ok':true}",
          "at: must be a date and time, such as 2026-01-31T10:00:00Z");
  refused("{'link':'example.org','name':'Bo','ok':true}",
          "link: must be a URI, such as https://example.org");
  refused("{'colour':'Red','name':'Bo','ok':true}", "colour: Red is not one of the choices");
  refused("{'some':[],'name':'Bo','ok':true}", "some: at least 1 of them");
  refused("{'some':['a','b','c'],'name':'Bo','ok':true}", "some: at most 2 of them");
  refused("{'some':['a','d'],'name':'Bo','ok':true}", "some: d is not one of the choices");
  refused("{'some':[1],'name':'Bo','ok':true}", "some: must be a list of texts");
  refused("{'else':1,'name':'Bo','ok':true}", "else: the form has no such field");
  expect_accepted(
      "{'age':'18','name':'\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9','ok':'no','colour':'g',"
      "'some':'b','mail':'bo@example.org','when':'2026-01-31','link':null,"
      "'at':'2026-01-31T10:00:00.5+01:00'}",
      "{\"age\":18,\"at\":\"2026-01-31T10:00:00.5+01:00\",\"colour\":\"g\",\"mail\":"
      "\"bo@example.org\",\"name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\",\"ok\":false,"
      "\"some\":[\"b\"],\"when\":\"2026-01-31\"}");
}

static void a_default_stands_in_for_what_must_be_given(void **state) {
  (void)state;
  ask_form(
      "'properties':{'n':{'type':'integer','default':5},'s':{'type':'string','default':'x'}},"
      "'required':['n']");
  const Remote__V1__FormAsk *form = rec.asks[0].ask->form;
  assert_string_equal(form->fields[0]->default_json, "5");
  assert_true(form->fields[0]->required);
  expect_accepted("{}", "{\"n\":5}");
}

static void declining_needs_no_form(void **state) {
  (void)state;
  ask_form("'properties':{'n':{'type':'integer'}},'required':['n']");
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  answer.declined = true;
  assert_true(
      acp_session_answer_fits(rec.session, &rec.asks[0].id, &answer, reason, sizeof reason));
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = &answer;
  acp_session_answer(rec.session, &rec.asks[0].id, &resolved, rec.now_ns);
  json_t *result = json_object_get(sent_answer(&rec, "1"), "result");
  assert_string_equal(json_string_value(json_object_get(result, "action")), "decline");
}

static void what_cannot_be_shown_is_refused_and_told(void **state) {
  static const char *const bad[] = {
      "'mode':'url','url':'https://example.org/a b','elicitationId':'e'",
      "'mode':'url','elicitationId':'e'", "'mode':'dream'", "'message':'neither'"};
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char id[16];
    snprintf(id, sizeof id, "%zu", i);
    agent_says(&rec, "{'jsonrpc':'2.0','id':%s,'method':'elicitation/create','params':{%s}}", id,
               bad[i]);
    json_t *error = json_object_get(sent_answer(&rec, id), "error");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), -32602);
  }
  assert_int_equal(rec.ask_count, 0);
  assert_int_equal(count_body(&rec, REMOTE__V1__EVENT__BODY_NOTICE), 4);
}

static void a_form_without_mode_is_a_form(void **state) {
  (void)state;
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':1,'method':'elicitation/create','params':{'sessionId':'s1',"
             "'message':'m','requestedSchema':{'properties':{'a':{'type':'string'}}}}}");
  assert_int_equal(rec.asks[0].ask->kind_case, REMOTE__V1__ASK__KIND_FORM);
  expect_accepted("{'a':'b'}", "{\"a\":\"b\"}");
}

/* ---- questions in a permission request ---- */

static void ask_questions(const char *tool, const char *questions) {
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':1,'method':'session/request_permission','params':{"
             "'sessionId':'s1','options':[{'optionId':'proceed_once','name':'Submit','kind':"
             "'allow_once'},{'optionId':'cancel','name':'Cancel','kind':'reject_once'}],'toolCall':"
             "{'toolCallId':'t1','title':'Ask user','kind':'think','rawInput':{'questions':%s},"
             "'_meta':{'toolName':'%s'}}}}",
             questions, tool);
  assert_int_equal(rec.ask_count, 1);
}

#define COLOURS                                                                             \
  "{'question':'Which?','header':'Colour','options':[{'label':'red','description':'warm'}," \
  "{'label':'blue','description':'blue'}]}"
#define TASTES \
  "{'question':'Tastes?','multiSelect':true,'options':[{'label':'sour'},{'label':'sweet'}]}"

static void expect_reply(const char *wanted) {
  json_t *reply = json_object_get(sent_answer(&rec, "1"), "result");
  char *text = json_dumps(reply, JSON_COMPACT);
  assert_string_equal(text, wanted);
  free(text);
}

static void questions_of_a_permission_are_a_form(void **state) {
  (void)state;
  ask_questions("ask_user_question", "[" COLOURS "," TASTES "]");
  const Remote__V1__Ask *ask = rec.asks[0].ask;
  assert_int_equal(ask->kind_case, REMOTE__V1__ASK__KIND_FORM);
  assert_int_equal(ask->n_options, 0);
  assert_int_equal(ask->form->n_fields, 2);
  assert_string_equal(ask->form->fields[0]->title, "Colour");
  assert_string_equal(ask->form->fields[0]->choices[0]->label, "red - warm");
  assert_string_equal(ask->form->fields[0]->choices[1]->label, "blue");
  assert_string_equal(ask->form->fields[1]->title, "Tastes?");
  assert_false(fits("{'0':'green','1':['sour']}"));
  assert_true(fits("{'0':'blue','1':['sour','sweet']}"));
  answer_json("{'0':'blue','1':['sour','sweet']}");
  expect_reply(
      "{\"outcome\":{\"outcome\":\"selected\",\"optionId\":\"proceed_once\"},"
      "\"answers\":{\"0\":\"blue\",\"1\":\"sour, sweet\"}}");
}

static void the_only_question_is_what_the_form_says(void **state) {
  (void)state;
  ask_questions("ask_user_question", "[" COLOURS "]");
  const Remote__V1__FormAsk *form = rec.asks[0].ask->form;
  assert_string_equal(form->text, "Which?");
  assert_int_equal(form->n_fields, 1);
  assert_string_equal(form->fields[0]->title, "Colour");
  assert_string_equal(form->fields[0]->description, "");
}

static void questions_that_are_declined(void **state) {
  (void)state;
  ask_questions("ask_user_question", "[" COLOURS "]");
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  answer.declined = 1;
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = &answer;
  acp_session_answer(rec.session, &rec.asks[0].id, &resolved, rec.now_ns);
  expect_reply("{\"outcome\":{\"outcome\":\"selected\",\"optionId\":\"cancel\"}}");
}

static void other_questions_are_a_permission(void **state) {
  (void)state;
  ask_questions("another_tool", "[" COLOURS "]");
  assert_int_equal(rec.asks[0].ask->kind_case, REMOTE__V1__ASK__KIND_PERMISSION);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(numbers_keep_their_digits),
      TEST(what_the_schema_says_is_held),
      TEST(a_default_stands_in_for_what_must_be_given),
      TEST(declining_needs_no_form),
      TEST(what_cannot_be_shown_is_refused_and_told),
      TEST(a_form_without_mode_is_a_form),
      TEST(questions_of_a_permission_are_a_form),
      TEST(the_only_question_is_what_the_form_says),
      TEST(questions_that_are_declined),
      TEST(other_questions_are_a_permission),
  };
  return cmocka_run_group_tests_name("acp_forms", tests, NULL, NULL);
}

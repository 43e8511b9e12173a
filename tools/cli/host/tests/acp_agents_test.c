/* Sub-agents, what commands print, plans, limits: what agents say in more than one way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "recorder.h"

#define BODY(x) REMOTE__V1__EVENT__BODY_##x

static recorder rec;

static int begin(void **state) {
  (void)state;
  recorder_init(&rec);
  recorder_start(&rec, NULL, NULL);
  recorder_ready(&rec);
  assert_true(acp_session_prompt(rec.session, "t1", "go", NULL, 0, NULL, rec.now_ns));
  return 0;
}

static int end(void **state) {
  (void)state;
  assert_int_equal(rec.bad, 0);
  recorder_free(&rec);
  return 0;
}

static void child_updates(const char *session, const char *update) {
  agent_says(&rec,
             "{'jsonrpc':'2.0','method':'session/update','params':{'sessionId':'%s','update':%s}}",
             session, update);
}

static void child_asks(const char *id, const char *session, const char *tool) {
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':%s,'method':'session/request_permission','params':{'sessionId':"
             "'%s','toolCall':{'toolCallId':'%s','title':'ls','kind':'execute','rawInput':{"
             "'command':'ls'}},'options':[{'optionId':'y','name':'Y','kind':'allow_once'}]}}",
             id, session, tool);
}

static const char task[] =
    "{'sessionUpdate':'tool_call','toolCallId':'%s','title':'Look','kind':'think','status':"
    "'in_progress','rawInput':{'subagent_type':'explorer','description':'Look','prompt':'Find "
    "it'}}";

/* ---- sub-agents ---- */

static void a_task_is_a_subagent_and_its_child_session_too(void **state) {
  (void)state;
  agent_updates(&rec, task, "k1");
  const Remote__V1__SubagentStarted *started =
      last_body(&rec, BODY(SUBAGENT_STARTED))->subagent_started;
  assert_string_equal(started->name, "explorer");
  assert_string_equal(started->task, "Find it");
  assert_string_equal(started->tool_call_id, "k1");
  assert_string_equal(last_body(&rec, BODY(TOOL_STARTED))->agent_id, "");
  child_updates("c1",
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'text','text':"
                "'looking'}}");
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_STARTED)), 1); /* the same one */
  assert_string_equal(last_body(&rec, BODY(ASSISTANT_DELTA))->agent_id, started->agent_id);
  child_asks("7", "c1", "inner");
  assert_string_equal(rec.asks[0].ask->agent_id, started->agent_id);
  assert_string_equal(last_body(&rec, BODY(TOOL_STARTED))->agent_id, started->agent_id);
  person_answers(&rec, 0, "y");
  assert_non_null(sent_answer(&rec, "7"));
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'k1','status':'completed',"
                "'content':[{'type':'content','content':{'type':'text','text':'found'}}]}");
  const Remote__V1__SubagentEnded *ended = last_body(&rec, BODY(SUBAGENT_ENDED))->subagent_ended;
  assert_string_equal(ended->agent_id, started->agent_id);
  assert_string_equal(ended->text, "found");
  assert_false(ended->failed);
}

static void calls_that_name_their_parent_are_its_subagents(void **state) {
  (void)state;
  agent_updates(&rec, task, "k1");
  agent_updates(&rec, task, "k2");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'r1','title':'Read','kind':'read',"
                "'_meta':{'claudeCode':{'toolName':'Read','parentToolUseId':'k2'}}}");
  const Remote__V1__Event *event = last_body(&rec, BODY(TOOL_STARTED));
  assert_string_equal(event->agent_id, "k2");
  assert_string_equal(event->tool_started->tool->parent_id, "k2");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'r1','status':"
                "'completed'}"); /* without its parent: it is known */
  assert_string_equal(last_body(&rec, BODY(TOOL_ENDED))->agent_id, "k2");
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_STARTED)), 2);
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_ENDED)), 2); /* none outlives its turn */
}

static void two_tasks_and_an_unnamed_session_are_three(void **state) {
  (void)state;
  agent_updates(&rec, task, "k1");
  agent_updates(&rec, task, "k2");
  child_updates("c9",
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'text','text':"
                "'x'}}");
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_STARTED)), 3); /* whose it is, is not known */
  assert_string_equal(last_body(&rec, BODY(ASSISTANT_DELTA))->agent_id, "c9");
}

static void the_draft_tells_name_and_end(void **state) {
  (void)state;
  agent_updates(&rec,
                "{'sessionUpdate':'subagent_update','sessionId':'c1','title':'Tester',"
                "'description':'runs tests','state':{'state':'running'}}");
  const Remote__V1__SubagentStarted *started =
      last_body(&rec, BODY(SUBAGENT_STARTED))->subagent_started;
  assert_string_equal(started->name, "Tester");
  assert_string_equal(started->task, "runs tests");
  agent_updates(&rec,
                "{'sessionUpdate':'subagent_update','sessionId':'c1','state':{'state':"
                "'idle','stopReason':'error','error':{'code':1,'message':'broken'}}}");
  const Remote__V1__SubagentEnded *ended = last_body(&rec, BODY(SUBAGENT_ENDED))->subagent_ended;
  assert_true(ended->failed);
  assert_string_equal(ended->text, "broken");
  agent_updates(&rec, "{'sessionUpdate':'subagent_update','title':'nobody'}");
  assert_non_null(last_extension(&rec, "session/update:subagent_update"));
}

static void what_runs_in_the_background_ends_with_the_agent(void **state) {
  (void)state;
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  child_updates("c1",
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'text','text':"
                "'later'}}");
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_STARTED)), 1);
  acp_session_gone(rec.session, "it was killed", rec.now_ns);
  const Remote__V1__SubagentEnded *ended = last_body(&rec, BODY(SUBAGENT_ENDED))->subagent_ended;
  assert_true(ended->failed);
  assert_string_equal(ended->text, "it was killed");
}

static void many_subagents_come_and_go(void **state) {
  char update[300], id[16];
  (void)state;
  for (size_t i = 0; i < 200; i++) {
    snprintf(id, sizeof id, "k%zu", i);
    snprintf(update, sizeof update, task, id);
    agent_updates(&rec, "%s", update);
    if (i % 2 == 0)
      agent_updates(&rec,
                    "{'sessionUpdate':'tool_call_update','toolCallId':'%s','status':"
                    "'failed'}",
                    id);
  }
  /* 64 may run at once; those that have ended make room. */
  assert_true(count_body(&rec, BODY(SUBAGENT_STARTED)) >= 128);
  size_t ended = count_body(&rec, BODY(SUBAGENT_ENDED));
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_ENDED)), ended + 64);
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_ENDED)),
                   count_body(&rec, BODY(SUBAGENT_STARTED)));
}

/* ---- what commands print ---- */

static void run(const char *more) {
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'x','title':'make','kind':'execute',"
                "'status':'in_progress'%s}",
                more);
}

static void expect_output(const char *text) {
  char *said = tool_output_text(&rec, "x");
  assert_string_equal(said, text);
  free(said);
}

/* As agents for clients with terminal_output do it. */
static void pieces_in_meta_and_a_terminal(void **state) {
  (void)state;
  run(",'content':[{'type':'terminal','terminalId':'x'}],'_meta':{'terminal_info':{'terminal_id':"
      "'x','cwd':'/'}}");
  assert_int_equal(last_body(&rec, BODY(TOOL_STARTED))->tool_started->tool->n_content, 0);
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','_meta':{"
                "'terminal_output':{'terminal_id':'x','data':'one\\n'}}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','_meta':{"
                "'terminal_output':{'terminal_id':'x','data':'one\\ntwo\\n'}}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','status':'failed',"
                "'rawOutput':{'formatted_output':'one\\none\\ntwo\\n','exit_code':2},"
                "'content':[{'type':'terminal','terminalId':'x'}],'_meta':{'terminal_exit':{"
                "'terminal_id':'x','exit_code':2,'signal':null}}}");
  expect_output("one\none\ntwo\n"); /* a piece is a piece, whatever came before */
  const Remote__V1__ToolEnded *ended = last_body(&rec, BODY(TOOL_ENDED))->tool_ended;
  assert_true(ended->exit_known);
  assert_int_equal(ended->exit_code, 2);
  assert_int_equal(ended->n_content, 0);
  assert_null(ended->output); /* it only repeats the output */
}

static void output_told_twice_goes_out_once(void **state) {
  (void)state;
  run(",'_meta':{'terminal_output':{'terminal_id':'x','data':'a\\nb\\n'}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','status':'completed',"
                "'content':[{'type':'content','content':{'type':'text','text':"
                "'```console\\na\\nb\\n```'}}],'rawOutput':'a\\nb'}");
  expect_output("a\nb\n");
}

static void both_streams_of_raw_output(void **state) {
  (void)state;
  run("");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','status':'failed',"
                "'rawOutput':{'stdout':'out\\n','stderr':'err\\n','exitCode':1}}");
  expect_output("out\nerr\n");
  const Remote__V1__Event *event = last_body(&rec, BODY(TOOL_OUTPUT));
  assert_int_equal(event->tool_output->stream, REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_STDERR);
  assert_int_equal(last_body(&rec, BODY(TOOL_ENDED))->tool_ended->exit_code, 1);
}

static void raw_output_that_grows(void **state) {
  (void)state;
  run("");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','rawOutput':{"
                "'output':'a\\n'}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','rawOutput':{"
                "'output':'a\\nb\\n'}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','status':'completed',"
                "'rawOutput':{'output':'a\\nb\\n','metadata':{'exit':0}}}");
  expect_output("a\nb\n");
  assert_int_equal(count_body(&rec, BODY(TOOL_OUTPUT)), 2);
}

static void stderr_in_meta_and_a_signal(void **state) {
  (void)state;
  run("");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','_meta':{"
                "'terminal_output_delta':{'stream':'stderr','data':'no\\n'}}}");
  assert_int_equal(last_body(&rec, BODY(TOOL_OUTPUT))->tool_output->stream,
                   REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_STDERR);
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','status':'failed',"
                "'_meta':{'terminal_exit':{'exit_code':null,'signal':'SIGTERM'}}}");
  const Remote__V1__ToolEnded *ended = last_body(&rec, BODY(TOOL_ENDED))->tool_ended;
  assert_false(ended->exit_known);
  assert_string_equal(ended->reason, "ended by SIGTERM");
}

static void words_beside_the_output_stay(void **state) {
  (void)state;
  run(",'_meta':{'terminal_output':{'data':'a\\n'}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','status':'failed',"
                "'content':[{'type':'content','content':{'type':'text','text':'The user "
                "said no'}}],'rawOutput':{'error':'denied'}}");
  expect_output("a\n");
  const Remote__V1__ToolEnded *ended = last_body(&rec, BODY(TOOL_ENDED))->tool_ended;
  assert_int_equal(ended->n_content, 1);
  assert_string_equal(ended->content[0]->text, "The user said no");
  assert_non_null(ended->output);
}

static void an_empty_list_clears_what_was_shown(void **state) {
  (void)state;
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'x','title':'t','kind':'read',"
                "'content':[]}");
  assert_int_equal(last_body(&rec, BODY(TOOL_STARTED))->tool_started->tool->n_content, 0);
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','content':[{'type':"
                "'content','content':{'type':'text','text':'draft'}}]}");
  agent_updates(&rec, "{'sessionUpdate':'tool_call_update','toolCallId':'x','content':[]}");
  const Remote__V1__ToolState *tool = last_body(&rec, BODY(TOOL_UPDATED))->tool_updated->tool;
  assert_int_equal(tool->n_content, 1);
  assert_string_equal(tool->content[0]->text, "");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','content':[{'type':"
                "'content','content':{'type':'text','text':'draft 2'}}]}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'x','status':'completed',"
                "'content':[]}");
  const Remote__V1__ToolEnded *ended = last_body(&rec, BODY(TOOL_ENDED))->tool_ended;
  assert_int_equal(ended->n_content, 1);
  assert_string_equal(ended->content[0]->text, "");
}

/* ---- plans ---- */

static void a_plan_review_is_a_document_too(void **state) {
  (void)state;
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':3,'method':'session/request_permission','params':{'sessionId':"
             "'s1','toolCall':{'toolCallId':'p','kind':'switch_mode','title':'Ready?','content':["
             "{'type':'content','content':{'type':'text','text':'# Plan'}},{'type':'content',"
             "'content':{'type':'text','text':'1. do it'}}]},'options':[{'optionId':'default',"
             "'name':'Go','kind':'allow_once'},{'optionId':'plan','name':'Stay','kind':"
             "'reject_once'}]}}");
  assert_string_equal(rec.asks[0].ask->plan->text, "# Plan\n\n1. do it");
  assert_string_equal(last_body(&rec, BODY(PLAN_DOCUMENT_CHANGED))->plan_document_changed->text,
                      "# Plan\n\n1. do it");
  agent_updates(&rec,
                "{'sessionUpdate':'plan_update','plan':{'type':'markdown','planId':'a',"
                "'content':'# Plan\\n\\n1. do it'}}");
  assert_int_equal(count_body(&rec, BODY(PLAN_DOCUMENT_CHANGED)), 1); /* the same */
  agent_updates(&rec,
                "{'sessionUpdate':'plan_update','plan':{'type':'items','planId':'a',"
                "'entries':[{'content':'x','status':'pending','priority':'high'}]}}");
  assert_int_equal(last_body(&rec, BODY(PLAN_UPDATED))->plan_updated->n_entries, 1);
  agent_updates(&rec, "{'sessionUpdate':'plan_update','plan':{'type':'file','uri':'file:///p'}}");
  assert_non_null(last_extension(&rec, "session/update:plan_update"));
}

static void a_plan_that_is_removed(void **state) {
  (void)state;
  agent_updates(&rec,
                "{'sessionUpdate':'plan','entries':[{'content':'x','status':'pending',"
                "'priority':'high'}]}");
  agent_updates(&rec, "{'sessionUpdate':'plan_removed','planId':'a'}");
  assert_int_equal(last_body(&rec, BODY(PLAN_UPDATED))->plan_updated->n_entries, 0);
}

static void accounts_stay_here(void **state) {
  (void)state;
  agent_says(&rec,
             "{'jsonrpc':'2.0','method':'auth/status_update','params':{'state':'ok',"
             "'accounts':[{'name':'me@example.org'}]}}");
  assert_null(last_extension(&rec, "auth/status_update"));
  const Remote__V1__AgentExtension *said = last_extension(&rec, "notification");
  assert_string_equal(said->json->text, "{\"method\":\"auth/status_update\"}");
  agent_says(&rec, "{'jsonrpc':'2.0','method':'_vendor/thing','params':{'a':1}}");
  assert_string_equal(last_extension(&rec, "_vendor/thing")->json->text, "{\"a\":1}");
}

static void a_comment_reaches_the_agent(void **state) {
  (void)state;
  child_asks("3", "s1", "c");
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  char option[] = "y", comment[] = "but be quick";
  answer.option_id = option;
  answer.comment = comment;
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = &answer;
  acp_session_answer(rec.session, &rec.asks[0].id, &resolved, rec.now_ns);
  json_t *outcome = json_object_get(json_object_get(sent_answer(&rec, "3"), "result"), "outcome");
  assert_string_equal(
      json_string_value(json_object_get(json_object_get(outcome, "_meta"), "comment")),
      "but be quick");
}

/* ---- how much it asks, and limits ---- */

static void asking_less_is_told_when_it_begins_and_ends(void **state) {
  (void)state;
  agent_updates(&rec, "{'sessionUpdate':'current_mode_update','currentModeId':'yolo'}");
  const Remote__V1__PermissionModeChanged *changed =
      last_body(&rec, BODY(PERMISSION_MODE_CHANGED))->permission_mode_changed;
  assert_true(changed->elevated);
  assert_string_equal(changed->mode, "yolo");
  agent_updates(&rec, "{'sessionUpdate':'current_mode_update','currentModeId':'bypass'}");
  assert_int_equal(count_body(&rec, BODY(PERMISSION_MODE_CHANGED)), 1);
  agent_updates(&rec, "{'sessionUpdate':'current_mode_update','currentModeId':'default'}");
  changed = last_body(&rec, BODY(PERMISSION_MODE_CHANGED))->permission_mode_changed;
  assert_false(changed->elevated);
  assert_string_equal(changed->mode, "default");
}

static void limits_are_said_with_what_can_be_done(void **state) {
  (void)state;
  agent_answers(&rec, "session/prompt", "{'stopReason':'max_tokens'}");
  assert_string_equal(last_body(&rec, BODY(NOTICE))->notice->topic, "limit");
  assert_true(acp_session_prompt(rec.session, "t2", "go", NULL, 0, NULL, rec.now_ns));
  agent_fails(&rec, "session/prompt", -32603, "Internal error: usage limit reached, resets 3pm");
  assert_string_equal(last_body(&rec, BODY(NOTICE))->notice->topic, "limit");
  assert_non_null(strstr(last_body(&rec, BODY(NOTICE))->notice->text, "resets 3pm"));
  assert_true(acp_session_prompt(rec.session, "t3", "go", NULL, 0, NULL, rec.now_ns));
  agent_fails(&rec, "session/prompt", -32000, "Authentication required");
  assert_non_null(strstr(last_body(&rec, BODY(NOTICE))->notice->text, "/sign-in"));
}

/* ---- asking while it is being cancelled ---- */

static void what_is_asked_after_a_cancel_is_cancelled(void **state) {
  (void)state;
  acp_session_cancel(rec.session, NULL, rec.now_ns);
  child_asks("5", "s1", "late");
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':6,'method':'elicitation/create','params':{'sessionId':"
             "'s1','mode':'form','message':'m','requestedSchema':{'properties':{}}}}");
  assert_int_equal(rec.ask_count, 0);
  json_t *outcome = json_object_get(json_object_get(sent_answer(&rec, "5"), "result"), "outcome");
  assert_string_equal(json_string_value(json_object_get(outcome, "outcome")), "cancelled");
  assert_string_equal(json_string_value(json_object_get(
                          json_object_get(sent_answer(&rec, "6"), "result"), "action")),
                      "cancel");
  agent_answers(&rec, "session/prompt", "{'stopReason':'cancelled'}");
  child_asks("7", "s1", "after"); /* outside of any turn it is asked again */
  assert_int_equal(rec.ask_count, 1);
}

/* ---- changes that are never answered ---- */

static void a_mode_that_is_never_confirmed_has_an_outcome(void **state) {
  (void)state;
  lrm_id command = {{9}};
  agent_updates(&rec,
                "{'sessionUpdate':'config_option_update','configOptions':[{'id':'m','name':"
                "'M','type':'select','category':'mode','currentValue':'a','options':[{"
                "'value':'a','name':'A'},{'value':'b','name':'B'}]}]}");
  acp_session_set_mode(rec.session, "b", &command, NULL, rec.now_ns);
  assert_int_equal(sent_count(&rec, "session/set_config_option"), 1);
  uint64_t due = acp_session_deadline(rec.session);
  assert_int_equal(due, rec.now_ns + ACP_CHANGE_NS);
  acp_session_expire(rec.session, due - 1);
  assert_int_equal(rec.finishes, 0);
  acp_session_expire(rec.session, due);
  assert_int_equal(rec.finishes, 1);
  assert_int_equal(rec.finish_code, LRM_CODE_AGENT_ERROR);
  assert_int_equal(sent_count(&rec, "$/cancel_request"), 1);
  /* The answer that comes after all changes nothing and is no nonsense. */
  size_t events = rec.count;
  agent_answers(&rec, "session/set_config_option", "{'configOptions':[]}");
  assert_int_equal(rec.count, events);
  assert_int_equal(acp_session_malformed(rec.session), 0);
  assert_int_equal(rec.finishes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_task_is_a_subagent_and_its_child_session_too),
      TEST(calls_that_name_their_parent_are_its_subagents),
      TEST(two_tasks_and_an_unnamed_session_are_three),
      TEST(the_draft_tells_name_and_end),
      TEST(what_runs_in_the_background_ends_with_the_agent),
      TEST(many_subagents_come_and_go),
      TEST(pieces_in_meta_and_a_terminal),
      TEST(output_told_twice_goes_out_once),
      TEST(both_streams_of_raw_output),
      TEST(raw_output_that_grows),
      TEST(stderr_in_meta_and_a_signal),
      TEST(words_beside_the_output_stay),
      TEST(an_empty_list_clears_what_was_shown),
      TEST(what_is_asked_after_a_cancel_is_cancelled),
      TEST(a_plan_review_is_a_document_too),
      TEST(a_plan_that_is_removed),
      TEST(accounts_stay_here),
      TEST(a_comment_reaches_the_agent),
      TEST(asking_less_is_told_when_it_begins_and_ends),
      TEST(limits_are_said_with_what_can_be_done),
      TEST(a_mode_that_is_never_confirmed_has_an_outcome),
  };
  return cmocka_run_group_tests_name("acp_agents", tests, NULL, NULL);
}

/* How real agents behave, one test for each way: ids, options, order, silence, nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "jsonrpc.h"
#include "recorder.h"

#define BODY(x) REMOTE__V1__EVENT__BODY_##x

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
  assert_int_equal(rec.bad, 0); /* whatever happened: no reader would refuse an event */
  recorder_free(&rec);
  return 0;
}

static void prompt(const char *turn, const char *text) {
  assert_true(acp_session_prompt(rec.session, turn, text, NULL, 0, NULL, rec.now_ns));
}

static const char ask_line[] =
    "{'jsonrpc':'2.0','id':%s,'method':'session/request_permission','params':{'sessionId':'s1',"
    "'toolCall':{'toolCallId':'%s','title':'ls','kind':'execute','rawInput':{'command':'ls'}},"
    "'options':[{'optionId':'aa','name':'Always','kind':'allow_always'},"
    "{'optionId':'ao','name':'Once','kind':'allow_once'},"
    "{'optionId':'no','name':'No','kind':'reject_once'}]}}";

static void ask(const char *id, const char *tool) {
  char *line;
  char format[sizeof ask_line];
  memcpy(format, ask_line, sizeof format);
  for (char *p = format; *p != '\0'; p++)
    if (*p == '\'') *p = '"';
  size_t room = strlen(format) + strlen(id) + strlen(tool) + 1;
  char *quoted = memory_zero(room);
  char *first = strstr(format, "%s"), *second = strstr(first + 2, "%s");
  *first = *second = '\0';
  snprintf(quoted, room, "%s%s%s%s%s", format, id, first + 2, tool, second + 2);
  line = quoted;
  agent_says_raw(&rec, line);
  free(quoted);
}

static const char *chosen(const char *id) {
  json_t *outcome = json_object_get(json_object_get(sent_answer(&rec, id), "result"), "outcome");
  const char *option = json_string_value(json_object_get(outcome, "optionId"));
  return option != NULL ? option : json_string_value(json_object_get(outcome, "outcome"));
}

/* ---- ids ---- */

static void ids_are_echoed_with_their_type(void **state) {
  (void)state;
  prompt("t1", "go");
  ask("0", "a");
  ask("\"0\"", "b");
  ask("7.0", "c");
  person_answers(&rec, 1, "no");
  person_answers(&rec, 0, "ao");
  person_answers(&rec, 2, "aa");
  assert_string_equal(chosen("0"), "ao");
  assert_string_equal(chosen("\"0\""), "no");
  assert_true(json_is_integer(json_object_get(sent_answer(&rec, "0"), "id")));
  assert_true(json_is_string(json_object_get(sent_answer(&rec, "\"0\""), "id")));
  assert_true(json_is_real(json_object_get(sent_answer(&rec, "7.0"), "id")));
}

static void long_ids_are_replaced_and_answered_as_they_were(void **state) {
  char tool[301], option[301], line[2000];
  (void)state;
  memset(tool, 'x', 300);
  memset(option, 'y', 300);
  tool[300] = option[300] = '\0';
  prompt("t1", "go");
  snprintf(line, sizeof line,
           "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session/request_permission\",\"params\":{"
           "\"sessionId\":\"s1\",\"toolCall\":{\"toolCallId\":\"%s\"},\"options\":[{\"optionId\":"
           "\"%s\",\"name\":\"Yes\",\"kind\":\"allow_once\"},{\"optionId\":\"n\",\"name\":\"No\","
           "\"kind\":\"reject_once\"}]}}",
           tool, option);
  agent_says_raw(&rec, line);
  assert_int_equal(rec.ask_count, 1);
  assert_true(strlen(rec.asks[0].ask->tool_call_id) < 128);
  person_answers(&rec, 0, rec.asks[0].ask->options[0]->option_id);
  assert_string_equal(chosen("1"), option);
}

/* ---- permissions ---- */

static void options_are_told_by_kind(void **state) {
  (void)state;
  prompt("t1", "go");
  ask("0", "a");
  const Remote__V1__Ask *a = rec.asks[0].ask;
  assert_int_equal(a->n_options, 3);
  assert_int_equal(a->options[0]->kind, REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ALWAYS);
  assert_int_equal(a->options[1]->kind, REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE);
  assert_int_equal(a->options[2]->kind, REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE);
  assert_int_equal(a->kind_case, REMOTE__V1__ASK__KIND_PERMISSION);
  assert_int_equal(a->permission->kind, REMOTE__V1__PERMISSION_KIND__PERMISSION_KIND_COMMAND);
  assert_string_equal(a->permission->command, "ls");
  assert_string_equal(a->turn_id, "t1");
}

static void a_call_never_announced_is_announced(void **state) {
  (void)state;
  prompt("t1", "go");
  ask("0", "never-seen");
  const Remote__V1__Event *event = last_body(&rec, BODY(TOOL_STARTED));
  assert_non_null(event);
  assert_string_equal(event->tool_started->tool->tool_call_id, "never-seen");
  assert_string_equal(rec.asks[0].ask->tool_call_id, "never-seen");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'other',"
                "'status':'in_progress','title':'x'}");
  assert_int_equal(count_body(&rec, BODY(TOOL_STARTED)), 2);
  agent_updates(&rec, "{'sessionUpdate':'tool_call','toolCallId':'other','title':'y'}");
  assert_int_equal(count_body(&rec, BODY(TOOL_STARTED)), 2);
  assert_int_equal(count_body(&rec, BODY(TOOL_UPDATED)), 1);
}

static void an_edit_shows_the_diff_told_before(void **state) {
  (void)state;
  prompt("t1", "go");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'e','title':'Edit','kind':'edit',"
                "'content':[{'type':'diff','path':'/home/user/project/a','oldText':null,"
                "'newText':'new'}]}");
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':3,'method':'session/request_permission','params':{"
             "'sessionId':'s1','toolCall':{'toolCallId':'e','kind':'edit'},'options':[{"
             "'optionId':'y','name':'Yes','kind':'allow_once'}]}}");
  const Remote__V1__PermissionAsk *p = rec.asks[0].ask->permission;
  assert_int_equal(p->kind, REMOTE__V1__PERMISSION_KIND__PERMISSION_KIND_WRITE);
  assert_int_equal(p->n_diffs, 1);
  assert_string_equal(p->diffs[0]->new_text, "new");
  assert_true(p->diffs[0]->new_file);
  assert_int_equal(p->place, REMOTE__V1__PLACE__PLACE_INSIDE_WORKSPACE);
}

static void switching_the_mode_is_a_plan_to_review(void **state) {
  (void)state;
  prompt("t1", "go");
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':3,'method':'session/request_permission','params':{"
             "'sessionId':'s1','toolCall':{'toolCallId':'p','kind':'switch_mode','title':'Ready?',"
             "'rawInput':{'plan':'1. do it'}},'options':[{'optionId':'go','name':'Go','kind':"
             "'allow_once'},{'optionId':'stay','name':'Stay','kind':'reject_once'}]}}");
  const Remote__V1__Ask *a = rec.asks[0].ask;
  assert_int_equal(a->kind_case, REMOTE__V1__ASK__KIND_PLAN);
  assert_string_equal(a->plan->text, "1. do it");
  person_answers(&rec, 0, "stay");
  assert_string_equal(chosen("3"), "stay");
}

static void a_withdrawn_request_ends_its_ask(void **state) {
  (void)state;
  prompt("t1", "go");
  ask("0", "a");
  ask("\"0\"", "b");
  agent_says(&rec, "{'jsonrpc':'2.0','method':'$/cancel_request','params':{'requestId':'0'}}");
  assert_true(rec.asks[0].open);
  assert_false(rec.asks[1].open);
  assert_int_equal(rec.asks[1].outcome, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN);
  assert_string_equal(chosen("\"0\""), "cancelled");
  size_t lines = json_array_size(rec.sent);
  person_answers(&rec, 1, "ao"); /* too late: nothing more is said to the agent */
  assert_int_equal(json_array_size(rec.sent), lines);
}

static void a_forgotten_request_ends_with_its_turn(void **state) {
  (void)state;
  prompt("t1", "go");
  ask("0", "a");
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  assert_false(rec.asks[0].open);
  assert_int_equal(rec.asks[0].outcome, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN);
  assert_string_equal(chosen("0"), "cancelled");
}

static void an_ask_that_cannot_be_opened_is_answered(void **state) {
  (void)state;
  rec.refuse_asks = true;
  ask("0", "a");
  assert_string_equal(chosen("0"), "cancelled");
}

static void an_ask_without_options_is_refused(void **state) {
  (void)state;
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':5,'method':'session/request_permission','params':{"
             "'sessionId':'s1','toolCall':{'toolCallId':'p'},'options':[]}}");
  assert_int_equal(
      json_integer_value(json_object_get(json_object_get(sent_answer(&rec, "5"), "error"), "code")),
      RPC_INVALID_PARAMS);
  assert_int_equal(rec.ask_count, 0);
}

static void what_was_allowed_is_told_when_it_runs(void **state) {
  (void)state;
  prompt("t1", "go");
  ask("0", "a");
  person_answers(&rec, 0, "ao");
  assert_int_equal(count_body(&rec, BODY(TOOL_AUTHORIZED)), 0);
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'a','status':'in_progress'}");
  assert_int_equal(count_body(&rec, BODY(TOOL_AUTHORIZED)), 1);
  agent_updates(&rec, "{'sessionUpdate':'tool_call_update','toolCallId':'a','status':'completed'}");
  assert_int_equal(count_body(&rec, BODY(TOOL_AUTHORIZED)), 1);
}

/* ---- cancel ---- */

static void a_cancel_answers_all_open_requests(void **state) {
  (void)state;
  prompt("t1", "go");
  ask("0", "a");
  ask("1", "b");
  acp_session_cancel(rec.session, NULL, rec.now_ns);
  assert_int_equal(sent_count(&rec, "session/cancel"), 1);
  assert_null(json_object_get(sent_method(&rec, "session/cancel"), "id"));
  assert_string_equal(chosen("0"), "cancelled");
  assert_string_equal(chosen("1"), "cancelled");
  assert_int_equal(rec.asks[0].outcome, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_CANCELLED);
  agent_updates(&rec, "{'sessionUpdate':'tool_call_update','toolCallId':'a','status':'failed'}");
  agent_answers(&rec, "session/prompt", "{'stopReason':'cancelled'}");
  assert_int_equal(rec.turns, 1);
  assert_string_equal(rec.stop_reason, "cancelled");
}

static void a_cancel_that_is_not_confirmed_ends_in_time(void **state) {
  (void)state;
  prompt("t1", "go");
  acp_session_cancel(rec.session, NULL, rec.now_ns);
  assert_int_equal(acp_session_deadline(rec.session), rec.now_ns + ACP_CANCEL_NS);
  rec.now_ns += ACP_CANCEL_NS;
  acp_session_expire(rec.session, rec.now_ns);
  assert_int_equal(rec.turns, 1);
  assert_string_equal(rec.stop_reason, "cancelled");
  assert_int_equal(count_body(&rec, BODY(NOTICE)), 1);
  prompt("t2", "again");
  size_t turns = rec.turns;
  /* The reply to the first prompt comes now: it does not end the second turn. */
  agent_says(&rec, "{'jsonrpc':'2.0','id':2,'result':{'stopReason':'cancelled'}}");
  assert_int_equal(rec.turns, turns);
  assert_true(acp_session_in_turn(rec.session));
  assert_non_null(last_extension(&rec, "session/prompt:late"));
}

static void a_second_cancel_forces_the_end(void **state) {
  (void)state;
  prompt("t1", "go");
  acp_session_cancel(rec.session, NULL, rec.now_ns);
  acp_session_cancel(rec.session, NULL, rec.now_ns + 1);
  assert_int_equal(rec.turns, 0);
  acp_session_cancel(rec.session, NULL, rec.now_ns + 40ull * 1000000000ull);
  assert_int_equal(rec.turns, 1);
}

static void tools_left_open_are_the_hosts_to_close(void **state) {
  (void)state;
  prompt("t1", "go");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'a','title':'sleep 20','kind':"
                "'execute','status':'in_progress'}");
  acp_session_cancel(rec.session, NULL, rec.now_ns);
  agent_answers(&rec, "session/prompt", "{'stopReason':'cancelled'}");
  assert_int_equal(count_body(&rec, BODY(TOOL_ENDED)), 0); /* it does not claim that it stopped */
  /* It does go on, and says so outside of any turn. */
  agent_updates(&rec, "{'sessionUpdate':'tool_call_update','toolCallId':'a','status':'completed'}");
  assert_int_equal(count_body(&rec, BODY(TOOL_ENDED)), 1);
}

/* ---- turns ---- */

static void one_prompt_at_a_time(void **state) {
  (void)state;
  prompt("t1", "go");
  assert_false(acp_session_prompt(rec.session, "t2", "more", NULL, 0, NULL, rec.now_ns));
  assert_int_equal(sent_count(&rec, "session/prompt"), 1);
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  prompt("t2", "more");
  assert_int_equal(sent_count(&rec, "session/prompt"), 2);
}

static void an_error_ends_the_turn_with_its_text(void **state) {
  (void)state;
  prompt("t1", "go");
  agent_fails(&rec, "session/prompt", -32603, "Internal error: no credit");
  assert_string_equal(rec.stop_reason, "error");
  assert_string_equal(rec.turn_error, "Internal error: no credit");
}

static void what_comes_outside_a_turn_is_shown_and_answerable(void **state) {
  (void)state;
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'text',"
                "'text':'late words'}}");
  char *text = all_text(&rec);
  assert_string_equal(text, "late words");
  free(text);
  ask("0", "a");
  assert_int_equal(rec.ask_count, 1);
  assert_string_equal(rec.asks[0].ask->turn_id, "");
  person_answers(&rec, 0, "ao");
  assert_string_equal(chosen("0"), "ao");
  /* A message outside of a turn is complete when it pauses. */
  assert_int_equal(rec.completed_count, 1); /* the tool call ended it */
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'text',"
                "'text':'more'}}");
  acp_session_expire(rec.session, rec.now_ns + ACP_IDLE_STREAM_NS);
  assert_int_equal(rec.completed_count, 2);
}

/* Replies that are off by one: the turn ends with its own reply, the rest is shown. */
static void replies_off_by_one(void **state) {
  (void)state;
  prompt("t1", "one");
  acp_session_cancel(rec.session, NULL, rec.now_ns);
  agent_answers(&rec, "session/prompt", "{'stopReason':'cancelled'}");
  prompt("t2", "two");
  agent_answers(&rec, "session/prompt", "{'stopReason':'cancelled'}"); /* of the first, really */
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','messageId':'m','content':{"
                "'type':'text','text':'answer to two'}}");
  ask("4", "x");
  assert_true(rec.asks[0].open);
  prompt("t3", "three");
  assert_true(rec.asks[0].open); /* it is not of this turn */
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  assert_true(rec.asks[0].open);
  person_answers(&rec, 0, "ao");
  assert_string_equal(chosen("4"), "ao");
}

/* ---- messages ---- */

static void messages_without_ids(void **state) {
  (void)state;
  prompt("t1", "go");
  for (int i = 0; i < 3; i++)
    agent_updates(&rec,
                  "{'sessionUpdate':'agent_message_chunk','content':{'type':'text',"
                  "'text':'a'}}");
  agent_updates(&rec,
                "{'sessionUpdate':'agent_thought_chunk','content':{'type':'text',"
                "'text':'t'}}");
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'text',"
                "'text':'b'}}");
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  assert_int_equal(rec.completed_count, 3);
  assert_string_not_equal(rec.completed[0], rec.completed[2]);
}

/* The same id before and after something else: two messages, no id twice. */
static void an_id_that_comes_again(void **state) {
  (void)state;
  prompt("t1", "go");
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','messageId':'m','content':{'type':"
                "'text','text':'a'}}");
  agent_updates(&rec, "{'sessionUpdate':'tool_call','toolCallId':'c','title':'x'}");
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','messageId':'m','content':{'type':"
                "'text','text':'b'}}");
  const Remote__V1__Event *event = last_body(&rec, BODY(ASSISTANT_DELTA));
  assert_string_not_equal(event->assistant_delta->message_id, "m");
  assert_string_equal(event->assistant_delta->text, "b");
}

static void an_echo_of_the_prompt_is_not_a_message(void **state) {
  (void)state;
  prompt("t1", "hello there");
  agent_updates(&rec,
                "{'sessionUpdate':'user_message_chunk','content':{'type':'text',"
                "'text':'hello '}}");
  agent_updates(&rec,
                "{'sessionUpdate':'user_message_chunk','content':{'type':'text',"
                "'text':'there'}}");
  agent_answers(&rec, "session/prompt", "{'stopReason':'end_turn'}");
  assert_int_equal(count_body(&rec, BODY(USER_MESSAGE)), 0);
  agent_updates(&rec,
                "{'sessionUpdate':'user_message_chunk','content':{'type':'text',"
                "'text':'from elsewhere'}}");
  prompt("t2", "x");
  assert_int_equal(count_body(&rec, BODY(USER_MESSAGE)), 1);
}

static void unknown_kinds_are_kept_whole(void **state) {
  (void)state;
  agent_updates(&rec, "{'sessionUpdate':'hologram','beam':[1,2,{'x':null}]}");
  const Remote__V1__AgentExtension *extension = last_extension(&rec, "session/update:hologram");
  assert_non_null(extension);
  assert_string_equal(extension->json->text,
                      "{\"sessionUpdate\":\"hologram\",\"beam\":[1,2,{\"x\":null}]}");
  agent_says(&rec, "{'jsonrpc':'2.0','method':'_vendor/thing','params':{'a':1}}");
  assert_non_null(last_extension(&rec, "_vendor/thing"));
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'smell',"
                "'of':'coffee'}}");
  assert_non_null(last_extension(&rec, "content"));
  agent_updates(&rec, "{'sessionUpdate':'tool_call','title':'no id'}");
  assert_non_null(last_extension(&rec, "session/update:tool_call"));
}

static void output_only_in_meta(void **state) {
  (void)state;
  prompt("t1", "go");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'c','title':'ls','kind':'execute',"
                "'status':'in_progress','content':[{'type':'terminal','terminalId':'c'}]}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','_meta':{"
                "'terminal_output_delta':{'data':'one\\n','terminal_id':'c'}}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','status':'completed',"
                "'_meta':{'terminal_output_delta':{'data':'two\\n'},'terminal_exit':{"
                "'exit_code':3}}}");
  char *output = tool_output_text(&rec, "c");
  assert_string_equal(output, "one\ntwo\n");
  free(output);
  const Remote__V1__ToolEnded *ended = last_body(&rec, BODY(TOOL_ENDED))->tool_ended;
  assert_true(ended->exit_known);
  assert_int_equal(ended->exit_code, 3);
}

static void output_that_grows_is_sent_once(void **state) {
  (void)state;
  prompt("t1", "go");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'c','title':'x','kind':'execute'}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','content':[{'type':"
                "'content','content':{'type':'text','text':'a\\n'}}]}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','content':[{'type':"
                "'content','content':{'type':'text','text':'a\\nb\\n'}}]}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','status':'completed',"
                "'content':[{'type':'content','content':{'type':'text','text':"
                "'a\\nb\\nc\\n'}}],'rawOutput':{'metadata':{'exit':0}}}");
  char *output = tool_output_text(&rec, "c");
  assert_string_equal(output, "a\nb\nc\n");
  free(output);
  const Remote__V1__ToolEnded *ended = last_body(&rec, BODY(TOOL_ENDED))->tool_ended;
  assert_string_equal(ended->content[0]->text, "a\nb\nc\n");
  assert_true(ended->exit_known);
}

static void subagents_are_not_dropped(void **state) {
  (void)state;
  agent_says(&rec,
             "{'jsonrpc':'2.0','method':'session/update','params':{'sessionId':'child',"
             "'update':{'sessionUpdate':'agent_message_chunk','content':{'type':'text',"
             "'text':'from below'}}}}");
  const Remote__V1__Event *event = last_body(&rec, BODY(ASSISTANT_DELTA));
  assert_string_equal(event->agent_id, "child");
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_STARTED)), 1);
}

/* ---- methods never offered, nonsense ---- */

static void methods_never_offered(void **state) {
  static const char *const methods[] = {"fs/read_text_file", "fs/write_text_file",
                                        "terminal/create", "what/ever"};
  (void)state;
  for (size_t i = 0; i < 4; i++) {
    char id[8];
    agent_says(&rec, "{'jsonrpc':'2.0','id':%zu,'method':'%s','params':{}}", i, methods[i]);
    snprintf(id, sizeof id, "%zu", i);
    assert_int_equal(json_integer_value(
                         json_object_get(json_object_get(sent_answer(&rec, id), "error"), "code")),
                     RPC_METHOD_NOT_FOUND);
  }
  json_t *offered = json_object_get(json_object_get(sent_method(&rec, "initialize"), "params"),
                                    "clientCapabilities");
  assert_true(json_is_false(json_object_get(json_object_get(offered, "fs"), "readTextFile")));
  assert_true(json_is_false(json_object_get(offered, "terminal")));
}

static void nonsense_is_told_and_survived(void **state) {
  static const char *const lines[] = {
      "Starting agent v1…",
      "[]",
      "{}",
      "null",
      "42",
      "{\"jsonrpc\":\"1.0\",\"method\":\"x\"}",
      "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}",
      "{\"jsonrpc\":\"2.0\",\"id\":999,\"result\":{}}",
      "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1}}",
      "{\"jsonrpc\":\"2.0\",\"method\":7}",
      "\xff\xfe bytes",
      "{\"jsonrpc\":\"2.0\"",
  };
  size_t sent = json_array_size(rec.sent);
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    size_t before = rec.count;
    agent_says_raw(&rec, lines[i]);
    assert_int_equal(rec.count, before + 1);
    assert_non_null(last_extension(&rec, "malformed"));
  }
  assert_int_equal(json_array_size(rec.sent), sent); /* nothing of it is answered */
  agent_says_raw(&rec, "");
  agent_says_raw(&rec, "\r");
  assert_int_equal(acp_session_malformed(rec.session), sizeof lines / sizeof *lines);
  prompt("t1", "still there?");
  for (size_t i = 0; i < ACP_NONSENSE_RUN_MAX; i++) agent_says_raw(&rec, "noise");
  assert_int_equal(rec.failure, ACP_FAILURE_PROTOCOL);
  assert_true(rec.count < 100); /* a flood is counted, not recorded */
}

static void a_line_may_come_in_pieces_and_be_long(void **state) {
  size_t bytes = 3u * 1024 * 1024;
  char *text = memory_zero(bytes + 1), *line;
  (void)state;
  for (size_t i = 0; i < bytes; i++) text[i] = (char)('a' + i % 26);
  assert_true(asprintf(&line,
                       "{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{"
                       "\"sessionId\":\"s1\",\"update\":{\"sessionUpdate\":\"agent_message_chunk\","
                       "\"content\":{\"type\":\"text\",\"text\":\"%s\"}}}}\n",
                       text) > 0);
  for (size_t at = 0, all = strlen(line); at < all;) {
    size_t n = all - at < 60001 ? all - at : 60001;
    acp_session_feed(rec.session, line + at, n, rec.now_ns);
    at += n;
  }
  char *said = all_text(&rec);
  assert_string_equal(said, text);
  free(said);
  free(line);
  free(text);
}

static void a_line_over_the_limit_is_skipped(void **state) {
  char *block = memory_zero(1024 * 1024);
  (void)state;
  memset(block, 'x', 1024 * 1024);
  for (int i = 0; i < 33; i++) acp_session_feed(rec.session, block, 1024 * 1024, rec.now_ns);
  acp_session_feed(rec.session, "\n", 1, rec.now_ns);
  assert_int_equal(acp_session_malformed(rec.session), 1);
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'text',"
                "'text':'after'}}");
  char *said = all_text(&rec);
  assert_string_equal(said, "after");
  free(said);
  free(block);
}

/* ---- large values ---- */

static void large_json_travels_as_an_asset(void **state) {
  size_t bytes = 200 * 1024;
  char *big = memory_zero(bytes + 1);
  (void)state;
  memset(big, 'j', bytes);
  prompt("t1", "go");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'c','title':'x','rawInput':{'a':'%s'}}",
                big);
  const Remote__V1__Json *input = last_body(&rec, BODY(TOOL_STARTED))->tool_started->tool->input;
  assert_int_equal(input->total_bytes, bytes + 8);
  assert_true(strlen(input->text) <= 32768);
  uint64_t have = 0;
  for (size_t i = 0; i < rec.count; i++) {
    const Remote__V1__Event *event = rec.events[i].event;
    if (event->body_case != BODY(ASSET)) continue;
    assert_string_equal(event->asset->asset_id, input->asset_id);
    assert_int_equal(event->asset->position, have);
    have += event->asset->data.len;
  }
  assert_int_equal(have, input->total_bytes);
  /* Sixteen large texts, diffs, a hundred locations: still within one message. */
  char *content = NULL;
  size_t content_bytes;
  FILE *memory = open_memstream(&content, &content_bytes);
  for (int i = 0; i < 40; i++)
    fprintf(memory,
            "%s{\"type\":\"diff\",\"path\":\"/p%d\",\"oldText\":\"%s\",\"newText\":\"%s%d\"}",
            i > 0 ? "," : "", i, big, big, i);
  fclose(memory);
  agent_updates(&rec, "{'sessionUpdate':'tool_call_update','toolCallId':'c','content':[%s]}",
                content);
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','status':'completed',"
                "'content':[%s],'rawOutput':'%s'}",
                content, big);
  assert_non_null(last_body(&rec, BODY(TOOL_ENDED)));
  free(content);
  free(big);
}

static void large_lists_are_cut_and_follow_whole(void **state) {
  char *list = NULL;
  size_t bytes;
  (void)state;
  FILE *memory = open_memstream(&list, &bytes);
  for (int i = 0; i < 1000; i++)
    fprintf(memory, "%s{\"name\":\"c%d\",\"description\":\"%0500d\"}", i > 0 ? "," : "", i, i);
  fclose(memory);
  agent_updates(&rec, "{'sessionUpdate':'available_commands_update','availableCommands':[%s]}",
                list);
  assert_int_equal(
      last_body(&rec, BODY(SLASH_COMMANDS_CHANGED))->slash_commands_changed->n_commands, 256);
  const Remote__V1__AgentExtension *whole =
      last_extension(&rec, "session/update:available_commands_update");
  assert_non_null(whole);
  assert_true(whole->json->asset_id[0] != '\0');
  free(list);
  memory = open_memstream(&list, &bytes);
  for (int i = 0; i < 1000; i++)
    fprintf(memory, "%s{\"content\":\"%0900d\",\"status\":\"pending\"}", i > 0 ? "," : "", i);
  fclose(memory);
  agent_updates(&rec, "{'sessionUpdate':'plan','entries':[%s]}", list);
  assert_non_null(last_extension(&rec, "session/update:plan"));
  free(list);
}

static void an_image_becomes_an_asset_once(void **state) {
  (void)state;
  prompt("t1", "go");
  for (int i = 0; i < 2; i++)
    agent_updates(&rec,
                  "{'sessionUpdate':'tool_call_update','toolCallId':'c','title':'t%d',"
                  "'content':[{'type':'content','content':{'type':'image','mimeType':"
                  "'image/png','data':'aGVsbG8='}}]}",
                  i);
  assert_int_equal(count_body(&rec, BODY(ASSET)), 1);
  const Remote__V1__Asset *asset = last_body(&rec, BODY(ASSET))->asset;
  assert_int_equal(asset->data.len, 5);
  assert_memory_equal(asset->data.data, "hello", 5);
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'resource_link',"
                "'uri':'file:///x','name':'x'}}");
  const Remote__V1__AssistantMessage *message =
      last_body(&rec, BODY(ASSISTANT_MESSAGE))->assistant_message;
  assert_string_equal(message->attachments[0]->name, "file:///x");
}

static void nul_and_broken_text(void **state) {
  (void)state;
  agent_says_raw(
      &rec,
      "{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"s1\","
      "\"update\":{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\","
      "\"text\":\"a\\u0000b\"}}}}");
  char *said = all_text(&rec);
  assert_string_equal(said,
                      "a\xEF\xBF\xBD"
                      "b");
  free(said);
}

/* ---- forms ---- */

static void a_form_is_asked_and_answered_in_its_types(void **state) {
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  char json[] = "{\"n\":\"3\",\"b\":\"true\",\"c\":\"red\"}";
  (void)state;
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':'f','method':'elicitation/create','params':{'sessionId':'s1',"
             "'mode':'form','message':'Tell me','requestedSchema':{'type':'object','properties':{"
             "'n':{'type':'integer'},'b':{'type':'boolean'},'c':{'type':'string','enum':['red',"
             "'blue']}},'required':['n']}}}");
  const Remote__V1__FormAsk *form = rec.asks[0].ask->form;
  assert_int_equal(form->n_fields, 3);
  assert_true(form->fields[0]->required);
  assert_int_equal(form->fields[2]->n_choices, 2);
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = &content;
  content.json = json;
  acp_session_answer(rec.session, &rec.asks[0].id, &resolved, rec.now_ns);
  json_t *result = json_object_get(sent_answer(&rec, "\"f\""), "result");
  assert_string_equal(json_string_value(json_object_get(result, "action")), "accept");
  char *text = json_dumps(json_object_get(result, "content"), JSON_COMPACT);
  assert_string_equal(text, "{\"n\":3,\"b\":true,\"c\":\"red\"}");
  free(text);
}

static void a_url_is_opened_or_done_elsewhere(void **state) {
  (void)state;
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':1,'method':'elicitation/create','params':{'requestId':4,"
             "'mode':'url','message':'Sign in','elicitationId':'e1',"
             "'url':'https://example.org/x'}}");
  assert_string_equal(rec.asks[0].ask->open_url->url, "https://example.org/x");
  agent_says(&rec,
             "{'jsonrpc':'2.0','method':'elicitation/complete','params':{'elicitationId':"
             "'e1'}}");
  assert_false(rec.asks[0].open);
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':2,'method':'elicitation/create','params':{'mode':'dream',"
             "'message':'x'}}");
  assert_non_null(json_object_get(sent_answer(&rec, "2"), "error"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(ids_are_echoed_with_their_type),
      TEST(long_ids_are_replaced_and_answered_as_they_were),
      TEST(options_are_told_by_kind),
      TEST(a_call_never_announced_is_announced),
      TEST(an_edit_shows_the_diff_told_before),
      TEST(switching_the_mode_is_a_plan_to_review),
      TEST(a_withdrawn_request_ends_its_ask),
      TEST(a_forgotten_request_ends_with_its_turn),
      TEST(an_ask_that_cannot_be_opened_is_answered),
      TEST(an_ask_without_options_is_refused),
      TEST(what_was_allowed_is_told_when_it_runs),
      TEST(a_cancel_answers_all_open_requests),
      TEST(a_cancel_that_is_not_confirmed_ends_in_time),
      TEST(a_second_cancel_forces_the_end),
      TEST(tools_left_open_are_the_hosts_to_close),
      TEST(one_prompt_at_a_time),
      TEST(an_error_ends_the_turn_with_its_text),
      TEST(what_comes_outside_a_turn_is_shown_and_answerable),
      TEST(replies_off_by_one),
      TEST(messages_without_ids),
      TEST(an_id_that_comes_again),
      TEST(an_echo_of_the_prompt_is_not_a_message),
      TEST(unknown_kinds_are_kept_whole),
      TEST(output_only_in_meta),
      TEST(output_that_grows_is_sent_once),
      TEST(subagents_are_not_dropped),
      TEST(methods_never_offered),
      TEST(nonsense_is_told_and_survived),
      TEST(a_line_may_come_in_pieces_and_be_long),
      TEST(a_line_over_the_limit_is_skipped),
      TEST(large_json_travels_as_an_asset),
      TEST(large_lists_are_cut_and_follow_whole),
      TEST(an_image_becomes_an_asset_once),
      TEST(nul_and_broken_text),
      TEST(a_form_is_asked_and_answered_in_its_types),
      TEST(a_url_is_opened_or_done_elsewhere),
  };
  return cmocka_run_group_tests_name("acp_rules", tests, NULL, NULL);
}

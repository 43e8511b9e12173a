/* Start-up, loading an earlier conversation, modes and options as agents announce them. */
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
  return 0;
}

static int end(void **state) {
  (void)state;
  assert_int_equal(rec.bad, 0);
  recorder_free(&rec);
  return 0;
}

/* ---- start ---- */

static void a_slow_start_is_waited_for(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  rec.now_ns += 59ull * 1000000000ull;
  acp_session_expire(rec.session, rec.now_ns);
  agent_answers(&rec, "initialize", "{'protocolVersion':1}");
  rec.now_ns += 59ull * 1000000000ull;
  acp_session_expire(rec.session, rec.now_ns);
  agent_answers(&rec, "session/new", "{'sessionId':'s1'}");
  assert_true(rec.ready);
  assert_int_equal(rec.failure, 0);
  assert_int_equal(acp_session_deadline(rec.session), UINT64_MAX);
}

static void a_start_without_end_fails(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  assert_int_equal(acp_session_deadline(rec.session), rec.now_ns + ACP_START_NS);
  rec.now_ns += ACP_START_NS;
  acp_session_expire(rec.session, rec.now_ns);
  assert_int_equal(rec.failure, ACP_FAILURE_TIMEOUT);
}

static void another_version_is_refused(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize", "{'protocolVersion':2}");
  assert_int_equal(rec.failure, ACP_FAILURE_PROTOCOL);
  assert_non_null(strstr(rec.failure_text, "version 2"));
}

static void nonsense_from_the_start_fails_soon(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  for (size_t i = 0; i < ACP_NONSENSE_BEFORE_START_MAX; i++) agent_says_raw(&rec, "y");
  assert_int_equal(rec.failure, ACP_FAILURE_PROTOCOL);
  assert_int_equal(rec.count, 0);
}

static void a_banner_before_the_start_does_not_hurt(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  agent_says_raw(&rec, "Welcome to agent!");
  recorder_ready(&rec);
}

static void signing_in_is_for_the_person(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize",
                "{'protocolVersion':1,'authMethods':[{'id':'x','name':'Login with X',"
                "'description':'Run x login'}]}");
  agent_fails(&rec, "session/new", RPC_AUTH_REQUIRED, "Authentication required");
  assert_int_equal(rec.failure, ACP_FAILURE_SIGN_IN);
  assert_non_null(strstr(rec.failure_text, "Login with X"));
}

static void a_person_chooses_how_to_sign_in(void **state) {
  (void)state;
  rec.person = true;
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize",
                "{'protocolVersion':1,'authMethods':[{'id':'x','name':'X'},{'id':'key','name':"
                "'Key','type':'env_var','vars':[{'name':'X_KEY'}]},{'name':'no id'}]}");
  assert_false(acp_session_sign_in(rec.session, "x", rec.now_ns)); /* nothing was refused yet */
  agent_fails(&rec, "session/new", RPC_AUTH_REQUIRED, "Authentication required");
  assert_int_equal(rec.sign_ins, 1);
  assert_true(acp_session_signing_in(rec.session));
  assert_int_equal(acp_session_deadline(rec.session), UINT64_MAX); /* a person may take long */
  acp_sign_in_method methods[8];
  assert_int_equal(acp_session_sign_in_methods(rec.session, methods, 8), 2);
  assert_true(methods[0].by_agent);
  assert_false(methods[1].by_agent);
  assert_string_equal(methods[1].variable, "X_KEY");
  assert_true(acp_session_sign_in(rec.session, "x", rec.now_ns));
  assert_false(acp_session_sign_in(rec.session, "x", rec.now_ns)); /* one at a time */
  /* The way it takes is shown to whoever can see it. */
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':1,'method':'elicitation/create','params':{'requestId':4,"
             "'mode':'url','message':'Sign in','elicitationId':'e','url':'https://example.org'}}");
  assert_int_equal(rec.ask_count, 1);
  agent_fails(&rec, "authenticate", -32603, "wrong password");
  assert_int_equal(rec.sign_ins, 2);
  assert_non_null(strstr(rec.sign_in_why, "wrong password"));
  assert_true(acp_session_sign_in_again(rec.session, rec.now_ns));
  assert_int_equal(sent_count(&rec, "session/new"), 2);
  agent_fails(&rec, "session/new", RPC_AUTH_REQUIRED, "Authentication required");
  assert_true(acp_session_sign_in(rec.session, "x", rec.now_ns));
  agent_answers(&rec, "authenticate", "{}");
  agent_answers(&rec, "session/new", "{'sessionId':'s1'}");
  assert_true(rec.ready);
  /* In the middle of the session, too. */
  assert_true(acp_session_sign_in(rec.session, "x", rec.now_ns));
  agent_answers(&rec, "authenticate", "{}");
  assert_non_null(strstr(last_body(&rec, BODY(NOTICE))->notice->text, "Signed in"));
  assert_true(rec.ready);
}

static void signing_in_that_is_never_answered_fails(void **state) {
  (void)state;
  rec.person = true;
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize", "{'protocolVersion':1,'authMethods':[{'id':'x'}]}");
  agent_fails(&rec, "session/new", RPC_AUTH_REQUIRED, "no");
  assert_true(acp_session_sign_in(rec.session, "x", rec.now_ns));
  acp_session_expire(rec.session, rec.now_ns + ACP_SIGN_IN_NS);
  assert_int_equal(rec.failure, ACP_FAILURE_TIMEOUT);
  assert_non_null(strstr(rec.failure_text, "sign in"));
}

/* A new session is described with the id that the agent gives it; what comes before waits. */
static void a_session_is_described_with_its_id(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize", "{'protocolVersion':1}");
  agent_updates(&rec,
                "{'sessionUpdate':'available_commands_update','availableCommands':[{"
                "'name':'init'}]}");
  assert_false(rec.initialized);
  assert_int_equal(rec.count, 0);
  agent_answers(&rec, "session/new", "{'sessionId':'s1'}");
  assert_string_equal(rec.described_id, "s1");
  assert_int_equal(count_body(&rec, BODY(SLASH_COMMANDS_CHANGED)), 1);
  assert_true(acp_session_knows_slash(rec.session, "init"));
}

static void too_much_before_the_session_is_not_kept_waiting(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize", "{'protocolVersion':1}");
  for (int i = 0; i < 1100; i++)
    agent_updates(&rec, "{'sessionUpdate':'session_info_update','title':'%d'}", i);
  assert_true(rec.initialized);
  assert_string_equal(rec.described_id, "");
  assert_int_equal(count_body(&rec, BODY(TITLE_CHANGED)), 1100);
  assert_string_equal(last_body(&rec, BODY(TITLE_CHANGED))->title_changed->title, "1099");
  agent_answers(&rec, "session/new", "{'sessionId':'s1'}");
  assert_true(rec.ready);
}

static void tool_servers_and_folders_go_where_they_are_taken(void **state) {
  json_t *servers = json_pack("[{s:s,s:s,s:[],s:[]},{s:s,s:s,s:s,s:[]}]", "name", "local",
                              "command", "/bin/true", "args", "env", "type", "http", "name", "far",
                              "url", "https://example.org", "headers");
  json_t *folders = json_pack("[s]", "/srv/more");
  acp_session_config config = {.mcp_servers = servers, .directories = folders};
  (void)state;
  recorder_start_with(&rec, &config);
  recorder_ready(&rec);
  json_t *params = json_object_get(sent_method(&rec, "session/new"), "params");
  json_t *list = json_object_get(params, "mcpServers");
  assert_int_equal(json_array_size(list), 1);
  assert_true(json_equal(json_array_get(list, 0), json_array_get(servers, 0)));
  assert_null(json_object_get(params, "additionalDirectories"));
  assert_int_equal(count_body(&rec, BODY(NOTICE)), 2); /* what was left out, and why */
  recorder_free(&rec);
  recorder_init(&rec);
  recorder_start_with(&rec, &config);
  agent_answers(&rec, "initialize",
                "{'protocolVersion':1,'agentCapabilities':{'mcpCapabilities':{'http':true},"
                "'sessionCapabilities':{'additionalDirectories':{},'close':{}}}}");
  params = json_object_get(sent_method(&rec, "session/new"), "params");
  assert_true(json_equal(json_object_get(params, "mcpServers"), servers));
  assert_true(json_equal(json_object_get(params, "additionalDirectories"), folders));
  agent_answers(&rec, "session/new", "{'sessionId':'s1'}");
  assert_int_equal(count_body(&rec, BODY(NOTICE)), 0);
  acp_session_close(rec.session);
  assert_string_equal(
      json_string_value(json_object_get(
          json_object_get(sent_method(&rec, "session/close"), "params"), "sessionId")),
      "s1");
  json_decref(servers);
  json_decref(folders);
}

static void the_end_of_the_agent_ends_all(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  recorder_ready(&rec);
  assert_true(acp_session_prompt(rec.session, "t1", "go", NULL, 0, NULL, rec.now_ns));
  agent_says(&rec,
             "{'jsonrpc':'2.0','id':1,'method':'session/request_permission','params':{"
             "'sessionId':'s1','toolCall':{'toolCallId':'a'},'options':[{'optionId':'y',"
             "'name':'y','kind':'allow_once'}]}}");
  acp_session_gone(rec.session, "the agent was killed", rec.now_ns);
  assert_false(rec.asks[0].open);
  assert_int_equal(rec.asks[0].outcome, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ORPHANED);
  assert_int_equal(rec.turns, 1);
  assert_string_equal(rec.turn_error, "the agent was killed");
  assert_false(acp_session_prompt(rec.session, "t2", "go", NULL, 0, NULL, rec.now_ns));
}

/* ---- load ---- */

static void say_user(const char *id, const char *text) {
  agent_updates(
      &rec, "{'sessionUpdate':'user_message_chunk'%s%s%s,'content':{'type':'text','text':'%s'}}",
      id[0] != '\0' ? ",'messageId':'" : "", id, id[0] != '\0' ? "'" : "", text);
}

static void say_agent(const char *id, const char *text) {
  agent_updates(
      &rec, "{'sessionUpdate':'agent_message_chunk'%s%s%s,'content':{'type':'text','text':'%s'}}",
      id[0] != '\0' ? ",'messageId':'" : "", id, id[0] != '\0' ? "'" : "", text);
}

static acp_history *known(void) {
  acp_history *h = acp_history_create();
  acp_history_add(h, ACP_ROLE_USER, "h1", 0, "first", 5);
  acp_history_add(h, ACP_ROLE_ASSISTANT, "m1", 0, "ans", 3);
  acp_history_add(h, ACP_ROLE_ASSISTANT, "m1", 3, "wer", 3);
  acp_history_add_tool(h, "call-1");
  acp_history_add(h, ACP_ROLE_USER, "h2", 0, "second", 6);
  acp_history_add(h, ACP_ROLE_THOUGHT, "x", 0, "hm", 2);
  acp_history_add(h, ACP_ROLE_ASSISTANT, "m2", 0, "half", 4);
  return h;
}

static void begin_load(acp_history *h) {
  recorder_start(&rec, "s1", h);
  agent_answers(&rec, "initialize",
                "{'protocolVersion':1,'agentCapabilities':{'loadSession':true}}");
  assert_int_equal(sent_count(&rec, "session/load"), 1);
}

static size_t conversation(void) {
  return count_body(&rec, BODY(USER_MESSAGE)) + count_body(&rec, BODY(ASSISTANT_MESSAGE)) +
         count_body(&rec, BODY(ASSISTANT_DELTA)) + count_body(&rec, BODY(THOUGHT)) +
         count_body(&rec, BODY(THOUGHT_DELTA)) + count_body(&rec, BODY(TOOL_STARTED)) +
         count_body(&rec, BODY(TOOL_ENDED)) + count_body(&rec, BODY(TOOL_UPDATED));
}

static void replayed_history_is_not_said_twice(void **state) {
  acp_history *h = known();
  (void)state;
  begin_load(h);
  say_user("u1", "first"); /* the agent's ids of prompts are its own */
  say_agent("m1", "answer");
  agent_updates(&rec, "{'sessionUpdate':'tool_call','toolCallId':'call-1','title':'x'}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'call-1','status':'completed'}");
  say_user("u2", "sec");
  say_user("u2", "ond");
  agent_answers(&rec, "session/load", "{}");
  assert_int_equal(conversation(), 0);
  assert_true(rec.ready && rec.loaded);
  assert_string_equal(rec.session_id, "s1");
  /* Afterwards the same words are new words. */
  assert_true(acp_session_prompt(rec.session, "t", "go", NULL, 0, NULL, rec.now_ns));
  say_agent("m9", "answer");
  assert_int_equal(count_body(&rec, BODY(ASSISTANT_DELTA)), 1);
  acp_history_destroy(h);
}

static void replayed_subagents_begin_nothing(void **state) {
  acp_history *h = acp_history_create();
  (void)state;
  acp_history_add_tool(h, "k1");
  acp_history_add_tool(h, "r1");
  begin_load(h);
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'k1','title':'Look','rawInput':{"
                "'subagent_type':'e','prompt':'p'}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'r1','title':'Read','_meta':{"
                "'claudeCode':{'parentToolUseId':'k1'}}}");
  agent_answers(&rec, "session/load", "{}");
  assert_true(rec.ready);
  assert_int_equal(count_body(&rec, BODY(SUBAGENT_STARTED)), 0);
  assert_int_equal(count_body(&rec, BODY(TOOL_STARTED)), 0);
  acp_session_destroy(rec.session);
  rec.session = NULL;
  acp_history_destroy(h);
}

static void replay_without_ids_matches_by_text(void **state) {
  acp_history *h = known();
  (void)state;
  begin_load(h);
  say_user("", "first");
  say_agent("", "answer");
  say_user("", "second");
  agent_answers(&rec, "session/load", "{}");
  assert_int_equal(conversation(), 0);
  acp_history_destroy(h);
}

static void what_the_journal_lacks_is_added(void **state) {
  acp_history *h = known();
  (void)state;
  begin_load(h);
  say_user("u1", "first");
  say_agent("m1", "answer");
  say_user("u2", "second");
  say_agent("m2", "half and half"); /* the host died in the middle of it */
  say_user("u3", "said elsewhere");
  say_agent("m3", "answered there");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'call-9','title':'x','status':"
                "'completed'}");
  agent_answers(&rec, "session/load", "{}");
  assert_int_equal(count_body(&rec, BODY(USER_MESSAGE)), 1);
  assert_string_equal(last_body(&rec, BODY(USER_MESSAGE))->user_message->text, "said elsewhere");
  assert_int_equal(count_body(&rec, BODY(ASSISTANT_MESSAGE)), 2);
  const Remote__V1__AssistantMessage *rest = NULL;
  for (size_t i = 0; i < rec.count && rest == NULL; i++)
    if (rec.events[i].event->body_case == BODY(ASSISTANT_MESSAGE))
      rest = rec.events[i].event->assistant_message;
  assert_string_equal(rest->message_id, "m2");
  assert_int_equal(rest->position, 4);
  assert_string_equal(rest->text, " and half");
  assert_int_equal(count_body(&rec, BODY(TOOL_STARTED)), 1);
  acp_history_destroy(h);
}

/* The same conversation in other words, as agents were seen to replay it. */
static void what_is_told_otherwise_is_no_news(void **state) {
  acp_history *h = known();
  (void)state;
  begin_load(h);
  say_user("", "first[@image](data:image/png;base64,AAAA)");
  say_agent("", "a hint that it did not give");
  say_agent("m1", "answer");
  say_user("", "[Request interrupted by user]");
  agent_updates(&rec, "{'sessionUpdate':'tool_call','toolCallId':'call-1','title':'x'}");
  say_agent("e1", "");
  say_user("u2", "second");
  say_agent("e2", "");
  agent_answers(&rec, "session/load", "{}");
  assert_int_equal(conversation(), 0);
  acp_history_destroy(h);
}

static void news_keeps_its_order(void **state) {
  acp_history *h = known();
  (void)state;
  begin_load(h);
  say_user("u2", "second");
  say_user("u3", "one");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'call-9','title':'x','status':"
                "'completed'}");
  say_user("u4", "two");
  agent_answers(&rec, "session/load", "{}");
  size_t n = 0;
  int order[3] = {0};
  for (size_t i = 0; i < rec.count && n < 3; i++) {
    int body = (int)rec.events[i].event->body_case;
    if (body == BODY(USER_MESSAGE) || body == BODY(TOOL_STARTED)) order[n++] = body;
  }
  assert_int_equal(order[0], BODY(USER_MESSAGE));
  assert_int_equal(order[1], BODY(TOOL_STARTED));
  assert_int_equal(order[2], BODY(USER_MESSAGE));
  assert_string_equal(last_body(&rec, BODY(USER_MESSAGE))->user_message->text, "two");
  acp_history_destroy(h);
}

/* Gemini CLI: a word about itself, the reply, and then the conversation. */
static void a_replay_after_the_reply_is_no_news(void **state) {
  acp_history *h = known();
  (void)state;
  begin_load(h);
  say_user("", "<session_context>");
  agent_answers(&rec, "session/load", "{}");
  assert_false(rec.ready);
  for (int i = 0; i < 3; i++) { /* slowly */
    rec.now_ns += 900000000;
    acp_session_expire(rec.session, rec.now_ns);
    assert_false(rec.ready);
    if (i == 1)
      say_agent("", "answer");
    else
      say_user("", i == 0 ? "first" : "elsewhere");
  }
  rec.now_ns += 1100000000;
  assert_true(acp_session_deadline(rec.session) <= rec.now_ns);
  acp_session_expire(rec.session, rec.now_ns);
  assert_true(rec.ready && rec.loaded);
  assert_int_equal(conversation(), 1);
  assert_string_equal(last_body(&rec, BODY(USER_MESSAGE))->user_message->text, "elsewhere");
  acp_history_destroy(h);
}

static void a_replay_after_the_reply_ends_in_time(void **state) {
  acp_history *h = known();
  (void)state;
  begin_load(h);
  agent_answers(&rec, "session/load", "{}");
  for (int i = 0; i < 30 && !rec.ready; i++) {
    rec.now_ns += 900000000;
    acp_session_expire(rec.session, rec.now_ns);
    if (!rec.ready) say_user("", "on and on");
  }
  assert_true(rec.ready);
  acp_history_destroy(h);
}

static void a_load_that_fails_begins_anew_and_says_so(void **state) {
  (void)state;
  begin_load(NULL);
  agent_fails(&rec, "session/load", RPC_NOT_FOUND, "no such session");
  assert_int_equal(count_body(&rec, BODY(NOTICE)), 1);
  assert_int_equal(count_body(&rec, BODY(CONTEXT_CLEARED)), 1);
  assert_int_equal(sent_count(&rec, "session/new"), 1);
  agent_answers(&rec, "session/new", "{'sessionId':'fresh'}");
  assert_true(rec.ready);
  assert_false(rec.loaded);
  assert_string_equal(rec.session_id, "fresh");
}

static void resume_where_load_is_not_offered(void **state) {
  (void)state;
  recorder_start(&rec, "s1", NULL);
  agent_answers(&rec, "initialize",
                "{'protocolVersion':1,'agentCapabilities':{'sessionCapabilities':{'resume':{}}}}");
  assert_int_equal(sent_count(&rec, "session/resume"), 1);
  agent_answers(&rec, "session/resume", "{}");
  assert_true(rec.ready && rec.loaded);
}

static void neither_load_nor_resume(void **state) {
  (void)state;
  recorder_start(&rec, "s1", NULL);
  agent_answers(&rec, "initialize", "{'protocolVersion':1}");
  assert_int_equal(sent_count(&rec, "session/new"), 1);
  assert_int_equal(count_body(&rec, BODY(NOTICE)), 1);
}

/* ---- modes and options ---- */

static const Remote__V1__ModesChanged *modes(void) {
  const Remote__V1__Event *event = last_body(&rec, BODY(MODES_CHANGED));
  return event != NULL ? event->modes_changed : NULL;
}

static void start_with_session(const char *result) {
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize", "{'protocolVersion':1,'agentInfo':{'name':'thing'}}");
  agent_answers(&rec, "session/new", result);
  assert_true(rec.ready);
}

static void people_are_told_the_title_of_the_agent(void **state) {
  (void)state;
  recorder_start(&rec, NULL, NULL);
  agent_answers(&rec, "initialize",
                "{'protocolVersion':1,'agentInfo':{'name':'@scope/thing-acp','title':'Thing'}}");
  agent_answers(&rec, "session/new", "{'sessionId':'s1'}");
  assert_string_equal(rec.agent, "Thing");
}

static void modes_as_modes(void **state) {
  (void)state;
  start_with_session(
      "{'sessionId':'s1','modes':{'currentModeId':'https://x.org/modes#agent','availableModes':["
      "{'id':'https://x.org/modes#agent','name':'Agent'},{'id':'https://x.org/modes#autopilot',"
      "'name':'Auto'}]}}");
  assert_int_equal(modes()->n_modes, 2);
  assert_string_equal(modes()->current_mode_id, "https://x.org/modes#agent");
  assert_false(modes()->modes[0]->elevating);
  assert_true(modes()->modes[1]->elevating);
  acp_session_set_mode(rec.session, "https://x.org/modes#autopilot", NULL, NULL, rec.now_ns);
  agent_answers(&rec, "session/set_mode", "{}"); /* the only word of it */
  assert_string_equal(modes()->current_mode_id, "https://x.org/modes#autopilot");
  agent_updates(&rec,
                "{'sessionUpdate':'current_mode_update','currentModeId':"
                "'https://x.org/modes#agent'}");
  assert_string_equal(modes()->current_mode_id, "https://x.org/modes#agent");
}

static const char option_session[] =
    "{'sessionId':'s1','configOptions':[{'id':'mode','name':'Mode','category':'mode','type':"
    "'select','currentValue':'build','options':[{'value':'build','name':'b'},{'value':'plan',"
    "'name':'p'}]},{'id':'fast','name':'Fast','type':'boolean','currentValue':false}]}";

static void modes_as_an_option(void **state) {
  (void)state;
  start_with_session(option_session);
  assert_int_equal(modes()->n_modes, 2);
  assert_string_equal(modes()->current_mode_id, "build");
  acp_session_set_mode(rec.session, "plan", NULL, NULL, rec.now_ns);
  json_t *params = json_object_get(sent_method(&rec, "session/set_config_option"), "params");
  assert_string_equal(json_string_value(json_object_get(params, "configId")), "mode");
  assert_string_equal(json_string_value(json_object_get(params, "value")), "plan");
  agent_answers(&rec, "session/set_config_option", "{}"); /* without the list it owes */
  assert_string_equal(modes()->current_mode_id, "plan");
  /* And by itself: */
  agent_updates(&rec,
                "{'sessionUpdate':'config_option_update','configOptions':[{'id':'mode','name':'m',"
                "'category':'mode','type':'select','currentValue':'build','options':[{'value':"
                "'build','name':'b'},{'value':'plan','name':'p'}]}]}");
  assert_string_equal(modes()->current_mode_id, "build");
}

static void options_are_set_in_their_type(void **state) {
  (void)state;
  start_with_session(option_session);
  acp_session_set_option(rec.session, "fast", "true", NULL, NULL, rec.now_ns);
  json_t *params = json_object_get(sent_method(&rec, "session/set_config_option"), "params");
  assert_true(json_is_true(json_object_get(params, "value")));
  assert_string_equal(json_string_value(json_object_get(params, "type")), "boolean");
  agent_answers(&rec, "session/set_config_option", "{}");
  const Remote__V1__ConfigOptionsChanged *changed =
      last_body(&rec, BODY(CONFIG_OPTIONS_CHANGED))->config_options_changed;
  assert_string_equal(changed->options[1]->current_value, "true");
  lrm_id command = {{1}};
  acp_session_set_option(rec.session, "fast", "maybe", &command, NULL, rec.now_ns);
  assert_int_equal(rec.finish_code, LRM_CODE_INVALID);
  acp_session_set_option(rec.session, "nothing", "x", &command, NULL, rec.now_ns);
  assert_int_equal(rec.finish_code, LRM_CODE_INVALID);
  acp_session_set_option(rec.session, "mode", "plan", &command, NULL, rec.now_ns);
  agent_fails(&rec, "session/set_config_option", -32602, "not now");
  assert_int_equal(rec.finish_code, LRM_CODE_AGENT_ERROR);
  acp_session_set_mode(rec.session, "no-such-mode", &command, NULL, rec.now_ns);
  assert_int_equal(rec.finish_code, LRM_CODE_INVALID);
}

static void a_mode_method_that_is_missing(void **state) {
  (void)state;
  start_with_session(
      "{'sessionId':'s1','modes':{'currentModeId':'a','availableModes':[{'id':'a','name':'A'},"
      "{'id':'b','name':'B'}]},'configOptions':[{'id':'mode','name':'Mode','category':'mode',"
      "'type':'select','currentValue':'a','options':[{'value':'a','name':'A'},{'value':'b',"
      "'name':'B'}]}]}");
  acp_session_set_mode(rec.session, "b", NULL, NULL, rec.now_ns);
  agent_fails(&rec, "session/set_mode", RPC_METHOD_NOT_FOUND, "no");
  assert_int_equal(sent_count(&rec, "session/set_config_option"), 1);
  agent_answers(&rec, "session/set_config_option", "{}");
  assert_string_equal(modes()->current_mode_id, "b");
}

static void a_mode_is_told_in_the_option_too(void **state) {
  (void)state;
  start_with_session(
      "{'sessionId':'s1','modes':{'currentModeId':'a','availableModes':[{'id':'a','name':'A'},"
      "{'id':'b','name':'B'}]},'configOptions':[{'id':'mode','name':'Mode','category':'mode',"
      "'type':'select','currentValue':'a','options':[{'value':'a','name':'A'},{'value':'b',"
      "'name':'B'}]}]}");
  acp_session_set_mode(rec.session, "b", NULL, NULL, rec.now_ns);
  agent_answers(&rec, "session/set_mode", "{}");
  const Remote__V1__ConfigOptionsChanged *changed =
      last_body(&rec, BODY(CONFIG_OPTIONS_CHANGED))->config_options_changed;
  assert_string_equal(changed->options[0]->current_value, "b");
}

static void models_of_older_agents(void **state) {
  (void)state;
  start_with_session(
      "{'sessionId':'s1','models':{'currentModelId':'m1','availableModels':[{"
      "'modelId':'m1','name':'One'},{'modelId':'m2','name':'Two'}]}}");
  acp_session_set_option(rec.session, "model", "m2", NULL, NULL, rec.now_ns);
  assert_int_equal(sent_count(&rec, "session/set_model"), 1);
  agent_answers(&rec, "session/set_model", "{}");
  const Remote__V1__ConfigOptionsChanged *changed =
      last_body(&rec, BODY(CONFIG_OPTIONS_CHANGED))->config_options_changed;
  assert_string_equal(changed->options[0]->current_value, "m2");
}

/* ---- redaction ---- */

/* The journal holds what was redacted, the agent replays what was said. */
static void a_replay_with_secrets_is_known(void **state) {
  static const char said[] = "use [redacted: GitHub token]";
  char error[128];
  const redact_config redacting = {.defaults = true};
  redactor *redact = redactor_create(&redacting, error, sizeof error);
  acp_history *h = acp_history_create();
  (void)state;
  acp_history_add(h, ACP_ROLE_USER, "h1", 0, said, strlen(said));
  acp_history_add(h, ACP_ROLE_ASSISTANT, "m1", 0, said, strlen(said));
  acp_session_config config = {.redact = redact, .resume_id = "s1", .history = h};
  recorder_start_with(&rec, &config);
  agent_answers(&rec, "initialize",
                "{'protocolVersion':1,'agentCapabilities':{'loadSession':true}}");
  say_user("u1", "use ghp_0123456789abcdefghij");
  say_user("u1", "KLMNOPQRSTUVWXYZ0123");
  say_agent("m1", "use ghp_0123456789abcdefghijKLMNOPQRSTUVWXYZ0123");
  say_user("u2", "and now?");
  say_agent("m2", "now ghp_0123456789abcdefghij");
  say_agent("m2", "KLMNOPQRSTUVWXYZ0123");
  agent_answers(&rec, "session/load", "{}");
  assert_int_equal(conversation(), 2);
  const Remote__V1__Event *added = last_body(&rec, BODY(ASSISTANT_MESSAGE));
  assert_string_equal(added->assistant_message->text, "now [redacted: GitHub token]");
  acp_session_destroy(rec.session);
  rec.session = NULL;
  acp_history_destroy(h);
  redactor_destroy(redact);
}

static void secrets_in_tool_output_are_removed(void **state) {
  char error[128];
  const redact_config redacting = {.defaults = true};
  redactor *redact = redactor_create(&redacting, error, sizeof error);
  acp_session_config config = {.redact = redact};
  (void)state;
  recorder_start_with(&rec, &config);
  recorder_ready(&rec);
  assert_true(acp_session_prompt(rec.session, "t", "go", NULL, 0, NULL, rec.now_ns));
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'c','title':'env','kind':"
                "'execute','_meta':{'terminal_output_delta':{'data':'A=1\\nTOKEN=ghp_0123456"
                "789abcdefghij'}}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','_meta':{"
                "'terminal_output_delta':{'data':'KLMNOPQRSTUVWXYZ0123\\nB=2\\n'}}}");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call_update','toolCallId':'c','status':'completed',"
                "'rawOutput':{'out':'ghp_0123456789abcdefghijKLMNOPQRSTUVWXYZ0123'},'content':[{"
                "'type':'content','content':{'type':'text','text':"
                "'ghp_0123456789abcdefghijKLMNOPQRSTUVWXYZ0123'}}]}");
  char *output = tool_output_text(&rec, "c");
  assert_non_null(strstr(output, "TOKEN=[redacted: GitHub token]\nB=2\n"));
  assert_null(strstr(output, "ghp_"));
  free(output);
  const Remote__V1__ToolEnded *ended = last_body(&rec, BODY(TOOL_ENDED))->tool_ended;
  assert_null(strstr(ended->output->text, "ghp_"));
  assert_null(strstr(ended->content[0]->text, "ghp_"));
  assert_true(redactor_count(redact) >= 3);
  acp_session_destroy(rec.session);
  rec.session = NULL;
  redactor_destroy(redact);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_slow_start_is_waited_for),
      TEST(a_start_without_end_fails),
      TEST(another_version_is_refused),
      TEST(nonsense_from_the_start_fails_soon),
      TEST(a_banner_before_the_start_does_not_hurt),
      TEST(signing_in_is_for_the_person),
      TEST(a_person_chooses_how_to_sign_in),
      TEST(signing_in_that_is_never_answered_fails),
      TEST(a_session_is_described_with_its_id),
      TEST(too_much_before_the_session_is_not_kept_waiting),
      TEST(tool_servers_and_folders_go_where_they_are_taken),
      TEST(the_end_of_the_agent_ends_all),
      TEST(replayed_history_is_not_said_twice),
      TEST(replayed_subagents_begin_nothing),
      TEST(replay_without_ids_matches_by_text),
      TEST(what_the_journal_lacks_is_added),
      TEST(what_is_told_otherwise_is_no_news),
      TEST(news_keeps_its_order),
      TEST(a_replay_after_the_reply_is_no_news),
      TEST(a_replay_after_the_reply_ends_in_time),
      TEST(a_load_that_fails_begins_anew_and_says_so),
      TEST(resume_where_load_is_not_offered),
      TEST(neither_load_nor_resume),
      TEST(people_are_told_the_title_of_the_agent),
      TEST(modes_as_modes),
      TEST(modes_as_an_option),
      TEST(options_are_set_in_their_type),
      TEST(a_mode_method_that_is_missing),
      TEST(a_mode_is_told_in_the_option_too),
      TEST(models_of_older_agents),
      TEST(a_replay_with_secrets_is_known),
      TEST(secrets_in_tool_output_are_removed),
  };
  return cmocka_run_group_tests_name("acp_start", tests, NULL, NULL);
}

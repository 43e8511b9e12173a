#include "acp_session.h"

#include <stdio.h>

#include "acp_internal.h"

#define NONE_NS UINT64_MAX
#define NONSENSE_SHOWN_MAX 32u
#define FORCE_CANCEL_NS (2ull * 1000000000ull)

static void fail(acp_session *s, acp_failure failure, const char *text) {
  if (s->state == ACP_DEAD) return;
  s->state = ACP_DEAD;
  s->deadline_ns = NONE_NS;
  s->sink->failed(s->sink_user, failure, text);
}

static const char *error_text(const json_t *error) {
  const char *text = json_string_value(json_object_get(error, "message"));
  return text != NULL ? text : "no reason given";
}

/* ---- start: initialize, then a session ---- */

/* What was said before is history only: the agent does not know it. */
static void context_is_gone(acp_session *s, const char *why) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__ContextCleared cleared = REMOTE__V1__CONTEXT_CLEARED__INIT;
  cleared.reason = acp_build_text(&b, why, strlen(why), 1024);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_CONTEXT_CLEARED;
  event.context_cleared = &cleared;
  acp_emit(s, &event);
  acp_build_end(&b);
  acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
             "%s; the agent starts with an empty context.", why);
}

static void open_session(acp_session *s);

static void tell_ready(acp_session *s) {
  s->state = ACP_READY;
  s->deadline_ns = NONE_NS;
  s->sink->ready(s->sink_user, json_string_value(s->session_id), s->loaded);
}

/* "Sign in with …" of the methods that the agent named. */
static void sign_in_text(const acp_session *s, char *out, size_t bytes) {
  size_t n = (size_t)snprintf(out, bytes, "the agent wants you to sign in first");
  for (size_t i = 0; i < json_array_size(s->auth_methods) && n < bytes; i++) {
    const json_t *method = json_array_get(s->auth_methods, i);
    const char *name = json_string_value(json_object_get(method, "name"));
    const char *how = json_string_value(json_object_get(method, "description"));
    n += (size_t)snprintf(out + n, bytes - n, "%s %.80s%s%.160s", i == 0 ? ":" : ", or",
                          name != NULL ? name : "?", how != NULL ? " - " : "",
                          how != NULL ? how : "");
  }
}

static void on_session(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  char text[1024];
  (void)context;
  acp_collect_end(s);
  s->loading = false;
  if (s->state != ACP_OPENING) return;
  if (error != NULL) {
    if (json_integer_value(json_object_get(error, "code")) == RPC_AUTH_REQUIRED) {
      sign_in_text(s, text, sizeof text);
      fail(s, ACP_FAILURE_SIGN_IN, text);
    } else if (s->tried_load) { /* it has forgotten, or lost, the earlier conversation */
      snprintf(text, sizeof text, "The agent cannot load its earlier conversation (%s)",
               error_text(error));
      context_is_gone(s, text);
      free(s->resume_id);
      s->resume_id = NULL;
      s->loaded = false;
      json_decref(s->session_id);
      s->session_id = NULL;
      open_session(s);
    } else {
      snprintf(text, sizeof text, "the agent did not open a session: %s", error_text(error));
      fail(s, ACP_FAILURE_REFUSED, text);
    }
    return;
  }
  json_t *id = json_object_get(result, "sessionId");
  if (!s->tried_load || s->session_id == NULL) {
    if (!json_is_string(id)) {
      fail(s, ACP_FAILURE_PROTOCOL, "the agent opened a session without an id");
      return;
    }
    json_decref(s->session_id);
    s->session_id = json_incref(id);
  }
  acp_modes_facts(s, result);
  tell_ready(s);
}

static json_t *session_params(const acp_session *s) {
  json_t *params = json_pack("{s:s,s:[]}", "cwd", s->cwd, "mcpServers");
  if (s->resume_id != NULL) json_object_set_new(params, "sessionId", json_string(s->resume_id));
  return params;
}

static bool can(const acp_session *s, const char *what) {
  return json_is_object(
      json_object_get(json_object_get(s->capabilities, "sessionCapabilities"), what));
}

static void open_session(acp_session *s) {
  const char *method = "session/new";
  s->tried_load = false;
  if (s->resume_id != NULL) {
    bool load = json_is_true(json_object_get(s->capabilities, "loadSession"));
    if (load || can(s, "resume")) {
      method = load ? "session/load" : "session/resume";
      s->tried_load = s->loaded = true;
      s->loading = load;
      s->session_id = json_string(s->resume_id);
    } else {
      context_is_gone(s, "This agent cannot load an earlier conversation");
      free(s->resume_id);
      s->resume_id = NULL;
    }
  }
  s->state = ACP_OPENING;
  s->deadline_ns = s->now_ns + s->start_limit_ns;
  rpc_call(s->rpc, method, session_params(s), on_session, 0);
}

static void on_initialized(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  char text[1024];
  (void)context;
  if (s->state != ACP_STARTING) return;
  if (error != NULL) {
    snprintf(text, sizeof text, "the agent refused to start: %s", error_text(error));
    fail(s, ACP_FAILURE_REFUSED, text);
    return;
  }
  json_int_t version = json_integer_value(json_object_get(result, "protocolVersion"));
  if (version != 1) {
    snprintf(text, sizeof text, "the agent speaks version %lld of ACP, this program version 1",
             (long long)version);
    fail(s, ACP_FAILURE_PROTOCOL, text);
    return;
  }
  const json_t *info = json_object_get(result, "agentInfo");
  const char *name = json_string_value(json_object_get(info, "name"));
  const char *number = json_string_value(json_object_get(info, "version"));
  s->capabilities = json_incref(json_object_get(result, "agentCapabilities"));
  s->auth_methods = json_incref(json_object_get(result, "authMethods"));
  s->agent_name = memory_string(name != NULL ? name : "");
  s->elevation.agent = s->agent_name;
  acp_agent_facts facts = {s->agent_name, number != NULL ? number : "",
                           json_is_true(json_object_get(s->capabilities, "loadSession")),
                           can(s, "resume")};
  s->sink->initialized(s->sink_user, &facts);
  if (s->state == ACP_STARTING) open_session(s);
}

static void initialize(acp_session *s) {
  json_t *params = json_pack(
      "{s:i,s:{s:{s:b,s:b},s:b,s:{s:{},s:{},s:{s:{}}},s:{s:{},s:{}}},s:{s:s,s:s,s:s}}",
      "protocolVersion", 1, "clientCapabilities", "fs", "readTextFile", 0, "writeTextFile", 0,
      "terminal", 0, "session", "notices", "compaction", "configOptions", "boolean", "elicitation",
      "form", "url", "clientInfo", "name", "remote", "title", "remote", "version", s->version);
  s->state = ACP_STARTING;
  s->deadline_ns = s->now_ns + s->start_limit_ns;
  rpc_call(s->rpc, "initialize", params, on_initialized, 0);
}

/* ---- turns ---- */

static void turn_free(acp_session *s) {
  uint64_t number = s->turn.number;
  free(s->turn.prompt);
  s->turn = (acp_turn){.number = number};
}

static uint64_t tokens(const json_t *usage, const char *name) {
  json_int_t n = json_integer_value(json_object_get(usage, name));
  return n > 0 ? (uint64_t)n : 0;
}

static void end_turn(acp_session *s, const char *stop_reason, const json_t *usage,
                     const char *error) {
  acp_build b;
  acp_collect_end(s);
  s->event_turn_id = s->turn.id;
  acp_streams_end(s, true);
  acp_asks_end(s, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN, "the turn ended", false, true);
  acp_tools_end_turn(s);
  s->event_turn_id = NULL;
  acp_build_begin(&b, s);
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  Remote__V1__Usage counted = s->usage;
  counted.input_tokens = tokens(usage, "inputTokens");
  counted.output_tokens = tokens(usage, "outputTokens");
  ended.turn_id = acp_build_copy(&b, s->turn.id);
  ended.stop_reason = acp_build_text(&b, stop_reason, strlen(stop_reason), 63);
  if (error != NULL) ended.error = acp_build_text(&b, error, strlen(error), 4096);
  ended.usage = &counted;
  turn_free(s);
  s->sink->turn_ended(s->sink_user, &ended);
  acp_build_end(&b);
}

static void on_prompt_answered(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  if (!s->turn.running || s->turn.number != context) {
    /* The reply to a turn that was given up: shown, but it ends nothing. */
    json_t *said =
        json_pack("{s:O}", error != NULL ? "error" : "result", error != NULL ? error : result);
    acp_extension(s, "session/prompt:late", said, true);
    json_decref(said);
    return;
  }
  if (error != NULL) {
    bool cancelled =
        s->turn.cancelled && json_integer_value(json_object_get(error, "code")) == RPC_CANCELLED;
    end_turn(s, cancelled ? "cancelled" : "error", NULL, cancelled ? NULL : error_text(error));
    return;
  }
  const char *reason = json_string_value(json_object_get(result, "stopReason"));
  end_turn(s, reason != NULL ? reason : "unknown", json_object_get(result, "usage"), NULL);
}

static json_t *prompt_params(const acp_session *s, const char *text,
                             const acp_attachment *attachments, size_t count) {
  json_t *blocks = json_array();
  json_t *block = json_pack("{s:s,s:s}", "type", "text", "text", text);
  if (block == NULL) block = json_pack("{s:s,s:s}", "type", "text", "text", "(not text)");
  json_array_append_new(blocks, block);
  for (size_t i = 0; i < count; i++)
    json_array_append_new(blocks, acp_attachment_block(&attachments[i]));
  return json_pack("{s:O,s:o}", "sessionId", s->session_id, "prompt", blocks);
}

bool acp_session_prompt(acp_session *s, const char *turn_id, const char *text,
                        const acp_attachment *attachments, size_t count, const lrm_id *command_id,
                        uint64_t now_ns) {
  s->now_ns = now_ns;
  if (s->state != ACP_READY || s->turn.running) return false;
  acp_collect_end(s);
  acp_streams_end(s, true);
  uint64_t number = s->turn.number + 1;
  s->turn = (acp_turn){.running = true, .number = number, .prompt = memory_string(text)};
  acp_id_make(turn_id, ACP_ID_BYTES - 1, s->turn.id);
  if (!rpc_call(s->rpc, "session/prompt", prompt_params(s, text, attachments, count),
                on_prompt_answered, number)) {
    turn_free(s);
    return false;
  }
  if (command_id != NULL) s->sink->finish(s->sink_user, command_id, 0, "");
  return true;
}

/* Asks first: an agent may wait for their answers before it looks at the cancel. */
void acp_session_cancel(acp_session *s, const lrm_id *command_id, uint64_t now_ns) {
  s->now_ns = now_ns;
  if (!s->turn.running) {
    if (command_id != NULL)
      s->sink->finish(s->sink_user, command_id, LRM_CODE_TOO_LATE, "no turn is running");
    return;
  }
  if (s->turn.cancelled) {
    if (now_ns - s->turn.cancelled_ns >= FORCE_CANCEL_NS) s->turn.cancelled_ns = 1;
    acp_session_expire(s, now_ns);
  } else {
    s->turn.cancelled = true;
    s->turn.cancelled_ns = now_ns;
    rpc_notify(s->rpc, "session/cancel", json_pack("{s:O}", "sessionId", s->session_id));
    acp_asks_end(s, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_CANCELLED, "the turn was cancelled", false,
                 true);
  }
  if (command_id != NULL) s->sink->finish(s->sink_user, command_id, 0, "");
}

/* ---- what the agent sends ---- */

static void on_request(void *user, json_t *id, const char *method, json_t *params) {
  acp_session *s = user;
  if (strcmp(method, "session/request_permission") == 0) {
    acp_ask_permission(s, id, params);
  } else if (strcmp(method, "elicitation/create") == 0) {
    acp_ask_elicitation(s, id, params);
  } else { /* fs/…, terminal/…: some agents call what was never offered */
    rpc_refuse(s->rpc, id, RPC_METHOD_NOT_FOUND, "not offered by this client");
    json_t *said = json_pack("{s:s,s:i}", "method", method, "answered", RPC_METHOD_NOT_FOUND);
    if (said != NULL) acp_extension(s, "request", said, true);
    json_decref(said);
  }
}

static void on_notification(void *user, const char *method, json_t *params) {
  acp_session *s = user;
  if (strcmp(method, "session/update") == 0) {
    acp_update(s, params);
  } else if (strcmp(method, "$/cancel_request") == 0) {
    acp_ask_withdrawn(s, json_object_get(params, "requestId"));
  } else if (strcmp(method, "elicitation/complete") == 0) {
    acp_ask_completed(s, json_object_get(params, "elicitationId"));
  } else {
    acp_extension(s, method, params != NULL ? params : json_null(), false);
  }
}

static void say_malformed(acp_session *s, const char *line, size_t bytes, const char *why) {
  acp_build b;
  acp_build_begin(&b, s);
  char *shown = acp_build_text(&b, line, bytes < 65536 ? bytes : 65536, 65536);
  json_t *said = json_pack("{s:s,s:s,s:I}", "why", why, "line", shown, "bytes", (json_int_t)bytes);
  acp_extension(s, "malformed", said, false);
  json_decref(said);
  acp_build_end(&b);
}

static void on_malformed(void *user, const char *line, size_t bytes, const char *why) {
  acp_session *s = user;
  uint64_t run = rpc_malformed_run(s->rpc);
  if (s->state == ACP_DEAD) return;
  s->event_turn_id = s->turn.running ? s->turn.id : NULL;
  if (s->state != ACP_STARTING && s->nonsense_reported < NONSENSE_SHOWN_MAX) {
    say_malformed(s, line, bytes, why);
    if (++s->nonsense_reported == NONSENSE_SHOWN_MAX)
      acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
                 "The agent writes lines that are not ACP; further ones are only counted.");
  }
  if (s->state == ACP_STARTING && run >= ACP_NONSENSE_BEFORE_START_MAX)
    fail(s, ACP_FAILURE_PROTOCOL, "it does not speak ACP (its output is not JSON-RPC)");
  else if (run >= ACP_NONSENSE_RUN_MAX)
    fail(s, ACP_FAILURE_PROTOCOL, "the agent no longer speaks ACP");
}

static void on_send(void *user, const char *line, size_t bytes) {
  acp_session *s = user;
  s->send(s->send_user, line, bytes);
}

static const rpc_owner owner = {on_send, on_request, on_notification, on_malformed};

/* ---- life ---- */

acp_session *acp_session_create(const acp_session_config *c, uint64_t now_ns) {
  acp_session *s = memory_zero(sizeof *s);
  Remote__V1__Usage usage = REMOTE__V1__USAGE__INIT;
  s->sink = c->sink;
  s->sink_user = c->sink_user;
  s->send = c->send;
  s->send_user = c->send_user;
  s->cwd = memory_string(c->cwd);
  s->resume_id = c->resume_id != NULL ? memory_string(c->resume_id) : NULL;
  s->history = c->history;
  s->id_token = memory_string(c->id_token);
  s->version = memory_string(c->version);
  s->redact = c->redact;
  s->redact_messages = c->redact_messages;
  s->elevation = (elevation){NULL, c->elevates, c->policy_user};
  s->slash_allowed = c->slash_allowed;
  s->policy_user = c->policy_user;
  s->start_limit_ns = c->start_ns != 0 ? c->start_ns : ACP_START_NS;
  s->now_ns = now_ns;
  s->usage = usage;
  s->ended_ids = json_object();
  s->subagents = json_object();
  s->summaries = json_object();
  s->rpc = rpc_create(&owner, s);
  initialize(s);
  return s;
}

void acp_session_destroy(acp_session *s) {
  if (s == NULL) return;
  rpc_destroy(s->rpc);
  acp_modes_free(s);
  acp_tools_free(s);
  for (size_t i = 0; i < ACP_ASKS_MAX; i++) {
    json_decref(s->asks[i].request_id);
    json_decref(s->asks[i].options);
  }
  for (size_t i = 0; i < ACP_STREAMS_MAX; i++) redact_stream_free(&s->streams[i].redact);
  json_t *owned[] = {s->capabilities, s->auth_methods, s->session_id, s->collected.blocks,
                     s->ended_ids,    s->subagents,    s->summaries};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) json_decref(owned[i]);
  free(s->collected.text);
  free(s->turn.prompt);
  free(s->agent_name);
  free(s->cwd);
  free(s->resume_id);
  free(s->id_token);
  free(s->version);
  free(s);
}

void acp_session_feed(acp_session *s, const char *data, size_t bytes, uint64_t now_ns) {
  s->now_ns = now_ns;
  if (s->state == ACP_DEAD) return; /* it has failed and is being ended */
  rpc_feed(s->rpc, data, bytes);
  s->event_turn_id = NULL;
}

void acp_session_gone(acp_session *s, const char *why, uint64_t now_ns) {
  s->now_ns = now_ns;
  if (s->state != ACP_DEAD) rpc_end(s->rpc);
  s->state = ACP_DEAD;
  s->deadline_ns = NONE_NS;
  acp_collect_end(s);
  acp_asks_end(s, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ORPHANED, why, true, false);
  rpc_abandon(s->rpc, why); /* the running turn ends with this error */
  acp_streams_end(s, true);
}

bool acp_session_ready(const acp_session *s) { return s->state == ACP_READY; }
bool acp_session_in_turn(const acp_session *s) { return s->turn.running; }
const elevation *acp_session_elevation(const acp_session *s) { return &s->elevation; }
uint64_t acp_session_malformed(const acp_session *s) { return rpc_malformed_count(s->rpc); }

/* ---- time ---- */

static uint64_t stream_deadline(const acp_session *s) {
  uint64_t least = NONE_NS;
  if (s->turn.running) return least;
  for (size_t i = 0; i < ACP_STREAMS_MAX; i++)
    if (s->streams[i].role != 0 && s->streams[i].last_ns + ACP_IDLE_STREAM_NS < least)
      least = s->streams[i].last_ns + ACP_IDLE_STREAM_NS;
  return least;
}

uint64_t acp_session_deadline(const acp_session *s) {
  uint64_t least = stream_deadline(s);
  if (s->state == ACP_STARTING || s->state == ACP_OPENING)
    if (s->deadline_ns < least) least = s->deadline_ns;
  if (s->turn.running && s->turn.cancelled && s->turn.cancelled_ns + ACP_CANCEL_NS < least)
    least = s->turn.cancelled_ns + ACP_CANCEL_NS;
  return least;
}

void acp_session_expire(acp_session *s, uint64_t now_ns) {
  s->now_ns = now_ns;
  if ((s->state == ACP_STARTING || s->state == ACP_OPENING) && now_ns >= s->deadline_ns) {
    char text[200];
    snprintf(text, sizeof text, "the agent did not answer %s within %llu s",
             s->state == ACP_STARTING ? "initialize" : "the request for a session",
             (unsigned long long)(s->start_limit_ns / 1000000000ull));
    fail(s, ACP_FAILURE_TIMEOUT, text);
    return;
  }
  if (now_ns >= stream_deadline(s)) acp_streams_end(s, true);
  if (s->turn.running && s->turn.cancelled && now_ns >= s->turn.cancelled_ns + ACP_CANCEL_NS) {
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The agent did not confirm the cancel; what it had started may go on.");
    end_turn(s, "cancelled", NULL, NULL);
  }
}

#include "acp_session.h"

#include <stdio.h>

#include "acp_internal.h"

#define NONE_NS UINT64_MAX
#define NONSENSE_SHOWN_MAX 32u
#define FORCE_CANCEL_NS (2ull * 1000000000ull)

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
  acp_agents_end_turn(s);
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

/* A stop that a person can do something about. */
static void tell_limit(acp_session *s, const char *stop_reason) {
  static const struct {
    const char *reason, *text;
  } limits[] = {
      {"max_tokens", "The agent stopped at its limit of tokens. Send a prompt to go on."},
      {"max_turn_requests",
       "The agent stopped at its limit of requests for one turn. Send a prompt to go on."},
      {"refusal", "The agent refused. It has dropped this prompt and what it answered to it."},
  };
  for (size_t i = 0; stop_reason != NULL && i < sizeof limits / sizeof *limits; i++)
    if (strcmp(limits[i].reason, stop_reason) == 0)
      acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "limit", "%s", limits[i].text);
}

/* Words with which agents say that an account has used up what it may. */
static bool is_usage_limit(const char *text) {
  static const char *const words[] = {"usage limit",        "rate limit",
                                      "rate_limit",         "quota",
                                      "limit reached",      "too many requests",
                                      "out of credits",     "credit balance",
                                      "resource_exhausted", "429"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasestr(text, words[i]) != NULL) return true;
  return false;
}

/* What a person can do about an error. */
static void tell_why(acp_session *s, json_int_t code, const char *text) {
  if (code == RPC_AUTH_REQUIRED)
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The agent wants its person to sign in: /sign-in at its own terminal.");
  else if (is_usage_limit(text))
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "limit",
               "The agent's account has reached a limit (%.300s). Send the prompt again when it is "
               "over, or choose another model.",
               text);
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
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    end_turn(s, cancelled ? "cancelled" : "error", NULL, cancelled ? NULL : acp_error_text(error));
    if (!cancelled) tell_why(s, code, acp_error_text(error));
    return;
  }
  const char *reason = json_string_value(json_object_get(result, "stopReason"));
  end_turn(s, reason != NULL ? reason : "unknown", json_object_get(result, "usage"), NULL);
  tell_limit(s, reason);
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
  if (s->state == ACP_OPENING || s->state == ACP_AUTHENTICATING) {
    acp_start_describe(s); /* it wants an answer: somebody must see it */
    acp_start_tell_held(s);
  }
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

/* What agents say of accounts, providers of models and tool servers stays on this machine. */
static bool about_credentials(const char *method) {
  static const char *const groups[] = {"auth/", "providers/", "mcp/"};
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
    if (strncmp(method, groups[i], strlen(groups[i])) == 0) return true;
  return false;
}

void acp_notification(acp_session *s, const char *method, json_t *params) {
  if (strcmp(method, "session/update") == 0) {
    acp_update(s, params);
  } else if (strcmp(method, "$/cancel_request") == 0) {
    acp_ask_withdrawn(s, json_object_get(params, "requestId"));
  } else if (strcmp(method, "elicitation/complete") == 0) {
    acp_ask_completed(s, json_object_get(params, "elicitationId"));
  } else if (about_credentials(method)) { /* that it was said, and nothing of it */
    json_t *said = json_pack("{s:s}", "method", method);
    if (said != NULL) acp_extension(s, "notification", said, true);
    json_decref(said);
  } else {
    acp_extension(s, method, params != NULL ? params : json_null(), false);
  }
}

static void on_notification(void *user, const char *method, json_t *params) {
  acp_session *s = user;
  if (!acp_start_holds(s, method, params)) acp_notification(s, method, params);
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
  if (s->described && strcmp(why, RPC_TOO_LONG) == 0)
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The agent wrote " RPC_TOO_LONG "; it is left out.");
  if (s->described && s->nonsense_reported < NONSENSE_SHOWN_MAX) {
    say_malformed(s, line, bytes, why);
    if (++s->nonsense_reported == NONSENSE_SHOWN_MAX)
      acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
                 "The agent writes lines that are not ACP; further ones are only counted.");
  }
  if (s->state == ACP_STARTING && run >= ACP_NONSENSE_BEFORE_START_MAX)
    acp_fail(s, ACP_FAILURE_PROTOCOL, "it does not speak ACP (its output is not JSON-RPC)");
  else if (run >= ACP_NONSENSE_RUN_MAX)
    acp_fail(s, ACP_FAILURE_PROTOCOL, "the agent no longer speaks ACP");
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
  s->elevation = (elevation){NULL, c->elevates, c->policy_user};
  s->slash_allowed = c->slash_allowed;
  s->policy_user = c->policy_user;
  s->mcp_servers = c->mcp_servers != NULL ? json_deep_copy(c->mcp_servers) : NULL;
  s->directories = c->directories != NULL ? json_deep_copy(c->directories) : NULL;
  s->start_limit_ns = c->start_ns != 0 ? c->start_ns : ACP_START_NS;
  s->now_ns = now_ns;
  s->usage = usage;
  s->ended_ids = json_object();
  s->summaries = json_object();
  s->rpc = rpc_create(&owner, s);
  acp_start(s);
  return s;
}

void acp_session_destroy(acp_session *s) {
  if (s == NULL) return;
  rpc_destroy(s->rpc);
  acp_start_free(s);
  acp_modes_free(s);
  acp_tools_free(s);
  for (size_t i = 0; i < ACP_ASKS_MAX; i++) {
    json_decref(s->asks[i].request_id);
    json_decref(s->asks[i].options);
    json_decref(s->asks[i].questions);
  }
  for (size_t i = 0; i < ACP_STREAMS_MAX; i++) redact_stream_free(&s->streams[i].redact);
  json_t *owned[] = {s->capabilities, s->auth_methods, s->session_id, s->collected.blocks,
                     s->unmatched,    s->late_result,  s->ended_ids,  s->summaries};
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) json_decref(owned[i]);
  free(s->collected.text);
  free(s->turn.prompt);
  free(s->agent_name);
  free(s->agent_title);
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
  if (s->described) acp_agents_end(s, why);
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

static bool starting(const acp_session *s) {
  return s->state == ACP_STARTING || s->state == ACP_OPENING || s->state == ACP_AUTHENTICATING;
}

uint64_t acp_session_deadline(const acp_session *s) {
  uint64_t least = stream_deadline(s);
  if (starting(s) && s->deadline_ns < least) least = s->deadline_ns;
  if (acp_changes_deadline(s) < least) least = acp_changes_deadline(s);
  if (s->turn.running && s->turn.cancelled && s->turn.cancelled_ns + ACP_CANCEL_NS < least)
    least = s->turn.cancelled_ns + ACP_CANCEL_NS;
  return least;
}

void acp_session_expire(acp_session *s, uint64_t now_ns) {
  s->now_ns = now_ns;
  if (s->late_result != NULL && s->state == ACP_OPENING && now_ns >= s->deadline_ns) {
    acp_late_replay_end(s);
  } else if (starting(s) && now_ns >= s->deadline_ns) {
    char text[200];
    uint64_t limit_ns = s->state == ACP_AUTHENTICATING ? ACP_SIGN_IN_NS : s->start_limit_ns;
    snprintf(text, sizeof text, "the agent did not answer %s within %llu s",
             s->state == ACP_STARTING  ? "initialize"
             : s->state == ACP_OPENING ? "the request for a session"
                                       : "the request to sign in",
             (unsigned long long)(limit_ns / 1000000000ull));
    acp_fail(s, ACP_FAILURE_TIMEOUT, text);
    return;
  }
  acp_changes_expire(s);
  if (now_ns >= stream_deadline(s)) acp_streams_end(s, true);
  if (s->turn.running && s->turn.cancelled && now_ns >= s->turn.cancelled_ns + ACP_CANCEL_NS) {
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The agent did not confirm the cancel; what it had started may go on.");
    end_turn(s, "cancelled", NULL, NULL);
  }
}

/* The start: initialize, signing in where the agent wants it, then a session, new or as it was. */
#include <stdio.h>

#include "acp_internal.h"

#define LATE_REPLAY_NS (1000ull * 1000000ull)
#define LATE_REPLAY_MAX_NS (15ull * 1000000000ull)

#define HELD_MAX 1024u
#define HELD_BYTES_MAX (4u * 1024u * 1024u)

void acp_fail(acp_session *s, acp_failure failure, const char *text) {
  if (s->state == ACP_DEAD) return;
  s->state = ACP_DEAD;
  s->deadline_ns = UINT64_MAX;
  s->sink->failed(s->sink_user, failure, text);
}

const char *acp_error_text(const json_t *error) {
  const char *text = json_string_value(json_object_get(error, "message"));
  return text != NULL ? text : "no reason given";
}

static bool can(const acp_session *s, const char *what) {
  return json_is_object(
      json_object_get(json_object_get(s->capabilities, "sessionCapabilities"), what));
}

/* ---- the session is described once its id is known ---- */

/* What came before: kept until somebody can hear it. */
bool acp_start_holds(acp_session *s, const char *method, json_t *params) {
  if (s->described || s->state == ACP_STARTING || s->state == ACP_DEAD) return false;
  if (json_array_size(s->held) >= HELD_MAX || s->held_bytes > HELD_BYTES_MAX) {
    acp_start_describe(s); /* so much to say: at once, and without the id */
    acp_start_tell_held(s);
    return false;
  }
  char *text = params != NULL ? json_dumps(params, JSON_COMPACT) : NULL;
  s->held_bytes += text != NULL ? strlen(text) : 0;
  free(text);
  json_array_append_new(s->held, json_pack("{s:s,s:O?}", "method", method, "params", params));
  return true;
}

void acp_start_describe(acp_session *s) {
  if (s->described) return;
  s->described = true;
  acp_agent_facts facts = {
      .name = s->agent_title[0] != '\0' ? s->agent_title : s->agent_name,
      .version = s->agent_version,
      .can_load = json_is_true(json_object_get(s->capabilities, "loadSession")),
      .can_resume = can(s, "resume"),
      .agent_session_id = json_string_value(s->session_id),
  };
  s->sink->initialized(s->sink_user, &facts);
}

void acp_start_tell_held(acp_session *s) {
  for (size_t i = 0; i < json_array_size(s->held) && s->state != ACP_DEAD; i++) {
    json_t *message = json_array_get(s->held, i);
    acp_notification(s, json_string_value(json_object_get(message, "method")),
                     json_object_get(message, "params"));
  }
  json_array_clear(s->held);
}

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

/* ---- signing in ---- */

size_t acp_session_sign_in_methods(const acp_session *s, acp_sign_in_method *out, size_t room) {
  size_t count = 0;
  for (size_t i = 0; i < json_array_size(s->auth_methods) && count < room; i++) {
    const json_t *method = json_array_get(s->auth_methods, i);
    const char *type = json_string_value(json_object_get(method, "type"));
    acp_sign_in_method *m = &out[count];
    m->id = json_string_value(json_object_get(method, "id"));
    m->name = json_string_value(json_object_get(method, "name"));
    m->description = json_string_value(json_object_get(method, "description"));
    m->variable = json_string_value(json_object_get(method, "varName"));
    const json_t *variables = json_object_get(method, "vars");
    if (m->variable == NULL)
      m->variable = json_string_value(json_object_get(json_array_get(variables, 0), "name"));
    m->by_agent = type == NULL || strcmp(type, "agent") == 0;
    if (m->id == NULL) continue;
    if (m->name == NULL) m->name = m->id;
    count++;
  }
  return count;
}

/* "… : NAME (how), or NAME (how)" */
static void sign_in_text(const acp_session *s, const char *why, char *out, size_t bytes) {
  acp_sign_in_method methods[16];
  size_t count = acp_session_sign_in_methods(s, methods, 16);
  size_t n = (size_t)snprintf(out, bytes, "%s", why);
  for (size_t i = 0; i < count && n < bytes; i++) {
    const acp_sign_in_method *m = &methods[i];
    n += (size_t)snprintf(out + n, bytes - n, "%s %.80s%s%.160s", i == 0 ? ":" : ", or", m->name,
                          m->description != NULL ? " - " : "",
                          m->description != NULL ? m->description : "");
    if (m->variable != NULL && n < bytes)
      n += (size_t)snprintf(out + n, bytes - n, " (set %.80s)", m->variable);
  }
}

static void wants_sign_in(acp_session *s, const char *why) {
  char text[1024];
  s->state = ACP_SIGNING_IN;
  s->deadline_ns = UINT64_MAX;
  if (s->sink->sign_in != NULL && s->sink->sign_in(s->sink_user, why)) return;
  if (s->state != ACP_SIGNING_IN) return; /* the sink has chosen already */
  sign_in_text(s, why, text, sizeof text);
  acp_fail(s, ACP_FAILURE_SIGN_IN, text);
}

static void open_session(acp_session *s);

static void on_authenticated(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  char text[512];
  (void)context;
  (void)result;
  if (s->state != ACP_AUTHENTICATING) return;
  if (error == NULL) {
    s->signed_in++;
    open_session(s);
    return;
  }
  snprintf(text, sizeof text, "signing in did not work (%.300s); the agent wants you to sign in",
           acp_error_text(error));
  wants_sign_in(s, text);
}

/* In the middle of a session, after the agent has answered a prompt with "sign in". */
static void on_authenticated_later(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  (void)context;
  (void)result;
  if (error == NULL)
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_INFO, "agent", "Signed in to the agent.");
  else
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "Signing in to the agent did not work: %s", acp_error_text(error));
}

bool acp_session_sign_in(acp_session *s, const char *method_id, uint64_t now_ns) {
  s->now_ns = now_ns;
  if (s->state == ACP_READY)
    return rpc_call(s->rpc, "authenticate", json_pack("{s:s}", "methodId", method_id),
                    on_authenticated_later, 0);
  if (s->state != ACP_SIGNING_IN) return false;
  s->state = ACP_AUTHENTICATING; /* a person may be busy with a browser meanwhile */
  s->deadline_ns = now_ns + ACP_SIGN_IN_NS;
  rpc_call(s->rpc, "authenticate", json_pack("{s:s}", "methodId", method_id), on_authenticated, 0);
  return true;
}

bool acp_session_sign_in_again(acp_session *s, uint64_t now_ns) {
  s->now_ns = now_ns;
  if (s->state != ACP_SIGNING_IN) return false;
  open_session(s);
  return true;
}

bool acp_session_signing_in(const acp_session *s) { return s->state == ACP_SIGNING_IN; }

/* ---- a session ---- */

/* Can this agent reach the tool server? All can run programs. */
static bool reaches(const acp_session *s, const json_t *server) {
  const char *type = json_string_value(json_object_get(server, "type"));
  return type == NULL ||
         json_is_true(json_object_get(json_object_get(s->capabilities, "mcpCapabilities"), type));
}

static json_t *session_params(const acp_session *s) {
  json_t *servers = json_array();
  for (size_t i = 0; i < json_array_size(s->mcp_servers); i++)
    if (reaches(s, json_array_get(s->mcp_servers, i)))
      json_array_append(servers, json_array_get(s->mcp_servers, i));
  json_t *params = json_pack("{s:s,s:o}", "cwd", s->cwd, "mcpServers", servers);
  if (s->resume_id != NULL) json_object_set_new(params, "sessionId", json_string(s->resume_id));
  if (json_array_size(s->directories) > 0 && can(s, "additionalDirectories"))
    json_object_set(params, "additionalDirectories", s->directories);
  return params;
}

/* What was wanted of the agent and it cannot do. */
static void tell_left_out(acp_session *s) {
  for (size_t i = 0; i < json_array_size(s->mcp_servers); i++) {
    const json_t *server = json_array_get(s->mcp_servers, i);
    if (reaches(s, server)) continue;
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The tool server %.100s is left out: this agent does not reach servers by %.20s.",
               json_string_value(json_object_get(server, "name")),
               json_string_value(json_object_get(server, "type")));
  }
  if (json_array_size(s->directories) > 0 && !can(s, "additionalDirectories"))
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "This agent takes no further folders: --add-dir has no effect.");
}

static void tell_ready(acp_session *s, json_t *result) {
  s->state = ACP_READY;
  s->deadline_ns = UINT64_MAX;
  acp_start_describe(s);
  if (s->state != ACP_READY) return; /* the sink could not open the session */
  tell_left_out(s);
  acp_modes_facts(s, result);
  acp_start_tell_held(s);
  s->sink->ready(s->sink_user, json_string_value(s->session_id), s->loaded);
}

/* It has forgotten, or lost, the earlier conversation: a new session. */
static void load_failed(acp_session *s, const json_t *error) {
  char text[1024];
  snprintf(text, sizeof text, "The agent cannot load its earlier conversation (%s)",
           acp_error_text(error));
  context_is_gone(s, text);
  free(s->resume_id);
  s->resume_id = NULL;
  s->loaded = false;
  json_decref(s->session_id);
  s->session_id = NULL;
  open_session(s);
}

/* ---- a replay that comes after the reply ---- */

static bool replay_is_missing(const acp_session *s) {
  return s->loading && !s->replay_matched && !acp_history_empty(s->history);
}

static void late_replay_begin(acp_session *s, json_t *result) {
  s->late_result = json_incref(result);
  s->late_until_ns = s->now_ns + LATE_REPLAY_MAX_NS;
  s->deadline_ns = s->now_ns + LATE_REPLAY_NS;
}

void acp_late_replay_goes_on(acp_session *s) {
  if (s->late_result == NULL) return;
  s->deadline_ns = s->now_ns + LATE_REPLAY_NS;
  if (s->deadline_ns > s->late_until_ns) s->deadline_ns = s->late_until_ns;
}

void acp_late_replay_end(acp_session *s) {
  json_t *result = s->late_result;
  s->late_result = NULL;
  acp_collect_end(s);
  acp_unmatched_say(s);
  s->loading = false;
  tell_ready(s, result);
  json_decref(result);
}

static void on_session(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  char text[1024];
  (void)context;
  acp_collect_end(s);
  if (s->state == ACP_OPENING && error == NULL && replay_is_missing(s)) {
    late_replay_begin(s, result);
    return;
  }
  if (error == NULL)
    acp_unmatched_say(s);
  else
    acp_unmatched_drop(s);
  s->loading = false;
  if (s->state != ACP_OPENING) return;
  if (error != NULL && json_integer_value(json_object_get(error, "code")) == RPC_AUTH_REQUIRED) {
    wants_sign_in(s, s->signed_in > 0 ? "the agent still wants you to sign in"
                                      : "the agent wants you to sign in first");
    return;
  }
  if (error != NULL && s->tried_load) {
    load_failed(s, error);
    return;
  }
  if (error != NULL) {
    snprintf(text, sizeof text, "the agent did not open a session: %s", acp_error_text(error));
    acp_fail(s, ACP_FAILURE_REFUSED, text);
    return;
  }
  json_t *id = json_object_get(result, "sessionId");
  if (!s->tried_load || s->session_id == NULL) {
    if (!json_is_string(id)) {
      acp_fail(s, ACP_FAILURE_PROTOCOL, "the agent opened a session without an id");
      return;
    }
    json_decref(s->session_id);
    s->session_id = json_incref(id);
  }
  tell_ready(s, result);
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
      json_decref(s->session_id);
      s->session_id = json_string(s->resume_id);
      acp_start_describe(s); /* its id is known */
    } else {
      acp_start_describe(s);
      context_is_gone(s, "This agent cannot load an earlier conversation");
      free(s->resume_id);
      s->resume_id = NULL;
    }
    if (s->state == ACP_DEAD) return;
  }
  s->state = ACP_OPENING;
  s->deadline_ns = s->now_ns + s->start_limit_ns;
  rpc_call(s->rpc, method, session_params(s), on_session, 0);
}

/* ---- initialize ---- */

static void on_initialized(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  char text[1024];
  (void)context;
  if (s->state != ACP_STARTING) return;
  if (error != NULL) {
    snprintf(text, sizeof text, "the agent refused to start: %s", acp_error_text(error));
    acp_fail(s, ACP_FAILURE_REFUSED, text);
    return;
  }
  json_int_t version = json_integer_value(json_object_get(result, "protocolVersion"));
  if (version != 1) {
    snprintf(text, sizeof text, "the agent speaks version %lld of ACP, this program version 1",
             (long long)version);
    acp_fail(s, ACP_FAILURE_PROTOCOL, text);
    return;
  }
  const json_t *info = json_object_get(result, "agentInfo");
  const char *name = json_string_value(json_object_get(info, "name"));
  const char *title = json_string_value(json_object_get(info, "title"));
  const char *number = json_string_value(json_object_get(info, "version"));
  s->capabilities = json_incref(json_object_get(result, "agentCapabilities"));
  s->auth_methods = json_incref(json_object_get(result, "authMethods"));
  s->agent_name = memory_string(name != NULL ? name : "");
  s->agent_title = memory_string(title != NULL ? title : "");
  s->agent_version = memory_string(number != NULL ? number : "");
  s->elevation.agent = s->agent_name;
  open_session(s);
}

/* No files and no terminals (docs/mapping.md says why). In _meta: agents that print a command's
 * output as it comes ask for it. */
void acp_start(acp_session *s) {
  json_t *params = json_pack(
      "{s:i,s:{s:{s:b,s:b},s:b,s:{s:{},s:{},s:{s:{}}},s:{s:{},s:{}},s:{s:b}},s:{s:s,s:s,s:s}}",
      "protocolVersion", 1, "clientCapabilities", "fs", "readTextFile", 0, "writeTextFile", 0,
      "terminal", 0, "session", "notices", "compaction", "configOptions", "boolean", "elicitation",
      "form", "url", "_meta", "terminal_output", 1, "clientInfo", "name", "remote", "title",
      "remote", "version", s->version);
  s->held = json_array();
  s->state = ACP_STARTING;
  s->deadline_ns = s->now_ns + s->start_limit_ns;
  rpc_call(s->rpc, "initialize", params, on_initialized, 0);
}

static void nobody(void *user, uint64_t context, json_t *result, json_t *error) {
  (void)user;
  (void)context;
  (void)result;
  (void)error;
}

void acp_start_free(acp_session *s) {
  json_decref(s->held);
  json_decref(s->mcp_servers);
  json_decref(s->directories);
  free(s->agent_version);
}

/* ---- the end ---- */

void acp_session_close(acp_session *s) {
  if (s->state != ACP_READY || !can(s, "close")) return;
  rpc_call(s->rpc, "session/close", json_pack("{s:O}", "sessionId", s->session_id), nobody, 0);
}

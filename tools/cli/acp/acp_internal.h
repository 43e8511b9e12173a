/* What the files of the adapter share. acp_start.c: from initialize to a
 * session; acp_session.c: the conversation (turns, cancel);
 * acp_updates.c: session/update by kind; acp_streams.c: messages that are being written;
 * acp_tools.c: tool calls; acp_output.c: what commands print; acp_agents.c: sub-agents;
 * acp_modes.c: modes, options, slash commands; acp_asks.c, acp_forms.c and acp_form_answer.c: what
 * waits for a person; acp_build.c: values within the schema's limits. */
#ifndef REMOTE_CLI_ACP_INTERNAL_H
#define REMOTE_CLI_ACP_INTERNAL_H

#include <jansson.h>

#include "acp_session.h"
#include "jsonrpc.h"
#include "memory.h"
#include "remote/sha256.h"

#define ACP_ID_BYTES 128   /* ids of tools, messages, turns, options of asks, with terminator */
#define ACP_NAME_BYTES 256 /* ids of modes, options and values */

/* ---- acp_build.c ---- */

typedef struct acp_chunk acp_chunk;

/* Builds one event: memory that lives until acp_build_end, and what is left of the room that one
 * message has on the wire. */
typedef struct acp_build {
  acp_session *session;
  acp_chunk *chunks;
  size_t room;
  bool cut; /* something was left out: the whole is to follow as an AgentExtension */
} acp_build;

void acp_build_begin(acp_build *build, acp_session *session);
void acp_build_end(acp_build *build);
void *acp_build_alloc(acp_build *build, size_t bytes);
/* Valid UTF-8 without NUL of at most `limit` bytes, cut at a letter (and build->cut set). */
char *acp_build_text(acp_build *build, const char *text, size_t bytes, size_t limit);
/* The same of a JSON string, redacted first; anything else gives an empty text. */
char *acp_build_string(acp_build *build, const json_t *value, size_t limit);
/* An id of at most ACP_ID_BYTES - 1 bytes: the agent's, or, when that is too long, one made of its
 * hash (so the same id always gives the same). */
void acp_id_make(const char *id, size_t limit, char *out);
char *acp_build_id(acp_build *build, const json_t *value, size_t limit);
/* A text of which `limit` bytes stand in the event; more of it goes out as an asset first, whose
 * id comes out (else empty). Redacted first, so that no secret is cut in two. */
char *acp_build_long(acp_build *build, const char *text, size_t bytes, size_t limit,
                     const char *media_type, const char *name, char **asset_id);
Remote__V1__Json *acp_build_json(acp_build *build, const json_t *value);
char *acp_build_copy(acp_build *build, const char *text); /* of our own words */
/* Redacted when the session wants it; *bytes in and out. Borrowed from build or `text` itself. */
const char *acp_build_redact(acp_build *build, const char *text, size_t *bytes);

/* Emits; fills in turn and agent. */
void acp_emit(acp_session *session, Remote__V1__Event *event);
void acp_delta(acp_session *session, Remote__V1__Event *event);
void acp_tail(acp_session *session, Remote__V1__Event *event);
/* Words of the agent that have no body of their own, whole. */
void acp_extension(acp_session *session, const char *name, const json_t *value, bool tail);
void acp_notice(acp_session *session, Remote__V1__NoticeLevel level, const char *topic,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- acp_assets.c ---- */

/* Sends bytes as Asset events (the same bytes give the same id for an hour), at most 10 MiB, and
 * 64 MiB a turn: of a longer text the beginning; of anything else nothing, and "" comes out. */
char *acp_build_asset(acp_build *build, const void *data, size_t bytes, const char *media_type,
                      const char *name);
/* Decodes base64 and sends it. NULL: it is not base64. */
char *acp_build_asset64(acp_build *build, const json_t *base64, const json_t *media_type,
                        const char *name, size_t *bytes);
/* An embedded resource: its text, redacted, or its bytes. NULL: it has neither. */
char *acp_build_resource(acp_build *build, const json_t *resource, size_t *bytes);

#define ACP_SENT_ASSETS_MAX 64

typedef struct acp_sent_asset {
  char id[64]; /* empty: none */
  uint8_t sha256[LRM_SHA256_BYTES];
  uint64_t media; /* hash of the media type */
  lrm_id epoch;
  uint64_t sent_ns;
} acp_sent_asset;

/* ---- streams ---- */

#define ACP_STREAMS_MAX 8

typedef struct acp_stream {
  acp_role role; /* 0: unused */
  char agent_id[ACP_ID_BYTES];
  char agents_id[ACP_ID_BYTES]; /* messageId as the agent said it; empty: none */
  char id[ACP_ID_BYTES];        /* as it is in the events */
  redact_stream redact;
  uint64_t last_ns;
} acp_stream;

void acp_stream_chunk(acp_session *session, acp_role role, json_t *update);
/* Completes the open message of the present agent (all: of every agent). */
void acp_streams_end(acp_session *session, bool all);
/* A message in blocks that are not text. */
void acp_message_block(acp_session *session, acp_role role, const json_t *block);
/* user_message_chunk and replayed messages are collected, and decided when they are whole. */
void acp_collect(acp_session *session, acp_role role, json_t *update);
void acp_collect_end(acp_session *session);
/* A replay comes to something that the journal knows: what was held lies before it, and is no news.
 */
void acp_unmatched_drop(acp_session *session);
/* Nothing known follows: what was held is new. */
void acp_unmatched_say(acp_session *session);
/* acp_start.c: Gemini CLI replays after it has answered session/load. The session is ready when
 * nothing of it has come for a moment. */
void acp_late_replay_goes_on(acp_session *session);
void acp_late_replay_end(acp_session *session);

/* ---- tools ---- */

typedef struct acp_tool {
  char id[ACP_ID_BYTES];
  char turn_id[ACP_ID_BYTES];
  char agent_id[ACP_ID_BYTES];
  Remote__V1__ToolKind kind;
  bool ended;
  bool silent;           /* known from the journal: replayed updates say nothing new */
  uint64_t fields;       /* hash of title, kind, status, input, locations as last sent */
  uint64_t content;      /* hash of the content as last sent */
  bool has_content;      /* readers have some, which an empty list clears */
  uint64_t output_bytes; /* of the command, in whichever way they came; and their hash */
  uint64_t output_hash;
  Remote__V1__OutputStream stream; /* of the last of them */
  bool by_meta;                    /* pieces come in _meta */
  bool raw_said;                   /* its rawOutput only repeats the output */
  redact_stream redact;
  json_t *kept_content, *kept_input, *kept_locations; /* for an ask that does not repeat them */
  bool exit_known;
  int exit_code;
  char signal[32];      /* that ended it; empty: none is known */
  lrm_id authorized_by; /* the ask that allowed it, until it is seen to run */
} acp_tool;

void acp_tool_update(acp_session *session, json_t *update);
acp_tool *acp_tool_find(acp_session *session, const char *id);
/* Upsert for an ask that names a call which was never announced. */
acp_tool *acp_tool_seen(acp_session *session, json_t *tool_call);
/* The turn ended: what is open in it will be closed by the host. */
void acp_tools_end_turn(acp_session *session);
void acp_tools_free(acp_session *session);
Remote__V1__ToolKind acp_tool_kind(const char *kind);
/* Diffs in a content array, at most `max`. */
Remote__V1__Diff **acp_build_diffs(acp_build *build, const json_t *content, size_t max,
                                   size_t *count);

/* ---- what commands print: acp_output.c ---- */

/* Content that is output, or only repeats it: what is new of it goes out. False: it is more. */
bool acp_output_content(acp_session *session, acp_tool *tool, const json_t *content);
void acp_output_meta(acp_session *session, acp_tool *tool, const json_t *meta);
/* Likewise of rawOutput. */
bool acp_output_raw(acp_session *session, acp_tool *tool, const json_t *raw, bool final);
/* Nothing but terminals in it. */
bool acp_output_is_terminal(const json_t *content);
void acp_output_exit(acp_tool *tool, const json_t *update);
void acp_output_end(acp_session *session, acp_tool *tool);

/* ---- sub-agents: acp_agents.c ---- */

#define ACP_AGENTS_MAX 64u

typedef struct acp_agent {
  bool used, told, ended;
  bool by_parent;             /* its calls name the call that started it */
  uint64_t number;            /* in the order of their coming */
  char id[ACP_ID_BYTES];      /* as in events */
  char session[ACP_ID_BYTES]; /* its own; empty: none */
  char tool_id[ACP_ID_BYTES]; /* the call that started it; empty: not known */
  char turn_id[ACP_ID_BYTES];
} acp_agent;

/* Who says `message` (an update, or the toolCall of a request) in this session; NULL: the agent
 * itself, or there is no room for another. Borrowed; tells that the sub-agent has started. */
const char *acp_agent_speaking(acp_session *session, const json_t *session_id,
                               const json_t *message);
/* Is this call one that starts a sub-agent? Then that is told. */
void acp_agent_tool(acp_session *session, const acp_tool *tool, const json_t *update);
void acp_agent_tool_ended(acp_session *session, const acp_tool *tool, const json_t *update,
                          bool failed);
/* subagent_update of the draft; false: it names no session. */
bool acp_agent_update(acp_session *session, json_t *update);
void acp_agents_end_turn(acp_session *session);
void acp_agents_end(acp_session *session, const char *why); /* the agent is gone */

/* ---- modes ---- */

/* From the result of session/new, load, resume: modes, configOptions, models. */
void acp_modes_facts(acp_session *session, json_t *result);
void acp_modes_current(acp_session *session, const json_t *mode_id);
void acp_options_update(acp_session *session, json_t *options, const Remote__V1__Actor *by);
void acp_slash_update(acp_session *session, json_t *commands);
void acp_modes_free(acp_session *session);
/* When the first change is overdue; UINT64_MAX: none is. */
uint64_t acp_changes_deadline(const acp_session *session);
void acp_changes_expire(acp_session *session);

/* ---- asks ---- */

typedef struct acp_ask {
  bool used;
  lrm_id id;
  json_t *request_id;
  bool elicitation;
  char turn_id[ACP_ID_BYTES];
  char tool_id[ACP_ID_BYTES];
  json_t *options;   /* permission: the agent's options; form: its schema */
  json_t *questions; /* permission that is a form (acp_questions.c): its schema */
  char elicitation_id[ACP_ID_BYTES];
} acp_ask;

void acp_ask_permission(acp_session *session, json_t *id, json_t *params);
void acp_ask_elicitation(acp_session *session, json_t *id, json_t *params);
/* $/cancel_request */
void acp_ask_withdrawn(acp_session *session, const json_t *request_id);
void acp_ask_completed(acp_session *session, const json_t *elicitation_id);
/* All asks of the running turn (every: all there are); the agent is told "cancelled" when `tell`.
 */
void acp_asks_end(acp_session *session, Remote__V1__AskOutcome outcome, const char *reason,
                  bool every, bool tell);
acp_ask *acp_ask_free_slot(acp_session *session);
void acp_ask_open(acp_session *session, acp_ask *slot, Remote__V1__Ask *ask, json_t *request_id);
/* The plan's document, when it is another than before. */
void acp_plan_document(acp_session *session, const char *text, size_t bytes);
/* acp_forms.c */
void acp_form_ask(acp_session *session, json_t *id, json_t *params);
void acp_form_build(acp_build *build, const json_t *message, const json_t *schema,
                    Remote__V1__Ask *ask);
/* acp_questions.c: the questions in a tool call as a form's schema; NULL: there are none. And what
 * the agent wants to hear of the form's content. */
json_t *acp_questions_schema(const json_t *call);
/* Borrowed: the only question itself, else the call's title. Only with a schema. */
json_t *acp_questions_message(const json_t *call);
json_t *acp_questions_answers(json_t *content);
const json_t *acp_form_choices(const json_t *schema);
const json_t *acp_form_choice_value(const json_t *choice);
Remote__V1__FormFieldType acp_form_type(const json_t *schema);
bool acp_form_required(const json_t *required, const char *name);
/* acp_form_answer.c: the content of an accepted form in the agent's types; NULL: it does not fit
 * the form (JSON Schema of its flat object), `reason` says which field and why. */
json_t *acp_form_content(const json_t *schema, const Remote__V1__AnswerContent *answer,
                         char *reason, size_t reason_bytes);

/* ---- acp_attach.c ---- */

/* A block of session/prompt, in the form that was chosen. NULL: a text in it is not UTF-8. */
json_t *acp_attachment_block(const acp_attachment *attachment);

/* ---- updates ---- */

void acp_update(acp_session *session, json_t *params);

void acp_notification(acp_session *session, const char *method, json_t *params);

/* ---- start: acp_start.c ---- */

void acp_start(acp_session *session); /* sends initialize */
void acp_start_free(acp_session *session);
/* Keeps a notification that nobody could hear yet. False: it can be heard. */
bool acp_start_holds(acp_session *session, const char *method, json_t *params);
/* Tells the sink that there is a session, then what was held. Both: once. */
void acp_start_describe(acp_session *session);
void acp_start_tell_held(acp_session *session);
void acp_fail(acp_session *session, acp_failure failure, const char *text);
const char *acp_error_text(const json_t *error);

/* ---- session ---- */

typedef enum acp_state {
  ACP_STARTING = 1, /* initialize sent */
  ACP_OPENING = 2,  /* session/new, load or resume sent */
  ACP_READY = 3,
  ACP_DEAD = 4,
  ACP_SIGNING_IN = 5,    /* a person is to choose a way */
  ACP_AUTHENTICATING = 6 /* authenticate sent */
} acp_state;

typedef struct acp_turn {
  bool running;
  uint64_t number; /* of the prompt, so that a late reply is told from the present one */
  char id[ACP_ID_BYTES];
  char *prompt; /* its text, to know an echo */
  size_t echoed;
  bool cancelled;
  uint64_t cancelled_ns;
} acp_turn;

typedef struct acp_change { /* a mode or option that the agent was told to set */
  lrm_id command_id;
  bool used;
  bool mode;
  bool by_option; /* the mode was set by session/set_config_option */
  bool retried;
  uint32_t serial; /* tells its answers from those of the one that was here before */
  uint64_t deadline_ns;
  char id[ACP_NAME_BYTES * 2];
  char value[ACP_NAME_BYTES * 2];
  bool local;
  Remote__V1__Origin *by; /* packed copy; NULL: local */
} acp_change;
#define ACP_CHANGES_MAX 16

struct acp_session {
  const acp_sink *sink;
  void *sink_user;
  rpc *rpc;
  acp_state state;
  uint64_t now_ns;
  char *cwd, *resume_id, *id_token, *version;
  acp_history *history;
  const redactor *redact;
  elevation elevation;
  bool (*slash_allowed)(void *user, const char *name);
  void *policy_user;
  void (*send)(void *user, const char *line, size_t bytes);
  void *send_user;

  uint64_t start_limit_ns, deadline_ns;           /* STARTING, OPENING */
  char *agent_name, *agent_title, *agent_version; /* the title is for people; may be empty */
  uint32_t signed_in;                             /* times */
  bool described;                                 /* the sink knows of the session */
  json_t *held;                                   /* notifications that came before, in order */
  size_t held_bytes;
  json_t *mcp_servers, *directories; /* may be NULL */
  uint64_t plan_document;            /* hash of it as last told */
  json_t *capabilities, *auth_methods;
  bool tried_load, loading, loaded;
  json_t *session_id; /* string */

  acp_turn turn;
  uint64_t counter;                           /* ids that the host makes */
  const char *event_turn_id, *event_agent_id; /* of the update that is being taken */

  acp_stream streams[ACP_STREAMS_MAX];
  struct {
    acp_role role;
    char agents_id[ACP_ID_BYTES];
    char *text;
    size_t bytes, room;
    json_t *blocks; /* those that are not text */
  } collected;
  /* Replayed messages that the journal does not know, until it is seen what follows. */
  json_t *unmatched;
  size_t unmatched_bytes;
  bool replay_matched; /* something of the replay is in the journal */
  json_t *late_result; /* of session/load, while its replay is waited for */
  uint64_t late_until_ns;
  json_t *ended_ids; /* message ids whose stream was completed: id -> times */

  acp_tool *tools;
  size_t tool_count;
  acp_ask asks[ACP_ASKS_MAX];
  acp_agent agents[ACP_AGENTS_MAX];
  uint64_t agents_made;

  json_t *modes; /* array of {id, name, description} */
  char current_mode[ACP_NAME_BYTES];
  bool modes_are_option; /* there is only the option of category "mode" */
  json_t *options;       /* array as in configOptions */
  bool models_are_legacy;
  bool elevated; /* as last told in PermissionModeChanged */
  json_t *slash; /* array of names */
  acp_change changes[ACP_CHANGES_MAX];

  json_t *summaries; /* compaction id -> summary so far */
  Remote__V1__Usage usage;
  char currency[24];
  uint64_t nonsense_reported;

  acp_sent_asset assets[ACP_SENT_ASSETS_MAX]; /* a ring */
  size_t next_asset;
  uint64_t assets_turn, assets_turn_bytes; /* number of the turn, and what it has sent */
  bool assets_turn_said;
};

/* An id that the host makes: unique in the session, also across its processes. */
void acp_make_id(acp_session *session, const char *prefix, char out[ACP_ID_BYTES]);

#endif

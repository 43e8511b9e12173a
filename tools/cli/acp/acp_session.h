/* One session with an ACP agent: the layer between its JSON-RPC and the events of a session.
 * Bytes of the agent in, lines to the agent and calls of the sink out; no I/O, no clock. Copes with
 * agents as they are, see the notes at each rule. Threads: one. */
#ifndef REMOTE_CLI_ACP_SESSION_H
#define REMOTE_CLI_ACP_SESSION_H

#include <jansson.h>

#include "acp_history.h"
#include "acp_sink.h"
#include "elevation.h"
#include "redact.h"

typedef struct acp_session acp_session;

/* Limits and times of the adapter. */
#define ACP_START_NS (60ull * 1000000000ull)      /* for initialize and for session/new, each */
#define ACP_SIGN_IN_NS (600ull * 1000000000ull)   /* for authenticate: a person is busy with it */
#define ACP_CANCEL_NS (30ull * 1000000000ull)     /* for the reply after session/cancel */
#define ACP_CHANGE_NS (30ull * 1000000000ull)     /* for the reply to a mode or option */
#define ACP_IDLE_STREAM_NS (2ull * 1000000000ull) /* a message outside any turn ends after */
#define ACP_ASKS_MAX 64u
#define ACP_TOOLS_MAX 1024u
#define ACP_NONSENSE_BEFORE_START_MAX 256u
#define ACP_NONSENSE_RUN_MAX 10000u

typedef struct acp_session_config {
  const acp_sink *sink;
  void *sink_user;
  void (*send)(void *user, const char *line, size_t bytes); /* a line to the agent */
  void *send_user;
  const char *cwd;          /* absolute */
  const char *resume_id;    /* the agent's id of an earlier session; NULL: a new one */
  acp_history *history;     /* what the journal holds; NULL: nothing. Borrowed */
  const char *id_token;     /* unique for each process: in the ids that the host makes */
  const char *version;      /* of this program */
  const redactor *redact;   /* NULL: nothing is redacted. Borrowed */
  elevation_extra elevates; /* further words; may be NULL */
  bool (*slash_allowed)(void *user, const char *name);
  void *policy_user;
  uint64_t start_ns;         /* 0: ACP_START_NS */
  const json_t *mcp_servers; /* array in ACP's form; NULL: none */
  const json_t *directories; /* array of absolute paths beside cwd; NULL: none */
} acp_session_config;

/* Copies what it needs and sends initialize. */
acp_session *acp_session_create(const acp_session_config *config, uint64_t now_ns);
void acp_session_destroy(acp_session *session);

/* ---- signing in ---- */

typedef struct acp_sign_in_method {
  const char *id, *name;
  const char *description; /* may be NULL */
  const char *variable;    /* an environment variable that does it; NULL: none */
  bool by_agent;           /* the agent does it when it is told to */
} acp_sign_in_method;

/* As initialize told them; texts are borrowed. */
size_t acp_session_sign_in_methods(const acp_session *session, acp_sign_in_method *out,
                                   size_t room);
/* The agent waits for its person to choose a way. */
bool acp_session_signing_in(const acp_session *session);
/* Tells the agent to sign in by this method. False: it cannot be told now. */
bool acp_session_sign_in(acp_session *session, const char *method_id, uint64_t now_ns);
/* It was done elsewhere: asks for the session again. */
bool acp_session_sign_in_again(acp_session *session, uint64_t now_ns);

/* Tells an agent that wants to hear it that its session ends; its standard input is closed next. */
void acp_session_close(acp_session *session);

/* What the agent wrote to its standard output. */
void acp_session_feed(acp_session *session, const char *data, size_t bytes, uint64_t now_ns);
/* The agent is gone: its turn ends, its asks are orphaned, open calls fail with `why`. */
void acp_session_gone(acp_session *session, const char *why, uint64_t now_ns);

/* How a file that comes with a prompt is given to the agent. */
typedef enum acp_form {
  ACP_FORM_LINK = 0, /* a link to a file that the agent reads */
  ACP_FORM_IMAGE = 1,
  ACP_FORM_AUDIO = 2,
  ACP_FORM_TEXT = 3 /* an embedded resource, and a file to name it by */
} acp_form;

/* What comes with a prompt. `uri` names a file that holds it (LINK, TEXT; else ""); `data` may be
 * NULL for LINK. */
typedef struct acp_attachment {
  const char *name, *media_type;
  const uint8_t *data;
  size_t bytes;
  const char *uri;
  acp_form form;
} acp_attachment;

/* The form that this agent takes of a file (name, media_type, data and bytes are read), beside
 * others of the same prompt that are given inline, `inline_bytes` in all. */
acp_form acp_attachment_form(const acp_session *session, const acp_attachment *attachment,
                             size_t inline_bytes);

/* Gives the agent a prompt. False: a turn runs, or it is not ready. The command is finished when
 * the agent has it. */
bool acp_session_prompt(acp_session *session, const char *turn_id, const char *text,
                        const acp_attachment *attachments, size_t count, const lrm_id *command_id,
                        uint64_t now_ns);
/* Tells the agent an answer. */
void acp_session_answer(acp_session *session, const lrm_id *ask_id,
                        const Remote__V1__AskResolved *resolution, uint64_t now_ns);
/* Does an answer fit the form that is asked? False: `reason` says which field and why. True of
 * everything that is not an open form. */
bool acp_session_answer_fits(acp_session *session, const lrm_id *ask_id,
                             const Remote__V1__AnswerContent *answer, char *reason,
                             size_t reason_bytes);
/* Cancels the running turn; again after 2 s: ends it whatever the agent does. */
void acp_session_cancel(acp_session *session, const lrm_id *command_id, uint64_t now_ns);
void acp_session_set_mode(acp_session *session, const char *mode_id, const lrm_id *command_id,
                          const Remote__V1__Actor *by, uint64_t now_ns);
void acp_session_set_option(acp_session *session, const char *option_id, const char *value,
                            const lrm_id *command_id, const Remote__V1__Actor *by, uint64_t now_ns);

bool acp_session_ready(const acp_session *session);
bool acp_session_in_turn(const acp_session *session);
bool acp_session_knows_mode(const acp_session *session, const char *mode_id);
bool acp_session_knows_slash(const acp_session *session, const char *name);
const elevation *acp_session_elevation(const acp_session *session);
/* Category of an option; NULL: none, or no such option. */
const char *acp_session_option_category(const acp_session *session, const char *option_id);
uint64_t acp_session_malformed(const acp_session *session);

/* The next time at which acp_session_expire has something to do; UINT64_MAX: never. */
uint64_t acp_session_deadline(const acp_session *session);
void acp_session_expire(acp_session *session, uint64_t now_ns);

/* Bytes of `text` that are one valid UTF-8 letter; 0: a mistake, or nothing. */
size_t acp_letter(const unsigned char *text, size_t bytes);

#endif

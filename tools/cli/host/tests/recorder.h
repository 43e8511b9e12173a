/* A sink for tests: keeps every event, and holds each against the schema's limits as a reader
 * would; and the agent's side of a conversation, written by hand. */
#ifndef REMOTE_CLI_TEST_RECORDER_H
#define REMOTE_CLI_TEST_RECORDER_H

#include <jansson.h>

#include "acp_session.h"
#include "memory.h"

#define RECORDED_ASKS_MAX 256

typedef enum recorded_way { WAY_EMIT = 1, WAY_DELTA = 2, WAY_TAIL = 3 } recorded_way;

typedef struct recorded_event {
  recorded_way way;
  Remote__V1__Event *event; /* decoded from the bytes that a reader would get */
} recorded_event;

typedef struct recorded_ask {
  lrm_id id;
  Remote__V1__Ask *ask;
  bool open;
  Remote__V1__AskOutcome outcome; /* when not open by end_ask */
} recorded_ask;

typedef struct recorder {
  recorded_event *events;
  size_t count, room;
  recorded_ask asks[RECORDED_ASKS_MAX];
  size_t ask_count;
  bool refuse_asks;
  /* the last of each */
  char completed[64][128];
  size_t completed_count;
  size_t turns;
  char stop_reason[64], turn_error[512];
  uint32_t finish_code;
  size_t finishes;
  char agent[128], session_id[128];
  char described_id[128]; /* agent_session_id of `initialized` */
  bool initialized, ready, loaded;
  bool person; /* somebody can choose how to sign in */
  size_t sign_ins;
  char sign_in_why[512];
  acp_failure failure;
  char failure_text[1024];
  size_t bad; /* events that a reader would refuse */
  /* lines to the agent, parsed */
  json_t *sent;
  acp_session *session;
  uint64_t now_ns;
} recorder;

extern const acp_sink recorder_sink;

void recorder_init(recorder *r);
void recorder_free(recorder *r);
/* A session on the recorder; `history` and `resume_id` may be NULL. */
void recorder_start(recorder *r, const char *resume_id, acp_history *history);
void recorder_start_with(recorder *r, const acp_session_config *config);
/* initialize and session/new are answered; the session is ready. */
void recorder_ready(recorder *r);

/* The agent says a line (printf); quotes may be written as '. */
void agent_says(recorder *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void agent_says_raw(recorder *r, const char *line);
/* Answers the index-th last request of that method with a result or an error (JSON). */
void agent_answers(recorder *r, const char *method, const char *result);
void agent_fails(recorder *r, const char *method, int code, const char *message);
/* session/update with this update (JSON, ' for "). */
void agent_updates(recorder *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last line to the agent with this method; NULL: none. Borrowed. */
json_t *sent_method(const recorder *r, const char *method);
size_t sent_count(const recorder *r, const char *method);
/* The last answer to the agent's request `id` (JSON). */
json_t *sent_answer(const recorder *r, const char *id);

size_t count_body(const recorder *r, int body_case);
/* The last event with this body; NULL: none. */
const Remote__V1__Event *last_body(const recorder *r, int body_case);
/* The last AgentExtension of that name. */
const Remote__V1__AgentExtension *last_extension(const recorder *r, const char *name);
/* All text of assistant deltas and messages, joined; to be freed. */
char *all_text(const recorder *r);
/* Output of a tool, joined; to be freed. */
char *tool_output_text(const recorder *r, const char *tool_call_id);
/* Answers an ask as a person would. */
void person_answers(recorder *r, size_t ask, const char *option_id);
/* A form filled in, or declined (NULL). */
void person_fills(recorder *r, size_t ask, const char *json);

#endif

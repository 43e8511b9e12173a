/* Where the ACP adapter puts what the agent says: the host library in the program, a recorder in
 * tests. Every call is synchronous; what it is given is borrowed for the call. */
#ifndef REMOTE_CLI_ACP_SINK_H
#define REMOTE_CLI_ACP_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "remote/types.h"
#include "remote/v1/event.pb-c.h"

/* What initialize told. */
typedef struct acp_agent_facts {
  const char *name;    /* of the agent; never NULL, may be empty */
  const char *version; /* may be empty */
  bool can_load, can_resume;
  const char *agent_session_id; /* NULL: not known yet */
} acp_agent_facts;

typedef enum acp_failure {
  ACP_FAILURE_PROTOCOL = 1, /* it does not speak ACP, or another version of it */
  ACP_FAILURE_TIMEOUT = 2,  /* it did not answer in time */
  ACP_FAILURE_SIGN_IN = 3,  /* it wants its person to sign in */
  ACP_FAILURE_REFUSED = 4   /* it answered with an error */
} acp_failure;

typedef struct acp_sink {
  /* Which history the events go to; NULL: there is only one. */
  lrm_id (*epoch)(void *user);
  /* Events; turn_id and agent_id are filled in. */
  void (*emit)(void *user, const Remote__V1__Event *event);
  void (*delta)(void *user, const Remote__V1__Event *event);
  void (*tail)(void *user, const Remote__V1__Event *event);
  void (*complete_stream)(void *user, const char *message_id);
  /* Opens an ask; false: it could not be opened (the agent is told that nobody answered). */
  bool (*ask)(void *user, const Remote__V1__Ask *ask, lrm_id *ask_id);
  void (*end_ask)(void *user, const lrm_id *ask_id, Remote__V1__AskOutcome outcome,
                  const char *reason);
  void (*turn_ended)(void *user, const Remote__V1__TurnEnded *ended);
  /* What became of a remote person's command; command_id none: a local one. */
  void (*finish)(void *user, const lrm_id *command_id, uint32_t code, const char *reason);
  /* The agent wants its person to sign in, `why`. True: somebody will choose a way
   * (acp_session_sign_in). False, or NULL: nobody can, the start fails. */
  bool (*sign_in)(void *user, const char *why);
  /* The session may be described now: once, when its id is known or something must be shown. */
  void (*initialized)(void *user, const acp_agent_facts *facts);
  /* The agent has a session and takes prompts. `loaded`: it has its earlier conversation. */
  void (*ready)(void *user, const char *agent_session_id, bool loaded);
  /* It will not come to that, or it went on talking nonsense: end the agent. */
  void (*failed)(void *user, acp_failure failure, const char *text);
} acp_sink;

#endif

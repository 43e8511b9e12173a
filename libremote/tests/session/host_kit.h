/* A host on a store in memory, without a link: the test plays relay and application. */
#ifndef TESTS_HOST_KIT_H
#define TESTS_HOST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "remote/log_memory.h"
#include "session/host_internal.h"

#define KIT_SEEN_MAX 4096

typedef struct host_kit {
  lrm_store *store;
  lrm_host *host;
  lrm_host_config config;
  Remote__V1__SessionStarted session;
  uint64_t wall_ms, now_ns;
  uint64_t processes;
  uint16_t next_id;
  /* bodies of durable events since kit_forget, and what the outcomes were */
  uint32_t seen[KIT_SEEN_MAX];
  size_t seen_count;
  Remote__V1__CommandOutcome *outcome; /* the last one */
  Remote__V1__AskResolved *resolved;   /* the last one */
  Remote__V1__UserMessage *said;       /* the last one */
  Remote__V1__TurnEnded *ended;        /* the last one */
  unsigned outcomes, tails;
  lrm_host_action action; /* the last one taken */
  bool may_fail;          /* a command need not be taken: last_result is what the host said */
  int last_result;
} host_kit;

void kit_start(host_kit *kit, uint32_t mode);
void kit_start_on(host_kit *kit, uint32_t mode, lrm_allocator allocator);
void kit_end(host_kit *kit);
/* The next process on the same store; `crash`: what is not committed is lost. */
void kit_restart(host_kit *kit, bool crash);
void kit_commit(host_kit *kit);
void kit_forget(host_kit *kit);
size_t kit_seen(const host_kit *kit, uint32_t body);
/* As if the relay had confirmed the epoch and sent all it has. */
void kit_confirm(host_kit *kit);

lrm_id kit_id(uint8_t last);
/* A command as it comes from the relay; its id comes out. `ttl_ms` 0: none. */
lrm_id kit_command(host_kit *kit, Remote__V1__Command *command, uint64_t ttl_ms);
lrm_id kit_command_as(host_kit *kit, Remote__V1__Command *command, uint32_t command_class,
                      const lrm_id *epoch, uint64_t ttl_ms, uint64_t received_ms);
/* The last command once more, as a relay sends it that was not acknowledged. */
int kit_deliver(host_kit *kit) LRM_MUST_USE;
lrm_id kit_prompt(host_kit *kit, const char *text);
lrm_id kit_answer(host_kit *kit, const lrm_id *ask, const char *option);
/* Commits, then takes the next action into kit->action; false: none. */
bool kit_act(host_kit *kit);
lrm_id kit_ask(host_kit *kit, const char *option_a, const char *option_b);
void kit_turn_ended(host_kit *kit, const char *reason);
void kit_delta(host_kit *kit, const char *id, const char *text);
/* The outcome of a command as the host knows it; 0: none, or not known. */
uint32_t kit_outcome(const host_kit *kit, const lrm_id *id);

/* The command has this outcome, for this code. */
void kit_expect_outcome(host_kit *kit, const lrm_id *id, uint32_t outcome, uint32_t code);
/* A command with this body from afar; its id. */
lrm_id kit_command_of(host_kit *kit, Remote__V1__Command__BodyCase body, void *message);
/* The agent ends the session. */
void kit_end_session(host_kit *kit);

#endif

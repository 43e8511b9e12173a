/* The real relay as a child process, and real peers on a libuv loop. */
#ifndef RELAY_TEST_PROGRAM_H
#define RELAY_TEST_PROGRAM_H

#include <sys/types.h>

#include "remote/carrier_uv.h"

enum { EVENTS_MAX = 64, COMMANDS_MAX = 32 };

typedef struct program {
  char dir[200]; /* temporary; holds data/ and the output of the child */
  char url[64];
  pid_t pid; /* 0: not running */
  unsigned starts;
} program;

void program_make(program *p);
void program_remove(program *p);
/* Runs `remote-relay ARGS...` to its end; returns its exit code. Output: program_output. */
int program_run(program *p, const char *const *args);
/* Starts `serve` and waits until it listens, always on the same port. `fault` may be NULL. */
void program_start(program *p, const char *fault);
/* Takes an exited child in: true, and its wait status. */
bool program_exited(program *p, int *status);
/* Sends a signal and waits; returns the wait status and how long it took. */
int program_stop(program *p, int signal, unsigned *took_ms);
/* What the last child wrote to both outputs. Static. */
const char *program_output(const program *p);
/* A file of the data directory, without its newline. Static. */
const char *program_file(const program *p, const char *name);

/* A host that publishes `events_wanted` events, or a client that reads them and sends commands;
 * both come back after every cut and keep what such a program would keep. */
typedef struct actor {
  program *program;
  uv_loop_t *loop;
  lrm_link *link;
  lrm_uv_drive *drive;
  bool host;
  bool live, stopped;
  lrm_id link_id, session_id, epoch;
  uint64_t writer_generation;
  uint32_t events, commands; /* channels; 0: not open */
  bool outbox_open;
  /* host */
  uint64_t events_end;   /* journalled */
  uint64_t events_acked; /* by the relay */
  lrm_id commands_epoch;
  uint64_t commands_next;
  lrm_id done[COMMANDS_MAX]; /* commands that it has acted on */
  size_t done_count;
  /* client */
  uint64_t next; /* event wanted next */
  uint64_t outbox_end, outbox_acked;
  unsigned receipts[COMMANDS_MAX];
  char got[EVENTS_MAX][32];
  /* both */
  uint32_t goaway; /* code of the last GOAWAY */
  uint64_t goaway_retry_ms;
  uint32_t refused;
  unsigned welcomes;
} actor;

void actor_start(actor *a, program *p, uv_loop_t *loop, const char *token, bool host,
                 const char *name);
/* The host journals one more event; the client composes one more command. */
void actor_emit(actor *a);
void actor_send(actor *a);
void actor_stop(actor *a);
/* Runs the loop until `done` says so, at most `ms`; starts the relay again when it died. */
bool run_until(actor *a, unsigned ms, bool (*done)(void *user), void *user);

#endif

/* The whole system in one process on a virtual clock: hosts with their agents, one relay, clients,
 * the network between them and the disks under them. What the parts of the simulation share, in the
 * order of the flow:
 *
 *   sim_script.c    a seed becomes bytes, bytes become operations
 *   sim_faults.c    what an operation does to the world
 *   sim_world.c     begin, time, the calm after the faults, the end
 *   sim_agent.c     the scripted agent beside each host
 *   sim_host.c      lrm_host on a journal that can be lost, copied and put back
 *   sim_commands.c  what people at clients say
 *   sim_client.c    lrm_client, the person before it
 *   sim_relay.c     remote_relay_core on a store that loses what was not committed
 *   sim_network.c   carriers: delayed, split, stalled, half open, cut at any byte
 *   sim_poll.c      long-poll in place of carriers: POSTs lost, doubled, overtaken
 *   sim_disk.c      stores: commits take time, fail, and are interrupted
 *   sim_oracle.c    what was journalled, published and read must be the same
 *   sim_commanded.c commands, outcomes and asks: once, and the same everywhere
 *   sim_judge.c     acknowledged is stored; presence; memory; the end
 *   sim_report.c    what was reached
 *   sim_steps.c     the trace, the last steps, failing */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include <stdio.h>

#include "core.h" /* the relay's own objects: the oracles look inside */
#include "remote/block.h"
#include "remote/client.h"
#include "remote/host.h"
#include "remote/log_memory.h"
#include "session/host_tools.h"
#include "sim_count.h"
#include "sim_pipe.h"
#include "sim_random.h"

#define SIM_MS UINT64_C(1000000)
#define SIM_SECOND UINT64_C(1000000000)
#define SIM_NEVER UINT64_MAX

enum {
  SIM_SESSIONS_MAX = 3,
  SIM_HOSTS_MAX = 5, /* one a session, and two processes on a copied journal */
  SIM_CLIENTS_MAX = 7,
  SIM_VIEWS_MAX = 2, /* sessions that one client process watches */
  SIM_CARRIERS_MAX = 48,
  SIM_EPOCHS_MAX = 160,
  SIM_COMMANDS_MAX = 4000,
  SIM_ASKS_MAX = 4000,
  SIM_STEPS_KEPT = 60,
  SIM_SCRIPT_MAX = 2048
};

typedef struct sim_world sim_world;

/* ---- failing, and the trace: sim_steps.c ---- */

void sim_fail(sim_world *w, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
#define SIM_CHECK(w, condition, ...) ((condition) ? (void)0 : sim_fail((w), __VA_ARGS__))
#define SIM_MUST(w, call)                                                            \
  do {                                                                               \
    int must_ = (call);                                                              \
    SIM_CHECK((w), must_ == 0, "%s:%d: %s is %d", __FILE__, __LINE__, #call, must_); \
  } while (0)

/* One step of the protocol. `format` is a line of README.md, "The trace": %u a number, %x the first
 * six bytes of an id, %s a string that lives for ever. Part of the run's hash. */
typedef struct sim_value {
  uint64_t number;
  const char *text;
} sim_value;
void sim_step(sim_world *w, const char *format, const sim_value *values, size_t count);
static inline sim_value sim_number(uint64_t number) { return (sim_value){number, NULL}; }
static inline sim_value sim_text(const char *text) { return (sim_value){0, text}; }
sim_value sim_id(const lrm_id *id);
#define SIM_STEP(w, format, ...)                            \
  sim_step((w), (format), (const sim_value[]){__VA_ARGS__}, \
           sizeof((const sim_value[]){__VA_ARGS__}) / sizeof(sim_value))
void sim_steps_print(const sim_world *w, FILE *out);

/* ---- memory and clocks of a process ---- */

typedef struct sim_memory {
  uint64_t bytes, peak;
  uint64_t calls;
  uint64_t fail_at; /* this call fails; 0: none */
  bool failed;      /* one has */
} sim_memory;
lrm_allocator sim_memory_allocator(sim_memory *memory);

/* A process on a machine of its own. */
typedef struct sim_part {
  char kind; /* h, c, r */
  unsigned index;
  uint64_t asleep_until_ns; /* the machine is suspended */
  uint64_t lag_ns;          /* its monotonic clock stood still while it slept */
  bool stands;              /* ... as it does now */
  uint64_t stands_at_ns;    /* ... at this time */
  int64_t wall_offset_ms;
  sim_memory memory;
  uint64_t fail_at_next; /* an allocation that is to fail once the process runs */
} sim_part;

bool sim_awake(const sim_world *w, const sim_part *part);
uint64_t sim_now(const sim_world *w, const sim_part *part);     /* its monotonic clock */
uint64_t sim_wall_ms(const sim_world *w, const sim_part *part); /* its calendar */
/* A time of its monotonic clock as the world's; not before it wakes. */
uint64_t sim_world_time(const sim_part *part, uint64_t due_ns);
lrm_id sim_make_id(sim_world *w);

/* ---- disks: sim_disk.c ---- */

typedef enum sim_disk_phase {
  SIM_DISK_IDLE = 0,
  SIM_DISK_WRITING = 1, /* frozen, not written */
  SIM_DISK_WRITTEN = 2  /* written, its owner does not know */
} sim_disk_phase;

typedef struct sim_disk {
  lrm_store *store;
  lrm_store *copy; /* as it was some time ago */
  sim_memory memory;
  lrm_batch *batch;
  sim_disk_phase phase;
  int result;
  uint64_t due_ns;
  uint64_t latency_ns_max;
  uint64_t bytes_max;
} sim_disk;

typedef enum sim_disk_news { SIM_DISK_NOTHING, SIM_DISK_FROZEN, SIM_DISK_SETTLED } sim_disk_news;

void sim_disk_open(sim_world *w, sim_disk *disk);
void sim_disk_close(sim_disk *disk);
/* The next phase that is due. SETTLED: disk->result says how it went. */
sim_disk_news sim_disk_step(sim_world *w, sim_disk *disk);
uint64_t sim_disk_due(const sim_world *w, const sim_disk *disk);
/* The process has died: what was not committed is lost. */
void sim_disk_crash(sim_world *w, sim_disk *disk);
void sim_disk_lose(sim_world *w, sim_disk *disk);
/* Keeps a copy of what is committed; puts the kept one in the place of the store. */
void sim_disk_keep(sim_world *w, sim_disk *disk);
bool sim_disk_put_back(sim_world *w, sim_disk *disk);
void sim_disk_clone(sim_world *w, const sim_disk *from, sim_disk *to);

/* ---- the network: sim_network.c ---- */

typedef struct sim_end sim_end;

typedef struct sim_carrier {
  bool used;
  sim_pipe pipe;
  sim_end *end;                 /* connecting side; NULL: it has closed */
  relay_connection *connection; /* accepting side; NULL: it has closed */
  bool end_dirty, relay_dirty;  /* something to send */
  bool end_silent, relay_silent;
  uint64_t end_goodbye_ns, relay_goodbye_ns; /* CLOSING: ends at the latest then; 0: it is not */
  uint64_t latency_ns;
  uint64_t end_reads_ns, relay_reads_ns; /* slow readers: nothing is taken before */
  uint64_t heard_ns;     /* when the relay last had bytes that it had not read yet */
  struct sim_poll *poll; /* long-poll: `connection` is NULL; else NULL */
  bool dead;             /* half open at least one way: nothing gets through any more */
} sim_carrier;

/* Long-poll in place of a carrier: sim_poll.c. */
struct sim_poll *sim_poll_begin(void);
void sim_poll_end(sim_world *w, sim_carrier *carrier, bool heard);
void sim_poll_relay_left(sim_world *w, sim_carrier *carrier, bool heard);
bool sim_poll_step(sim_world *w, sim_carrier *carrier);
uint64_t sim_poll_due(sim_world *w, const sim_carrier *carrier);
/* POSTs whose senders are gone. */
void sim_poll_world_begin(sim_world *w);
void sim_poll_world_end(sim_world *w);
bool sim_poll_orphans_step(sim_world *w);
void sim_poll_orphans_end(sim_world *w);
uint64_t sim_poll_orphans_due(sim_world *w);

/* The connecting side of a carrier. */
struct sim_end {
  sim_part *part;
  lrm_link *link;
  uint64_t calls_at_creation; /* of part->memory: a link allocates nothing later */
  sim_carrier *carrier;       /* NULL: none */
  uint64_t blocked_ns;        /* no network before */
  uint32_t goodbye_code;      /* last Problem heard on it */
  lrm_link_state seen;        /* for the trace */
  void (*event)(void *user, const lrm_link_event *event);
  int (*fetch)(void *user, const lrm_link_want *want, lrm_frame *frame);
  void (*down)(void *user);
  void *user;
};

/* Moves bytes and drives both ends of every carrier. True: something happened. */
bool sim_network_step(sim_world *w);
uint64_t sim_network_due(sim_world *w);
void sim_end_dirty(sim_end *end);
/* An attempt that is due. True: there was one. */
bool sim_end_connect(sim_world *w, sim_end *end);
uint64_t sim_end_due(const sim_end *end);
/* The process of one side is gone, or gives the carrier up. `heard`: the other side is told. */
void sim_carrier_leave_end(sim_world *w, sim_carrier *carrier, bool heard);
void sim_carrier_leave_relay(sim_world *w, sim_carrier *carrier, bool heard);
void sim_network_kick(void *user, void *connection_user);
/* Faults end: what was stalled goes on; what is dead stays dead until it is noticed. */
void sim_network_heal(sim_world *w);
void sim_network_free(sim_world *w);

/* ---- the relay: sim_relay.c ---- */

typedef struct sim_relay {
  sim_part part;
  sim_disk disk;
  relay *core; /* NULL: the process is not running */
  uint64_t starts_ns;
  relay_config config;
  bool restored; /* the next start is on an older copy */
  bool strict;   /* the next accounts may only watch */
  uint64_t openings;
  uint64_t awake_ns; /* since when it runs without a break */
} sim_relay;

void sim_relay_start(sim_world *w);
void sim_relay_crash(sim_world *w, bool heard);
/* sim_faults.c. `strict`: who makes the accounts anew lets them only watch. */
void sim_relay_lose(sim_world *w, bool heard, bool strict);
void sim_relay_lift_ceilings(sim_world *w);
bool sim_relay_step(sim_world *w);
uint64_t sim_relay_due(const sim_world *w);
relay_session *sim_relay_session(sim_world *w, unsigned session);
const char *sim_token(unsigned device);
enum { SIM_DEVICE_CLIENTS = 8, SIM_DEVICES = 16 };

/* ---- agents: sim_agent.c ---- */

typedef struct sim_finish {
  bool used;
  lrm_id command_id;
  uint32_t code;
  uint64_t due_ns;
} sim_finish;

typedef struct sim_agent {
  bool ready;
  uint64_t ready_ns;
  bool turn, cancelling, waits;
  unsigned steps_left, message, tool;
  bool tool_open;
  lrm_id asked;
  uint64_t next_ns;
  uint64_t remote_on_ns; /* remote control comes on again then; 0: it is on */
  sim_finish finishes[8];
} sim_agent;

typedef struct sim_host sim_host;
void sim_agent_start(sim_host *h);
/* What it has to do by now. True: something happened. */
bool sim_agent_step(sim_host *h);
uint64_t sim_agent_due(const sim_host *h);
/* Takes all actions of the host. */
bool sim_agent_act(sim_host *h);
/* For the script: the local person answers an open ask; the agent dies and starts again. */
void sim_agent_answer_here(sim_host *h);
void sim_agent_die(sim_host *h);

/* ---- hosts: sim_host.c ---- */

struct sim_host {
  sim_world *w;
  sim_part part;
  unsigned session;
  bool used;      /* this slot has a machine */
  bool copied;    /* on a copy of another's journal */
  lrm_host *host; /* NULL: the process is not running */
  sim_disk disk;
  sim_end end;
  sim_agent agent;
  uint64_t starts_ns;
  unsigned processes;
  uint64_t generation; /* of the process that runs */
  uint64_t journal_bytes_max;
  bool remote_over; /* the relay closed the session for this process for good */
  uint32_t over_code;
  uint64_t over_ns;
  bool no_memory; /* a call said so: the process ends */
  bool touched;
  bool disk_failing;    /* its last commit failed */
  lrm_id journal_epoch; /* how far its journal has been looked at */
  uint64_t journal_read, journal_first;
};

void sim_host_start(sim_host *h);
void sim_host_crash(sim_host *h, bool heard);
bool sim_host_step(sim_host *h);
uint64_t sim_host_due(const sim_host *h);
/* 0, or one of the codes that may be; no memory ends the process. True: 0. */
bool sim_host_said(sim_host *h, int result, int allowed, int allowed_too, const char *what);
#define SIM_SAID(h, call, allowed, allowed_too) \
  sim_host_said((h), (call), (allowed), (allowed_too), #call)
uint64_t sim_host_wall(const sim_host *h);
uint64_t sim_host_now(const sim_host *h);
/* The process that the relay takes for the session's. */
sim_host *sim_host_of(sim_world *w, unsigned session);

/* ---- clients: sim_client.c ---- */

typedef struct sim_view {
  lrm_client *client; /* NULL: not opened */
  unsigned session;
  bool positioned;
  bool jumped;       /* a jump was stated: `next` is where the set begins */
  lrm_position next; /* expected */
  lrm_id past[24];   /* epochs it has left */
  unsigned past_count;
  uint32_t over; /* closed for good with this code */
  uint64_t over_ns;
  bool synced;
  bool foreign; /* of another account: may not see anything */
  bool torn;    /* its session was when it was opened */
  uint64_t opened_ns;
  uint64_t delivered; /* last LOG_STATUS */
  lrm_id commands_epoch;
} sim_view;

typedef struct sim_client {
  sim_world *w;
  sim_part part;
  bool used;
  bool running;
  lrm_id link_id;
  unsigned process; /* number in the world: commands belong to one */
  sim_end end;
  sim_view views[SIM_VIEWS_MAX];
  unsigned views_count;
  uint64_t starts_ns;
  unsigned device;
  bool sleepy; /* drains late */
} sim_client;

void sim_client_start(sim_client *c, const lrm_id *link_id, uint64_t generation);
void sim_client_stop(sim_client *c, bool heard);
bool sim_client_step(sim_client *c);
uint64_t sim_client_due(const sim_client *c);
/* A person opens a session again that was closed for good. */
void sim_client_reopen(sim_client *c, sim_view *view);
void sim_client_check_commands(sim_client *c, sim_view *view);
/* sim_commands.c: something is asked for; `what` chooses. */
void sim_client_say(sim_client *c, sim_view *view, unsigned what);
void sim_client_end_remote(sim_client *c, sim_view *view);
enum { SIM_SAYINGS = 20 };

/* ---- what is known from outside: sim_oracle.c, sim_commanded.c, sim_judge.c ---- */

enum {
  SIM_SLOT_SNAPSHOT = 1,
  SIM_SLOT_SET_BEGINS = 2,
  SIM_SLOT_SET_ENDS = 4,
  SIM_SLOT_VERSIONS = 10
};

/* One number of one epoch: what processes have journalled there (one thing, but for journals that
 * were put back), and what was published. */
typedef struct sim_slot {
  uint64_t hash[SIM_SLOT_VERSIONS];
  uint8_t flags[SIM_SLOT_VERSIONS];
  uint8_t holders[SIM_SLOT_VERSIONS]; /* bit for each host whose journal has held it */
  unsigned losses[SIM_SLOT_VERSIONS]; /* journals lost or put back before it was journalled */
  uint8_t versions;
  uint8_t published; /* index + 1 */
} sim_slot;

typedef struct sim_epoch {
  lrm_id id;
  unsigned session;
  sim_slot *slots;
  uint64_t count, capacity;
  uint64_t relay_durable; /* highest end that was durable at a relay since its store was lost */
  uint64_t relay_durable_ever;
  uint64_t published_end;
} sim_epoch;

typedef struct sim_command {
  lrm_id id;
  lrm_id epoch; /* stamped */
  unsigned client, process, session;
  uint32_t kind;
  uint64_t ttl_ms;
  lrm_id target; /* ask or command it is about */
  lrm_command_state state;
  uint32_t outcome, code, layer;   /* as its sender has it */
  bool abandoned;                  /* its sender is gone, or was opened anew */
  bool receipted;                  /* its sender was told that it is stored */
  bool refused;                    /* ... that it is refused */
  bool refused_told;               /* ... and told that as its outcome */
  bool stored;                     /* durable in a relay's store */
  bool stored_here;                /* ... in the present one */
  uint64_t stored_at;              /* offset in the present COMMANDS epoch */
  uint64_t stored_ns;              /* when it was first */
  bool acked;                      /* the host has acknowledged it to the present store */
  unsigned acked_by, acked_losses; /* ... which, and journals lost before */
  unsigned acked_crashes;          /* relay's crashes before */
  bool copied;                /* a copy of the journal that is in use holds it without its start */
  unsigned acted_by;          /* which host was the last to do so */
  unsigned acted;             /* given to the agent */
  unsigned started_losses;    /* journals lost or put back before it was given */
  unsigned started_crashes;   /* ... and crashes of the relay */
  lrm_position started_at;    /* end of the journal then */
  uint32_t published_outcome; /* CommandOutcome in EVENTS */
  uint32_t published_code;
  unsigned published;       /* how often */
  unsigned outcome_losses;  /* journals lost before it was published */
  unsigned outcome_crashes; /* ... the relay\'s */
  lrm_id outcome_epoch;     /* of the first */
  uint32_t journalled;      /* bit for each outcome that a journal holds, in a snapshot too */
  bool finished, finished_good;
} sim_command;

typedef struct sim_ask {
  lrm_id id;
  unsigned session;
  uint32_t kind;
  unsigned told;
  uint64_t told_hash;
  unsigned resolved; /* AskResolved published */
  uint64_t resolved_hash;
  uint32_t outcome;
  lrm_id epoch;        /* in which it was resolved */
  unsigned crashes;    /* of the relay, before */
  bool told_unwritten; /* while the journal failed */
} sim_ask;

typedef struct sim_session {
  lrm_id id;
  unsigned account;        /* 0 alice, 1 bob */
  unsigned journal_losses; /* journals lost or put back, processes on copies */
  unsigned copies;         /* of them: processes on copies */
  unsigned relay_losses;   /* relay stores lost or put back */
  unsigned relay_crashes;
  bool torn; /* one number was published as two things: nothing but the readers could have known */
  lrm_id relay_epoch;  /* of EVENTS in the relay's store */
  uint64_t relay_read; /* published messages up to here were looked at */
  uint64_t commands_read;
  uint64_t generation_max; /* of its writers */
  lrm_id acked_epoch;      /* what the relay has acknowledged to a host, since its store was lost */
  uint64_t acked_next;
  int64_t wall_offset_ms; /* the furthest that a host's calendar was ahead */
  uint64_t watched_ns;    /* since when somebody reads while the host is attached; 0: nobody */
} sim_session;

void sim_oracle_begin(sim_world *w);
void sim_oracle_end(sim_world *w);
sim_epoch *sim_epoch_of(sim_world *w, const lrm_id *id);
/* The host's journal has settled, or is opened again: what is durable in it is the truth. */
void sim_oracle_journal(sim_host *h, bool whole);
/* What this host journalled at that number, when no more journals than `losses` had been lost or
 * put back, is what was published there. */
bool sim_oracle_published_of(sim_world *w, const lrm_position *at, unsigned host, unsigned losses);
/* The relay's store has settled. */
void sim_oracle_relay(sim_world *w);
void sim_oracle_relay_opened(sim_world *w);
void sim_oracle_read(sim_client *c, sim_view *view, const lrm_client_event *event);
void sim_oracle_jump(sim_client *c, sim_view *view, const lrm_client_event *event);

sim_command *sim_command_of(sim_world *w, const lrm_id *id);
sim_command *sim_command_add(sim_world *w, const lrm_id *id);
sim_ask *sim_ask_of(sim_world *w, const lrm_id *id);
sim_ask *sim_ask_add(sim_world *w, const lrm_id *id);
void sim_commanded_published(sim_world *w, unsigned session, const lrm_id *epoch, uint64_t offset,
                             const Remote__V1__Event *event);
void sim_commanded_delivered(sim_host *h, const lrm_frame *frame);
void sim_commanded_acted(sim_host *h, const lrm_host_action *action);
void sim_commanded_told(sim_host *h, const lrm_host_action *action);
void sim_commanded_changed(sim_client *c, sim_view *view, const lrm_id *id);
void sim_commanded_receipt(sim_client *c, const remote_v1_Receipt *receipt);
void sim_commanded_host_lost(sim_world *w, unsigned session);

void sim_judge_acked_events(sim_host *h, const lrm_link_event *event);
void sim_judge_acked_commands(sim_world *w, relay_connection *connection,
                              const lrm_link_event *event);
/* The relay has heard that a host owns the commands below `next`. */
void sim_judge_delivered(sim_world *w, unsigned session, uint64_t next, unsigned host);
void sim_judge_journal(sim_host *h); /* after a crash */
void sim_judge_step(sim_world *w);   /* at every step: presence, memory */
bool sim_judge_quiet(sim_world *w, bool say);
void sim_judge_end(sim_world *w);

/* ---- the world ---- */

typedef struct sim_trap {
  sim_count on; /* the step it waits for: ACK_OF_RELAY and others */
  bool armed;
  char kind; /* who dies then */
  unsigned index;
  bool loses; /* the relay: its store as well */
} sim_trap;

typedef struct sim_script {
  const uint8_t *bytes;
  size_t count, at;
} sim_script;

typedef struct sim_kept_step {
  uint64_t now_ns;
  const char *format;
  sim_value values[6];
  size_t count;
} sim_kept_step;

typedef struct sim_options {
  bool verbose;
  FILE *trace;
  bool polls; /* every other carrier is long-poll */
  bool abort; /* a fuzzer wants to see it */
} sim_options;

struct sim_world {
  uint64_t seed;
  const sim_options *options;
  sim_random random;
  uint64_t now_ns;
  bool calm;
  bool spun;
  /* chosen by the script's head */
  unsigned sessions_count;
  uint32_t window_bytes; /* credit of readers; 0: usual */
  bool large;            /* long messages: sets of several parts */
  uint64_t relay_log_bytes_max;
  uint32_t relay_waiting_max;

  sim_session sessions[SIM_SESSIONS_MAX];
  sim_host hosts[SIM_HOSTS_MAX];
  sim_client clients[SIM_CLIENTS_MAX];
  sim_relay relay;
  sim_carrier carriers[SIM_CARRIERS_MAX];
  struct sim_post *orphans; /* POSTs whose senders are gone */
  unsigned processes;
  sim_trap trap;
  bool due_to_die_h[SIM_HOSTS_MAX], due_to_die_c[SIM_CLIENTS_MAX], due_to_die_r, due_to_lose_r;

  sim_epoch epochs[SIM_EPOCHS_MAX];
  size_t epochs_count;
  sim_command commands[SIM_COMMANDS_MAX];
  size_t commands_count;
  sim_ask asks[SIM_ASKS_MAX];
  size_t asks_count;
  lrm_block_reader *reader;
  lrm_arena arena;
  sim_memory memory;

  uint64_t counts[SIM_COUNTS];
  sim_kept_step steps[SIM_STEPS_KEPT];
  size_t steps_at;
  uint64_t hash;
  uint64_t steps_count;
};

static inline void sim_reach(sim_world *w, sim_count what) { w->counts[what]++; }
/* The same, and whoever was to die at this step does so. */
void sim_reach_trap(sim_world *w, sim_count what);

sim_world *sim_world_begin(uint64_t seed, const sim_script *script, const sim_options *options);
void sim_world_run(sim_world *w, uint64_t ns);
void sim_world_calm(sim_world *w);
void sim_world_end(sim_world *w);

/* A script out of a seed; bytes written. */
size_t sim_script_make(uint64_t seed, uint8_t out[SIM_SCRIPT_MAX]);
/* Runs a script from begin to end. Its hash comes back; `counts` are added to. */
uint64_t sim_script_run(uint64_t seed, const uint8_t *bytes, size_t count,
                        const sim_options *options, uint64_t counts[SIM_COUNTS]);
/* sim_faults.c: one operation. */
void sim_operate(sim_world *w, uint8_t operation, uint8_t who, uint8_t argument);
extern const unsigned sim_operations_count;

/* Prints the table; false: something that must be reached never was. */
bool sim_report_print(const uint64_t counts[SIM_COUNTS], uint64_t runs, FILE *out);

#endif

/* A session of a million events through the real host, relay and client, on virtual time: memory
 * has a bound, the work an event costs is the same at the end as at the beginning, starting again
 * does not read the past, and who comes late reads a snapshot. Work is counted in allocations,
 * which do not depend on the machine.
 *
 *     long_session [--events N] [--sqlite FOLDER] */
#include <stdlib.h>
#include <string.h>

#include "relay.h"
#include "remote/client.h"
#include "remote/host.h"
#include "remote/log_memory.h"
#include "remote/log_sqlite.h"
#include "session/pair_wire.h"

enum {
  CAP_BYTES = 8 * 1024 * 1024, /* of the journal and of the relay's log */
  TURN_EVENTS = 40,
  PARTS = 10, /* the run is looked at in tenths */
  WALL_MS_FIRST = 1700000000
};

uint64_t pair_seed;
void pair_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  abort();
}

/* ---- memory ---- */

typedef struct counter {
  uint64_t bytes, peak, calls;
} counter;

static void *counted_alloc(void *user, size_t bytes) {
  counter *c = user;
  size_t *memory = malloc(bytes + 16);
  CHECK(memory != NULL, "memory");
  memory[0] = bytes;
  c->bytes += bytes;
  c->calls++;
  if (c->bytes > c->peak) c->peak = c->bytes;
  return memory + 2;
}

static void counted_free(void *user, void *memory) {
  counter *c = user;
  if (memory == NULL) return;
  size_t *at = (size_t *)memory - 2;
  c->bytes -= at[0];
  free(at);
}

static lrm_allocator counted(counter *c) { return (lrm_allocator){counted_alloc, counted_free, c}; }

/* ---- the world ---- */

typedef struct end {
  lrm_link *link;
  relay_connection *connection;
  pair_wire wire;
  pair_driver mine, relays;
  counter memory;
} end;

static struct {
  const char *folder; /* NULL: stores in memory */
  uint64_t now_ns, wall_ms;
  lrm_store *journal, *store;
  counter journal_memory, store_memory, host_memory, relay_memory;
  lrm_host *host;
  relay *relay;
  lrm_client *client;
  end host_end, client_end;
  uint64_t generation, processes;
  lrm_id session_id;
  uint64_t read;    /* events told to the client */
  uint64_t jumps;   /* snapshots taken */
  uint64_t read_to; /* offset after the last one */
  bool synced;
} t;

static lrm_id id_of(uint8_t last) {
  lrm_id id = {{0}};
  id.bytes[0] = 7;
  id.bytes[15] = last;
  return id;
}

/* ---- stores ---- */

static lrm_store *open_store(const char *name, counter *memory, bool again, lrm_store *old) {
  lrm_store *store = NULL;
  if (t.folder == NULL) {
    if (again) return old; /* it is the disk */
    lrm_store_memory_config config = {
        .struct_bytes = sizeof config, .allocator = counted(memory), .bytes_max = 256u << 20};
    MUST(lrm_store_memory_open(&config, &store));
    return store;
  }
  char path[512], error[300];
  snprintf(path, sizeof path, "%s/%s", t.folder, name);
  lrm_store_close(old);
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = counted(memory), .path = path};
  int result = lrm_store_sqlite_open(&config, &store, error, sizeof error);
  CHECK(result == 0, "%s", error);
  return store;
}

static bool commit_journal(void) {
  if (!lrm_store_dirty(t.journal)) return false;
  MUST(lrm_store_commit(t.journal));
  MUST(lrm_host_settled(t.host, t.wall_ms, t.now_ns));
  return true;
}

static bool commit_relay(void) {
  lrm_batch *batch;
  if (!lrm_store_dirty(t.store)) return false;
  MUST(lrm_store_freeze(t.store, &batch));
  relay_frozen(t.relay);
  int result = lrm_batch_write(batch);
  MUST(lrm_store_settle(t.store, batch, result));
  relay_settled(t.relay, result, t.now_ns, t.wall_ms);
  return true;
}

/* ---- links ---- */

static void relay_hears(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)link;
  relay_event(((end *)user)->connection, event, t.now_ns, t.wall_ms);
}

static int relay_gives(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)link;
  memset(frame, 0, sizeof *frame);
  return relay_fetch(((end *)user)->connection, want, frame, t.now_ns);
}

static void host_hears(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  (void)link;
  MUST(lrm_host_link_event(t.host, event, t.wall_ms, t.now_ns));
}

static int host_gives(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)user;
  (void)link;
  return lrm_host_fetch(t.host, want, frame);
}

static void client_hears(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  (void)link;
  lrm_client_event told;
  (void)lrm_client_link_event(t.client, event, t.now_ns); /* true: it was for the client */
  while (lrm_client_next_event(t.client, &told)) {
    if (told.type == LRM_CLIENT_SYNCED) t.synced = true;
    if (told.type == LRM_CLIENT_SNAPSHOT) t.jumps++;
    if (told.type == LRM_CLIENT_EVENT) t.read++, t.read_to = told.offset + 1;
    CHECK(told.type != LRM_CLIENT_CLOSED || lrm_code_reconnects(told.problem->code), "closed: %u",
          told.problem->code);
  }
}

static int client_gives(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)user;
  (void)link;
  return lrm_client_fetch(t.client, want, frame);
}

static bool move_all(pair_bytes *from, pair_bytes *to) {
  if (from->bytes == 0 || to->bytes != 0) return false;
  pair_bytes empty = *to;
  *to = *from;
  *from = empty;
  return true;
}

static bool drive(end *e) {
  if (e->link == NULL) return false;
  pair_drive(e->link, &e->wire.down_here, &e->wire.up, &e->mine, t.now_ns);
  bool moved = move_all(&e->wire.up, &e->wire.up_here);
  pair_drive(relay_connection_link(e->connection), &e->wire.up_here, &e->wire.down, &e->relays,
             t.now_ns);
  relay_drained(e->connection, t.now_ns, t.wall_ms);
  return move_all(&e->wire.down, &e->wire.down_here) || moved;
}

/* Until nothing moves any more. */
static void settle(void) {
  for (bool moved = true; moved;) {
    moved = drive(&t.host_end);
    moved = drive(&t.client_end) || moved;
    moved = relay_turn(t.relay, t.now_ns, t.wall_ms) || moved;
    moved = commit_journal() || moved;
    moved = commit_relay() || moved;
  }
  t.now_ns += 25 * MS; /* acknowledgements that were held back */
  t.wall_ms += 25;
}

static void connect_end(end *e, uint8_t name, const char *token, remote_v1_Role role) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = counted(&e->memory),
                            .link_id = id_of(name),
                            .generation = ++t.processes,
                            .role = role,
                            .token = token};
  MUST(lrm_link_create(&config, &e->link));
  MUST(relay_connect(t.relay, e, "test", t.now_ns, &e->connection));
  e->relays = (pair_driver){relay_hears, relay_gives, e};
  pair_wire_clear(&e->wire);
  MUST(lrm_link_attach(relay_connection_link(e->connection), t.now_ns));
  MUST(lrm_link_attach(e->link, t.now_ns));
}

static void disconnect_end(end *e) {
  if (e->link == NULL) return;
  relay_disconnect(e->connection, t.now_ns, t.wall_ms);
  lrm_link_destroy(e->link);
  e->link = NULL;
  e->connection = NULL;
}

/* ---- processes ---- */

static void start_relay(bool again) {
  t.store = open_store("relay", &t.store_memory, again, t.store);
  uint64_t generation;
  MUST(lrm_store_claim(t.store, t.wall_ms, &generation));
  relay_config config = {.struct_bytes = sizeof config,
                         .allocator = counted(&t.relay_memory),
                         .store = t.store,
                         .commands_epoch = id_of((uint8_t)(100 + ++t.processes)),
                         .wall_ms = t.wall_ms,
                         .log_bytes_max = CAP_BYTES};
  MUST(relay_open(&config, &t.relay));
  if (again) return;
  lrm_id device = id_of(1), other = id_of(2);
  MUST(relay_account_add(t.relay, "ada", t.wall_ms));
  MUST(relay_device_add(t.relay, "ada", "host", &device, "rrt_the-token-of-the-host-000000000000",
                        t.wall_ms));
  MUST(relay_device_add(t.relay, "ada", "phone", &other, "rrt_the-token-of-the-phone-00000000000",
                        t.wall_ms));
}

static char text_agent[] = "long", text_version[] = "1";

static void start_host(bool again) {
  t.journal = open_store("journal", &t.journal_memory, again, t.journal);
  MUST(lrm_store_claim(t.journal, t.wall_ms, &t.generation));
  Remote__V1__SessionStarted session = REMOTE__V1__SESSION_STARTED__INIT;
  session.interactive = true;
  session.agent = text_agent;
  session.agent_version = text_version;
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = counted(&t.host_memory),
                            .store = t.journal,
                            .writer_generation = t.generation,
                            .session_id = t.session_id,
                            .seed = {++t.processes, 5},
                            .session = &session,
                            .created_ms = t.wall_ms,
                            .remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL,
                            .journal_bytes_max = CAP_BYTES};
  MUST(lrm_host_create(&config, t.wall_ms, t.now_ns, &t.host));
  MUST(lrm_store_commit(t.journal));
  MUST(lrm_host_settled(t.host, t.wall_ms, t.now_ns));
  MUST(lrm_host_set_agent_ready(t.host, true, t.wall_ms, t.now_ns));
}

static void publish(void) {
  t.host_end.mine = (pair_driver){host_hears, host_gives, NULL};
  connect_end(&t.host_end, 1, "rrt_the-token-of-the-host-000000000000", remote_v1_Role_ROLE_HOST);
  lrm_host_attach_link(t.host, t.host_end.link);
  settle();
}

static void start_client(void) {
  t.synced = false;
  t.client_end.mine = (pair_driver){client_hears, client_gives, NULL};
  connect_end(&t.client_end, 2, "rrt_the-token-of-the-phone-00000000000",
              remote_v1_Role_ROLE_CLIENT);
  lrm_client_config config = {.struct_bytes = sizeof config,
                              .allocator = counted(&t.client_end.memory),
                              .link = t.client_end.link,
                              .link_id = id_of(2),
                              .session_id = t.session_id,
                              .seed = {++t.processes, 6},
                              .publish = true};
  MUST(lrm_client_create(&config, &t.client));
  settle();
}

static void stop_client(void) {
  lrm_client_destroy(t.client);
  t.client = NULL;
  disconnect_end(&t.client_end);
}

static void stop_host(void) {
  lrm_host_attach_link(t.host, NULL);
  disconnect_end(&t.host_end);
  lrm_host_destroy(t.host);
  t.host = NULL;
}

/* ---- what is said ---- */

static char text_id[64], text_body[600];

static void emit(Remote__V1__Event *event) {
  MUST(lrm_host_emit(t.host, event, t.wall_ms, t.now_ns));
}

static void say_message(uint64_t number) {
  Remote__V1__AssistantMessage message = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  snprintf(text_id, sizeof text_id, "m%llu", (unsigned long long)number);
  pair_random random = {number};
  size_t bytes = 60 + pair_below(&random, 400);
  for (size_t i = 0; i < bytes; i++) text_body[i] = (char)('a' + pair_below(&random, 26));
  text_body[bytes] = '\0';
  message.message_id = text_id;
  message.text = text_body;
  event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE;
  event.assistant_message = &message;
  emit(&event);
}

static void say_tool(uint64_t number) {
  Remote__V1__ToolState tool = REMOTE__V1__TOOL_STATE__INIT;
  Remote__V1__ToolStarted started = REMOTE__V1__TOOL_STARTED__INIT;
  Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  snprintf(text_id, sizeof text_id, "t%llu", (unsigned long long)number);
  tool.tool_call_id = ended.tool_call_id = text_id;
  tool.title = text_agent;
  tool.status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_RUNNING;
  started.tool = &tool;
  event.body_case = REMOTE__V1__EVENT__BODY_TOOL_STARTED;
  event.tool_started = &started;
  emit(&event);
  remote__v1__event__init(&event);
  ended.status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_COMPLETED;
  event.body_case = REMOTE__V1__EVENT__BODY_TOOL_ENDED;
  event.tool_ended = &ended;
  emit(&event);
}

static uint64_t end_of(void) { return lrm_host_position(t.host).offset; }

static char text_stop[] = "end_turn", text_prompt[] = "go on";

/* A prompt of the person at the terminal, every tenth from afar, and what the agent makes of it. */
static void turn(uint64_t number) {
  lrm_id id = {{0}};
  if (number % 10 == 0 && t.client != NULL) {
    Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    prompt.text = text_prompt;
    command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
    command.submit_prompt = &prompt;
    MUST(lrm_client_submit(t.client, &command, 0, &id, t.now_ns));
  } else {
    MUST(lrm_host_submit_local(t.host, "go on", false, t.wall_ms, t.now_ns));
  }
  settle();
  lrm_host_action action;
  while (lrm_host_next_action(t.host, &action)) {
    CHECK(action.type != LRM_ACTION_RESTART_LINK, "the relay says %u %s", action.code,
          action.reason);
    if (action.type != LRM_ACTION_PROMPT) continue;
    id = action.command_id;
    if (!lrm_id_none(&id)) MUST(lrm_host_finish(t.host, &id, 0, "", t.wall_ms, t.now_ns));
    for (unsigned i = 0; i < TURN_EVENTS; i++) {
      if (i % 8 == 3)
        say_tool(end_of());
      else
        say_message(end_of());
      if (i % 10 == 9) settle();
    }
    Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
    ended.stop_reason = text_stop;
    MUST(lrm_host_turn_ended(t.host, &ended, t.wall_ms, t.now_ns));
  }
  settle();
}

/* ---- what is looked at ---- */

typedef struct part {
  uint64_t events;
  uint64_t host, relay, client; /* allocations */
} part;

static part counted_now(void) {
  return (part){end_of(), t.host_memory.calls + t.journal_memory.calls,
                t.relay_memory.calls + t.store_memory.calls, t.client_end.memory.calls};
}

static double per_event(uint64_t calls, uint64_t events) { return (double)calls / (double)events; }

static void expect_flat(const char *who, double first, double last) {
  printf("  %-6s %.2f allocations an event in the first tenth, %.2f in the last\n", who, first,
         last);
  CHECK(last < 1.5 * first + 0.1, "%s works harder at the end", who);
}

static void run(uint64_t events) {
  part at[PARTS + 1];
  uint64_t number = 0, base = end_of();
  at[0] = counted_now();
  for (unsigned i = 0; i < PARTS; i++) {
    while (end_of() < base + events * (i + 1) / PARTS) turn(number++);
    at[i + 1] = counted_now();
  }
  const part *first = &at[1], *last = &at[PARTS];
  uint64_t first_events = first[0].events - at[0].events,
           last_events = last->events - last[-1].events;
  expect_flat("host", per_event(first->host - at[0].host, first_events),
              per_event(last->host - last[-1].host, last_events));
  expect_flat("relay", per_event(first->relay - at[0].relay, first_events),
              per_event(last->relay - last[-1].relay, last_events));
  expect_flat("client", per_event(first->client - at[0].client, first_events),
              per_event(last->client - last[-1].client, last_events));
}

typedef struct start_cost {
  uint64_t host, relay, client, read;
} start_cost;

/* Everybody ends and starts again; a client that knows nothing comes. */
static start_cost start_again(void) {
  start_cost cost = {0};
  uint64_t had = end_of();
  stop_client();
  stop_host();
  relay_close(t.relay);
  uint64_t before = t.relay_memory.calls + t.store_memory.calls;
  start_relay(true);
  cost.relay = t.relay_memory.calls + t.store_memory.calls - before;
  before = t.host_memory.calls + t.journal_memory.calls;
  start_host(true);
  cost.host = t.host_memory.calls + t.journal_memory.calls - before;
  publish();
  CHECK(end_of() >= had, "the journal lost events");
  before = t.client_end.memory.calls;
  t.read = t.jumps = 0;
  start_client();
  CHECK(t.synced && t.jumps == 1, "no snapshot for who comes late");
  cost.client = t.client_end.memory.calls - before;
  cost.read = t.read;
  return cost;
}

static void expect_bounded(const char *who, uint64_t early, uint64_t late) {
  printf("  %-6s %llu early, %llu late\n", who, (unsigned long long)early,
         (unsigned long long)late);
  CHECK(late <= 2 * early + 2000, "%s reads the past when it starts", who);
}

static void expect_memory(const char *who, const counter *c, uint64_t limit) {
  printf("  %-7s peak %llu KiB of %llu\n", who, (unsigned long long)(c->peak / 1024),
         (unsigned long long)(limit / 1024));
  CHECK(c->peak <= limit, "%s takes too much memory", who);
}

int main(int argc, char **argv) {
  uint64_t events = 100000;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--events") == 0)
      events = strtoull(argv[i + 1], NULL, 10);
    else if (strcmp(argv[i], "--sqlite") == 0)
      t.folder = argv[i + 1];
    else
      return fprintf(stderr, "usage: long_session [--events N] [--sqlite FOLDER]\n"), 2;
  }
  CHECK(events >= 20000, "at least 20000 events: less says nothing");
  setvbuf(stdout, NULL, _IOLBF, 0);
  t.now_ns = SECOND;
  t.wall_ms = WALL_MS_FIRST * UINT64_C(1000);
  t.session_id = id_of(9);
  start_relay(false);
  start_host(false);
  publish();
  start_client();
  while (end_of() < events / 10) turn(end_of());
  start_cost early = start_again();
  run(events);
  settle();
  say_message(end_of()); /* a set that a reader passes is not told: the last one is an event */
  settle();
  CHECK(t.read_to == end_of() && t.jumps == 1, "the client is at %llu of %llu after %llu jumps",
        (unsigned long long)t.read_to, (unsigned long long)end_of(), (unsigned long long)t.jumps);
  start_cost late = start_again();
  printf("allocations to start\n");
  expect_bounded("host", early.host, late.host);
  expect_bounded("relay", early.relay, late.relay);
  expect_bounded("client", early.client, late.client);
  expect_bounded("events", early.read, late.read);
  /* In memory the stores are the disk: their caps and as much again while something is trimmed. */
  uint64_t disk = t.folder == NULL ? 3 * (uint64_t)CAP_BYTES : 24u << 20;
  printf("memory\n");
  expect_memory("host", &t.host_memory, 8u << 20);
  expect_memory("relay", &t.relay_memory, 4u << 20);
  expect_memory("client", &t.client_end.memory, 8u << 20);
  expect_memory("journal", &t.journal_memory, disk);
  expect_memory("store", &t.store_memory, disk);
  printf("%llu events\n", (unsigned long long)end_of());
  stop_client();
  stop_host();
  relay_close(t.relay);
  lrm_store_close(t.store);
  lrm_store_close(t.journal);
  pair_wire_free(&t.host_end.wire);
  pair_wire_free(&t.client_end.wire);
  const counter *all[] = {&t.host_memory,     &t.relay_memory,   &t.client_end.memory,
                          &t.host_end.memory, &t.journal_memory, &t.store_memory};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    CHECK(all[i]->bytes == 0, "%llu bytes are left", (unsigned long long)all[i]->bytes);
  return 0;
}

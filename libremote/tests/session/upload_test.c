/* Uploads against a minimal relay on a virtual clock: cuts, restarts of host and relay, a relay
 * that loses its store, a host that loses its journal; two clients at once.
 *   upload_test [--seed N] [--count N]
 * Oracle: the agent is given exactly what was read, once a prompt, and nothing stays behind. And
 * the object's own rules: pace, cancel, what changed meanwhile, missing memory. */
#include <string.h>

#include "failing.h"
#include "pair_relay.h"
#include "remote/host.h"
#include "remote/upload.h"
#include "session/host_internal.h"

uint64_t pair_seed;

void pair_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "upload_test: seed %llu: ", (unsigned long long)pair_seed);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  abort();
}

enum { CLIENTS = 2 };
static const uint32_t APPLIED = 1, UNKNOWN = 6; /* CommandOutcomeKind */

typedef struct sender {
  lrm_client *client;
  lrm_link *link;
  uint8_t *file;
  size_t bytes;
  lrm_upload *upload;
  lrm_id attachment;
  unsigned tries;
  bool prompted, prompt_done;
  lrm_id prompt;
  uint32_t prompt_outcome;
  unsigned given; /* to the agent */
  size_t in_flight_max;
} sender;

typedef struct world {
  pair_random random;
  uint64_t now_ns, wall_ms, ids;
  bool calm, journal_lost;
  pair_relay relay;
  pair_wire wires[PAIR_CONNECTIONS];
  bool up[PAIR_CONNECTIONS];
  lrm_store *journal;
  lrm_batch *batch;
  lrm_host *host;
  lrm_link *host_link;
  Remote__V1__SessionStarted session;
  uint64_t processes;
  unsigned cuts, crashes, losses;
  size_t uplink_bytes; /* that the clients send in a turn; 0: as much as there is */
  unsigned dead;       /* carriers that a client has given up */
  sender senders[CLIENTS];
} world;

static lrm_id new_id(world *w) {
  lrm_id id;
  for (size_t i = 0; i < 16; i++) id.bytes[i] = (uint8_t)pair_next(&w->random);
  id.bytes[0] = (uint8_t)++w->ids;
  return id;
}

/* ---- processes ---- */

static void open_link(world *w, lrm_link **link, uint32_t role) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = pair_next(&w->random),
                            .link_id = new_id(w),
                            .role = role,
                            .token = "t",
                            .agent = "upload"};
  MUST(lrm_link_create(&config, link));
}

static void start_host(world *w) {
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = lrm_allocator_default(),
                            .store = w->journal,
                            .session_id = w->relay.session_id,
                            .seed = {pair_next(&w->random), ++w->processes},
                            .session = &w->session,
                            .remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL,
                            .resume = w->processes > 1};
  MUST(lrm_store_claim(w->journal, w->wall_ms, &config.writer_generation));
  MUST(lrm_host_create(&config, w->wall_ms, w->now_ns, &w->host));
  open_link(w, &w->host_link, 1);
  lrm_host_attach_link(w->host, w->host_link);
  MUST(lrm_host_set_agent_ready(w->host, true, w->wall_ms, w->now_ns));
}

static void open_journal(world *w) {
  lrm_store_memory_config store = {.struct_bytes = sizeof store,
                                   .allocator = lrm_allocator_default()};
  MUST(lrm_store_memory_open(&store, &w->journal));
}

static lrm_link *link_of(world *w, size_t index) {
  return index == 0 ? w->host_link : w->senders[index - 1].link;
}

static void cut(world *w, size_t index) {
  if (!w->up[index]) return;
  w->up[index] = false;
  lrm_link_detach(link_of(w, index), w->now_ns);
  if (index == 0)
    lrm_host_link_down(w->host);
  else
    lrm_client_link_down(w->senders[index - 1].client);
  pair_relay_detach(&w->relay, index);
  pair_wire_clear(&w->wires[index]);
}

static void crash_host(world *w, bool lose) {
  cut(w, 0);
  lrm_host_destroy(w->host);
  lrm_link_destroy(w->host_link);
  lrm_store_memory_crash(w->journal);
  w->batch = NULL;
  if (lose) {
    lrm_store_close(w->journal);
    open_journal(w);
    w->journal_lost = true;
  }
  start_host(w);
}

/* ---- uploads ---- */

static void begin_upload(world *w, sender *s) {
  lrm_upload_config config = {.struct_bytes = sizeof config,
                              .allocator = lrm_allocator_default(),
                              .client = s->client,
                              .attachment_id = new_id(w),
                              .name = "dir/photo.png",
                              .media_type = "image/png",
                              .total = s->bytes};
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, s->file, s->bytes);
  lrm_sha256_end(&sum, config.sha256);
  s->attachment = config.attachment_id;
  s->tries++;
  s->prompted = s->prompt_done = false;
  lrm_upload_destroy(s->upload);
  MUST(lrm_upload_create(&config, &s->upload));
}

static void send_prompt(world *w, sender *s) {
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  ProtobufCBinaryData ids[] = {lrm__id_data(&s->attachment)};
  prompt.text = lrm__text("look");
  prompt.attachment_ids = ids;
  prompt.n_attachment_ids = 1;
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  int result = lrm_client_submit(s->client, &command, 0, &s->prompt, w->now_ns);
  if (result == LRM_ERR_BUSY || result == LRM_ERR_STATE) return;
  MUST(result);
  s->prompted = true;
}

static void feed(world *w, sender *s) {
  uint64_t position;
  size_t bytes;
  lrm_upload_update(s->upload, w->now_ns);
  while (lrm_upload_wants(s->upload, &position, &bytes)) {
    CHECK(position + bytes <= s->bytes, "beyond the file");
    int result = lrm_upload_give(s->upload, s->file + position, bytes, w->now_ns);
    if (result == LRM_ERR_STATE || result == LRM_ERR_BUSY) break;
    MUST(result);
    size_t pending = lrm_client_pending(s->client);
    if (pending > s->in_flight_max) s->in_flight_max = pending;
  }
}

static void follow(world *w, sender *s) {
  feed(w, s);
  lrm_upload_progress progress = lrm_upload_progress_now(s->upload);
  CHECK(progress.done <= progress.stored && progress.stored <= progress.given, "progress");
  if (progress.state == LRM_UPLOAD_FAILED) {
    CHECK(w->journal_lost && progress.outcome == UNKNOWN, "failed: %u %u %s", progress.outcome,
          progress.code, progress.reason);
    begin_upload(w, s);
    return;
  }
  if (progress.state < LRM_UPLOAD_SENT) return;
  if (!s->prompted) send_prompt(w, s);
  lrm_command command;
  if (!s->prompted || s->prompt_done) return;
  if (lrm_client_command(s->client, &s->prompt, &command) != 0) return;
  if (command.state != LRM_COMMAND_DONE) return;
  s->prompt_done = true;
  s->prompt_outcome = command.outcome;
  if (command.outcome == APPLIED) return;
  /* It may have been given before its host died: UNKNOWN is never run again. */
  CHECK(command.outcome == UNKNOWN || w->journal_lost, "the prompt: %u %u %s", command.outcome,
        command.code, command.reason);
  if (command.outcome != UNKNOWN) begin_upload(w, s);
}

/* ---- the agent ---- */

static void take_prompt(world *w, const lrm_host_action *action) {
  CHECK(action->attachments_count == 1, "a prompt without its attachment");
  sender *s = NULL;
  for (size_t i = 0; i < CLIENTS; i++)
    if (lrm_id_equal(&w->senders[i].attachment, &action->attachment_ids[0])) s = &w->senders[i];
  CHECK(s != NULL, "an attachment that nobody sent");
  lrm_host_attachment_info info;
  MUST(lrm_host_attachment(w->host, &action->attachment_ids[0], &info));
  CHECK(info.bytes == s->bytes && strcmp(info.name, "photo.png") == 0, "%llu bytes of %s",
        (unsigned long long)info.bytes, info.name);
  lrm_slice piece;
  for (size_t at = 0; at < s->bytes; at += piece.bytes) {
    MUST(lrm_host_attachment_read(w->host, &action->attachment_ids[0], at, &piece));
    CHECK(piece.bytes != 0 && memcmp(piece.data, s->file + at, piece.bytes) == 0,
          "other bytes at %zu", at);
  }
  s->given++;
}

static void act(world *w) {
  lrm_host_action action;
  while (lrm_host_next_action(w->host, &action)) {
    CHECK(action.type == LRM_ACTION_PROMPT, "action %d", (int)action.type);
    take_prompt(w, &action);
    lrm_id id = action.command_id;
    MUST(lrm_host_finish(w->host, &id, 0, "", w->wall_ms, w->now_ns));
    Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
    ended.stop_reason = lrm__text("end_turn");
    MUST(lrm_host_turn_ended(w->host, &ended, w->wall_ms, w->now_ns));
  }
}

/* ---- one turn of the world ---- */

static void commit_journal(world *w) {
  if (w->batch == NULL) {
    if (lrm_store_freeze(w->journal, &w->batch) != 0) w->batch = NULL;
    return;
  }
  MUST(lrm_store_settle(w->journal, w->batch, lrm_batch_write(w->batch)));
  w->batch = NULL;
  MUST(lrm_host_settled(w->host, w->wall_ms, w->now_ns));
}

typedef struct ending {
  world *w;
  size_t index;
} ending;

static void link_event(void *user, lrm_link *link, const lrm_link_event *event) {
  ending *end = user;
  world *w = end->w;
  lrm_client_event told;
  (void)link;
  if (end->index == 0) {
    MUST(lrm_host_link_event(w->host, event, w->wall_ms, w->now_ns));
    return;
  }
  lrm_client *client = w->senders[end->index - 1].client;
  (void)lrm_client_link_event(client, event, w->now_ns);
  while (lrm_client_next_event(client, &told)) continue;
}

static int link_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  ending *end = user;
  (void)link;
  if (end->index == 0) return lrm_host_fetch(end->w->host, want, frame);
  return lrm_client_fetch(end->w->senders[end->index - 1].client, want, frame);
}

static void move_all(pair_bytes *from, pair_bytes *to) {
  if (from->bytes == 0 || to->bytes != 0) return;
  pair_bytes empty = *to;
  *to = *from;
  *from = empty;
  from->bytes = 0;
}

/* What a slow network takes in one turn; the rest stands before whatever is said next. */
static void move_some(pair_bytes *from, pair_bytes *to, size_t bytes) {
  if (bytes > from->bytes) bytes = from->bytes;
  if (to->capacity < to->bytes + bytes) {
    to->capacity = 2 * (to->bytes + bytes);
    to->data = realloc(to->data, to->capacity);
  }
  if (bytes != 0) memcpy(to->data + to->bytes, from->data, bytes);
  to->bytes += bytes;
  from->bytes -= bytes;
  if (from->bytes != 0) memmove(from->data, from->data + bytes, from->bytes);
}

static void drive(world *w, size_t index) {
  lrm_link *link = link_of(w, index);
  pair_wire *wire = &w->wires[index];
  if (wire->cut) cut(w, index);
  if (!w->up[index]) {
    if (lrm_link_attempt_ns(link) > w->now_ns) return;
    MUST(lrm_link_attach(link, w->now_ns));
    pair_relay_attach(&w->relay, index);
    w->up[index] = true;
  }
  ending end = {w, index};
  pair_driver driver = {link_event, link_fetch, &end};
  pair_drive(link, &wire->down_here, &wire->up, &driver, w->now_ns);
  if (index > 0 && w->uplink_bytes != 0)
    move_some(&wire->up, &wire->up_here, w->uplink_bytes);
  else
    move_all(&wire->up, &wire->up_here);
  move_all(&wire->down, &wire->down_here);
  if (lrm_link_state_now(link) == LRM_LINK_CLOSING) {
    w->dead += index > 0;
    cut(w, index);
  }
}

static void faults(world *w, uint64_t seed) {
  if (pair_once_in(&w->random, 40)) {
    w->cuts++;
    cut(w, (size_t)pair_below(&w->random, PAIR_CONNECTIONS));
  }
  bool host = pair_once_in(&w->random, 90), relay = pair_once_in(&w->random, 90);
  if (!host && !relay) return;
  w->crashes++;
  if (host) crash_host(w, seed % 5 == 0 && pair_once_in(&w->random, 3));
  if (!relay) return;
  bool lose = pair_once_in(&w->random, 3);
  w->losses += lose;
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) cut(w, i);
  pair_relay_crash(&w->relay, lose);
}

static void turn_of(world *w, uint64_t seed) {
  uint64_t ms = 1 + pair_below(&w->random, 8);
  w->now_ns += ms * MS;
  w->wall_ms += ms;
  if (!w->calm) faults(w, seed);
  act(w);
  commit_journal(w);
  if (w->now_ns >= lrm_host_deadline(w->host))
    MUST(lrm_host_expire(w->host, w->wall_ms, w->now_ns));
  for (size_t i = 0; i < CLIENTS; i++) {
    lrm_client_event told;
    lrm_client_expire(w->senders[i].client, w->now_ns);
    while (lrm_client_next_event(w->senders[i].client, &told)) continue;
    follow(w, &w->senders[i]);
  }
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) drive(w, i);
  pair_relay_turn(&w->relay, w->wires, w->wall_ms, w->now_ns);
}

/* ---- one run ---- */

static void begin(world *w, uint64_t seed, size_t bytes_max) {
  memset(w, 0, sizeof *w);
  w->random.state = seed * 1000003 + 7;
  w->now_ns = 5 * SECOND;
  w->wall_ms = 1700000000000;
  pair_relay_start(&w->relay, seed);
  w->relay.now_ns = w->now_ns;
  open_journal(w);
  remote__v1__session_started__init(&w->session);
  w->session.interactive = true;
  start_host(w);
  for (size_t i = 0; i < CLIENTS; i++) {
    sender *s = &w->senders[i];
    open_link(w, &s->link, 2);
    lrm_client_config config = {.struct_bytes = sizeof config,
                                .allocator = lrm_allocator_default(),
                                .link = s->link,
                                .link_id = new_id(w),
                                .session_id = w->relay.session_id,
                                .seed = {pair_next(&w->random), i},
                                .publish = true};
    MUST(lrm_client_create(&config, &s->client));
    s->bytes = bytes_max - (size_t)pair_below(&w->random, bytes_max);
    if (i == 0) s->bytes = bytes_max;
    s->file = malloc(s->bytes);
    for (size_t at = 0; at < s->bytes; at++) s->file[at] = (uint8_t)pair_next(&w->random);
    begin_upload(w, s);
  }
}

static bool count_record(void *user, lrm_slice key, lrm_slice value) {
  (void)key;
  (void)value;
  ++*(size_t *)user;
  return true;
}

static size_t kept(world *w) {
  size_t count = 0;
  MUST(lrm_store_each(w->journal, LRM__SPACE_ATTACHMENTS, count_record, &count));
  return count;
}

static bool over(const world *w) {
  for (size_t i = 0; i < CLIENTS; i++)
    if (!w->senders[i].prompt_done) return false;
  return true;
}

static void end(world *w) {
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) cut(w, i);
  for (size_t i = 0; i < CLIENTS; i++) {
    lrm_upload_destroy(w->senders[i].upload);
    lrm_client_destroy(w->senders[i].client);
    lrm_link_destroy(w->senders[i].link);
    free(w->senders[i].file);
  }
  lrm_host_destroy(w->host);
  lrm_link_destroy(w->host_link);
  if (w->batch != NULL) MUST(lrm_store_settle(w->journal, w->batch, lrm_batch_write(w->batch)));
  lrm_store_close(w->journal);
  pair_relay_end(&w->relay);
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) pair_wire_free(&w->wires[i]);
}

static struct { unsigned cuts, crashes, losses, again, unknown; } seen;

static void run(uint64_t seed, size_t bytes_max) {
  static world w;
  pair_seed = seed;
  begin(&w, seed, bytes_max);
  for (unsigned turn = 0; turn < 4000 && !over(&w); turn++) {
    w.calm = turn >= 600;
    turn_of(&w, seed);
  }
  for (size_t i = 0; i < CLIENTS; i++) {
    const sender *s = &w.senders[i];
    lrm_upload_progress progress = lrm_upload_progress_now(s->upload);
    CHECK(s->prompt_done, "client %zu: state %d, %llu of %llu with the host, prompted %d", i,
          (int)progress.state, (unsigned long long)progress.done,
          (unsigned long long)progress.total, s->prompted);
    CHECK(s->in_flight_max <= 17, "%zu chunks at a time", s->in_flight_max);
    seen.again += s->tries - 1;
    seen.unknown += s->prompt_outcome != APPLIED;
    if (s->prompt_outcome != APPLIED) continue;
    CHECK(s->given >= 1 && (s->given == 1 || w.journal_lost), "given %u times", s->given);
    CHECK(progress.state == LRM_UPLOAD_DONE, "given, and not done: %d", (int)progress.state);
  }
  /* What was not taken goes within the hour, also what failed or was lost half-way. */
  w.calm = true;
  w.now_ns += 3601 * SECOND;
  w.wall_ms += 3601 * 1000;
  MUST(lrm_host_expire(w.host, w.wall_ms, w.now_ns));
  CHECK(kept(&w) == 0, "%zu records stay behind", kept(&w));
  seen.cuts += w.cuts;
  seen.crashes += w.crashes;
  seen.losses += w.losses;
  end(&w);
}

/* ---- the object's own rules ---- */

/* Chunks only after what is under way has been stored; slowly where that takes its time. */
static void paces(void) {
  static world w;
  pair_seed = 1;
  begin(&w, 1, 3u << 20);
  w.calm = true;
  sender *s = &w.senders[0];
  uint64_t position;
  size_t bytes, under_way = 0;
  while (lrm_client_position(s->client).offset == 0) { /* until something of the session is known */
    w.now_ns += MS;
    for (size_t i = 0; i < PAIR_CONNECTIONS; i++) drive(&w, i);
    commit_journal(&w);
    pair_relay_turn(&w.relay, w.wires, w.wall_ms, w.now_ns);
  }
  while (lrm_upload_wants(s->upload, &position, &bytes)) {
    CHECK(position == under_way, "bytes that are not next");
    CHECK(lrm_upload_give(s->upload, s->file, bytes + 1, w.now_ns) == LRM_ERR_USAGE, "too many");
    MUST(lrm_upload_give(s->upload, s->file + position, bytes, w.now_ns));
    under_way += bytes;
  }
  CHECK(under_way <= 32768, "%zu bytes before the relay has said a word", under_way);
  CHECK(lrm_upload_give(s->upload, s->file, 1, w.now_ns) == LRM_ERR_STATE, "none are wanted");
  lrm_upload_cancel(s->upload);
  CHECK(lrm_upload_progress_now(s->upload).state == LRM_UPLOAD_CANCELLED, "not cancelled");
  CHECK(!lrm_upload_wants(s->upload, &position, &bytes), "wants more after a cancel");
  /* What is not what was announced is not completed. */
  begin_upload(&w, s);
  s->file[s->bytes - 1] ^= 1;
  for (unsigned turn = 0; turn < 4000; turn++) {
    w.now_ns += 5 * MS;
    feed(&w, s);
    if (lrm_upload_progress_now(s->upload).state == LRM_UPLOAD_CHANGED) break;
    for (size_t i = 0; i < PAIR_CONNECTIONS; i++) drive(&w, i);
    commit_journal(&w);
    pair_relay_turn(&w.relay, w.wires, w.wall_ms, w.now_ns);
  }
  CHECK(lrm_upload_progress_now(s->upload).state == LRM_UPLOAD_CHANGED, "not seen to change");
  end(&w);
}

/* 16 KiB/s, as a person has it on a train, and somebody watches, so that 10 s of silence end a
 * carrier: PINGs stand behind the chunks, and still come through in time. */
static void a_slow_uplink_is_no_dead_one(void) {
  static world w;
  pair_seed = 2;
  begin(&w, 2, 400u << 10);
  w.calm = true;
  w.uplink_bytes = 160; /* 10 ms */
  for (unsigned turn = 0; turn < 12000 && !over(&w); turn++) {
    w.now_ns += 10 * MS;
    w.wall_ms += 10;
    act(&w);
    commit_journal(&w);
    for (size_t i = 0; i < CLIENTS; i++) {
      lrm_link_watch(w.senders[i].link, true, w.now_ns);
      follow(&w, &w.senders[i]);
    }
    for (size_t i = 0; i < PAIR_CONNECTIONS; i++) drive(&w, i);
    pair_relay_turn(&w.relay, w.wires, w.wall_ms, w.now_ns);
  }
  CHECK(over(&w), "400 KiB take more than two minutes at 16 KiB/s");
  CHECK(w.dead == 0, "%u carriers were given up", w.dead);
  end(&w);
}

static void wrong_use(void) {
  failing memory = {0};
  static uint8_t some_client;
  lrm_upload *upload;
  char name[300];
  memset(name, 'n', sizeof name);
  name[299] = '\0';
  lrm_upload_config good = {.struct_bytes = sizeof good,
                            .allocator = failing_allocator(&memory),
                            .client = (lrm_client *)(void *)&some_client,
                            .attachment_id = {{1}},
                            .name = "a",
                            .total = 1};
  lrm_upload_config bad = good;
  CHECK(lrm_upload_create(NULL, &upload) == LRM_ERR_USAGE, "NULL");
  bad.total = 0;
  CHECK(lrm_upload_create(&bad, &upload) == LRM_ERR_USAGE, "no bytes");
  bad.total = LRM_ATTACHMENT_BYTES_MAX + 1;
  CHECK(lrm_upload_create(&bad, &upload) == LRM_ERR_TOO_LARGE, "10 MiB + 1");
  bad = good;
  bad.name = name;
  CHECK(lrm_upload_create(&bad, &upload) == LRM_ERR_USAGE, "a long name");
  bad = good;
  bad.attachment_id = (lrm_id){{0}};
  CHECK(lrm_upload_create(&bad, &upload) == LRM_ERR_USAGE, "no id");
  failing_plan(&memory, 1, false);
  CHECK(lrm_upload_create(&good, &upload) == LRM_ERR_NO_MEMORY, "no memory");
  MUST(lrm_upload_create(&good, &upload));
  lrm_upload_destroy(upload);
  lrm_upload_destroy(NULL);
  CHECK(memory.blocks == 0, "memory is kept");
}

int main(int argc, char **argv) {
  uint64_t seed = 1, count = 40;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[i + 1], NULL, 10), count = 1;
    if (strcmp(argv[i], "--count") == 0) count = strtoull(argv[i + 1], NULL, 10);
  }
  wrong_use();
  paces();
  a_slow_uplink_is_no_dead_one();
  for (uint64_t i = seed; i < seed + count; i++) run(i, i % 20 == 7 ? 10u << 20 : 400u << 10);
  printf(
      "upload_test: %llu seeds from %llu: %u cuts, %u crashes, %u lost relay stores, %u begun "
      "again, "
      "%u prompts UNKNOWN\n",
      (unsigned long long)count, (unsigned long long)seed, seen.cuts, seen.crashes, seen.losses,
      seen.again, seen.unknown);
  CHECK(count < 20 || (seen.cuts > count && seen.crashes > count / 2 && seen.losses > 0),
        "too quiet");
  return 0;
}

/* The relay object: what it owns, which event goes to which file, and what a turn adds up to. */
#include "relay.h"

#include <stdarg.h>
#include <string.h>

#include "core.h"

/* ---- memory: counted, so that tests and stats can hold it against the limits ---- */

typedef union counted {
  size_t bytes;
  max_align_t align;
} counted;

static void *counted_alloc(void *user, size_t bytes) {
  relay *r = user;
  counted *memory = r->config.allocator.alloc(r->config.allocator.user, sizeof *memory + bytes);
  if (memory == NULL) return NULL;
  memory->bytes = bytes;
  r->memory_bytes += bytes;
  return memory + 1;
}

static void counted_free(void *user, void *memory) {
  relay *r = user;
  if (memory == NULL) return;
  counted *block = (counted *)memory - 1;
  r->memory_bytes -= block->bytes;
  r->config.allocator.free(r->config.allocator.user, block);
}

void *relay_alloc(relay *r, size_t bytes) {
  void *memory = counted_alloc(r, bytes);
  if (memory != NULL) memset(memory, 0, bytes);
  return memory;
}

void relay_free(relay *r, void *memory) { counted_free(r, memory); }

bool relay_grow(relay *r, void **array, uint32_t count, uint32_t *capacity, size_t bytes) {
  if (count < *capacity) return true;
  uint32_t wider = *capacity == 0 ? 4 : *capacity * 2;
  void *memory = relay_alloc(r, wider * bytes);
  if (memory == NULL) return false;
  if (*array != NULL) memcpy(memory, *array, count * bytes);
  relay_free(r, *array);
  *array = memory;
  *capacity = wider;
  return true;
}

/* ---- small things ---- */

void relay_marks_add(relay_marks *marks, uint64_t batch, uint64_t value) {
  if (marks->count > 0 && marks->at[marks->count - 1].batch == batch) {
    marks->at[marks->count - 1].value = value;
    return;
  }
  if (marks->count == RELAY_MARKS) marks->count--; /* the newest two become one */
  marks->at[marks->count++] = (relay_mark){batch, value};
}

bool relay_marks_take(relay_marks *marks, uint64_t durable_batch, uint64_t *value) {
  unsigned taken = 0;
  while (taken < marks->count && marks->at[taken].batch <= durable_batch) {
    *value = marks->at[taken++].value;
  }
  if (taken == 0) return false;
  marks->count -= taken;
  memmove(marks->at, marks->at + taken, marks->count * sizeof marks->at[0]);
  return true;
}

void relay_text(char *out, size_t out_bytes, const char *text) {
  size_t bytes = strnlen(text, out_bytes - 1);
  memcpy(out, text, bytes);
  out[bytes] = '\0';
}

remote_v1_Problem relay_problem(uint32_t code, const char *reason) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  relay_text(problem.reason, sizeof problem.reason, reason);
  return problem;
}

void relay_refused(relay *r, uint32_t code) {
  relay_refusals *all = &r->refusals;
  unsigned i = 0;
  while (i < all->count && all->at[i].code != code) i++;
  if (i == RELAY_REFUSAL_CODES) return;
  if (i == all->count) all->at[all->count++].code = code;
  all->at[i].count++;
}

void relay_each_refusal(const relay *r, void (*visit)(void *user, uint32_t code, uint64_t count),
                        void *user) {
  for (unsigned i = 0; i < r->refusals.count; i++)
    visit(user, r->refusals.at[i].code, r->refusals.at[i].count);
}

void relay_each_limit(const relay *r, void (*visit)(void *user, const char *name, uint64_t count),
                      void *user) {
  for (int i = 0; i < LIMITS; i++)
    visit(user, relay_limit_name((relay_limit)i), r->limits.reached[i]);
}

void relay_log(relay *r, relay_level level, const char *event, ...) {
  if (r->config.log == NULL) return;
  relay_field fields[8];
  size_t count = 0;
  va_list list;
  va_start(list, event);
  while (count < sizeof fields / sizeof fields[0]) {
    const char *key = va_arg(list, const char *);
    if (key == NULL) break;
    fields[count].key = key;
    fields[count++].value = va_arg(list, const char *);
  }
  va_end(list);
  r->config.log(r->config.user, level, event, fields, count);
}

void relay_log_session(relay *r, relay_level level, const char *event, const relay_session *session,
                       const relay_connection *c, const char *detail) {
  if (r->config.log == NULL) return;
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&session->id, id);
  relay_log(r, level, event, "account", session->account->name, "session", id, "device",
            c != NULL ? c->device : "-", "peer", c != NULL ? c->peer : "-", "detail", detail, NULL);
}

void relay_kick(relay_connection *c) {
  if (c->relay->config.kick != NULL && !c->between)
    c->relay->config.kick(c->relay->config.user, c->user);
}

/* ---- life ---- */

static uint32_t or_default(uint32_t value, uint32_t otherwise) {
  return value != 0 ? value : otherwise;
}

static void fill_defaults(relay_config *config) {
  config->connections_max = or_default(config->connections_max, 10000);
  config->connections_unsigned_max = or_default(config->connections_unsigned_max, 512);
  config->connections_per_account_max = or_default(config->connections_per_account_max, 64);
  config->sessions_per_account_max = or_default(config->sessions_per_account_max, 256);
  config->address_connections_max = or_default(config->address_connections_max, 512);
  config->address_unsigned_max = or_default(config->address_unsigned_max, 64);
  config->address_connections_rate = or_default(config->address_connections_rate, 20);
  config->account_opens_rate = or_default(config->account_opens_rate, 50);
  config->account_requests_rate = or_default(config->account_requests_rate, 50);
  config->account_commands_rate = or_default(config->account_commands_rate, 100);
  config->frames_rate = or_default(config->frames_rate, 5000);
  if (config->account_day_bytes == 0) config->account_day_bytes = UINT64_C(64) << 30;
  config->outboxes_per_session_max = or_default(config->outboxes_per_session_max, 256);
  config->commands_waiting_max = or_default(config->commands_waiting_max, 1024);
  if (config->commands_bytes_max == 0) config->commands_bytes_max = 16u * 1024 * 1024;
  if (config->log_bytes_max == 0) config->log_bytes_max = LRM_RELAY_LOG_BYTES_MAX;
  if (config->agent == NULL) config->agent = "remote-relay";
}

int relay_open(const relay_config *config, relay **out) {
  if (config->struct_bytes != sizeof *config || config->store == NULL) return LRM_ERR_USAGE;
  relay *r = config->allocator.alloc(config->allocator.user, sizeof *r);
  if (r == NULL) return LRM_ERR_NO_MEMORY;
  memset(r, 0, sizeof *r);
  r->config = *config;
  fill_defaults(&r->config);
  r->allocator = (lrm_allocator){counted_alloc, counted_free, r};
  r->messages_end = &r->messages;
  if (config->hooks_count > RELAY_HOOKS_MAX) {
    config->allocator.free(config->allocator.user, r);
    return LRM_ERR_USAGE;
  }
  for (size_t i = 0; i < config->hooks_count; i++)
    memcpy(r->hooks[i].key, config->hooks[i].key, RELAY_TARGET_BYTES);
  relay_slow_init(&r->slow, config->seed);
  relay_limits_init(r);
  r->batch_open = 1;
  r->change_number = 1;
  (void)relay_entropy(r, r->nonce_key, sizeof r->nonce_key);
  int result = relay_format_load(r);
  if (result == 0) result = relay_organizations_load(r);
  if (result == 0) result = relay_audit_load(r);
  if (result == 0) result = relay_accounts_load(r);
  if (result == 0) result = relay_pairings_load(r);
  if (result == 0) result = relay_invitations_load(r);
  if (result == 0) result = relay_sessions_load(r);
  if (result == 0) result = relay_outboxes_load(r);
  if (result == 0) result = relay_pushes_load(r);
  if (result == 0) result = relay_notices_load(r);
  if (result == 0) result = relay_messages_load(r);
  if (result == 0) result = relay_commands_prune(r, config->wall_ms);
  if (result != 0) {
    relay_close(r);
    return result;
  }
  *out = r;
  return 0;
}

void relay_close(relay *r) {
  while (r->connections != NULL) relay_disconnect(r->connections, 1, r->config.wall_ms);
  relay_messages_free(r);
  relay_pushes_free(r);
  relay_sessions_free(r);
  relay_accounts_free(r);
  relay_limits_free(r);
  relay_organizations_free(r);
  relay_pairings_free(r);
  relay_invitations_free(r);
  relay_free(r, r->nonces);
  r->config.allocator.free(r->config.allocator.user, r);
}

/* ---- events ---- */

typedef void channel_handler(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                             uint64_t wall_ms);

static void on_closed(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                      uint64_t wall_ms) {
  (void)event;
  relay_channel_free(ch, now_ns, wall_ms);
}

static void on_tail(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                    uint64_t wall_ms) {
  (void)wall_ms;
  relay_on_events_tail(ch, event, now_ns);
}

static void on_info(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                    uint64_t wall_ms) {
  relay_on_info(ch, event->frame.payload, now_ns, wall_ms);
}

static void on_acked(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                     uint64_t wall_ms) {
  (void)wall_ms;
  relay_on_commands_acked(ch, event->frame.offset, now_ns);
}

/* Which event means something on which kind of channel. What has no entry is ignored: a reader's
 * ACK of events, for one, is not kept; it says where it wants to go on when it comes back. */
static channel_handler *channel_handler_of(relay_channel_kind kind, lrm_link_event_type type) {
  switch (type) {
    case LRM_LINK_EVENT_CLOSED:
      return on_closed;
    case LRM_LINK_EVENT_BLOCK:
      if (kind == CHANNEL_EVENTS_PUBLISH) return relay_on_events_block;
      return kind == CHANNEL_COMMANDS_PUBLISH ? relay_on_command_block : NULL;
    case LRM_LINK_EVENT_TAIL:
      return kind == CHANNEL_EVENTS_PUBLISH ? on_tail : NULL;
    case LRM_LINK_EVENT_INFO:
      return kind == CHANNEL_EVENTS_PUBLISH ? on_info : NULL;
    case LRM_LINK_EVENT_ACKED:
      return kind == CHANNEL_COMMANDS_READ ? on_acked : NULL;
    default:
      return NULL;
  }
}

/* The link itself ended it: what it said counts like what the relay says. */
static void count_goodbye(relay_connection *c, const lrm_link_event *event) {
  if (event->type != LRM_LINK_EVENT_GOAWAY_SENT || event->problem == NULL) return;
  relay_refused(c->relay, event->problem->code);
  if (event->problem->code == LRM_CODE_SLOW_DOWN) relay_limit_reached(c->relay, LIMIT_FRAMES);
}

static void log_goodbye(relay_connection *c, const lrm_link_event *event) {
  const char *said = event->type == LRM_LINK_EVENT_GOAWAY        ? "peer.goaway"
                     : event->type == LRM_LINK_EVENT_GOAWAY_SENT ? "relay.goaway"
                                                                 : "peer.silent";
  uint32_t code = event->problem != NULL ? event->problem->code : LRM_CODE_HEARTBEAT;
  relay_log(c->relay, code >= 4000 ? RELAY_WARNING : RELAY_INFO, said, "peer", c->peer, "device",
            c->device, "code", lrm_code_name(code), "detail",
            event->type == LRM_LINK_EVENT_GOAWAY_SENT ? lrm_link_error_detail(c->link) : "", NULL);
}

void relay_event(relay_connection *c, const lrm_link_event *event, uint64_t now_ns,
                 uint64_t wall_ms) {
  if (c->state == CONNECTION_ENDED) return;
  switch (event->type) {
    case LRM_LINK_EVENT_HELLO:
      relay_hello(c, event->hello, now_ns, wall_ms);
      return;
    case LRM_LINK_EVENT_OPEN:
      relay_on_open(c, event, now_ns, wall_ms);
      return;
    case LRM_LINK_EVENT_REQUEST:
      relay_on_request(c, event->frame.payload, now_ns, wall_ms);
      return;
    case LRM_LINK_EVENT_GOAWAY:
    case LRM_LINK_EVENT_GOAWAY_SENT:
    case LRM_LINK_EVENT_SILENT:
      count_goodbye(c, event);
      log_goodbye(c, event);
      relay_end_connection(c, LRM_CODE_NORMAL, "", 0, now_ns, wall_ms);
      return;
    default:
      break;
  }
  relay_channel *ch = relay_channel_find(c, event->channel);
  if (ch == NULL) return; /* closed by us a moment ago */
  channel_handler *handler = channel_handler_of(ch->kind, event->type);
  if (handler != NULL) handler(ch, event, now_ns, wall_ms);
}

static void frame_of_block(const lrm_block *block, lrm_frame *frame) {
  frame->type = LRM_FRAME_BLOCK;
  frame->offset = block->offset;
  frame->count = block->count;
  frame->flags = block->flags;
  frame->inflated_bytes = block->inflated_bytes;
  frame->part = block->part;
  frame->parts = block->parts;
  frame->payload = block->payload;
}

/* One bad block must not brick a log: its readers jump to the first complete set behind it. Without
 * one, the host is asked to write one, and they come back. */
static int jump_over(relay_channel *ch, uint64_t offset, lrm_block *block, uint64_t now_ns) {
  enum { SETS_TRIED_MAX = 4 };
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  relay_log_session(r, RELAY_ERROR, "log.damaged", s, ch->connection,
                    "run remote-relay check; readers go on at the next snapshot");
  for (unsigned i = 0; i < SETS_TRIED_MAX; i++) {
    uint64_t set;
    int result = lrm_log_next_set(s->events, offset + 1, &set);
    if (result != 0 || set == LRM_OFFSET_NONE) break;
    if (lrm_log_read(s->events, set, block) == 0) return 0;
    offset = set;
  }
  if (s->publisher != NULL && s->publisher->state == CHANNEL_OPEN)
    relay_channel_close(s->publisher, LRM_CODE_TRIMMED, "the log is damaged: go on with a snapshot",
                        now_ns, s->activity_ms);
  return LRM_ERR_CORRUPT;
}

int relay_fetch(relay_connection *c, const lrm_link_want *want, lrm_frame *frame, uint64_t now_ns) {
  relay *r = c->relay;
  relay_channel *ch = relay_channel_find(c, want->channel);
  if (ch == NULL || ch->state != CHANNEL_OPEN) return LRM_ERR_NOT_FOUND;
  relay_session *s = ch->session;
  if (want->kind == LRM_WANT_TAIL) {
    if (s->tail_memory == NULL || s->tail.offset != want->offset) return LRM_ERR_NOT_FOUND;
    int result = lrm_tail_get(&s->tail, want->index, &frame->payload);
    if (result != 0) return result;
    frame->type = LRM_FRAME_TAIL;
    frame->offset = want->offset;
    frame->count = want->index;
    return 0;
  }
  lrm_log *log = ch->kind == CHANNEL_COMMANDS_READ ? s->commands : s->events;
  if (log == NULL) return LRM_ERR_NOT_FOUND;
  lrm_block block;
  int result = lrm_log_read(log, want->offset, &block);
  if (result == LRM_ERR_CORRUPT && ch->kind == CHANNEL_EVENTS_READ)
    result = jump_over(ch, want->offset, &block, now_ns);
  if (result == LRM_ERR_TRIMMED) {
    relay_channel_close(ch, LRM_CODE_TRIMMED, "this part of the log is no longer stored", now_ns,
                        s->activity_ms);
    return result;
  }
  if (result != 0) {
    if (result != LRM_ERR_NOT_FOUND) {
      relay_log_session(r, RELAY_ERROR, "log.read", s, c, lrm_error_text(result));
      relay_channel_close(ch, LRM_CODE_INTERNAL, "the relay cannot read its log", now_ns,
                          s->activity_ms);
    }
    return result;
  }
  frame_of_block(&block, frame);
  r->counted.blocks_out++;
  r->counted.block_bytes_out += block.payload.bytes;
  return 0;
}

void relay_drained(relay_connection *c, uint64_t now_ns, uint64_t wall_ms) {
  if (c->state == CONNECTION_ENDED) return;
  for (relay_channel *ch = c->channels, *next; ch != NULL; ch = next) {
    next = ch->next_of_connection;
    if (ch->state == CHANNEL_OPENING || ch->state == CHANNEL_ABSENT) continue;
    if (ch->kind == CHANNEL_COMMANDS_PUBLISH) relay_send_receipts(ch, now_ns);
    if (ch->status_due) relay_status_send(ch, now_ns, wall_ms);
    if (ch->info_due) relay_info_send(ch, now_ns);
  }
  relay_calls_pump(c, now_ns, wall_ms);
}

/* ---- store ---- */

void relay_frozen(relay *r) { r->batch_out = r->batch_open++; }

static void session_settled(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_channel *ch = s->channels, *next; ch != NULL; ch = next) {
    next = ch->next_of_session;
    if (ch->state == CHANNEL_OPENING) relay_channel_answer(ch, now_ns, wall_ms);
  }
  if (s->events != NULL) relay_events_settled(s, r, now_ns);
  if (s->commands != NULL) relay_commands_settled(s, r, now_ns);
}

uint64_t relay_commit_ticket(const relay *r) {
  return lrm_store_dirty(r->config.store) ? r->batch_open : r->batch_out;
}

bool relay_committed(const relay *r, uint64_t ticket) { return ticket <= r->batch_durable; }

void relay_settled(relay *r, int result, uint64_t now_ns, uint64_t wall_ms) {
  if (result != 0) {
    r->counted.commit_errors++;
    if (r->store_fault == 0) {
      relay_log(r, RELAY_ERROR, "store.failing", "error", lrm_error_text(result), "detail",
                result == LRM_ERR_DISK_FULL
                    ? "make room; nothing is acknowledged until then, connections stay"
                    : "nothing is acknowledged until a commit succeeds",
                NULL);
    }
    r->store_fault = result;
    return;
  }
  if (r->store_fault != 0) relay_log(r, RELAY_WARNING, "store.recovered", NULL);
  r->store_fault = 0;
  r->counted.commits++;
  r->batch_durable = r->batch_out;
  r->messages_due_ns = 0; /* some may go now */
  /* Sessions put themselves on the list again while something of them still waits. */
  relay_session *waiting = r->waiting;
  r->waiting = NULL;
  while (waiting != NULL) {
    relay_session *s = waiting;
    waiting = s->next_waiting;
    s->waiting = false;
    session_settled(s, r, now_ns, wall_ms);
  }
  if (r->commit_calls > 0) r->calls_dirty = true;
  relay_retention_step(r, now_ns);
}

/* ---- time ---- */

static void session_turn(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms) {
  relay_retention_count(s, r);
  if (s->grew) {
    s->grew = false;
    relay_events_fan_out(s, r, now_ns);
  }
  if (s->status_changed) {
    s->status_changed = false;
    for (relay_channel *ch = s->channels; ch != NULL; ch = ch->next_of_session) {
      if (ch->kind == CHANNEL_EVENTS_READ || ch->kind == CHANNEL_EVENTS_PUBLISH) {
        if (ch->state == CHANNEL_ABSENT) continue;
        ch->status_due = true;
        if (ch->state != CHANNEL_OPENING) relay_status_send(ch, now_ns, wall_ms);
      }
    }
  }
  if (s->list_changed) {
    s->list_changed = false;
    relay_session_changed(s, r);
    r->calls_dirty = true;
  }
}

void relay_second(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  relay_devices_expire(r, now_ns, wall_ms);
  relay_pairings_expire(r, now_ns, wall_ms);
  relay_invitations_expire(r, wall_ms);
}

bool relay_turn(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  if (r->between_count > 0) relay_between_expire(r, now_ns, wall_ms);
  relay_audit_turn(r, wall_ms);
  bool did = r->dirty != NULL || r->calls_dirty;
  while (r->dirty != NULL) {
    relay_session *s = r->dirty;
    r->dirty = s->next_dirty;
    s->dirty = false;
    session_turn(s, r, now_ns, wall_ms);
  }
  relay_notices_turn(r, now_ns, wall_ms);
  if (r->calls_dirty) {
    r->calls_dirty = false;
    for (relay_connection *c = r->connections; c != NULL; c = c->next) {
      if (c->calls != NULL) relay_calls_pump(c, now_ns, wall_ms);
    }
  }
  return did;
}

int relay_prune(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  int result = relay_retention_prune(r, now_ns, wall_ms);
  return result != 0 ? result : relay_commands_prune(r, wall_ms);
}

bool relay_prune_due(const relay *r) { return r->prune_due; }

void relay_drain(relay *r, uint64_t now_ns) {
  /* Spread, so that everybody does not come back in the same moment. */
  uint64_t spread_ms = 500 + 5u * (uint64_t)r->connections_count;
  uint64_t mix = r->config.seed | 1;
  for (relay_connection *c = r->connections; c != NULL; c = c->next) {
    if (c->state == CONNECTION_ENDED) continue;
    mix = mix * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    remote_v1_Problem problem = relay_problem(LRM_CODE_DRAIN, "the relay stops; come back");
    problem.retry_after_ms = 250 + (mix >> 33) % spread_ms;
    if (lrm_link_goaway(c->link, &problem, now_ns) == 0) relay_kick(c);
  }
}

relay_stats relay_stats_now(const relay *r) {
  relay_stats stats = r->counted;
  stats.connections = r->connections_count;
  stats.connections_unsigned = r->unsigned_count;
  stats.devices = r->devices_count;
  stats.login_failures = r->slow.failures;
  stats.log_bytes = r->bytes;
  stats.memory_bytes = r->memory_bytes;
  stats.store_failing = r->store_fault != 0;
  for (const relay_account *a = r->accounts; a != NULL; a = a->next) {
    stats.accounts++;
    stats.sessions += a->sessions;
  }
  for (size_t i = 0; i < r->buckets_count; i++) {
    for (const relay_session *s = r->buckets[i]; s != NULL; s = s->next_in_bucket) {
      stats.readers += s->readers;
      stats.tombstones += s->deleted;
      if (relay_host_attached(s)) stats.hosts_attached++;
    }
  }
  return stats;
}

void relay_each_session(const relay *r, void (*visit)(void *user, const relay_session_facts *facts),
                        void *user) {
  for (const relay_account *a = r->accounts; a != NULL; a = a->next) {
    for (const relay_session *s = a->newest; s != NULL; s = s->older) {
      if (s->deleted) continue;
      lrm_log_facts log = {.snapshot = LRM_OFFSET_NONE};
      if (s->events != NULL) log = lrm_log_facts_now(s->events);
      relay_session_facts facts = {.account = a->name,
                                   .id = s->id,
                                   .first = log.first,
                                   .end = log.end,
                                   .bytes = log.bytes,
                                   .snapshot = log.snapshot,
                                   .commands_waiting = s->waiting_count,
                                   .created_ms = s->created_ms,
                                   .activity_ms = s->activity_ms,
                                   .readers = s->readers,
                                   .host_attached = relay_host_attached(s)};
      visit(user, &facts);
    }
  }
}

int relay_store_fault(const relay *r) { return r->store_fault; }

bool relay_broken(const relay *r) { return r->broken; }

struct relay_slow *relay_slow_of(relay *r) {
  return &r->slow;
}

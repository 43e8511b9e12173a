/* Life of the host's side of a session: creation, time, and the end of each call, where what the
 * call said becomes a block and a transaction. */
#include <string.h>

#include "base/assert.h"
#include "session/host_internal.h"

/* ---- creation ---- */

static int copy_config(const lrm_host_config *config, lrm_host_config *out) {
  if (config == NULL || config->struct_bytes == 0) return LRM_ERR_USAGE;
  memset(out, 0, sizeof *out);
  size_t bytes = config->struct_bytes < sizeof *out ? config->struct_bytes : sizeof *out;
  memcpy(out, config, bytes);
  if (out->allocator.alloc == NULL || out->store == NULL || out->session == NULL ||
      lrm_id_none(&out->session_id))
    return LRM_ERR_USAGE;
  if (out->journal_bytes_max == 0) out->journal_bytes_max = LRM_JOURNAL_BYTES_MAX;
  return 0;
}

static int create_parts(lrm_host *host) {
  const lrm_allocator *allocator = &host->allocator;
  int result = lrm_view_create(allocator, &host->view);
  if (result == 0) result = lrm_arbiter_create(allocator, &host->arbiter);
  if (result == 0) result = lrm__inbox_create(allocator, &host->inbox);
  if (result == 0) result = lrm_block_builder_create(allocator, &host->builder);
  if (result == 0) result = lrm_block_builder_create(allocator, &host->cutter);
  if (result == 0)
    result = lrm_block_reader_create(allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &host->reader);
  if (result != 0) return result;
  lrm_arena_init(&host->redacted, allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  lrm_arena_init(&host->decoded, allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  lrm_arena_init(&host->action_memory, allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  host->streams = lrm__zalloc(allocator, LRM__STREAMS_MAX * sizeof *host->streams);
  host->tail_memory = lrm__zalloc(allocator, LRM_TAIL_BYTES_MAX);
  if (host->streams == NULL || host->tail_memory == NULL) return LRM_ERR_NO_MEMORY;
  lrm_tail_init(&host->tail, host->tail_memory, LRM_TAIL_BYTES_MAX);
  host->session = (Remote__V1__SessionStarted *)lrm__message_copy(&host->config.session->base,
                                                                  &host->allocator, &host->packed);
  return host->session == NULL ? LRM_ERR_NO_MEMORY : 0;
}

static int open_logs(lrm_host *host) {
  lrm_log_key key = {.account = 0, .session_id = host->config.session_id, .kind = 1};
  int result = lrm_store_log(host->store, &key, true, &host->events);
  if (result != 0) return result;
  key.kind = 2;
  result = lrm_store_log(host->store, &key, true, &host->steps);
  if (result != 0) return result;
  lrm_log_facts steps = lrm_log_facts_now(host->steps);
  if (!lrm_id_none(&steps.epoch)) return 0;
  /* The steps are this journal's own; any epoch will do. */
  return lrm_log_restart(host->steps, &host->config.session_id);
}

/* A journal without a past. */
static int begin(lrm_host *host) {
  host->epoch = lrm__random_id(&host->random);
  int result = lrm_log_restart(host->events, &host->epoch);
  if (result != 0) return result;
  host->epoch_step = lrm__host_step(host);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(SESSION_STARTED);
  event.session_started = host->session;
  return lrm__host_emit(host, &event);
}

static int open_journal(lrm_host *host) {
  int result = open_logs(host);
  if (result != 0) return result;
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  if (lrm_id_none(&facts.epoch)) {
    result = begin(host);
  } else {
    host->epoch = facts.epoch;
    result = lrm__host_replay(host);
    if (result == 0) result = lrm__host_recover(host);
  }
  if (result != 0) return result;
  uint32_t mode = host->config.remote_mode == 0 ? (uint32_t)MODE(OFF) : host->config.remote_mode;
  lrm__actor local;
  result = lrm__host_change_mode(host, mode, lrm__actor_local(&local), "");
  if (result == 0) result = lrm__host_update_status(host);
  host->snapshot_wanted = true;
  return result;
}

int lrm_host_create(const lrm_host_config *config, uint64_t wall_ms, uint64_t now_ns,
                    lrm_host **out) {
  *out = NULL;
  lrm_host_config copy;
  int result = copy_config(config, &copy);
  if (result != 0) return result;
  lrm_host *host = lrm__zalloc(&copy.allocator, sizeof *host);
  if (host == NULL) return LRM_ERR_NO_MEMORY;
  host->allocator = copy.allocator;
  host->config = copy;
  host->store = copy.store;
  host->random = (lrm__random){{copy.seed[0], copy.seed[1]}, 0};
  host->actions_end = &host->actions;
  host->first_block = true;
  host->mode = MODE(UNSPECIFIED);
  result = create_parts(host);
  if (result == 0) {
    lrm__host_enter(host, wall_ms, now_ns);
    result = lrm__host_leave(host, open_journal(host));
  }
  if (result != 0) {
    lrm_host_destroy(host);
    return result;
  }
  host->config.session = NULL;
  *out = host;
  return 0;
}

void lrm_host_destroy(lrm_host *host) {
  if (host == NULL) return;
  lrm__host_streams_free(host);
  lrm__host_actions_free(host);
  if (host->session != NULL) {
    ProtobufCAllocator memory = lrm__protobuf_allocator(&host->allocator);
    protobuf_c_message_free_unpacked(&host->session->base, &memory);
  }
  lrm_view_destroy(host->view);
  lrm_arbiter_destroy(host->arbiter);
  lrm__inbox_destroy(host->inbox);
  lrm_block_builder_destroy(host->builder);
  lrm_block_builder_destroy(host->cutter);
  lrm_block_reader_destroy(host->reader);
  if (host->redacted.allocator.alloc != NULL) lrm_arena_free(&host->redacted);
  if (host->decoded.allocator.alloc != NULL) lrm_arena_free(&host->decoded);
  if (host->action_memory.allocator.alloc != NULL) lrm_arena_free(&host->action_memory);
  lrm__buffer_free(&host->packed, &host->allocator);
  lrm__buffer_free(&host->packed_more, &host->allocator);
  lrm__release(&host->allocator, host->tail_memory);
  lrm_allocator allocator = host->allocator;
  lrm__release(&allocator, host);
}

/* ---- each call ---- */

/* A commit is under way when the store has nothing open and yet not everything is durable. Seen
 * here and not told by the caller, because whoever drives the store may freeze at any time. */
static bool commit_under_way(const lrm_host *host) {
  if (lrm_store_dirty(host->store)) return host->out;
  lrm_log_facts events = lrm_log_facts_now(host->events);
  lrm_log_facts steps = lrm_log_facts_now(host->steps);
  return events.durable < events.end || steps.durable < steps.end;
}

void lrm__host_enter(lrm_host *host, uint64_t wall_ms, uint64_t now_ns) {
  host->wall_ms = wall_ms;
  if (now_ns > host->now_ns) host->now_ns = now_ns;
  if (host->events != NULL && host->steps != NULL) host->out = commit_under_way(host);
}

/* While a commit is out, plain events gather: they could not be committed earlier anyway, and
 * make fewer and better compressed blocks. Whatever something waits for is closed at once: its
 * records lie in the store's open batch already, and must not be committed without their events. */
static bool may_gather(const lrm_host *host) {
  return host->out && !host->step_wanted && !host->put_done && !host->clear_wanted &&
         !host->first_block;
}

static bool snapshot_due(const lrm_host *host) {
  return host->snapshot_wanted || host->events_since_snapshot >= LRM_SNAPSHOT_EVENTS ||
         host->bytes_since_snapshot >= LRM_SNAPSHOT_BYTES;
}

static int finish_call(lrm_host *host) {
  int result = 0;
  if (host->queue_changed) result = lrm__host_queue_event(host);
  if (result == 0 && snapshot_due(host) && !host->gap) result = lrm__host_write_snapshot(host);
  if (result == 0 && !may_gather(host)) result = lrm__host_close_block(host, host->clear_wanted);
  if (result == 0 && host->step_wanted) result = lrm__host_append_step(host);
  return result;
}

int lrm__host_leave(lrm_host *host, int result) {
  int error = finish_call(host);
  host->step_wanted = host->put_done = host->clear_wanted = false;
  lrm__host_extend(host);
  lrm__host_send_info(host);
  if (result == 0) result = error != 0 ? error : host->unsaid;
  return result;
}

/* ---- who ---- */

lrm__actor *lrm__actor_local(lrm__actor *actor) {
  remote__v1__actor__init(&actor->actor);
  remote__v1__origin__init(&actor->origin);
  actor->actor.local = true;
  return actor;
}

/* `origin` is borrowed. */
lrm__actor *lrm__actor_origin(lrm__actor *actor, const lrm_origin *origin) {
  remote__v1__actor__init(&actor->actor);
  remote__v1__origin__init(&actor->origin);
  actor->origin.account = lrm__text(origin->account);
  actor->origin.device_id = lrm__id_data(&origin->device_id);
  actor->origin.device = lrm__text(origin->device);
  actor->origin.surface = lrm__text(origin->surface);
  actor->actor.origin = &actor->origin;
  return actor;
}

int lrm__host_notice(lrm_host *host, Remote__V1__NoticeLevel level, const char *topic,
                     const char *text) {
  char cut[1024];
  lrm__text_cut(cut, sizeof cut, text);
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  notice.level = level;
  notice.topic = lrm__text(topic);
  notice.text = cut;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(NOTICE);
  event.notice = &notice;
  return lrm__host_emit(host, &event);
}

/* ---- what the caller may look at ---- */

const Remote__V1__SessionState *lrm_host_state(const lrm_host *host) {
  return lrm_view_state(host->view);
}

lrm_position lrm_host_position(const lrm_host *host) {
  return (lrm_position){host->epoch, lrm__host_end(host)};
}

void lrm_host_on_event(lrm_host *host,
                       void (*seen)(void *user, const Remote__V1__Event *event, bool tail),
                       void *user) {
  host->seen = seen;
  host->seen_user = user;
}

void lrm_host_local_input(lrm_host *host, uint64_t wall_ms) {
  host->local_input_ms = wall_ms;
  host->info_changed = true;
}

bool lrm_host_published(const lrm_host *host) {
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  if (host->mode == MODE(OFF) && host->off_end != 0) {
    bool told = host->info_final || !host->publish.opened; /* lists say that it is off, too */
    return told && !host->gap && facts.durable >= host->off_end &&
           host->acknowledged >= host->off_end;
  }
  return !host->gap && lrm_block_builder_count(host->builder) == 0 && facts.durable == facts.end &&
         host->acknowledged == facts.end;
}

/* ---- store ---- */

typedef struct stale_records {
  const lrm_inbox *inbox;
  lrm_id ids[64];
  size_t count;
} stale_records;

static bool find_stale(void *user, lrm_slice key, lrm_slice value) {
  stale_records *stale = user;
  lrm_id id;
  (void)value;
  if (key.bytes != sizeof id.bytes) return true;
  memcpy(id.bytes, key.data, sizeof id.bytes);
  if (lrm__inbox_find(stale->inbox, &id) == NULL) stale->ids[stale->count++] = id;
  return stale->count < 64;
}

/* Records whose removal could not be journalled: a local prompt that was given to the agent must
 * not be found waiting after a restart. */
static int remove_stale(lrm_host *host) {
  for (;;) {
    stale_records stale = {.inbox = host->inbox};
    int result = lrm_store_each(host->store, LRM__SPACE_COMMANDS, find_stale, &stale);
    if (result != 0 || stale.count == 0 || host->gap) return result;
    for (size_t i = 0; i < stale.count; i++) {
      result = lrm__host_remove(host, LRM__SPACE_COMMANDS,
                                (lrm_slice){stale.ids[i].bytes, sizeof stale.ids[i].bytes});
      if (result != 0) return result;
    }
  }
}

static int leave_gap(lrm_host *host) {
  lrm_block_builder_reset(host->builder);
  int removed = remove_stale(host);
  if (removed != 0) return removed;
  /* What finished meanwhile is remembered before the rest becomes UNKNOWN. */
  for (lrm_inbox_item *item = lrm__inbox_each(host->inbox, NULL); item != NULL;
       item = lrm__inbox_each(host->inbox, item)) {
    if (!item->unsaved) continue;
    int result = lrm__host_save(host, item);
    if (result != 0) return result;
  }
  int result = lrm__host_save_position(host);
  if (result != 0) return result;
  return lrm__host_new_epoch(host,
                             "the journal could not be written for a while: events of that time "
                             "are missing from the history");
}

static int recover_from_gap(lrm_host *host) {
  host->gap = false;
  int result = leave_gap(host);
  /* The epoch that has the hole must not go on: the next time, then. */
  if (result != 0) host->gap = true;
  return result;
}

static int settled(lrm_host *host) {
  int result = 0;
  if (host->gap) result = recover_from_gap(host);
  lrm__host_tail_settled(host, lrm__host_durable(host));
  if (result == 0) result = lrm__host_actions_expire(host);
  if (result == 0) result = lrm__host_acknowledge(host);
  if (result == 0) result = lrm__host_open_channels(host);
  if (result == 0) result = lrm__host_trim(host);
  if (result == 0) result = lrm__host_process(host);
  return result;
}

int lrm_host_settled(lrm_host *host, uint64_t wall_ms, uint64_t now_ns) {
  host->out = false;
  lrm__host_enter(host, wall_ms, now_ns);
  if (host->fenced) return lrm__host_leave(host, 0);
  host->store_error = 0;
  return lrm__host_leave(host, settled(host));
}

static int told_failed(lrm_host *host, int error) {
  if (error == LRM_ERR_FENCED) {
    host->fenced = true;
    return lrm__host_stop(host, 0, "another process writes this session's journal");
  }
  return lrm__host_notice(host, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "journal",
                          error == LRM_ERR_DISK_FULL
                              ? "the disk is full: remote control pauses until there is room"
                              : "the journal cannot be written: remote control pauses");
}

void lrm_host_store_failed(lrm_host *host, int error) {
  bool first = host->store_error == 0;
  host->store_error = error == 0 ? LRM_ERR_STORE : error;
  host->out = false;
  if (!first && error != LRM_ERR_FENCED) return;
  if (host->fenced) return;
  /* Out of memory is the only thing that can go wrong here; the next call says so. */
  host->unsaid = lrm__host_leave(host, told_failed(host, error));
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t lrm_host_deadline(const lrm_host *host) {
  uint64_t due = lrm__host_clear_deadline(host);
  due = earlier(due, lrm__host_asks_deadline(host));
  due = earlier(due, lrm__host_info_deadline(host));
  due = earlier(due, lrm__host_devices_deadline(host));
  due = earlier(due, lrm__host_attachments_deadline(host));
  return earlier(due, lrm__host_link_deadline(host));
}

static int expire(lrm_host *host) {
  int result = 0;
  if (host->now_ns >= lrm__host_clear_deadline(host)) result = lrm__host_clear(host);
  if (result == 0) result = lrm__host_expire_asks(host);
  if (result == 0) result = lrm__host_expire_devices(host);
  if (result == 0) result = lrm__host_expire_attachments(host);
  if (result == 0) result = lrm__host_open_channels(host);
  return result;
}

int lrm_host_expire(lrm_host *host, uint64_t wall_ms, uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, expire(host));
}

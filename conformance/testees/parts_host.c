/* Role HOST: lrm_host on a journal, driven as tools/cli/host drives it, without an agent process:
 * the runner is the agent. */
#include "parts_host.h"

#include <string.h>

#include "parts_json.h"
#include "remote/v1/event.pb-c.h"

#define PUBLISH_NS (3ull * 1000000000ull) /* a host that ends waits this long for the relay */

static uint64_t wall(const host_testee *h) { return parts_wall_ms(h->p); }

/* ---- link ---- */

static void stopped(host_testee *h, uint32_t code) {
  parts_tell(h->p, "stopped", json_pack("{sI}", "code", (json_int_t)code));
}

static void on_event(void *user, const lrm_link_event *event) {
  host_testee *h = user;
  bool over = event->type == LRM_LINK_EVENT_REFUSED || event->type == LRM_LINK_EVENT_GOAWAY ||
              event->type == LRM_LINK_EVENT_GOAWAY_SENT;
  if (over && event->problem != NULL && !lrm_code_reconnects(event->problem->code))
    stopped(h, event->problem->code);
  int result = lrm_host_link_event(h->host, event, wall(h), h->p->now_ns);
  if (result != 0 && lrm_error_class(result) != LRM_ERROR_PEER) PARTS_MUST(result);
}

static int on_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  host_testee *h = user;
  return lrm_host_fetch(h->host, want, frame);
}

static void on_down(void *user) {
  host_testee *h = user;
  lrm_host_link_down(h->host);
}

static const wire_ops ops = {on_event, on_fetch, NULL, on_down};

static void drop_link(host_testee *h) {
  if (h->link == NULL) return;
  h->link_generation = lrm_link_generation(h->link);
  lrm_host_attach_link(h->host, NULL);
  wire_destroy(h->wire);
  lrm_link_destroy(h->link);
  h->wire = NULL;
  h->link = NULL;
  h->closing = false;
}

void host_link_open(host_testee *h) {
  if (h->link != NULL && (h->closing || lrm_link_state_now(h->link) == LRM_LINK_DEAD)) drop_link(h);
  if (h->link != NULL) return;
  lrm_link_config config = {
      .struct_bytes = sizeof config,
      .side = LRM_SIDE_CONNECTING,
      .allocator = lrm_allocator_default(),
      .seed = parts_random(h->p),
      .grease = true,
      .credit_window_bytes = (uint32_t)parts_number(h->p->config, "window_bytes", 0),
      .link_id = h->link_id,
      .role = remote_v1_Role_ROLE_HOST,
      .token = parts_text(h->p->config, "token", ""),
      .agent = "testee-parts",
      .generation = h->link_generation};
  PARTS_MUST(lrm_link_create(&config, &h->link));
  lrm_host_attach_link(h->host, h->link);
  h->wire = wire_make(h->p, h->link, true, &ops, h);
}

void host_link_close(host_testee *h) {
  if (h->link == NULL || h->closing) return;
  h->closing = true;
  h->close_ns = h->p->now_ns + (wire_up(h->wire) ? PUBLISH_NS : 0);
}

static bool close_when_published(host_testee *h) {
  if (!h->closing) return false;
  if (wire_stopped(h->wire)) {
    drop_link(h);
    return true;
  }
  bool out = lrm_host_published(h->host) || h->p->now_ns >= h->close_ns;
  if (!out || h->close_ns == UINT64_MAX) return false;
  h->close_ns = UINT64_MAX;
  wire_stop(h->wire, LRM_CODE_NORMAL);
  return true;
}

/* ---- journal ---- */

static void tell_block(host_testee *h, const lrm_block *block) {
  if (lrm_block_reader_begin(h->reader, block->flags, block->count, block->inflated_bytes,
                             block->payload) != 0)
    parts_die("a block of the journal cannot be read");
  lrm_slice message;
  for (uint64_t offset = block->offset; lrm_block_reader_next(h->reader, &message); offset++) {
    if (offset < h->told.offset) continue;
    Remote__V1__Event *event = remote__v1__event__unpack(NULL, message.bytes, message.data);
    if (event == NULL) parts_die("an event of the journal cannot be read");
    parts_tell(h->p, "event", json_of_message(&event->base));
    remote__v1__event__free_unpacked(event, NULL);
  }
}

/* What has become durable is told, snapshots left out: when they come is the host's choice. */
static void tell_journalled(host_testee *h) {
  lrm_log_facts facts = lrm_log_facts_now(h->events);
  if (!lrm_id_equal(&facts.epoch, &h->told.epoch)) h->told = (lrm_position){facts.epoch, 0};
  if (h->told.offset < facts.first) h->told.offset = facts.first;
  while (h->told.offset < facts.durable) {
    lrm_block block;
    PARTS_MUST(lrm_log_read(h->events, h->told.offset, &block));
    if ((block.flags & LRM_FLAG_SNAPSHOT) == 0) tell_block(h, &block);
    h->told.offset = block.offset + block.count;
  }
}

static bool commit(host_testee *h) {
  if (h->held || h->fenced || !lrm_store_dirty(h->store)) return false;
  int result = lrm_store_commit(h->store);
  if (result != 0) {
    h->fenced = result == LRM_ERR_FENCED;
    lrm_host_store_failed(h->host, result);
    return true;
  }
  tell_journalled(h);
  PARTS_MUST(lrm_host_settled(h->host, wall(h), h->p->now_ns));
  return true;
}

/* ---- life ---- */

static uint32_t mode_of(const parts *p) {
  json_t *mode = json_object_get(p->config, "remote_mode");
  if (mode == NULL) return REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL;
  int value = json_enum(&remote__v1__remote_mode__descriptor, mode);
  if (value < 0) parts_die("no such remote_mode");
  return (uint32_t)value;
}

static void *begin(parts *p) {
  host_testee *h = calloc(1, sizeof *h);
  if (h == NULL) parts_die("no memory");
  h->p = p;
  h->auto_finish = true;
  parts_random_id(p, h->link_id.bytes);
  lrm_allocator allocator = lrm_allocator_default();
  PARTS_MUST(lrm_block_reader_create(&allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &h->reader));
  h->store = parts_disk_open(&p->disk);
  static char title[] = "a session of the suite", agent[] = "suite";
  Remote__V1__SessionStarted session = REMOTE__V1__SESSION_STARTED__INIT;
  session.interactive = true;
  session.title = title;
  session.agent = agent;
  session.can_steer = parts_flag(p->config, "can_steer", false);
  lrm_host_config config = {
      .struct_bytes = sizeof config,
      .allocator = allocator,
      .store = h->store,
      .session_id = parts_id(p->config, "session_id"),
      .seed = {parts_random(p), parts_random(p)},
      .session = &session,
      .created_ms = wall(h),
      .remote_mode = mode_of(p),
      .resume = p->begun > 0,
      .elevates_mode = host_elevates_mode,
      .slash_known = host_slash_known,
      .slash_allowed = host_slash_allowed,
      .user = h,
      .journal_bytes_max = parts_number(p->config, "journal_bytes_max", 0),
  };
  PARTS_MUST(lrm_store_claim(h->store, wall(h), &config.writer_generation));
  lrm_log_key key = {.account = 0, .session_id = config.session_id, .kind = 1};
  PARTS_MUST(lrm_store_log(h->store, &key, true, &h->events));
  lrm_log_facts facts = lrm_log_facts_now(h->events);
  h->told = (lrm_position){facts.epoch, facts.durable};
  PARTS_MUST(lrm_host_create(&config, wall(h), p->now_ns, &h->host));
  if (p->begun == 0) host_announce(h);
  PARTS_MUST(
      lrm_host_set_agent_ready(h->host, parts_flag(p->config, "ready", true), wall(h), p->now_ns));
  if (config.remote_mode != REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF) host_link_open(h);
  return h;
}

static void die(void *self) {
  host_testee *h = self;
  if (h->link != NULL) drop_link(h);
  lrm_host_destroy(h->host);
  lrm_block_reader_destroy(h->reader);
  lrm_store_close(h->store);
  free(h);
}

/* ---- a turn ---- */

static bool turn(void *self) {
  host_testee *h = self;
  bool any = h->wire != NULL && wire_turn(h->wire);
  any = commit(h) || any;
  any = host_take_actions(h) || any;
  return close_when_published(h) || any;
}

static uint64_t deadline(void *self) {
  host_testee *h = self;
  uint64_t due_ns = lrm_host_deadline(h->host);
  if (h->wire != NULL && wire_deadline(h->wire) < due_ns) due_ns = wire_deadline(h->wire);
  if (h->closing && h->close_ns < due_ns) due_ns = h->close_ns;
  return due_ns;
}

static void expire(void *self) {
  host_testee *h = self;
  if (h->wire != NULL) wire_expire(h->wire);
  if (lrm_host_deadline(h->host) <= h->p->now_ns)
    PARTS_MUST(lrm_host_expire(h->host, wall(h), h->p->now_ns));
}

const parts_role parts_host = {.number = 5,
                               .connects = true,
                               .begin = begin,
                               .die = die,
                               .turn = turn,
                               .deadline = deadline,
                               .expire = expire,
                               .act = host_act};

/* The host on a link: publishes EVENTS, reads COMMANDS, notices that history has forked. */
#include <string.h>

#include "base/assert.h"
#include "session/host_internal.h"

/* ---- channels ---- */

static void fill_id(uint8_t *bytes, pb_size_t *size, const lrm_id *id) {
  *size = lrm_id_none(id) ? 0 : 16;
  memcpy(bytes, id->bytes, 16);
}

static lrm_id read_id(const uint8_t *bytes, pb_size_t size) {
  lrm_id id;
  if (lrm_id_from(bytes, size, &id) != 0) memset(&id, 0, sizeof id);
  return id;
}

static void describe(const lrm_host *host, remote_v1_SessionDescription *out) {
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  const Remote__V1__SessionStarted *session =
      state->session != NULL ? state->session : host->session;
  lrm__text_cut(out->title, sizeof out->title, session->title);
  lrm__text_cut(out->repository, sizeof out->repository, session->repository);
  lrm__text_cut(out->branch, sizeof out->branch, session->branch);
  size_t bytes =
      session->cwd.len < sizeof out->cwd.bytes ? session->cwd.len : sizeof out->cwd.bytes;
  if (bytes != 0) memcpy(out->cwd.bytes, session->cwd.data, bytes);
  out->cwd.size = (pb_size_t)bytes;
  lrm__text_cut(out->host, sizeof out->host, session->host);
  lrm__text_cut(out->os, sizeof out->os, session->os);
  lrm__text_cut(out->agent, sizeof out->agent, session->agent);
  lrm__text_cut(out->agent_version, sizeof out->agent_version, session->agent_version);
  out->headless = session->headless;
  out->created_ms = host->config.created_ms;
}

static void open_common(const lrm_host *host, remote_v1_Open *open) {
  fill_id(open->session_id.bytes, &open->session_id.size, &host->config.session_id);
  open->writer_generation = host->config.writer_generation;
}

static int open_publish(lrm_host *host) {
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  remote_v1_Open open = remote_v1_Open_init_zero;
  open_common(host, &open);
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_PUBLISH;
  fill_id(open.epoch.bytes, &open.epoch.size, &host->epoch);
  open.next = facts.durable;
  open.first_retained = facts.first;
  open.has_description = true;
  describe(host, &open.description);
  host->publish.offered = facts.first;
  host->told = false;
  host->confirmed = false;
  host->info_sent_ns = 0;
  host->info_changed = true;
  return lrm_link_open(host->link, &open, 0, &host->publish.number, host->now_ns);
}

static int open_commands(lrm_host *host) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  open_common(host, &open);
  open.log = remote_v1_Log_LOG_COMMANDS;
  open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.start = remote_v1_Start_START_RESUME;
  fill_id(open.epoch.bytes, &open.epoch.size, &host->commands_at.epoch);
  open.next = host->commands_at.offset;
  host->synced = false;
  host->acks_count = 0;
  return lrm_link_open(host->link, &open, 0, &host->commands.number, host->now_ns);
}

/* What is announced must be committed: the epoch, and the place to begin at. */
static bool publish_ready(const lrm_host *host) {
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  return lrm__host_step_durable(host, host->epoch_step) && facts.durable > 0 &&
         facts.durable >= facts.first;
}

static bool wants_link(const lrm_host *host) {
  return host->link != NULL && host->welcome && host->stopped == 0 && !host->fenced && !host->gap &&
         host->store_error == 0;
}

static void try_later(lrm_host *host, lrm__host_channel *channel) {
  channel->number = 0;
  if (channel->backoff_ns == 0) channel->backoff_ns = LRM__REOPEN_NS_MIN;
  channel->reopen_ns = host->now_ns + channel->backoff_ns;
  channel->backoff_ns *= 2;
  if (channel->backoff_ns > LRM__REOPEN_NS_MAX) channel->backoff_ns = LRM__REOPEN_NS_MAX;
}

static bool may_open(const lrm_host *host, const lrm__host_channel *channel) {
  return channel->number == 0 && channel->reopen_ns <= host->now_ns;
}

/* No room in the link now: later. Anything else would be our own mistake or a carrier that is
 * gone, which the next WELCOME mends. */
static void opening(lrm_host *host, lrm__host_channel *channel, int result) {
  channel->opened = false;
  if (result != 0) try_later(host, channel);
}

/* Off, but the relay has not heard all of it. */
static bool draining(const lrm_host *host) {
  return host->mode == MODE(OFF) && host->acknowledged < host->off_end;
}

int lrm__host_open_channels(lrm_host *host) {
  if (!wants_link(host)) return 0;
  bool on = host->mode == MODE(VIEW) || host->mode == MODE(CONTROL);
  if ((on || draining(host)) && may_open(host, &host->publish) && publish_ready(host))
    opening(host, &host->publish, open_publish(host));
  /* Publishing creates the session: before it there are no commands to read, only a NOT_FOUND
   * that would be taken for a deletion. */
  if (on && host->publish.number != 0 && may_open(host, &host->commands))
    opening(host, &host->commands, open_commands(host));
  return 0;
}

static void channel_gone(lrm__host_channel *channel) {
  channel->number = 0;
  channel->opened = false;
}

void lrm__host_close_channel(lrm_host *host, lrm__host_channel *channel, uint32_t code,
                             const char *reason) {
  if (channel->number == 0) return;
  if (host->link != NULL && host->welcome) {
    remote_v1_Problem problem = remote_v1_Problem_init_zero;
    problem.code = code;
    lrm__text_cut(problem.reason, sizeof problem.reason, reason);
    /* A link that cannot say so is on its way down. */
    int result = lrm_link_close(host->link, channel->number, &problem, 0, host->now_ns);
    (void)result;
  }
  channel_gone(channel);
}

uint64_t lrm__host_link_deadline(const lrm_host *host) {
  if (!wants_link(host)) return UINT64_MAX;
  uint64_t due = UINT64_MAX;
  const lrm__host_channel *channels[] = {&host->publish, &host->commands};
  for (size_t i = 0; i < 2; i++)
    if (channels[i]->number == 0 && channels[i]->reopen_ns > host->now_ns &&
        channels[i]->reopen_ns < due)
      due = channels[i]->reopen_ns;
  return due;
}

/* Only what is durable is published; tails when nothing before them is missing. */
void lrm__host_extend(lrm_host *host) {
  if (host->link == NULL || !host->publish.opened || host->gap) return;
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  lrm__host_tail_settled(host, facts.durable);
  uint64_t tail_offset = 0;
  uint32_t tail_count = 0;
  bool off = host->mode == MODE(OFF);
  if (off && facts.durable > host->off_end) facts.durable = host->off_end;
  if (!off && host->tail.offset != LRM_OFFSET_NONE && host->tail.offset <= facts.durable) {
    tail_offset = host->tail.offset;
    tail_count = host->tail_sendable;
  }
  if (host->told && host->told_end == facts.durable && host->told_tail_offset == tail_offset &&
      host->told_tail_count == tail_count)
    return;
  if (lrm_link_extend(host->link, host->publish.number, facts.durable, tail_offset, tail_count,
                      host->now_ns) != 0)
    return;
  host->told = true;
  host->told_end = facts.durable;
  host->told_tail_offset = tail_offset;
  host->told_tail_count = tail_count;
}

/* ---- stop ---- */

int lrm__host_stop(lrm_host *host, uint32_t code, const char *reason) {
  host->stopped = code != 0 ? code : (uint32_t)LRM_CODE_FENCED;
  lrm__host_close_channel(host, &host->publish, LRM_CODE_NORMAL, "");
  lrm__host_close_channel(host, &host->commands, LRM_CODE_NORMAL, "");
  host->confirmed = host->synced = false;
  lrm__action_spec spec = {.type = LRM_ACTION_RESTART_LINK, .reason = reason, .code = code};
  int result = lrm__host_act(host, &spec);
  if (result != 0 && result != LRM_ERR_BUSY) return result;
  result = lrm__host_notice(host, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "remote", reason);
  /* Another process has the session, and what waits here may wait there too: run once at most. */
  if (result == 0 && host->stopped == LRM_CODE_FENCED)
    result = lrm__host_give_up(host, "another process has this session");
  return result;
}

static const char *layer_name(remote_v1_Layer layer) {
  static const char *const names[] = {"",        "enterprise", "organization",
                                      "account", "session",    "device"};
  return (size_t)layer < sizeof names / sizeof *names ? names[layer] : "";
}

static void explain(const remote_v1_Problem *problem, char *out, size_t capacity) {
  const char *what = "remote control ended: ";
  const char *parts[] = {
      what, problem->reason[0] != '\0' ? problem->reason : lrm_code_name(problem->code),
      problem->layer != 0 ? " (decided by: " : "",
      problem->layer != 0 ? layer_name(problem->layer) : "", problem->layer != 0 ? ")" : ""};
  size_t at = 0;
  for (size_t i = 0; i < 5; i++) {
    lrm__text_cut(out + at, capacity - at, parts[i]);
    at += strlen(out + at);
  }
}

/* ---- events of the link ---- */

static int on_welcome(lrm_host *host, const remote_v1_Welcome *welcome) {
  host->relay_ms = welcome->server_time_ms;
  host->relay_said_ns = host->now_ns;
  channel_gone(&host->publish);
  channel_gone(&host->commands);
  host->publish.reopen_ns = host->commands.reopen_ns = 0;
  host->publish.backoff_ns = host->commands.backoff_ns = 0;
  host->confirmed = host->synced = false;
  host->welcome = welcome->has_principal;
  lrm__text_cut(host->account, sizeof host->account,
                welcome->has_principal ? welcome->principal.account : "");
  /* A person may have acted meanwhile; what another process or a deletion did stays done. */
  if (host->stopped != LRM_CODE_FENCED && host->stopped != LRM_CODE_NOT_FOUND) host->stopped = 0;
  return lrm__host_open_channels(host);
}

/* Has the relay something of this epoch that this journal did not write? */
static bool forked(lrm_host *host, const remote_v1_Opened *opened) {
  lrm_id epoch = read_id(opened->epoch.bytes, opened->epoch.size);
  if (opened->outcome == remote_v1_OpenOutcome_OPEN_OUTCOME_RESET) return true;
  if (!lrm_id_equal(&epoch, &host->epoch)) return true;
  if (opened->next > lrm__host_durable(host)) return true;
  if (opened->next == 0) return false;
  uint64_t writer = opened->last_writer_generation;
  /* It begins where we offered and holds nothing before: nobody there to compare. */
  if (writer == 0 && opened->next == host->publish.offered) return false;
  return !lrm_log_knows_writer(host->events, writer) ||
         writer < lrm_log_writer_of(host->events, opened->next - 1);
}

static void set_ceiling(lrm_host *host, remote_v1_Ceiling ceiling, remote_v1_Layer layer) {
  host->ceiling_view = ceiling != remote_v1_Ceiling_CEILING_CONTROL;
  host->ceiling_layer = host->ceiling_view ? (uint32_t)layer : 0;
}

static int on_publish_opened(lrm_host *host, const remote_v1_Opened *opened) {
  set_ceiling(host, opened->ceiling, opened->ceiling_layer);
  if (forked(host, opened))
    return lrm__host_new_epoch(host,
                               "the relay knows another past of this session: its history "
                               "goes on under a new epoch");
  if (opened->next < lrm_log_facts_now(host->events).first) {
    /* Trimmed since we offered. */
    lrm__host_close_channel(host, &host->publish, LRM_CODE_TRIMMED, "trimmed meanwhile");
    return lrm__host_open_channels(host);
  }
  host->publish.opened = true;
  host->publish.backoff_ns = 0;
  host->confirmed = true;
  int result = lrm__host_limit_queued(host);
  return result != 0 ? result : lrm__host_process(host);
}

/* When this call's records are durable. */
static void owe_ack(lrm_host *host, uint64_t next) {
  if (host->gap || next == 0) return;
  uint32_t last = host->acks_count;
  if (last == LRM__ACKS_MAX) last--;
  host->acks[last].next = next;
  host->acks[last].step = lrm__host_step(host);
  host->acks_count = last + 1;
}

static int on_commands_opened(lrm_host *host, const remote_v1_Opened *opened) {
  lrm_id epoch = read_id(opened->epoch.bytes, opened->epoch.size);
  host->commands.opened = true;
  host->commands.backoff_ns = 0;
  if (lrm_id_none(&epoch)) return 0;
  bool same = lrm_id_equal(&epoch, &host->commands_at.epoch);
  if (same && opened->next <= host->commands_at.offset) {
    /* Its ACK may have been lost: the relay would go on saying "not delivered". */
    owe_ack(host, opened->next);
    return 0;
  }
  /* Renumbered: what is known is known by its id. */
  host->commands_at = (lrm_position){epoch, opened->next};
  return lrm__host_save_position(host);
}

static int on_command_block(lrm_host *host, const lrm_link_event *event) {
  const lrm_frame *frame = &event->frame;
  int result = lrm_block_reader_begin(host->reader, frame->flags, frame->count,
                                      frame->inflated_bytes, frame->payload);
  if (result == LRM_ERR_NO_MEMORY) return result;
  uint32_t index = 0;
  lrm_slice message;
  /* A block that cannot be read is passed over: its commands have no id to answer to. */
  while (result == 0 && lrm_block_reader_next(host->reader, &message)) {
    if (index++ < event->skip_messages) continue;
    int error = lrm__host_receive(host, message.data, message.bytes);
    if (error != 0) return error;
  }
  uint64_t next = frame->offset + frame->count;
  if (next > host->commands_at.offset) host->commands_at.offset = next;
  result = lrm__host_save_position(host);
  if (result != 0 || host->gap) return result;
  owe_ack(host, next);
  if (lrm_link_consumed(host->link, host->commands.number, frame->payload.bytes, host->now_ns) != 0)
    return 0;
  return lrm__host_process(host);
}

/* Acknowledged is what is journalled and committed, never earlier. */
int lrm__host_acknowledge(lrm_host *host) {
  uint32_t done = 0;
  uint64_t next = 0;
  while (done < host->acks_count && lrm__host_step_durable(host, host->acks[done].step))
    next = host->acks[done++].next;
  if (done == 0) return 0;
  host->acks_count -= done;
  memmove(host->acks, host->acks + done, host->acks_count * sizeof *host->acks);
  if (host->link == NULL || !host->commands.opened) return 0;
  int result = lrm_link_ack(host->link, host->commands.number, next, host->now_ns);
  (void)result; /* a link on its way down: the next OPEN says where we are */
  return 0;
}

static int on_acked(lrm_host *host, uint64_t next) {
  if (next > lrm__host_durable(host)) return 0;
  if (next > host->acknowledged) host->acknowledged = next;
  return lrm__host_trim(host);
}

static int on_closed(lrm_host *host, lrm__host_channel *channel, const remote_v1_Problem *problem) {
  channel_gone(channel);
  if (channel == &host->publish) host->confirmed = false;
  if (channel == &host->commands) host->synced = false;
  /* The relay's log is over its limit and holds no set to trim it to: it comes back with one. */
  if (channel == &host->publish && problem->code == LRM_CODE_TRIMMED) host->snapshot_wanted = true;
  if (problem->code >= 3000) {
    char text[512];
    explain(problem, text, sizeof text);
    return lrm__host_stop(host, problem->code, text);
  }
  try_later(host, channel);
  if (problem->retry_after_ms != 0 &&
      problem->retry_after_ms < UINT64_MAX / NS_PER_MS - host->now_ns) {
    uint64_t wait = problem->retry_after_ms * NS_PER_MS;
    channel->reopen_ns = host->now_ns + wait;
  }
  return 0;
}

static int on_status(lrm_host *host, const remote_v1_LogStatus *status) {
  bool was_view = host->ceiling_view;
  set_ceiling(host, status->ceiling, status->ceiling_layer);
  int result = lrm__host_devices(host, status);
  if (result == 0 && host->ceiling_view && !was_view) result = lrm__host_limit_queued(host);
  return result == 0 && was_view != host->ceiling_view ? lrm__host_process(host) : result;
}

static int on_channel_event(lrm_host *host, const lrm_link_event *event) {
  bool publish = event->channel == host->publish.number;
  switch (event->type) {
    case LRM_LINK_EVENT_OPENED:
      return publish ? on_publish_opened(host, event->opened)
                     : on_commands_opened(host, event->opened);
    case LRM_LINK_EVENT_CLOSED:
      return on_closed(host, publish ? &host->publish : &host->commands, event->problem);
    case LRM_LINK_EVENT_ACKED:
      return publish ? on_acked(host, event->frame.offset) : 0;
    case LRM_LINK_EVENT_LOG_STATUS:
      return publish ? on_status(host, event->log_status) : 0;
    case LRM_LINK_EVENT_BLOCK:
      return publish ? 0 : on_command_block(host, event);
    case LRM_LINK_EVENT_SYNCED:
      if (publish) return 0;
      host->synced = true;
      return lrm__host_process(host);
    default:
      return 0;
  }
}

static int on_event(lrm_host *host, const lrm_link_event *event) {
  if (event->type == LRM_LINK_EVENT_WELCOME) return on_welcome(host, event->welcome);
  if (event->channel == 0) return 0;
  if (event->channel != host->publish.number && event->channel != host->commands.number) return 0;
  return on_channel_event(host, event);
}

int lrm_host_link_event(lrm_host *host, const lrm_link_event *event, uint64_t wall_ms,
                        uint64_t now_ns) {
  if (host->link == NULL) return 0;
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, on_event(host, event));
}

void lrm_host_link_down(lrm_host *host) {
  channel_gone(&host->publish);
  channel_gone(&host->commands);
  host->welcome = false;
  host->confirmed = host->synced = false;
  host->told = false;
  host->acks_count = 0;
}

void lrm_host_attach_link(lrm_host *host, lrm_link *link) {
  lrm_host_link_down(host);
  host->link = link;
  if (host->stopped != LRM_CODE_FENCED && host->stopped != LRM_CODE_NOT_FOUND) host->stopped = 0;
  host->publish.reopen_ns = host->commands.reopen_ns = 0;
  if (link == NULL || lrm_link_state_now(link) != LRM_LINK_LIVE) return;
  host->welcome = true;
  int result = lrm__host_open_channels(host);
  (void)result; /* never fails */
}

/* ---- serving ---- */

/* The relay has the beginning of this block: it gets the rest as a block of its own. */
static int cut_block(lrm_host *host, lrm_block *block, uint64_t offset) {
  int result = lrm_block_reader_begin(host->reader, block->flags, block->count,
                                      block->inflated_bytes, block->payload);
  if (result != 0) return result == LRM_ERR_NO_MEMORY ? result : LRM_ERR_CORRUPT;
  lrm_block_builder_reset(host->cutter);
  lrm_slice message;
  for (uint64_t at = block->offset; lrm_block_reader_next(host->reader, &message); at++) {
    if (at < offset) continue;
    result = lrm_block_builder_add(host->cutter, message.data, message.bytes);
    if (result != 0) return result;
  }
  lrm_block rest;
  result = lrm_block_builder_finish(host->cutter, true, &rest);
  if (result != 0) return result;
  rest.offset = offset;
  rest.flags |= block->flags & (uint32_t)~LRM_FLAG_COMPRESSED;
  rest.part = block->part;
  rest.parts = block->parts;
  *block = rest;
  return 0;
}

static int fetch_block(lrm_host *host, uint64_t offset, lrm_frame *frame) {
  lrm_block block;
  int result = lrm_log_read(host->events, offset, &block);
  if (result == LRM_ERR_TRIMMED) {
    /* What it waits for is gone: it begins anew where our journal does. */
    lrm__host_close_channel(host, &host->publish, LRM_CODE_TRIMMED, "trimmed meanwhile");
    host->publish.reopen_ns = 0;
    result = lrm__host_open_channels(host);
    return result != 0 ? result : LRM_ERR_NOT_FOUND;
  }
  if (result != 0) return result;
  if (block.offset + block.count > lrm__host_durable(host)) return LRM_ERR_NOT_FOUND;
  if (block.offset < offset) result = cut_block(host, &block, offset);
  if (result != 0) return result;
  memset(frame, 0, sizeof *frame);
  frame->type = LRM_FRAME_BLOCK;
  frame->offset = block.offset;
  frame->count = block.count;
  frame->flags = block.flags;
  frame->inflated_bytes = block.inflated_bytes;
  frame->part = block.part;
  frame->parts = block.parts;
  frame->payload = block.payload;
  return 0;
}

static int fetch_tail(lrm_host *host, const lrm_link_want *want, lrm_frame *frame) {
  if (want->offset != host->tail.offset || want->index >= host->tail_sendable)
    return LRM_ERR_NOT_FOUND;
  memset(frame, 0, sizeof *frame);
  frame->type = LRM_FRAME_TAIL;
  frame->offset = want->offset;
  frame->count = want->index;
  return lrm_tail_get(&host->tail, want->index, &frame->payload);
}

int lrm_host_fetch(lrm_host *host, const lrm_link_want *want, lrm_frame *frame) {
  if (host->publish.number == 0 || want->channel != host->publish.number) return LRM_ERR_NOT_FOUND;
  if (want->kind == LRM_WANT_TAIL) return fetch_tail(host, want, frame);
  return fetch_block(host, want->offset, frame);
}

/* ---- remote mode ---- */

int lrm__host_change_mode(lrm_host *host, uint32_t mode, const lrm__actor *by, const char *reason) {
  bool is_off = mode == MODE(OFF), was_off = host->mode == MODE(OFF) || host->mode == 0;
  bool fresh = host->mode == MODE(UNSPECIFIED);
  if (mode == host->mode || (fresh && is_off)) {
    host->mode = mode;
    return 0;
  }
  char cut[1024];
  lrm__text_cut(cut, sizeof cut, reason);
  union {
    const Remote__V1__Actor *in;
    Remote__V1__Actor *out;
  } actor = {.in = &by->actor};
  Remote__V1__RemoteModeChanged changed = REMOTE__V1__REMOTE_MODE_CHANGED__INIT;
  changed.mode = (Remote__V1__RemoteMode)mode;
  changed.by = actor.out;
  changed.reason = cut;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(REMOTE_MODE_CHANGED);
  event.remote_mode_changed = &changed;
  int result = lrm__host_emit(host, &event);
  if (result != 0) return result;
  host->mode = mode;
  host->ending_remote = false;
  host->info_final = false;
  host->off_end = 0;
  if (is_off) {
    /* Nothing that happens from now on leaves: the block ends here. */
    result = lrm__host_close_block(host, false);
    host->off_end = lrm_log_facts_now(host->events).end;
    if (result != 0) return result;
  }
  /* What comes from now on stays with the relay until remote control is on again. */
  if (is_off && !was_off)
    lrm__host_close_channel(host, &host->commands, LRM_CODE_NORMAL, "remote control is off");
  if (is_off) host->synced = false;
  return is_off ? 0 : lrm__host_limit_queued(host);
}

int lrm_host_set_remote_mode(lrm_host *host, uint32_t remote_mode, const char *reason,
                             uint64_t wall_ms, uint64_t now_ns) {
  if (remote_mode < (uint32_t)MODE(OFF) || remote_mode > (uint32_t)MODE(CONTROL))
    return LRM_ERR_USAGE;
  lrm__host_enter(host, wall_ms, now_ns);
  lrm__actor by;
  int result = lrm__host_change_mode(host, remote_mode, lrm__actor_local(&by), reason);
  if (result == 0 && remote_mode != (uint32_t)MODE(OFF)) {
    if (host->stopped != LRM_CODE_FENCED && host->stopped != LRM_CODE_NOT_FOUND) host->stopped = 0;
    result = lrm__host_open_channels(host);
    if (result == 0) result = lrm__host_process(host);
  }
  return lrm__host_leave(host, result);
}

int lrm_host_set_watch_only(lrm_host *host, bool watch_only, uint64_t wall_ms, uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  host->config.watch_only = watch_only;
  return lrm__host_leave(host, lrm__host_limit_queued(host));
}

/* ---- another session id ---- */

bool lrm_host_deleted(const lrm_host *host) { return host->stopped == LRM_CODE_NOT_FOUND; }

lrm_id lrm_host_session_id(const lrm_host *host) { return host->config.session_id; }

static int renew(lrm_host *host, const lrm_id *session_id) {
  lrm__host_close_channel(host, &host->publish, LRM_CODE_NORMAL, "");
  lrm__host_close_channel(host, &host->commands, LRM_CODE_NORMAL, "");
  host->confirmed = host->synced = false;
  host->config.session_id = *session_id;
  /* Nobody has anything of it: neither events of ours, nor commands for us. */
  host->acknowledged = host->off_end = 0;
  host->acks_count = 0;
  host->commands_at = (lrm_position){{{0}}, 0};
  static const uint8_t key[] = "session";
  int result = lrm__host_put(host, LRM__SPACE_META, (lrm_slice){key, sizeof key - 1},
                             (lrm_slice){session_id->bytes, sizeof session_id->bytes});
  if (result == 0) result = lrm__host_save_position(host);
  if (result == 0) result = lrm__host_give_up(host, "the session was deleted at the relay");
  host->stopped = 0;
  host->publish.reopen_ns = host->commands.reopen_ns = 0;
  host->publish.backoff_ns = host->commands.backoff_ns = 0;
  /* The relay must not hear of it before the journal has it. */
  host->epoch_step = lrm__host_step(host);
  return result;
}

int lrm_host_renew(lrm_host *host, const lrm_id *session_id, uint64_t wall_ms, uint64_t now_ns) {
  if (lrm_id_none(session_id) || lrm_id_equal(session_id, &host->config.session_id))
    return LRM_ERR_USAGE;
  if (host->fenced || host->stopped == LRM_CODE_FENCED) return LRM_ERR_STATE;
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, renew(host, session_id));
}

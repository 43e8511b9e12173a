/* A client's side of a session: life, channels, commands. */
#include "remote/client.h"

#include <string.h>

#include "remote/frame.h"
#include "session/client_internal.h"

/* ---- life ---- */

static int create_parts(lrm_client *client) {
  const lrm_allocator *allocator = &client->allocator;
  int result = lrm_view_create(allocator, &client->view);
  if (result == 0)
    result = lrm_block_reader_create(allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &client->reader);
  lrm_arena_init(&client->message, allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  lrm_arena_init(&client->ephemeral, allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  lrm__outbox_init(&client->outbox, allocator);
  return result;
}

int lrm_client_create(const lrm_client_config *config, lrm_client **out) {
  *out = NULL;
  if (config == NULL || config->struct_bytes == 0) return LRM_ERR_USAGE;
  lrm_client_config copy;
  memset(&copy, 0, sizeof copy);
  memcpy(&copy, config, config->struct_bytes < sizeof copy ? config->struct_bytes : sizeof copy);
  if (copy.allocator.alloc == NULL || copy.link == NULL || lrm_id_none(&copy.session_id) ||
      (copy.publish && lrm_id_none(&copy.link_id)))
    return LRM_ERR_USAGE;
  lrm_client *client = lrm__zalloc(&copy.allocator, sizeof *client);
  if (client == NULL) return LRM_ERR_NO_MEMORY;
  client->allocator = copy.allocator;
  client->config = copy;
  client->link = copy.link;
  client->random = (lrm__random){{copy.seed[0], copy.seed[1]}, 0};
  client->bad_offset = LRM_OFFSET_NONE;
  client->query_ns = UINT64_MAX;
  if (copy.start == remote_v1_Start_START_RESUME && !lrm_id_none(&copy.from.epoch)) {
    client->position = copy.from;
    client->positioned = true;
    client->complete = copy.from.offset == 0;
  }
  int result = create_parts(client);
  if (result != 0) {
    lrm_client_destroy(client);
    return result;
  }
  *out = client;
  if (lrm_link_state_now(client->link) != LRM_LINK_LIVE) return 0;
  /* The link takes no time that lies before its own: what was last heard will do. */
  client->now_ns = lrm_link_heard_ns(client->link);
  client->welcome = true;
  lrm__client_open(client);
  return 0;
}

void lrm_client_destroy(lrm_client *client) {
  if (client == NULL) return;
  lrm_view_destroy(client->view);
  lrm_block_reader_destroy(client->reader);
  if (client->message.allocator.alloc != NULL) lrm_arena_free(&client->message);
  if (client->ephemeral.allocator.alloc != NULL) lrm_arena_free(&client->ephemeral);
  lrm__outbox_free(&client->outbox);
  lrm__buffer_free(&client->packed, &client->allocator);
  lrm__buffer_free(&client->envelope, &client->allocator);
  lrm_allocator allocator = client->allocator;
  lrm__release(&allocator, client);
}

void lrm_client_detach(lrm_client *client) {
  lrm__client_close(client, &client->events, LRM_CODE_NORMAL, 0);
  lrm__client_close(client, &client->commands, LRM_CODE_NORMAL, 0);
  client->welcome = false;
}

/* ---- what is told ---- */

void lrm__client_tell(lrm_client *client, lrm_client_event_type type, uint64_t offset, bool reset) {
  if (client->notes_count == LRM__CLIENT_EVENTS_MAX) {
    /* Not drained after each link event: the oldest gives way. */
    client->notes_at = (client->notes_at + 1) % LRM__CLIENT_EVENTS_MAX;
    client->notes_count--;
  }
  size_t at = (client->notes_at + client->notes_count++) % LRM__CLIENT_EVENTS_MAX;
  client->notes[at] = (lrm__client_note){type, offset, reset};
}

static bool take_note(lrm_client *client, lrm_client_event *out) {
  if (client->notes_count == 0) return false;
  lrm__client_note note = client->notes[client->notes_at];
  client->notes_at = (client->notes_at + 1) % LRM__CLIENT_EVENTS_MAX;
  client->notes_count--;
  memset(out, 0, sizeof *out);
  out->type = note.type;
  out->offset = note.offset;
  out->reset = note.reset;
  if (note.type == LRM_CLIENT_TAIL) {
    out->event = client->tail;
    out->raw = client->tail_raw;
  }
  if (note.type == LRM_CLIENT_STATUS) out->status = &client->status;
  if (note.type == LRM_CLIENT_CLOSED) out->problem = &client->problem;
  if (note.type == LRM_CLIENT_INFO) out->info = client->info;
  if (note.type == LRM_CLIENT_UNREADABLE) {
    out->count = client->bad_count;
    out->code = client->bad_code;
  }
  return true;
}

bool lrm_client_next_event(lrm_client *client, lrm_client_event *event) {
  for (;;) {
    if (take_note(client, event)) return true;
    lrm_outbox_entry *entry = lrm__outbox_changed(&client->outbox);
    if (entry != NULL) {
      memset(event, 0, sizeof *event);
      event->type = LRM_CLIENT_COMMAND;
      event->command_id = entry->id;
      return true;
    }
    if (!client->in_block) return false;
    if (lrm__client_step(client, event)) return true;
  }
}

/* ---- channels ---- */

static void set_bytes(uint8_t *bytes, pb_size_t *size, const lrm_id *id) {
  *size = lrm_id_none(id) ? 0 : 16;
  memcpy(bytes, id->bytes, 16);
}

static int open_events(lrm_client *client) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  set_bytes(open.session_id.bytes, &open.session_id.size, &client->config.session_id);
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.until = client->config.until;
  if (client->positioned) {
    set_bytes(open.epoch.bytes, &open.epoch.size, &client->position.epoch);
    open.next = client->position.offset;
    open.start =
        client->start_snapshot ? remote_v1_Start_START_SNAPSHOT : remote_v1_Start_START_RESUME;
  } else {
    open.start = client->config.start != 0 ? (remote_v1_Start)client->config.start
                                           : remote_v1_Start_START_SNAPSHOT;
  }
  return lrm_link_open(client->link, &open, 0, &client->events.number, client->now_ns);
}

static int open_commands(lrm_client *client) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  set_bytes(open.session_id.bytes, &open.session_id.size, &client->config.session_id);
  open.log = remote_v1_Log_LOG_COMMANDS;
  open.direction = remote_v1_Direction_DIRECTION_PUBLISH;
  set_bytes(open.epoch.bytes, &open.epoch.size, &client->config.link_id);
  open.next = client->outbox.next;
  open.first_retained = client->outbox.first;
  return lrm_link_open(client->link, &open, 0, &client->commands.number, client->now_ns);
}

static void try_later(lrm_client *client, lrm__client_channel *channel, uint64_t wait_ms) {
  channel->number = 0;
  channel->opened = false;
  if (channel->backoff_ns == 0) channel->backoff_ns = LRM__CLIENT_REOPEN_NS_MIN;
  uint64_t wait_ns = channel->backoff_ns;
  if (wait_ms > wait_ns / 1000000 && wait_ms < UINT64_MAX / 2000000) wait_ns = wait_ms * 1000000;
  channel->reopen_ns = client->now_ns + wait_ns;
  channel->backoff_ns *= 2;
  if (channel->backoff_ns > LRM__CLIENT_REOPEN_NS_MAX)
    channel->backoff_ns = LRM__CLIENT_REOPEN_NS_MAX;
}

void lrm__client_open(lrm_client *client) {
  if (!client->welcome || client->done) return;
  if (client->events.number == 0 && client->events.reopen_ns <= client->now_ns) {
    if (open_events(client) != 0) try_later(client, &client->events, 0);
  }
  if (client->config.publish && client->commands.number == 0 &&
      client->commands.reopen_ns <= client->now_ns) {
    if (open_commands(client) != 0) try_later(client, &client->commands, 0);
  }
  if (client->query_ns <= client->now_ns) lrm__client_query(client);
}

void lrm__client_close(lrm_client *client, lrm__client_channel *channel, uint32_t code,
                       uint64_t offset) {
  if (channel->number == 0) return;
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  int result = lrm_link_close(client->link, channel->number, &problem, offset, client->now_ns);
  (void)result; /* a link on its way down needs no word */
  channel->number = 0;
  channel->opened = false;
}

void lrm_client_link_down(lrm_client *client) {
  client->welcome = false;
  client->events = client->commands = (lrm__client_channel){0};
  /* What was lent is gone; what was not folded comes again. */
  client->in_block = false;
  client->info = (lrm_slice){NULL, 0};
}

uint64_t lrm_client_deadline(const lrm_client *client) {
  if (!client->welcome || client->done) return UINT64_MAX;
  uint64_t due = UINT64_MAX;
  if (client->events.number == 0) due = client->events.reopen_ns;
  if (client->config.publish && client->commands.number == 0 && client->commands.reopen_ns < due)
    due = client->commands.reopen_ns;
  return client->query_ns < due ? client->query_ns : due;
}

void lrm_client_expire(lrm_client *client, uint64_t now_ns) {
  if (now_ns > client->now_ns) client->now_ns = now_ns;
  lrm__client_open(client);
}

/* ---- events of the link ---- */

static void on_closed(lrm_client *client, lrm__client_channel *channel,
                      const remote_v1_Problem *problem) {
  bool events = channel == &client->events;
  channel->number = 0;
  channel->opened = false;
  if (events && problem->code == LRM_CODE_NORMAL && client->config.until != 0) {
    client->done = true;
    lrm__client_tell(client, LRM_CLIENT_DONE, client->position.offset, false);
    lrm__client_close(client, &client->commands, LRM_CODE_NORMAL, 0);
    return;
  }
  client->problem = *problem;
  if (!lrm_code_reconnects(problem->code) || (client->config.until != 0 && problem->code >= 2000)) {
    /* A range that is gone stays gone. */
    channel->reopen_ns = UINT64_MAX;
    lrm__client_tell(client, LRM_CLIENT_CLOSED, 0, false);
    return;
  }
  lrm__client_tell(client, LRM_CLIENT_CLOSED, 0, false);
  /* The first time at once: 2001 says that the new epoch is there already. */
  if (channel->backoff_ns == 0 && problem->retry_after_ms == 0) {
    channel->backoff_ns = LRM__CLIENT_REOPEN_NS_MIN;
    channel->reopen_ns = 0;
    lrm__client_open(client);
    return;
  }
  try_later(client, channel, problem->retry_after_ms);
}

static void on_refusal(lrm_client *client, lrm_outbox_entry *entry,
                       const remote_v1_Problem *problem) {
  if (entry->state == LRM_COMMAND_DONE) return;
  bool own = entry->own, known = entry->refused;
  bool certain =
      lrm__outbox_refused(entry, problem->code, (uint32_t)problem->layer, problem->reason);
  if (own || certain) lrm__client_refusal_stands(client, entry);
  if (own)
    lrm__client_query_again(client);
  else if (!certain && !known)
    lrm__client_query(client);
}

/* Another process with this link_id has used our numbers, at a relay that had forgotten which of
 * the two was the newer: what it was sent there instead was dropped as known. All of it again, on
 * numbers behind; what the relay has is known to it by its id. */
static void number_behind(lrm_client *client) {
  lrm__outbox_renumber(&client->outbox, client->outbox.next);
  lrm__client_close(client, &client->commands, LRM_CODE_NORMAL, 0);
  /* Once at once; a relay that goes on so is left in peace for longer each time. */
  if (client->behind_wait_ns != 0) {
    client->commands.backoff_ns = client->behind_wait_ns;
    try_later(client, &client->commands, 0);
    client->behind_wait_ns = client->commands.backoff_ns;
    return;
  }
  client->behind_wait_ns = LRM__CLIENT_REOPEN_NS_MIN;
  client->commands.reopen_ns = 0;
  lrm__client_open(client);
}

static void on_receipt(lrm_client *client, uint64_t offset, const remote_v1_Receipt *receipt) {
  lrm_outbox_entry *entry = lrm__outbox_at(&client->outbox, offset);
  lrm_id id, epoch;
  if (entry == NULL || lrm_id_from(receipt->command_id.bytes, receipt->command_id.size, &id) != 0)
    return;
  if (!lrm_id_equal(&id, &entry->id)) {
    if (entry->state != LRM_COMMAND_DONE && !entry->stored) number_behind(client);
    return;
  }
  client->behind_wait_ns = 0;
  if (receipt->which_result == remote_v1_Receipt_problem_tag) {
    on_refusal(client, entry, &receipt->result.problem);
  } else if (receipt->which_result == remote_v1_Receipt_stored_tag) {
    const remote_v1_Stored *stored = &receipt->result.stored;
    if (lrm_id_from(stored->epoch.bytes, stored->epoch.size, &epoch) != 0) return;
    lrm__outbox_stored(&client->outbox, entry, (lrm_position){epoch, stored->offset});
    if (lrm_id_equal(&epoch, &client->commands_epoch))
      lrm__outbox_delivered(&client->outbox,
                            (lrm_position){epoch, client->status.commands_delivered});
  }
}

static void on_status(lrm_client *client, const remote_v1_LogStatus *status) {
  lrm_id epoch;
  client->status = *status;
  client->has_status = true;
  lrm__client_tell(client, LRM_CLIENT_STATUS, status->events_next, false);
  lrm__client_weigh(client, status);
  if (lrm_id_from(status->commands_epoch.bytes, status->commands_epoch.size, &epoch) != 0 ||
      lrm_id_none(&epoch))
    return;
  bool other =
      !lrm_id_none(&client->commands_epoch) && !lrm_id_equal(&epoch, &client->commands_epoch);
  client->commands_epoch = epoch;
  lrm__outbox_delivered(&client->outbox, (lrm_position){epoch, status->commands_delivered});
  if (!other || client->commands.number == 0 || client->outbox.first == client->outbox.next) return;
  /* The relay may have lost what it had: it says so when it is asked from first_retained on. */
  lrm__client_close(client, &client->commands, LRM_CODE_NORMAL, 0);
  client->commands.reopen_ns = 0;
  lrm__client_open(client);
}

/* Each command gets its receipt before the ACK that passes it (clause 3.20): one without was never
 * seen by the relay, which had our numbers filled by another process. */
static void on_acked(lrm_client *client, uint64_t next) {
  for (uint64_t at = client->outbox.first; at < client->outbox.next && at < next; at++) {
    const lrm_outbox_entry *entry = lrm__outbox_at(&client->outbox, at);
    if (entry->state == LRM_COMMAND_DONE || entry->stored || entry->refused) continue;
    number_behind(client);
    return;
  }
}

static void extend(lrm_client *client) {
  if (!client->commands.opened) return;
  int result = lrm_link_extend(client->link, client->commands.number, client->outbox.next, 0, 0,
                               client->now_ns);
  (void)result; /* a channel that is gone is opened again, and extended then */
}

static void on_commands_event(lrm_client *client, const lrm_link_event *event) {
  switch (event->type) {
    case LRM_LINK_EVENT_OPENED:
      client->commands.opened = true;
      client->commands.backoff_ns = 0;
      if (event->opened->next > client->outbox.next)
        lrm__outbox_renumber(&client->outbox, event->opened->next);
      extend(client);
      break;
    case LRM_LINK_EVENT_RECEIPT:
      on_receipt(client, event->frame.offset, event->receipt);
      break;
    case LRM_LINK_EVENT_ACKED:
      on_acked(client, event->frame.offset);
      break;
    case LRM_LINK_EVENT_CLOSED:
      on_closed(client, &client->commands, event->problem);
      break;
    default:
      break;
  }
}

static void on_events_event(lrm_client *client, const lrm_link_event *event) {
  switch (event->type) {
    case LRM_LINK_EVENT_OPENED:
      lrm__client_opened(client, event->opened);
      break;
    case LRM_LINK_EVENT_BLOCK:
      if (lrm_id_none(&client->offered)) client->events.backoff_ns = 0;
      lrm__client_block(client, event);
      break;
    case LRM_LINK_EVENT_TAIL:
      lrm__client_tail(client, event);
      break;
    case LRM_LINK_EVENT_SYNCED:
      if (lrm_id_none(&client->offered)) client->events.backoff_ns = 0;
      lrm__client_synced(client, event->frame.offset);
      break;
    case LRM_LINK_EVENT_LOG_STATUS:
      on_status(client, event->log_status);
      break;
    case LRM_LINK_EVENT_INFO:
      client->info = event->frame.payload;
      lrm__client_tell(client, LRM_CLIENT_INFO, 0, false);
      break;
    case LRM_LINK_EVENT_CLOSED:
      on_closed(client, &client->events, event->problem);
      break;
    default:
      break;
  }
}

static void on_welcome(lrm_client *client, const remote_v1_Welcome *welcome) {
  lrm_client_link_down(client);
  client->welcome = welcome->has_principal;
  lrm__client_open(client);
}

bool lrm_client_link_event(lrm_client *client, const lrm_link_event *event, uint64_t now_ns) {
  if (now_ns > client->now_ns) client->now_ns = now_ns;
  /* A block that was not drained is folded all the same; nobody hears of it. */
  lrm_client_event unheard;
  while (client->in_block) (void)lrm__client_step(client, &unheard);
  lrm__client_open(client);
  if (event->type == LRM_LINK_EVENT_WELCOME) {
    on_welcome(client, event->welcome);
    return false; /* other sessions of this link want it too */
  }
  if (event->channel == 0) return false;
  if (event->channel == client->events.number)
    on_events_event(client, event);
  else if (event->channel == client->commands.number)
    on_commands_event(client, event);
  else
    return false;
  return true;
}

int lrm_client_fetch(lrm_client *client, const lrm_link_want *want, lrm_frame *frame) {
  if (client->commands.number == 0 || want->channel != client->commands.number)
    return LRM_ERR_NOT_FOUND;
  lrm_outbox_entry *entry = lrm__outbox_at(&client->outbox, want->offset);
  if (want->kind != LRM_WANT_BLOCK || entry == NULL) {
    /* Trimmed since the relay's OPENED: it adopts first_retained when asked again. */
    if (want->offset < client->outbox.first) {
      lrm__client_close(client, &client->commands, LRM_CODE_TRIMMED, 0);
      lrm__client_open(client);
    }
    return LRM_ERR_NOT_FOUND;
  }
  memset(frame, 0, sizeof *frame);
  frame->type = LRM_FRAME_BLOCK;
  frame->offset = entry->offset;
  frame->count = 1;
  frame->payload = (lrm_slice){entry->payload, entry->payload_bytes};
  lrm__outbox_sent(&client->outbox, entry->offset);
  return 0;
}

/* ---- what may be looked at ---- */

const lrm_view *lrm_client_view(const lrm_client *client) { return client->view; }

lrm_position lrm_client_position(const lrm_client *client) { return client->position; }

const remote_v1_LogStatus *lrm_client_status(const lrm_client *client) {
  return client->has_status ? &client->status : NULL;
}

size_t lrm_client_pending(const lrm_client *client) { return client->outbox.pending; }

int lrm_client_command(const lrm_client *client, const lrm_id *command_id, lrm_command *out) {
  const lrm_outbox_entry *entry = lrm__outbox_find(&client->outbox, command_id);
  if (entry == NULL || entry->own) return LRM_ERR_NOT_FOUND;
  *out = (lrm_command){.command_id = entry->id,
                       .state = entry->state,
                       .outcome = entry->outcome,
                       .code = entry->code,
                       .layer = entry->layer,
                       .reason = entry->reason,
                       .full = entry->full};
  return 0;
}

/* ---- commands ---- */

static uint32_t class_of(const Remote__V1__Command *command) {
  switch (command->body_case) {
    case REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME:
    case REMOTE__V1__COMMAND__BODY_REQUEST_SNAPSHOT:
    case REMOTE__V1__COMMAND__BODY_PROBE:
      return remote_v1_CommandClass_COMMAND_CLASS_VIEW;
    default:
      return remote_v1_CommandClass_COMMAND_CLASS_CONTROL;
  }
}

/* Only cancel and steer grow stale: they mean the turn that the person sees. */
static uint64_t ttl_of(const Remote__V1__Command *command, uint64_t ttl_ms) {
  if (ttl_ms != 0) return ttl_ms;
  bool steers = command->body_case == REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT &&
                command->submit_prompt->delivery == REMOTE__V1__DELIVERY__DELIVERY_STEER;
  bool cancels = command->body_case == REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  return steers || cancels ? LRM__CLIENT_CANCEL_TTL_MS : 0;
}

static int pack_command(lrm_client *client, const Remote__V1__Command *command, lrm_slice *out) {
  int result = lrm__buffer_pack(&client->packed, &client->allocator, &command->base, out);
  if (result != 0) return result;
  if (out->bytes > LRM_MESSAGE_BYTES_MAX - 1024) return LRM_ERR_TOO_LARGE;
  lrm_preflight_limits limits = lrm_preflight_defaults(out->bytes);
  result = lrm_preflight(&lrm_schema_Command, out->data, out->bytes, &limits, NULL);
  if (result == LRM_ERR_LIMIT) return LRM_ERR_TOO_LARGE;
  return result == LRM_ERR_DECODE ? LRM_ERR_USAGE : result;
}

static int make_envelope(lrm_client *client, const Remote__V1__Command *command, uint64_t ttl_ms,
                         lrm_id *command_id, lrm_slice *out) {
  lrm_envelope envelope = {.command_id = lrm__random_id(&client->random),
                           .command_class = class_of(command),
                           .ttl_ms = ttl_of(command, ttl_ms),
                           .event_epoch = client->position.epoch};
  int result = pack_command(client, command, &envelope.command);
  if (result != 0) return result;
  size_t bytes = lrm_envelope_bytes(&envelope);
  result = lrm__buffer_reserve(&client->envelope, &client->allocator, bytes);
  if (result == 0)
    result =
        lrm_envelope_encode(&envelope, client->envelope.data, client->envelope.capacity, &bytes);
  *command_id = envelope.command_id;
  *out = (lrm_slice){client->envelope.data, bytes};
  return result;
}

static int submit(lrm_client *client, const Remote__V1__Command *command, uint64_t ttl_ms, bool own,
                  lrm_id *command_id) {
  if (!client->config.publish || lrm_id_none(&client->position.epoch)) return LRM_ERR_STATE;
  lrm_slice envelope;
  lrm_id id;
  int result = make_envelope(client, command, ttl_ms, &id, &envelope);
  lrm_outbox_entry *entry;
  if (result == 0)
    result = lrm__outbox_add(&client->outbox, &id, &client->position.epoch, envelope, own, &entry);
  if (result != 0) return result;
  *command_id = id;
  extend(client);
  return 0;
}

int lrm_client_submit(lrm_client *client, const Remote__V1__Command *command, uint64_t ttl_ms,
                      lrm_id *command_id, uint64_t now_ns) {
  memset(command_id, 0, sizeof *command_id);
  if (now_ns > client->now_ns) client->now_ns = now_ns;
  if (command->body_case == REMOTE__V1__COMMAND__BODY__NOT_SET) return LRM_ERR_USAGE;
  return submit(client, command, ttl_ms, false, command_id);
}

static void neutralise(lrm_client *client, lrm_outbox_entry *entry) {
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &probe;
  lrm_id id;
  lrm_slice envelope;
  int result = make_envelope(client, &command, 0, &id, &envelope);
  if (result == 0) result = lrm__outbox_replace(&client->outbox, entry, envelope);
  /* Without memory it keeps its body; a relay that knows its number never looks at it. */
  (void)result;
}

/* Its number must still be filled while commands before it are kept: a relay that has lost its
 * store would take the body for new, and perhaps not refuse it this time. A probe, which does
 * nothing, takes the number. */
void lrm__client_refusal_stands(lrm_client *client, lrm_outbox_entry *entry) {
  neutralise(client, entry);
  lrm__outbox_refusal_stands(&client->outbox, entry);
}

/* Questions of its own cost nothing when they cannot be asked: the next jump asks again. */
static void ask_own(lrm_client *client, const Remote__V1__Command *command) {
  lrm_id id;
  int result = submit(client, command, 0, true, &id);
  (void)result;
}

void lrm__client_query_again(lrm_client *client) {
  if (client->outbox.pending == 0) return;
  if (client->query_wait_ns < LRM__CLIENT_REOPEN_NS_MIN)
    client->query_wait_ns = LRM__CLIENT_REOPEN_NS_MIN;
  client->query_ns = client->now_ns + client->query_wait_ns;
  client->query_wait_ns *= 2;
  if (client->query_wait_ns > LRM__CLIENT_REOPEN_NS_MAX)
    client->query_wait_ns = LRM__CLIENT_REOPEN_NS_MAX;
}

void lrm__client_query(lrm_client *client) {
  client->query_ns = UINT64_MAX;
  ProtobufCBinaryData ids[64];
  Remote__V1__QueryOutcome query = REMOTE__V1__QUERY_OUTCOME__INIT;
  query.command_ids = ids;
  for (uint64_t i = client->outbox.first; i < client->outbox.next && query.n_command_ids < 64;
       i++) {
    const lrm_outbox_entry *entry = lrm__outbox_at(&client->outbox, i);
    if (entry != NULL && entry->state != LRM_COMMAND_DONE && !entry->own)
      ids[query.n_command_ids++] = lrm__id_data(&entry->id);
  }
  if (query.n_command_ids == 0) return;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME;
  command.query_outcome = &query;
  ask_own(client, &command);
}

void lrm__client_request_snapshot(lrm_client *client) {
  Remote__V1__RequestSnapshot request = REMOTE__V1__REQUEST_SNAPSHOT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_REQUEST_SNAPSHOT;
  command.request_snapshot = &request;
  ask_own(client, &command);
}

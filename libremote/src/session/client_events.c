/* A client reading: blocks into the view, tails over it, snapshots taken or skipped, outcomes
 * found. Source: docs/spec.md section 3, "Reading events". */
#include <string.h>

#include "remote/frame.h"
#include "session/client_internal.h"

static lrm_id epoch_of(const remote_v1_Opened *opened) {
  lrm_id epoch;
  if (lrm_id_from(opened->epoch.bytes, opened->epoch.size, &epoch) != 0)
    memset(&epoch, 0, sizeof epoch);
  return epoch;
}

/* ---- epochs that were left, clause 3.16.1 ---- */

static lrm_id *find_left(lrm_client *client, const lrm_id *epoch) {
  for (uint32_t i = 0; i < client->left_count && i < LRM__CLIENT_EPOCHS_LEFT; i++)
    if (lrm_id_equal(&client->left[i], epoch)) return &client->left[i];
  return NULL;
}

/* A relay that was put back to an older copy offers what it has until the host has come. */
static void ask_later(lrm_client *client) {
  lrm__client_channel *channel = &client->events;
  memset(&client->offered, 0, sizeof client->offered);
  lrm__client_close(client, channel, LRM_CODE_EPOCH, 0);
  if (channel->backoff_ns == 0) channel->backoff_ns = LRM__CLIENT_REOPEN_NS_MIN;
  channel->reopen_ns = client->now_ns + channel->backoff_ns;
  channel->backoff_ns *= 2;
  if (channel->backoff_ns > LRM__CLIENT_REOPEN_NS_MAX)
    channel->backoff_ns = LRM__CLIENT_REOPEN_NS_MAX;
}

/* When relay and host were both put back, the host publishes an epoch again that its readers have
 * left: then it is the session's history, and without it they would wait for ever. */
void lrm__client_weigh(lrm_client *client, const remote_v1_LogStatus *status) {
  if (lrm_id_none(&client->offered)) return;
  lrm_id epoch;
  bool known = lrm_id_from(status->events_epoch.bytes, status->events_epoch.size, &epoch) == 0;
  if (!known || !status->host_attached || !lrm_id_equal(&epoch, &client->offered)) {
    ask_later(client);
    return;
  }
  lrm_id *left = find_left(client, &epoch);
  if (left != NULL) memset(left, 0, sizeof *left);
  memset(&client->offered, 0, sizeof client->offered);
  lrm__client_close(client, &client->events, LRM_CODE_NORMAL, 0);
  client->events.reopen_ns = 0;
  lrm__client_open(client);
}

/* ---- where it goes on ---- */

/* The reader is moved: what it held does not lead to where it is now. */
static void jump(lrm_client *client, lrm_position to) {
  if (client->positioned && !lrm_id_equal(&client->position.epoch, &to.epoch) &&
      !lrm_id_none(&client->position.epoch))
    client->left[client->left_count++ % LRM__CLIENT_EPOCHS_LEFT] = client->position.epoch;
  lrm_view_reset(client->view);
  client->complete = to.offset == 0;
  client->taking_set = false;
  if (client->positioned) client->jumped = client->emptied = true;
  client->position = to;
  client->positioned = true;
}

void lrm__client_opened(lrm_client *client, const remote_v1_Opened *opened) {
  lrm_id epoch = epoch_of(opened);
  client->events.opened = true;
  client->start_snapshot = false;
  memset(&client->offered, 0, sizeof client->offered);
  /* A relay without this log: its host will bring it, in the epoch we know or in another. */
  if (lrm_id_none(&epoch)) return;
  if (find_left(client, &epoch) != NULL) {
    client->offered = epoch;
    return;
  }
  bool known = client->positioned;
  bool same = known && lrm_id_equal(&epoch, &client->position.epoch);
  if (same && opened->outcome == remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY) return;
  if (same && opened->next == client->position.offset) return;
  jump(client, (lrm_position){epoch, opened->next});
  if (!known || same) return;
  client->emptied = false;
  lrm__client_tell(client, LRM_CLIENT_SNAPSHOT, opened->next, true);
}

/* ---- outcomes ---- */

/* From the state: a snapshot tells the last 256. */
static void learn_outcomes(lrm_client *client) {
  for (uint64_t i = client->outbox.first; i < client->outbox.next; i++) {
    lrm_outbox_entry *entry = lrm__outbox_at(&client->outbox, i);
    if (entry == NULL || entry->state == LRM_COMMAND_DONE) continue;
    const Remote__V1__KnownOutcome *known = lrm_view_outcome(client->view, &entry->id);
    if (known == NULL || known->outcome == 0 || known->pending) continue;
    lrm__outbox_outcome(&client->outbox, entry, (uint32_t)known->outcome, known->code, 0, NULL,
                        NULL);
  }
}

/* The epoch stamped on them has ended: no host will ever run them. */
static void declare_unknown(lrm_client *client) {
  for (uint64_t i = client->outbox.first; i < client->outbox.next; i++) {
    lrm_outbox_entry *entry = lrm__outbox_at(&client->outbox, i);
    if (entry == NULL || entry->state == LRM_COMMAND_DONE ||
        lrm_id_equal(&entry->epoch, &client->position.epoch))
      continue;
    lrm__outbox_outcome(&client->outbox, entry,
                        REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_UNKNOWN, 0, 0,
                        "the history it was written for has ended", NULL);
  }
}

void lrm__client_synced(lrm_client *client, uint64_t offset) {
  if (!lrm_id_none(&client->offered)) {
    ask_later(client);
    return;
  }
  lrm__client_tell(client, LRM_CLIENT_SYNCED, offset, false);
  if (!client->jumped || lrm_id_none(&client->position.epoch)) return;
  client->jumped = false;
  learn_outcomes(client);
  declare_unknown(client);
  if (client->outbox.pending != 0) lrm__client_query(client);
}

/* The answer to the client's own question. It was asked after the commands it names, through the
 * same queue: what the host does not know then, it has forgotten. */
static void take_answers(lrm_client *client, const Remote__V1__CommandOutcome *outcome,
                         uint64_t asked_at) {
  for (size_t i = 0; i < outcome->n_known; i++) {
    const Remote__V1__KnownOutcome *known = outcome->known[i];
    lrm_id id = lrm__id_of(&known->command_id);
    lrm_outbox_entry *entry = lrm__outbox_find(&client->outbox, &id);
    if (entry == NULL || entry->state == LRM_COMMAND_DONE || known->pending) continue;
    if (known->outcome != 0) {
      lrm__outbox_outcome(&client->outbox, entry, (uint32_t)known->outcome, known->code, 0, NULL,
                          NULL);
    } else if (entry->refused) {
      lrm__client_refusal_stands(client, entry);
    } else if (entry->stored && entry->offset < asked_at) {
      lrm__outbox_outcome(&client->outbox, entry,
                          REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_UNKNOWN, 0, 0,
                          "the host no longer knows it", NULL);
    }
  }
}

static void take_outcome(lrm_client *client, const Remote__V1__CommandOutcome *outcome) {
  lrm_id id = lrm__id_of(&outcome->command_id);
  lrm_outbox_entry *entry = lrm__outbox_find(&client->outbox, &id);
  if (entry == NULL || entry->state == LRM_COMMAND_DONE) return;
  if (entry->own &&
      outcome->outcome == REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED) {
    client->query_wait_ns = 0;
    take_answers(client, outcome, entry->offset);
  } else if (entry->own) {
    lrm__client_query_again(client);
  }
  lrm__outbox_outcome(&client->outbox, entry, (uint32_t)outcome->outcome, outcome->code,
                      (uint32_t)outcome->layer, outcome->reason, outcome);
}

/* ---- blocks ---- */

/* One bad block must not brick a log: first the next snapshot is asked for; when that does not
 * lie beyond it, the block is passed over, and the view waits for a snapshot to be whole again.
 * `index`: its first message that cannot be read. */
static void bad_block(lrm_client *client, int error, uint32_t index) {
  uint64_t offset = client->block.offset;
  bool deflated = (client->block.flags & LRM_FLAG_COMPRESSED) != 0;
  bool over = deflated && client->block.inflated_bytes > LRM_BLOCK_INFLATED_BYTES_MAX;
  uint32_t code = error == LRM_ERR_INFLATE || over ? LRM_CODE_INFLATE : LRM_CODE_DECODE;
  bool again = client->bad_offset == offset;
  client->in_block = false;
  client->bad_offset = offset;
  client->bad_count = client->block.count > index ? client->block.count - index : 1;
  client->bad_code = code;
  if (!again) lrm__client_tell(client, LRM_CLIENT_UNREADABLE, offset + index, false);
  client->taking_set = false;
  lrm__client_close(client, &client->events, code, offset);
  client->jumped = true;
  if (again) {
    client->complete = false;
    client->position.offset = offset + client->block.count;
    lrm__client_request_snapshot(client);
  } else {
    client->start_snapshot = true;
  }
  lrm__client_open(client);
}

static void end_block(lrm_client *client) {
  const lrm_frame *block = &client->block;
  client->in_block = false;
  client->position.offset = block->offset + block->count;
  bool last_part = (block->flags & LRM_FLAG_SNAPSHOT) != 0 && block->part == block->parts;
  if (client->taking_set && last_part) {
    client->taking_set = false;
    client->complete = true;
    client->emptied = false;
    learn_outcomes(client);
    lrm__client_tell(client, LRM_CLIENT_SNAPSHOT, client->set_start, false);
  }
  /* What is folded is a client's own. A link on its way down needs no word. */
  int result =
      lrm_link_ack(client->link, client->events.number, client->position.offset, client->now_ns);
  if (result == 0)
    result = lrm_link_consumed(client->link, client->events.number, block->payload.bytes,
                               client->now_ns);
  (void)result;
}

/* What the link lends belongs to a frame; the position says what of it is new. */
void lrm__client_block(lrm_client *client, const lrm_link_event *event) {
  if (!lrm_id_none(&client->offered)) {
    ask_later(client);
    return;
  }
  client->block = event->frame;
  const lrm_frame *block = &client->block;
  bool in_set = (block->flags & LRM_FLAG_SNAPSHOT) != 0;
  if (block->offset > client->position.offset)
    jump(client, (lrm_position){client->position.epoch, block->offset});
  if ((block->flags & LRM_FLAG_CLEARS_TAIL) != 0) {
    lrm_view_clear_tail(client->view);
    if (client->tails) lrm__client_tell(client, LRM_CLIENT_TAIL_CLEARED, block->offset, false);
    client->tails = false;
  }
  if (in_set && block->part == 1) {
    /* An epoch that goes on from another one begins with a set: nothing else tells its past. */
    client->taking_set = !client->complete || block->offset == 0;
    client->set_start = block->offset;
  }
  if (!in_set) client->taking_set = false;
  client->block_index = 0;
  client->block_skip = event->skip_messages;
  client->in_block = true;
  int result = lrm_block_reader_begin(client->reader, block->flags, block->count,
                                      block->inflated_bytes, block->payload);
  if (result != 0) bad_block(client, result, 0);
}

static int fold(lrm_client *client, lrm_slice message, const Remote__V1__Event **out) {
  lrm_arena_reset(&client->message);
  void *event;
  int result = lrm_message_decode(&lrm_schema_Event, message.data, message.bytes, &client->message,
                                  &event, NULL);
  if (result != 0) return result;
  *out = event;
  bool begins = client->taking_set && client->block.part == 1 && client->block_index == 1;
  result = lrm_view_apply(client->view, event, begins);
  if (result != 0) return result;
  if ((*out)->body_case == REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME)
    take_outcome(client, (*out)->command_outcome);
  /* A new process of the host. What it has journalled it settles by itself; a journal that was put
   * back has forgotten what was delivered, and nobody else would ever say so. */
  if ((*out)->body_case == REMOTE__V1__EVENT__BODY_SESSION_RESUMED) lrm__client_query_again(client);
  return 0;
}

/* One message. True: it is an event to be told. */
static bool step(lrm_client *client, lrm_slice message, lrm_client_event *out) {
  bool in_set = (client->block.flags & LRM_FLAG_SNAPSHOT) != 0;
  uint64_t offset = client->block.offset + client->block_index++;
  if (client->block_index <= client->block_skip) return false;
  if (in_set && !client->taking_set) return false; /* the view is there already */
  const Remote__V1__Event *event;
  int result = fold(client, message, &event);
  if (result != 0) {
    bad_block(client, result, (uint32_t)(offset - client->block.offset));
    return false;
  }
  if (in_set) return false;
  memset(out, 0, sizeof *out);
  out->type = LRM_CLIENT_EVENT;
  out->offset = offset;
  out->reset = client->emptied;
  client->emptied = false;
  out->event = event;
  out->raw = message;
  return true;
}

bool lrm__client_step(lrm_client *client, lrm_client_event *out) {
  lrm_slice message;
  while (client->in_block) {
    if (!lrm_block_reader_next(client->reader, &message)) {
      end_block(client);
      return false;
    }
    if (step(client, message, out)) {
      client->position.offset = out->offset + 1;
      return true;
    }
  }
  return false;
}

/* ---- tails ---- */

void lrm__client_tail(lrm_client *client, const lrm_link_event *event) {
  if (!lrm_id_none(&client->offered)) return;
  lrm_slice message = event->frame.payload;
  lrm_arena_reset(&client->ephemeral);
  client->tail = NULL;
  void *said;
  int result = lrm_message_decode(&lrm_schema_Event, message.data, message.bytes,
                                  &client->ephemeral, &said, NULL);
  /* One that cannot be read is dropped: it need not survive. */
  if (result == 0 && lrm_view_apply_tail(client->view, said) == 0) {
    client->tail = said;
    client->tail_raw = message;
    client->tails = true;
    lrm__client_tell(client, LRM_CLIENT_TAIL, event->frame.offset, client->emptied);
    client->emptied = false;
  }
  result = lrm_link_consumed(client->link, client->events.number, message.bytes, client->now_ns);
  (void)result;
}

/* Commands from afar: journalled as they come, judged once, each with exactly one outcome that is
 * journalled together with its effect. Model: docs/model/commands.pml (R1 to R7). */
#include <string.h>

#include "base/assert.h"
#include "session/host_internal.h"

/* ---- records ---- */

static lrm_slice id_slice(const lrm_id *id) { return (lrm_slice){id->bytes, sizeof id->bytes}; }

int lrm__host_save(lrm_host *host, lrm_inbox_item *item) {
  size_t bytes = lrm__inbox_record_bytes(item);
  int result = lrm__buffer_reserve(&host->packed_more, &host->allocator, bytes);
  if (result != 0) return result;
  lrm__inbox_record_write(item, host->packed_more.data);
  result = lrm__host_put(host, LRM__SPACE_COMMANDS, id_slice(&item->id),
                         (lrm_slice){host->packed_more.data, bytes});
  item->unsaved = host->gap;
  return result;
}

/* Where in the relay's COMMANDS we are: epoch, next. */
int lrm__host_save_position(lrm_host *host) {
  uint8_t value[24];
  memcpy(value, host->commands_at.epoch.bytes, 16);
  for (unsigned i = 0; i < 8; i++) value[16 + i] = (uint8_t)(host->commands_at.offset >> (8 * i));
  static const uint8_t key[] = "commands";
  return lrm__host_put(host, LRM__SPACE_META, (lrm_slice){key, sizeof key - 1},
                       (lrm_slice){value, sizeof value});
}

/* Ids are kept 24 h or 4096, whichever is more. */
int lrm__host_forget(lrm_host *host) {
  lrm_inbox_item *item;
  while ((item = lrm__inbox_forgettable(host->inbox, host->wall_ms)) != NULL) {
    int result = lrm__host_remove(host, LRM__SPACE_COMMANDS, id_slice(&item->id));
    if (result != 0) return result;
    lrm__inbox_remove(host->inbox, item);
  }
  return 0;
}

/* ---- outcome ---- */

static int outcome_event(lrm_host *host, const lrm_inbox_item *item,
                         const lrm__judgement *judgement, const lrm_envelope *envelope) {
  char reason[1024];
  lrm__text_cut(reason, sizeof reason, judgement->reason);
  lrm__actor by;
  Remote__V1__CommandOutcome outcome = REMOTE__V1__COMMAND_OUTCOME__INIT;
  outcome.command_id = lrm__id_data(&item->id);
  outcome.outcome = judgement->outcome;
  outcome.code = judgement->code;
  outcome.reason = reason;
  outcome.turn_id = lrm__text(judgement->turn_id);
  outcome.known = judgement->known;
  outcome.n_known = judgement->known_count;
  outcome.kind = (Remote__V1__CommandKind)item->kind;
  outcome.nonce = judgement->nonce;
  outcome.layer = (Remote__V1__Layer)judgement->layer;
  union {
    const Remote__V1__AskResolved *in;
    Remote__V1__AskResolved *out;
  } resolution = {.in = judgement->resolution};
  outcome.resolution = resolution.out;
  if (envelope != NULL && envelope->has_origin)
    outcome.by = &lrm__actor_origin(&by, &envelope->origin)->actor;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(COMMAND_OUTCOME);
  event.command_outcome = &outcome;
  return lrm__host_emit(host, &event);
}

int lrm__host_give(lrm_host *host, lrm_inbox_item *item, const lrm__judgement *judgement) {
  LRM_ASSERT(item->state != LRM_INBOX_DONE);
  if (item->queued) host->queue_changed = true;
  if (item->local) {
    /* The local person sees what happens; nobody asks for the id again. */
    int result = lrm__host_remove(host, LRM__SPACE_COMMANDS, id_slice(&item->id));
    lrm__inbox_remove(host->inbox, item);
    return result;
  }
  lrm_envelope envelope;
  bool decoded = lrm_envelope_decode(item->envelope, item->envelope_bytes, &envelope) == 0;
  int result = outcome_event(host, item, judgement, decoded ? &envelope : NULL);
  if (result != 0) return result;
  lrm__inbox_done(host->inbox, item, judgement->outcome, judgement->code, host->wall_ms);
  result = lrm__host_save(host, item);
  return result != 0 ? result : lrm__host_forget(host);
}

int lrm__host_reject(lrm_host *host, lrm_inbox_item *item, uint32_t code, const char *reason) {
  lrm__judgement judgement = {.outcome = OUTCOME(REJECTED), .code = code, .reason = reason};
  return lrm__host_give(host, item, &judgement);
}

int lrm__host_start(lrm_host *host, lrm_inbox_item *item) {
  if (item->queued) host->queue_changed = true;
  item->queued = item->held = false;
  item->state = LRM_INBOX_STARTED;
  return lrm__host_save(host, item);
}

/* ---- receiving ---- */

/* No room: the outcome is all that is kept. */
static int refuse_received(lrm_host *host, const lrm_envelope *envelope) {
  lrm_inbox_item *item;
  int result = lrm__inbox_receive(host->inbox, &envelope->command_id, (lrm_slice){NULL, 0},
                                  host->wall_ms, &item);
  if (result != 0) return result;
  return lrm__host_reject(host, item, LRM_CODE_TOO_MANY, "too many commands wait for this session");
}

int lrm__host_receive(lrm_host *host, const uint8_t *message, size_t bytes) {
  lrm_envelope envelope;
  /* The relay wrote it: one that cannot be read has no id to answer to, and must not stop the
   * ones behind it. */
  if (lrm_envelope_decode(message, bytes, &envelope) != 0) return 0;
  if (lrm__inbox_find(host->inbox, &envelope.command_id) != NULL) return 0; /* R5 */
  if (!lrm__inbox_has_room(host->inbox, bytes)) return refuse_received(host, &envelope);
  lrm_inbox_item *item;
  int result = lrm__inbox_receive(host->inbox, &envelope.command_id, (lrm_slice){message, bytes},
                                  host->wall_ms, &item);
  if (result != 0) return result;
  return lrm__host_save(host, item);
}

/* ---- judging ---- */

int lrm__host_request(lrm_host *host, lrm_inbox_item *item, lrm__request *out) {
  memset(out, 0, sizeof *out);
  out->item = item;
  if (lrm_envelope_decode(item->envelope, item->envelope_bytes, &out->envelope) != 0)
    return LRM_ERR_CORRUPT;
  lrm_arena_reset(&host->decoded);
  void *command;
  int result = lrm_message_decode(&lrm_schema_Command, out->envelope.command.data,
                                  out->envelope.command.bytes, &host->decoded, &command, NULL);
  if (result == LRM_ERR_NO_MEMORY) return result;
  if (result == 0) out->command = command;
  if (out->command != NULL && out->command->body_case == 0) out->command = NULL;
  if (out->command != NULL) item->kind = (uint32_t)out->command->body_case;
  if (item->local)
    lrm__actor_local(&out->by);
  else
    lrm__actor_origin(&out->by, &out->envelope.origin);
  return 0;
}

/* The relay stamped the command with its clock. Ours may be set meanwhile, by a person or after a
 * sleep; time that passes is no matter of clocks that can be set. */
bool lrm__host_expired(const lrm_host *host, const lrm_envelope *envelope) {
  if (envelope->ttl_ms == 0 || envelope->received_ms == 0) return false;
  if (envelope->ttl_ms > UINT64_MAX - envelope->received_ms) return false;
  uint64_t now_ms = host->relay_ms == 0
                        ? host->wall_ms
                        : host->relay_ms + (host->now_ns - host->relay_said_ns) / 1000000;
  return now_ms > envelope->received_ms + envelope->ttl_ms;
}

static int refuse(lrm_host *host, const lrm__request *request, uint32_t code, const char *reason) {
  return lrm__host_reject(host, request->item, code, reason);
}

static int give_unknown(lrm_host *host, const lrm__request *request) {
  lrm__judgement judgement = {.outcome = OUTCOME(UNKNOWN),
                              .reason = "the history it was written for has ended"};
  return lrm__host_give(host, request->item, &judgement);
}

/* ---- who may steer ---- */

static const char *policy_text(uint32_t layer) {
  switch (layer) {
    case REMOTE__V1__LAYER__LAYER_ENTERPRISE:
      return "the enterprise's policy allows watching only; its administrators can change that";
    case REMOTE__V1__LAYER__LAYER_ORGANIZATION:
      return "the organization's policy allows watching only; its administrators can change that";
    case REMOTE__V1__LAYER__LAYER_ACCOUNT:
      return "this account may only watch; the relay's operator can change that";
    default:
      return "policy allows watching only";
  }
}

/* Nobody may steer from afar, and which layer says so. */
static bool only_watched(const lrm_host *host, lrm__judgement *out) {
  *out = (lrm__judgement){.outcome = OUTCOME(REJECTED), .code = LRM_CODE_COMMAND_POLICY};
  if (host->mode == MODE(VIEW)) {
    out->code = LRM_CODE_VIEW_ONLY;
    out->layer = REMOTE__V1__LAYER__LAYER_SESSION;
    out->reason = "this session may only be watched";
  } else if (host->ceiling_view) {
    out->layer = host->ceiling_layer;
    out->reason = policy_text(host->ceiling_layer);
  } else if (host->config.watch_only) {
    out->layer = REMOTE__V1__LAYER__LAYER_DEVICE;
    out->reason = "the rules of the machine that hosts this session allow watching only";
  } else {
    return false;
  }
  return true;
}

/* A relay has mixed up its accounts, or does not look at them. */
static bool from_another_account(const lrm_host *host, const lrm_envelope *envelope) {
  return envelope->has_origin && host->account[0] != '\0' && envelope->origin.account[0] != '\0' &&
         strcmp(envelope->origin.account, host->account) != 0;
}

int lrm__host_limit_queued(lrm_host *host) {
  lrm__judgement judgement;
  if (!only_watched(host, &judgement)) return 0;
  uint64_t order = 0;
  for (lrm_inbox_item *item; (item = lrm__inbox_from(host->inbox, order)) != NULL;) {
    order = item->order + 1;
    if (!item->queued || item->local || item->state != LRM_INBOX_RECEIVED) continue;
    int result = lrm__host_give(host, item, &judgement);
    if (result != 0) return result;
  }
  return 0;
}

/* The checks that do not depend on the kind. True: it has its outcome (or `*result` is an error).
 */
static bool refused(lrm_host *host, const lrm__request *request, int *result) {
  const lrm_envelope *envelope = &request->envelope;
  uint32_t said = envelope->command_class == REMOTE__V1__COMMAND_CLASS__COMMAND_CLASS_VIEW
                      ? (uint32_t)REMOTE__V1__COMMAND_CLASS__COMMAND_CLASS_VIEW
                      : (uint32_t)REMOTE__V1__COMMAND_CLASS__COMMAND_CLASS_CONTROL;
  bool control = said == REMOTE__V1__COMMAND_CLASS__COMMAND_CLASS_CONTROL;
  lrm__judgement limit;
  if (!lrm_id_equal(&envelope->event_epoch, &host->epoch)) {
    *result = give_unknown(host, request);
  } else if (request->command != NULL && lrm__command_class(request->item->kind) != said) {
    *result = refuse(host, request, LRM_CODE_INVALID, "the class does not fit the command");
  } else if (from_another_account(host, envelope)) {
    lrm__judgement judgement = {.outcome = OUTCOME(REJECTED),
                                .code = LRM_CODE_COMMAND_POLICY,
                                .layer = REMOTE__V1__LAYER__LAYER_ACCOUNT,
                                .reason = "this session belongs to another account"};
    *result = lrm__host_give(host, request->item, &judgement);
  } else if (control && only_watched(host, &limit)) {
    *result = lrm__host_give(host, request->item, &limit);
  } else if (request->command == NULL) {
    *result = refuse(host, request, LRM_CODE_INVALID, "the command cannot be read");
  } else if (control && host->ended) {
    *result = refuse(host, request, LRM_CODE_SESSION_ENDED, "the session has ended");
  } else if (request->item->kind != KIND(ANSWER_ASK) && lrm__host_expired(host, envelope)) {
    /* Answers look at their ask first: SUPERSEDED beats EXPIRED. */
    lrm__judgement judgement = {.outcome = OUTCOME(EXPIRED), .reason = "its time was over"};
    *result = lrm__host_give(host, request->item, &judgement);
  } else {
    return false;
  }
  return true;
}

static int judge(lrm_host *host, lrm_inbox_item *item) {
  lrm__request request;
  int result = lrm__host_request(host, item, &request);
  item->judged = result != LRM_ERR_NO_MEMORY; /* not looked at yet: the next call tries again */
  if (result == LRM_ERR_CORRUPT)
    return lrm__host_reject(host, item, LRM_CODE_INVALID, "the command cannot be read");
  if (result != 0) return result;
  return refused(host, &request, &result) ? result : lrm__host_perform(host, &request);
}

/* ---- in order ---- */

/* Not before the relay has confirmed our epoch and everything it had is journalled. */
static bool may_act(const lrm_host *host) {
  return host->confirmed && host->synced && !host->gap && host->store_error == 0 && !host->fenced &&
         host->mode != MODE(OFF);
}

static bool goes_first(const lrm_host *host, const lrm_inbox_item *item) {
  lrm_envelope envelope;
  if (lrm_envelope_decode(item->envelope, item->envelope_bytes, &envelope) != 0) return false;
  if (lrm__host_expired(host, &envelope)) return true;
  /* The body's only field is its oneof: its tag tells the kind without decoding. */
  return envelope.command.bytes != 0 &&
         envelope.command.data[0] == (KIND(WITHDRAW_COMMAND) << 3 | 2);
}

static int pass(lrm_host *host, bool first_ones) {
  uint64_t order = 0;
  while (may_act(host) && lrm__host_actions_room(host)) {
    lrm_inbox_item *item = lrm__inbox_from(host->inbox, order);
    if (item == NULL) break;
    order = item->order + 1;
    if (item->judged || item->local || item->queued || item->state != LRM_INBOX_RECEIVED) continue;
    if (first_ones && !goes_first(host, item)) continue;
    int result = judge(host, item);
    if (result != 0) return result;
  }
  return 0;
}

/* What a former process had queued may go on once this one's epoch is confirmed. */
static void release_held(lrm_host *host) {
  for (lrm_inbox_item *item = lrm__inbox_from(host->inbox, 0); item != NULL; item = item->next)
    item->held = false;
}

int lrm__host_process(lrm_host *host) {
  if (!may_act(host)) return lrm__host_pump(host);
  release_held(host);
  int result = pass(host, true);
  if (result == 0) result = pass(host, false);
  return result != 0 ? result : lrm__host_pump(host);
}

/* ---- the application's word ---- */

static int finish(lrm_host *host, const lrm_id *command_id, uint32_t code, const char *reason) {
  if (command_id == NULL || lrm_id_none(command_id)) return 0;
  lrm_inbox_item *item = lrm__inbox_find(host->inbox, command_id);
  if (item == NULL || item->state != LRM_INBOX_STARTED) return LRM_ERR_NOT_FOUND;
  lrm__request request;
  int result = lrm__host_request(host, item, &request);
  if (result != 0) return result;
  if (code != 0) {
    result = lrm__host_reject(host, item, code, reason);
    if (result == 0) result = lrm__host_prompt_refused(host, command_id);
    return result != 0 ? result : lrm__host_process(host);
  }
  result = lrm__host_performed(host, &request);
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED)};
  if (result == 0) result = lrm__host_give(host, item, &judgement);
  return result != 0 ? result : lrm__host_process(host);
}

int lrm_host_finish(lrm_host *host, const lrm_id *command_id, uint32_t code, const char *reason,
                    uint64_t wall_ms, uint64_t now_ns) {
  /* Borrowed ids and texts may lie in the action that was handed out: it stays until the next. */
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, finish(host, command_id, code, reason));
}

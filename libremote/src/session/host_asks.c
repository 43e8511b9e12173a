/* Asks and answers: the arbiter decides, this journals what it decided (resolution and outcome in
 * one transaction), then the agent is told. Model: docs/model/asks.pml. */
#include <string.h>

#include "session/arbiter_check.h"
#include "session/host_internal.h"

#define LRM__REASON_BYTES 512

size_t lrm__host_asks_open(const lrm_host *host) {
  size_t count = 0;
  while (lrm_arbiter_open_ask(host->arbiter, count) != NULL) count++;
  return count;
}

/* ---- opening ---- */

static bool lasting(const Remote__V1__AskOption *option) {
  switch (option->kind) {
    case REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_SESSION:
    case REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_LOCATION:
    case REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ALWAYS:
    case REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ALWAYS:
      return true;
    default:
      return false;
  }
}

/* Managed policy: what would last is offered on no surface. */
static size_t keep_options(const Remote__V1__Ask *ask, Remote__V1__AskOption **kept, size_t room) {
  bool once = ask->kind_case == REMOTE__V1__ASK__KIND_PERMISSION && ask->permission->one_time_only;
  size_t count = 0;
  for (size_t i = 0; i < ask->n_options && count < room; i++)
    if (!once || !lasting(ask->options[i])) kept[count++] = ask->options[i];
  return count;
}

static int check_ask(lrm_host *host, Remote__V1__Event *event) {
  lrm_slice packed;
  int result = lrm__buffer_pack(&host->packed, &host->allocator, &event->base, &packed);
  return result != 0 ? result : lrm__host_check_event(packed);
}

static int open_ask(lrm_host *host, const Remote__V1__Ask *ask, lrm_id *ask_id) {
  if (host->ended) return LRM_ERR_STATE;
  if (lrm__host_asks_open(host) >= LRM_ASKS_OPEN_MAX) return LRM_ERR_BUSY;
  if (ask->n_options > 32) return LRM_ERR_TOO_LARGE;
  Remote__V1__AskOption *kept[32];
  lrm_id id = lrm__random_id(&host->random);
  Remote__V1__Ask copy = *ask;
  copy.ask_id = lrm__id_data(&id);
  copy.opened_ms = host->wall_ms;
  if (lrm__text_empty(copy.turn_id) && host->turn.running) copy.turn_id = host->turn.id;
  copy.n_options = keep_options(ask, kept, 32);
  copy.options = kept;
  Remote__V1__AskOpened opened = REMOTE__V1__ASK_OPENED__INIT;
  opened.ask = &copy;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.turn_id = copy.turn_id;
  event.agent_id = copy.agent_id;
  event.body_case = EVENT_BODY(ASK_OPENED);
  event.ask_opened = &opened;
  int result = check_ask(host, &event);
  if (result == 0) result = lrm_arbiter_open(host->arbiter, &copy);
  /* Whoever is asked sees all that was said before. */
  if (result == 0) result = lrm__host_clear(host);
  if (result == 0) result = lrm__host_emit(host, &event);
  if (result != 0) return result;
  *ask_id = id;
  return lrm__host_update_status(host);
}

int lrm_host_ask(lrm_host *host, const Remote__V1__Ask *ask, lrm_id *ask_id, uint64_t wall_ms,
                 uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  memset(ask_id, 0, sizeof *ask_id);
  return lrm__host_leave(host, open_ask(host, ask, ask_id));
}

/* ---- resolving ---- */

static void put_order(uint8_t out[8], uint64_t order) {
  for (unsigned i = 0; i < 8; i++) out[i] = (uint8_t)(order >> (56 - 8 * i));
}

/* Kept for answers that come late, also after a restart: the last 4096. */
static int save_resolution(lrm_host *host, const Remote__V1__AskResolved *resolution) {
  lrm_id id = lrm__id_of(&resolution->ask_id);
  size_t bytes = 8 + protobuf_c_message_get_packed_size(&resolution->base);
  int result = lrm__buffer_reserve(&host->packed_more, &host->allocator, bytes);
  if (result != 0) return result;
  put_order(host->packed_more.data, ++host->resolution_order);
  protobuf_c_message_pack(&resolution->base, host->packed_more.data + 8);
  if (host->resolutions_count == LRM__RESOLUTIONS_MAX) {
    lrm_id *oldest = &host->resolutions[host->resolutions_at];
    result =
        lrm__host_remove(host, LRM__SPACE_ASKS, (lrm_slice){oldest->bytes, sizeof oldest->bytes});
    if (result != 0) return result;
    host->resolutions_at = (host->resolutions_at + 1) % LRM__RESOLUTIONS_MAX;
    host->resolutions_count--;
  }
  uint32_t at = (host->resolutions_at + host->resolutions_count) % LRM__RESOLUTIONS_MAX;
  host->resolutions[at] = id;
  host->resolutions_count++;
  return lrm__host_put(host, LRM__SPACE_ASKS, (lrm_slice){id.bytes, sizeof id.bytes},
                       (lrm_slice){host->packed_more.data, bytes});
}

/* `resolution` is borrowed from the arbiter, which is not called here. */
static int resolved_event(lrm_host *host, const Remote__V1__AskResolved *resolution) {
  union {
    const Remote__V1__AskResolved *in;
    Remote__V1__AskResolved *out;
  } resolved = {.in = resolution};
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(ASK_RESOLVED);
  event.ask_resolved = resolved.out;
  return lrm__host_emit(host, &event);
}

static int journal_resolution(lrm_host *host, const Remote__V1__AskResolved *resolution) {
  int result = save_resolution(host, resolution);
  return result != 0 ? result : resolved_event(host, resolution);
}

static int tell_agent(lrm_host *host, const lrm_id *ask_id, const lrm_id *command_id,
                      const lrm__actor *by) {
  lrm__action_spec spec = {
      .type = LRM_ACTION_ANSWER, .command_id = command_id, .ask_id = ask_id, .by = by};
  return lrm__host_act(host, &spec);
}

/* ---- answers from afar ---- */

static int superseded(lrm_host *host, lrm__request *request,
                      const Remote__V1__AskResolved *resolution) {
  lrm_id winner = lrm__id_of(&resolution->command_id);
  if (lrm_id_equal(&winner, &request->item->id)) {
    /* It had won when the former process ran out of memory: only its outcome is missing. */
    lrm__judgement applied = {.outcome = OUTCOME(APPLIED)};
    return lrm__host_give(host, request->item, &applied);
  }
  lrm__judgement judgement = {.outcome = OUTCOME(SUPERSEDED),
                              .reason = "the ask was already resolved",
                              .resolution = resolution};
  return lrm__host_give(host, request->item, &judgement);
}

static int won(lrm_host *host, lrm__request *request, const lrm_id *ask_id,
               const Remote__V1__AskResolved *resolution) {
  int result = journal_resolution(host, resolution);
  if (result == 0) result = tell_agent(host, ask_id, &request->item->id, &request->by);
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED)};
  if (result == 0) result = lrm__host_give(host, request->item, &judgement);
  return result != 0 ? result : lrm__host_update_status(host);
}

/* Agents offer modes as the ways to accept a plan: choosing one is a switch of the mode, also when
 * the agent has not listed it among its modes. */
static bool elevates(const lrm_host *host, const lrm_id *ask_id,
                     const Remote__V1__AnswerContent *answer) {
  const Remote__V1__Ask *ask = lrm_arbiter_find(host->arbiter, ask_id);
  bool known;
  if (ask == NULL || answer == NULL || ask->kind_case != REMOTE__V1__ASK__KIND_PLAN ||
      lrm__text_empty(answer->option_id))
    return false;
  if (lrm__host_mode_elevates(host, answer->option_id, &known)) return true;
  return !known && host->config.elevates_mode != NULL &&
         host->config.elevates_mode(host->config.user, answer->option_id);
}

/* What only the adapter knows of an open ask. An answer that is wrong anyway is the arbiter's. */
static bool fits(lrm_host *host, const lrm_id *ask_id, const Remote__V1__AnswerContent *answer,
                 char reason[LRM__REASON_BYTES]) {
  const Remote__V1__Ask *ask = lrm_arbiter_find(host->arbiter, ask_id);
  Remote__V1__AskOptionKind kind;
  reason[0] = '\0';
  if (ask == NULL || host->config.answer_fits == NULL ||
      lrm_arbiter_resolution(host->arbiter, ask_id) != NULL ||
      lrm__answer_check(ask, answer, &kind) != LRM_VERDICT_WON)
    return true;
  return host->config.answer_fits(host->config.user, ask, answer, reason, LRM__REASON_BYTES);
}

int lrm__host_answer(lrm_host *host, lrm__request *request) {
  const Remote__V1__AnswerAsk *answer = request->command->answer_ask;
  lrm_inbox_item *item = request->item;
  lrm_id ask_id = lrm__id_of(&answer->ask_id);
  bool open = lrm_arbiter_find(host->arbiter, &ask_id) != NULL &&
              lrm_arbiter_resolution(host->arbiter, &ask_id) == NULL;
  if (open && lrm__host_expired(host, &request->envelope)) {
    lrm__judgement judgement = {.outcome = OUTCOME(EXPIRED), .reason = "its time was over"};
    return lrm__host_give(host, item, &judgement);
  }
  if (open && elevates(host, &ask_id, answer->answer))
    return lrm__host_reject(host, item, LRM_CODE_ELEVATION,
                            "a mode that asks less can only be chosen at the host");
  Remote__V1__AnswerContent nothing = REMOTE__V1__ANSWER_CONTENT__INIT;
  const Remote__V1__AnswerContent *content = answer->answer != NULL ? answer->answer : &nothing;
  char reason[LRM__REASON_BYTES];
  if (!fits(host, &ask_id, content, reason))
    return lrm__host_reject(host, item, LRM_CODE_INVALID, reason);
  const Remote__V1__AskResolved *resolution = NULL;
  lrm_verdict verdict = lrm_arbiter_answer(host->arbiter, &ask_id, content, &request->by.actor,
                                           &item->id, host->wall_ms, &resolution);
  switch (verdict) {
    case LRM_VERDICT_WON:
      return won(host, request, &ask_id, resolution);
    case LRM_VERDICT_SUPERSEDED:
      return superseded(host, request, resolution);
    case LRM_VERDICT_NOT_OFFERED:
      return lrm__host_reject(host, item, LRM_CODE_OPTION_NOT_OFFERED,
                              "the ask does not offer that");
    case LRM_VERDICT_INVALID:
      return lrm__host_reject(host, item, LRM_CODE_INVALID, "the answer does not fit the ask");
    case LRM_VERDICT_NO_MEMORY:
      return LRM_ERR_NO_MEMORY;
    case LRM_VERDICT_NO_SUCH_ASK:
      break;
  }
  return lrm__host_reject(host, item, LRM_CODE_NO_SUCH_ASK, "there is no such ask");
}

/* ---- the local person ---- */

static int answer_local(lrm_host *host, const lrm_id *ask_id,
                        const Remote__V1__AnswerContent *answer) {
  if (host->actions_count >= LRM__ACTIONS_MAX) return LRM_ERR_BUSY;
  lrm__actor by;
  char reason[LRM__REASON_BYTES];
  if (!fits(host, ask_id, answer, reason)) return LRM_ERR_USAGE;
  const Remote__V1__AskResolved *resolution = NULL;
  lrm_verdict verdict =
      lrm_arbiter_answer(host->arbiter, ask_id, answer, &lrm__actor_local(&by)->actor, NULL,
                         host->wall_ms, &resolution);
  if (verdict == LRM_VERDICT_SUPERSEDED || verdict == LRM_VERDICT_NO_SUCH_ASK)
    return LRM_ERR_NOT_FOUND;
  if (verdict == LRM_VERDICT_NO_MEMORY) return LRM_ERR_NO_MEMORY;
  if (verdict != LRM_VERDICT_WON) return LRM_ERR_USAGE;
  int result = journal_resolution(host, resolution);
  if (result == 0) result = tell_agent(host, ask_id, NULL, &by);
  return result != 0 ? result : lrm__host_update_status(host);
}

int lrm_host_answer_local(lrm_host *host, const lrm_id *ask_id,
                          const Remote__V1__AnswerContent *answer, uint64_t wall_ms,
                          uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, answer_local(host, ask_id, answer));
}

const Remote__V1__AskResolved *lrm_host_resolution(const lrm_host *host, const lrm_id *ask_id) {
  return lrm_arbiter_resolution(host->arbiter, ask_id);
}

/* ---- ending without an answer ---- */

static int end_ask(lrm_host *host, const lrm_id *ask_id, Remote__V1__AskOutcome outcome,
                   const char *reason, const lrm__actor *by) {
  char cut[1024];
  lrm__text_cut(cut, sizeof cut, reason);
  const Remote__V1__AskResolved *resolution = NULL;
  lrm_verdict verdict = lrm_arbiter_end(host->arbiter, ask_id, outcome, cut,
                                        by == NULL ? NULL : &by->actor, host->wall_ms, &resolution);
  if (verdict == LRM_VERDICT_NO_MEMORY) return LRM_ERR_NO_MEMORY;
  if (verdict != LRM_VERDICT_WON) return LRM_ERR_NOT_FOUND;
  return journal_resolution(host, resolution);
}

int lrm_host_end_ask(lrm_host *host, const lrm_id *ask_id, Remote__V1__AskOutcome outcome,
                     const char *reason, uint64_t wall_ms, uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  int result = end_ask(host, ask_id, outcome, reason, NULL);
  if (result == 0) result = lrm__host_update_status(host);
  return lrm__host_leave(host, result);
}

int lrm__host_end_asks(lrm_host *host, const char *turn_id, Remote__V1__AskOutcome outcome,
                       const char *reason, const lrm__actor *by) {
  size_t index = 0;
  const Remote__V1__Ask *ask;
  bool ended = false;
  while ((ask = lrm_arbiter_open_ask(host->arbiter, index)) != NULL) {
    if (turn_id != NULL && strcmp(ask->turn_id, turn_id) != 0) {
      index++;
      continue;
    }
    lrm_id id = lrm__id_of(&ask->ask_id);
    int result = end_ask(host, &id, outcome, reason, by);
    if (result != 0) return result;
    ended = true;
  }
  return ended ? lrm__host_update_status(host) : 0;
}

/* ---- time ---- */

int lrm__host_expire_asks(lrm_host *host) {
  const Remote__V1__AskResolved *resolution = NULL;
  bool expired = false;
  while (host->actions_count < LRM__ACTIONS_MAX &&
         lrm_arbiter_expire(host->arbiter, host->wall_ms, &resolution)) {
    lrm_id id = lrm__id_of(&resolution->ask_id);
    int result = journal_resolution(host, resolution);
    if (result == 0) result = tell_agent(host, &id, NULL, NULL);
    if (result != 0) return result;
    expired = true;
  }
  return expired ? lrm__host_update_status(host) : 0;
}

uint64_t lrm__host_asks_deadline(const lrm_host *host) {
  uint64_t due_ms = lrm_arbiter_deadline_ms(host->arbiter);
  if (due_ms == UINT64_MAX) return UINT64_MAX;
  if (due_ms <= host->wall_ms) return host->now_ns;
  uint64_t in_ms = due_ms - host->wall_ms;
  if (in_ms > UINT64_MAX / (2 * NS_PER_MS)) return UINT64_MAX;
  return host->now_ns + in_ms * NS_PER_MS;
}

/* ---- after a restart ---- */

typedef struct restoring {
  lrm_host *host;
  struct {
    uint64_t order;
    lrm_id id;
  } * list;
  size_t count;
  int result;
} restoring;

static bool visit_resolution(void *user, lrm_slice key, lrm_slice value) {
  restoring *all = user;
  if (key.bytes != 16 || value.bytes < 8) {
    all->result = LRM_ERR_CORRUPT;
    return false;
  }
  if (all->count == LRM__RESOLUTIONS_MAX) return false;
  uint64_t order = 0;
  for (unsigned i = 0; i < 8; i++) order = order << 8 | value.data[i];
  memcpy(all->list[all->count].id.bytes, key.data, 16);
  all->list[all->count].order = order;
  all->count++;
  return true;
}

/* Shell sort: no recursion, no library. */
static void sort_by_order(restoring *all) {
  for (size_t gap = all->count / 2; gap > 0; gap /= 2) {
    for (size_t i = gap; i < all->count; i++) {
      uint64_t order = all->list[i].order;
      lrm_id id = all->list[i].id;
      size_t at = i;
      for (; at >= gap && all->list[at - gap].order > order; at -= gap)
        all->list[at] = all->list[at - gap];
      all->list[at].order = order;
      all->list[at].id = id;
    }
  }
}

static int restore_resolution(lrm_host *host, const lrm_id *id) {
  lrm_slice value;
  int result = lrm_store_get(host->store, LRM__SPACE_ASKS, (lrm_slice){id->bytes, 16}, &value);
  if (result != 0) return result;
  lrm_arena_reset(&host->decoded);
  void *message;
  result = lrm_message_decode(&lrm_schema_AskResolved, value.data + 8, value.bytes - 8,
                              &host->decoded, &message, NULL);
  if (result != 0) return result == LRM_ERR_NO_MEMORY ? result : LRM_ERR_CORRUPT;
  host->resolutions[host->resolutions_count++] = *id;
  return lrm_arbiter_restore_resolved(host->arbiter, message);
}

static int restore_open(lrm_host *host) {
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  for (size_t i = 0; i < state->n_asks; i++) {
    lrm_id id = lrm__id_of(&state->asks[i]->ask_id);
    if (lrm_arbiter_resolution(host->arbiter, &id) != NULL) continue;
    int result = lrm_arbiter_restore_open(host->arbiter, state->asks[i]);
    if (result != 0) return result;
  }
  return 0;
}

int lrm__host_restore_asks(lrm_host *host) {
  restoring all = {.host = host};
  all.list = lrm__zalloc(&host->allocator, LRM__RESOLUTIONS_MAX * sizeof *all.list);
  if (all.list == NULL) return LRM_ERR_NO_MEMORY;
  int result = lrm_store_each(host->store, LRM__SPACE_ASKS, visit_resolution, &all);
  if (result == 0) result = all.result;
  sort_by_order(&all);
  for (size_t i = 0; i < all.count && result == 0; i++) {
    result = restore_resolution(host, &all.list[i].id);
    host->resolution_order = all.list[i].order;
  }
  lrm__release(&host->allocator, all.list);
  return result != 0 ? result : restore_open(host);
}

/* A process that ran out of memory between a resolution's record and its event has told no reader
 * that the ask is over. */
int lrm__host_repeat_resolved(lrm_host *host) {
  for (size_t i = lrm_view_state(host->view)->n_asks; i > 0; i--) {
    lrm_id id = lrm__id_of(&lrm_view_state(host->view)->asks[i - 1]->ask_id);
    const Remote__V1__AskResolved *resolution = lrm_arbiter_resolution(host->arbiter, &id);
    int result = resolution == NULL ? 0 : resolved_event(host, resolution);
    if (result != 0) return result;
  }
  return 0;
}

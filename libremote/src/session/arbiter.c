/* One table of open asks, one ring of resolutions. An ask leaves the table in one place only
 * (resolve), together with the resolution that everybody gets from then on: that is the whole of
 * "the first wins". The caller journals the resolution before it tells the agent. */
#include "remote/arbiter.h"

#include <string.h>

#include "base/assert.h"
#include "session/arbiter_check.h"
#include "session/view_copy.h"

#define RESOLUTIONS_MAX 4096u
/* Words and forms of old answers are let go when all resolutions together take more than this;
 * who answered what, by option, stays. */
#define RESOLUTION_BYTES_MAX (4u * 1024u * 1024u)

struct resolution {
  Remote__V1__AskResolved *message;
  size_t bytes; /* packed; 0 once it is slim */
};

struct lrm_arbiter {
  lrm_allocator allocator;
  Remote__V1__Ask *open[LRM_ASKS_OPEN_MAX]; /* the oldest first */
  size_t open_count;
  struct resolution ring[RESOLUTIONS_MAX];
  size_t first, count;
  size_t slim; /* index from `first`: those below are slim */
  size_t bytes;
};

int lrm_arbiter_create(const lrm_allocator *allocator, lrm_arbiter **out) {
  lrm_arbiter *arbiter = allocator->alloc(allocator->user, sizeof *arbiter);
  if (arbiter == NULL) return LRM_ERR_NO_MEMORY;
  memset(arbiter, 0, sizeof *arbiter);
  arbiter->allocator = *allocator;
  *out = arbiter;
  return 0;
}

static void release(const lrm_arbiter *arbiter, void *memory) {
  if (memory != NULL) arbiter->allocator.free(arbiter->allocator.user, memory);
}

static struct resolution *resolution_at(lrm_arbiter *arbiter, size_t index) {
  return &arbiter->ring[(arbiter->first + index) % RESOLUTIONS_MAX];
}

void lrm_arbiter_destroy(lrm_arbiter *arbiter) {
  if (arbiter == NULL) return;
  lrm_allocator allocator = arbiter->allocator;
  for (size_t i = 0; i < arbiter->open_count; i++) release(arbiter, arbiter->open[i]);
  for (size_t i = 0; i < arbiter->count; i++) release(arbiter, resolution_at(arbiter, i)->message);
  allocator.free(allocator.user, arbiter);
}

/* ---- finding ---- */

static bool same_id(ProtobufCBinaryData have, const lrm_id *id) {
  return have.len == sizeof id->bytes && memcmp(have.data, id->bytes, sizeof id->bytes) == 0;
}

static size_t open_index(const lrm_arbiter *arbiter, const lrm_id *ask_id) {
  size_t i = 0;
  while (i < arbiter->open_count && !same_id(arbiter->open[i]->ask_id, ask_id)) i++;
  return i;
}

const Remote__V1__Ask *lrm_arbiter_open_ask(const lrm_arbiter *arbiter, size_t index) {
  return index < arbiter->open_count ? arbiter->open[index] : NULL;
}

const Remote__V1__Ask *lrm_arbiter_find(const lrm_arbiter *arbiter, const lrm_id *ask_id) {
  return lrm_arbiter_open_ask(arbiter, open_index(arbiter, ask_id));
}

const Remote__V1__AskResolved *lrm_arbiter_resolution(const lrm_arbiter *arbiter,
                                                      const lrm_id *ask_id) {
  /* The newest first: late answers follow soon after the one that won. */
  for (size_t i = arbiter->count; i-- > 0;) {
    const struct resolution *at = &arbiter->ring[(arbiter->first + i) % RESOLUTIONS_MAX];
    if (same_id(at->message->ask_id, ask_id)) return at->message;
  }
  return NULL;
}

/* ---- resolutions ---- */

static void drop_oldest(lrm_arbiter *arbiter) {
  struct resolution *oldest = resolution_at(arbiter, 0);
  arbiter->bytes -= oldest->bytes;
  release(arbiter, oldest->message);
  arbiter->first = (arbiter->first + 1) % RESOLUTIONS_MAX;
  arbiter->count--;
  if (arbiter->slim > 0) arbiter->slim--;
}

/* Lets go of the words of old answers, never of the newest one's. Without memory for the slim
 * copy it is tried again with the next resolution. */
static void slim_down(lrm_arbiter *arbiter) {
  static const lrm__cut no_words[] = {{0, 1}};
  while (arbiter->bytes > RESOLUTION_BYTES_MAX && arbiter->slim + 1 < arbiter->count) {
    struct resolution *old = resolution_at(arbiter, arbiter->slim);
    Remote__V1__AskResolved *copy = lrm__copy(&arbiter->allocator, &old->message->base, no_words);
    if (copy == NULL) return;
    release(arbiter, old->message);
    old->message = copy;
    arbiter->bytes -= old->bytes;
    old->bytes = 0;
    arbiter->slim++;
  }
}

static const Remote__V1__AskResolved *keep(lrm_arbiter *arbiter,
                                           const Remote__V1__AskResolved *resolved) {
  Remote__V1__AskResolved *copy = lrm__copy(&arbiter->allocator, &resolved->base, NULL);
  if (copy == NULL) return NULL;
  if (arbiter->count == RESOLUTIONS_MAX) drop_oldest(arbiter);
  size_t bytes = protobuf_c_message_get_packed_size(&copy->base);
  *resolution_at(arbiter, arbiter->count) = (struct resolution){copy, bytes};
  arbiter->count++;
  arbiter->bytes += bytes;
  slim_down(arbiter);
  return copy;
}

static void close_ask(lrm_arbiter *arbiter, size_t index) {
  release(arbiter, arbiter->open[index]);
  arbiter->open_count--;
  memmove(arbiter->open + index, arbiter->open + index + 1,
          (arbiter->open_count - index) * sizeof *arbiter->open);
}

/* The one way out of the table. */
static lrm_verdict resolve(lrm_arbiter *arbiter, size_t index,
                           const Remote__V1__AskResolved *resolved,
                           const Remote__V1__AskResolved **resolution) {
  LRM_ASSERT(index < arbiter->open_count);
  const Remote__V1__AskResolved *kept = keep(arbiter, resolved);
  if (kept == NULL) return LRM_VERDICT_NO_MEMORY;
  close_ask(arbiter, index);
  *resolution = kept;
  return LRM_VERDICT_WON;
}

/* ---- opening ---- */

static bool ask_id_of(ProtobufCBinaryData data, lrm_id *id) {
  return data.len == sizeof id->bytes && lrm_id_from(data.data, data.len, id) == 0 &&
         !lrm_id_none(id);
}

/* Under one-time-only policy the lasting options are taken away here, so that no surface shows
 * what it may not choose. */
static void remove_lasting(Remote__V1__Ask *ask) {
  if (!lrm__ask_one_time_only(ask)) return;
  size_t kept = 0;
  for (size_t i = 0; i < ask->n_options; i++)
    if (!lrm__option_lasts(ask->options[i]->kind)) ask->options[kept++] = ask->options[i];
  ask->n_options = kept;
}

static int open_ask(lrm_arbiter *arbiter, const Remote__V1__Ask *ask) {
  if (arbiter->open_count == LRM_ASKS_OPEN_MAX) return LRM_ERR_BUSY;
  Remote__V1__Ask *copy = lrm__copy(&arbiter->allocator, &ask->base, NULL);
  if (copy == NULL) return LRM_ERR_NO_MEMORY;
  remove_lasting(copy);
  arbiter->open[arbiter->open_count++] = copy;
  return 0;
}

int lrm_arbiter_open(lrm_arbiter *arbiter, const Remote__V1__Ask *ask) {
  lrm_id id;
  if (!ask_id_of(ask->ask_id, &id) || lrm_arbiter_find(arbiter, &id) != NULL ||
      lrm_arbiter_resolution(arbiter, &id) != NULL)
    return LRM_ERR_USAGE;
  return open_ask(arbiter, ask);
}

int lrm_arbiter_restore_open(lrm_arbiter *arbiter, const Remote__V1__Ask *ask) {
  lrm_id id;
  if (!ask_id_of(ask->ask_id, &id)) return LRM_ERR_USAGE;
  if (lrm_arbiter_find(arbiter, &id) != NULL || lrm_arbiter_resolution(arbiter, &id) != NULL)
    return 0;
  return open_ask(arbiter, ask);
}

int lrm_arbiter_restore_resolved(lrm_arbiter *arbiter, const Remote__V1__AskResolved *resolved) {
  lrm_id id;
  if (!ask_id_of(resolved->ask_id, &id)) return LRM_ERR_USAGE;
  if (lrm_arbiter_resolution(arbiter, &id) == NULL && keep(arbiter, resolved) == NULL)
    return LRM_ERR_NO_MEMORY;
  size_t index = open_index(arbiter, &id);
  if (index < arbiter->open_count) close_ask(arbiter, index);
  return 0;
}

/* ---- answers and other ends ---- */

/* Finds the open ask, or the verdict for one that is not open. */
static lrm_verdict locate(const lrm_arbiter *arbiter, const lrm_id *ask_id, size_t *index,
                          const Remote__V1__AskResolved **resolution) {
  *resolution = NULL;
  *index = open_index(arbiter, ask_id);
  if (*index < arbiter->open_count) return LRM_VERDICT_WON;
  *resolution = lrm_arbiter_resolution(arbiter, ask_id);
  return *resolution != NULL ? LRM_VERDICT_SUPERSEDED : LRM_VERDICT_NO_SUCH_ASK;
}

/* protobuf-c declares members without const; what is built here is only read, by the copy. */
static ProtobufCBinaryData borrow(lrm_id *id) {
  return (ProtobufCBinaryData){.len = sizeof id->bytes, .data = id->bytes};
}

static void *unconst(const void *pointer) {
  void *same;
  memcpy(&same, &pointer, sizeof same);
  return same;
}

lrm_verdict lrm_arbiter_answer(lrm_arbiter *arbiter, const lrm_id *ask_id,
                               const Remote__V1__AnswerContent *answer, const Remote__V1__Actor *by,
                               const lrm_id *command_id, uint64_t at_ms,
                               const Remote__V1__AskResolved **resolution) {
  size_t index;
  lrm_verdict verdict = locate(arbiter, ask_id, &index, resolution);
  if (verdict != LRM_VERDICT_WON) return verdict;
  if (answer == NULL) return LRM_VERDICT_INVALID;
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  verdict = lrm__answer_check(arbiter->open[index], answer, &resolved.option_kind);
  if (verdict != LRM_VERDICT_WON) return verdict;
  lrm_id ask = *ask_id, command = command_id == NULL ? (lrm_id){{0}} : *command_id;
  resolved.ask_id = borrow(&ask);
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = unconst(answer);
  resolved.by = unconst(by);
  resolved.at_ms = at_ms;
  if (!lrm_id_none(&command)) resolved.command_id = borrow(&command);
  return resolve(arbiter, index, &resolved, resolution);
}

static bool ends(Remote__V1__AskOutcome outcome) {
  return outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_EXPIRED ||
         outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN ||
         outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_CANCELLED ||
         outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ORPHANED;
}

lrm_verdict lrm_arbiter_end(lrm_arbiter *arbiter, const lrm_id *ask_id,
                            Remote__V1__AskOutcome outcome, const char *reason,
                            const Remote__V1__Actor *by, uint64_t at_ms,
                            const Remote__V1__AskResolved **resolution) {
  size_t index;
  lrm_verdict verdict = locate(arbiter, ask_id, &index, resolution);
  if (verdict != LRM_VERDICT_WON) return verdict;
  if (!ends(outcome)) return LRM_VERDICT_INVALID;
  lrm_id ask = *ask_id;
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  resolved.ask_id = borrow(&ask);
  resolved.outcome = outcome;
  resolved.reason = unconst(reason);
  resolved.by = unconst(by);
  resolved.at_ms = at_ms;
  return resolve(arbiter, index, &resolved, resolution);
}

/* ---- expiry ---- */

/* The open ask that expires first; open_count: none ever does. */
static size_t next_to_expire(const lrm_arbiter *arbiter) {
  size_t next = arbiter->open_count;
  for (size_t i = 0; i < arbiter->open_count; i++) {
    uint64_t expires = arbiter->open[i]->expires_ms;
    if (expires == 0) continue;
    if (next == arbiter->open_count || expires < arbiter->open[next]->expires_ms) next = i;
  }
  return next;
}

uint64_t lrm_arbiter_deadline_ms(const lrm_arbiter *arbiter) {
  size_t next = next_to_expire(arbiter);
  return next == arbiter->open_count ? UINT64_MAX : arbiter->open[next]->expires_ms;
}

/* The option by which the agent is told no; NULL: it offered none. */
static Remote__V1__AskOption *reject_option(const Remote__V1__Ask *ask) {
  for (size_t i = 0; i < ask->n_options; i++)
    if (ask->options[i]->kind == REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE)
      return ask->options[i];
  return NULL;
}

bool lrm_arbiter_expire(lrm_arbiter *arbiter, uint64_t at_ms,
                        const Remote__V1__AskResolved **resolution) {
  static const char reason[] = "nobody answered in time";
  size_t index = next_to_expire(arbiter);
  *resolution = NULL;
  if (index == arbiter->open_count || arbiter->open[index]->expires_ms > at_ms) return false;
  const Remote__V1__Ask *ask = arbiter->open[index];
  Remote__V1__AnswerContent no = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  resolved.ask_id = ask->ask_id;
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_EXPIRED;
  resolved.at_ms = at_ms;
  resolved.reason = unconst(reason);
  Remote__V1__AskOption *reject = reject_option(ask);
  if (ask->on_expiry == REMOTE__V1__ON_EXPIRY__ON_EXPIRY_REJECT && reject != NULL) {
    no.option_id = reject->option_id;
    resolved.answer = &no;
    resolved.option_kind = reject->kind;
  }
  return resolve(arbiter, index, &resolved, resolution) == LRM_VERDICT_WON;
}

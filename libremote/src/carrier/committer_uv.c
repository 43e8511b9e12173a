/* Group commit in libuv's thread pool: one batch is out at a time; whatever is appended meanwhile
 * makes the next one, so batches grow with the load by themselves. */
#include <stdlib.h>

#include "remote/carrier_uv.h"
#include "remote/log.h"

enum { RETRY_MS = 500, SETTLE_RETRY_MS = 5 };

struct lrm_uv_committer {
  uv_loop_t *loop;
  uv_work_t work;
  uv_timer_t timer; /* the end of this turn, or a retry */
  uv_sem_t written; /* posted by the pool thread, for destroy */
  lrm_store *store;
  lrm_batch *batch; /* frozen and not settled; NULL: none */
  int result;       /* of writing it */
  void (*settled)(void *user, int result);
  void (*frozen)(void *user); /* NULL: nobody wants to know */
  void *user;
  bool working;  /* the pool has the batch */
  bool retrying; /* the timer waits out a fault */
  bool dead;     /* fenced: another process owns the store */
  bool closing;
  bool timer_closed;
};

static void begin(lrm_uv_committer *committer);
static void settle(lrm_uv_committer *committer);

static void free_when_idle(lrm_uv_committer *committer) {
  if (!committer->closing || committer->working || !committer->timer_closed) return;
  uv_sem_destroy(&committer->written);
  free(committer);
}

static void on_timer(uv_timer_t *timer) {
  lrm_uv_committer *committer = timer->data;
  committer->retrying = false;
  if (committer->batch != NULL && !committer->working) {
    settle(committer);
  } else {
    begin(committer);
  }
}

static void retry(lrm_uv_committer *committer, uint64_t delay_ms) {
  committer->retrying = delay_ms > 0;
  (void)uv_timer_start(&committer->timer, on_timer, delay_ms, 0);
}

static void settle(lrm_uv_committer *committer) {
  if (lrm_store_settle(committer->store, committer->batch, committer->result) != 0) {
    retry(committer, SETTLE_RETRY_MS); /* the batch is still out; what is in it is not lost */
    return;
  }
  int result = committer->result;
  committer->batch = NULL;
  committer->settled(committer->user, result);
  if (committer->closing || committer->dead) return;
  if (result == LRM_ERR_FENCED) {
    committer->dead = true;
  } else if (result != 0) {
    retry(committer, RETRY_MS);
  } else if (lrm_store_dirty(committer->store)) {
    retry(committer, 0);
  }
}

static void on_work(uv_work_t *work) {
  lrm_uv_committer *committer = work->data;
  committer->result = lrm_batch_write(committer->batch);
  uv_sem_post(&committer->written);
}

static void on_worked(uv_work_t *work, int status) {
  lrm_uv_committer *committer = work->data;
  committer->working = false;
  (void)status; /* never cancelled */
  if (committer->closing) {
    free_when_idle(committer);
    return;
  }
  uv_sem_wait(&committer->written);
  settle(committer);
}

static void begin(lrm_uv_committer *committer) {
  if (committer->batch != NULL || committer->dead || committer->closing) return;
  if (lrm_store_freeze(committer->store, &committer->batch) != 0) {
    committer->batch = NULL;
    return;
  }
  if (committer->frozen != NULL) committer->frozen(committer->user);
  committer->working = true;
  committer->work.data = committer;
  (void)uv_queue_work(committer->loop, &committer->work, on_work, on_worked);
}

int lrm_uv_committer_create(uv_loop_t *loop, struct lrm_store *store,
                            void (*settled)(void *user, int result), void *user,
                            lrm_uv_committer **out) {
  lrm_uv_committer *committer = calloc(1, sizeof *committer);
  if (committer == NULL) return LRM_ERR_NO_MEMORY;
  committer->loop = loop;
  committer->store = store;
  committer->settled = settled;
  committer->user = user;
  if (uv_sem_init(&committer->written, 0) != 0) {
    free(committer);
    return LRM_ERR_NO_MEMORY;
  }
  (void)uv_timer_init(loop, &committer->timer);
  committer->timer.data = committer;
  *out = committer;
  return 0;
}

void lrm_uv_committer_kick(lrm_uv_committer *committer) {
  if (committer->batch != NULL || committer->retrying || committer->closing) return;
  /* At the end of this turn: what one turn appends belongs into one transaction. */
  if (!uv_is_active((uv_handle_t *)&committer->timer)) retry(committer, 0);
}

void lrm_uv_committer_on_frozen(lrm_uv_committer *committer, void (*frozen)(void *user)) {
  committer->frozen = frozen;
}

bool lrm_uv_committer_idle(const lrm_uv_committer *committer) {
  return committer->batch == NULL && !lrm_store_dirty(committer->store);
}

static void on_timer_closed(uv_handle_t *handle) {
  lrm_uv_committer *committer = handle->data;
  committer->timer_closed = true;
  free_when_idle(committer);
}

void lrm_uv_committer_destroy(lrm_uv_committer *committer) {
  committer->closing = true;
  if (committer->batch != NULL) {
    if (committer->working) uv_sem_wait(&committer->written);
    int result = lrm_store_settle(committer->store, committer->batch, committer->result);
    committer->batch = NULL;
    committer->settled(committer->user, result != 0 ? result : committer->result);
  }
  if (!committer->dead && lrm_store_dirty(committer->store)) {
    if (committer->frozen != NULL) committer->frozen(committer->user);
    committer->settled(committer->user, lrm_store_commit(committer->store));
  }
  uv_close((uv_handle_t *)&committer->timer, on_timer_closed);
}

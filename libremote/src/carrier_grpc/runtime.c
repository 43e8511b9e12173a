/* One completion queue for each loop. gRPC has no descriptor that a loop could watch, so one thread
 * drains the queue, does nothing but put what is finished on a list, and wakes the loop; every
 * decision is made on the loop's thread. */
#include "carrier_grpc/grpc_internal.h"

#include <grpc/support/log.h>
#include <signal.h>
#include <stdlib.h>

static uv_mutex_t runtimes_lock;
static uv_once_t runtimes_once = UV_ONCE_INIT;
static grpc_runtime *runtimes;

static void quiet(gpr_log_func_args *args) { (void)args; }

static void runtimes_begin(void) {
  (void)uv_mutex_init(&runtimes_lock);
  /* gRPC writes to stderr, where a program draws. Who looks for a fault says GRPC_VERBOSITY. */
  if (getenv("GRPC_VERBOSITY") == NULL) gpr_set_log_function(quiet);
  /* Names mean what they mean to tcp://, by the system's rules; c-ares has its own, and leaks. The
   * library reads this when it is initialised, and there is no argument for it. */
  (void)setenv("GRPC_DNS_RESOLVER", "native", 0);
}

static void queue_run(void *user) {
  grpc_runtime *rt = user;
  for (;;) {
    grpc_event event =
        grpc_completion_queue_next(rt->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) return;
    if (event.type != GRPC_OP_COMPLETE) continue;
    grpc_tag *tag = event.tag;
    uv_mutex_lock(&rt->lock);
    tag->ok = event.success != 0;
    tag->next = NULL;
    if (rt->last != NULL) rt->last->next = tag;
    if (rt->first == NULL) rt->first = tag;
    rt->last = tag;
    uv_mutex_unlock(&rt->lock);
    (void)uv_async_send(&rt->wake);
  }
}

static void on_runtime_closed(uv_handle_t *handle) {
  grpc_runtime *rt = handle->data;
  grpc_shutdown(); /* waits for gRPC's threads when it is the last */
  while (rt->spent != NULL) {
    grpc_identity *id = rt->spent;
    rt->spent = id->next;
    lrm__grpc_identity_free(id);
  }
  uv_mutex_destroy(&rt->lock);
  free(rt);
}

void lrm__grpc_runtime_release(grpc_runtime *rt) {
  if (--rt->references > 0) return;
  uv_mutex_lock(&runtimes_lock);
  grpc_runtime **at = &runtimes;
  while (*at != rt) at = &(*at)->next;
  *at = rt->next;
  uv_mutex_unlock(&runtimes_lock);
  grpc_completion_queue_shutdown(rt->queue);
  (void)uv_thread_join(&rt->thread); /* nothing is in flight: it ends at once */
  grpc_completion_queue_destroy(rt->queue);
  uv_close((uv_handle_t *)&rt->wake, on_runtime_closed);
}

static void on_wake(uv_async_t *wake) {
  grpc_runtime *rt = wake->data;
  uv_mutex_lock(&rt->lock);
  grpc_tag *tag = rt->first;
  rt->first = rt->last = NULL;
  uv_mutex_unlock(&rt->lock);
  rt->references++; /* what is done here may end the last grpc_stream */
  while (tag != NULL) {
    grpc_tag *next = tag->next; /* done may free it */
    tag->pending = false;
    tag->done(tag, tag->ok);
    tag = next;
  }
  lrm__grpc_runtime_release(rt);
}

/* gRPC's threads must not take the program's signals. */
static bool start_threads(grpc_runtime *rt) {
  sigset_t all, before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  grpc_init();
  rt->queue = grpc_completion_queue_create_for_next(NULL);
  bool started = uv_thread_create(&rt->thread, queue_run, rt) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

static grpc_runtime *runtime_make(uv_loop_t *loop) {
  grpc_runtime *rt = calloc(1, sizeof *rt);
  if (rt == NULL) return NULL;
  rt->loop = loop;
  rt->wake.data = rt;
  if (uv_mutex_init(&rt->lock) != 0) {
    free(rt);
    return NULL;
  }
  if (uv_async_init(loop, &rt->wake, on_wake) != 0) {
    uv_mutex_destroy(&rt->lock);
    free(rt);
    return NULL;
  }
  if (!start_threads(rt)) {
    grpc_completion_queue_shutdown(rt->queue);
    grpc_completion_queue_destroy(rt->queue);
    uv_close((uv_handle_t *)&rt->wake, on_runtime_closed);
    return NULL;
  }
  uv_mutex_lock(&runtimes_lock);
  rt->next = runtimes;
  runtimes = rt;
  uv_mutex_unlock(&runtimes_lock);
  return rt;
}

/* The loop's runtime, with one more reference. NULL: out of memory or threads. */
grpc_runtime *lrm__grpc_runtime_of(uv_loop_t *loop) {
  uv_once(&runtimes_once, runtimes_begin);
  uv_mutex_lock(&runtimes_lock);
  grpc_runtime *rt = runtimes;
  while (rt != NULL && rt->loop != loop) rt = rt->next;
  uv_mutex_unlock(&runtimes_lock);
  if (rt == NULL) rt = runtime_make(loop);
  if (rt != NULL) rt->references++;
  return rt;
}

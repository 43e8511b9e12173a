#include "watch_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the last events ---- */

enum { PAGE_OFFSETS = 4096 };

typedef struct finding {
  remote_session session;
  lrm_position before; /* the next page ends here */
  uint64_t page[PAGE_OFFSETS];
  uint64_t wanted;
  size_t in_page;
  bool done, failed;
  remote_v1_Problem problem;
} finding;

static void next_page(finding *f) {
  f->in_page = 0;
  if (remote_session_page(&f->session, f->before, PAGE_OFFSETS)) f->done = f->failed = true;
}

/* The page is complete: is the place in it, or before it? */
static void judge_page(finding *f, const lrm_history_event *event) {
  if (f->in_page >= f->wanted) {
    f->before.offset = f->page[f->in_page - f->wanted];
    f->done = true;
    return;
  }
  f->wanted -= f->in_page;
  f->before.offset = event->offset;
  f->done = event->first;
}

static void on_page(void *user, remote_session *s, const lrm_history_event *event) {
  finding *f = user;
  (void)s;
  switch (event->type) {
    case LRM_HISTORY_EVENT:
      f->page[f->in_page++ % PAGE_OFFSETS] = event->offset;
      break;
    case LRM_HISTORY_DONE:
      judge_page(f, event);
      break;
    case LRM_HISTORY_FAILED:
      f->done = f->failed = true;
      f->problem = *event->problem;
      break;
    default:
      break;
  }
}

/* A page is asked for outside of the callback that ends the one before. */
static bool is_found(void *user) {
  finding *f = user;
  if (!f->done && !remote_session_paging(&f->session)) next_page(f);
  return f->done;
}

static exit_code explain(finding *f, bool in_time) {
  if (!in_time) return connection_explain(f->session.connection);
  if (f->problem.code) connection_print_problem("the history cannot be read", &f->problem);
  return f->problem.code ? connection_problem_exit(f->problem.code) : EXIT_CODE_FAILURE;
}

exit_code watch_find_last(connection *c, const remote_v1_SessionEntry *entry, uint64_t count,
                          lrm_position *out) {
  static const remote_session_ops ops = {.page = on_page};
  finding *f = calloc(1, sizeof *f);
  if (!f) {
    fputs("remote: out of memory\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  const remote_session_config config = {
      .start = remote_v1_Start_START_LIVE, .watch_only = true, .ops = &ops, .user = f};
  exit_code result = remote_session_open(&f->session, c, entry, &config);
  if (!result) result = remote_session_wait_synced(&f->session);
  if (!result) {
    f->wanted = count;
    f->before = lrm_client_position(f->session.client);
    bool in_time =
        lrm_id_none(&f->before.epoch) ||
        connection_wait(c, is_found, f, c->timeout_given ? c->timeout_ms : CONNECTION_FOREVER);
    if (!in_time || f->failed) result = explain(f, in_time);
    *out = f->before;
  }
  if (f->session.client) {
    lrm_client_detach(f->session.client);
    remote_session_close(&f->session);
    /* The timer's handle lies in here: it is gone with the next turn. */
    uv_run(&c->loop, UV_RUN_NOWAIT);
  }
  free(f);
  return result;
}

/* ---- progress ---- */

void watch_progress_start(watch_progress *p) {
  *p = (watch_progress){.wanted = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO)};
}

void watch_progress_at(watch_progress *p, uint64_t offset, uint64_t now_ns) {
  if (!p->wanted || now_ns - p->said_ns < UINT64_C(250000000)) return;
  if (p->said_ns != 0 && p->end > offset) {
    fprintf(stderr, "\rremote: reading history: %" PRIu64 " of %" PRIu64 " events",
            offset > p->first ? offset - p->first : 0, p->end - p->first);
    fflush(stderr);
    p->shown = true;
  }
  p->said_ns = now_ns;
}

void watch_progress_clear(watch_progress *p) {
  if (p->shown) fprintf(stderr, "\r%*s\r", 70, "");
  p->shown = false;
}

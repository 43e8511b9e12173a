/* The view's reducer, on wild events. First byte: bit 0, the view is taken and restored at every
 * step; else by action. Then a script (script.h): its pieces are Event messages, those that the
 * preflight refuses are left out; actions are
 *   0  what follows is durable (argument's bit 0: a SessionState begins a set)
 *   1  what follows is a tail
 *   2  the tails are cleared
 *   3  the late reader begins again from a snapshot
 *   4  the newest event again, argument times, each a millisecond later
 *   5  reset
 * Holds: the view that saw all and the late one that began from a snapshot say the same; a
 * snapshot's parts pass the preflight; limits, UTF-8 and memory are kept; tails leave no trace. */
#include <string.h>

#include "layout.h"
#include "remote/limits.h"
#include "remote/message.h"
#include "remote/view.h"
#include "script.h"
#include "target.h"

static const lrm_schema_message *message(const uint8_t *data, size_t size) {
  (void)data;
  (void)size;
  return &lrm_schema_Event;
}

const fuzz_layout fuzz_layout_here = {
    .head = 1, .is_script = true, .actions = 6, .message = message};

/* Two SessionStates of the largest size, what lies over them, and room to change them. */
enum { MEMORY_MAX = 8 << 20, PARTS_MAX = 64 };

typedef struct run {
  lrm_view *whole, *late;
  size_t memory;
  bool tails, begins;
  Remote__V1__Event *newest;
} run;

static void *count_alloc(void *user, size_t bytes) {
  run *r = user;
  size_t *at = malloc(bytes + 16);
  if (at == NULL) abort();
  *at = bytes;
  r->memory += bytes;
  return (uint8_t *)at + 16;
}

static void count_free(void *user, void *pointer) {
  if (pointer == NULL) return;
  size_t *at = (size_t *)((uint8_t *)pointer - 16);
  ((run *)user)->memory -= *at;
  free(at);
}

static lrm_view *view_new(run *r) {
  lrm_allocator allocator = {count_alloc, count_free, r};
  lrm_view *view;
  FUZZ_CHECK(lrm_view_create(&allocator, &view) == 0);
  return view;
}

/* ---- snapshots ---- */

typedef struct parts {
  uint8_t *data[PARTS_MAX];
  size_t bytes[PARTS_MAX], count;
} parts;

static int collect(void *user, const uint8_t *event, size_t bytes) {
  parts *p = user;
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  FUZZ_CHECK(p->count < PARTS_MAX && bytes <= LRM_MESSAGE_BYTES_MAX);
  FUZZ_CHECK(lrm_preflight(&lrm_schema_Event, event, bytes, &limits, NULL) == 0);
  p->data[p->count] = malloc(bytes + 1);
  memcpy(p->data[p->count], event, bytes);
  p->bytes[p->count++] = bytes;
  return 0;
}

static void take(const lrm_view *view, parts *out) {
  out->count = 0;
  FUZZ_CHECK(lrm_view_snapshot(view, 7, collect, out) == 0 && out->count > 0);
}

static void drop(parts *p) {
  for (size_t i = 0; i < p->count; i++) free(p->data[i]);
}

static void check_same(const lrm_view *a, const lrm_view *b) {
  parts x, y;
  take(a, &x);
  take(b, &y);
  FUZZ_CHECK(x.count == y.count);
  for (size_t i = 0; i < x.count; i++)
    FUZZ_CHECK(x.bytes[i] == y.bytes[i] && memcmp(x.data[i], y.data[i], x.bytes[i]) == 0);
  drop(&x);
  drop(&y);
}

/* The late reader begins anew from what the whole one is. */
static void restore(run *r) {
  parts p;
  take(r->whole, &p);
  lrm_view_destroy(r->late);
  r->late = view_new(r);
  for (size_t i = 0; i < p.count; i++) {
    Remote__V1__Event *event = remote__v1__event__unpack(NULL, p.bytes[i], p.data[i]);
    FUZZ_CHECK(event != NULL && lrm_view_apply(r->late, event, i == 0) == 0);
    remote__v1__event__free_unpacked(event, NULL);
  }
  drop(&p);
  check_same(r->whole, r->late);
}

/* ---- what is shown ---- */

static void check_bounds(const run *r) {
  const Remote__V1__SessionState *s = lrm_view_state(r->whole);
  size_t bytes = 0;
  for (size_t i = 0; i < s->n_history; i++)
    bytes += remote__v1__history_item__get_packed_size(s->history[i]);
  FUZZ_CHECK(bytes <= LRM_HISTORY_BYTES && s->n_history <= LRM_HISTORY_ITEMS);
  FUZZ_CHECK(s->n_outcomes <= LRM_OUTCOMES_IN_STATE && s->n_asks <= LRM_ASKS_OPEN_MAX);
  FUZZ_CHECK(s->n_tools <= 64 && s->n_subagents <= 64 && s->n_queue <= 64);
  FUZZ_CHECK(s->n_modes <= 32 && s->n_options <= 32 && s->n_slash_commands <= 256);
  for (size_t i = 0; i < s->n_tools; i++)
    FUZZ_CHECK(s->tools[i]->output.len <= LRM_TOOL_OUTPUT_BYTES);
  FUZZ_CHECK(r->memory <= MEMORY_MAX);
}

/* What is shown is a message that a reader takes: lists, texts and their UTF-8 within the schema.
 * A state with tails may be larger than a message; each part of it is looked at by itself. */
static void check_shown(const run *r) {
  const Remote__V1__SessionState *s = lrm_view_state(r->whole);
  size_t bytes = remote__v1__session_state__get_packed_size(s);
  uint8_t *packed = malloc(bytes + 1);
  remote__v1__session_state__pack(s, packed);
  lrm_preflight_limits limits = {LRM_DEPTH_MAX, LRM_UNKNOWN_BYTES_MAX, UINT64_MAX};
  FUZZ_CHECK(lrm_preflight(&lrm_schema_SessionState, packed, bytes, &limits, NULL) == 0);
  free(packed);
}

/* ---- steps ---- */

static void apply(run *r, const Remote__V1__Event *event) {
  if (r->tails) {
    FUZZ_CHECK(lrm_view_apply_tail(r->whole, event) == 0);
    return; /* a late reader has no tails: the durable state may not show them */
  }
  FUZZ_CHECK(lrm_view_apply(r->whole, event, r->begins) == 0);
  FUZZ_CHECK(lrm_view_apply(r->late, event, r->begins) == 0);
}

static void take_event(run *r, const uint8_t *data, size_t bytes) {
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  if (lrm_preflight(&lrm_schema_Event, data, bytes, &limits, NULL) != 0) return;
  Remote__V1__Event *event = remote__v1__event__unpack(NULL, bytes, data);
  FUZZ_CHECK(event != NULL);
  apply(r, event);
  if (r->newest != NULL) remote__v1__event__free_unpacked(r->newest, NULL);
  r->newest = event;
}

static void act(run *r, uint8_t action, uint8_t argument) {
  switch (action % 6) {
    case 0:
      r->tails = false;
      r->begins = argument & 1;
      break;
    case 1:
      r->tails = true;
      break;
    case 2:
      lrm_view_clear_tail(r->whole);
      break;
    case 3:
      restore(r);
      break;
    case 4:
      for (unsigned i = 0; r->newest != NULL && i < argument % 100u; i++) {
        r->newest->at_ms++;
        apply(r, r->newest);
      }
      break;
    default:
      lrm_view_reset(r->whole);
      lrm_view_reset(r->late);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  run r;
  if (size < 1) return 0;
  memset(&r, 0, sizeof r);
  r.whole = view_new(&r);
  r.late = view_new(&r);
  fuzz_script script = {data, size, 1};
  for (fuzz_step step; fuzz_script_next(&script, &step);) {
    if (step.is_piece)
      take_event(&r, step.piece, step.piece_bytes);
    else
      act(&r, step.action, step.argument);
    check_bounds(&r);
    if (data[0] & 1) restore(&r);
  }
  check_shown(&r);
  check_same(r.whole, r.late);
  lrm_view_clear_tail(r.whole);
  size_t bytes = remote__v1__session_state__get_packed_size(lrm_view_state(r.late));
  FUZZ_CHECK(remote__v1__session_state__get_packed_size(lrm_view_state(r.whole)) == bytes);
  lrm_view_destroy(r.whole);
  lrm_view_destroy(r.late);
  if (r.newest != NULL) remote__v1__event__free_unpacked(r.newest, NULL);
  FUZZ_CHECK(r.memory == 0);
  return 0;
}

/* Properties of the view on random events. For every n: snapshot(at n) + events n.. is events
 * 0..; a snapshot of a snapshot is that snapshot; tails leave no trace; limits hold; texts stay
 * valid. Each test prints its seed when it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "remote/limits.h"
#include "remote/message.h"
#include "remote/view.h"
#include "schema.h"
#include "session/view_generate.h"

/* ---- counted memory ---- */

static size_t blocks, calls, fail_at;

static void *counted_alloc(void *user, size_t bytes) {
  (void)user;
  if (++calls == fail_at) return NULL;
  blocks++;
  return malloc(bytes);
}

static void counted_free(void *user, void *memory) {
  (void)user;
  blocks--;
  free(memory);
}

static const lrm_allocator counted = {counted_alloc, counted_free, NULL};

/* ---- helpers ---- */

static lrm_view *new_view(void) {
  lrm_view *view;
  assert_int_equal(lrm_view_create(&counted, &view), 0);
  return view;
}

struct parts {
  uint8_t *data[64];
  size_t bytes[64], count;
};

static int collect(void *user, const uint8_t *event, size_t bytes) {
  struct parts *parts = user;
  assert_true(parts->count < 64);
  assert_true(bytes <= LRM_MESSAGE_BYTES_MAX);
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  lrm_preflight_report report;
  int result = lrm_preflight(&lrm_schema_Event, event, bytes, &limits, &report);
  if (result != 0) print_message("part: %s in %s\n", report.error_text, report.error_field);
  assert_int_equal(result, 0);
  parts->data[parts->count] = malloc(bytes);
  memcpy(parts->data[parts->count], event, bytes);
  parts->bytes[parts->count++] = bytes;
  return 0;
}

static struct parts snapshot(const lrm_view *view) {
  struct parts parts = {.count = 0};
  assert_int_equal(lrm_view_snapshot(view, 7, collect, &parts), 0);
  assert_true(parts.count >= 1);
  return parts;
}

static void free_parts(struct parts *parts) {
  for (size_t i = 0; i < parts->count; i++) free(parts->data[i]);
}

static lrm_view *restored(const struct parts *parts) {
  lrm_view *view = new_view();
  for (size_t i = 0; i < parts->count; i++) {
    Remote__V1__Event *event = remote__v1__event__unpack(NULL, parts->bytes[i], parts->data[i]);
    assert_non_null(event);
    assert_int_equal(lrm_view_apply(view, event, i == 0), 0);
    remote__v1__event__free_unpacked(event, NULL);
  }
  return view;
}

static void assert_same_parts(const struct parts *a, const struct parts *b, const char *what,
                              uint64_t seed, size_t n) {
  bool same = a->count == b->count;
  for (size_t i = 0; same && i < a->count; i++)
    same = a->bytes[i] == b->bytes[i] && memcmp(a->data[i], b->data[i], a->bytes[i]) == 0;
  if (!same) fail_msg("%s: seed %llu, event %zu", what, (unsigned long long)seed, n);
}

static void assert_same(const lrm_view *a, const lrm_view *b, const char *what, uint64_t seed,
                        size_t n) {
  struct parts x = snapshot(a), y = snapshot(b);
  assert_same_parts(&x, &y, what, seed, n);
  free_parts(&x);
  free_parts(&y);
}

/* ---- limits and texts of what is shown ---- */

static bool valid_utf8(const char *text) {
  const uint8_t *at = (const uint8_t *)text;
  while (*at != 0) {
    unsigned more = *at < 0x80 ? 0 : *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : *at >= 0xc0 ? 1 : 9;
    if (more == 9) return false;
    for (at++; more > 0; more--, at++)
      if ((*at & 0xc0) != 0x80) return false;
  }
  return true;
}

static void check_texts(const ProtobufCMessage *message) {
  const ProtobufCMessageDescriptor *type = message->descriptor;
  const uint8_t *base = (const uint8_t *)message;
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];
    const void *at = base + field->offset;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
        memcmp(base + field->quantifier_offset, &field->id, sizeof field->id) != 0)
      continue;
    size_t count = 1;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
      memcpy(&count, base + field->quantifier_offset, sizeof count);
      memcpy(&at, at, sizeof at);
    }
    for (size_t j = 0; j < count; j++) {
      if (field->type == PROTOBUF_C_TYPE_STRING)
        assert_true(valid_utf8(((const char *const *)at)[j]));
      const ProtobufCMessage *child =
          field->type == PROTOBUF_C_TYPE_MESSAGE ? ((ProtobufCMessage *const *)at)[j] : NULL;
      if (child != NULL) check_texts(child);
    }
  }
}

static void check_bounds(const lrm_view *view) {
  const Remote__V1__SessionState *state = lrm_view_state(view);
  size_t bytes = 0;
  for (size_t i = 0; i < state->n_history; i++)
    bytes += remote__v1__history_item__get_packed_size(state->history[i]);
  assert_true(bytes <= LRM_HISTORY_BYTES);
  assert_true(state->n_history <= LRM_HISTORY_ITEMS);
  assert_true(state->n_outcomes <= LRM_OUTCOMES_IN_STATE);
  assert_true(state->n_asks <= LRM_ASKS_OPEN_MAX);
  assert_true(state->n_tools <= 64 && state->n_subagents <= 64 && state->n_queue <= 64);
  assert_true(state->n_modes <= 32 && state->n_options <= 32 && state->n_slash_commands <= 256);
  for (size_t i = 0; i < state->n_tools; i++)
    assert_true(state->tools[i]->output.len <= LRM_TOOL_OUTPUT_BYTES);
  check_texts(&state->base);
}

/* ---- wild events ---- */

#define WILD_EVENTS 90

static void check_from(uint64_t seed, Remote__V1__Event **events, size_t n, lrm_view *whole,
                       lrm_view *at_n) {
  struct parts taken = snapshot(at_n);
  lrm_view *view = restored(&taken);
  struct parts again = snapshot(view);
  assert_same_parts(&taken, &again, "snapshot of a snapshot", seed, n);
  for (size_t i = n; i < WILD_EVENTS; i++)
    assert_int_equal(lrm_view_apply(view, events[i], wild_begins(events[i])), 0);
  assert_same(whole, view, "snapshot and the rest", seed, n);
  free_parts(&taken);
  free_parts(&again);
  lrm_view_destroy(view);
}

static void wild_sequence(uint64_t seed) {
  random_source random = {seed};
  Remote__V1__Event *events[WILD_EVENTS];
  lrm_view *whole = new_view(), *at_n = new_view();
  for (size_t i = 0; i < WILD_EVENTS; i++) {
    events[i] = wild_event(&random);
    assert_int_equal(lrm_view_apply(whole, events[i], wild_begins(events[i])), 0);
    check_bounds(whole);
  }
  for (size_t n = 0; n <= WILD_EVENTS; n++) {
    check_from(seed, events, n, whole, at_n);
    if (n < WILD_EVENTS)
      assert_int_equal(lrm_view_apply(at_n, events[n], wild_begins(events[n])), 0);
  }
  for (size_t i = 0; i < WILD_EVENTS; i++) remote__v1__event__free_unpacked(events[i], NULL);
  lrm_view_destroy(whole);
  lrm_view_destroy(at_n);
  assert_int_equal(blocks, 0);
}

static void wild_events_restore_from_every_place(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 8; seed++) wild_sequence(seed);
}

/* Every kind of event as a tail between durable ones: no trace in the durable state, and none in
 * what is shown once it is cleared. */
static void wild_tails_leave_no_trace(void **state) {
  (void)state;
  for (uint64_t seed = 100; seed < 115; seed++) {
    random_source random = {seed};
    lrm_view *with = new_view(), *without = new_view();
    for (size_t n = 0; n < 200; n++) {
      Remote__V1__Event *event = wild_event(&random);
      if (random_below(&random, 2) == 0) {
        assert_int_equal(lrm_view_apply_tail(with, event), 0);
      } else {
        assert_int_equal(lrm_view_apply(with, event, wild_begins(event)), 0);
        assert_int_equal(lrm_view_apply(without, event, wild_begins(event)), 0);
      }
      remote__v1__event__free_unpacked(event, NULL);
      check_bounds(with);
      assert_same(with, without, "tails", seed, n);
      if (random_below(&random, 12) == 0) lrm_view_clear_tail(with);
    }
    lrm_view_clear_tail(with);
    size_t bytes = remote__v1__session_state__get_packed_size(lrm_view_state(without));
    assert_int_equal(remote__v1__session_state__get_packed_size(lrm_view_state(with)), bytes);
    lrm_view_destroy(with);
    lrm_view_destroy(without);
  }
  assert_int_equal(blocks, 0);
}

/* ---- missing memory ---- */

static int emit_nothing(void *user, const uint8_t *event, size_t bytes) {
  (void)user;
  (void)event;
  (void)bytes;
  return 0;
}

/* All calls until one fails. 0: none did. */
static int run_until_it_fails(uint64_t seed) {
  random_source random = {seed};
  lrm_view *view = NULL;
  int result = lrm_view_create(&counted, &view);
  for (size_t n = 0; result == 0 && n < 60; n++) {
    Remote__V1__Event *event = wild_event(&random);
    result = random_below(&random, 3) == 0 ? lrm_view_apply_tail(view, event)
                                           : lrm_view_apply(view, event, wild_begins(event));
    remote__v1__event__free_unpacked(event, NULL);
    if (random_below(&random, 9) == 0) lrm_view_clear_tail(view);
    if (result == 0 && n % 20 == 19) result = lrm_view_snapshot(view, 1, emit_nothing, NULL);
    if (view != NULL) check_texts(&lrm_view_state(view)->base);
  }
  lrm_view_destroy(view);
  assert_int_equal(blocks, 0);
  return result;
}

/* Wherever memory ends, it is told or made up for, and nothing is lost or freed twice. */
static void missing_memory_is_told(void **state) {
  (void)state;
  for (uint64_t seed = 500; seed < 502; seed++) {
    size_t failed = 0;
    calls = fail_at = 0;
    assert_int_equal(run_until_it_fails(seed), 0);
    size_t all = calls;
    for (size_t at = 1; at <= all; at++) {
      calls = 0;
      fail_at = at;
      int result = run_until_it_fails(seed);
      assert_true(result == 0 || result == LRM_ERR_NO_MEMORY);
      failed += result != 0;
    }
    fail_at = 0;
    assert_true(failed > all / 2);
  }
}

/* ---- a host that behaves ---- */

static void expect_stream(const lrm_view *view, const struct plausible_stream *stream,
                          uint64_t seed, size_t n) {
  const Remote__V1__SessionState *state = lrm_view_state(view);
  size_t at = 0;
  bool open = false;
  for (size_t i = 0; i < state->n_history; i++) {
    const Remote__V1__HistoryItem *item = state->history[i];
    bool thought = item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT;
    if (!thought && item->item_case != REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT) continue;
    const char *id = thought ? item->thought->message_id : item->assistant->message_id;
    const char *text = thought ? item->thought->text : item->assistant->text;
    if (strcmp(id, stream->id) != 0) continue;
    if (memcmp(stream->text + at, text, strlen(text)) != 0)
      fail_msg("text: seed %llu, step %zu", (unsigned long long)seed, n);
    at += strlen(text);
    open = item->open;
  }
  if (at != stream->bytes || open != stream->open)
    fail_msg("stream %s: %zu of %zu bytes: seed %llu, step %zu", stream->id, at, stream->bytes,
             (unsigned long long)seed, n);
}

static void expect_tool(const lrm_view *view, const struct plausible_tool *tool, uint64_t seed,
                        size_t n) {
  const Remote__V1__ToolState *shown = lrm_view_tool(view, tool->id);
  assert_int_equal(shown != NULL, tool->open);
  if (shown == NULL) return;
  size_t end = (size_t)shown->output_position + shown->output.len;
  if (shown->output.len > 0) assert_int_not_equal(shown->output.data[0] & 0xc0, 0x80);
  if (end != tool->bytes ||
      (end != 0 &&
       memcmp(shown->output.data, tool->output + shown->output_position, shown->output.len) != 0) ||
      (end > LRM_TOOL_OUTPUT_BYTES && shown->output.len < LRM_TOOL_OUTPUT_BYTES - 3))
    fail_msg("tool %s: seed %llu, step %zu", tool->id, (unsigned long long)seed, n);
}

/* All that the host has said is shown at each moment, tails included, as long as the kept tails
 * and the history hold it. */
static void a_host_that_behaves_is_shown_whole(void **state) {
  (void)state;
  for (uint64_t seed = 1000; seed < 1015; seed++) {
    plausible_host host;
    lrm_view *view = new_view(), *late = new_view();
    size_t tail_bytes = 0, joins = 0;
    plausible_begin(&host, seed);
    for (size_t n = 0; n < 400; n++) {
      step next = plausible_next(&host);
      if (next.kind == STEP_CLEAR) {
        lrm_view_clear_tail(view);
        lrm_view_clear_tail(late);
        tail_bytes = 0;
        continue;
      }
      if (next.kind == STEP_TAIL) {
        tail_bytes += remote__v1__event__get_packed_size(next.event);
        assert_int_equal(lrm_view_apply_tail(view, next.event), 0);
        assert_int_equal(lrm_view_apply_tail(late, next.event), 0);
      } else {
        assert_int_equal(lrm_view_apply(view, next.event, false), 0);
        assert_int_equal(lrm_view_apply(late, next.event, false), 0);
      }
      remote__v1__event__free_unpacked(next.event, NULL);
      if (n % 50 == 49) { /* another reader joins here, without the tails so far */
        struct parts taken = snapshot(view);
        lrm_view_destroy(late);
        late = restored(&taken);
        free_parts(&taken);
        joins++;
      }
      assert_same(view, late, "joined late", seed, n);
      check_bounds(view);
      if (tail_bytes > LRM_TAIL_BYTES_MAX || host.clearing || lrm_view_state(view)->history_cut)
        continue;
      for (size_t i = 0; i < PLAUSIBLE_STREAMS; i++) {
        if (host.streams[i].text != NULL) expect_stream(view, &host.streams[i], seed, n);
        if (host.tools[i].output != NULL) expect_tool(view, &host.tools[i], seed, n);
      }
    }
    assert_int_equal(joins > 0, 1);
    plausible_end(&host);
    lrm_view_destroy(view);
    lrm_view_destroy(late);
  }
  assert_int_equal(blocks, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(wild_events_restore_from_every_place),
      cmocka_unit_test(wild_tails_leave_no_trace),
      cmocka_unit_test(missing_memory_is_told),
      cmocka_unit_test(a_host_that_behaves_is_shown_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Fold: the view, event by event. */
#include <stdlib.h>
#include <string.h>

#include "link_testee.h"
#include "remote/view.h"

static lrm_view *new_view(void) {
  lrm_allocator allocator = lrm_allocator_default();
  lrm_view *view;
  if (lrm_view_create(&allocator, &view) != 0) abort();
  return view;
}

static void apply(lrm_view *view, ProtobufCBinaryData packed, bool begins, bool tail) {
  Remote__V1__Event *event = remote__v1__event__unpack(NULL, packed.len, packed.data);
  if (event == NULL) {
    say_broken("an event that cannot be read");
    return;
  }
  if ((tail ? lrm_view_apply_tail(view, event) : lrm_view_apply(view, event, begins)) != 0) abort();
  remote__v1__event__free_unpacked(event, NULL);
}

static int restore_part(void *user, const uint8_t *event, size_t length) {
  lrm_view **fresh = user;
  bool begins = *fresh == NULL;
  uint8_t *copy = exact_copy(event, length);
  if (begins) *fresh = new_view();
  apply(*fresh, (ProtobufCBinaryData){.len = length, .data = copy}, begins, false);
  free(copy);
  return 0;
}

static lrm_view *restored(const lrm_view *view) {
  lrm_view *fresh = NULL;
  if (lrm_view_snapshot(view, 1, restore_part, &fresh) != 0 || fresh == NULL) abort();
  return fresh;
}

bool view_fold(const Remote__Conformance__V1__Fold *ask, uint8_t **state, size_t *bytes) {
  if (!binding_view) return false;
  lrm_view *view = new_view();
  for (size_t i = 0; i < ask->n_steps; i++) {
    const Remote__Conformance__V1__Fold__Step *step = ask->steps[i];
    lrm_view *old = view;
    switch (step->step_case) {
      case REMOTE__CONFORMANCE__V1__FOLD__STEP__STEP_DURABLE:
        apply(view, step->durable, false, false);
        break;
      case REMOTE__CONFORMANCE__V1__FOLD__STEP__STEP_BEGIN:
        apply(view, step->begin, true, false);
        break;
      case REMOTE__CONFORMANCE__V1__FOLD__STEP__STEP_TAIL:
        apply(view, step->tail, false, true);
        break;
      case REMOTE__CONFORMANCE__V1__FOLD__STEP__STEP_CLEAR:
        lrm_view_clear_tail(view);
        break;
      case REMOTE__CONFORMANCE__V1__FOLD__STEP__STEP_JUMP:
        view = restored(old);
        lrm_view_destroy(old);
        break;
      default:
        say_broken("a step of no kind");
    }
  }
  const Remote__V1__SessionState *folded = lrm_view_state(view);
  *bytes = remote__v1__session_state__get_packed_size(folded);
  *state = must_alloc(*bytes);
  remote__v1__session_state__pack(folded, *state);
  lrm_view_destroy(view);
  return true;
}

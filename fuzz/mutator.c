/* The mutator of all targets that hold frames, messages or scripts of them. A mutator that flips
 * bytes hardly ever gets past a header: this one edits steps, frames and fields and writes them
 * anew, so that every length is right again. */
#include <string.h>

#include "frame_edit.h"
#include "layout.h"
#include "message_edit.h"
#include "script.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { STEPS_MAX = 512 };

static uint64_t state;

static unsigned pick(unsigned n) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (unsigned)(state >> 33) % n;
}

/* The stream or message of `size` bytes, edited, behind what `out` holds. */
static void put_edited(const uint8_t *whole, size_t whole_bytes, const uint8_t *data, size_t size,
                       bytes *out) {
  uint64_t seed = (uint64_t)pick(1u << 30) << 20 ^ pick(1u << 30);
  if (fuzz_layout_here.message != NULL)
    fuzz_message_edit(seed, fuzz_layout_here.message(whole, whole_bytes), data, size, out);
  else
    fuzz_frames_edit(seed, data, size, out);
}

/* ---- scripts ---- */

static void put_piece(const uint8_t *whole, size_t whole_bytes, const uint8_t *data, size_t size,
                      bytes *out) {
  bytes edited = {0};
  put_edited(whole, whole_bytes, data, size, &edited);
  size_t count = edited.count < FUZZ_PIECE_MAX ? edited.count : FUZZ_PIECE_MAX;
  bytes_byte(out, FUZZ_PIECE_MIN | (unsigned)(count >> 8));
  bytes_byte(out, count & 0xff);
  bytes_put(out, edited.data, count);
  bytes_free(&edited);
}

static void put_action(bytes *out) {
  bytes_byte(out, pick(fuzz_layout_here.actions == 0 ? 1 : fuzz_layout_here.actions));
  bytes_byte(out, pick(2) == 0 ? pick(256) : pick(16));
}

static void put_step(const uint8_t *data, const fuzz_step *step, bytes *out) {
  bytes_put(out, data + step->at, 2 + step->piece_bytes);
}

/* A step that did not end where its length said ends there now. */
static void put_changed(const uint8_t *data, size_t size, const fuzz_step *step, bytes *out) {
  if (step->is_piece)
    put_piece(data, size, step->piece, step->piece_bytes, out);
  else if (pick(2) == 0)
    put_action(out);
  else {
    bytes_byte(out, step->action);
    bytes_byte(out, pick(2) == 0 ? pick(256) : (step->argument + pick(5) - 2) & 0xff);
  }
}

static void edit_script(const uint8_t *data, size_t size, bytes *out) {
  static fuzz_step steps[STEPS_MAX];
  enum { REMOVE, TWICE, ADD_ACTION, ADD_PIECE, MOVE, ADD_SEVERAL, CHANGE, KINDS = 10 };
  fuzz_script script = {data, size, fuzz_layout_here.head};
  size_t count = 0;
  while (count < STEPS_MAX && fuzz_script_next(&script, &steps[count])) count++;
  unsigned what = count == 0 ? ADD_ACTION + pick(2) : pick(KINDS);
  if (what == ADD_PIECE && fuzz_layout_here.no_pieces) what = ADD_SEVERAL;
  size_t chosen = count == 0 ? 0 : pick((unsigned)count),
         from = count == 0 ? 0 : pick((unsigned)count);
  bytes_put(out, data, fuzz_layout_here.head);
  for (size_t i = 0; i < count || i == 0; i++) {
    if (i == chosen) {
      if (what == ADD_ACTION) put_action(out);
      if (what == ADD_SEVERAL)
        for (unsigned n = 2 + pick(12); n > 0; n--) put_action(out);
      if (what == ADD_PIECE) put_piece(data, size, NULL, 0, out);
      if (what == MOVE) put_step(data, &steps[from], out);
    }
    if (i == count) break;
    bool gone = (what == REMOVE && i == chosen) || (what == MOVE && i == from);
    if (what >= CHANGE && i == chosen)
      put_changed(data, size, &steps[i], out);
    else if (!gone)
      put_step(data, &steps[i], out);
    if (what == TWICE && i == chosen) put_step(data, &steps[i], out);
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  bytes edited = {0};
  state = seed;
  pick(1);
  size_t head = fuzz_layout_here.head;
  if (size < head || pick(4) == 0) return LLVMFuzzerMutate(data, size, max_size);
  for (unsigned rounds = 1 + pick(4); rounds > 0; rounds--) {
    bytes next = {0};
    const uint8_t *from = edited.data != NULL ? edited.data : data;
    size_t count = edited.data != NULL ? edited.count : size;
    if (fuzz_layout_here.is_script) {
      edit_script(from, count, &next);
    } else {
      bytes_put(&next, from, head);
      put_edited(from, count, from + head, count - head, &next);
    }
    bytes_free(&edited);
    edited = next;
  }
  bool fits = edited.count > 0 && edited.count <= max_size;
  size_t bytes = edited.count;
  if (fits) memcpy(data, edited.data, bytes);
  bytes_free(&edited);
  return fits ? bytes : LLVMFuzzerMutate(data, size, max_size);
}

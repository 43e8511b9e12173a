#include "remote/tail.h"

#include <string.h>

/* Messages grow from the front; where each one ends is written from the back, so that any index
 * is found at once. */

static void set_end(lrm_tail *tail, uint32_t index, uint32_t end) {
  memcpy(tail->memory + tail->capacity_bytes - (index + 1) * sizeof end, &end, sizeof end);
}

static uint32_t end_of(const lrm_tail *tail, uint32_t index) {
  uint32_t end;
  memcpy(&end, tail->memory + tail->capacity_bytes - (index + 1) * sizeof end, sizeof end);
  return end;
}

void lrm_tail_init(lrm_tail *tail, uint8_t *memory, uint32_t capacity_bytes) {
  *tail = (lrm_tail){.memory = memory, .capacity_bytes = capacity_bytes, .offset = LRM_OFFSET_NONE};
}

void lrm_tail_clear(lrm_tail *tail, uint64_t offset) {
  tail->used_bytes = 0;
  tail->count = 0;
  tail->offset = offset;
  tail->overflowed = false;
}

int lrm_tail_push(lrm_tail *tail, const uint8_t *message, size_t bytes) {
  if (tail->offset == LRM_OFFSET_NONE) return LRM_ERR_STATE;
  uint64_t taken = tail->used_bytes + (uint64_t)(tail->count + 1) * sizeof(uint32_t);
  if (tail->overflowed || bytes > tail->capacity_bytes || taken + bytes > tail->capacity_bytes) {
    tail->overflowed = true;
    return LRM_ERR_BUSY;
  }
  if (bytes > 0) memcpy(tail->memory + tail->used_bytes, message, bytes);
  tail->used_bytes += (uint32_t)bytes;
  set_end(tail, tail->count++, tail->used_bytes);
  return 0;
}

int lrm_tail_get(const lrm_tail *tail, uint32_t index, lrm_slice *message) {
  *message = (lrm_slice){0};
  if (index >= tail->count) return LRM_ERR_NOT_FOUND;
  uint32_t start = index == 0 ? 0 : end_of(tail, index - 1);
  *message = (lrm_slice){tail->memory + start, end_of(tail, index) - start};
  return 0;
}

/* Input of carriers of bytes. It is read into a buffer that is not the carrier's; a remainder is
 * kept only while a frame is incomplete, and grows with what has really arrived, not with what a
 * header claims. */
#include <stdlib.h>
#include <string.h>

#include "carrier/carrier_uv_internal.h"

enum { REST_BYTES_MIN = 4 * 1024, REST_SPARE_BYTES = 4 * 1024 };

/* Room for more behind the remainder: at most twice of what is there. */
static bool grow(lrm__uv_rest *rest, size_t wanted) {
  size_t doubled = rest->bytes * 2;
  size_t capacity = wanted + REST_SPARE_BYTES;
  if (capacity > doubled) capacity = doubled;
  if (capacity < REST_BYTES_MIN) capacity = REST_BYTES_MIN;
  if (capacity <= rest->bytes) capacity = rest->bytes + REST_BYTES_MIN;
  uint8_t *data = realloc(rest->data, capacity);
  if (data == NULL) return false;
  rest->data = data;
  rest->capacity = capacity;
  return true;
}

void lrm__uv_rest_room(const lrm__uv_rest *rest, uv_buf_t *room) {
  if (rest->data == NULL) return;
  *room = uv_buf_init((char *)rest->data + rest->bytes, (unsigned)(rest->capacity - rest->bytes));
}

lrm__uv_rest_offer lrm__uv_rest_add(lrm__uv_rest *rest, const uv_buf_t *room, size_t bytes) {
  if (rest->data == NULL) return (lrm__uv_rest_offer){(const uint8_t *)room->base, bytes, 0};
  rest->bytes += bytes;
  return (lrm__uv_rest_offer){rest->data, rest->bytes, 0};
}

bool lrm__uv_rest_keep(lrm__uv_rest *rest, const lrm__uv_rest_offer *offer, size_t consumed) {
  if (consumed >= offer->bytes) {
    lrm__uv_rest_free(rest);
    return true;
  }
  const uint8_t *left = offer->data + consumed;
  rest->bytes = offer->bytes - consumed;
  if (rest->data != NULL) {
    memmove(rest->data, left, rest->bytes);
    return rest->capacity - rest->bytes >= REST_SPARE_BYTES / 2 || grow(rest, offer->wanted);
  }
  if (!grow(rest, offer->wanted)) {
    rest->bytes = 0;
    return false;
  }
  memcpy(rest->data, left, rest->bytes);
  return true;
}

void lrm__uv_rest_free(lrm__uv_rest *rest) {
  free(rest->data);
  *rest = (lrm__uv_rest){0};
}

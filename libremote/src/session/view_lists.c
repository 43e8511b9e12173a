/* Owned pieces of the view: strings, and lists of messages. */
#include "session/view_internal.h"

#include <string.h>

#include "base/assert.h"
#include "session/view_copy.h"

void lrm__view_free(const lrm_view *view, void *memory) {
  if (memory != NULL) view->allocator.free(view->allocator.user, memory);
}

/* Empty strings are never owned, so that a fresh state owns nothing. */
static char *nothing(void) {
  static char empty[1];
  return empty;
}

void lrm__view_text_clear(lrm_view *view, char **member) {
  if ((*member)[0] != '\0') lrm__view_free(view, *member);
  *member = nothing();
}

int lrm__view_text(lrm_view *view, char **member, const char *text, size_t most) {
  size_t bytes = text == NULL ? 0 : strlen(text);
  bytes = lrm__utf8_floor((const uint8_t *)text, bytes, most);
  if (bytes == 0) {
    lrm__view_text_clear(view, member);
    return 0;
  }
  char *copy = view->allocator.alloc(view->allocator.user, bytes + 1);
  if (copy == NULL) return LRM_ERR_NO_MEMORY;
  memcpy(copy, text, bytes);
  copy[bytes] = '\0';
  lrm__view_text_clear(view, member);
  *member = copy;
  return 0;
}

/* An event may be as large as a message may be; the same thing in a SessionState needs a little
 * more around it. Whatever comes near has its long texts cut. */
int lrm__view_bounded(const lrm_view *view, const ProtobufCMessage *message, void **out) {
  static const lrm__cut tight[] = {{0, 48u * 1024u}};
  *out = lrm__copy(&view->allocator, message, NULL);
  if (*out == NULL) return LRM_ERR_NO_MEMORY;
  /* Measured on the copy: the original may hold NULL strings and unknown fields. */
  if (protobuf_c_message_get_packed_size(*out) <= LRM_MESSAGE_BYTES_MAX - 1024u) return 0;
  void *cut = lrm__copy(&view->allocator, *out, tight);
  lrm__view_free(view, *out);
  *out = cut;
  if (cut == NULL) return LRM_ERR_NO_MEMORY;
  if (protobuf_c_message_get_packed_size(cut) > LRM_MESSAGE_BYTES_MAX - LRM__SNAPSHOT_FRAME_BYTES) {
    lrm__view_free(view, cut);
    *out = NULL;
  }
  return 0;
}

int lrm__list_put(lrm_view *view, lrm__list *list, size_t index, const void *message) {
  LRM_ASSERT(index <= list->count);
  if (index == list->max) return 0;
  void *copy;
  int result = lrm__view_bounded(view, message, &copy);
  if (result != 0 || copy == NULL) return result;
  if (index == list->count)
    list->count++;
  else
    lrm__view_free(view, list->items[index]);
  list->items[index] = copy;
  return 0;
}

int lrm__list_append(lrm_view *view, lrm__list *list, const void *message) {
  return lrm__list_put(view, list, list->count, message);
}

void lrm__list_remove(lrm_view *view, lrm__list *list, size_t index) {
  LRM_ASSERT(index < list->count);
  lrm__view_free(view, list->items[index]);
  list->count--;
  memmove(list->items + index, list->items + index + 1,
          (list->count - index) * sizeof *list->items);
}

void lrm__list_clear(lrm_view *view, lrm__list *list) {
  for (size_t i = 0; i < list->count; i++) lrm__view_free(view, list->items[i]);
  list->count = 0;
}

int lrm__list_replace(lrm_view *view, lrm__list *list, size_t count, const void *messages) {
  const void *const *from = messages;
  lrm__list_clear(view, list);
  for (size_t i = 0; i < count; i++) {
    int result = lrm__list_append(view, list, from[i]);
    if (result != 0) return result;
  }
  return 0;
}

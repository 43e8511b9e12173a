/* Messages and thoughts as they are written: deltas by position, then the whole. A message of
 * more than 64 KiB is several items of one id, each with its position. */
#include "session/view_internal.h"

#include <string.h>

#include "base/assert.h"
#include "session/view_copy.h"

static bool is_assistant(const Remote__V1__HistoryItem *item) {
  return item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT;
}

char **lrm__stream_text(Remote__V1__HistoryItem *item) {
  return is_assistant(item) ? &item->assistant->text : &item->thought->text;
}

uint64_t lrm__stream_position(const Remote__V1__HistoryItem *item) {
  return is_assistant(item) ? item->assistant->position : item->thought->position;
}

static const char *stream_id(const Remote__V1__HistoryItem *item) {
  return is_assistant(item) ? item->assistant->message_id : item->thought->message_id;
}

static bool stream_more(const Remote__V1__HistoryItem *item) {
  return is_assistant(item) ? item->assistant->more : item->thought->more;
}

static bool belongs(const lrm__item *item, Remote__V1__HistoryItem__ItemCase kind, const char *id) {
  return item->message->item_case == kind && strcmp(stream_id(item->message), id) == 0;
}

/* The last part of a message; item_count: there is none. */
static size_t last_part(const lrm_view *view, Remote__V1__HistoryItem__ItemCase kind,
                        const char *id) {
  for (size_t i = view->item_count; i-- > 0;)
    if (belongs(&view->items[i], kind, id)) return i;
  return view->item_count;
}

static uint64_t end_of(const lrm__item *item) {
  return lrm__stream_position(item->message) + item->bytes;
}

void lrm__stream_flags(lrm__item *item, bool open, bool more) {
  item->message->open = open;
  if (is_assistant(item->message))
    item->message->assistant->more = more;
  else
    item->message->thought->more = more;
  lrm__item_changed(item);
}

/* ---- text ---- */

static int reserve(lrm_view *view, lrm__item *item, size_t bytes) {
  if (bytes + 1 <= item->capacity) return 0;
  size_t capacity = item->capacity == 0 ? 64 : item->capacity;
  while (capacity < bytes + 1) capacity *= 2;
  char *larger = view->allocator.alloc(view->allocator.user, capacity);
  if (larger == NULL) return LRM_ERR_NO_MEMORY;
  if (item->text != NULL) memcpy(larger, item->text, item->bytes + 1);
  lrm__view_free(view, item->text);
  item->text = larger;
  item->capacity = capacity;
  *lrm__stream_text(item->message) = larger;
  return 0;
}

static int append_text(lrm_view *view, lrm__item *item, const char *text, size_t bytes, bool tail) {
  int result = reserve(view, item, item->bytes + bytes);
  if (result != 0) return result;
  if (bytes != 0) memcpy(item->text + item->bytes, text, bytes);
  item->bytes += bytes;
  item->text[item->bytes] = '\0';
  if (!tail) item->durable_bytes = item->bytes;
  lrm__item_changed(item);
  return 0;
}

/* ---- items ---- */

/* `header` but with position and text for the copy to leave out: shallow, on the stack. */
struct shallow {
  Remote__V1__HistoryItem item;
  Remote__V1__AssistantMessage assistant;
  Remote__V1__Thought thought;
};

static void without_text(struct shallow *shallow, const Remote__V1__HistoryItem *header,
                         uint64_t position) {
  shallow->item = *header;
  if (is_assistant(header)) {
    shallow->assistant = *header->assistant;
    shallow->assistant.position = position;
    shallow->assistant.text = NULL;
    shallow->item.assistant = &shallow->assistant;
  } else {
    shallow->thought = *header->thought;
    shallow->thought.position = position;
    shallow->thought.text = NULL;
    shallow->item.thought = &shallow->thought;
  }
}

int lrm__stream_insert(lrm_view *view, size_t index, const Remote__V1__HistoryItem *header,
                       uint64_t position, const char *text, size_t bytes) {
  struct shallow shallow;
  LRM_ASSERT(index <= view->item_count && view->item_count < LRM__ITEMS_MAX);
  without_text(&shallow, header, position);
  lrm__item item = {.durable_open = header->open, .durable_more = stream_more(header)};
  item.message = lrm__copy(&view->allocator, &shallow.item.base, NULL);
  if (item.message == NULL) return LRM_ERR_NO_MEMORY;
  int result = append_text(view, &item, text, bytes, false);
  if (result != 0) {
    lrm__view_free(view, item.message);
    return result;
  }
  memmove(view->items + index + 1, view->items + index,
          (view->item_count - index) * sizeof *view->items);
  view->items[index] = item;
  view->item_count++;
  return 0;
}

/* No message is longer, so no event makes more than four parts. */
static size_t length_of(const char *text) {
  size_t bytes = text == NULL ? 0 : strlen(text);
  return lrm__utf8_floor((const uint8_t *)text, bytes, LRM_MESSAGE_BYTES_MAX);
}

static size_t tail_items(const lrm_view *view) {
  size_t count = 0;
  for (size_t i = 0; i < view->item_count; i++) count += view->items[i].from_tail;
  return count;
}

/* A part without text, open, that only tails or deltas know so far. */
static int insert_open(lrm_view *view, size_t index, const Remote__V1__HistoryItem *header,
                       uint64_t position, bool tail) {
  if (tail && tail_items(view) == LRM__TAIL_ITEMS_MAX) return LRM_ERR_BUSY;
  int result = lrm__stream_insert(view, index, header, position, "", 0);
  if (result == 0) view->items[index].from_tail = tail;
  return result;
}

/* The flags of a part that another one follows now. */
static void followed(lrm__item *item, bool tail) {
  lrm__stream_flags(item, false, true);
  if (tail) return;
  item->durable_open = false;
  item->durable_more = true;
}

/* Appends to the message whose last part is `index`, in further parts where one is full. */
static int extend(lrm_view *view, size_t index, const char *text, size_t bytes, bool tail) {
  while (bytes > 0) {
    lrm__item *item = &view->items[index];
    size_t room = LRM__ITEM_TEXT_BYTES_MAX - item->bytes;
    size_t fits = lrm__utf8_floor((const uint8_t *)text, bytes, room);
    int result = append_text(view, item, text, fits, tail);
    if (result != 0) return result;
    text += fits;
    bytes -= fits;
    if (bytes == 0) break;
    struct shallow header;
    without_text(&header, item->message, 0);
    header.assistant.n_attachments = 0; /* they stay with the first part */
    header.item.open = true;
    result = insert_open(view, index + 1, &header.item, end_of(item), tail);
    if (result != 0) return result;
    followed(&view->items[index], tail);
    index++;
  }
  return 0;
}

/* ---- deltas ---- */

static int begin_stream(lrm_view *view, const Remote__V1__Event *event, const lrm__stream *delta,
                        bool tail) {
  Remote__V1__HistoryItem header = REMOTE__V1__HISTORY_ITEM__INIT;
  Remote__V1__AssistantMessage assistant = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
  Remote__V1__Thought thought = REMOTE__V1__THOUGHT__INIT;
  char *id;
  memcpy(&id, &delta->message_id, sizeof id); /* only read, by the copy */
  assistant.message_id = thought.message_id = id;
  header.at_ms = event->at_ms;
  header.turn_id = event->turn_id;
  header.agent_id = event->agent_id;
  header.open = true;
  header.item_case = delta->kind;
  if (delta->kind == REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT)
    header.assistant = &assistant;
  else
    header.thought = &thought;
  return insert_open(view, view->item_count, &header, 0, tail);
}

int lrm__stream_delta(lrm_view *view, const Remote__V1__Event *event, const lrm__stream *delta,
                      bool tail) {
  size_t bytes = length_of(delta->text);
  if (bytes == 0 || delta->message_id == NULL || delta->message_id[0] == '\0') return 0;
  size_t index = last_part(view, delta->kind, delta->message_id);
  if (index == view->item_count) {
    if (delta->position != 0) return 0;
    int result = begin_stream(view, event, delta, tail);
    if (result == LRM_ERR_BUSY) return 0; /* a tail too many: the durable message will come */
    if (result != 0) return result;
    index = view->item_count - 1;
  }
  if (!view->items[index].message->open) return 0;
  uint64_t end = end_of(&view->items[index]);
  if (delta->position > end) return 0; /* a hole: the durable message will fill it */
  uint64_t skip = end - delta->position;
  if (skip >= bytes || ((uint8_t)delta->text[skip] & 0xc0) == 0x80) return 0;
  int result = extend(view, index, delta->text + skip, bytes - (size_t)skip, tail);
  return result == LRM_ERR_BUSY ? 0 : result;
}

/* ---- whole messages ---- */

/* Takes away what the message has from `position` on. Returns where the part that begins there
 * belongs, and the time of the part it replaces, if any. */
static size_t cut_at(lrm_view *view, Remote__V1__HistoryItem__ItemCase kind, const char *id,
                     uint64_t position, uint64_t *at_ms) {
  size_t place = view->item_count;
  for (size_t i = view->item_count; i-- > 0;) {
    lrm__item *item = &view->items[i];
    if (!belongs(item, kind, id)) continue;
    if (lrm__stream_position(item->message) >= position) {
      *at_ms = item->message->at_ms;
      lrm__item_remove(view, i);
      place = i;
      continue;
    }
    if (end_of(item) > position) {
      size_t kept = (size_t)(position - lrm__stream_position(item->message));
      kept = lrm__utf8_floor((const uint8_t *)item->text, item->bytes, kept);
      item->bytes = item->durable_bytes = kept;
      item->text[kept] = '\0';
    }
    followed(item, false);
    return i + 1;
  }
  return place;
}

static bool says_nothing(const Remote__V1__HistoryItem *item, size_t bytes) {
  return bytes == 0 && !(is_assistant(item) && item->assistant->n_attachments > 0);
}

int lrm__stream_whole(lrm_view *view, const Remote__V1__HistoryItem *whole) {
  Remote__V1__HistoryItem header = *whole;
  const char *text = *lrm__stream_text(&header);
  const char *id = stream_id(whole) == NULL ? "" : stream_id(whole);
  size_t bytes = length_of(text);
  uint64_t position = lrm__stream_position(whole);
  bool more = stream_more(whole);
  size_t place = view->item_count;
  if (id[0] != '\0') place = cut_at(view, whole->item_case, id, position, &header.at_ms);
  if (says_nothing(whole, bytes) && id[0] != '\0' && place > 0 && position > 0 &&
      belongs(&view->items[place - 1], whole->item_case, id)) {
    lrm__item *last = &view->items[place - 1]; /* only the end of what is there already */
    last->durable_open = last->durable_more = more;
    lrm__stream_flags(last, more, more);
    return 0;
  }
  header.open = more;
  int result = lrm__stream_insert(view, place, &header, position, "", 0);
  if (result == 0) result = extend(view, place, text, bytes, false);
  if (result != 0) return result;
  if (bytes <= LRM__ITEM_TEXT_BYTES_MAX) return 0;
  lrm__item *last = &view->items[place]; /* several parts: the flags belong to the last one */
  while (last + 1 < view->items + view->item_count && last->durable_more &&
         belongs(last + 1, whole->item_case, id))
    last++;
  last->durable_open = last->durable_more = more;
  lrm__stream_flags(last, more, more);
  return 0;
}

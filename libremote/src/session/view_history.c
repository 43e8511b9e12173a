/* The history: the last messages, ended tools and notices, within 64 items and 256 KiB. */
#include "session/view_internal.h"

#include <string.h>

#include "base/assert.h"
#include "session/view_copy.h"

static bool is_stream(const Remote__V1__HistoryItem *item) {
  return item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT ||
         item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT;
}

static bool has_body(const Remote__V1__HistoryItem *item) {
  switch (item->item_case) {
    case REMOTE__V1__HISTORY_ITEM__ITEM_USER:
    case REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT:
    case REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT:
    case REMOTE__V1__HISTORY_ITEM__ITEM_TOOL:
    case REMOTE__V1__HISTORY_ITEM__ITEM_NOTICE:
      return item->user != NULL; /* members of a oneof share their place */
    default:
      return false;
  }
}

/* Id of the message an item is, or is a part of; "" when it has none. */
static const char *message_id(const Remote__V1__HistoryItem *item) {
  switch (item->item_case) {
    case REMOTE__V1__HISTORY_ITEM__ITEM_USER:
      return item->user->message_id;
    case REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT:
      return item->assistant->message_id;
    case REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT:
      return item->thought->message_id;
    default:
      return "";
  }
}

void lrm__item_changed(lrm__item *item) {
  item->packed_bytes = protobuf_c_message_get_packed_size(&item->message->base);
}

void lrm__item_remove(lrm_view *view, size_t index) {
  LRM_ASSERT(index < view->item_count);
  lrm__view_free(view, view->items[index].text);
  lrm__view_free(view, view->items[index].message);
  view->item_count--;
  memmove(view->items + index, view->items + index + 1,
          (view->item_count - index) * sizeof *view->items);
}

void lrm__history_clear(lrm_view *view) {
  while (view->item_count > 0) lrm__item_remove(view, view->item_count - 1);
}

/* ---- limits ---- */

/* Index of the first item that fits, counted from the newest. */
static size_t first_within(const lrm_view *view) {
  size_t first = view->item_count, bytes = 0;
  while (first > 0 && view->item_count - first < LRM_HISTORY_ITEMS) {
    bytes += view->items[first - 1].packed_bytes;
    if (bytes > LRM_HISTORY_BYTES) break;
    first--;
  }
  return first;
}

void lrm__history_bound(lrm_view *view) {
  size_t first = first_within(view);
  if (first == 0) return;
  view->history_cut = true;
  while (first-- > 0) lrm__item_remove(view, 0);
}

void lrm__history_show(lrm_view *view) {
  size_t first = first_within(view);
  view->state.n_history = view->item_count - first;
  view->state.history = view->history_items;
  for (size_t i = first; i < view->item_count; i++)
    view->history_items[i - first] = view->items[i].message;
  view->state.history_cut = view->history_cut || first > 0;
}

/* ---- adding ---- */

/* The copy that is kept. What a tool produced is cut to 4 KiB; running the cuts over what was cut
 * before changes nothing, so items from a snapshot pass here as well. */
static int keep(const lrm_view *view, const Remote__V1__HistoryItem *item, void **out) {
  static const lrm__cut ended_tool[] = {{5, 1024}, {6, 1024}, {8, 4096}, {10, 4096}, {0, 0}};
  Remote__V1__HistoryItem shallow = *item;
  shallow.open = false; /* only streams are written bit by bit */
  if (item->item_case != REMOTE__V1__HISTORY_ITEM__ITEM_TOOL)
    return lrm__view_bounded(view, &shallow.base, out);
  shallow.tool = lrm__copy(&view->allocator, &item->tool->base, ended_tool);
  if (shallow.tool == NULL) return LRM_ERR_NO_MEMORY;
  int result = lrm__view_bounded(view, &shallow.base, out);
  lrm__view_free(view, shallow.tool);
  return result;
}

/* Takes `message` over. */
static void append(lrm_view *view, Remote__V1__HistoryItem *message) {
  /* Bounded after every event, and one event adds one such item: there is room. */
  LRM_ASSERT(view->item_count < LRM__ITEMS_MAX);
  lrm__item *item = &view->items[view->item_count++];
  memset(item, 0, sizeof *item);
  item->message = message;
  lrm__item_changed(item);
}

int lrm__history_add(lrm_view *view, const Remote__V1__HistoryItem *item) {
  if (!has_body(item)) return 0;
  if (is_stream(item)) {
    Remote__V1__HistoryItem header = *item;
    char **text = lrm__stream_text(&header);
    size_t bytes = *text == NULL ? 0 : strlen(*text);
    bytes = lrm__utf8_floor((const uint8_t *)*text, bytes, LRM__ITEM_TEXT_BYTES_MAX);
    return lrm__stream_insert(view, view->item_count, item, lrm__stream_position(item), *text,
                              bytes);
  }
  void *copy;
  int result = keep(view, item, &copy);
  if (result == 0 && copy != NULL) append(view, copy);
  return result;
}

/* An item's header from the event that made it. */
static Remote__V1__HistoryItem header_of(const Remote__V1__Event *event) {
  Remote__V1__HistoryItem item = REMOTE__V1__HISTORY_ITEM__INIT;
  item.at_ms = event->at_ms;
  item.turn_id = event->turn_id;
  item.agent_id = event->agent_id;
  return item;
}

/* In the place of item `index`, which keeps its time; index == item_count: at the end. */
static int put(lrm_view *view, size_t index, Remote__V1__HistoryItem *item) {
  if (index == view->item_count) return lrm__history_add(view, item);
  void *copy;
  item->at_ms = view->items[index].message->at_ms;
  int result = keep(view, item, &copy);
  if (result != 0 || copy == NULL) return result;
  lrm__view_free(view, view->items[index].message);
  view->items[index].message = copy;
  lrm__item_changed(&view->items[index]);
  return 0;
}

int lrm__history_user(lrm_view *view, const Remote__V1__Event *event) {
  Remote__V1__HistoryItem item = header_of(event);
  item.item_case = REMOTE__V1__HISTORY_ITEM__ITEM_USER;
  item.user = event->user_message;
  const char *id = message_id(&item);
  size_t index = view->item_count;
  for (size_t i = 0; id != NULL && id[0] != '\0' && i < view->item_count; i++) {
    const Remote__V1__HistoryItem *have = view->items[i].message;
    if (have->item_case == item.item_case && strcmp(have->user->message_id, id) == 0) index = i;
  }
  return put(view, index, &item);
}

int lrm__history_notice(lrm_view *view, const Remote__V1__Event *event) {
  Remote__V1__HistoryItem item = header_of(event);
  item.item_case = REMOTE__V1__HISTORY_ITEM__ITEM_NOTICE;
  item.notice = event->notice;
  return lrm__history_add(view, &item);
}

/* ---- ended tools ---- */

static size_t tool_index(const lrm_view *view, const char *tool_call_id) {
  size_t i = view->item_count;
  while (i > 0) {
    const Remote__V1__HistoryItem *have = view->items[--i].message;
    if (have->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_TOOL &&
        strcmp(have->tool->tool_call_id, tool_call_id) == 0)
      return i;
  }
  return view->item_count;
}

bool lrm__history_has_tool(const lrm_view *view, const char *tool_call_id) {
  return tool_index(view, tool_call_id) < view->item_count;
}

int lrm__history_tool(lrm_view *view, const Remote__V1__Event *event,
                      const Remote__V1__ToolState *tool) {
  Remote__V1__HistoryItem item = header_of(event);
  Remote__V1__ToolState state = *tool;
  item.item_case = REMOTE__V1__HISTORY_ITEM__ITEM_TOOL;
  item.tool = &state;
  return put(view, tool_index(view, tool->tool_call_id), &item);
}

/* ---- rewinding and closing ---- */

void lrm__history_rewind(lrm_view *view, const char *id) {
  size_t kept = view->item_count;
  while (kept > 0 && (id[0] == '\0' || strcmp(message_id(view->items[kept - 1].message), id) != 0))
    kept--;
  /* A message that is not here, though all of the history is, was never said. */
  if (kept == 0 && id[0] != '\0' && !view->history_cut) return;
  while (view->item_count > kept) lrm__item_remove(view, view->item_count - 1);
}

void lrm__history_close(lrm_view *view, const char *turn_id) {
  for (size_t i = 0; i < view->item_count; i++) {
    lrm__item *item = &view->items[i];
    if (item->text == NULL || !item->message->open) continue;
    if (turn_id != NULL && strcmp(item->message->turn_id, turn_id) != 0) continue;
    lrm__stream_flags(item, false, item->durable_more);
    item->durable_open = false;
  }
}

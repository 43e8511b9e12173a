/* The durable state as messages of a snapshot set: the first has the single values, lists go on
 * over as many as are needed. */
#include "session/view_internal.h"

#include <string.h>

#include "base/assert.h"

/* Tag of two bytes and a length of up to three. */
#define ELEMENT_FRAME_BYTES 5u
/* Event around the state: time, tag and length. */
#define EVENT_FRAME_BYTES 20u

/* The lists of a SessionState, as protobuf-c lays them out. */
#define LIST(member) \
  { offsetof(Remote__V1__SessionState, n_##member), offsetof(Remote__V1__SessionState, member) }
static const struct list {
  size_t count_at, elements_at;
} lists[] = {LIST(modes), LIST(options), LIST(slash_commands), LIST(plan),     LIST(queue),
             LIST(asks),  LIST(tools),   LIST(history),        LIST(outcomes), LIST(subagents)};
#undef LIST
#define LIST_COUNT (sizeof lists / sizeof *lists)
#define SUBAGENTS (LIST_COUNT - 1) /* the one list of texts */

struct writer {
  const lrm_view *view;
  uint64_t at_ms;
  int (*emit)(void *user, const uint8_t *event, size_t bytes);
  void *user;
  Remote__V1__SessionState part; /* what goes into the next message; borrows */
  size_t bytes;                  /* of that message; never too low */
};

static size_t *count_of(Remote__V1__SessionState *state, const struct list *list) {
  return (size_t *)(void *)((char *)state + list->count_at);
}

static void ***elements_of(Remote__V1__SessionState *state, const struct list *list) {
  return (void ***)(void *)((char *)state + list->elements_at);
}

static int flush(struct writer *writer) {
  const lrm_allocator *allocator = &writer->view->allocator;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.at_ms = writer->at_ms;
  event.body_case = REMOTE__V1__EVENT__BODY_SESSION_STATE;
  event.session_state = &writer->part;
  size_t bytes = protobuf_c_message_get_packed_size(&event.base);
  LRM_ASSERT(bytes <= LRM_MESSAGE_BYTES_MAX);
  uint8_t *packed = allocator->alloc(allocator->user, bytes);
  if (packed == NULL) return LRM_ERR_NO_MEMORY;
  protobuf_c_message_pack(&event.base, packed);
  int result = writer->emit(writer->user, packed, bytes);
  allocator->free(allocator->user, packed);
  remote__v1__session_state__init(&writer->part);
  writer->bytes = EVENT_FRAME_BYTES;
  return result < 0 ? result : 0;
}

static int write_list(struct writer *writer, Remote__V1__SessionState *all, size_t which) {
  const struct list *list = &lists[which];
  void **elements = *elements_of(all, list);
  for (size_t i = 0; i < *count_of(all, list); i++) {
    size_t more = ELEMENT_FRAME_BYTES + (which == SUBAGENTS
                                             ? strlen(elements[i])
                                             : protobuf_c_message_get_packed_size(elements[i]));
    if (writer->bytes + more > LRM_MESSAGE_BYTES_MAX) {
      int result = flush(writer);
      if (result != 0) return result;
    }
    size_t *count = count_of(&writer->part, list);
    if (*count == 0) *elements_of(&writer->part, list) = elements + i;
    *count += 1;
    writer->bytes += more;
  }
  return 0;
}

static int write_all(struct writer *writer, Remote__V1__SessionState *all) {
  writer->part = *all;
  for (size_t i = 0; i < LIST_COUNT; i++) *count_of(&writer->part, &lists[i]) = 0;
  writer->bytes = EVENT_FRAME_BYTES + protobuf_c_message_get_packed_size(&writer->part.base);
  for (size_t i = 0; i < LIST_COUNT; i++) {
    int result = write_list(writer, all, i);
    if (result != 0) return result;
  }
  return flush(writer);
}

/* ---- without tails, for a moment ---- */

/* Of one item, as it is shown. */
struct shown {
  char at_end; /* character where the durable text ends */
  bool open, more;
};

static void set_flags(Remote__V1__HistoryItem *item, bool open, bool more) {
  item->open = open;
  if (item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT)
    item->assistant->more = more;
  else
    item->thought->more = more;
}

static bool get_more(const Remote__V1__HistoryItem *item) {
  return item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT ? item->assistant->more
                                                                     : item->thought->more;
}

/* What tails have added is hidden in place, not taken off: what the view has lent out must stay
 * where it is. Returns the durable history. */
static size_t hide_tails(const lrm_view *view, struct shown *shown,
                         Remote__V1__HistoryItem **history) {
  size_t count = 0;
  for (size_t i = 0; i < view->item_count; i++) {
    const lrm__item *item = &view->items[i];
    if (item->from_tail) continue;
    history[count++] = item->message;
    if (item->text == NULL) continue;
    shown[i] = (struct shown){item->text[item->durable_bytes], item->message->open != 0,
                              get_more(item->message)};
    item->text[item->durable_bytes] = '\0';
    set_flags(item->message, item->durable_open, item->durable_more);
  }
  for (size_t i = 0; i < view->tool_count; i++) lrm__tool_show(&view->tools[i], true);
  LRM_ASSERT(count <= LRM_HISTORY_ITEMS);
  return count;
}

static void show_tails(const lrm_view *view, const struct shown *shown) {
  for (size_t i = 0; i < view->item_count; i++) {
    const lrm__item *item = &view->items[i];
    if (item->from_tail || item->text == NULL) continue;
    item->text[item->durable_bytes] = shown[i].at_end;
    set_flags(item->message, shown[i].open, shown[i].more);
  }
  for (size_t i = 0; i < view->tool_count; i++) lrm__tool_show(&view->tools[i], false);
}

int lrm_view_snapshot(const lrm_view *view, uint64_t at_ms,
                      int (*emit)(void *user, const uint8_t *event, size_t bytes), void *user) {
  struct writer writer = {.view = view, .at_ms = at_ms, .emit = emit, .user = user};
  struct shown shown[LRM__ITEMS_MAX];
  Remote__V1__HistoryItem *history[LRM__ITEMS_MAX];
  char currency[sizeof view->usage.currency];
  memcpy(currency, view->usage.currency, sizeof currency);
  Remote__V1__SessionState all = view->state;
  all.n_history = hide_tails(view, shown, history);
  all.history = history;
  all.history_cut = view->history_cut;
  all.context_tokens = view->usage.context_tokens;
  all.context_size = view->usage.context_size;
  all.cost_micros = view->usage.cost_micros;
  all.cost_currency = currency;
  int result = write_all(&writer, &all);
  show_tails(view, shown);
  return result;
}

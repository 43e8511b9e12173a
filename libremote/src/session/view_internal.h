/* Inside of the view, shared by view*.c.
 *
 * Everything durable is a function of SessionState alone: what a snapshot does not say must not
 * influence what later events do, or a view restored from a snapshot would go another way. What
 * tails add lies on top (view_tail.c) and is taken off before anything durable is folded. */
#ifndef LRM_SESSION_VIEW_INTERNAL_H
#define LRM_SESSION_VIEW_INTERNAL_H

#include "remote/limits.h"
#include "remote/view.h"

#define LRM__MODES_MAX 32u
#define LRM__OPTIONS_MAX 32u
#define LRM__SLASH_MAX 256u
#define LRM__PLAN_MAX 128u
#define LRM__QUEUE_MAX 64u
#define LRM__TOOLS_MAX 64u
#define LRM__SUBAGENTS_MAX 64u
#define LRM__TAIL_ITEMS_MAX 64u /* history items that only tails have told of */
/* A part of a message's text; what is longer goes on in an item of the same id. */
#define LRM__ITEM_TEXT_BYTES_MAX 65536u
/* Room that a snapshot's message needs around one element of a list. */
#define LRM__SNAPSHOT_FRAME_BYTES 64u

/* Messages, each one allocation. `void *` so that the state can point at the array itself. */
typedef struct lrm__list {
  void **items;
  size_t count, max;
} lrm__list;

/* A part of the history. A stream is an assistant's message or a thought. */
typedef struct lrm__item {
  Remote__V1__HistoryItem *message;
  char *text;           /* of a stream: all that is shown; the message points to it */
  size_t capacity;      /* of text, the terminator included */
  size_t bytes;         /* of text */
  size_t durable_bytes; /* of text; what follows came as tails */
  size_t packed_bytes;  /* as shown */
  bool durable_open, durable_more;
  bool from_tail; /* only tails have told of it */
} lrm__item;

/* A running tool. */
typedef struct lrm__tool {
  Remote__V1__ToolState *message; /* its output points into `output` */
  uint8_t *output;                /* the durable window, then what tails added */
  size_t capacity, bytes, durable_bytes;
  uint64_t position;          /* bytes of output before `output` */
  uint64_t stream_bytes[3];   /* by OutputStream: so far, tails included */
  uint64_t durable_stream[3]; /* without tails */
} lrm__tool;

typedef struct lrm__usage {
  uint64_t context_tokens, context_size, cost_micros;
  char currency[24];
} lrm__usage;

/* Kept tails, to be laid over the durable state again after it has changed. */
typedef struct lrm__tail_event {
  struct lrm__tail_event *next;
  Remote__V1__Event *event;
} lrm__tail_event;

#define LRM__ITEMS_MAX (LRM_HISTORY_ITEMS + LRM__TAIL_ITEMS_MAX + 4u)

struct lrm_view {
  lrm_allocator allocator;
  Remote__V1__SessionState state; /* always complete; borrows from what follows */

  lrm__list modes, options, slash, plan, queue, asks, outcomes, subagents;
  void *mode_items[LRM__MODES_MAX];
  void *option_items[LRM__OPTIONS_MAX];
  void *slash_items[LRM__SLASH_MAX];
  void *plan_items[LRM__PLAN_MAX];
  void *queue_items[LRM__QUEUE_MAX];
  void *ask_items[LRM_ASKS_OPEN_MAX];
  void *outcome_items[LRM_OUTCOMES_IN_STATE];
  void *subagent_items[LRM__SUBAGENTS_MAX];

  lrm__tool tools[LRM__TOOLS_MAX];
  size_t tool_count;
  Remote__V1__ToolState *tool_items[LRM__TOOLS_MAX];

  lrm__item items[LRM__ITEMS_MAX]; /* the oldest first */
  size_t item_count;
  Remote__V1__HistoryItem *history_items[LRM_HISTORY_ITEMS];
  bool history_cut; /* durable */

  lrm__usage usage; /* durable */

  lrm__tail_event *tail_first, *tail_last;
  size_t tail_bytes;
  bool tail_full;
};

/* ---- view_lists.c: owned pieces ---- */

/* Sets one of the state's strings, cut to `most` bytes. */
int lrm__view_text(lrm_view *view, char **member, const char *text, size_t most);
void lrm__view_text_clear(lrm_view *view, char **member);
/* Copies a message so that it fits a snapshot. *out is NULL when it never can. */
int lrm__view_bounded(const lrm_view *view, const ProtobufCMessage *message, void **out);
/* Appends a copy; past the list's limit it is left out. */
int lrm__list_append(lrm_view *view, lrm__list *list, const void *message);
/* Puts a copy in the place of item `index`; index == count: appends. */
int lrm__list_put(lrm_view *view, lrm__list *list, size_t index, const void *message);
void lrm__list_remove(lrm_view *view, lrm__list *list, size_t index);
void lrm__list_clear(lrm_view *view, lrm__list *list);
/* The list becomes copies of these. */
int lrm__list_replace(lrm_view *view, lrm__list *list, size_t count, const void *messages);
void lrm__view_free(const lrm_view *view, void *memory);

/* ---- view_history.c ---- */

int lrm__history_add(lrm_view *view, const Remote__V1__HistoryItem *item);
int lrm__history_user(lrm_view *view, const Remote__V1__Event *event);
int lrm__history_notice(lrm_view *view, const Remote__V1__Event *event);
int lrm__history_tool(lrm_view *view, const Remote__V1__Event *event,
                      const Remote__V1__ToolState *tool);
bool lrm__history_has_tool(const lrm_view *view, const char *tool_call_id);
void lrm__history_rewind(lrm_view *view, const char *message_id);
/* Streams of this turn (NULL: all) are no longer written. */
void lrm__history_close(lrm_view *view, const char *turn_id);
void lrm__history_bound(lrm_view *view);
void lrm__history_clear(lrm_view *view);
/* Fills the state's list: the newest items within the limits. */
void lrm__history_show(lrm_view *view);
void lrm__item_changed(lrm__item *item);
void lrm__item_remove(lrm_view *view, size_t index);

/* ---- view_stream.c ---- */

typedef struct lrm__stream {
  Remote__V1__HistoryItem__ItemCase kind;
  const char *message_id;
  uint64_t position;
  const char *text;
} lrm__stream;

/* A delta, durable or from a tail. */
int lrm__stream_delta(lrm_view *view, const Remote__V1__Event *event, const lrm__stream *delta,
                      bool tail);
/* A whole message, or a part of one: `item` is what it becomes. */
int lrm__stream_whole(lrm_view *view, const Remote__V1__HistoryItem *item);
/* Inserts an item made of `header` with this text at `index`. */
int lrm__stream_insert(lrm_view *view, size_t index, const Remote__V1__HistoryItem *header,
                       uint64_t position, const char *text, size_t bytes);
void lrm__stream_flags(lrm__item *item, bool open, bool more);
char **lrm__stream_text(Remote__V1__HistoryItem *item);
uint64_t lrm__stream_position(const Remote__V1__HistoryItem *item);

/* ---- view_tools.c ---- */

int lrm__tool_upsert(lrm_view *view, const Remote__V1__Event *event,
                     const Remote__V1__ToolState *tool, bool restore);
int lrm__tool_output(lrm_view *view, const Remote__V1__ToolOutput *output, bool tail);
int lrm__tool_ended(lrm_view *view, const Remote__V1__Event *event);
lrm__tool *lrm__tool_find(const lrm_view *view, const char *tool_call_id);
/* Sets what the state shows of the output: with what tails added, or without. */
void lrm__tool_show(const lrm__tool *tool, bool durable);
void lrm__tools_clear(lrm_view *view);
/* Fills the state's list. */
void lrm__tools_show(lrm_view *view);

/* ---- view_fold.c ---- */

/* The newest word on a command: in its place, or at the end. */
int lrm__outcome_put(lrm_view *view, const Remote__V1__KnownOutcome *outcome);
int lrm__view_fold(lrm_view *view, const Remote__V1__Event *event);
void lrm__usage_merge(lrm__usage *usage, const Remote__V1__Usage *news);

/* ---- view_tail.c ---- */

/* Takes off what tails added; they stay kept. */
void lrm__tail_take_off(lrm_view *view);
/* Lays them over the durable state again. */
int lrm__tail_lay_over(lrm_view *view);
void lrm__tail_forget(lrm_view *view);

/* ---- view_restore.c ---- */

int lrm__view_restore(lrm_view *view, const Remote__V1__SessionState *state, bool begins);

/* Points the state at what is there now. */
void lrm__view_show(lrm_view *view);

#endif

/* A page of history: one bounded OPEN, its blocks taken apart and handed out. */
#include "remote/history.h"

#include <string.h>

#include "remote/block.h"
#include "remote/message.h"
#include "schema.h"

#include "session/host_tools.h"

#define REOPEN_NS_MIN UINT64_C(250000000)
#define REOPEN_NS_MAX UINT64_C(30000000000)

typedef enum page_state {
  PAGE_NONE = 0,
  PAGE_WAITING = 1, /* for the link, or for `reopen_ns` */
  PAGE_OPENING = 2,
  PAGE_READING = 3,
  PAGE_ENDED = 4,  /* DONE is to be told */
  PAGE_FAILED = 5, /* FAILED is to be told */
} page_state;

struct lrm_history {
  lrm_allocator allocator;
  lrm_history_config config;
  lrm_link *link;
  uint64_t now_ns;
  lrm_block_reader *reader;
  lrm_arena message;

  page_state state;
  uint32_t channel; /* 0: none */
  lrm_id epoch;
  uint64_t from, until; /* the page; `from` moves up where the log begins later */
  uint64_t next;        /* the next offset to be told */
  bool trimmed;
  uint64_t reopen_ns, backoff_ns;
  remote_v1_Problem problem;

  lrm_frame block; /* being taken apart */
  bool in_block;
  uint64_t block_at; /* offset of the block's next message */
  bool passed_due;   /* `passed` is to be told */
  lrm_history_event passed;
};

int lrm_history_create(const lrm_history_config *config, lrm_history **out) {
  *out = NULL;
  if (config == NULL || config->struct_bytes == 0) return LRM_ERR_USAGE;
  lrm_history_config copy;
  memset(&copy, 0, sizeof copy);
  memcpy(&copy, config, config->struct_bytes < sizeof copy ? config->struct_bytes : sizeof copy);
  if (copy.allocator.alloc == NULL || copy.link == NULL || lrm_id_none(&copy.session_id))
    return LRM_ERR_USAGE;
  lrm_history *history = lrm__zalloc(&copy.allocator, sizeof *history);
  if (history == NULL) return LRM_ERR_NO_MEMORY;
  history->allocator = copy.allocator;
  history->config = copy;
  history->link = copy.link;
  lrm_arena_init(&history->message, &history->allocator,
                 LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  int result =
      lrm_block_reader_create(&history->allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &history->reader);
  if (result != 0) {
    lrm_history_destroy(history);
    return result;
  }
  *out = history;
  return 0;
}

void lrm_history_destroy(lrm_history *history) {
  if (history == NULL) return;
  lrm_block_reader_destroy(history->reader);
  lrm_arena_free(&history->message);
  lrm_allocator allocator = history->allocator;
  lrm__release(&allocator, history);
}

/* ---- the channel ---- */

static void try_later(lrm_history *history, uint64_t wait_ms) {
  history->channel = 0;
  history->state = PAGE_WAITING;
  if (history->backoff_ns == 0) history->backoff_ns = REOPEN_NS_MIN;
  uint64_t wait_ns = history->backoff_ns;
  if (wait_ms > wait_ns / 1000000 && wait_ms < UINT64_MAX / 2000000) wait_ns = wait_ms * 1000000;
  history->reopen_ns = history->now_ns + wait_ns;
  history->backoff_ns *= 2;
  if (history->backoff_ns > REOPEN_NS_MAX) history->backoff_ns = REOPEN_NS_MAX;
}

static void open_page(lrm_history *history) {
  if (history->state != PAGE_WAITING || history->reopen_ns > history->now_ns ||
      lrm_link_state_now(history->link) != LRM_LINK_LIVE)
    return;
  remote_v1_Open open = remote_v1_Open_init_zero;
  open.session_id.size = open.epoch.size = 16;
  memcpy(open.session_id.bytes, history->config.session_id.bytes, 16);
  memcpy(open.epoch.bytes, history->epoch.bytes, 16);
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.start = remote_v1_Start_START_RESUME;
  open.next = history->next;
  open.until = history->until;
  if (lrm_link_open(history->link, &open, 0, &history->channel, history->now_ns) != 0)
    try_later(history, 0);
  else
    history->state = PAGE_OPENING;
}

static void close_channel(lrm_history *history) {
  if (history->channel == 0) return;
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  int result = lrm_link_close(history->link, history->channel, &problem, 0, history->now_ns);
  (void)result; /* a link on its way down needs no word */
  history->channel = 0;
}

int lrm_history_read(lrm_history *history, lrm_position before, uint64_t count, uint64_t now_ns) {
  if (history->state != PAGE_NONE) return LRM_ERR_STATE;
  if (lrm_id_none(&before.epoch) || count == 0 || before.offset > LRM_OFFSET_MAX)
    return LRM_ERR_USAGE;
  if (now_ns > history->now_ns) history->now_ns = now_ns;
  history->epoch = before.epoch;
  history->until = before.offset;
  history->from = history->next = before.offset > count ? before.offset - count : 0;
  history->trimmed = history->in_block = history->passed_due = false;
  history->reopen_ns = history->backoff_ns = 0;
  history->state = before.offset == 0 ? PAGE_ENDED : PAGE_WAITING;
  open_page(history);
  return 0;
}

void lrm_history_cancel(lrm_history *history) {
  close_channel(history);
  history->state = PAGE_NONE;
  history->in_block = history->passed_due = false;
}

bool lrm_history_reading(const lrm_history *history) { return history->state != PAGE_NONE; }

void lrm_history_link_down(lrm_history *history) {
  history->channel = 0;
  history->in_block = history->passed_due = false;
  if (history->state != PAGE_OPENING && history->state != PAGE_READING) return;
  history->state = PAGE_WAITING;
  history->reopen_ns = history->backoff_ns = 0;
}

uint64_t lrm_history_deadline(const lrm_history *history) {
  bool waits = history->state == PAGE_WAITING && history->reopen_ns != 0;
  return waits && lrm_link_state_now(history->link) == LRM_LINK_LIVE ? history->reopen_ns
                                                                     : UINT64_MAX;
}

void lrm_history_expire(lrm_history *history, uint64_t now_ns) {
  if (now_ns > history->now_ns) history->now_ns = now_ns;
  open_page(history);
}

void lrm_history_progress(const lrm_history *history, uint64_t *told, uint64_t *wanted) {
  uint64_t next = history->next < history->until ? history->next : history->until;
  *told = next - history->from;
  *wanted = history->until - history->from;
}

/* ---- what the link says ---- */

static void fail(lrm_history *history, const remote_v1_Problem *problem) {
  close_channel(history);
  history->problem = *problem;
  history->state = PAGE_FAILED;
}

static void on_opened(lrm_history *history, const remote_v1_Opened *opened) {
  lrm_id epoch;
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  history->backoff_ns = 0;
  if (lrm_id_from(opened->epoch.bytes, opened->epoch.size, &epoch) != 0 ||
      !lrm_id_equal(&epoch, &history->epoch)) {
    /* A relay without this log: its host has not come yet, or never will. */
    problem.code = LRM_CODE_EPOCH;
    fail(history, &problem);
    return;
  }
  if (opened->next > history->next) {
    /* What was told before the cut and has been trimmed since stays told. */
    if (history->next == history->from) history->from = opened->next;
    history->next = opened->next;
    history->trimmed = true;
  }
  history->state = PAGE_READING;
}

static void on_closed(lrm_history *history, const remote_v1_Problem *problem) {
  history->channel = 0;
  if (problem->code == LRM_CODE_NORMAL && history->state == PAGE_READING) {
    /* A relay that crashed may know less than its readers: the host brings it again (3.16). */
    if (history->next < history->until)
      try_later(history, 0);
    else
      history->state = PAGE_ENDED;
    return;
  }
  if (problem->code >= 1000 && problem->code < 2000) {
    try_later(history, problem->retry_after_ms);
    return;
  }
  fail(history, problem);
}

static void pass(lrm_history *history, uint64_t offset, uint32_t count, bool unreadable) {
  history->passed = (lrm_history_event){
      .type = LRM_HISTORY_PASSED, .offset = offset, .count = count, .unreadable = unreadable};
  history->passed_due = true;
}

static void end_block(lrm_history *history) {
  const lrm_frame *block = &history->block;
  history->in_block = false;
  history->next = block->offset + block->count;
  int result = lrm_link_ack(history->link, history->channel, history->next, history->now_ns);
  if (result == 0)
    result =
        lrm_link_consumed(history->link, history->channel, block->payload.bytes, history->now_ns);
  (void)result; /* a link on its way down needs no word */
}

static void on_block(lrm_history *history, const lrm_link_event *event) {
  history->block = event->frame;
  const lrm_frame *block = &history->block;
  history->block_at = block->offset;
  history->in_block = true;
  if (block->offset > history->next) { /* a jump over what was trimmed meanwhile */
    history->trimmed = true;
    if (history->next == history->from) history->from = block->offset;
    history->next = block->offset;
  }
  bool in_set = (block->flags & LRM_FLAG_SNAPSHOT) != 0;
  int result = in_set ? 0
                      : lrm_block_reader_begin(history->reader, block->flags, block->count,
                                               block->inflated_bytes, block->payload);
  if (!in_set && result == 0) return;
  uint64_t end = block->offset + block->count;
  pass(history, history->next, (uint32_t)(end - history->next), !in_set);
  end_block(history);
}

bool lrm_history_link_event(lrm_history *history, const lrm_link_event *event, uint64_t now_ns) {
  if (now_ns > history->now_ns) history->now_ns = now_ns;
  /* A block that was not drained is passed over; nobody heard of it. */
  lrm_history_event unheard;
  while (history->in_block && lrm_history_next_event(history, &unheard)) {
  }
  open_page(history);
  if (event->channel == 0 || event->channel != history->channel) return false;
  switch (event->type) {
    case LRM_LINK_EVENT_OPENED:
      on_opened(history, event->opened);
      break;
    case LRM_LINK_EVENT_BLOCK:
      on_block(history, event);
      break;
    case LRM_LINK_EVENT_CLOSED:
      on_closed(history, event->problem);
      break;
    default: /* SYNCED, facts and INFO are for those who follow */
      break;
  }
  return true;
}

/* ---- what is told ---- */

/* The block's next message. False: it is used up, or was passed over. */
static bool step(lrm_history *history, lrm_history_event *out) {
  lrm_slice message;
  while (lrm_block_reader_next(history->reader, &message)) {
    uint64_t offset = history->block_at++;
    if (offset < history->next) continue; /* of a block that begins below the page */
    if (offset >= history->until) break;  /* or ends above it */
    void *event;
    lrm_arena_reset(&history->message);
    if (lrm_message_decode(&lrm_schema_Event, message.data, message.bytes, &history->message,
                           &event, NULL) != 0) {
      pass(history, offset, 1, true);
      history->next = offset + 1;
      *out = history->passed;
      history->passed_due = false;
      return true;
    }
    history->next = offset + 1;
    *out = (lrm_history_event){
        .type = LRM_HISTORY_EVENT, .offset = offset, .count = 1, .event = event, .raw = message};
    return true;
  }
  end_block(history);
  return false;
}

bool lrm_history_next_event(lrm_history *history, lrm_history_event *out) {
  if (history->passed_due) {
    history->passed_due = false;
    *out = history->passed;
    return true;
  }
  if (history->in_block && step(history, out)) return true;
  if (history->state != PAGE_ENDED && history->state != PAGE_FAILED) return false;
  memset(out, 0, sizeof *out);
  out->type = history->state == PAGE_ENDED ? LRM_HISTORY_DONE : LRM_HISTORY_FAILED;
  out->offset = history->from;
  out->trimmed = history->trimmed;
  out->first = history->trimmed || history->from == 0;
  if (history->state == PAGE_FAILED) out->problem = &history->problem;
  history->state = PAGE_NONE;
  return true;
}

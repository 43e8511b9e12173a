/* Reads the conversation out of a journal, so that what an agent replays on load is recognised. */
#include "host_app.h"
#include "remote/block.h"
#include "remote/frame.h"
#include "remote/message.h"

#include "schema.h"

static void take_event(acp_history *h, const Remote__V1__Event *event) {
  switch ((int)event->body_case) {
    case REMOTE__V1__EVENT__BODY_USER_MESSAGE: {
      const Remote__V1__UserMessage *m = event->user_message;
      acp_history_add(h, ACP_ROLE_USER, m->message_id, 0, m->text, strlen(m->text));
      break;
    }
    case REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE: {
      const Remote__V1__AssistantMessage *m = event->assistant_message;
      acp_history_add(h, ACP_ROLE_ASSISTANT, m->message_id, m->position, m->text, strlen(m->text));
      break;
    }
    case REMOTE__V1__EVENT__BODY_THOUGHT: {
      const Remote__V1__Thought *m = event->thought;
      acp_history_add(h, ACP_ROLE_THOUGHT, m->message_id, m->position, m->text, strlen(m->text));
      break;
    }
    /* Of a message in which the last host died there are only pieces. */
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA: {
      const Remote__V1__AssistantDelta *m = event->assistant_delta;
      acp_history_add(h, ACP_ROLE_ASSISTANT, m->message_id, m->position, m->text, strlen(m->text));
      break;
    }
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA: {
      const Remote__V1__ThoughtDelta *m = event->thought_delta;
      acp_history_add(h, ACP_ROLE_THOUGHT, m->message_id, m->position, m->text, strlen(m->text));
      break;
    }
    case REMOTE__V1__EVENT__BODY_TOOL_STARTED:
      if (event->tool_started->tool != NULL)
        acp_history_add_tool(h, event->tool_started->tool->tool_call_id);
      break;
    default:
      break;
  }
}

/* A journal that was trimmed begins with a snapshot, which holds the last messages and tools. */
static void take_state(acp_history *h, const Remote__V1__SessionState *state) {
  for (size_t i = 0; i < state->n_history; i++) {
    const Remote__V1__HistoryItem *item = state->history[i];
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    if (item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_USER) {
      event.body_case = REMOTE__V1__EVENT__BODY_USER_MESSAGE;
      event.user_message = item->user;
    } else if (item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT) {
      event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE;
      event.assistant_message = item->assistant;
    } else if (item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT) {
      event.body_case = REMOTE__V1__EVENT__BODY_THOUGHT;
      event.thought = item->thought;
    } else if (item->item_case == REMOTE__V1__HISTORY_ITEM__ITEM_TOOL) {
      acp_history_add_tool(h, item->tool->tool_call_id);
    }
    take_event(h, &event);
  }
}

static void take_block(acp_history *h, lrm_block_reader *reader, lrm_arena *arena,
                       const lrm_block *block, bool first) {
  lrm_slice message;
  if (lrm_block_reader_begin(reader, block->flags, block->count, block->inflated_bytes,
                             block->payload) != 0)
    return;
  while (lrm_block_reader_next(reader, &message)) {
    void *decoded;
    lrm_arena_reset(arena);
    if (lrm_message_decode(&lrm_schema_Event, message.data, message.bytes, arena, &decoded, NULL) !=
        0)
      continue;
    const Remote__V1__Event *event = decoded;
    if (event->body_case != REMOTE__V1__EVENT__BODY_SESSION_STATE)
      take_event(h, event);
    else if (first)
      take_state(h, event->session_state);
  }
}

acp_history *journal_history(lrm_store *store, const lrm_id *session_id) {
  acp_history *h = acp_history_create();
  lrm_log_key key = {0, *session_id, 1};
  lrm_log *log;
  lrm_block_reader *reader;
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  if (lrm_store_log(store, &key, false, &log) != 0) return h;
  if (lrm_block_reader_create(&allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &reader) != 0) return h;
  lrm_arena_init(&arena, &allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  lrm_log_facts facts = lrm_log_facts_now(log);
  lrm_block block;
  for (uint64_t at = facts.first; at < facts.end; at = block.offset + block.count) {
    if (lrm_log_read(log, at, &block) != 0) break;
    bool snapshot = (block.flags & LRM_FLAG_SNAPSHOT) != 0;
    take_block(h, reader, &arena, &block, snapshot && block.offset == facts.first);
  }
  lrm_arena_free(&arena);
  lrm_block_reader_destroy(reader);
  return h;
}

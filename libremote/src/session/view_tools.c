/* Running tools, each with the last 16 KiB of its output. When a tool ends it becomes a part of
 * the history. */
#include "session/view_internal.h"

#include <string.h>

#include "base/assert.h"
#include "session/view_copy.h"

#define STREAMS 3u
#define ENDED_OUTPUT_BYTES_MAX 4096u

lrm__tool *lrm__tool_find(const lrm_view *view, const char *tool_call_id) {
  for (size_t i = 0; i < view->tool_count; i++)
    if (strcmp(view->tools[i].message->tool_call_id, tool_call_id) == 0) {
      const lrm__tool *tool = &view->tools[i];
      lrm__tool *found;
      memcpy(&found, &tool, sizeof found);
      return found;
    }
  return NULL;
}

static void remove_tool(lrm_view *view, size_t index) {
  lrm__view_free(view, view->tools[index].message);
  lrm__view_free(view, view->tools[index].output);
  view->tool_count--;
  memmove(view->tools + index, view->tools + index + 1,
          (view->tool_count - index) * sizeof *view->tools);
}

void lrm__tools_clear(lrm_view *view) {
  while (view->tool_count > 0) remove_tool(view, view->tool_count - 1);
}

/* ---- output ---- */

/* Where the last `most` of `bytes` begin, not within a character. */
static size_t window(const uint8_t *output, size_t bytes, size_t most) {
  return bytes <= most ? 0 : lrm__utf8_ceil(output, bytes, bytes - most);
}

void lrm__tool_show(const lrm__tool *tool, bool durable) {
  size_t bytes = durable ? tool->durable_bytes : tool->bytes;
  const uint64_t *streams = durable ? tool->durable_stream : tool->stream_bytes;
  size_t start = window(tool->output, bytes, LRM_TOOL_OUTPUT_BYTES);
  tool->message->output.len = bytes - start;
  tool->message->output.data = bytes == start ? NULL : tool->output + start;
  tool->message->output_position = tool->position + start;
  tool->message->stdout_bytes = streams[REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_STDOUT];
  tool->message->stderr_bytes = streams[REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_STDERR];
}

void lrm__tools_show(lrm_view *view) {
  view->state.n_tools = view->tool_count;
  view->state.tools = view->tool_items;
  for (size_t i = 0; i < view->tool_count; i++) {
    lrm__tool_show(&view->tools[i], false);
    view->tool_items[i] = view->tools[i].message;
  }
}

static int append_output(lrm_view *view, lrm__tool *tool, const uint8_t *data, size_t bytes) {
  if (tool->bytes + bytes > tool->capacity) {
    size_t capacity = tool->capacity == 0 ? 1024 : tool->capacity;
    while (capacity < tool->bytes + bytes) capacity *= 2;
    uint8_t *larger = view->allocator.alloc(view->allocator.user, capacity);
    if (larger == NULL) return LRM_ERR_NO_MEMORY;
    if (tool->bytes != 0) memcpy(larger, tool->output, tool->bytes);
    lrm__view_free(view, tool->output);
    tool->output = larger;
    tool->capacity = capacity;
  }
  memcpy(tool->output + tool->bytes, data, bytes);
  tool->bytes += bytes;
  return 0;
}

/* What was appended is durable: only the window is kept. */
static void settle_output(lrm__tool *tool) {
  size_t start = window(tool->output, tool->bytes, LRM_TOOL_OUTPUT_BYTES);
  if (start != 0) memmove(tool->output, tool->output + start, tool->bytes - start);
  tool->position += start;
  tool->bytes -= start;
  tool->durable_bytes = tool->bytes;
  memcpy(tool->durable_stream, tool->stream_bytes, sizeof tool->durable_stream);
}

int lrm__tool_output(lrm_view *view, const Remote__V1__ToolOutput *output, bool tail) {
  lrm__tool *tool = lrm__tool_find(view, output->tool_call_id);
  if (tool == NULL) return 0;
  unsigned stream = (unsigned)output->stream < STREAMS ? (unsigned)output->stream : 0;
  uint64_t have = tool->stream_bytes[stream];
  if (output->position > have || have - output->position >= output->data.len) return 0;
  size_t skip = (size_t)(have - output->position);
  size_t bytes = output->data.len - skip;
  int result = append_output(view, tool, output->data.data + skip, bytes);
  if (result != 0) return result;
  tool->stream_bytes[stream] += bytes;
  if (!tail) settle_output(tool);
  return 0;
}

/* Output and its positions as a snapshot tells them; numbers that cannot be are made to fit. */
static int restore_output(lrm_view *view, lrm__tool *tool, const Remote__V1__ToolState *state) {
  tool->bytes = tool->durable_bytes = 0;
  tool->position =
      state->output_position > LRM_OFFSET_MAX ? LRM_OFFSET_MAX : state->output_position;
  if (state->output.len != 0) {
    int result = append_output(view, tool, state->output.data, state->output.len);
    if (result != 0) return result;
  }
  uint64_t all = tool->position + tool->bytes;
  uint64_t out = state->stdout_bytes < all ? state->stdout_bytes : all;
  uint64_t err = state->stderr_bytes < all - out ? state->stderr_bytes : all - out;
  tool->stream_bytes[REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_UNSPECIFIED] = all - out - err;
  tool->stream_bytes[REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_STDOUT] = out;
  tool->stream_bytes[REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_STDERR] = err;
  settle_output(tool);
  return 0;
}

/* ---- state ---- */

static bool given(const char *text) { return text != NULL && text[0] != '\0'; }

/* Shallow: fields of `news` that are set replace the older ones. */
static Remote__V1__ToolState merged(const Remote__V1__ToolState *old,
                                    const Remote__V1__ToolState *news) {
  Remote__V1__ToolState tool = *old;
  if (given(news->title)) tool.title = news->title;
  if (news->kind != 0) tool.kind = news->kind;
  if (news->status != 0) tool.status = news->status;
  if (news->input != NULL) tool.input = news->input;
  if (news->n_locations != 0) {
    tool.n_locations = news->n_locations;
    tool.locations = news->locations;
  }
  if (given(news->parent_id)) tool.parent_id = news->parent_id;
  if (news->n_content != 0) {
    tool.n_content = news->n_content;
    tool.content = news->content;
  }
  if (given(news->name)) tool.name = news->name;
  return tool;
}

/* A running tool must fit a snapshot's message together with its output, whatever its updates add
 * up to. */
static Remote__V1__ToolState *copy_running(const lrm_view *view,
                                           const Remote__V1__ToolState *tool) {
  static const lrm__cut running[] = {{5, 32768}, {6, 16384}, {8, 65536}, {0, 2048}};
  Remote__V1__ToolState shallow = *tool;
  shallow.output = (ProtobufCBinaryData){0};
  shallow.output_position = shallow.stdout_bytes = shallow.stderr_bytes = 0;
  return lrm__copy(&view->allocator, &shallow.base, running);
}

static Remote__V1__Event from_event(const Remote__V1__Event *event) {
  Remote__V1__Event source = REMOTE__V1__EVENT__INIT;
  source.at_ms = event->at_ms;
  source.turn_id = event->turn_id;
  source.agent_id = event->agent_id;
  return source;
}

/* The raw output stands in when the agent gave nothing else, and the stream when not even that. */
static void add_result(Remote__V1__ToolState *state, const Remote__V1__ToolEnded *ended,
                       const lrm__tool *tool, Remote__V1__ToolContent *raw,
                       Remote__V1__ToolContent **raw_list) {
  if (ended->n_content != 0) {
    state->n_content = ended->n_content;
    state->content = ended->content;
  } else if (state->n_content == 0 && ended->output != NULL && given(ended->output->text)) {
    raw->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_OTHER;
    raw->other = ended->output;
    *raw_list = raw;
    state->n_content = 1;
    state->content = raw_list;
  } else if (state->n_content == 0 && tool != NULL) {
    size_t start = window(tool->output, tool->durable_bytes, ENDED_OUTPUT_BYTES_MAX);
    state->output.len = tool->durable_bytes - start;
    state->output.data = state->output.len == 0 ? NULL : tool->output + start;
    state->output_position = tool->position + start;
  }
}

/* The oldest makes room: it goes into the history with the status it has. */
static int make_room(lrm_view *view, const Remote__V1__Event *event) {
  if (view->tool_count < LRM__TOOLS_MAX) return 0;
  Remote__V1__Event source = from_event(event);
  Remote__V1__ToolEnded nothing = REMOTE__V1__TOOL_ENDED__INIT;
  Remote__V1__ToolContent raw = REMOTE__V1__TOOL_CONTENT__INIT, *raw_list;
  Remote__V1__ToolState state = *view->tools[0].message;
  state.output = (ProtobufCBinaryData){0};
  state.output_position = state.stdout_bytes = state.stderr_bytes = 0;
  add_result(&state, &nothing, &view->tools[0], &raw, &raw_list);
  int result = lrm__history_tool(view, &source, &state);
  remove_tool(view, 0);
  return result;
}

int lrm__tool_upsert(lrm_view *view, const Remote__V1__Event *event,
                     const Remote__V1__ToolState *news, bool restore) {
  Remote__V1__ToolState none = REMOTE__V1__TOOL_STATE__INIT;
  if (news == NULL || !given(news->tool_call_id)) return 0;
  none.tool_call_id = news->tool_call_id;
  lrm__tool *tool = lrm__tool_find(view, news->tool_call_id);
  if (tool == NULL) {
    int result = make_room(view, event);
    if (result != 0) return result;
  }
  /* A set is whole: of the same id twice the later one stands for itself. */
  Remote__V1__ToolState state = merged(tool == NULL || restore ? &none : tool->message, news);
  Remote__V1__ToolState *copy = copy_running(view, &state);
  if (copy == NULL) return LRM_ERR_NO_MEMORY;
  if (tool == NULL) {
    tool = &view->tools[view->tool_count++];
    memset(tool, 0, sizeof *tool);
  }
  lrm__view_free(view, tool->message);
  tool->message = copy;
  return restore ? restore_output(view, tool, news) : 0;
}

/* ---- the end ---- */

int lrm__tool_ended(lrm_view *view, const Remote__V1__Event *event) {
  const Remote__V1__ToolEnded *ended = event->tool_ended;
  Remote__V1__ToolState state = REMOTE__V1__TOOL_STATE__INIT;
  Remote__V1__ToolContent raw = REMOTE__V1__TOOL_CONTENT__INIT, *raw_list;
  if (!given(ended->tool_call_id)) return 0;
  const lrm__tool *tool = lrm__tool_find(view, ended->tool_call_id);
  if (tool != NULL) state = *tool->message;
  state.tool_call_id = ended->tool_call_id;
  state.output = (ProtobufCBinaryData){0};
  state.output_position = state.stdout_bytes = state.stderr_bytes = 0;
  state.status =
      ended->status != 0 ? ended->status : REMOTE__V1__TOOL_STATUS__TOOL_STATUS_COMPLETED;
  add_result(&state, ended, tool, &raw, &raw_list);
  Remote__V1__Event source = from_event(event);
  int result = lrm__history_tool(view, &source, &state);
  if (tool != NULL) remove_tool(view, (size_t)(tool - view->tools));
  return result;
}

/* What commands print. It comes as text content that grows or is replaced, as pieces in _meta, or
 * at the end only in rawOutput, and often in more than one of these ways: each byte goes out once,
 * as ToolOutput. Positions are the host's. */
#include <stdio.h>

#include "acp_internal.h"

#define STREAM(x) REMOTE__V1__OUTPUT_STREAM__OUTPUT_STREAM_##x
#define OUTPUT_PIECE_BYTES 32768u

static bool is_type(const json_t *item, const char *type) {
  const char *word = json_string_value(json_object_get(item, "type"));
  return word != NULL && strcmp(word, type) == 0;
}

/* ---- out ---- */

static void send_output(acp_session *s, const acp_tool *tool, Remote__V1__OutputStream stream,
                        const char *data, size_t bytes) {
  while (bytes > 0) {
    size_t n = bytes < OUTPUT_PIECE_BYTES ? bytes : OUTPUT_PIECE_BYTES;
    acp_build b;
    acp_build_begin(&b, s);
    Remote__V1__ToolOutput output = REMOTE__V1__TOOL_OUTPUT__INIT;
    output.tool_call_id = acp_build_copy(&b, tool->id);
    output.data.data = acp_build_alloc(&b, n);
    memcpy(output.data.data, data, n);
    output.data.len = n;
    output.stream = stream;
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.body_case = REMOTE__V1__EVENT__BODY_TOOL_OUTPUT;
    event.tool_output = &output;
    acp_delta(s, &event);
    acp_build_end(&b);
    data += n;
    bytes -= n;
  }
}

static void feed(acp_session *s, acp_tool *tool, const char *data, size_t bytes, bool end) {
  if (s->redact == NULL) {
    send_output(s, tool, tool->stream, data, bytes);
    return;
  }
  char *out;
  size_t out_bytes;
  redact_stream_feed(&tool->redact, s->redact, data, bytes, end, &out, &out_bytes);
  send_output(s, tool, tool->stream, out, out_bytes);
}

static void said(acp_session *s, acp_tool *tool, Remote__V1__OutputStream stream, const char *data,
                 size_t bytes) {
  if (bytes == 0) return;
  if (tool->stream != stream) { /* what the redactor holds back belongs to the other one */
    feed(s, tool, "", 0, true);
    tool->stream = stream;
  }
  tool->output_hash = acp_hash(tool->output_hash, data, bytes);
  tool->output_bytes += bytes;
  feed(s, tool, data, bytes, false);
}

void acp_output_end(acp_session *s, acp_tool *tool) { feed(s, tool, "", 0, true); }

/* ---- text content ---- */

/* Some wrap it in a block of Markdown, whole, at the end. */
static void strip_fence(char *text, size_t *bytes) {
  static const char *const begins[] = {"```console\n", "```\n", "```sh\n", "```text\n"};
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
    size_t n = strlen(begins[i]);
    if (*bytes < n + 3 || memcmp(text, begins[i], n) != 0) continue;
    if (memcmp(text + *bytes - 3, "```", 3) != 0) return;
    *bytes -= n + 3;
    memmove(text, text + n, *bytes);
    text[*bytes] = '\0';
    return;
  }
}

/* All content is text: the command's output so far, joined. To be freed; NULL: it is not so. */
static char *text_of_content(const json_t *content, size_t *bytes) {
  size_t total = 0;
  if (json_array_size(content) == 0) return NULL;
  for (size_t i = 0; i < json_array_size(content); i++) {
    const json_t *block = json_object_get(json_array_get(content, i), "content");
    const json_t *text = json_object_get(block, "text");
    if (!is_type(block, "text") || !json_is_string(text)) return NULL;
    total += json_string_length(text);
  }
  char *out = memory_zero(total + 1);
  *bytes = 0;
  for (size_t i = 0; i < json_array_size(content); i++) {
    const json_t *block = json_object_get(json_array_get(content, i), "content");
    const json_t *text = json_object_get(block, "text");
    memcpy(out + *bytes, json_string_value(text), json_string_length(text));
    *bytes += json_string_length(text);
  }
  strip_fence(out, bytes);
  return out;
}

/* A text that begins with all that went out: its rest goes out. False: it is something else. */
static bool grow(acp_session *s, acp_tool *tool, const char *text, size_t bytes) {
  if (bytes < tool->output_bytes ||
      acp_hash(ACP_HASH_BEGIN, text, tool->output_bytes) != tool->output_hash)
    return false;
  said(s, tool, STREAM(STDOUT), text + tool->output_bytes, bytes - tool->output_bytes);
  return true;
}

/* The same but for blanks at the end, which some cut. */
static bool is_repeated(const acp_tool *tool, const char *text, size_t bytes) {
  if (tool->output_bytes == 0) return false;
  if (bytes == tool->output_bytes)
    return acp_hash(ACP_HASH_BEGIN, text, bytes) == tool->output_hash;
  uint64_t hash = acp_hash(ACP_HASH_BEGIN, text, bytes);
  return bytes + 1 == tool->output_bytes && acp_hash(hash, "\n", 1) == tool->output_hash;
}

bool acp_output_content(acp_session *s, acp_tool *tool, const json_t *content) {
  size_t bytes;
  bool runs = tool->kind == REMOTE__V1__TOOL_KIND__TOOL_KIND_EXECUTE || tool->by_meta;
  char *text = runs ? text_of_content(content, &bytes) : NULL;
  if (text == NULL) return false;
  bool known = tool->by_meta ? is_repeated(tool, text, bytes) : grow(s, tool, text, bytes);
  if (!known) known = is_repeated(tool, text, bytes);
  free(text);
  return known;
}

bool acp_output_is_terminal(const json_t *content) {
  for (size_t i = 0; i < json_array_size(content); i++)
    if (!is_type(json_array_get(content, i), "terminal")) return false;
  return json_array_size(content) > 0;
}

/* ---- _meta ---- */

/* A piece; which stream it is of, when that is told. */
void acp_output_meta(acp_session *s, acp_tool *tool, const json_t *meta) {
  static const char *const names[] = {"terminal_output", "terminal_output_delta"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const json_t *piece = json_object_get(meta, names[i]);
    const json_t *data = json_object_get(piece, "data");
    const char *stream = json_string_value(json_object_get(piece, "stream"));
    if (!json_is_string(data)) continue;
    tool->by_meta = true;
    said(s, tool, stream != NULL && strcmp(stream, "stderr") == 0 ? STREAM(STDERR) : STREAM(STDOUT),
         json_string_value(data), json_string_length(data));
    return; /* one that tells both tells the same */
  }
}

/* ---- rawOutput ---- */

static const json_t *raw_text(const json_t *raw) {
  static const char *const names[] = {"aggregated_output", "formatted_output", "output", "stdout"};
  if (json_is_string(raw)) return raw;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const json_t *text = json_object_get(raw, names[i]);
    if (json_is_string(text)) return text;
  }
  const json_t *metadata = json_object_get(raw, "metadata");
  return json_is_object(metadata) ? raw_text(metadata) : NULL;
}

bool acp_output_raw(acp_session *s, acp_tool *tool, const json_t *raw, bool final) {
  const json_t *text = raw_text(raw);
  if (tool->kind != REMOTE__V1__TOOL_KIND__TOOL_KIND_EXECUTE || text == NULL) return false;
  const char *words = json_string_value(text);
  size_t bytes = json_string_length(text);
  if (is_repeated(tool, words, bytes)) return true;
  if (tool->by_meta || (tool->output_bytes > 0 && final)) return false;
  if (!grow(s, tool, words, bytes)) return false;
  const json_t *errors = json_object_get(raw, "stderr");
  if (final && text == json_object_get(raw, "stdout") && json_is_string(errors))
    said(s, tool, STREAM(STDERR), json_string_value(errors), json_string_length(errors));
  return true;
}

/* ---- how it ended ---- */

void acp_output_exit(acp_tool *tool, const json_t *update) {
  const json_t *exit = json_object_get(json_object_get(update, "_meta"), "terminal_exit");
  const json_t *raw = json_object_get(update, "rawOutput");
  const json_t *places[] = {
      json_object_get(exit, "exit_code"),
      json_object_get(json_object_get(raw, "metadata"), "exit"),
      json_object_get(raw, "exit_code"),
      json_object_get(raw, "exitCode"),
  };
  const char *signal = json_string_value(json_object_get(exit, "signal"));
  if (signal != NULL) snprintf(tool->signal, sizeof tool->signal, "%.31s", signal);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    json_int_t code = json_integer_value(places[i]);
    if (!json_is_integer(places[i]) || code < INT32_MIN || code > INT32_MAX) continue;
    tool->exit_known = true;
    tool->exit_code = (int)code;
    return;
  }
}

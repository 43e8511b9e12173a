/* Whatever stands in an event, nothing but text and our own styles is written: every field of every
 * kind of event filled with what would take over a terminal, in every look. And what is written of
 * a message does not depend on how it was cut. The seed is printed; REMOTE_TEST_SEED repeats a run.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "output_grammar.h"
#include "transcript.h"
#include "unicode_text.h"

static unsigned seed;

static unsigned below(unsigned bound) { return (unsigned)rand_r(&seed) % bound; }

static void begin_seed(void) {
  const char *given = getenv("REMOTE_TEST_SEED");
  seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
  print_message("REMOTE_TEST_SEED=%u\n", seed);
}

/* ---- wild text ---- */

static const char *const evil[] = {
    "\x1b[2J",
    "\x1b]52;c;QQ==\x07",
    "\x1b]8;;http://e\x1b\\",
    "\x1bP+q\x1b\\",
    "\x1b_x\x1b\\",
    "\x9b"
    "31m",
    "\xc2\x9b"
    "31m",
    "\x1b[201~",
    "\x1b"
    "7",
    "\r",
    "\r\n",
    "\n",
    "\t",
    "\x08",
    "\x07",
    "\x7f",
    "\xe2\x80\xae",
    "\xe2\x81\xa6",
    "\xe2\x80\x8b",
    "\xe2\x80\xa8",
    "\xef\xbb\xbf",
    "\xf3\xa0\x81\x81",
    "\xff\xfe",
    "\xc0\x80",
    "\xed\xa0\x80",
    "\xe2\x82",
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
    "Z\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
    "\xe6\x97\xa5\xe6\x9c\xac",
    "**",
    "*",
    "`",
    "```\n",
    "[",
    "](",
    ")",
    "# ",
    "- ",
    "> ",
    "| ",
    "\\",
    "___",
    " ",
    "   ",
    "word",
    "a longer-word",
    "1. ",
    "\xef\xbe\xa0",
    "\xc2\xad"};

static size_t wild(char *out, size_t capacity, bool zero) {
  static const uint32_t hidden[] = {0x34F,  0x61C,  0x115F, 0x180E, 0x200B,  0x200F, 0x202A,
                                    0x2060, 0x2066, 0x3164, 0xFEFF, 0xFFA0,  0xFFF9, 0xE0001,
                                    0x85,   0x90,   0x9C,   0x2029, 0xE007F, 0x206F, 0x17B4};
  size_t used = 0, pieces = below(12);
  for (size_t i = 0; i < pieces; i++) {
    if (below(4) == 0 && used + 4 < capacity)
      used += unicode_encode(hidden[below(sizeof hidden / sizeof *hidden)], out + used);
    const char *piece = evil[below(sizeof evil / sizeof *evil)];
    unsigned times = below(20) == 0 ? 40 : 1;
    for (; times && used + strlen(piece) < capacity; times--) {
      memcpy(out + used, piece, strlen(piece));
      used += strlen(piece);
    }
    if (below(3) == 0 && used < capacity) {
      out[used] = (char)(1 + below(255));
      if (zero && below(8) == 0) out[used] = 0;
      used++;
    }
  }
  return used;
}

/* ---- wild messages, by their descriptors ---- */

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *type, unsigned depth);

static void *need(size_t bytes) {
  void *at = calloc(1, bytes ? bytes : 1);
  assert_non_null(at);
  return at;
}

static char *wild_string(void) {
  char text[700];
  size_t bytes = wild(text, sizeof text - 1, false);
  char *out = need(bytes + 1);
  memcpy(out, text, bytes);
  return out;
}

static void fill_value(const ProtobufCFieldDescriptor *f, void *at, unsigned depth) {
  switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
      *(char **)at = below(12) ? wild_string() : memcpy(need(4), below(2) ? "one" : "two", 3);
      break;
    case PROTOBUF_C_TYPE_BYTES: {
      ProtobufCBinaryData *data = at;
      char text[700];
      bool id = strlen(f->name) > 3 && !strcmp(f->name + strlen(f->name) - 3, "_id");
      data->len = id ? 16 : wild(text, sizeof text, true);
      data->data = need(data->len);
      if (id)
        data->data[0] = (uint8_t)below(4);
      else
        memcpy(data->data, text, data->len);
      break;
    }
    case PROTOBUF_C_TYPE_MESSAGE:
      *(ProtobufCMessage **)at = make(f->descriptor, depth + 1);
      break;
    case PROTOBUF_C_TYPE_BOOL:
      *(protobuf_c_boolean *)at = (protobuf_c_boolean)below(2);
      break;
    case PROTOBUF_C_TYPE_ENUM:
      *(int *)at = (int)below(14);
      break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
      *(uint64_t *)at = below(4) ? below(300) : UINT64_MAX - below(3);
      break;
    default:
      *(uint32_t *)at = below(4) ? below(300) : UINT32_MAX;
      break;
  }
}

static size_t size_of(const ProtobufCFieldDescriptor *f) {
  return f->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData)
         : f->type == PROTOBUF_C_TYPE_UINT32 || f->type == PROTOBUF_C_TYPE_INT32 ||
                 f->type == PROTOBUF_C_TYPE_ENUM || f->type == PROTOBUF_C_TYPE_BOOL
             ? 4
             : 8;
}

static void fill_field(uint8_t *message, const ProtobufCFieldDescriptor *f, unsigned depth) {
  void *at = message + f->offset, *quantifier = message + f->quantifier_offset;
  if (f->label == PROTOBUF_C_LABEL_REPEATED) {
    size_t count = depth > 4 ? 0 : below(4);
    uint8_t *list = need(count * size_of(f));
    for (size_t i = 0; i < count; i++) fill_value(f, list + i * size_of(f), depth);
    *(void **)at = list;
    *(size_t *)quantifier = count;
    if (!count) free(list), *(void **)at = NULL;
  } else if (below(6)) {
    if (f->type == PROTOBUF_C_TYPE_MESSAGE && depth > 6) return;
    fill_value(f, at, depth);
  }
}

static ProtobufCMessage *make(const ProtobufCMessageDescriptor *type, unsigned depth) {
  uint8_t *message = need(type->sizeof_message);
  protobuf_c_message_init(type, message);
  uint32_t chosen = 0;
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &type->fields[i];
    if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)) {
      fill_field(message, f, depth);
      continue;
    }
    /* One of them, each as likely as any. */
    uint32_t *which = (uint32_t *)(void *)(message + f->quantifier_offset);
    if (*which) continue;
    unsigned last = i;
    while (last + 1 < type->n_fields &&
           type->fields[last + 1].flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
           type->fields[last + 1].quantifier_offset == f->quantifier_offset)
      last++;
    chosen = i + below(last - i + 1);
    f = &type->fields[chosen];
    *which = f->id;
    fill_value(f, message + f->offset, depth);
    i = last;
  }
  return (ProtobufCMessage *)message;
}

/* ---- looking at what is written ---- */

typedef struct reader {
  output_grammar grammar;
  size_t bytes;
} reader;

static void read_written(void *user, const char *text, size_t bytes) {
  reader *r = user;
  r->bytes += bytes;
  grammar_take(&r->grammar, text, bytes);
  if (r->grammar.why) fail_msg("%s was written: %.*s", r->grammar.why, (int)bytes, text);
}

static transcript_options random_look(void) {
  static const unsigned widths[] = {0, 1, 5, 20, 40, 80, 300};
  transcript_options look = transcript_options_for(widths[below(7)], below(2) != 0, below(4) == 0);
  look.answers = below(2);
  look.local_is_you = below(2);
  look.typed_above = below(2);
  look.terse = below(2);
  return look;
}

static void writes_nothing_but_text(void **state) {
  (void)state;
  static transcript t;
  begin_seed();
  for (int round = 0; round < 60; round++) {
    transcript_options look = random_look();
    reader r = {.grammar = {.colour = look.colour, .tabs = look.width == 0}};
    transcript_init(&t, read_written, &r, &look);
    for (int i = 0; i < 60; i++) {
      ProtobufCMessage *message = make(&remote__v1__event__descriptor, 0);
      transcript_event(&t, (const Remote__V1__Event *)message);
      protobuf_c_message_free_unpacked(message, NULL);
      if (below(10) == 0) transcript_expand(&t, below(2) ? 0 : below(40));
      if (below(10) == 0 && look.width) transcript_resize(&t, 1 + below(100));
      char live[4096];
      reader l = {.grammar = {.colour = look.colour, .tabs = false}};
      unsigned columns = 1 + below(90);
      unsigned rows = transcript_live(&t, columns, below(5), live, sizeof live);
      assert_true(rows < 5);
      if (!look.colour && rows == 1) assert_true(terminal_text_columns(live) <= columns);
      grammar_take(&l.grammar, live, strlen(live));
      assert_null(l.grammar.why);
    }
    ProtobufCMessage *message = make(&remote__v1__session_state__descriptor, 0);
    transcript_state(&t, (const Remote__V1__SessionState *)message);
    protobuf_c_message_free_unpacked(message, NULL);
    transcript_break(&t);
    assert_int_equal(0, r.grammar.bytes); /* no character is left half written */
    assert_false(r.grammar.styled);
    transcript_free(&t);
  }
}

/* ---- cut anywhere ---- */

typedef struct memory {
  char text[200000];
  size_t bytes;
} memory;

static void remember(void *user, const char *text, size_t bytes) {
  memory *m = user;
  assert_true(m->bytes + bytes < sizeof m->text);
  memcpy(m->text + m->bytes, text, bytes);
  m->bytes += bytes;
}

static void say(transcript *t, bool whole, char *text, size_t position) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__AssistantDelta delta = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__AssistantMessage message = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
  static char id[] = "m";
  delta.message_id = message.message_id = id;
  delta.position = message.position = position;
  delta.text = message.text = text;
  event.body_case =
      whole ? REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE : REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA;
  if (whole)
    event.assistant_message = &message;
  else
    event.assistant_delta = &delta;
  transcript_event(t, &event);
}

static void is_the_same_however_it_is_cut(void **state) {
  (void)state;
  static transcript t;
  static memory whole, pieces;
  begin_seed();
  for (int round = 0; round < 1500; round++) {
    char text[2100];
    size_t bytes = wild(text, 700, false);
    if (round % 3 == 0)
      bytes += wild(text + bytes, 700, false), bytes += wild(text + bytes, 600, false);
    text[bytes] = 0;
    transcript_options look = random_look();
    whole.bytes = pieces.bytes = 0;
    transcript_init(&t, remember, &whole, &look);
    say(&t, true, text, 0);
    transcript_free(&t);
    transcript_init(&t, remember, &pieces, &look);
    for (size_t at = 0; at < bytes;) {
      char part[2100];
      size_t n = 1 + below(below(2) ? 4 : 200);
      if (n > bytes - at) n = bytes - at;
      memcpy(part, text + at, n);
      part[n] = 0;
      say(&t, false, part, at);
      at += n;
    }
    say(&t, true, text, 0);
    transcript_free(&t);
    assert_int_equal(whole.bytes, pieces.bytes);
    assert_memory_equal(whole.text, pieces.text, whole.bytes);
  }
}

/* Without Markdown and width every character comes out, in its order. */
static void a_log_loses_nothing(void **state) {
  (void)state;
  static transcript t;
  static memory m;
  static const char text[] =
      "**bold** `code` [a](b)  two  spaces \n\n  indented\n\ttab\n# heading\n```\ncode\n```\nend ";
  transcript_options look = transcript_options_for(0, true, false);
  m.bytes = 0;
  transcript_init(&t, remember, &m, &look);
  char copy[sizeof text];
  memcpy(copy, text, sizeof text);
  say(&t, true, copy, 0);
  transcript_free(&t);
  assert_int_equal(sizeof text, m.bytes); /* and a newline */
  assert_memory_equal(text, m.text, sizeof text - 1);
}

/* What is set loses nothing but marks that were understood. */
static void setting_keeps_every_word(void **state) {
  (void)state;
  static transcript t;
  static memory m;
  begin_seed();
  for (int round = 0; round < 300; round++) {
    char text[4000], want[4000], have[8000];
    size_t used = 0, expected = 0, kept = 0;
    static const char *const marks[] = {"**", "*", "`", "[", "_", "- ", "# ", "](u)", "\n", "~~"};
    for (int i = 0; i < 60; i++) {
      used += (size_t)snprintf(text + used, sizeof text - used, "%sw%dx%s", marks[below(10)], i,
                               below(3) ? " " : "");
      expected += (size_t)snprintf(want + expected, sizeof want - expected, "w%dx", i);
    }
    transcript_options look = transcript_options_for(20 + below(100), true, false);
    m.bytes = 0;
    transcript_init(&t, remember, &m, &look);
    say(&t, true, text, 0);
    transcript_free(&t);
    for (size_t i = 0; i < m.bytes; i++) {
      if (m.text[i] == '\x1b')
        while (m.text[i] != 'm') i++;
      else if (m.text[i] == 'w' || m.text[i] == 'x' || (m.text[i] >= '0' && m.text[i] <= '9'))
        have[kept++] = m.text[i];
    }
    assert_int_equal(expected, kept);
    assert_memory_equal(want, have, kept);
    /* Without colour the marks stay, too. */
    look = transcript_options_for(20 + below(100), false, false);
    m.bytes = kept = expected = 0;
    transcript_init(&t, remember, &m, &look);
    say(&t, true, text, 0);
    transcript_free(&t);
    for (size_t i = 0; i < m.bytes; i++)
      if (m.text[i] != ' ' && m.text[i] != '\n') have[kept++] = m.text[i];
    for (size_t i = 0; text[i]; i++)
      if (text[i] != ' ' && text[i] != '\n') want[expected++] = text[i];
    assert_int_equal(expected, kept);
    assert_memory_equal(want, have, kept);
  }
}

/* ---- what is kept ---- */

static void count_only(void *user, const char *text, size_t bytes) {
  (void)text;
  *(size_t *)user += bytes;
}

static void feed_output(transcript *t, char *id, uint64_t position, char *data, size_t bytes) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__ToolOutput output = REMOTE__V1__TOOL_OUTPUT__INIT;
  output.tool_call_id = id;
  output.position = position;
  output.data.data = (uint8_t *)data;
  output.data.len = bytes;
  event.body_case = REMOTE__V1__EVENT__BODY_TOOL_OUTPUT;
  event.tool_output = &output;
  transcript_event(t, &event);
}

static void announce(transcript *t, char *id, char *text) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__ToolStarted started = REMOTE__V1__TOOL_STARTED__INIT;
  Remote__V1__ToolState tool = REMOTE__V1__TOOL_STATE__INIT;
  Remote__V1__ToolContent content = REMOTE__V1__TOOL_CONTENT__INIT, *contents[4];
  Remote__V1__Diff diff = REMOTE__V1__DIFF__INIT;
  Remote__V1__UserMessage said = REMOTE__V1__USER_MESSAGE__INIT;
  diff.new_text = said.text = text;
  content.content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_DIFF;
  content.diff = &diff;
  for (size_t i = 0; i < 4; i++) contents[i] = &content;
  tool.tool_call_id = id;
  tool.content = contents;
  tool.n_content = 4;
  started.tool = &tool;
  event.body_case = REMOTE__V1__EVENT__BODY_TOOL_STARTED;
  event.tool_started = &started;
  transcript_event(t, &event);
  event.body_case = REMOTE__V1__EVENT__BODY_USER_MESSAGE;
  event.user_message = &said;
  transcript_event(t, &event);
}

/* "All of it is below 12 MiB" (transcript.h). */
static void keeps_no_more_than_it_says(void **state) {
  (void)state;
  static transcript t;
  static char data[80000], text[32001];
  size_t written = 0, before = mallinfo2().uordblks, most = 0;
  transcript_options look = transcript_options_for(80, true, false);
  for (size_t i = 0; i < sizeof data; i++) data[i] = i % 40 == 39 ? '\n' : (char)('a' + i % 26);
  memcpy(text, data, sizeof text - 1);
  transcript_init(&t, count_only, &written, &look);
  for (int i = 0; i < 150; i++) {
    char id[16];
    snprintf(id, sizeof id, "tool-%d", i);
    announce(&t, id, text);
    feed_output(&t, id, 0, data, sizeof data);
    size_t now = mallinfo2().uordblks;
    if (now > before && now - before > most) most = now - before;
  }
  transcript_free(&t);
  print_message("%zu bytes were kept\n", most);
  assert_true(sizeof t + most < 12u << 20);
  /* No leak, where the allocator can tell. */
  assert_true(mallinfo2().uordblks <= before + 65536);
}

/* The beginning and the end of long output; what lies between is counted. */
static void expands_both_ends(void **state) {
  (void)state;
  static transcript t;
  static memory m;
  static char id[] = "t", line[64];
  transcript_options look = transcript_options_for(80, false, false);
  uint64_t position = 0;
  transcript_init(&t, remember, &m, &look);
  for (int i = 0; i < 5000; i++) {
    int bytes = snprintf(line, sizeof line, "line %d of 5000, so and so\n", i);
    feed_output(&t, id, position, line, (size_t)bytes);
    position += (uint64_t)bytes;
  }
  assert_true(m.bytes < 400); /* four lines */
  m.bytes = 0;
  assert_true(transcript_expand(&t, 0));
  m.text[m.bytes] = 0;
  assert_non_null(strstr(m.text, "line 0 of 5000, so and so\n"));
  assert_non_null(strstr(m.text, "line 1000 of 5000, so and so\n"));
  assert_null(strstr(m.text, "line 2500 of 5000"));
  assert_non_null(strstr(m.text, "bytes are not kept"));
  assert_non_null(strstr(m.text, "line 4000 of 5000, so and so\n"));
  assert_non_null(strstr(m.text, "line 4999 of 5000, so and so\n"));
  assert_false(transcript_expand(&t, 77));
  transcript_free(&t);
}

static void a_long_word_is_whole(void **state) {
  (void)state;
  static transcript t;
  static memory m;
  static char text[6001];
  size_t kept = 0, lines = 0;
  transcript_options look = transcript_options_for(41, true, false);
  for (size_t i = 0; i + 3 <= sizeof text; i += 3) memcpy(text + i, "\xC3\xA9x", 3);
  m.bytes = 0;
  transcript_init(&t, remember, &m, &look);
  say(&t, true, text, 0);
  transcript_free(&t);
  for (size_t i = 0; i < m.bytes; i++) {
    if (m.text[i] == '\n')
      lines++;
    else
      assert_int_equal(text[kept++], m.text[i]);
  }
  assert_int_equal(6000, kept);
  assert_int_equal(100, lines); /* of 40 columns: the last one stays free */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_nothing_but_text), cmocka_unit_test(is_the_same_however_it_is_cut),
      cmocka_unit_test(a_log_loses_nothing),     cmocka_unit_test(setting_keeps_every_word),
      cmocka_unit_test(a_long_word_is_whole),    cmocka_unit_test(keeps_no_more_than_it_says),
      cmocka_unit_test(expands_both_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

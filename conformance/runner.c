/* Runs the JSON files of conformance/vectors against the library: every frame vector at every split
 * and against protobuf-c's opinion, every link vector whole, by single bytes and in sevens.
 *   conformance_vectors [--verbose] FOLDER
 * Prints a table; exits 1 when a vector fails. The format is in README.md. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "link/link_text.h"
#include "remote/v1/frame.pb-c.h"

#define SECOND UINT64_C(1000000000)

enum { LINES_BYTES = 16384, INPUT_BYTES = 512 * 1024 };

/* ---- failing ---- */

static char fault[1024]; /* of the vector that runs; empty: none */

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void fail(const char *format, ...) {
  if (fault[0] != '\0') return;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(fault, sizeof fault, format, args);
  va_end(args);
}

static bool failed(void) { return fault[0] != '\0'; }

/* ---- reading vectors ---- */

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key, uint64_t fallback) {
  const json_t *value = json_object_get(object, key);
  return value != NULL ? (uint64_t)json_integer_value(value) : fallback;
}

static int digit_of(char c) {
  static const char digits[] = "0123456789abcdef";
  const char *at = c == '\0' ? NULL : strchr(digits, c);
  if (at == NULL) fail("bad hex");
  return at == NULL ? 0 : (int)(at - digits);
}

static size_t bytes_of(const char *hex, uint8_t *out) {
  size_t n = strlen(hex) / 2;
  if (n > INPUT_BYTES || strlen(hex) % 2 != 0) fail("bad hex");
  for (size_t i = 0; i < n && !failed(); i++)
    out[i] = (uint8_t)(digit_of(hex[2 * i]) << 4 | digit_of(hex[2 * i + 1]));
  return failed() ? 0 : n;
}

static void add_line(char lines[LINES_BYTES], const char *line) {
  size_t used = strlen(lines);
  (void)snprintf(lines + used, LINES_BYTES - used, "%s%s", used > 0 ? "\n" : "", line);
}

/* An array of strings as lines. */
static void lines_of(const json_t *array, char out[LINES_BYTES]) {
  out[0] = '\0';
  size_t i;
  json_t *line;
  json_array_foreach(array, i, line) add_line(out, json_string_value(line));
}

static void expect_lines(const char *what, const char *expected, const char *got) {
  if (strcmp(expected, got) != 0) fail("%s: expected [%s], got [%s]", what, expected, got);
}

/* ---- frame vectors ---- */

typedef struct reading {
  char frames[LINES_BYTES];
  int error;
  size_t error_at; /* bytes that had arrived */
} reading;

/* Gives the input in two pieces, or by single bytes when `split` is SIZE_MAX. */
static void read_frames(const uint8_t *data, size_t bytes, size_t split, size_t payload_max,
                        reading *out) {
  memset(out, 0, sizeof *out);
  size_t at = 0;
  size_t have = split == SIZE_MAX ? 1 : split;
  for (;;) {
    uint8_t *copy = malloc(have - at + 1); /* exactly what has arrived */
    if (copy == NULL) abort();
    memcpy(copy, data + at, have - at);
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    int error = lrm_frame_decode(copy, have - at, payload_max, &frame, &consumed, &wanted);
    char line[LINK_TEXT_BYTES];
    if (error == 0 && consumed > 0) {
      frame_text(&frame, line);
      add_line(out->frames, line);
    }
    free(copy);
    if (error != 0) {
      out->error = error;
      out->error_at = have;
      return;
    }
    at += consumed;
    if (consumed > 0) continue;
    if (have == bytes) return;
    have = split == SIZE_MAX ? have + 1 : bytes;
  }
}

/* What a plain decoder makes of the whole input. */
static bool protobuf_takes(const uint8_t *data, size_t bytes) {
  Remote__V1__Batch *batch = remote__v1__batch__unpack(NULL, bytes, data);
  if (batch == NULL) return false;
  remote__v1__batch__free_unpacked(batch, NULL);
  return true;
}

static void compare_with_protobuf(const json_t *vector, const uint8_t *data, size_t bytes,
                                  int error) {
  bool takes = protobuf_takes(data, bytes);
  const char *opinion = text_of(vector, "protobuf");
  if (error == 0 && !takes) fail("protobuf-c refuses what we take");
  if (error != 0 && strcmp(opinion, "agrees") == 0 && takes)
    fail("protobuf-c takes it; the vector says that it refuses");
  if (error != 0 && strcmp(opinion, "laxer") == 0 && !takes)
    fail("protobuf-c refuses it; the vector says that it is laxer");
}

static void run_frame_vector(const json_t *vector) {
  static uint8_t data[INPUT_BYTES];
  static char expected[LINES_BYTES];
  static reading got;
  size_t bytes = bytes_of(text_of(vector, "in"), data);
  size_t payload_max = number_of(vector, "payload_max", LRM_FRAME_PAYLOAD_BYTES_MAX);
  const json_t *expect = json_object_get(vector, "expect");
  lines_of(json_object_get(expect, "frames"), expected);
  const char *error = text_of(expect, "error");
  int error_code = strcmp(error, "LIMIT") == 0      ? LRM_ERR_LIMIT
                   : strcmp(error, "PROTOCOL") == 0 ? LRM_ERR_PROTOCOL
                                                    : 0;
  size_t error_at = number_of(expect, "at", 0);
  for (size_t split = 0; split <= bytes + 1 && !failed(); split++) {
    bool singly = split == bytes + 1;
    read_frames(data, bytes, singly ? SIZE_MAX : split, payload_max, &got);
    expect_lines("frames", expected, got.frames);
    if (got.error != error_code)
      fail("split %zu: error %d, expected %d", split, got.error, error_code);
    if (singly && error_code != 0 && got.error_at != error_at)
      fail("known after %zu bytes, expected %zu", got.error_at, error_at);
  }
  compare_with_protobuf(vector, data, bytes, error_code);
}

/* ---- link vectors ---- */

typedef struct testee {
  lrm_link *link;
  uint64_t now_ns;
  size_t chunk; /* bytes given at once */
  uint8_t in[INPUT_BYTES];
  size_t in_bytes;
  char events[LINES_BYTES];
} testee;

static void *heap_alloc(void *user, size_t bytes) {
  (void)user;
  return malloc(bytes);
}

static void heap_free(void *user, void *memory) {
  (void)user;
  free(memory);
}

static void start(testee *t, const json_t *vector, size_t chunk) {
  const json_t *json = json_object_get(vector, "config");
  lrm_link_config config;
  memset(&config, 0, sizeof config);
  memset(t, 0, sizeof *t);
  config.struct_bytes = sizeof config;
  config.side =
      strcmp(text_of(vector, "side"), "accepting") == 0 ? LRM_SIDE_ACCEPTING : LRM_SIDE_CONNECTING;
  config.allocator = (lrm_allocator){heap_alloc, heap_free, NULL};
  config.seed = 1;
  memset(config.link_id.bytes, 0x11, 16);
  config.role = remote_v1_Role_ROLE_CLIENT;
  config.token = "token";
  config.agent = "conformance";
  config.credit_window_bytes = (uint32_t)number_of(json, "credit_window_bytes", 0);
  t->now_ns = 1000 * SECOND;
  t->chunk = chunk;
  if (lrm_link_create(&config, &t->link) != 0 || lrm_link_attach(t->link, t->now_ns) != 0)
    fail("the link cannot be made");
}

static void note_events(testee *t) {
  lrm_link_event event;
  while (lrm_link_next_event(t->link, &event)) {
    char line[LINK_TEXT_BYTES];
    event_text(&event, line);
    add_line(t->events, line);
  }
}

/* Offers what is not consumed; at most `visible` bytes of it have arrived. */
static size_t offer(testee *t, size_t visible) {
  size_t at = 0;
  for (;;) {
    size_t consumed = 0, wanted = 0;
    uint8_t *copy = malloc(visible - at + 1);
    if (copy == NULL) abort();
    memcpy(copy, t->in + at, visible - at);
    (void)!lrm_link_recv(t->link, copy, visible - at, &consumed, &wanted, t->now_ns);
    note_events(t);
    free(copy);
    at += consumed;
    if (consumed == 0) break;
  }
  memmove(t->in, t->in + at, t->in_bytes - at);
  t->in_bytes -= at;
  return visible - at;
}

static void feed(testee *t, const char *hex) {
  static uint8_t data[INPUT_BYTES];
  size_t bytes = bytes_of(hex, data);
  for (size_t at = 0; at < bytes;) {
    size_t piece = bytes - at < t->chunk ? bytes - at : t->chunk;
    memcpy(t->in + t->in_bytes, data + at, piece);
    t->in_bytes += piece;
    at += piece;
    (void)offer(t, t->in_bytes);
  }
}

static void take_frames(testee *t, char out[LINES_BYTES]) {
  static uint8_t data[64 * 1024];
  size_t bytes = 0;
  while (lrm_link_has_outgoing(t->link)) {
    size_t written = 0;
    if (lrm_link_outgoing(t->link, data + bytes, sizeof data - bytes, &written, t->now_ns) != 0 ||
        written == 0) {
      fail("outgoing writes nothing");
      break;
    }
    bytes += written;
  }
  frames_text(data, bytes, out, LINES_BYTES);
}

static void advance(testee *t, uint64_t ns) {
  uint64_t until = t->now_ns + ns;
  while (lrm_link_deadline(t->link) <= until) {
    uint64_t due = lrm_link_deadline(t->link);
    if (due > t->now_ns) t->now_ns = due;
    lrm_link_expire(t->link, t->now_ns);
    note_events(t);
    if (lrm_link_deadline(t->link) <= t->now_ns) {
      fail("a timer that fired does not move on");
      return;
    }
  }
  t->now_ns = until;
}

/* ---- what a vector's "do" says ---- */

typedef int (*action)(testee *t, const json_t *step);

static int do_accept(testee *t, const json_t *step) {
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  bool without = json_is_false(json_object_get(step, "principal"));
  int result = lrm_link_accept(t->link, without ? NULL : &principal, 1, "conformance", t->now_ns);
  return result == LRM_ERR_PROTOCOL ? 0 : result; /* no common version: seen in the frames */
}

static int do_open(testee *t, const json_t *step) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  open.session_id.size = open.epoch.size = 16;
  open.direction = (remote_v1_Direction)number_of(step, "direction", 0);
  open.log = (remote_v1_Log)number_of(step, "log", 0);
  open.next = number_of(step, "next", 0);
  uint32_t channel = 0;
  return lrm_link_open(t->link, &open, 0, &channel, t->now_ns);
}

static int do_opened(testee *t, const json_t *step) {
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  opened.epoch.size = 16;
  opened.next = number_of(step, "next", 0);
  opened.watermark = number_of(step, "watermark", 0);
  opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  return lrm_link_opened(t->link, (uint32_t)number_of(step, "channel", 0), &opened,
                         number_of(step, "held", 0), t->now_ns);
}

static int do_ack(testee *t, const json_t *step) {
  return lrm_link_ack(t->link, (uint32_t)number_of(step, "channel", 0), number_of(step, "next", 0),
                      t->now_ns);
}

static int do_consumed(testee *t, const json_t *step) {
  return lrm_link_consumed(t->link, (uint32_t)number_of(step, "channel", 0),
                           number_of(step, "bytes", 0), t->now_ns);
}

static int do_extend(testee *t, const json_t *step) {
  return lrm_link_extend(t->link, (uint32_t)number_of(step, "channel", 0),
                         number_of(step, "end", 0), 0, 0, t->now_ns);
}

static int do_wanted(testee *t, const json_t *step) {
  lrm_link_want want;
  char line[LINK_TEXT_BYTES] = "";
  if (lrm_link_wanted(t->link, &want))
    (void)snprintf(line, sizeof line, "%s ch=%u offset=%llu",
                   want.kind == LRM_WANT_BLOCK ? "BLOCK" : "TAIL", want.channel,
                   (unsigned long long)want.offset);
  expect_lines("wanted", text_of(step, "expect"), line);
  return 0;
}

static int do_block(testee *t, const json_t *step) {
  static const uint8_t payload[4096];
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  lrm_frame frame = {.type = LRM_FRAME_BLOCK,
                     .offset = number_of(step, "offset", 0),
                     .count = (uint32_t)number_of(step, "count", 1)};
  frame.payload = (lrm_slice){payload, number_of(step, "bytes", 1)};
  return lrm_link_block(t->link, (uint32_t)number_of(step, "channel", 0), &frame, header,
                        &header_bytes, t->now_ns);
}

static int do_close(testee *t, const json_t *step) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = (uint32_t)number_of(step, "code", 0);
  return lrm_link_close(t->link, (uint32_t)number_of(step, "channel", 0), &problem, 0, t->now_ns);
}

static int do_goaway(testee *t, const json_t *step) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = (uint32_t)number_of(step, "code", 0);
  return lrm_link_goaway(t->link, &problem, t->now_ns);
}

static int do_detach(testee *t, const json_t *step) {
  (void)step;
  lrm_link_detach(t->link, t->now_ns);
  return 0;
}

static const struct {
  const char *name;
  action act;
} actions[] = {
    {"accept", do_accept},     {"open", do_open},     {"opened", do_opened}, {"ack", do_ack},
    {"consumed", do_consumed}, {"extend", do_extend}, {"wanted", do_wanted}, {"block", do_block},
    {"close", do_close},       {"goaway", do_goaway}, {"detach", do_detach},
};

static void act(testee *t, const json_t *step, const char *name) {
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
    if (strcmp(actions[i].name, name) != 0) continue;
    int result = actions[i].act(t, step);
    note_events(t);
    if (result != 0) fail("%s returned %d", name, result);
    return;
  }
  fail("unknown action %s", name);
}

static void run_step(testee *t, const json_t *step) {
  static char got[LINES_BYTES], expected[LINES_BYTES];
  const json_t *value = NULL;
  if ((value = json_object_get(step, "in")) != NULL) {
    feed(t, json_string_value(value));
  } else if (json_object_get(step, "again") != NULL) {
    (void)offer(t, t->in_bytes);
  } else if ((value = json_object_get(step, "do")) != NULL) {
    act(t, step, json_string_value(value));
  } else if ((value = json_object_get(step, "frames")) != NULL) {
    take_frames(t, got);
    lines_of(value, expected);
    expect_lines("frames", expected, got);
  } else if (json_object_get(step, "skip_frames") != NULL) {
    take_frames(t, got);
  } else if ((value = json_object_get(step, "events")) != NULL) {
    lines_of(value, expected);
    expect_lines("events", expected, t->events);
    t->events[0] = '\0';
  } else if (json_object_get(step, "skip_events") != NULL) {
    t->events[0] = '\0';
  } else if ((value = json_object_get(step, "advance_ms")) != NULL) {
    advance(t, (uint64_t)json_integer_value(value) * 1000000);
  } else if ((value = json_object_get(step, "state")) != NULL) {
    expect_lines("state", json_string_value(value),
                 lrm_link_state_name(lrm_link_state_now(t->link)));
  } else {
    fail("unknown step");
  }
}

static void run_link_vector(const json_t *vector) {
  static testee t;
  static const size_t chunks[] = {SIZE_MAX, 1, 7};
  for (size_t c = 0; c < 3 && !failed(); c++) {
    start(&t, vector, chunks[c]);
    size_t i;
    json_t *step;
    json_array_foreach(json_object_get(vector, "steps"), i, step) {
      if (failed()) break;
      run_step(&t, step);
      if (failed()) {
        size_t used = strlen(fault);
        (void)snprintf(fault + used, sizeof fault - used, " (step %zu, chunks of %zu)", i,
                       chunks[c]);
      }
    }
    lrm_link_destroy(t.link);
  }
}

/* ---- all of them ---- */

typedef struct tally {
  int run;
  int failed;
} tally;

static bool is_whole(const json_t *vector) {
  static const char *const needed[] = {"id", "clause", "level", "note", "side"};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (!json_is_string(json_object_get(vector, needed[i]))) return false;
  return true;
}

static void run_file(const char *folder, const char *name, void (*run)(const json_t *),
                     bool verbose, tally *all) {
  char path[1024];
  json_error_t error;
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  json_t *vectors = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_array(vectors) || json_array_size(vectors) == 0) {
    fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
    all->failed++;
    json_decref(vectors);
    return;
  }
  tally mine = {0, 0};
  size_t i;
  json_t *vector;
  json_array_foreach(vectors, i, vector) {
    fault[0] = '\0';
    if (is_whole(vector))
      run(vector);
    else
      fail("a field is missing");
    mine.run++;
    if (failed()) mine.failed++;
    if (failed() || verbose)
      printf("%-4s %-28s %-6s %s\n", failed() ? "FAIL" : "ok", text_of(vector, "id"),
             text_of(vector, "clause"), failed() ? fault : text_of(vector, "note"));
  }
  printf("%-12s %4d run %4d failed\n", name, mine.run, mine.failed);
  all->run += mine.run;
  all->failed += mine.failed;
  json_decref(vectors);
}

int main(int argc, char **argv) {
  bool verbose = argc > 2 && strcmp(argv[1], "--verbose") == 0;
  if (argc < 2) {
    fprintf(stderr, "usage: conformance_vectors [--verbose] FOLDER\n");
    return 2;
  }
  tally all = {0, 0};
  run_file(argv[argc - 1], "frame.json", run_frame_vector, verbose, &all);
  run_file(argv[argc - 1], "link.json", run_link_vector, verbose, &all);
  printf("%-12s %4d run %4d failed\n", "all", all.run, all.failed);
  return all.failed == 0 ? 0 : 1;
}

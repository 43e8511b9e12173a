/* Log lines, one an event, on standard error. logfmt: "2026-01-02T03:04:05.678Z INFO event
 * key=value key=\"with space\""; or one JSON object a line. Values come from outside: what is not
 * plain is quoted and escaped, so that nobody writes a second line or moves the cursor of who reads
 * it.
 *
 * Each event has a rate: a flood of refusals must not fill the disk. What is left out is counted,
 * and said once the event is written again, a minute later at the latest. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "program.h"

enum {
  VALUE_BYTES_MAX = 300,
  EVENTS_MAX = 128,    /* names of events; they are in our code, not from outside */
  BURST_SECONDS = 100, /* lines of an event at once: its rate times this */
  SAID_AFTER_S = 60
};

typedef struct event_rate {
  const char *name; /* a literal */
  uint64_t full_ns; /* when its bucket is full again */
  uint64_t left_out, said_ns;
} event_rate;

static relay_level least = RELAY_INFO;
static bool as_json;
static uint32_t rate = LOG_RATE_DEFAULT;
static event_rate events[EVENTS_MAX];
static size_t events_count;
static uint64_t left_out_total;

void log_lines_level(relay_level level) { least = level; }
void log_lines_json(bool json) { as_json = json; }
void log_lines_rate(uint32_t lines_per_second) { rate = lines_per_second; }
uint64_t log_lines_left_out(void) { return left_out_total; }

/* ---- values ---- */

static bool plain(const char *text) {
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

/* Bytes of the character that begins here, and which it is; 0: it is none. */
static size_t character(const unsigned char *at, uint32_t *out) {
  static const uint32_t least_of[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t bytes = at[0] < 0x80             ? 1
                 : (at[0] & 0xe0) == 0xc0 ? 2
                 : (at[0] & 0xf0) == 0xe0 ? 3
                 : (at[0] & 0xf8) == 0xf0 ? 4
                                          : 0;
  if (bytes <= 1) {
    *out = at[0];
    return bytes;
  }
  uint32_t value = at[0] & (0x7fu >> bytes);
  for (size_t i = 1; i < bytes; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
    value = value << 6 | (at[i] & 0x3fu);
  }
  bool good = value >= least_of[bytes] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  *out = value;
  return good ? bytes : 0;
}

/* Moves the cursor, or turns the direction of what follows. */
static bool moves(uint32_t c) {
  return c < ' ' || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f;
}

static void write_escaped(FILE *out, const char *text) {
  size_t end = strnlen(text, VALUE_BYTES_MAX);
  for (size_t at = 0; at < end;) {
    uint32_t c;
    size_t bytes = character((const unsigned char *)text + at, &c);
    if (bytes == 0) {
      fprintf(out, as_json ? "\\ufffd" : "\\x%02x", (unsigned char)text[at]);
      bytes = 1;
    } else if (c == '"' || c == '\\') {
      fprintf(out, "\\%c", (int)c);
    } else if (moves(c)) {
      fprintf(out, !as_json && c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
    } else {
      fwrite(text + at, 1, bytes, out);
    }
    at += bytes;
  }
}

static void write_quoted(FILE *out, const char *text) {
  fputc('"', out);
  write_escaped(out, text);
  fputc('"', out);
}

/* ---- lines ---- */

static void write_parts(FILE *out, relay_level level, const char *event, const relay_field *fields,
                        size_t count) {
  static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
  struct timespec now;
  struct tm parts;
  char time_text[32] = "?";
  if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &parts) != NULL)
    strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &parts);
  fprintf(out,
          as_json ? "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"event\":\"%s\"" : "%s.%03ldZ %s %s",
          time_text, now.tv_nsec / 1000000, names[level], event);
  for (size_t i = 0; i < count; i++) {
    if (fields[i].value == NULL || fields[i].value[0] == '\0') continue;
    fprintf(out, as_json ? ",\"%s\":" : " %s=", fields[i].key);
    if (!as_json && plain(fields[i].value)) {
      fputs(fields[i].value, out);
    } else {
      write_quoted(out, fields[i].value);
    }
  }
  fputs(as_json ? "}\n" : "\n", out);
}

/* One write(2) a line: standard output, or another relay, may go to the same file, and what they
 * write must not come to stand in the middle of a line. */
static void write_line(relay_level level, const char *event, const relay_field *fields,
                       size_t count) {
  char *line = NULL;
  size_t bytes = 0;
  FILE *whole = open_memstream(&line, &bytes);
  if (whole != NULL) {
    write_parts(whole, level, event, fields, count);
    bool complete = !ferror(whole);
    if (fclose(whole) == 0 && complete) {
      fwrite(line, 1, bytes, stderr);
      free(line);
      return;
    }
    free(line);
  }
  flockfile(stderr); /* without memory: in pieces, rather than not at all */
  write_parts(stderr, level, event, fields, count);
  funlockfile(stderr);
}

/* ---- rates ---- */

static uint64_t now_ns(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 1;
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + 1;
}

static event_rate *rate_of(const char *event) {
  for (size_t i = 0; i < events_count; i++) {
    if (strcmp(events[i].name, event) == 0) return &events[i];
  }
  if (events_count == EVENTS_MAX) return NULL;
  events[events_count] = (event_rate){.name = event};
  return &events[events_count++];
}

static void say_left_out(event_rate *e, uint64_t now) {
  char number[24];
  snprintf(number, sizeof number, "%llu", (unsigned long long)e->left_out);
  const relay_field fields[] = {{"of", e->name}, {"lines", number}};
  e->left_out = 0;
  e->said_ns = now;
  write_line(RELAY_WARNING, "log.left_out", fields, 2);
}

/* May a line of this event be written now? */
static bool pass_rate(event_rate *e, uint64_t now) {
  if (rate == 0) return true;
  uint64_t line_ns = UINT64_C(1000000000) / rate;
  uint64_t full_ns = e->full_ns > now ? e->full_ns : now;
  if (full_ns - now > line_ns * rate * BURST_SECONDS) {
    e->left_out++;
    left_out_total++;
    return false;
  }
  e->full_ns = full_ns + line_ns;
  return true;
}

void log_lines_tick(void) {
  uint64_t now = now_ns();
  for (size_t i = 0; i < events_count; i++) {
    event_rate *e = &events[i];
    if (e->left_out > 0 && now - e->said_ns > UINT64_C(1000000000) * SAID_AFTER_S)
      say_left_out(e, now);
  }
}

void log_lines_write(void *user, relay_level level, const char *event, const relay_field *fields,
                     size_t count) {
  (void)user;
  if (level < least) return;
  event_rate *e = rate_of(event);
  if (e != NULL) {
    uint64_t now = now_ns();
    if (!pass_rate(e, now)) return;
    if (e->left_out > 0) say_left_out(e, now);
  }
  write_line(level, event, fields, count);
}

void log_line(relay_level level, const char *event, const char *key, const char *value) {
  relay_field field = {key, value};
  log_lines_write(NULL, level, event, &field, key != NULL ? 1 : 0);
}

/* Log lines: "2026-01-02T03:04:05.678Z INFO event key=value key=\"with space\"". One line an event,
 * on standard error. Values come from outside: what is not plain is quoted and escaped, so that
 * nobody writes a second line or moves the cursor of who reads it. */
#include <string.h>
#include <time.h>

#include "program.h"

enum { VALUE_BYTES_MAX = 300 };

static relay_level least = RELAY_INFO;

void log_lines_level(relay_level level) { least = level; }

static bool plain(const char *text) {
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

static void write_value(FILE *out, const char *text) {
  if (plain(text)) {
    fputs(text, out);
    return;
  }
  fputc('"', out);
  for (size_t i = 0; text[i] != '\0' && i < VALUE_BYTES_MAX; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') {
      fprintf(out, "\\%c", c);
    } else if (c < ' ' || c == 0x7f || (c >= 0x80 && c < 0xa0)) {
      fprintf(out, "\\x%02x", c);
    } else {
      fputc(c, out);
    }
  }
  fputc('"', out);
}

void log_lines_write(void *user, relay_level level, const char *event, const relay_field *fields,
                     size_t count) {
  static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
  (void)user;
  if (level < least) return;
  struct timespec now;
  struct tm parts;
  char time_text[32] = "?";
  if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &parts) != NULL) {
    strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &parts);
  }
  flockfile(stderr);
  fprintf(stderr, "%s.%03ldZ %s %s", time_text, now.tv_nsec / 1000000, names[level], event);
  for (size_t i = 0; i < count; i++) {
    if (fields[i].value == NULL || fields[i].value[0] == '\0') continue;
    fprintf(stderr, " %s=", fields[i].key);
    write_value(stderr, fields[i].value);
  }
  fputc('\n', stderr);
  fflush(stderr);
  funlockfile(stderr);
}

void log_line(relay_level level, const char *event, const char *key, const char *value) {
  relay_field field = {key, value};
  log_lines_write(NULL, level, event, &field, key != NULL ? 1 : 0);
}

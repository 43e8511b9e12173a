#include "keep_alive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(const char *text, keep_alive_mode mode, keep_alive_wish *out) {
  out->mode = mode;
  snprintf(out->word, sizeof out->word, "%s", text);
  return true;
}

static uint64_t unit_ms(char unit) {
  switch (unit) {
    case 's':
      return 1000;
    case '\0':
    case 'm':
      return 60ull * 1000;
    case 'h':
      return 3600ull * 1000;
    case 'd':
      return 24ull * 3600 * 1000;
    default:
      return 0;
  }
}

bool keep_alive_parse(const char *text, keep_alive_wish *out) {
  memset(out, 0, sizeof *out);
  if (strcmp(text, "off") == 0) return is_word(text, KEEP_ALIVE_OFF, out);
  if (strcmp(text, "on") == 0) return is_word(text, KEEP_ALIVE_ON, out);
  if (strcmp(text, "busy") == 0) return is_word(text, KEEP_ALIVE_BUSY, out);
  uint64_t number = 0;
  const char *at = text;
  for (; *at >= '0' && *at <= '9' && at - text < 9; at++)
    number = number * 10 + (uint64_t)(*at - '0');
  uint64_t unit = at > text && (at[0] == '\0' || at[1] == '\0') ? unit_ms(*at) : 0;
  if (unit == 0 || number == 0 || number > KEEP_ALIVE_MS_MAX / unit) return false;
  out->mode = KEEP_ALIVE_FOR;
  out->ms = number * unit;
  snprintf(out->word, sizeof out->word, "%llu%c", (unsigned long long)number,
           *at != '\0' ? *at : 'm');
  return true;
}

void keep_alive_set(keep_alive_run *k, const keep_alive_wish *wish, uint64_t boot_ns) {
  k->wish = *wish;
  k->end_ns = wish->mode == KEEP_ALIVE_FOR ? boot_ns + wish->ms * 1000000 : 0;
  if (wish->word[0] == '\0') snprintf(k->wish.word, sizeof k->wish.word, "off");
}

void keep_alive_busy(keep_alive_run *k, bool busy, uint64_t boot_ns) {
  if (k->busy && !busy) k->busy_until_ns = boot_ns + KEEP_ALIVE_LINGER_NS;
  k->busy = busy;
}

bool keep_alive_wants(const keep_alive_run *k, uint64_t boot_ns) {
  switch (k->wish.mode) {
    case KEEP_ALIVE_ON:
      return true;
    case KEEP_ALIVE_BUSY:
      return k->busy || boot_ns < k->busy_until_ns;
    case KEEP_ALIVE_FOR:
      return boot_ns < k->end_ns;
    default:
      return false;
  }
}

bool keep_alive_expire(keep_alive_run *k, uint64_t boot_ns) {
  if (k->wish.mode != KEEP_ALIVE_FOR || boot_ns < k->end_ns) return false;
  keep_alive_wish off = {.mode = KEEP_ALIVE_OFF};
  keep_alive_set(k, &off, boot_ns);
  return true;
}

uint64_t keep_alive_due_ns(const keep_alive_run *k, uint64_t boot_ns) {
  if (k->wish.mode == KEEP_ALIVE_FOR) return k->end_ns;
  bool lingers = k->wish.mode == KEEP_ALIVE_BUSY && !k->busy && boot_ns < k->busy_until_ns;
  return lingers ? k->busy_until_ns : UINT64_MAX;
}

uint64_t keep_alive_left_ms(const keep_alive_run *k, uint64_t boot_ns) {
  if (k->wish.mode != KEEP_ALIVE_FOR || boot_ns >= k->end_ns) return 0;
  return (k->end_ns - boot_ns) / 1000000;
}

void keep_alive_time(uint64_t ms, char out[48]) {
  uint64_t minutes = ms / 60000;
  unsigned long long days = minutes / 1440, hours = minutes / 60 % 24, rest = minutes % 60;
  if (minutes == 0)
    snprintf(out, 48, "under a minute");
  else if (days > 0)
    snprintf(out, 48, "%llu d %llu h", days, hours);
  else if (hours > 0)
    snprintf(out, 48, "%llu h %llu min", hours, rest);
  else
    snprintf(out, 48, "%llu min", rest);
}

/* The flags that say how much of the relay one account, one address, all together may take. */
#include <stddef.h>
#include <string.h>

#include "program.h"

/* Counts of up to a thousand million, sizes with a unit. 0 in program_limits: the core's default.
 */
typedef enum limit_kind { LIMIT_COUNT = 0, LIMIT_SIZE = 1 } limit_kind;

static const struct {
  const char *name;
  limit_kind kind;
  size_t at; /* in program_limits: uint32_t or uint64_t, by kind */
} rows[] = {
    {"--connections-max", LIMIT_COUNT, offsetof(program_limits, connections_max)},
    {"--unsigned-connections-max", LIMIT_COUNT, offsetof(program_limits, unsigned_max)},
    {"--account-connections-max", LIMIT_COUNT, offsetof(program_limits, account_connections_max)},
    {"--account-sessions-max", LIMIT_COUNT, offsetof(program_limits, account_sessions_max)},
    {"--account-opens-rate", LIMIT_COUNT, offsetof(program_limits, account_opens_rate)},
    {"--account-requests-rate", LIMIT_COUNT, offsetof(program_limits, account_requests_rate)},
    {"--account-commands-rate", LIMIT_COUNT, offsetof(program_limits, account_commands_rate)},
    {"--account-day-bytes", LIMIT_SIZE, offsetof(program_limits, account_day_bytes)},
    {"--address-connections-max", LIMIT_COUNT, offsetof(program_limits, address_connections_max)},
    {"--address-unsigned-max", LIMIT_COUNT, offsetof(program_limits, address_unsigned_max)},
    {"--address-connections-rate", LIMIT_COUNT, offsetof(program_limits, address_connections_rate)},
    {"--address-day-bytes", LIMIT_SIZE, offsetof(program_limits, address_day_bytes)},
    {"--frames-rate", LIMIT_COUNT, offsetof(program_limits, frames_rate)},
};

enum { COUNT_MAX = 1000000000 };

static bool parse_count(const char *text, uint32_t *out) {
  uint64_t value = 0;
  if (strcmp(text, "none") == 0) {
    *out = COUNT_MAX;
    return true;
  }
  const char *at = text;
  for (; *at >= '0' && *at <= '9' && value <= COUNT_MAX; at++)
    value = value * 10 + (uint64_t)(*at - '0');
  *out = (uint32_t)value;
  return at != text && *at == '\0' && value > 0 && value <= COUNT_MAX;
}

static bool complain(const char *name, const char *what, const char *value) {
  fprintf(stderr, "remote-relay: %s is %s; not %s; see remote-relay --help\n", name, what, value);
  return false;
}

static bool set(program_limits *out, size_t row, const char *value) {
  uint8_t *at = (uint8_t *)out + rows[row].at;
  if (rows[row].kind == LIMIT_COUNT) {
    uint32_t count;
    if (!parse_count(value, &count))
      return complain(rows[row].name, "a number from 1 on, or none", value);
    memcpy(at, &count, sizeof count);
    return true;
  }
  uint64_t bytes;
  if (!options_parse_bytes(value, 1, &bytes))
    return complain(rows[row].name, "a size like 500M or 64G, or none", value);
  if (bytes == 0) bytes = UINT64_MAX;
  memcpy(at, &bytes, sizeof bytes);
  return true;
}

int options_limit(program_limits *out, const char *name, size_t name_bytes, const char *value) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strlen(rows[i].name) != name_bytes || memcmp(rows[i].name, name, name_bytes) != 0) continue;
    if (value == NULL) return complain(rows[i].name, "followed by its value", "the end") ? 1 : 0;
    return set(out, i, value) ? 1 : 0;
  }
  return -1;
}

void options_limits_apply(const program_limits *l, relay_config *config) {
  config->connections_max = l->connections_max;
  config->connections_unsigned_max = l->unsigned_max;
  config->connections_per_account_max = l->account_connections_max;
  config->sessions_per_account_max = l->account_sessions_max;
  config->account_opens_rate = l->account_opens_rate;
  config->account_requests_rate = l->account_requests_rate;
  config->account_commands_rate = l->account_commands_rate;
  config->account_day_bytes = l->account_day_bytes;
  config->address_connections_max = l->address_connections_max;
  config->address_unsigned_max = l->address_unsigned_max;
  config->address_connections_rate = l->address_connections_rate;
  config->address_day_bytes = l->address_day_bytes;
  config->frames_rate = l->frames_rate;
  config->limit_loopback = l->loopback;
}

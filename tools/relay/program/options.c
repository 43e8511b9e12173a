/* The command line after the sub-command. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static bool complain(const char *text, const char *about) {
  fprintf(stderr, "remote-relay: %s%s; see remote-relay --help\n", text, about);
  return false;
}

static bool default_data(program_options *out) {
  const char *state = getenv("XDG_STATE_HOME");
  const char *home = getenv("HOME");
  int bytes;
  if (state != NULL && state[0] == '/') {
    bytes = snprintf(out->data, sizeof out->data, "%s/remote-relay", state);
  } else if (home != NULL && home[0] == '/') {
    bytes = snprintf(out->data, sizeof out->data, "%s/.local/state/remote-relay", home);
  } else {
    return complain("HOME is not set; say --data DIR", "");
  }
  return (size_t)bytes < sizeof out->data || complain("the path is too long: ", state);
}

static bool set_data(program_options *out, const char *value) {
  char *real = value[0] == '/' ? NULL : realpath(".", NULL);
  int bytes = real == NULL ? snprintf(out->data, sizeof out->data, "%s", value)
                           : snprintf(out->data, sizeof out->data, "%s/%s", real, value);
  free(real);
  if (value[0] == '\0') return complain("--data needs a directory", "");
  return (size_t)bytes < sizeof out->data || complain("the path is too long: ", value);
}

static bool set_level(program_options *out, const char *value) {
  static const char *const names[] = {"debug", "info", "warning", "error"};
  for (int i = 0; i < 4; i++) {
    if (strcmp(value, names[i]) != 0) continue;
    out->log_level = (relay_level)i;
    return true;
  }
  return complain("--log-level is debug, info, warning or error, not ", value);
}

static bool set_log_format(program_options *out, const char *value) {
  out->log_json = strcmp(value, "json") == 0;
  if (out->log_json || strcmp(value, "logfmt") == 0) return true;
  return complain("--log-format is logfmt or json, not ", value);
}

static bool set_prometheus(program_options *out, const char *value) {
  (void)value;
  out->prometheus = true;
  return true;
}

static bool set_listen(program_options *out, const char *value) {
  if (out->listen_count == LISTENS_MAX) return complain("too many --listen", "");
  out->listen[out->listen_count++] = value;
  return true;
}

static bool set_account(program_options *out, const char *value) {
  out->account = value;
  return true;
}

static bool set_device(program_options *out, const char *value) {
  out->device = value;
  return true;
}

static bool set_ceiling(program_options *out, const char *value) {
  out->ceiling = value;
  return true;
}

static bool set_revoke(program_options *out, const char *value) {
  out->revoke = value;
  return true;
}

static bool set_web(program_options *out, const char *value) {
  out->web = value;
  return true;
}

static bool set_origin(program_options *out, const char *value) {
  if (out->origins_count == ORIGINS_MAX) return complain("too many --origin", "");
  out->origins[out->origins_count++] = value;
  return true;
}

static bool set_proxy(program_options *out, const char *value) {
  if (out->proxies_count == PROXIES_MAX) return complain("too many --trusted-proxy", "");
  out->proxies[out->proxies_count++] = value;
  return true;
}

static bool set_public_metrics(program_options *out, const char *value) {
  (void)value;
  out->public_metrics = true;
  return true;
}

static bool set_insecure(program_options *out, const char *value) {
  (void)value;
  out->insecure = true;
  return true;
}

static bool set_tls_cert(program_options *out, const char *value) {
  out->trust.cert_file = value;
  return true;
}

static bool set_tls_key(program_options *out, const char *value) {
  out->trust.key_file = value;
  return true;
}

static bool set_tls_client_ca(program_options *out, const char *value) {
  out->trust.ca_file = value;
  return true;
}

static bool set_restored(program_options *out, const char *value) {
  (void)value;
  out->restored = true;
  return true;
}

static bool set_limit_loopback(program_options *out, const char *value) {
  (void)value;
  out->limits.loopback = true;
  return true;
}

static bool set_remove(program_options *out, const char *value) {
  (void)value;
  out->remove = true;
  return true;
}

static bool set_json(program_options *out, const char *value) {
  (void)value;
  out->json = true;
  return true;
}

static bool set_oidc_issuer(program_options *out, const char *value) {
  out->oidc_issuer = value;
  return true;
}

static bool set_oidc_client(program_options *out, const char *value) {
  out->oidc_client_id = value;
  return true;
}

static bool set_oidc_jwks(program_options *out, const char *value) {
  out->oidc_jwks = value;
  return true;
}

static bool set_oidc_claim(program_options *out, const char *value) {
  out->oidc_claim = value;
  return true;
}

static bool set_oidc_ca(program_options *out, const char *value) {
  out->oidc_ca = value;
  return true;
}

static bool set_oidc_allow(program_options *out, const char *value) {
  size_t most = sizeof out->oidc_allow / sizeof *out->oidc_allow;
  if (value[0] == '\0' || value[0] == '@' || out->oidc_allow_count == most)
    return complain("--oidc-allow is a domain or an address, 16 times at most; not ", value);
  out->oidc_allow[out->oidc_allow_count++] = value;
  return true;
}

static bool set_oidc_create(program_options *out, const char *value) {
  (void)value;
  out->oidc_create = true;
  return true;
}

static bool set_notify_url(program_options *out, const char *value) {
  if (out->notify_urls_count == RELAY_HOOKS_MAX) return complain("too many --notify-url", "");
  out->notify_urls[out->notify_urls_count++] = value;
  return true;
}

static bool set_notify_url_file(program_options *out, const char *value) {
  out->notify_url_file = value;
  return true;
}

static bool set_notify_secret_file(program_options *out, const char *value) {
  out->notify_secret_file = value;
  return true;
}

static bool set_notify_token_file(program_options *out, const char *value) {
  out->notify_token_file = value;
  return true;
}

static bool set_notify_ca(program_options *out, const char *value) {
  out->notify_ca = value;
  return true;
}

static bool set_notify_events(program_options *out, const char *value) {
  out->notify_events = value;
  return true;
}

static bool set_notify_format(program_options *out, const char *value) {
  out->notify_format = value;
  return true;
}

static bool set_notify_text(program_options *out, const char *value) {
  (void)value;
  out->notify_text = true;
  return true;
}

static bool set_public_url(program_options *out, const char *value) {
  out->public_url = value;
  return true;
}

static bool set_push_contact(program_options *out, const char *value) {
  out->push_contact = value;
  return true;
}

static bool set_push_here(program_options *out, const char *value) {
  (void)value;
  out->push_here = true;
  return true;
}

static bool set_yes(program_options *out, const char *value) {
  (void)value;
  out->yes = true;
  return true;
}

static bool set_deny(program_options *out, const char *value) {
  (void)value;
  out->deny = true;
  return true;
}

/* ---- sizes, counts, times ---- */

typedef struct unit {
  const char *name;
  uint64_t factor;
} unit;

/* A whole number with a unit; "none" is `nothing`. False: not that. */
static bool parse_amount(const char *text, const unit *units, size_t units_count, uint64_t nothing,
                         uint64_t *out) {
  if (strcmp(text, "none") == 0) {
    *out = nothing;
    return true;
  }
  uint64_t value = 0;
  const char *at = text;
  for (; *at >= '0' && *at <= '9'; at++) {
    if (value > (UINT64_MAX >> 12) / 10) return false;
    value = value * 10 + (uint64_t)(*at - '0');
  }
  if (at == text || value == 0) return false;
  for (size_t i = 0; i < units_count; i++) {
    if (strcmp(at, units[i].name) != 0) continue;
    if (value > UINT64_MAX / 2 / units[i].factor) return false;
    *out = value * units[i].factor;
    return true;
  }
  return false;
}

bool options_parse_bytes(const char *text, uint64_t least, uint64_t *out) {
  static const unit units[] = {{"", 1},
                               {"K", 1024},
                               {"M", 1024 * 1024},
                               {"G", UINT64_C(1024) * 1024 * 1024},
                               {"T", UINT64_C(1024) * 1024 * 1024 * 1024}};
  return parse_amount(text, units, sizeof units / sizeof *units, 0, out) &&
         (*out == 0 || *out >= least);
}

static bool set_log_bytes(program_options *out, const char *value) {
  if (options_parse_bytes(value, LOG_BYTES_LEAST, &out->log_bytes_max)) {
    if (out->log_bytes_max == 0) out->log_bytes_max = UINT64_MAX / 4;
    return true;
  }
  return complain("--log-bytes-max is a size like 500M or 4G, at least 4M, or none; not ", value);
}

static bool set_log_events(program_options *out, const char *value) {
  static const unit units[] = {{"", 1}, {"K", 1000}, {"M", 1000000}};
  if (parse_amount(value, units, 3, 0, &out->log_events_max) &&
      (out->log_events_max == 0 || out->log_events_max >= LOG_EVENTS_LEAST))
    return true;
  return complain("--log-events-max is a number like 200000 or 5M, at least 5000, or none; not ",
                  value);
}

static bool set_log_rate(program_options *out, const char *value) {
  static const unit units[] = {{"", 1}};
  uint64_t lines = 0;
  if (!parse_amount(value, units, 1, 0, &lines) || lines > 1000000)
    return complain("--log-rate is a number of lines a second, or none; not ", value);
  out->log_rate = (uint32_t)lines;
  return true;
}

static bool set_account_bytes(program_options *out, const char *value) {
  if (options_parse_bytes(value, LOG_BYTES_LEAST, &out->account_bytes_max)) return true;
  return complain("--account-bytes-max is a size like 10G, at least 4M, or none; not ", value);
}

static bool set_store_bytes(program_options *out, const char *value) {
  if (options_parse_bytes(value, LOG_BYTES_LEAST, &out->store_bytes_max)) return true;
  return complain("--store-bytes-max is a size like 200G, at least 4M, or none; not ", value);
}

static bool parse_days(const char *value, uint64_t *out) {
  static const uint64_t day = UINT64_C(24) * 3600 * 1000;
  static const unit units[] = {{"d", day}, {"w", 7 * day}, {"y", 365 * day}};
  return parse_amount(value, units, 3, 0, out) && *out < 1000 * 365 * day;
}

static bool set_retention(program_options *out, const char *value) {
  return parse_days(value, &out->retention_ms) ||
         complain("--retention is a time like 90d, 12w or 2y, or none; not ", value);
}

static bool set_expires(program_options *out, const char *value) {
  static const uint64_t hour = UINT64_C(3600) * 1000;
  static const unit units[] = {
      {"h", hour}, {"d", 24 * hour}, {"w", 168 * hour}, {"y", 8760 * hour}};
  if (parse_amount(value, units, 4, 0, &out->lifetime_ms) && out->lifetime_ms < 876000 * hour)
    return true;
  return complain("--expires is a time like 12h, 90d, 12w or 1y, or none; not ", value);
}

static bool set_audit_bytes(program_options *out, const char *value) {
  if (options_parse_bytes(value, LOG_BYTES_LEAST, &out->audit_bytes_max)) {
    if (out->audit_bytes_max == 0) out->audit_bytes_max = UINT64_MAX / 4;
    return true;
  }
  return complain("--audit-bytes-max is a size like 500M or 4G, at least 4M, or none; not ", value);
}

static bool set_audit_retention(program_options *out, const char *value) {
  return parse_days(value, &out->audit_retention_ms) ||
         complain("--audit-retention is a time like 400d or 2y, or none; not ", value);
}

static const struct {
  const char *name;
  char letter; /* in `allowed` of options_parse */
  bool takes_value;
  bool (*set)(program_options *out, const char *value);
} flags[] = {{"--data", 'd', true, set_data},
             {"--listen", 'l', true, set_listen},
             {"--insecure", 'i', false, set_insecure},
             {"--tls-cert", 'i', true, set_tls_cert},
             {"--tls-key", 'i', true, set_tls_key},
             {"--tls-client-ca", 'i', true, set_tls_client_ca},
             {"--log-level", 'v', true, set_level},
             {"--log-format", 'v', true, set_log_format},
             {"--log-rate", 'v', true, set_log_rate},
             {"--prometheus", 'p', false, set_prometheus},
             {"--account", 'a', true, set_account},
             {"--device", 'n', true, set_device},
             {"--ceiling", 'c', true, set_ceiling},
             {"--revoke", 'r', true, set_revoke},
             {"--expires", 'e', true, set_expires},
             {"--web", 'w', true, set_web},
             {"--origin", 'w', true, set_origin},
             {"--trusted-proxy", 'w', true, set_proxy},
             {"--public-metrics", 'w', false, set_public_metrics},
             {"--notify-url", 'N', true, set_notify_url},
             {"--notify-url-file", 'N', true, set_notify_url_file},
             {"--notify-secret-file", 'N', true, set_notify_secret_file},
             {"--notify-token-file", 'N', true, set_notify_token_file},
             {"--notify-ca", 'N', true, set_notify_ca},
             {"--notify-events", 'N', true, set_notify_events},
             {"--notify-format", 'N', true, set_notify_format},
             {"--notify-text", 'N', false, set_notify_text},
             {"--public-url", 'N', true, set_public_url},
             {"--push-contact", 'N', true, set_push_contact},
             {"--push-private", 'N', false, set_push_here},
             {"--oidc-issuer", 'O', true, set_oidc_issuer},
             {"--oidc-client-id", 'O', true, set_oidc_client},
             {"--oidc-jwks", 'O', true, set_oidc_jwks},
             {"--oidc-claim", 'O', true, set_oidc_claim},
             {"--oidc-ca", 'O', true, set_oidc_ca},
             {"--oidc-allow", 'O', true, set_oidc_allow},
             {"--oidc-create", 'O', false, set_oidc_create},
             {"--yes", 'y', false, set_yes},
             {"--deny", 'y', false, set_deny},
             {"--restored", 'o', false, set_restored},
             {"--limit-loopback", 'L', false, set_limit_loopback},
             {"--json", 'j', false, set_json},
             {"--log-bytes-max", 'L', true, set_log_bytes},
             {"--log-events-max", 'L', true, set_log_events},
             {"--account-bytes-max", 'L', true, set_account_bytes},
             {"--store-bytes-max", 'L', true, set_store_bytes},
             {"--retention", 'L', true, set_retention},
             {"--audit-bytes-max", 'L', true, set_audit_bytes},
             {"--audit-retention", 'L', true, set_audit_retention},
             {"--delete", 'x', false, set_remove}};

/* `--flag value` and `--flag=value`. Returns how many arguments were taken; 0: a fault. */
static int parse_flag(program_options *out, int left, char **argv, const char *allowed) {
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    size_t bytes = strlen(flags[i].name);
    if (strncmp(argv[0], flags[i].name, bytes) != 0) continue;
    const char *inside = argv[0][bytes] == '=' ? argv[0] + bytes + 1 : NULL;
    if (inside == NULL && argv[0][bytes] != '\0') continue;
    if (strchr(allowed, flags[i].letter) == NULL) break;
    if (!flags[i].takes_value) {
      if (inside != NULL) return complain("this flag takes no value: ", argv[0]) ? 1 : 0;
      return flags[i].set(out, NULL) ? 1 : 0;
    }
    if (inside == NULL && left < 2) return complain("a value is missing after ", argv[0]) ? 1 : 0;
    if (!flags[i].set(out, inside != NULL ? inside : argv[1])) return 0;
    return inside != NULL ? 1 : 2;
  }
  if (strchr(allowed, 'L') != NULL) {
    size_t bytes = strcspn(argv[0], "=");
    bool inside = argv[0][bytes] == '=';
    const char *value = inside ? argv[0] + bytes + 1 : left > 1 ? argv[1] : NULL;
    int taken = options_limit(&out->limits, argv[0], bytes, value);
    if (taken >= 0) return taken == 0 ? 0 : inside ? 1 : 2;
  }
  return complain("unknown flag here: ", argv[0]) ? 1 : 0;
}

bool options_parse(program_options *out, int argc, char **argv, const char *allowed) {
  memset(out, 0, sizeof *out);
  out->log_level = RELAY_INFO;
  out->log_rate = LOG_RATE_DEFAULT;
  out->account_bytes_max = ACCOUNT_BYTES_MAX_DEFAULT;
  for (int at = 0; at < argc;) {
    if (argv[at][0] == '-') {
      int taken = parse_flag(out, argc - at, argv + at, allowed);
      if (taken == 0) return false;
      at += taken;
    } else if (out->name == NULL && strchr(allowed, '*') != NULL) {
      out->name = argv[at++];
    } else {
      return complain("not expected here: ", argv[at]);
    }
  }
  return out->data[0] != '\0' || default_data(out);
}

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

static bool set_insecure(program_options *out, const char *value) {
  (void)value;
  out->insecure = true;
  return true;
}

static bool set_restored(program_options *out, const char *value) {
  (void)value;
  out->restored = true;
  return true;
}

static const struct {
  const char *name;
  char letter; /* in `allowed` of options_parse */
  bool takes_value;
  bool (*set)(program_options *out, const char *value);
} flags[] = {{"--data", 'd', true, set_data},          {"--listen", 'l', true, set_listen},
             {"--insecure", 'i', false, set_insecure}, {"--log-level", 'v', true, set_level},
             {"--account", 'a', true, set_account},    {"--device", 'n', true, set_device},
             {"--ceiling", 'c', true, set_ceiling},    {"--revoke", 'r', true, set_revoke},
             {"--restored", 'o', false, set_restored}};

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
  return complain("unknown flag here: ", argv[0]) ? 1 : 0;
}

bool options_parse(program_options *out, int argc, char **argv, const char *allowed) {
  memset(out, 0, sizeof *out);
  out->log_level = RELAY_INFO;
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

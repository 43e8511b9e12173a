/* `remote-relay org`, `policy` and `audit`: what their command lines ask for. */
#include "policy_verbs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ACTIONS_MAX = 8, LINE_BYTES = 512 };

static int wrong_use(const char *text) {
  fprintf(stderr, "remote-relay: %s; see remote-relay --help\n", text);
  return PROGRAM_USAGE;
}

/* A flag of one verb: `value` is set to what follows it, or to "" when it takes nothing. */
typedef struct verb_flag {
  const char *name;
  bool takes_value;
  const char **value;
} verb_flag;

/* Takes the verb's own flags out of argv; the rest is for options_parse. */
static bool take_flags(int *argc, char **argv, const verb_flag *flags, size_t count) {
  int kept = 0;
  for (int at = 0; at < *argc; at++) {
    const verb_flag *found = NULL;
    const char *inside = NULL;
    for (size_t i = 0; i < count && found == NULL; i++) {
      size_t bytes = strlen(flags[i].name);
      if (strncmp(argv[at], flags[i].name, bytes) != 0) continue;
      if (argv[at][bytes] != '\0' && argv[at][bytes] != '=') continue;
      if (argv[at][bytes] == '=') inside = argv[at] + bytes + 1;
      found = &flags[i];
    }
    if (found == NULL) {
      argv[kept++] = argv[at];
      continue;
    }
    if (*found->value != NULL) return wrong_use("a flag is given twice") == PROGRAM_DONE;
    if (!found->takes_value && inside != NULL)
      return wrong_use("this flag takes no value") == PROGRAM_DONE;
    if (found->takes_value && inside == NULL && at + 1 == *argc)
      return wrong_use("a value is missing behind the last flag") == PROGRAM_DONE;
    *found->value = !found->takes_value ? "" : inside != NULL ? inside : argv[++at];
  }
  *argc = kept;
  return true;
}

static bool good_word(const char *text) {
  return text[0] != '\0' && strpbrk(text, "\t\r\n") == NULL && strlen(text) < 100;
}

static int ask(const program_options *options, bool create, const char *line) {
  char *reply = program_ask(options, create, line);
  if (reply == NULL) return PROGRAM_FAILED;
  fputs(reply + 3, stdout);
  free(reply);
  return PROGRAM_DONE;
}

/* ---- org ---- */

int run_organization(int argc, char **argv) {
  program_options options;
  static const char *const actions[] = {"delete", "add", "remove", "admin", "no-admin"};
  const char *values[5] = {NULL};
  const verb_flag flags[] = {{"--delete", false, &values[0]},
                             {"--add", true, &values[1]},
                             {"--remove", true, &values[2]},
                             {"--admin", true, &values[3]},
                             {"--no-admin", true, &values[4]}};
  char line[LINE_BYTES];
  if (!take_flags(&argc, argv, flags, 5)) return PROGRAM_USAGE;
  if (!options_parse(&options, argc, argv, "d*")) return PROGRAM_USAGE;
  const char *action = "make", *account = "-";
  unsigned given = 0;
  for (size_t i = 0; i < 5; i++) {
    if (values[i] == NULL) continue;
    action = actions[i];
    if (flags[i].takes_value) account = values[i];
    given++;
  }
  if (options.name == NULL)
    return given > 0 ? wrong_use("which organization? its NAME is missing")
                     : ask(&options, false, "policy-list");
  if (given > 1) return wrong_use("one change at a time");
  if (!good_word(options.name) || !good_word(account))
    return wrong_use("a name is 1 to 63 bytes without control characters");
  snprintf(line, sizeof line, "organization\t%s\t%s\t%s", options.name, action, account);
  return ask(&options, given == 0, line);
}

/* ---- policy ---- */

int run_policy(int argc, char **argv) {
  program_options options;
  const char *organization = NULL, *value = NULL, *enterprise = NULL, *enforce = NULL,
             *delegate = NULL, *admin = NULL, *no_admin = NULL, *explain = NULL;
  const verb_flag flags[] = {{"--org", true, &organization},
                             {"--value", true, &value},
                             {"--enterprise", true, &enterprise},
                             {"--enforce", true, &enforce},
                             {"--delegate", false, &delegate},
                             {"--enterprise-admin", true, &admin},
                             {"--no-enterprise-admin", true, &no_admin},
                             {"--explain", true, &explain}};
  char line[LINE_BYTES];
  if (!take_flags(&argc, argv, flags, sizeof flags / sizeof *flags)) return PROGRAM_USAGE;
  if (!options_parse(&options, argc, argv, "d")) return PROGRAM_USAGE;
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    if (*flags[i].value != NULL && flags[i].takes_value && !good_word(*flags[i].value))
      return wrong_use("a name is 1 to 63 bytes without control characters");
  }
  unsigned about = (organization != NULL) + (enterprise != NULL) + (admin != NULL) +
                   (no_admin != NULL) + (explain != NULL);
  if (about > 1) return wrong_use("one change at a time");
  if ((organization != NULL) != (value != NULL)) return wrong_use("--org NAME and --value VALUE");
  if (enterprise != NULL ? (enforce != NULL) == (delegate != NULL)
                         : enforce != NULL || delegate != NULL)
    return wrong_use("--enterprise NAME needs --enforce VALUE or --delegate");
  if (organization != NULL)
    snprintf(line, sizeof line, "policy-organization\t%s\t%s", organization, value);
  else if (enterprise != NULL)
    snprintf(line, sizeof line, "policy-enterprise\t%s\t%s", enterprise,
             enforce != NULL ? enforce : "-");
  else if (admin != NULL || no_admin != NULL)
    snprintf(line, sizeof line, "policy-administrator\t%s\t%s", admin != NULL ? admin : no_admin,
             admin != NULL ? "admin" : "no-admin");
  else if (explain != NULL)
    snprintf(line, sizeof line, "policy-explain\t%s", explain);
  else
    snprintf(line, sizeof line, "policy-list");
  return ask(&options, false, line);
}

/* ---- audit ---- */

/* Behind so many digits, whose number lies in the range; NULL: there is no such number. */
static const char *digits(const char *at, unsigned count, int least, int most, int *out) {
  if (at == NULL) return NULL;
  *out = 0;
  for (unsigned i = 0; i < count; i++, at++) {
    if (*at < '0' || *at > '9') return NULL;
    *out = *out * 10 + (*at - '0');
  }
  return *out >= least && *out <= most ? at : NULL;
}

static const char *after(const char *at, char mark) {
  return at != NULL && *at == mark ? at + 1 : NULL;
}

/* A number of a record, or a time in UTC: 2026-11-23 or 2026-11-23T08:15:00Z. */
static bool parse_point(const char *text, uint64_t *number, uint64_t *unix_ms) {
  *number = *unix_ms = 0;
  if (text == NULL) return true;
  if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text) && strlen(text) < 17) {
    *number = strtoull(text, NULL, 10);
    return true;
  }
  struct tm parts = {.tm_sec = 0};
  const char *rest = digits(text, 4, 1970, 9999, &parts.tm_year);
  rest = digits(after(rest, '-'), 2, 1, 12, &parts.tm_mon);
  rest = digits(after(rest, '-'), 2, 1, 31, &parts.tm_mday);
  if (rest != NULL && *rest == 'T') {
    rest = digits(after(rest, 'T'), 2, 0, 23, &parts.tm_hour);
    rest = digits(after(rest, ':'), 2, 0, 59, &parts.tm_min);
    rest = digits(after(rest, ':'), 2, 0, 60, &parts.tm_sec);
    rest = after(rest, 'Z');
  }
  if (rest == NULL || *rest != '\0') return false;
  parts.tm_year -= 1900;
  parts.tm_mon--;
  time_t seconds = timegm(&parts);
  if (seconds < 0) return false;
  *unix_ms = (uint64_t)seconds * 1000;
  return true;
}

/* Prints the records of a part; *next says where the following one begins, 0: there is none. */
static bool print_part(const char *reply, uint64_t *next) {
  size_t bytes = strlen(reply);
  while (bytes > 0 && reply[bytes - 1] == '\n') bytes--;
  while (bytes > 0 && reply[bytes - 1] != '\n') bytes--;
  if (strncmp(reply + bytes, "next ", 5) != 0) return false;
  *next = strtoull(reply + bytes + 5, NULL, 10);
  return fwrite(reply + 3, 1, bytes - 3, stdout) == bytes - 3;
}

int run_audit(int argc, char **argv) {
  program_options options;
  const char *from_text = NULL, *until_text = NULL;
  const verb_flag flags[] = {{"--from", true, &from_text}, {"--until", true, &until_text}};
  char line[LINE_BYTES];
  uint64_t from, from_ms, until, until_ms;
  if (!take_flags(&argc, argv, flags, 2)) return PROGRAM_USAGE;
  if (!options_parse(&options, argc, argv, "dja")) return PROGRAM_USAGE;
  if (!parse_point(from_text, &from, &from_ms) || !parse_point(until_text, &until, &until_ms))
    return wrong_use(
        "--from and --until are numbers of records, or times in UTC like 2026-11-23 "
        "or 2026-11-23T08:15:00Z");
  const char *account = options.account != NULL ? options.account : "-";
  if (!good_word(account)) return wrong_use("that is no name of an account");
  do {
    snprintf(line, sizeof line, "audit\t%s\t%llu\t%llu\t%llu\t%llu\t%s",
             options.json ? "json" : "text", (unsigned long long)from, (unsigned long long)from_ms,
             (unsigned long long)until, (unsigned long long)until_ms, account);
    char *reply = program_ask(&options, false, line);
    if (reply == NULL) return PROGRAM_FAILED;
    bool good = print_part(reply, &from);
    free(reply);
    if (!good || fflush(stdout) != 0) {
      fputs("remote-relay: the audit log could not be written out whole\n", stderr);
      return PROGRAM_FAILED;
    }
  } while (from != 0);
  return PROGRAM_DONE;
}

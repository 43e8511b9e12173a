#include "completion.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

#include "commands.h"
#include "options.h"
#include "terminal_text.h"

/* ---- candidates ---- */

void completion_offer(const completion *c, const char *value, const char *text) {
  char shown[256], clean[512];
  if (!value[0] || strncasecmp(value, c->current, strlen(c->current))) return;
  /* A value goes into a command line: one that a terminal could not show as it is, is not for it.
   */
  terminal_text_copy(clean, sizeof clean, value, strlen(value), TERMINAL_TEXT_ONE_LINE);
  if (strcmp(clean, value)) return;
  terminal_text_copy(shown, sizeof shown, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
  printf("%s%s%s\n", value, shown[0] ? "\t" : "", shown);
}

static void offer_words(const completion *c, const char *words) {
  char word[64];
  while (*words) {
    size_t bytes = strcspn(words, " ");
    snprintf(word, sizeof word, "%.*s", (int)bytes, words);
    completion_offer(c, word, "");
    words += bytes + (words[bytes] == ' ');
  }
}

/* ---- the command line as the shells give it ---- */

/* Quotes and backslashes are taken away, in place. A quote that is open ends with the word. */
static char *unquote(char *word) {
  char *to = word;
  char quote = 0;
  for (const char *from = word; *from; from++) {
    if (quote && *from == quote)
      quote = 0;
    else if (!quote && (*from == '"' || *from == '\''))
      quote = *from;
    else if (*from == '\\' && quote != '\'' && from[1])
      *to++ = *++from;
    else
      *to++ = *from;
  }
  *to = 0;
  return word;
}

/* ---- flags ---- */

typedef struct flag_scan {
  const completion *completion;
  const char *name; /* look this one up; NULL: offer them */
  size_t name_bytes;
  bool found;
  option_kind kind;
} flag_scan;

static void take_flag(void *user, const option *o) {
  flag_scan *scan = user;
  char word[80];
  if (!scan->name) {
    snprintf(word, sizeof word, "--%s", o->name);
    completion_offer(scan->completion, word, o->help);
  } else if (strlen(o->name) == scan->name_bytes &&
             !memcmp(o->name, scan->name, scan->name_bytes)) {
    scan->found = true;
    scan->kind = o->kind;
  }
}

/* The verb's own table of flags says which there are. */
static void scan_flags(const char *verb, flag_scan *scan) {
  char name[32], help[] = "--help";
  char *argv[] = {name, help, NULL};
  int (*run)(int argc, char **argv) = command_find(verb);
  if (!run) return;
  snprintf(name, sizeof name, "%s", verb);
  options_list_to(take_flag, scan);
  (void)run(2, argv);
  options_list_to(NULL, NULL);
}

/* Does this flag take the next word as its value? */
static bool takes_word(const char *verb, const char *flag) {
  static const char *const always[] = {"relay",  "token-file", "config",  "timeout",
                                       "tls-ca", "tls-cert",   "tls-key", "capture"};
  flag_scan scan = {.name = flag + 2, .name_bytes = strlen(flag + 2)};
  if (strncmp(flag, "--", 2) || !flag[2] || strchr(flag, '=')) return false;
  for (size_t i = 0; i < sizeof always / sizeof *always; i++)
    if (!strcmp(flag + 2, always[i])) return true;
  if (verb) scan_flags(verb, &scan);
  return scan.found &&
         (scan.kind == OPTION_VALUE || scan.kind == OPTION_LIST || scan.kind == OPTION_MAYBE);
}

/* ---- values of flags ---- */

typedef struct flag_values {
  const char *verb; /* NULL: every one */
  const char *flag;
  const char *words; /* ":file": the shell's own; NULL: `live` */
  unsigned live;
} flag_values;

static const flag_values values[] = {
    {NULL, "token-file", ":file", 0},
    {NULL, "tls-ca", ":file", 0},
    {NULL, "tls-cert", ":file", 0},
    {NULL, "tls-key", ":file", 0},
    {NULL, "config", ":file", 0},
    {NULL, "capture", ":file", 0},
    {"login", "id-token-file", ":file", 0},
    {"login", "device", "", 0},
    {"login", "confirm", "", 0},
    {NULL, "timeout", "", 0},
    {NULL, "relay", "", 0},
    {NULL, "session", NULL, LIVE_ALL_SESSIONS},
    {"watch", "until", "idle ask end", 0},
    {"watch", "from", "start snapshot live", 0},
    {"watch", "last", "10 100 1000", 0},
    {"watch", "last", "10 100 1000", 0},
    {"send", "attach", ":file", 0},
    {"send", "wait", "outcome idle", 0},
    {"host", "remote", "off view control", 0},
    {"host", "keep-alive", "off on busy 30m 2h", 0},
    {"inspect", "type",
     "HELLO WELCOME REFUSE GOAWAY PING PONG OPEN OPENED CLOSE INFO BLOCK TAIL ACK SYNCED "
     "LOG_STATUS RECEIPT REQUEST REPLY GREASE UNKNOWN",
     0},
};

static void offer_value(const completion *c, const char *flag, size_t bytes) {
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    const flag_values *v = &values[i];
    if (v->verb && (!c->verb || strcmp(v->verb, c->verb))) continue;
    if (strlen(v->flag) != bytes || memcmp(v->flag, flag, bytes)) continue;
    if (!v->words)
      completion_from_relay(c, v->live);
    else if (v->words[0] == ':')
      puts(v->words);
    else
      offer_words(c, v->words);
    return;
  }
}

/* --name=VALUE in one word: what is offered holds the flag, too. */
static void offer_joined(const completion *c, const char *equals) {
  char word[128];
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    const flag_values *v = &values[i];
    size_t bytes = (size_t)(equals - c->current) - 2;
    if (v->verb && (!c->verb || strcmp(v->verb, c->verb))) continue;
    if (strlen(v->flag) != bytes || memcmp(v->flag, c->current + 2, bytes)) continue;
    for (const char *at = v->words; at && *at && *at != ':';) {
      size_t length = strcspn(at, " ");
      snprintf(word, sizeof word, "--%s=%.*s", v->flag, (int)length, at);
      completion_offer(c, word, "");
      at += length + (at[length] == ' ');
    }
    return;
  }
}

/* ---- words ---- */

typedef struct place {
  const char *verb;
  unsigned live[3]; /* of the first, second and third word */
  const char *words;
} place;

static const place places[] = {
    {"attach", {LIVE_SESSIONS | LIVE_ALL_SESSIONS}, NULL},
    {"watch", {LIVE_ALL_SESSIONS}, NULL},
    {"send", {LIVE_SESSIONS}, NULL},
    {"asks", {LIVE_SESSIONS}, NULL},
    {"approve", {LIVE_SESSIONS | LIVE_ASKS, LIVE_ASKS}, NULL},
    {"deny", {LIVE_SESSIONS | LIVE_ASKS, LIVE_ASKS}, NULL},
    {"answer", {LIVE_ASKS | LIVE_SESSIONS, LIVE_ASKS | LIVE_ANSWERS, LIVE_ANSWERS}, NULL},
    {"mode", {LIVE_MODES | LIVE_SESSIONS, LIVE_MODES}, NULL},
    {"config", {LIVE_KEYS | LIVE_SESSIONS, LIVE_KEYS | LIVE_VALUES, LIVE_VALUES}, NULL},
    {"slash", {LIVE_SLASH | LIVE_SESSIONS, LIVE_SLASH}, NULL},
    {"rename", {LIVE_SESSIONS}, NULL},
    {"cancel", {LIVE_SESSIONS}, NULL},
    {"probe", {LIVE_SESSIONS}, NULL},
    {"withdraw", {LIVE_COMMANDS | LIVE_SESSIONS, LIVE_COMMANDS}, NULL},
    {"asset", {LIVE_ALL_SESSIONS}, NULL},
    {"rm", {LIVE_ALL_SESSIONS, LIVE_ALL_SESSIONS, LIVE_ALL_SESSIONS}, NULL},
    {"asset", {LIVE_ALL_SESSIONS}, NULL},
    {"policy", {0}, "get explain set"},
    {"audit", {0}, NULL},
    {"completion", {0}, "bash zsh fish"},
    {"help", {0}, NULL},
};

static void offer_word(const completion *c) {
  if (!strcmp(c->verb, "devices")) {
    if (c->words_count == 0) {
      completion_offer(c, "list", "list all devices");
      completion_offer(c, "revoke", "sign a device out");
      completion_offer(c, "rename", "give a device another name");
      completion_offer(c, "confirm", "sign in the device that shows a code");
      completion_offer(c, "deny", "refuse the device that shows a code");
    }
    if (c->words_count == 1 && (!strcmp(c->words[0], "revoke") || !strcmp(c->words[0], "rename")))
      completion_from_relay(c, LIVE_DEVICES);
    return;
  }
  if (!strcmp(c->verb, "inspect")) {
    if (c->tap)
      completion_from_relay(c, LIVE_SESSIONS);
    else
      puts(":file");
    return;
  }
  /* With --session no word is one. */
  size_t at = c->words_count + (c->session ? 1 : 0);
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    const place *p = &places[i];
    if (strcmp(p->verb, c->verb)) continue;
    if (p->words && c->words_count == 0) offer_words(c, p->words);
    unsigned live = at < 3 ? p->live[at] : 0;
    if (c->session) live |= c->words_count == 0 ? p->live[0] : 0;
    if (c->session) live &= ~(unsigned)(LIVE_SESSIONS | LIVE_ALL_SESSIONS);
    if (c->session && c->words_count == 0) live &= ~(unsigned)(LIVE_VALUES | LIVE_ANSWERS);
    if (live) completion_from_relay(c, live);
  }
}

static void take_verb(void *user, const char *name, const char *summary) {
  completion_offer(user, name, summary);
}

/* ---- the whole line ---- */

static void note_flag_value(completion *c, const char *flag, const char *value) {
  if (!strcmp(flag, "--session")) c->session = value;
  if (!strcmp(flag, "--relay")) c->relay = value;
  if (!strcmp(flag, "--token-file")) c->token_file = value;
  if (!strcmp(flag, "--config")) c->config = value;
  if (!strcmp(flag, "--tls-ca")) c->trust.ca = value;
  if (!strcmp(flag, "--tls-cert")) c->trust.cert = value;
  if (!strcmp(flag, "--tls-key")) c->trust.key = value;
}

static void note_joined(completion *c, char *word) {
  char *equals = strchr(word, '=');
  if (!equals) return;
  *equals = 0;
  note_flag_value(c, word, equals + 1);
  *equals = '=';
}

/* Reads the words before the cursor. The flag whose value is being written, or NULL. `agent`: what
 * is being written belongs to the agent's command line. */
static const char *read_words(completion *c, int count, char **words, bool *agent) {
  bool flags_end = false;
  for (int i = 0; i < count; i++) {
    char *word = words[i];
    if (!flags_end && !strcmp(word, "--")) {
      flags_end = true;
      *agent = c->verb && !strcmp(c->verb, "host");
    } else if (!flags_end && word[0] == '-' && word[1]) {
      if (!strcmp(word, "--tap")) c->tap = true;
      if (!strcmp(word, "--insecure")) c->trust.insecure = true;
      note_joined(c, word);
      /* bash gives "--name", "=", "value" */
      bool equals = i + 1 < count && !strcmp(words[i + 1], "=");
      if (!takes_word(c->verb, word) && !equals) continue;
      i += equals ? 2 : 1;
      if (i >= count) return word;
      note_flag_value(c, word, words[i]);
    } else if (!c->verb) {
      c->verb = word;
    } else if (c->words_count < sizeof c->words / sizeof *c->words) {
      c->words[c->words_count++] = word;
    }
  }
  return NULL;
}

static void give_up(int number) {
  (void)number;
  _exit(0);
}

int command_complete(int argc, char **argv) {
  static completion c;
  struct itimerval limit = {{0, 0}, {0, COMPLETION_MS_MAX * 1000}};
  char empty[] = "";
  bool agent = false;
  if (!freopen("/dev/null", "w", stderr)) return 0;
  signal(SIGALRM, give_up);
  setitimer(ITIMER_REAL, &limit, NULL);
  for (int i = 1; i < argc; i++) unquote(argv[i]);
  char *current = argc > 1 ? argv[argc - 1] : empty;
  int before = argc > 1 ? argc - 2 : 0;
  const char *flag = read_words(&c, before, argv + 1, &agent);
  /* bash: "--name" "=" and the cursor behind it */
  c.current = flag && !strcmp(current, "=") ? "" : current;
  if (!flag && !strcmp(current, "=") && before > 0) {
    flag = argv[before];
    c.current = "";
  }
  const char *equals = strchr(c.current, '=');
  if (agent)
    puts(c.words_count == 0 ? ":command" : ":file");
  else if (flag)
    offer_value(&c, flag + 2, strlen(flag + 2));
  else if (c.verb && c.current[0] == '-' && equals)
    offer_joined(&c, equals);
  else if (c.verb && c.current[0] == '-')
    scan_flags(c.verb, &(flag_scan){.completion = &c});
  else if (c.verb)
    offer_word(&c);
  else
    commands_each(take_verb, &c);
  fflush(stdout);
  _exit(0); /* the relay needs no goodbye, and a shell waits */
}

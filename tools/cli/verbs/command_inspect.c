/* `remote inspect`: what passed over the wire, readably: from a capture, a raw stream, or live. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands.h"
#include "inspect.h"
#include "remote_session.h"
#include "terminal_text.h"

typedef struct inspecting {
  connection_flags flags;
  const char *session_word; /* --session: a filter, or with --tap which session */
  const char *channel, *types;
  bool tap, json, full, problems, check;
  inspect_printer printer;
} inspecting;

static const option_usage *usage_of(const option *options, size_t count) {
  static option_usage usage;
  usage = (option_usage){
      "remote inspect [FILE|-] | remote inspect --tap [SESSION]",
      "Prints frames and messages of captured bytes, marking what the protocol forbids with the\n"
      "clause of docs/spec.md. FILE is what --capture FILE or REMOTE_CAPTURE=FILE wrote, or a raw\n"
      "stream of one side. --tap watches a live session, and prints its own frames as they come.",
      options, count, false};
  return &usage;
}

static int start(inspecting *w) {
  struct winsize size;
  inspect_printer *p = &w->printer;
  p->to = stdout;
  p->json = w->json;
  p->full = w->full;
  p->filter.types = w->types;
  p->filter.problems_only = w->problems;
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    p->columns = size.ws_col;
  p->flow = inspect_flow_create(&inspect_printer_ops, p);
  if (p->flow != NULL) return 0;
  fputs("remote: out of memory\n", stderr);
  return -1;
}

static exit_code finish(inspecting *w, exit_code result) {
  const inspect_printer *p = &w->printer;
  fflush(stdout);
  fprintf(stderr, "remote: %llu frames, %llu shown; %llu broke the protocol's rules\n",
          (unsigned long long)p->frames, (unsigned long long)p->shown,
          (unsigned long long)p->problems);
  inspect_flow_destroy(w->printer.flow);
  return result ? result : w->check && p->problems ? EXIT_CODE_FAILURE : EXIT_CODE_DONE;
}

/* ---- files ---- */

static exit_code read_all(inspect_source *source, FILE *file) {
  static uint8_t buffer[64 * 1024];
  bool good = true;
  size_t bytes;
  while (good && !ferror(stdout) && (bytes = fread(buffer, 1, sizeof buffer, file)) > 0)
    good = inspect_source_feed(source, buffer, bytes);
  bool failed = ferror(file) != 0;
  if (failed) fprintf(stderr, "remote: %s\n", strerror(errno));
  if (!good) fputs("remote: the capture is damaged here; nothing behind it was read\n", stderr);
  if (!inspect_source_end(source) && good)
    fputs("remote: the capture ends in the middle of a record\n", stderr);
  return failed || !good ? EXIT_CODE_FAILURE : EXIT_CODE_DONE;
}

static exit_code inspect_file(inspecting *w, const char *path) {
  char shown[512];
  FILE *file = strcmp(path, "-") ? fopen(path, "rb") : stdin;
  if (file == NULL) {
    terminal_text_copy(shown, sizeof shown, path, strlen(path), TERMINAL_TEXT_ONE_LINE);
    fprintf(stderr, "remote: cannot read %s: %s\n", shown, strerror(errno));
    return EXIT_CODE_FAILURE;
  }
  exit_code result = EXIT_CODE_FAILURE;
  inspect_source *source = NULL;
  if (start(w) == 0 && (source = inspect_source_create(w->printer.flow)) != NULL)
    result = finish(w, read_all(source, file));
  inspect_source_destroy(source);
  if (file != stdin) fclose(file);
  return result;
}

/* ---- live ---- */

static void take_record(void *user, const capture_record *record) {
  inspecting *w = user;
  inspect_flow_record(w->printer.flow, record);
  fflush(stdout);
}

static bool is_over(void *user) {
  const remote_session *s = user;
  return s->closed || ferror(stdout);
}

static exit_code follow(connection *c, remote_session *s) {
  uint64_t timeout_ms = c->timeout_given ? c->timeout_ms : CONNECTION_FOREVER;
  bool over = connection_wait(c, is_over, s, timeout_ms);
  if (c->interrupted || c->timed_out || ferror(stdout)) return EXIT_CODE_DONE;
  return over || c->failed ? remote_session_explain(s) : EXIT_CODE_DONE;
}

static exit_code inspect_tap(inspecting *w, const char *word) {
  static connection c;
  static remote_session session;
  static const remote_session_config watching = {.watch_only = true};
  if (start(w)) return EXIT_CODE_FAILURE;
  w->flags.tap = take_record;
  w->flags.tap_user = w;
  exit_code result = remote_session_connect(&c, &session, &w->flags, word, &watching);
  if (result) return finish(w, result);
  result = follow(&c, &session);
  remote_session_close(&session);
  connection_close(&c);
  inspect_flow_end(w->printer.flow);
  return finish(w, result);
}

/* ---- the command ---- */

/* NULL: all is well; else what is wrong. */
static const char *read_filters(inspecting *w) {
  static char upper[256];
  inspect_filter *filter = &w->printer.filter;
  if (!w->tap && w->session_word != NULL &&
      (w->session_word[0] == '\0' ||
       w->session_word[strspn(w->session_word, "0123456789abcdefABCDEF")]))
    return "--session takes the beginning of a session's id";
  if (w->channel != NULL) {
    char *end = NULL;
    unsigned long number =
        w->channel[0] >= '0' && w->channel[0] <= '9' ? strtoul(w->channel, &end, 10) : 0;
    if (end == NULL || *end || number > UINT32_MAX) return "--channel takes a number";
    filter->channel = (uint32_t)number;
    filter->has_channel = true;
  }
  if (w->types != NULL) {
    size_t bytes = strlen(w->types);
    if (bytes >= sizeof upper) return "--type is too long";
    for (size_t i = 0; i <= bytes; i++)
      upper[i] = w->types[i] >= 'a' && w->types[i] <= 'z' ? (char)(w->types[i] - 32) : w->types[i];
    w->types = upper;
    if (!inspect_types_known(upper)) return "--type takes names of frames: HELLO,OPEN,BLOCK ...";
  }
  return NULL;
}

int command_inspect(int argc, char **argv) {
  static inspecting w;
  const option options[] = {
      {"tap", OPTION_FLAG, &w.tap, NULL, "watch a live session, and print what passes", NULL},
      {"channel", OPTION_VALUE, &w.channel, "N", "only frames of this channel; 0: of the link",
       NULL},
      {"type", OPTION_VALUE, &w.types, "NAME[,NAME]", "only frames of these types", NULL},
      {"session", OPTION_VALUE, &w.session_word, "SESSION",
       "only frames of channels of this session (beginning of its id)", NULL},
      {"problems", OPTION_FLAG, &w.problems, NULL, "only what breaks a rule of the protocol", NULL},
      {"check", OPTION_FLAG, &w.check, NULL, "exit 1 when anything breaks a rule", NULL},
      {"full", OPTION_FLAG, &w.full, NULL, "whole messages, however long", NULL},
      {"json", OPTION_FLAG, &w.json, NULL, "one JSON object a line (docs/inspect.md)", NULL},
      CONNECTION_OPTIONS(w.flags),
  };
  const option_usage *usage = usage_of(options, sizeof options / sizeof *options);
  option_words words;
  option_result parsed = options_parse(usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count > 1) return options_wrong(usage, "too many words");
  const char *word = words.count ? words.words[0] : NULL;
  const char *wrong = read_filters(&w);
  if (wrong) return options_wrong(usage, "%s", wrong);
  if (!w.tap) {
    if (!word && isatty(STDIN_FILENO))
      return options_wrong(usage, "name a FILE, or - for standard input, or use --tap");
    w.printer.filter.session = w.session_word;
    return (int)inspect_file(&w, word ? word : "-");
  }
  if (word && w.session_word) return options_wrong(usage, "SESSION is named twice");
  return (int)inspect_tap(&w, word ? word : w.session_word);
}

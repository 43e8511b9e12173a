/* `remote ls`: the sessions of the account, newest activity first. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "act.h"
#include "commands.h"
#include "terminal_text.h"

static const char *mode_name(uint32_t mode) {
  static const char *const names[] = {"unknown", "off", "view", "control"};
  return names[mode < 4 ? mode : 0];
}

static json_t *asks_json(const remote_v1_SessionInfo *info) {
  static const char *const kinds[] = {"permission", "question", "plan",
                                      "form",       "open_url", "limit"};
  json_t *list = json_array();
  for (size_t i = 0; i < info->asks_count; i++) {
    const remote_v1_OpenAskInfo *ask = &info->asks[i];
    lrm_id id = {{0}};
    char hex[LRM_ID_HEX_BYTES];
    if (ask->ask_id.size == 16) memcpy(id.bytes, ask->ask_id.bytes, 16);
    lrm_id_hex(&id, hex);
    uint32_t kind = ask->kind - 11u /* AskKind PERMISSION */;
    json_t *options = json_array();
    for (size_t k = 0; k < ask->options_count; k++)
      json_array_append_new(options, json_pack("{s:s, s:s}", "option_id", ask->options[k].option_id,
                                               "label", ask->options[k].label));
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:s, s:o}", "ask_id", hex, "kind",
                        kind < 6 ? kinds[kind] : "unknown", "text", ask->text, "options", options));
  }
  return list;
}

/* A working directory is bytes; what is no UTF-8 becomes U+FFFD. */
static json_t *path_json(const remote_v1_SessionDescription *d) {
  char text[1024];
  terminal_text_copy(text, sizeof text, d->cwd.bytes, d->cwd.size, TERMINAL_TEXT_ONE_LINE);
  return json_string(text);
}

static void add_epoch(json_t *object, const char *name, const uint8_t *bytes, size_t size) {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES] = "";
  if (size == 16 && !lrm_id_from(bytes, size, &id)) lrm_id_hex(&id, hex);
  json_object_set_new(object, name, json_string(hex));
}

static void add_status(json_t *o, const remote_v1_LogStatus *s) {
  json_object_set_new(o, "attached", json_boolean(s->host_attached));
  json_object_set_new(o, "attached_since_ms", json_integer((json_int_t)s->host_since_ms));
  json_object_set_new(o, "heard_ms", json_integer((json_int_t)s->host_heard_ms));
  add_epoch(o, "events_epoch", s->events_epoch.bytes, s->events_epoch.size);
  json_object_set_new(o, "events_first", json_integer((json_int_t)s->events_first));
  json_object_set_new(o, "events_next", json_integer((json_int_t)s->events_next));
  add_epoch(o, "commands_epoch", s->commands_epoch.bytes, s->commands_epoch.size);
  json_object_set_new(o, "commands_stored", json_integer((json_int_t)s->commands_stored));
  json_object_set_new(o, "commands_delivered", json_integer((json_int_t)s->commands_delivered));
  json_object_set_new(
      o, "ceiling",
      json_string(s->ceiling == remote_v1_Ceiling_CEILING_CONTROL ? "control" : "view"));
}

static json_t *entry_json(const remote_v1_SessionEntry *e) {
  char hex[LRM_ID_HEX_BYTES];
  lrm_id id = session_entry_id(e);
  const remote_v1_SessionDescription *d = &e->description;
  const remote_v1_SessionInfo *info = &e->info;
  lrm_id_hex(&id, hex);
  json_t *o =
      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I}", "session_id", hex,
                "title", info->title[0] ? info->title : d->title, "host", d->host, "os", d->os,
                "agent", d->agent, "agent_version", d->agent_version, "repository", d->repository,
                "branch", d->branch, "headless", (int)d->headless, "created_ms",
                (json_int_t)d->created_ms, "activity_ms", (json_int_t)e->activity_ms);
  if (!o) return NULL;
  json_object_set_new(o, "cwd", path_json(d));
  json_object_set_new(o, "status", json_string(session_status_name(info->status)));
  json_object_set_new(o, "status_since_ms", json_integer((json_int_t)info->status_since_ms));
  json_object_set_new(o, "activity", json_string(info->activity));
  json_object_set_new(o, "plan_done", json_integer(info->plan_done));
  json_object_set_new(o, "plan_total", json_integer(info->plan_total));
  json_object_set_new(o, "asks_total", json_integer(info->asks_total));
  json_object_set_new(o, "asks", asks_json(info));
  json_object_set_new(o, "remote_mode", json_string(mode_name(info->remote_mode)));
  add_status(o, &e->status);
  char resume[LRM_ID_HEX_BYTES + 40];
  snprintf(resume, sizeof resume, "remote host --resume %s", hex);
  json_object_set_new(o, "resume", json_string(resume));
  return o;
}

static size_t terminal_columns(void) {
  struct winsize size;
  if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
    return 0; /* no limit */
  return size.ws_col;
}

/* Prints `line`, cut to the terminal's width. */
static void print_line(char *line) {
  size_t columns = terminal_columns();
  if (columns) terminal_text_fit(line, columns);
  puts(line);
}

static void print_entry(const connection *c, const remote_v1_SessionEntry *e) {
  char hex[LRM_ID_HEX_BYTES], title[160], host[80], activity[160], ago[32], line[768];
  lrm_id id = session_entry_id(e);
  const remote_v1_SessionInfo *info = &e->info;
  lrm_id_hex(&id, hex);
  session_entry_title(e, title, sizeof title);
  terminal_text_copy(host, sizeof host, e->description.host, strlen(e->description.host),
                     TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(activity, sizeof activity, info->activity, strlen(info->activity),
                     TERMINAL_TEXT_ONE_LINE);
  ago_text(c, e->activity_ms, ago, sizeof ago);
  snprintf(line, sizeof line, "%.8s  %s  (%s%s)", hex, title, host,
           e->description.headless ? ", headless" : "");
  print_line(line);
  int n = snprintf(line, sizeof line, "          %s%s%s", session_status_name(info->status),
                   activity[0] ? ": " : "", activity);
  if (info->asks_total)
    n += snprintf(line + n, sizeof line - (size_t)n, "; %u open ask%s", (unsigned)info->asks_total,
                  info->asks_total == 1 ? "" : "s");
  if (info->plan_total)
    n += snprintf(line + n, sizeof line - (size_t)n, "; plan %u of %u", (unsigned)info->plan_done,
                  (unsigned)info->plan_total);
  snprintf(line + n, sizeof line - (size_t)n, "; active %s ago", ago);
  print_line(line);
  ago_text(c, e->status.host_since_ms, ago, sizeof ago);
  /* Its host may well run: it only shares nothing. */
  bool off = strcmp(mode_name(info->remote_mode), "off") == 0 &&
             info->status != remote_v1_Status_STATUS_ENDED;
  if (e->status.host_attached)
    snprintf(line, sizeof line, "          attached since %s; remote attach %.8s", ago, hex);
  else
    snprintf(line, sizeof line, "          %s since %s; on %s: %sremote host --resume %.8s",
             off ? "remote control off" : "not attached", ago, host[0] ? host : "its host",
             off ? "/remote on there, or " : "", hex);
  print_line(line);
}

int command_ls(int argc, char **argv) {
  connection_flags flags = {0};
  bool json = false;
  const option options[] = {
      {"json", OPTION_FLAG, &json, NULL, "one JSON object a line", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {"remote ls [--json]",
                              "Lists the sessions of the account, newest activity first.", options,
                              sizeof options / sizeof *options, false};
  option_words words;
  connection c;
  session_list list;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count) return options_wrong(&usage, "ls takes no words");
  exit_code result = connection_open(&c, &flags);
  if (result) return result;
  result = session_list_fetch(&c, &list);
  for (size_t i = 0; !result && i < list.count; i++) {
    if (json)
      json_print_line(stdout, entry_json(&list.entries[i]));
    else
      print_entry(&c, &list.entries[i]);
  }
  if (!result && !list.count && !json)
    fputs("no sessions; `remote host --remote -- AGENT` starts one\n", stderr);
  if (!result) session_list_free(&list);
  connection_close(&c);
  return result;
}

/* `remote audit`: what the relay's audit log has of this account, or of those that it
 * administers. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "act.h"
#include "commands.h"
#include "json_event.h"
#include "terminal_text.h"

enum { PART = 1000, FOLLOW_MS = 1000 };

typedef struct listing {
  bool json;
  uint64_t next; /* number to go on at */
  size_t count;  /* of this part */
} listing;

static void hex_of(const uint8_t *bytes, size_t count, char hex[LRM_ID_HEX_BYTES]) {
  lrm_id id;
  hex[0] = '\0';
  if (lrm_id_from(bytes, count, &id) == 0 && !lrm_id_none(&id)) lrm_id_hex(&id, hex);
}

/* What is empty is left out, as `remote-relay audit --json` does. */
static void add_text(json_t *object, const char *name, const char *text) {
  if (object != NULL && text[0] != '\0') json_object_set_new(object, name, json_string(text));
}

static void time_text(uint64_t unix_ms, char out[40]) {
  time_t seconds = (time_t)(unix_ms / 1000);
  struct tm parts;
  char text[24] = "-";
  if (gmtime_r(&seconds, &parts) != NULL) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(out, 40, "%s.%03uZ", text, (unsigned)(unix_ms % 1000));
}

static void add_by(json_t *object, const remote_v1_AuditRecord *r) {
  char hex[LRM_ID_HEX_BYTES];
  if (!r->has_principal) return;
  hex_of(r->principal.device_id.bytes, r->principal.device_id.size, hex);
  json_t *by = json_pack("{s:s}", "account", r->principal.account);
  add_text(by, "device", r->principal.device);
  add_text(by, "device_id", hex);
  if (object != NULL) json_object_set_new(object, "by", by);
}

static void print_json(const remote_v1_AuditRecord *r) {
  char session[LRM_ID_HEX_BYTES], command[LRM_ID_HEX_BYTES], at[40];
  hex_of(r->session_id.bytes, r->session_id.size, session);
  hex_of(r->command_id.bytes, r->command_id.size, command);
  time_text(r->at_ms, at);
  json_t *line = json_pack("{s:I, s:I, s:s, s:s, s:i}", "number", (json_int_t)r->number, "at_ms",
                           (json_int_t)r->at_ms, "at", at, "what", r->what, "code", (int)r->code);
  add_text(line, "code_name", r->code != 0 ? lrm_code_name(r->code) : "");
  add_by(line, r);
  add_text(line, "account", r->account);
  add_text(line, "organization", r->organization);
  add_text(line, "session_id", session);
  add_text(line, "command_id", command);
  add_text(line, "detail", r->detail);
  json_print_line(stdout, line);
}

static void print_part(const char *name, const char *text) {
  if (text[0] == '\0') return;
  printf("  %s", name);
  terminal_text_puts(stdout, text, TERMINAL_TEXT_ONE_LINE);
}

static void print_line(const remote_v1_AuditRecord *r) {
  char session[LRM_ID_HEX_BYTES], command[LRM_ID_HEX_BYTES], at[40];
  hex_of(r->session_id.bytes, r->session_id.size, session);
  hex_of(r->command_id.bytes, r->command_id.size, command);
  time_text(r->at_ms, at);
  printf("%" PRIu64 "  %s  ", r->number, at);
  terminal_text_puts(stdout, r->what, TERMINAL_TEXT_ONE_LINE);
  if (r->code != 0) printf(" %u %s", r->code, lrm_code_name(r->code));
  print_part("account ", r->account);
  print_part("organization ", r->organization);
  if (r->has_principal) {
    print_part("by ", r->principal.account);
    putchar('/');
    terminal_text_puts(stdout, r->principal.device, TERMINAL_TEXT_ONE_LINE);
  }
  session[8] = command[8] = '\0';
  print_part("session ", session);
  print_part("command ", command);
  print_part("- ", r->detail);
  putchar('\n');
}

static void take_record(void *user, const remote_v1_Reply *reply) {
  listing *l = user;
  if (reply == NULL || reply->which_result != remote_v1_Reply_audit_tag) return;
  const remote_v1_AuditRecord *r = &reply->result.audit;
  if (r->number < l->next) return; /* said before the connection was lost */
  if (l->json)
    print_json(r);
  else
    print_line(r);
  l->next = r->number + 1;
  l->count++;
}

static bool never(void *user) {
  (void)user;
  return false;
}

static exit_code list(connection *c, listing *l, uint64_t left, bool follow) {
  for (;;) {
    remote_v1_Request request = remote_v1_Request_init_zero;
    request.which_call = remote_v1_Request_export_audit_tag;
    request.call.export_audit.from = l->next;
    request.call.export_audit.limit = left < PART ? (uint32_t)left : PART;
    l->count = 0;
    exit_code result = connection_call(c, &request, take_record, l);
    if (result != EXIT_CODE_DONE) return result;
    if (fflush(stdout) != 0) return EXIT_CODE_FAILURE;
    left -= l->count < left ? l->count : left;
    if (left == 0) return EXIT_CODE_DONE;
    if (l->count > 0) continue;
    if (!follow) return EXIT_CODE_DONE;
    if (connection_wait(c, never, NULL, FOLLOW_MS)) return EXIT_CODE_FAILURE;
    if (c->interrupted || c->failed) return connection_explain(c);
  }
}

static bool parse_number(const char *text, uint64_t *out) {
  if (text == NULL) return true;
  if (text[0] == '\0' || strlen(text) > 16 || strspn(text, "0123456789") != strlen(text))
    return false;
  *out = strtoull(text, NULL, 10);
  return true;
}

int command_audit(int argc, char **argv) {
  connection_flags flags = {0};
  bool json = false, follow = false;
  const char *from = NULL, *limit = NULL;
  const option options[] = {
      {"from", OPTION_VALUE, &from, "NUMBER", "records from this number on", NULL},
      {"limit", OPTION_VALUE, &limit, "NUMBER", "at most so many", NULL},
      {"follow", OPTION_FLAG, &follow, NULL, "go on with what comes, until interrupted", NULL},
      {"json", OPTION_FLAG, &json, NULL, "one JSON object a line", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {
      "remote audit",
      "Prints what the relay's audit log has of this account: sign-ins, commands and what came of\n"
      "them, policy. Administrators of an organization see that of its accounts, administrators "
      "of\n"
      "the enterprise that of all organizations. Never contents.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  connection c;
  listing l = {.json = false};
  uint64_t left = UINT64_MAX;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count != 0) return options_wrong(&usage, "what is \"%s\"?", words.words[0]);
  if (!parse_number(from, &l.next) || !parse_number(limit, &left) || left == 0)
    return options_wrong(&usage, "--from and --limit are whole numbers");
  l.json = json;
  exit_code result = connection_open(&c, &flags);
  if (result) return result;
  result = list(&c, &l, left, follow);
  connection_close(&c);
  return result;
}

/* The audit log as lines: one request is answered with a part of it and where to go on. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin_internal.h"

enum {
  LINE_BYTES_MAX = 4096,    /* of one record, every byte of it escaped */
  RECORDS_LOOKED_AT = 20000 /* in one go: others wait for it */
};

typedef struct listing {
  answer *a;
  bool json;
  uint64_t from_ms, until, until_ms;
  const char *account; /* "-": every one */
  uint64_t next;       /* number to go on at; 0: there is no more */
  unsigned looked_at;
} listing;

static void say_time(answer *a, uint64_t unix_ms) {
  time_t seconds = (time_t)(unix_ms / 1000);
  struct tm parts;
  char text[40] = "-";
  if (gmtime_r(&seconds, &parts) != NULL) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  admin_say(a, "%s.%03uZ", text, (unsigned)(unix_ms % 1000));
}

/* What is empty is left out. */
static void say_member(answer *a, const char *name, const char *text) {
  if (text[0] == '\0') return;
  admin_say(a, ",\"%s\":", name);
  admin_say_json(a, text);
}

static void say_id(answer *a, const char *name, const lrm_id *id) {
  char hex[LRM_ID_HEX_BYTES] = "";
  if (!lrm_id_none(id)) lrm_id_hex(id, hex);
  say_member(a, name, hex);
}

static void say_json_line(answer *a, const relay_audit_facts *f) {
  admin_say(a, "{\"number\":%llu,\"at_ms\":%llu,\"at\":\"", (unsigned long long)f->number,
            (unsigned long long)f->at_ms);
  say_time(a, f->at_ms);
  admin_say(a, "\"");
  say_member(a, "what", f->what);
  admin_say(a, ",\"code\":%u", f->code);
  say_member(a, "code_name", f->code != 0 ? lrm_code_name(f->code) : "");
  if (f->by_account[0] != '\0') {
    admin_say(a, ",\"by\":{\"account\":");
    admin_say_json(a, f->by_account);
    say_member(a, "device", f->by_device);
    say_id(a, "device_id", &f->by_device_id);
    admin_say(a, "}");
  }
  say_member(a, "account", f->account);
  say_member(a, "organization", f->organization);
  say_id(a, "session_id", &f->session_id);
  say_id(a, "command_id", &f->command_id);
  say_member(a, "detail", f->detail);
  admin_say(a, "}\n");
}

static void say_part(answer *a, const char *name, const char *text) {
  if (text[0] == '\0') return;
  admin_say(a, "  %s ", name);
  admin_say_text(a, text);
}

static void say_line(answer *a, const relay_audit_facts *f) {
  char hex[LRM_ID_HEX_BYTES];
  admin_say(a, "%llu  ", (unsigned long long)f->number);
  say_time(a, f->at_ms);
  admin_say(a, "  ");
  admin_say_text(a, f->what);
  if (f->code != 0) admin_say(a, " %u %s", f->code, lrm_code_name(f->code));
  say_part(a, "account", f->account);
  say_part(a, "organization", f->organization);
  say_part(a, "by", f->by_account);
  if (f->by_device[0] != '\0') {
    admin_say(a, "/");
    admin_say_text(a, f->by_device);
  }
  if (!lrm_id_none(&f->session_id)) {
    lrm_id_hex(&f->session_id, hex);
    admin_say(a, "  session %.8s", hex);
  }
  if (!lrm_id_none(&f->command_id)) {
    lrm_id_hex(&f->command_id, hex);
    admin_say(a, "  command %.8s", hex);
  }
  say_part(a, "-", f->detail);
  admin_say(a, "\n");
}

static bool list_record(void *user, const relay_audit_facts *f) {
  listing *l = user;
  if ((l->until != 0 && f->number >= l->until) || (l->until_ms != 0 && f->at_ms >= l->until_ms))
    return false;
  if (l->looked_at++ == RECORDS_LOOKED_AT || l->a->bytes - l->a->used < 2 * LINE_BYTES_MAX) {
    l->next = f->number;
    return false;
  }
  if (f->at_ms < l->from_ms) return true;
  if (strcmp(l->account, "-") != 0 && strcmp(l->account, f->account) != 0) return true;
  if (l->json)
    say_json_line(l->a, f);
  else
    say_line(l->a, f);
  return true;
}

/* audit, format, from, from_ms, until, until_ms, account: "ok", the records, "next N" (0: that was
 * all). */
static void do_audit(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)now_ns;
  listing l = {.a = a,
               .json = strcmp(field[1], "json") == 0,
               .from_ms = strtoull(field[3], NULL, 10),
               .until = strtoull(field[4], NULL, 10),
               .until_ms = strtoull(field[5], NULL, 10),
               .account = field[6]};
  admin_say(a, "ok\n");
  int result = relay_each_audit(state->relay, strtoull(field[2], NULL, 10), list_record, &l);
  if (result != 0) {
    a->used = 0;
    admin_say(a, "error\tthe audit log cannot be read: %s; run `remote-relay check`\n",
              lrm_error_text(result));
    return;
  }
  admin_say(a, "next %llu\n", (unsigned long long)l.next);
}

const admin_request admin_audit_requests[] = {{"audit", 7, false, do_audit},
                                              {NULL, 0, false, NULL}};

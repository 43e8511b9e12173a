/* Requests of the sub-commands, the same whether they come over the control socket of a running
 * relay or are done on the data directory of one that does not run. Fields are separated by tabs;
 * names hold no control characters, so nothing needs escaping. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin_internal.h"
#include "remote/carrier_uv.h"

enum { FIELDS_MAX = 8 };

__attribute__((format(printf, 2, 3))) void admin_say(answer *a, const char *format, ...) {
  if (a->used + 1 >= a->bytes) return;
  va_list list;
  va_start(list, format);
  int written = vsnprintf(a->out + a->used, a->bytes - a->used, format, list);
  va_end(list);
  if (written > 0) a->used += (size_t)written;
  if (a->used >= a->bytes) a->used = a->bytes - 1;
}

/* Bytes of the character that begins here; 0: it is none. */
static size_t character(const unsigned char *at) {
  if (at[0] < 0x80) return 1;
  size_t bytes = at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 0;
  if (at[0] >= 0xf5) return 0;
  for (size_t i = 1; i < bytes; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
  bool beyond = (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf4 && at[1] > 0x8f);
  return overlong || beyond ? 0 : bytes;
}

void admin_say_json(answer *a, const char *text) {
  admin_say(a, "\"");
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
    size_t bytes = character(at);
    if (bytes == 0)
      admin_say(a, "\\ufffd");
    else if (*at == '"' || *at == '\\')
      admin_say(a, "\\%c", *at);
    else if (*at < ' ' || *at == 0x7f)
      admin_say(a, "\\u%04x", *at);
    else
      admin_say(a, "%.*s", (int)bytes, (const char *)at);
    at += bytes != 0 ? bytes : 1;
  }
  admin_say(a, "\"");
}

void admin_say_text(answer *a, const char *text) {
  for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
    size_t bytes = character(at);
    bool control = *at < ' ' || *at == 0x7f || (*at == 0xc2 && bytes == 2 && at[1] < 0xa0);
    if (bytes == 0 || control)
      admin_say(a, "?");
    else
      admin_say(a, "%.*s", (int)bytes, (const char *)at);
    at += bytes != 0 ? bytes : 1;
  }
}

static const char *const ceiling_names[] = {"disabled", "view", "control"};

static bool parse_ceiling(const char *text, relay_ceiling *out) {
  for (int i = 0; i < 3; i++) {
    if (strcmp(text, ceiling_names[i]) != 0) continue;
    *out = (relay_ceiling)i;
    return true;
  }
  return false;
}

static void do_token(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)now_ns;
  char token[RELAY_TOKEN_BYTES_MAX + 1], error[300];
  uint64_t lifetime_ms = strtoull(field[3], NULL, 10); /* 0: for good */
  if (!state_add_device(state, field[1], field[2], lifetime_ms, token, error, sizeof error)) {
    admin_say(a, "error\t%s\n", error);
  } else {
    admin_say(a, "ok\n%s\n", token);
  }
}

static void do_account(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  relay_ceiling ceiling = RELAY_CEILING_CONTROL;
  bool given = strcmp(field[2], "-") != 0;
  if (given && !parse_ceiling(field[2], &ceiling)) {
    admin_say(a, "error\ta ceiling is disabled, view or control\n");
    return;
  }
  int result = relay_account_add(state->relay, field[1], lrm_uv_wall_ms());
  if (result == 0 && given)
    result = relay_account_set_ceiling(state->relay, field[1], ceiling, now_ns, lrm_uv_wall_ms());
  if (result != 0) {
    admin_say(a, "error\tcannot make the account: %s\n",
              result == LRM_ERR_USAGE ? "a name is 1 to 63 bytes without control characters"
                                      : lrm_error_text(result));
  } else {
    admin_say(a, "ok\naccount %s is there\n", field[1]);
  }
}

static void list_account(void *user, const char *name, relay_ceiling ceiling, uint32_t devices,
                         uint32_t sessions) {
  admin_say(user, "account %s  ceiling %s  devices %u  sessions %u\n", name, ceiling_names[ceiling],
            devices, sessions);
}

static void say_time(answer *a, const char *what, uint64_t unix_ms) {
  time_t seconds = (time_t)(unix_ms / 1000);
  struct tm parts;
  char text[40];
  if (unix_ms == 0 || gmtime_r(&seconds, &parts) == NULL) return;
  if (strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) return;
  admin_say(a, "  %s %s", what, text);
}

static void list_device(void *user, const relay_device_facts *d) {
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&d->id, id);
  admin_say(user, "device %s  %s  %s", id, d->account, d->name);
  say_time(user, "created", d->created_ms);
  say_time(user, "used", d->used_ms);
  if (d->address[0] != '\0') admin_say(user, "  from %s with %s", d->address, d->surface);
  say_time(user, d->expires_ms <= lrm_uv_wall_ms() ? "expired" : "expires", d->expires_ms);
  admin_say(user, "%s\n", d->revoked ? "  revoked" : "");
}

static void do_list(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)field;
  (void)now_ns;
  admin_say(a, "ok\n");
  relay_each_account(state->relay, list_account, a);
  relay_each_device(state->relay, list_device, a);
}

static void do_revoke(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  lrm_id id;
  int result = lrm_id_parse(field[1], strlen(field[1]), &id);
  if (result == 0) result = relay_device_revoke(state->relay, &id, now_ns, lrm_uv_wall_ms());
  if (result != 0) {
    admin_say(a, "error\tno such device; `remote-relay account` lists them\n");
  } else {
    admin_say(a, "ok\nrevoked\n");
  }
}

/* ---- devices that wait to be paired ---- */

static void say_pairing(answer *a, const relay_pairing_facts *p) {
  admin_say(a, "%s  from %s with %s", p->device, p->address, p->surface);
  say_time(a, "asked", p->asked_ms);
  admin_say(a, "  code good for %llu s%s\n", (unsigned long long)(p->left_ms / 1000),
            p->confirmed ? "  confirmed" : "");
}

static void list_pairing(void *user, const relay_pairing_facts *p) { say_pairing(user, p); }

static void do_pairings(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)field;
  (void)now_ns;
  admin_say(a, "ok\n");
  relay_each_pairing(state->relay, lrm_uv_wall_ms(), list_pairing, a);
  if (a->used == 3) admin_say(a, "no device waits to be paired\n");
}

static void say_pairing_error(answer *a, int result) {
  const char *why = lrm_error_text(result);
  if (result == LRM_ERR_NOT_FOUND) why = "no device shows this code, or not any more";
  if (result == LRM_ERR_USAGE) why = "no such account; make it with `remote-relay account NAME`";
  if (result == LRM_ERR_TOO_LARGE) why = "this account has too many devices; revoke some";
  if (result == LRM_ERR_STATE) why = "that device has signed in already; revoke it instead";
  admin_say(a, "error\t%s\n", why);
}

static void do_pair_look(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  relay_pairing_facts facts;
  (void)now_ns;
  int result = relay_pairing_look(state->relay, field[1], lrm_uv_wall_ms(), &facts);
  if (result != 0) {
    say_pairing_error(a, result);
  } else {
    admin_say(a, "ok\n");
    say_pairing(a, &facts);
  }
}

static void do_pair(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)now_ns;
  int result = relay_pairing_confirm(state->relay, field[1], field[2], lrm_uv_wall_ms());
  if (result != 0) {
    say_pairing_error(a, result);
  } else {
    admin_say(a, "ok\npaired with account %s; the device signs in by itself\n", field[2]);
  }
}

static void do_pair_deny(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  int result = relay_pairing_deny(state->relay, field[1], now_ns, lrm_uv_wall_ms());
  if (result != 0) {
    say_pairing_error(a, result);
  } else {
    admin_say(a, "ok\nrefused\n");
  }
}

/* ---- links that sign a browser in ---- */

static void do_invite(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  char text[RELAY_INVITATION_BYTES];
  (void)now_ns;
  int result = relay_invite(state->relay, field[1], lrm_uv_wall_ms(), text);
  if (result == LRM_ERR_BUSY) {
    admin_say(a, "error\ttoo many invitations are open; wait, or take some back\n");
  } else if (result != 0) {
    say_pairing_error(a, result == LRM_ERR_NOT_FOUND ? LRM_ERR_USAGE : result);
  } else {
    admin_say(a, "ok\n%s\n%s\n", relay_page_url(state->relay), text);
  }
  explicit_bzero(text, sizeof text);
}

static void list_invitation(void *user, const relay_invitation_facts *i) {
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&i->id, id);
  admin_say(user, "%s  %s  by %s", id, i->account, i->by[0] != '\0' ? i->by : "the operator");
  say_time(user, "made", i->made_ms);
  admin_say(user, "  good for %llu s\n", (unsigned long long)(i->left_ms / 1000));
}

static void do_invitations(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)field;
  (void)now_ns;
  admin_say(a, "ok\n");
  relay_each_invitation(state->relay, lrm_uv_wall_ms(), list_invitation, a);
  if (a->used == 3) admin_say(a, "no invitation is open\n");
}

static void do_uninvite(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  lrm_id id;
  (void)now_ns;
  int result = lrm_id_parse(field[1], strlen(field[1]), &id);
  if (result == 0) result = relay_invitation_end(state->relay, &id, lrm_uv_wall_ms());
  if (result != 0)
    admin_say(a, "error\tno such invitation; `remote-relay invite --list` lists them\n");
  else
    admin_say(a, "ok\ntaken back\n");
}

static void do_stats(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)field;
  (void)now_ns;
  relay_stats stats = relay_stats_now(state->relay);
  const struct {
    const char *name;
    uint64_t value;
  } rows[] = {{"connections", stats.connections},
              {"accounts", stats.accounts},
              {"devices", stats.devices},
              {"sessions", stats.sessions},
              {"tombstones", stats.tombstones},
              {"log_bytes", stats.log_bytes},
              {"hosts_attached", stats.hosts_attached},
              {"readers", stats.readers},
              {"blocks_in", stats.blocks_in},
              {"block_bytes_in", stats.block_bytes_in},
              {"messages_in", stats.messages_in},
              {"blocks_out", stats.blocks_out},
              {"block_bytes_out", stats.block_bytes_out},
              {"tails_in", stats.tails_in},
              {"commands_stored", stats.commands_stored},
              {"commands_refused", stats.commands_refused},
              {"commands_delivered", stats.commands_delivered},
              {"commits", stats.commits},
              {"commit_errors", stats.commit_errors},
              {"memory_bytes", stats.memory_bytes},
              {"store_failing", stats.store_failing}};
  admin_say(a, "ok\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    admin_say(a, "%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
  }
}

/* ---- stats with sessions ---- */

typedef struct listing {
  answer *a;
  bool first;
} listing;

static void json_account(void *user, const char *name, relay_ceiling ceiling, uint32_t devices,
                         uint32_t sessions) {
  listing *l = user;
  admin_say(l->a, "%s{\"account\":", l->first ? "" : ",");
  admin_say_json(l->a, name);
  admin_say(l->a, ",\"ceiling\":\"%s\",\"devices\":%u,\"sessions\":%u}", ceiling_names[ceiling],
            devices, sessions);
  l->first = false;
}

static void json_session(void *user, const relay_session_facts *s) {
  listing *l = user;
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&s->id, id);
  admin_say(l->a, "%s{\"session\":\"%s\",\"account\":", l->first ? "" : ",", id);
  admin_say_json(l->a, s->account);
  admin_say(l->a,
            ",\"first\":%llu,\"end\":%llu,\"bytes\":%llu,\"commands_waiting\":%llu,\"readers\":%u,"
            "\"host_attached\":%s,\"created_ms\":%llu,\"activity_ms\":%llu,\"snapshot\":",
            (unsigned long long)s->first, (unsigned long long)s->end, (unsigned long long)s->bytes,
            (unsigned long long)s->commands_waiting, s->readers,
            s->host_attached ? "true" : "false", (unsigned long long)s->created_ms,
            (unsigned long long)s->activity_ms);
  if (s->snapshot == LRM_OFFSET_NONE)
    admin_say(l->a, "null}");
  else
    admin_say(l->a, "%llu}", (unsigned long long)s->snapshot);
  l->first = false;
}

static void line_session(void *user, const relay_session_facts *s) {
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&s->id, id);
  admin_say(user, "session %s  %s  events %llu..%llu  bytes %llu  readers %u  commands %llu%s\n",
            id, s->account, (unsigned long long)s->first, (unsigned long long)s->end,
            (unsigned long long)s->bytes, s->readers, (unsigned long long)s->commands_waiting,
            s->host_attached ? "  host attached" : "");
}

static void do_stats_lines(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  do_stats(state, field, now_ns, a);
  relay_each_session(state->relay, line_session, a);
}

/* Members of an object that the caller has begun: `"relay":{...},...}`. */
static void do_stats_json(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  char *lines = malloc(4096);
  answer numbers = {lines, 4096, 0};
  if (lines == NULL) {
    admin_say(a, "error\tout of memory\n");
    return;
  }
  do_stats(state, field, now_ns, &numbers);
  admin_say(a, "ok\n\"relay\":{");
  char *rest = NULL;
  const char *comma = "";
  for (char *line = strtok_r(lines + 3, "\n", &rest); line != NULL;
       line = strtok_r(NULL, "\n", &rest)) {
    char *value = strchr(line, ' ');
    if (value == NULL) continue;
    *value++ = '\0';
    admin_say(a, "%s\"%s\":%s", comma, line, value);
    comma = ",";
  }
  free(lines);
  listing l = {a, true};
  admin_say(a, "},\"accounts\":[");
  relay_each_account(state->relay, json_account, &l);
  l.first = true;
  admin_say(a, "],\"sessions\":[");
  relay_each_session(state->relay, json_session, &l);
  admin_say(a, "]}\n");
}

/* Over the control socket the server answers it. */
static void do_metrics(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)state;
  (void)field;
  (void)now_ns;
  admin_say(a, "error\tmetrics are those of a running relay, and none runs on this directory\n");
}

static const admin_request requests[] = {{"token", 4, true, do_token},
                                         {"account", 3, true, do_account},
                                         {"list", 1, false, do_list},
                                         {"revoke", 2, true, do_revoke},
                                         {"pairings", 1, false, do_pairings},
                                         {"pair-look", 2, false, do_pair_look},
                                         {"pair", 3, true, do_pair},
                                         {"pair-deny", 2, true, do_pair_deny},
                                         {"invite", 2, true, do_invite},
                                         {"invitations", 1, false, do_invitations},
                                         {"uninvite", 2, true, do_uninvite},
                                         {"stats", 1, false, do_stats_lines},
                                         {"stats-json", 1, false, do_stats_json},
                                         {"metrics", 1, false, do_metrics},
                                         {NULL, 0, false, NULL}};

bool admin_answer(program_state *state, const char *line, char *out, size_t out_bytes,
                  uint64_t now_ns) {
  answer a = {out, out_bytes, 0};
  char copy[512];
  char *field[FIELDS_MAX] = {NULL};
  int count = 0;
  out[0] = '\0';
  if (strlen(line) >= sizeof copy) {
    admin_say(&a, "error\tthe request is too long\n");
    return false;
  }
  snprintf(copy, sizeof copy, "%s", line);
  for (char *at = copy; count < FIELDS_MAX;) {
    field[count++] = at;
    at = strchr(at, '\t');
    if (at == NULL) break;
    *at++ = '\0';
  }
  const admin_request *const tables[] = {requests, admin_policy_requests, admin_audit_requests};
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    for (const admin_request *request = tables[i]; request->name != NULL; request++) {
      if (strcmp(field[0], request->name) != 0 || count != request->fields) continue;
      request->run(state, field, now_ns, &a);
      return request->changes;
    }
  }
  admin_say(&a, "error\tthis relay does not know that request; is it of another version?\n");
  return false;
}

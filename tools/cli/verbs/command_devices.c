/* `remote devices`: the machines that may sign in to this account. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "act.h"
#include "commands.h"
#include "devices_invite.h"
#include "pairing_confirm.h"
#include "pick.h"
#include "terminal_text.h"

typedef struct device_list {
  remote_v1_DeviceEntry entries[256]; /* far more than anybody has */
  size_t count;
} device_list;

static void take_device(void *user, const remote_v1_Reply *reply) {
  device_list *list = user;
  if (!reply)
    list->count = 0;
  else if (reply->which_result == remote_v1_Reply_device_tag &&
           list->count < sizeof list->entries / sizeof *list->entries)
    list->entries[list->count++] = reply->result.device;
}

static exit_code fetch_devices(connection *c, device_list *out) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_list_devices_tag;
  out->count = 0;
  return connection_call(c, &request, take_device, out);
}

static void device_hex(const remote_v1_DeviceEntry *device, char hex[LRM_ID_HEX_BYTES]) {
  lrm_id id = {{0}};
  if (device->device_id.size == 16) memcpy(id.bytes, device->device_id.bytes, 16);
  lrm_id_hex(&id, hex);
}

/* ---- list ---- */

static void print_json(const remote_v1_DeviceEntry *d, const char *hex) {
  json_print_line(
      stdout,
      json_pack("{s:s, s:s, s:I, s:I, s:b, s:b, s:s, s:s, s:I}", "device_id", hex, "name", d->name,
                "created_ms", (json_int_t)d->created_ms, "used_ms", (json_int_t)d->used_ms,
                "connected", (int)d->connected, "current", (int)d->current, "address", d->address,
                "surface", d->surface, "expires_ms", (json_int_t)d->expires_ms));
}

static void print_expiry(FILE *to, const connection *c, uint64_t expires_ms) {
  uint64_t now_ms = connection_relay_ms(c);
  if (expires_ms == 0) return;
  if (expires_ms <= now_ms)
    fputs(", expired", to);
  else if (expires_ms - now_ms < 172800000)
    fprintf(to, ", expires in %llu h", (unsigned long long)((expires_ms - now_ms) / 3600000));
  else
    fprintf(to, ", expires in %llu days", (unsigned long long)((expires_ms - now_ms) / 86400000));
}

static void print_device(FILE *to, const connection *c, const remote_v1_DeviceEntry *d) {
  char hex[LRM_ID_HEX_BYTES], name[128], used[32], made[32];
  device_hex(d, hex);
  terminal_text_copy(name, sizeof name, d->name, strlen(d->name), TERMINAL_TEXT_ONE_LINE);
  ago_text(c, d->used_ms, used, sizeof used);
  ago_text(c, d->created_ms, made, sizeof made);
  fprintf(to, "%.8s  %s  ", hex, name);
  if (d->connected)
    fputs("connected", to);
  else if (d->used_ms)
    fprintf(to, "last seen %s ago", used);
  else
    fputs("never seen", to);
  if (d->address[0]) {
    char address[128], surface[64];
    terminal_text_copy(address, sizeof address, d->address, strlen(d->address),
                       TERMINAL_TEXT_ONE_LINE);
    terminal_text_copy(surface, sizeof surface, d->surface, strlen(d->surface),
                       TERMINAL_TEXT_ONE_LINE);
    fprintf(to, " from %s with %s", address, surface);
  }
  fprintf(to, ", added %s ago", made);
  print_expiry(to, c, d->expires_ms);
  fputs(d->current ? "  (this device)\n" : "\n", to);
}

/* Newest use first, this device before all. */
static int compare(const void *a, const void *b) {
  const remote_v1_DeviceEntry *x = a, *y = b;
  if (x->current != y->current) return x->current ? -1 : 1;
  if (x->connected != y->connected) return x->connected ? -1 : 1;
  if (x->used_ms != y->used_ms) return x->used_ms < y->used_ms ? 1 : -1;
  return memcmp(x->device_id.bytes, y->device_id.bytes, 16);
}

static void print_list(const connection *c, device_list *list, bool json) {
  char hex[LRM_ID_HEX_BYTES];
  if (list->count) qsort(list->entries, list->count, sizeof *list->entries, compare);
  for (size_t i = 0; i < list->count; i++) {
    device_hex(&list->entries[i], hex);
    if (json)
      print_json(&list->entries[i], hex);
    else
      print_device(stdout, c, &list->entries[i]);
  }
}

/* ---- revoke ---- */

/* The beginning of an id, or a whole name. Names may be given twice, so a cut one is no name. */
static bool fits(const remote_v1_DeviceEntry *d, const char *word) {
  return id_has_prefix(d->device_id.bytes, d->device_id.size, word) || !strcasecmp(d->name, word);
}

static exit_code choose(const connection *c, const device_list *list, const char *word,
                        const remote_v1_DeviceEntry **out) {
  size_t matches = 0;
  char shown[64];
  for (size_t i = 0; i < list->count; i++) {
    if (!fits(&list->entries[i], word)) continue;
    *out = &list->entries[i];
    matches++;
  }
  if (matches == 1) return EXIT_CODE_DONE;
  terminal_text_copy(shown, sizeof shown, word, strlen(word), TERMINAL_TEXT_ONE_LINE);
  if (!matches) {
    fprintf(stderr,
            "remote: no device has an id that begins with \"%s\", or that name; see `remote "
            "devices`\n",
            shown);
    return EXIT_CODE_NOT_FOUND;
  }
  fprintf(stderr, "remote: \"%s\" fits more than one device; write more of the id:\n", shown);
  for (size_t i = 0; i < list->count; i++)
    if (fits(&list->entries[i], word)) print_device(stderr, c, &list->entries[i]);
  return EXIT_CODE_USAGE;
}

static bool may_revoke_this(bool yes) {
  if (yes || pick_confirm("This is the device that you are using: it will be signed out, and its "
                          "hosts too. Revoke it?"))
    return true;
  fputs(
      "remote: not revoked: this is the device that you are using. Its token would be worth "
      "nothing any more; add --yes to do it all the same\n",
      stderr);
  return false;
}

/* The relay ends our own connection with REVOKED, before or instead of the answer. */
static exit_code revoke_call(connection *c, const remote_v1_DeviceEntry *device) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_revoke_device_tag;
  request.call.revoke_device.device_id.size = device->device_id.size;
  memcpy(request.call.revoke_device.device_id.bytes, device->device_id.bytes,
         sizeof request.call.revoke_device.device_id.bytes);
  return device->current ? connection_call_until_revoked(c, &request)
                         : connection_call(c, &request, NULL, NULL);
}

static exit_code revoke_device(connection *c, const device_list *list, const char *word, bool yes,
                               bool json) {
  const remote_v1_DeviceEntry *device = NULL;
  char hex[LRM_ID_HEX_BYTES], name[128];
  exit_code result = choose(c, list, word, &device);
  if (result) return result;
  if (device->current && !may_revoke_this(yes)) return EXIT_CODE_USAGE;
  result = revoke_call(c, device);
  if (result) return result;
  device_hex(device, hex);
  terminal_text_copy(name, sizeof name, device->name, strlen(device->name), TERMINAL_TEXT_ONE_LINE);
  if (json)
    json_print_line(stdout, json_pack("{s:s, s:b}", "device_id", hex, "revoked", 1));
  else
    printf(
        "revoked: %s (%.8s); its token is worth nothing from now on, its connections are "
        "closed\n",
        name, hex);
  return EXIT_CODE_DONE;
}

/* ---- rename ---- */

static exit_code rename_device(connection *c, const device_list *list, const char *word,
                               const char *name, bool json) {
  const remote_v1_DeviceEntry *device = NULL;
  char hex[LRM_ID_HEX_BYTES], shown[128];
  exit_code result = choose(c, list, word, &device);
  if (result) return result;
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_rename_device_tag;
  remote_v1_RenameDevice *call = &request.call.rename_device;
  call->device_id.size = device->device_id.size;
  memcpy(call->device_id.bytes, device->device_id.bytes, sizeof call->device_id.bytes);
  if (!name[0] || strlen(name) >= sizeof call->name) {
    fputs("remote: a name has 1 to 63 bytes\n", stderr);
    return EXIT_CODE_USAGE;
  }
  memcpy(call->name, name, strlen(name) + 1);
  result = connection_call(c, &request, NULL, NULL);
  if (result) return result;
  device_hex(device, hex);
  terminal_text_copy(shown, sizeof shown, name, strlen(name), TERMINAL_TEXT_ONE_LINE);
  if (json)
    json_print_line(stdout, json_pack("{s:s, s:s}", "device_id", hex, "name", name));
  else
    printf("renamed: %.8s is %s now\n", hex, shown);
  return EXIT_CODE_DONE;
}

/* ---- the command ---- */

typedef enum action {
  LIST,
  REVOKE,
  RENAME,
  CONFIRM,
  DENY,
  INVITE,
  INVITATIONS,
  UNINVITE,
  NONE
} action;

static action action_of(const option_words *words) {
  static const struct {
    const char *word;
    size_t count;
    action action;
  } actions[] = {{"list", 1, LIST},
                 {"revoke", 2, REVOKE},
                 {"rename", 3, RENAME},
                 {"confirm", 2, CONFIRM},
                 {"deny", 2, DENY},
                 {"invite", 1, INVITE},
                 {"invitations", 1, INVITATIONS},
                 {"uninvite", 2, UNINVITE}};
  if (words->count == 0) return LIST;
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
    if (words->count == actions[i].count && !strcmp(words->words[0], actions[i].word))
      return actions[i].action;
  return NONE;
}

static exit_code act_on(connection *c, action what, const option_words *words, bool yes,
                        bool json) {
  static device_list list;
  if (what == CONFIRM || what == DENY)
    return pairing_confirm(c, words->words[1], what == DENY, yes, json);
  if (what == INVITE) return devices_invite(c, json);
  if (what == INVITATIONS) return devices_invitations(c, json);
  if (what == UNINVITE) return devices_uninvite(c, words->words[1], json);
  exit_code result = fetch_devices(c, &list);
  if (result) return result;
  if (what == REVOKE) return revoke_device(c, &list, words->words[1], yes, json);
  if (what == RENAME) return rename_device(c, &list, words->words[1], words->words[2], json);
  print_list(c, &list, json);
  return EXIT_CODE_DONE;
}

int command_devices(int argc, char **argv) {
  connection_flags flags = {0};
  bool json = false, yes = false;
  const option options[] = {
      {"json", OPTION_FLAG, &json, NULL, "one JSON object a line", NULL},
      {"yes", OPTION_FLAG, &yes, NULL,
       "revoke this very device, or confirm another one, without asking", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {
      "remote devices [list | revoke ID | rename ID NAME | confirm CODE | deny CODE | invite |\n"
      "       invitations | uninvite ID]",
      "Lists the account's devices, or revokes one: its token no longer signs in and its\n"
      "connections are closed at once, hosts and all. ID may be cut, and may be a whole name.\n"
      "confirm signs the device in that shows CODE (`remote login`), deny refuses it.\n"
      "invite prints a link that signs a browser in, once and within ten minutes;\n"
      "invitations lists those that nobody has used, uninvite takes one back.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  connection c;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  action what = action_of(&words);
  if (what == NONE)
    return options_wrong(
        &usage,
        "expected nothing, `revoke ID`, `rename ID NAME`, `confirm CODE`, `deny CODE`, "
        "`invite`, `invitations` or `uninvite ID`");
  exit_code result = connection_open(&c, &flags);
  if (result) return result;
  result = act_on(&c, what, &words, yes, json);
  connection_close(&c);
  return result;
}

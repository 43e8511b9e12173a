/* `remote devices`, `remote rm`: what belongs to the account rather than to one conversation. */
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "commands.h"
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

static void device_hex(const remote_v1_DeviceEntry *device, char hex[LRM_ID_HEX_BYTES]) {
  lrm_id id = {{0}};
  if (device->device_id.size == 16) memcpy(id.bytes, device->device_id.bytes, 16);
  lrm_id_hex(&id, hex);
}

static void print_device(const connection *c, const remote_v1_DeviceEntry *d, bool json) {
  char hex[LRM_ID_HEX_BYTES], name[128], used[32];
  device_hex(d, hex);
  if (json) {
    json_print_line(stdout, json_pack("{s:s, s:s, s:I, s:I, s:b, s:b}", "device_id", hex, "name",
                                      d->name, "created_ms", (json_int_t)d->created_ms, "used_ms",
                                      (json_int_t)d->used_ms, "connected", (int)d->connected,
                                      "current", (int)d->current));
    return;
  }
  terminal_text_copy(name, sizeof name, d->name, strlen(d->name), TERMINAL_TEXT_ONE_LINE);
  ago_text(c, d->used_ms, used, sizeof used);
  printf("%.8s  %s  %s%s%s%s\n", hex, name, d->connected ? "connected" : "last used ",
         d->connected ? "" : used, !d->connected && d->used_ms ? " ago" : "",
         d->current ? "  (this device)" : "");
}

static exit_code list_devices(connection *c, device_list *out) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_list_devices_tag;
  out->count = 0;
  return connection_call(c, &request, take_device, out);
}

static exit_code revoke_device(connection *c, const device_list *list, const char *word) {
  const remote_v1_DeviceEntry *found = NULL;
  size_t matches = 0;
  char shown[64];
  for (size_t i = 0; i < list->count; i++) {
    const remote_v1_DeviceEntry *d = &list->entries[i];
    if (!id_has_prefix(d->device_id.bytes, d->device_id.size, word)) continue;
    found = d;
    matches++;
  }
  if (matches != 1) {
    terminal_text_copy(shown, sizeof shown, word, strlen(word), TERMINAL_TEXT_ONE_LINE);
    fprintf(stderr, "remote: %s device has an id that begins with \"%s\"; see `remote devices`\n",
            matches ? "more than one" : "no", shown);
    return matches ? EXIT_CODE_USAGE : EXIT_CODE_NOT_FOUND;
  }
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_revoke_device_tag;
  request.call.revoke_device.device_id.size = found->device_id.size;
  memcpy(request.call.revoke_device.device_id.bytes, found->device_id.bytes, found->device_id.size);
  bool current = found->current;
  exit_code result = connection_call(c, &request, NULL, NULL);
  /* Revoking this very device ends the connection before or with the answer. */
  if (result == EXIT_CODE_NOT_ALLOWED && current) result = EXIT_CODE_DONE;
  if (!result) puts("revoked: its token is worth nothing from now on");
  return result;
}

int command_devices(int argc, char **argv) {
  static device_list list;
  connection_flags flags = {0};
  bool json = false;
  const option options[] = {
      {"json", OPTION_FLAG, &json, NULL, "one JSON object a line", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {"remote devices [revoke ID]",
                              "Lists the account's devices, or revokes one.", options,
                              sizeof options / sizeof *options, false};
  option_words words;
  connection c;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  bool revoking = words.count == 2 && !strcmp(words.words[0], "revoke");
  if (words.count && !revoking) return options_wrong(&usage, "expected `revoke ID` or nothing");
  exit_code result = connection_open(&c, &flags);
  if (result) return result;
  result = list_devices(&c, &list);
  if (!result && revoking) result = revoke_device(&c, &list, words.words[1]);
  for (size_t i = 0; !result && !revoking && i < list.count; i++)
    print_device(&c, &list.entries[i], json);
  connection_close(&c);
  return result;
}

static exit_code delete_session(connection *c, const char *word, bool force) {
  session_list list;
  size_t index = 0;
  exit_code result = session_list_fetch(c, &list);
  if (!result) result = session_list_choose(&list, word, &index);
  if (!result && list.entries[index].status.host_attached && !force) {
    fputs(
        "remote: this session is live. Its host goes on locally, but nobody can watch it any "
        "more; add --force to delete it all the same\n",
        stderr);
    result = EXIT_CODE_USAGE;
  }
  if (!result) {
    char title[160];
    remote_v1_Request request = remote_v1_Request_init_zero;
    request.which_call = remote_v1_Request_delete_session_tag;
    request.call.delete_session.session_id.size = list.entries[index].session_id.size;
    memcpy(request.call.delete_session.session_id.bytes, list.entries[index].session_id.bytes,
           sizeof request.call.delete_session.session_id.bytes);
    session_entry_title(&list.entries[index], title, sizeof title);
    result = connection_call(c, &request, NULL, NULL);
    if (!result) printf("deleted: %s\n", title);
  }
  session_list_free(&list);
  return result;
}

int command_rm(int argc, char **argv) {
  connection_flags flags = {0};
  bool force = false;
  const option options[] = {
      {"force", OPTION_FLAG, &force, NULL, "delete it although its host is connected", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {"remote rm SESSION",
                              "Deletes a session's logs from the relay. This cannot be undone.",
                              options, sizeof options / sizeof *options, false};
  option_words words;
  connection c;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count != 1) return options_wrong(&usage, "name one SESSION");
  exit_code result = connection_open(&c, &flags);
  if (result) return result;
  result = delete_session(&c, words.words[0], force);
  connection_close(&c);
  return result;
}

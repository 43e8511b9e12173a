#include "pairing_confirm.h"

#include <string.h>

#include "act.h"
#include "pick.h"
#include "terminal_text.h"

typedef struct found {
  remote_v1_PairingEntry entry;
  bool there;
} found;

static void take_entry(void *user, const remote_v1_Reply *reply) {
  found *f = user;
  if (!reply || reply->which_result != remote_v1_Reply_pairing_tag) return;
  f->entry = reply->result.pairing;
  f->there = true;
}

static int put_code(char *out, size_t out_bytes, const char *code) {
  int n = snprintf(out, out_bytes, "%s", code);
  if (n > 0 && (size_t)n < out_bytes) return 0;
  fputs("remote: that is no pairing code; it looks like BCDF-GHJK\n", stderr);
  return -1;
}

/* What tells a stranger's device from one's own (RFC 8628, 5.4): its name is its own word, address
 * and time are the relay's. */
static void print_entry(FILE *to, const connection *c, const remote_v1_PairingEntry *e) {
  char name[128], address[128], surface[64], ago[32];
  terminal_text_copy(name, sizeof name, e->device, strlen(e->device), TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(address, sizeof address, e->address, strlen(e->address),
                     TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(surface, sizeof surface, e->surface, strlen(e->surface),
                     TERMINAL_TEXT_ONE_LINE);
  ago_text(c, e->asked_ms, ago, sizeof ago);
  fprintf(to,
          "This device asks to be signed in to account %s:\n"
          "  name     %s\n"
          "  address  %s\n"
          "  with     %s\n"
          "  asked    %s ago\n",
          c->account, name, address, surface, ago);
}

static bool may_confirm(bool yes) {
  if (yes) return true;
  if (pick_confirm("It will see and steer all your sessions. Is it yours, and in front of you?"))
    return true;
  fputs("remote: not confirmed; say --yes to confirm without being asked, or deny it\n", stderr);
  return false;
}

exit_code pairing_confirm(connection *c, const char *code, bool deny, bool yes, bool json) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  found f = {.there = false};
  request.which_call = remote_v1_Request_describe_pairing_tag;
  if (put_code(request.call.describe_pairing.code, sizeof request.call.describe_pairing.code, code))
    return EXIT_CODE_USAGE;
  exit_code result = connection_call(c, &request, take_entry, &f);
  if (result) return result;
  if (!f.there) {
    fputs("remote: the relay's answer cannot be read\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  if (!json) print_entry(stdout, c, &f.entry);
  fflush(stdout);
  if (!deny && !may_confirm(yes)) return EXIT_CODE_USAGE;
  request = (remote_v1_Request)remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_confirm_pairing_tag;
  if (put_code(request.call.confirm_pairing.code, sizeof request.call.confirm_pairing.code, code))
    return EXIT_CODE_USAGE;
  request.call.confirm_pairing.deny = deny;
  result = connection_call(c, &request, NULL, NULL);
  if (result) return result;
  if (json)
    json_print_line(stdout, json_pack("{s:s, s:s, s:b}", "name", f.entry.device, "address",
                                      f.entry.address, "confirmed", (int)!deny));
  else
    puts(deny ? "refused: its code is worth nothing any more"
              : "confirmed: it signs in by itself; `remote devices` lists it, and revokes it");
  return EXIT_CODE_DONE;
}

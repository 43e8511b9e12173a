#include "devices_invite.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "login_code.h"
#include "session_list.h"
#include "terminal_text.h"

enum { INVITATIONS_MAX = 64, LINK_BYTES_MAX = 640 };

typedef struct invitations {
  remote_v1_Invitation entries[INVITATIONS_MAX];
  size_t count;
} invitations;

static void take(void *user, const remote_v1_Reply *reply) {
  invitations *list = user;
  if (!reply)
    list->count = 0;
  else if (reply->which_result == remote_v1_Reply_invitation_tag && list->count < INVITATIONS_MAX)
    list->entries[list->count++] = reply->result.invitation;
}

static void hex_of(const remote_v1_Invitation *i, char hex[LRM_ID_HEX_BYTES]) {
  lrm_id id = {{0}};
  if (i->invitation_id.size == 16) memcpy(id.bytes, i->invitation_id.bytes, 16);
  lrm_id_hex(&id, hex);
}

/* The relay's page, as the relay says, else where this program reaches it: that is the same server
 * on every carrier of HTTP. The rest is a fragment, which no server and no proxy sees. */
static bool write_link(const connection *c, const remote_v1_Invitation *i, char *out,
                       size_t out_bytes) {
  char page[LINK_BYTES_MAX], shown[LINK_BYTES_MAX];
  lrm_url url = c->url;
  snprintf(page, sizeof page, "%s", i->page);
  if (!page[0] && (!strcmp(url.scheme, "ws") || !strcmp(url.scheme, "wss") ||
                   !strncmp(url.scheme, "http", 4) || !strncmp(url.scheme, "poll", 4))) {
    snprintf(url.scheme, sizeof url.scheme, "%s", lrm_url_encrypted(&c->url) ? "https" : "http");
    lrm_url_text(&url, page, sizeof page - 1);
  }
  terminal_text_copy(shown, sizeof shown, page, strlen(page), TERMINAL_TEXT_ONE_LINE);
  size_t length = strlen(shown);
  snprintf(out, out_bytes, "%s%s#/sign-in/%s", shown,
           length == 0 || shown[length - 1] == '/' ? "" : "/", i->secret);
  return page[0] != '\0';
}

static void print_made(const connection *c, const char *link, bool complete, uint64_t minutes) {
  struct winsize size;
  puts(link);
  if (!complete)
    fputs("remote: this relay does not say where its page is: write its address before this\n",
          stderr);
  if (!isatty(STDOUT_FILENO)) return;
  if (complete && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
    login_code_draw(stdout, link, size.ws_col);
  printf(
      "Signs one browser in to account %s, once, within %llu min. Whoever opens it sees and\n"
      "steers your sessions: give it to nobody else. `remote devices invitations` lists,\n"
      "`remote devices uninvite ID` takes back.\n",
      c->account, (unsigned long long)minutes);
}

exit_code devices_invite(connection *c, bool json) {
  static invitations made;
  remote_v1_Request request = remote_v1_Request_init_zero;
  char link[LINK_BYTES_MAX], hex[LRM_ID_HEX_BYTES];
  request.which_call = remote_v1_Request_invite_tag;
  made.count = 0;
  exit_code result = connection_call(c, &request, take, &made);
  if (result) return result;
  const remote_v1_Invitation *i = &made.entries[0];
  if (made.count != 1) {
    fputs("remote: the relay's answer cannot be read\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  bool complete = write_link(c, i, link, sizeof link);
  hex_of(i, hex);
  if (json)
    json_print_line(
        stdout, json_pack("{s:s, s:s, s:b, s:I}", "invitation_id", hex, "link", link, "complete",
                          (int)complete, "expires_in_ms", (json_int_t)i->expires_in_ms));
  else
    print_made(c, link, complete, (i->expires_in_ms + 59999) / 60000);
  explicit_bzero(link, sizeof link);
  explicit_bzero(&made, sizeof made);
  return EXIT_CODE_DONE;
}

static exit_code fetch(connection *c, invitations *out) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_list_invitations_tag;
  out->count = 0;
  return connection_call(c, &request, take, out);
}

exit_code devices_invitations(connection *c, bool json) {
  static invitations list;
  exit_code result = fetch(c, &list);
  for (size_t n = 0; !result && n < list.count; n++) {
    const remote_v1_Invitation *i = &list.entries[n];
    char hex[LRM_ID_HEX_BYTES], by[128];
    hex_of(i, hex);
    terminal_text_copy(by, sizeof by, i->device, strlen(i->device), TERMINAL_TEXT_ONE_LINE);
    if (json)
      json_print_line(stdout, json_pack("{s:s, s:s, s:I, s:I}", "invitation_id", hex, "by",
                                        i->device, "made_ms", (json_int_t)i->made_ms,
                                        "expires_in_ms", (json_int_t)i->expires_in_ms));
    else
      printf("%.8s  made by %s, good for %llu min\n", hex, by[0] ? by : "the operator",
             (unsigned long long)((i->expires_in_ms + 59999) / 60000));
  }
  return result;
}

exit_code devices_uninvite(connection *c, const char *word, bool json) {
  static invitations list;
  remote_v1_Request request = remote_v1_Request_init_zero;
  const remote_v1_Invitation *chosen = NULL;
  char hex[LRM_ID_HEX_BYTES];
  size_t matches = 0;
  exit_code result = fetch(c, &list);
  if (result) return result;
  for (size_t n = 0; n < list.count; n++) {
    const remote_v1_Invitation *i = &list.entries[n];
    if (!id_has_prefix(i->invitation_id.bytes, i->invitation_id.size, word)) continue;
    chosen = i;
    matches++;
  }
  if (matches != 1) {
    fprintf(stderr, "remote: %s; see `remote devices invitations`\n",
            matches ? "more than one invitation has an id that begins so"
                    : "no open invitation has an id that begins so");
    return matches ? EXIT_CODE_USAGE : EXIT_CODE_NOT_FOUND;
  }
  request.which_call = remote_v1_Request_end_invitation_tag;
  request.call.end_invitation.invitation_id.size = chosen->invitation_id.size;
  memcpy(request.call.end_invitation.invitation_id.bytes, chosen->invitation_id.bytes,
         sizeof request.call.end_invitation.invitation_id.bytes);
  result = connection_call(c, &request, NULL, NULL);
  if (result) return result;
  hex_of(chosen, hex);
  if (json)
    json_print_line(stdout, json_pack("{s:s, s:b}", "invitation_id", hex, "ended", 1));
  else
    printf("taken back: %.8s; its link is worth nothing any more\n", hex);
  return EXIT_CODE_DONE;
}

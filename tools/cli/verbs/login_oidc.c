/* Identity tokens for `remote login`: what one must hold, and where it comes from. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "login.h"
#include "terminal_text.h"

enum { TOKEN_TEXT_BYTES_MAX = 8192 };

/* ---- the challenge ---- */

typedef struct challenged {
  remote_v1_OidcChallenge challenge;
  bool there;
} challenged;

static void take_challenge(void *user, const remote_v1_Reply *reply) {
  challenged *c = user;
  if (!reply || reply->which_result != remote_v1_Reply_oidc_challenge_tag) return;
  c->challenge = reply->result.oidc_challenge;
  c->there = true;
}

static exit_code ask_challenge(connection *c, challenged *out) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_begin_oidc_tag;
  out->there = false;
  exit_code result = connection_call(c, &request, take_challenge, out);
  if (result || out->there) return result;
  fputs("remote: the relay's answer cannot be read\n", stderr);
  return EXIT_CODE_FAILURE;
}

exit_code login_print_challenge(connection *c) {
  static challenged got;
  exit_code result = ask_challenge(c, &got);
  if (result) return result;
  char issuer[300], client[300], nonce[160];
  const remote_v1_OidcChallenge *said = &got.challenge;
  terminal_text_copy(issuer, sizeof issuer, said->issuer, strlen(said->issuer),
                     TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(client, sizeof client, said->client_id, strlen(said->client_id),
                     TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(nonce, sizeof nonce, said->nonce, strlen(said->nonce), TERMINAL_TEXT_ONE_LINE);
  printf("issuer %s\nclient %s\nnonce  %s\n", issuer, client, nonce);
  return EXIT_CODE_DONE;
}

/* ---- from a file ---- */

/* Without the white space around it. */
static exit_code read_token(const char *path, char **out) {
  FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
  char *text = calloc(1, TOKEN_TEXT_BYTES_MAX + 2);
  exit_code result = EXIT_CODE_FAILURE;
  if (!file || !text) {
    fprintf(stderr, "remote: cannot read %s: %s\n", path, strerror(errno));
  } else {
    size_t bytes = fread(text, 1, TOKEN_TEXT_BYTES_MAX + 1, file);
    size_t skip = strspn(text, " \t\r\n");
    memmove(text, text + skip, bytes + 1 - skip);
    text[strcspn(text, " \t\r\n")] = 0;
    if (bytes <= TOKEN_TEXT_BYTES_MAX && text[0])
      result = EXIT_CODE_DONE;
    else
      fprintf(stderr, "remote: %s holds no identity token\n", path);
  }
  if (file && file != stdin) fclose(file);
  *out = text;
  return result;
}

exit_code login_id_token(const login_flags *flags, connection *c, char **out) {
  (void)c;
  return read_token(flags->id_token_file, out);
}

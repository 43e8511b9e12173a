/* What the files of `remote login` share. */
#ifndef REMOTE_CLI_LOGIN_H
#define REMOTE_CLI_LOGIN_H

#include "connection.h"

typedef struct login_flags {
  connection_flags connection;
  const char *device, *confirm, *id_token_file;
  bool token_stdin, oidc, nonce, yes, no_qr, json;
} login_flags;

/* ---- login_oidc.c ---- */
/* Gets an identity token, from a file or by the browser; *out is to be wiped and freed. What went
 * wrong has been printed. */
exit_code login_id_token(const login_flags *flags, connection *c, char **out);
/* Prints issuer, client and nonce. */
exit_code login_print_challenge(connection *c);

/* ---- command_login.c ---- */
exit_code login_with_id_token(connection *c, const char *id_token, const char *device,
                              void (*reply)(void *user, const remote_v1_Reply *reply), void *user);

#endif

/* Identity tokens of an OpenID Connect issuer: who one is for, judged with the issuer's keys. The
 * keys come from a file or, by libcurl on a thread of libuv's pool, from the issuer.
 *
 * Threads: one, that of the loop. */
#ifndef RELAY_OIDC_H
#define RELAY_OIDC_H

#include <uv.h>

#include "oidc_token.h"
#include "relay.h"

typedef struct oidc oidc;

typedef struct oidc_settings {
  oidc_rules rules;      /* borrowed for good */
  const char *jwks_file; /* keys from here, and nothing is fetched; NULL: from the issuer */
  const char *ca_file;   /* PEM, whom to trust when fetching; NULL: the system's */
} oidc_settings;

/* False: `error` says what is wrong with the settings. */
bool oidc_open(oidc **out, uv_loop_t *loop, const oidc_settings *settings, char *error,
               size_t error_bytes);
/* The relay that is told by relay_identity_judged; before the first token. */
void oidc_serve(oidc *o, relay *r);
/* As relay_config.oidc_verify. */
bool oidc_verify(oidc *o, uint64_t ticket, lrm_slice id_token);

#endif

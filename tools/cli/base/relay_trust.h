/* Whom a connection to the relay trusts, how it proves itself, and whether it may be unencrypted:
 * the same for the host and for every client command. */
#ifndef REMOTE_CLI_RELAY_TRUST_H
#define REMOTE_CLI_RELAY_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "remote/carrier_uv.h"

#include "config.h"

/* What flags say; NULL and false: nothing. */
typedef struct trust_flags {
  const char *ca;
  const char *cert;
  const char *key;
  bool insecure;
} trust_flags;

#define TRUST_OPTIONS(f)                                                                         \
  {"tls-ca",                                                                                     \
   OPTION_VALUE,                                                                                 \
   &(f).ca,                                                                                      \
   "FILE",                                                                                       \
   "CA certificates (PEM) that may sign the relay's, instead of the system's "                   \
   "(default: REMOTE_TLS_CA, config.ini)",                                                       \
   NULL},                                                                                        \
      {"tls-cert",                                                                               \
       OPTION_VALUE,                                                                             \
       &(f).cert,                                                                                \
       "FILE",                                                                                   \
       "this device's certificate, for a relay that wants one (default: REMOTE_TLS_CERT, "       \
       "config.ini)",                                                                            \
       NULL},                                                                                    \
      {"tls-key",                                                                                \
       OPTION_VALUE,                                                                             \
       &(f).key,                                                                                 \
       "FILE",                                                                                   \
       "its private key (default: REMOTE_TLS_KEY, config.ini)",                                  \
       NULL},                                                                                    \
  {                                                                                              \
    "insecure", OPTION_FLAG, &(f).insecure, NULL,                                                \
        "connect unencrypted to another machine; the token and all that is said can be read on " \
        "the way",                                                                               \
        NULL                                                                                     \
  }

/* What a carrier may be made with, from flags, then REMOTE_TLS_CA, _CERT, _KEY and REMOTE_INSECURE,
 * then the config's tls_ca, tls_cert, tls_key and insecure. A certificate and its key are taken
 * from the same place. What `out` points to lives as long as flags, environment and config.
 * False: it must not or cannot be connected like this; `error` says why and what to do. */
bool relay_trust_find(const trust_flags *flags, const remote_config *config, const lrm_url *url,
                      lrm_uv_settings *out, char *error, size_t error_bytes);

#endif

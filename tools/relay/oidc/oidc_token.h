/* One identity token against keys and rules: no I/O, no clock. */
#ifndef RELAY_OIDC_TOKEN_H
#define RELAY_OIDC_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum { OIDC_ALLOW_MAX = 16, OIDC_NAME_BYTES = 64, OIDC_NONCE_BYTES = 128, OIDC_KID_BYTES = 256 };

typedef struct oidc_rules {
  const char *issuer, *client_id;
  const char *claim; /* names the account; NULL: a verified email, else sub@issuer */
  const char *allow[OIDC_ALLOW_MAX]; /* addresses, or domains of addresses; none: everybody */
  size_t allow_count;
  bool create; /* make accounts for who has none */
} oidc_rules;

typedef enum oidc_judgement {
  OIDC_GOOD = 0,
  OIDC_UNKNOWN_KEY = 1, /* no key of this id: newer keys may have it */
  OIDC_WRONG = 2,       /* the token is not good */
  OIDC_NOT_ALLOWED = 3, /* it is, but this person may not sign in */
} oidc_judgement;

typedef struct oidc_person {
  char account[OIDC_NAME_BYTES];
  char nonce[OIDC_NONCE_BYTES];
  bool create;
  const char *reason; /* static; unless GOOD */
} oidc_person;

/* `keys`: a JWK set; NULL: none yet. Nothing of the token is in the reason. */
oidc_judgement oidc_judge(const oidc_rules *rules, const json_t *keys, const char *token,
                          size_t token_bytes, uint64_t wall_ms, oidc_person *out);

/* A JWK set that holds at least one key; NULL: it is none. */
json_t *oidc_read_keys(const char *text, size_t bytes);

/* https, or http to this very machine. */
bool oidc_url_good(const char *url);

#endif

#include "oidc_token.h"

#include <cjose/cjose.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LEEWAY_S = 60, KEYS_MAX = 64, RSA_TEXT_BYTES_LEAST = 341 /* 2048 bits in base64url */ };

/* Only these: none of them can be made with what everybody knows, as `none` and HS256 can. */
static const struct {
  const char *alg, *kty, *crv;
} algorithms[] = {{"RS256", "RSA", NULL}, {"ES256", "EC", "P-256"}};

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text != NULL ? text : "";
}

bool oidc_url_good(const char *url) {
  static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
  if (strncmp(url, "https://", 8) == 0) return url[8] != '\0' && strpbrk(url, " @\\#") == NULL;
  for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
    size_t bytes = strlen(here[i]);
    if (strncmp(url, here[i], bytes) == 0 && strchr(":/", url[bytes]) != NULL)
      return strpbrk(url, " @\\#") == NULL;
  }
  return false;
}

json_t *oidc_read_keys(const char *text, size_t bytes) {
  json_t *set = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
  size_t count = json_array_size(json_object_get(set, "keys"));
  if (count > 0 && count <= KEYS_MAX) return set;
  json_decref(set);
  return NULL;
}

/* ---- keys ---- */

static bool key_fits(const json_t *key, size_t algorithm, const char *kid) {
  const char *use = text_of(key, "use"), *alg = text_of(key, "alg");
  if (strcmp(text_of(key, "kty"), algorithms[algorithm].kty) != 0) return false;
  if (kid[0] != '\0' && strcmp(text_of(key, "kid"), kid) != 0) return false;
  if (use[0] != '\0' && strcmp(use, "sig") != 0) return false;
  if (alg[0] != '\0' && strcmp(alg, algorithms[algorithm].alg) != 0) return false;
  if (algorithms[algorithm].crv != NULL)
    return strcmp(text_of(key, "crv"), algorithms[algorithm].crv) == 0;
  return strlen(text_of(key, "n")) >= RSA_TEXT_BYTES_LEAST;
}

static bool verify_with(cjose_jws_t *jws, const json_t *key) {
  cjose_err err;
  bool good = false;
  char *text = json_dumps(key, JSON_COMPACT);
  cjose_jwk_t *jwk = text != NULL ? cjose_jwk_import(text, strlen(text), &err) : NULL;
  if (jwk != NULL) good = cjose_jws_verify(jws, jwk, &err);
  if (jwk != NULL) cjose_jwk_release(jwk);
  free(text);
  return good;
}

static oidc_judgement verify(cjose_jws_t *jws, const json_t *keys, oidc_person *out) {
  cjose_err err;
  cjose_header_t *header = cjose_jws_get_protected(jws);
  const char *alg = header != NULL ? cjose_header_get(header, CJOSE_HDR_ALG, &err) : NULL;
  const char *kid = header != NULL ? cjose_header_get(header, CJOSE_HDR_KID, &err) : NULL;
  char *crit = header != NULL ? cjose_header_get_raw(header, "crit", &err) : NULL;
  bool extended = crit != NULL; /* RFC 7515, 4.1.11: who does not know what it names refuses */
  free(crit);
  size_t algorithm = 0, count = sizeof algorithms / sizeof *algorithms;
  while (algorithm < count && (alg == NULL || strcmp(alg, algorithms[algorithm].alg) != 0))
    algorithm++;
  out->reason = "it is not signed with RS256 or ES256";
  if (algorithm == count || extended) return OIDC_WRONG;
  if (kid == NULL || strlen(kid) >= OIDC_KID_BYTES) kid = "";
  size_t at;
  json_t *key;
  bool any = false;
  json_array_foreach(json_object_get(keys, "keys"), at, key) {
    if (!key_fits(key, algorithm, kid)) continue;
    any = true;
    if (verify_with(jws, key)) return OIDC_GOOD;
  }
  out->reason = any ? "its signature is wrong" : "the issuer has no such key";
  return any ? OIDC_WRONG : OIDC_UNKNOWN_KEY;
}

/* ---- claims ---- */

static bool is_for(const json_t *claims, const char *client_id) {
  const json_t *audience = json_object_get(claims, "aud");
  const char *party = json_string_value(json_object_get(claims, "azp"));
  if (party != NULL && strcmp(party, client_id) != 0) return false;
  if (json_is_string(audience)) return strcmp(json_string_value(audience), client_id) == 0;
  bool found = false;
  size_t at;
  json_t *one;
  json_array_foreach(audience, at, one) {
    const char *text = json_string_value(one);
    found = found || (text != NULL && strcmp(text, client_id) == 0);
  }
  /* For several: then it says for whom it was made. */
  return found && (json_array_size(audience) == 1 || party != NULL);
}

/* Seconds; a claim that is there and no number is wrong. */
static bool number_of(const json_t *claims, const char *name, bool needed, double *out) {
  const json_t *value = json_object_get(claims, name);
  *out = json_number_value(value);
  return value == NULL ? !needed : json_is_number(value);
}

static const char *judge_claims(const oidc_rules *rules, const json_t *claims, uint64_t wall_ms) {
  double now = (double)(wall_ms / 1000), until, made, from;
  if (strcmp(text_of(claims, "iss"), rules->issuer) != 0) return "it is of another issuer";
  if (!is_for(claims, rules->client_id)) return "it is for another client";
  if (!number_of(claims, "exp", true, &until) || !number_of(claims, "iat", true, &made) ||
      !number_of(claims, "nbf", false, &from))
    return "its times cannot be read";
  if (until + LEEWAY_S <= now) return "it has expired";
  if (made - LEEWAY_S > now || from - LEEWAY_S > now)
    return "it is not valid yet; is a clock wrong?";
  const char *nonce = text_of(claims, "nonce");
  if (nonce[0] == '\0' || strlen(nonce) >= OIDC_NONCE_BYTES) return "it holds no nonce";
  return NULL;
}

static const char *verified_email(const json_t *claims) {
  return json_is_true(json_object_get(claims, "email_verified")) ? text_of(claims, "email") : "";
}

static bool allowed(const oidc_rules *rules, const char *email) {
  const char *at = strrchr(email, '@');
  if (rules->allow_count == 0) return true;
  if (at == NULL) return false;
  for (size_t i = 0; i < rules->allow_count; i++) {
    const char *one = rules->allow[i];
    if (strcasecmp(one, strchr(one, '@') != NULL ? email : at + 1) == 0) return true;
  }
  return false;
}

static bool name_account(const oidc_rules *rules, const json_t *claims, oidc_person *out) {
  int bytes;
  const char *email = verified_email(claims), *subject = text_of(claims, "sub");
  if (rules->claim != NULL)
    bytes = snprintf(out->account, sizeof out->account, "%s", text_of(claims, rules->claim));
  else if (email[0] != '\0')
    bytes = snprintf(out->account, sizeof out->account, "%s", email);
  else
    bytes = subject[0] == '\0'
                ? 0
                : snprintf(out->account, sizeof out->account, "%s@%s", subject, rules->issuer);
  for (int i = 0; i < bytes && i < (int)sizeof out->account; i++)
    if ((unsigned char)out->account[i] < ' ' || out->account[i] == 0x7f) return false;
  return bytes > 0 && (size_t)bytes < sizeof out->account;
}

static oidc_judgement judge_person(const oidc_rules *rules, const json_t *claims, uint64_t wall_ms,
                                   oidc_person *out) {
  out->reason = judge_claims(rules, claims, wall_ms);
  if (out->reason != NULL) return OIDC_WRONG;
  snprintf(out->nonce, sizeof out->nonce, "%s", text_of(claims, "nonce"));
  out->reason = "it names no account, or one that is too long";
  if (!name_account(rules, claims, out)) return OIDC_NOT_ALLOWED;
  out->reason = "this address may not sign in here; ask the relay's operator";
  if (!allowed(rules, verified_email(claims))) return OIDC_NOT_ALLOWED;
  out->create = rules->create || rules->allow_count > 0;
  out->reason = "";
  return OIDC_GOOD;
}

oidc_judgement oidc_judge(const oidc_rules *rules, const json_t *keys, const char *token,
                          size_t token_bytes, uint64_t wall_ms, oidc_person *out) {
  cjose_err err;
  uint8_t *text = NULL;
  size_t bytes = 0;
  *out = (oidc_person){.reason = "it cannot be read"};
  cjose_jws_t *jws = cjose_jws_import(token, token_bytes, &err);
  if (jws == NULL) return OIDC_WRONG;
  oidc_judgement result = verify(jws, keys, out);
  if (result == OIDC_GOOD) {
    out->reason = "it cannot be read";
    result = OIDC_WRONG;
    json_t *claims = NULL;
    if (cjose_jws_get_plaintext(jws, &text, &bytes, &err))
      claims = json_loadb((const char *)text, bytes, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(claims)) result = judge_person(rules, claims, wall_ms, out);
    json_decref(claims);
  }
  cjose_jws_release(jws);
  return result;
}

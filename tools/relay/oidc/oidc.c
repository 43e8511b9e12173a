/* Tokens that wait, and the issuer's keys: fetched when there are none, when they are old, and when
 * a token names one that is not among them, once a minute at most. */
#include "oidc.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/carrier_uv.h"

enum {
  WAITING_MAX = 16,
  DOCUMENT_BYTES_MAX = 256 * 1024,
  URL_BYTES = 512,
  FETCH_S = 10,
};
static const uint64_t AGAIN_NS = UINT64_C(60) * 1000000000;
static const uint64_t FAILED_NS = UINT64_C(5) * 1000000000;
static const uint64_t OLD_NS = UINT64_C(3600) * 1000000000;

typedef struct waiting {
  uint64_t ticket; /* 0: a free slot */
  char *token;
  size_t bytes;
} waiting;

struct oidc {
  uv_loop_t *loop;
  oidc_settings settings;
  relay *relay;
  json_t *keys;
  /* 0: never. Tried without any keys, and renewed because of a token. */
  uint64_t fetched_ns, tried_ns, renewed_ns;
  waiting waits[WAITING_MAX];
  uv_work_t work;
  bool fetching;
  json_t *fresh;     /* by the thread */
  char trouble[200]; /* why it could not fetch */
};

/* ---- fetching, on a thread of the pool ---- */

typedef struct document {
  char *data;
  size_t bytes;
} document;

static size_t take(char *data, size_t size, size_t count, void *user) {
  document *d = user;
  size_t bytes = size * count;
  if (bytes > DOCUMENT_BYTES_MAX - d->bytes) return 0; /* ends the transfer */
  memcpy(d->data + d->bytes, data, bytes);
  d->bytes += bytes;
  return bytes;
}

/* Redirects are not followed: an issuer says its addresses itself. */
static bool fetch(oidc *o, const char *url, document *d) {
  CURL *curl = oidc_url_good(url) ? curl_easy_init() : NULL;
  long status = 0;
  d->bytes = 0;
  if (curl == NULL) {
    snprintf(o->trouble, sizeof o->trouble, "an address is not https");
    return false;
  }
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_S);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)DOCUMENT_BYTES_MAX);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, d);
  if (strncmp(url, "http://", 7) == 0) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  if (o->settings.ca_file != NULL) curl_easy_setopt(curl, CURLOPT_CAINFO, o->settings.ca_file);
  CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(curl);
  if (code == CURLE_OK && status == 200) return true;
  if (code != CURLE_OK)
    snprintf(o->trouble, sizeof o->trouble, "%s", curl_easy_strerror(code));
  else
    snprintf(o->trouble, sizeof o->trouble, "it answers with status %ld", status);
  return false;
}

static bool find_keys_url(oidc *o, const document *d, char url[URL_BYTES]) {
  json_t *said = json_loadb(d->data, d->bytes, JSON_REJECT_DUPLICATES, NULL);
  const char *issuer = json_string_value(json_object_get(said, "issuer"));
  const char *keys = json_string_value(json_object_get(said, "jwks_uri"));
  bool good = issuer != NULL && strcmp(issuer, o->settings.rules.issuer) == 0 && keys != NULL &&
              strlen(keys) < URL_BYTES;
  if (good) snprintf(url, URL_BYTES, "%s", keys);
  if (!good)
    snprintf(o->trouble, sizeof o->trouble, "its discovery document is not of this issuer");
  json_decref(said);
  return good;
}

static void on_work(uv_work_t *work) {
  oidc *o = work->data;
  char url[URL_BYTES];
  document d = {malloc(DOCUMENT_BYTES_MAX), 0};
  const char *issuer = o->settings.rules.issuer;
  size_t bytes = strlen(issuer);
  snprintf(o->trouble, sizeof o->trouble, "out of memory");
  if (d.data == NULL) return;
  snprintf(url, sizeof url, "%s%s.well-known/openid-configuration", issuer,
           bytes > 0 && issuer[bytes - 1] == '/' ? "" : "/");
  if (fetch(o, url, &d) && find_keys_url(o, &d, url) && fetch(o, url, &d)) {
    o->fresh = oidc_read_keys(d.data, d.bytes);
    if (o->fresh == NULL) snprintf(o->trouble, sizeof o->trouble, "its keys cannot be read");
  }
  free(d.data);
}

/* ---- tokens ---- */

static uint64_t now(const oidc *o) { return lrm_uv_now_ns(o->loop); }

static void free_wait(waiting *w) {
  explicit_bzero(w->token, w->bytes);
  free(w->token);
  *w = (waiting){0};
}

static void tell(oidc *o, uint64_t ticket, oidc_judgement judgement, const oidc_person *person) {
  static const uint32_t codes[] = {[OIDC_GOOD] = 0,
                                   [OIDC_UNKNOWN_KEY] = LRM_CODE_UNAUTHENTICATED,
                                   [OIDC_WRONG] = LRM_CODE_UNAUTHENTICATED,
                                   [OIDC_NOT_ALLOWED] = LRM_CODE_FORBIDDEN};
  char reason[200];
  snprintf(reason, sizeof reason, "the identity token is not taken: %s", person->reason);
  relay_identity identity = {.code = codes[judgement],
                             .reason = reason,
                             .account = person->account,
                             .nonce = person->nonce,
                             .create = person->create};
  relay_identity_judged(o->relay, ticket, &identity, now(o), lrm_uv_wall_ms());
}

static void cannot_fetch(oidc *o, uint64_t ticket) {
  relay_identity identity = {.code = LRM_CODE_INTERNAL,
                             .reason = "the relay cannot fetch the issuer's keys; try again later"};
  relay_identity_judged(o->relay, ticket, &identity, now(o), lrm_uv_wall_ms());
}

static void on_fetched(uv_work_t *work, int status);

static bool may_fetch(const oidc *o) {
  if (o->settings.jwks_file != NULL || o->fetching) return false;
  if (o->keys == NULL) return o->tried_ns == 0 || now(o) - o->tried_ns >= FAILED_NS;
  return o->renewed_ns == 0 || now(o) - o->renewed_ns >= AGAIN_NS;
}

static void start_fetch(oidc *o) {
  *(o->keys == NULL ? &o->tried_ns : &o->renewed_ns) = now(o);
  o->work.data = o;
  o->fetching = uv_queue_work(o->loop, &o->work, on_work, on_fetched) == 0;
}

/* With the keys of now. `final`: no newer ones are to come. True: it was told. */
static bool judge(oidc *o, waiting *w, bool final) {
  oidc_person person;
  oidc_judgement judgement =
      oidc_judge(&o->settings.rules, o->keys, w->token, w->bytes, lrm_uv_wall_ms(), &person);
  if (judgement == OIDC_UNKNOWN_KEY && !final) return false;
  uint64_t ticket = w->ticket;
  free_wait(w);
  if (judgement == OIDC_UNKNOWN_KEY && o->keys == NULL)
    cannot_fetch(o, ticket);
  else
    tell(o, ticket, judgement, &person);
  explicit_bzero(&person, sizeof person);
  return true;
}

static void on_fetched(uv_work_t *work, int status) {
  oidc *o = work->data;
  (void)status;
  o->fetching = false;
  if (o->fresh != NULL) {
    json_decref(o->keys);
    o->keys = o->fresh;
    o->fresh = NULL;
    o->fetched_ns = now(o);
  } else {
    fprintf(stderr, "remote-relay: cannot fetch the keys of %s: %s\n", o->settings.rules.issuer,
            o->trouble);
  }
  for (unsigned i = 0; i < WAITING_MAX; i++)
    if (o->waits[i].ticket != 0) (void)judge(o, &o->waits[i], true);
}

bool oidc_verify(oidc *o, uint64_t ticket, lrm_slice id_token) {
  waiting *w = NULL;
  for (unsigned i = 0; i < WAITING_MAX && w == NULL; i++)
    if (o->waits[i].ticket == 0) w = &o->waits[i];
  char *copy = w != NULL ? malloc(id_token.bytes + 1) : NULL;
  if (copy == NULL) return false;
  memcpy(copy, id_token.data, id_token.bytes);
  copy[id_token.bytes] = '\0';
  *w = (waiting){ticket, copy, id_token.bytes};
  bool old = o->keys != NULL && now(o) - o->fetched_ns >= OLD_NS;
  if (old && may_fetch(o)) start_fetch(o);
  bool more = o->fetching || may_fetch(o);
  if (judge(o, w, !more)) return true;
  if (!o->fetching) start_fetch(o);
  if (!o->fetching) (void)judge(o, w, true);
  return true;
}

/* ---- opening ---- */

static bool read_file(oidc *o, char *error, size_t error_bytes) {
  const char *path = o->settings.jwks_file;
  FILE *file = fopen(path, "re");
  char *text = file != NULL ? malloc(DOCUMENT_BYTES_MAX) : NULL;
  if (text != NULL) {
    size_t bytes = fread(text, 1, DOCUMENT_BYTES_MAX, file);
    if (bytes < DOCUMENT_BYTES_MAX) o->keys = oidc_read_keys(text, bytes);
  }
  free(text);
  if (file != NULL) fclose(file);
  if (o->keys == NULL)
    snprintf(error, error_bytes, "%s is not a set of keys (JWKS) that can be read", path);
  return o->keys != NULL;
}

bool oidc_open(oidc **out, uv_loop_t *loop, const oidc_settings *settings, char *error,
               size_t error_bytes) {
  const oidc_rules *rules = &settings->rules;
  if (rules->client_id == NULL || strlen(rules->client_id) > 255 || strlen(rules->issuer) > 255) {
    snprintf(error, error_bytes, "--oidc-issuer needs --oidc-client-id, both of 255 bytes at most");
    return false;
  }
  if (settings->jwks_file == NULL && !oidc_url_good(rules->issuer)) {
    snprintf(error, error_bytes,
             "--oidc-issuer is an https:// address (http:// on this machine only); with "
             "--oidc-jwks it may be any name");
    return false;
  }
  oidc *o = calloc(1, sizeof *o);
  if (o == NULL) return false;
  o->loop = loop;
  o->settings = *settings;
  if (settings->jwks_file != NULL && !read_file(o, error, error_bytes)) {
    free(o);
    return false;
  }
  (void)curl_global_init(CURL_GLOBAL_DEFAULT);
  *out = o;
  return true;
}

void oidc_serve(oidc *o, relay *r) { o->relay = r; }

/* Images, sounds, files and long texts of the agent, as Asset events before the event that names
 * them. What is too much is named and not carried, and a notice says so: an agent must not be able
 * to push the conversation out of the log. */
#include <stdio.h>

#include "acp_internal.h"

#define CHUNK_BYTES (64u * 1024u)
#define ASSET_BYTES_MAX (10u * 1024u * 1024u)
#define TURN_BYTES_MAX (64u * 1024u * 1024u)
/* The same bytes are sent again after this: then the log may have let the first ones go, and a
 * reader pages back for them in vain. */
#define SAME_NS (3600ull * 1000000000ull)

static void send_asset(acp_session *s, const acp_sent_asset *sent, const uint8_t *data,
                       size_t bytes, const char *media_type, const char *name) {
  acp_build b;
  uint8_t sha256[LRM_SHA256_BYTES];
  acp_build_begin(&b, s);
  char *asset_id = acp_build_copy(&b, sent->id);
  char *media = acp_build_text(&b, media_type, strlen(media_type), 127);
  char *label = acp_build_text(&b, name, strlen(name), 1024);
  uint8_t *chunk = acp_build_alloc(&b, CHUNK_BYTES);
  memcpy(sha256, sent->sha256, sizeof sha256);
  for (size_t at = 0; at < bytes;) {
    size_t n = bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES;
    memcpy(chunk, data + at, n);
    Remote__V1__Asset asset = REMOTE__V1__ASSET__INIT;
    asset.asset_id = asset_id;
    asset.position = at;
    asset.total = bytes;
    asset.media_type = media;
    asset.name = label;
    asset.sha256 = (ProtobufCBinaryData){sizeof sha256, sha256};
    asset.data = (ProtobufCBinaryData){n, chunk};
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.body_case = REMOTE__V1__EVENT__BODY_ASSET;
    event.asset = &asset;
    acp_emit(s, &event);
    at += n;
  }
  acp_build_end(&b);
}

/* ---- the same bytes ---- */

static lrm_id epoch_of(const acp_session *s) {
  lrm_id none = {{0}};
  return s->sink->epoch != NULL ? s->sink->epoch(s->sink_user) : none;
}

/* What was sent in another epoch is not in this one's log. */
static const char *sent_before(const acp_session *s, const acp_sent_asset *wanted) {
  for (size_t i = 0; i < ACP_SENT_ASSETS_MAX; i++) {
    const acp_sent_asset *sent = &s->assets[i];
    if (sent->id[0] != '\0' && memcmp(sent->sha256, wanted->sha256, sizeof sent->sha256) == 0 &&
        sent->media == wanted->media && lrm_id_equal(&sent->epoch, &wanted->epoch) &&
        s->now_ns - sent->sent_ns < SAME_NS)
      return sent->id;
  }
  return NULL;
}

/* ---- limits ---- */

static bool is_text(const char *media_type) {
  return strncmp(media_type, "text/", 5) == 0 || strcmp(media_type, "application/json") == 0;
}

static size_t whole_letters(const uint8_t *text, size_t bytes) {
  while (bytes > 0 && (text[bytes] & 0xC0) == 0x80) bytes--;
  return bytes;
}

/* How much of it is carried; 0: nothing, and that has been said. */
static size_t within_limits(acp_session *s, const uint8_t *data, size_t bytes,
                            const char *media_type) {
  if (s->assets_turn != s->turn.number) {
    s->assets_turn = s->turn.number;
    s->assets_turn_bytes = 0;
    s->assets_turn_said = false;
  }
  bool large = bytes > ASSET_BYTES_MAX;
  size_t carried = !large ? bytes : is_text(media_type) ? whole_letters(data, ASSET_BYTES_MAX) : 0;
  if (s->assets_turn_bytes + carried > TURN_BYTES_MAX) {
    if (!s->assets_turn_said)
      acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "asset",
                 "This turn has shown 64 MiB of images, files and long texts; further ones are "
                 "named, but stay on the host.");
    s->assets_turn_said = true;
    return 0;
  }
  if (large)
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "asset",
               "%.100s of %.1f MiB is over 10 MiB: %s", media_type, (double)bytes / (1024 * 1024),
               carried > 0 ? "its first 10 MiB are kept." : "it is named, but stays on the host.");
  s->assets_turn_bytes += carried;
  return carried;
}

/* ---- one asset ---- */

static char *keep_asset(acp_build *b, const void *data, size_t bytes, const char *media_type,
                        const char *name) {
  acp_session *s = b->session;
  acp_sent_asset asset = {.media = acp_hash(ACP_HASH_BEGIN, media_type, strlen(media_type)),
                          .epoch = epoch_of(s),
                          .sent_ns = s->now_ns};
  size_t carried = bytes;
  if (carried > ASSET_BYTES_MAX) carried = within_limits(s, data, bytes, media_type);
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, data, carried);
  lrm_sha256_end(&sum, asset.sha256);
  if (carried == 0) return acp_build_copy(b, "");
  const char *known = sent_before(s, &asset);
  if (known != NULL) return acp_build_copy(b, known);
  if (carried == bytes && within_limits(s, data, bytes, media_type) == 0)
    return acp_build_copy(b, "");
  char id[ACP_ID_BYTES];
  acp_make_id(s, "asset", id);
  snprintf(asset.id, sizeof asset.id, "%.63s", id);
  acp_sent_asset *slot = &s->assets[s->next_asset++ % ACP_SENT_ASSETS_MAX];
  *slot = asset;
  send_asset(s, &asset, data, carried, media_type, name);
  return acp_build_copy(b, asset.id);
}

char *acp_build_asset(acp_build *b, const void *data, size_t bytes, const char *media_type,
                      const char *name) {
  size_t clean_bytes;
  char *clean = redact_asset(b->session->redact, data, bytes, media_type, &clean_bytes);
  char *id = keep_asset(b, clean != NULL ? clean : data, clean != NULL ? clean_bytes : bytes,
                        media_type, name);
  free(clean);
  return id;
}

/* ---- out of JSON ---- */

static int digit64(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/* In place is fine: the output is shorter. False: not base64. */
static bool decode64(const char *text, size_t bytes, unsigned char *out, size_t *out_bytes) {
  uint32_t bits = 0, count = 0;
  size_t n = 0;
  for (size_t i = 0; i < bytes; i++) {
    if (text[i] == '=' || text[i] == '\n' || text[i] == '\r') continue;
    int value = digit64(text[i]);
    if (value < 0) return false;
    bits = bits << 6 | (uint32_t)value;
    if (++count % 4 == 0) {
      out[n++] = (unsigned char)(bits >> 16);
      out[n++] = (unsigned char)(bits >> 8);
      out[n++] = (unsigned char)bits;
    }
  }
  if (count % 4 == 1) return false;
  if (count % 4 == 2) out[n++] = (unsigned char)(bits >> 4);
  if (count % 4 == 3) {
    out[n++] = (unsigned char)(bits >> 10);
    out[n++] = (unsigned char)(bits >> 2);
  }
  *out_bytes = n;
  return true;
}

char *acp_build_asset64(acp_build *b, const json_t *base64, const json_t *media_type,
                        const char *name, size_t *bytes) {
  if (!json_is_string(base64)) return NULL;
  size_t length = json_string_length(base64);
  unsigned char *data = memory_zero(length + 4);
  char *id = NULL;
  const char *media = json_string_value(media_type);
  if (decode64(json_string_value(base64), length, data, bytes))
    id = acp_build_asset(b, data, *bytes, media != NULL ? media : "application/octet-stream", name);
  free(data);
  return id;
}

char *acp_build_resource(acp_build *b, const json_t *resource, size_t *bytes) {
  const json_t *text = json_object_get(resource, "text");
  const json_t *media = json_object_get(resource, "mimeType");
  const char *uri = json_string_value(json_object_get(resource, "uri"));
  const char *name = uri != NULL ? uri : "";
  if (!json_is_string(text))
    return acp_build_asset64(b, json_object_get(resource, "blob"), media, name, bytes);
  *bytes = json_string_length(text);
  const char *clean = acp_build_redact(b, json_string_value(text), bytes);
  const char *kind = json_string_value(media) != NULL ? json_string_value(media) : "text/plain";
  return acp_build_asset(b, clean, *bytes, kind, name);
}

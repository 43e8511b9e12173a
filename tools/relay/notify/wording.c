#include "wording.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- texts ---- */

const char *wording_event(const relay_message *m) {
  if (m->withdrawn) return "withdrawn";
  switch (m->kind) {
    case RELAY_NOTICE_ASK:
      return "ask";
    case RELAY_NOTICE_DONE:
      return "done";
    case RELAY_NOTICE_ERROR:
      return "error";
    case RELAY_NOTICE_MANY:
      return "many";
    case RELAY_NOTICE_TEST:
      break;
  }
  return "test";
}

static const char *plain_title(const relay_message *m) {
  if (m->withdrawn) return "Nothing to do any more";
  switch (m->kind) {
    case RELAY_NOTICE_ASK:
      return "A session needs an answer";
    case RELAY_NOTICE_DONE:
      return "A session is done";
    case RELAY_NOTICE_ERROR:
      return "A session has failed";
    default:
      return "This is a test";
  }
}

void wording_title(const relay_message *m, char *out, size_t out_bytes) {
  if (m->kind == RELAY_NOTICE_MANY && !m->withdrawn && m->count != 1)
    snprintf(out, out_bytes, "%u sessions need answers", (unsigned)m->count);
  else if (m->kind == RELAY_NOTICE_MANY && !m->withdrawn)
    snprintf(out, out_bytes, "A session needs answers");
  else if (m->with_text && m->title[0] != '\0' && !m->withdrawn)
    snprintf(out, out_bytes, "%s", m->title);
  else
    snprintf(out, out_bytes, "%s", plain_title(m));
}

void wording_text(const relay_message *m, char *out, size_t out_bytes) {
  if (m->with_text && m->text[0] != '\0' && !m->withdrawn)
    snprintf(out, out_bytes, "%s", m->text);
  else if (m->with_text && m->title[0] != '\0' && !m->withdrawn)
    snprintf(out, out_bytes, "%s", plain_title(m));
  else
    snprintf(out, out_bytes, "%s",
             m->kind == RELAY_NOTICE_TEST ? "Notifications of this relay arrive here."
             : m->withdrawn               ? "It was answered, or is over."
                                          : "Open the page to see it.");
}

bool wording_link(const relay_message *m, const char *page, char *out, size_t out_bytes) {
  char session[LRM_ID_HEX_BYTES], ask[LRM_ID_HEX_BYTES];
  int bytes;
  if (page == NULL) return false;
  lrm_id_hex(&m->session, session);
  lrm_id_hex(&m->ask, ask);
  if (lrm_id_none(&m->session))
    bytes = snprintf(out, out_bytes, "%s/#/", page);
  else if (lrm_id_none(&m->ask))
    bytes = snprintf(out, out_bytes, "%s/#/s/%s", page, session);
  else
    bytes = snprintf(out, out_bytes, "%s/#/s/%s/ask/%s", page, session, ask);
  return bytes > 0 && (size_t)bytes < out_bytes;
}

void wording_delivery(const relay_message *m, char *out, size_t out_bytes) {
  snprintf(out, out_bytes, "%s-%s-%llu", m->tag, m->withdrawn ? "over" : "said",
           (unsigned long long)m->created_ms);
}

/* ---- JSON ---- */

typedef struct json {
  char *out;
  size_t bytes, used;
  bool full;
} json;

static void put(json *j, const char *data, size_t bytes) {
  if (j->full || bytes >= j->bytes - j->used) {
    j->full = true;
    return;
  }
  memcpy(j->out + j->used, data, bytes);
  j->used += bytes;
  j->out[j->used] = '\0';
}

static void put_format(json *j, const char *format, ...) {
  char text[200];
  va_list list;
  va_start(list, format);
  int bytes = vsnprintf(text, sizeof text, format, list);
  va_end(list);
  if (bytes < 0 || (size_t)bytes >= sizeof text)
    j->full = true;
  else
    put(j, text, (size_t)bytes);
}

/* The texts are UTF-8: the host's messages were judged when they were taken. */
static void put_string(json *j, const char *name, const char *value) {
  put_format(j, "%s\"%s\":\"", j->used > 1 ? "," : "", name);
  for (const char *at = value; *at != '\0'; at++) {
    if (*at == '"' || *at == '\\')
      put_format(j, "\\%c", *at);
    else if ((unsigned char)*at < ' ' || *at == 0x7f)
      put_format(j, "\\u%04x", (unsigned)(unsigned char)*at);
    else
      put(j, at, 1);
  }
  put(j, "\"", 1);
}

static void put_number(json *j, const char *name, uint64_t value) {
  put_format(j, "%s\"%s\":%llu", j->used > 1 ? "," : "", name, (unsigned long long)value);
}

static void put_id(json *j, const char *name, const lrm_id *id) {
  char text[LRM_ID_HEX_BYTES];
  if (lrm_id_none(id)) return;
  lrm_id_hex(id, text);
  put_string(j, name, text);
}

static const char *kind_name(const relay_message *m) {
  relay_message said = *m;
  said.withdrawn = false;
  return wording_event(&said);
}

static void put_facts(json *j, const relay_message *m) {
  put(j, "{", 1);
  put_string(j, "event", wording_event(m));
  if (m->withdrawn) put_string(j, "of", kind_name(m));
  put_string(j, "tag", m->tag);
  put_number(j, "at", m->created_ms);
  put_id(j, "session", &m->session);
  put_id(j, "ask", &m->ask);
  if (m->kind == RELAY_NOTICE_MANY && !m->withdrawn) put_number(j, "count", m->count);
}

size_t wording_webhook(const relay_message *m, const char *page, char *out, size_t out_bytes) {
  json j = {out, out_bytes, 0, out_bytes == 0};
  char text[200], link[700];
  put_facts(&j, m);
  put_string(&j, "account", m->account);
  wording_title(m, text, sizeof text);
  put_string(&j, "title", text);
  wording_text(m, text, sizeof text);
  put_string(&j, "text", text);
  if (wording_link(m, page, link, sizeof link)) put_string(&j, "url", link);
  put(&j, "}", 1);
  return j.full ? 0 : j.used;
}

size_t wording_push(const relay_message *m, char *out, size_t out_bytes) {
  json j = {out, out_bytes, 0, out_bytes == 0};
  put_facts(&j, m);
  if (m->with_text && m->title[0] != '\0') put_string(&j, "title", m->title);
  if (m->with_text && m->text[0] != '\0') put_string(&j, "text", m->text);
  put(&j, "}", 1);
  return j.full ? 0 : j.used;
}

/* ---- headers ---- */

/* A piece of at most 45 bytes becomes a word of 75 letters; none is cut inside a character. */
void wording_header(const char *text, char *out, size_t out_bytes) {
  enum { PIECE = 45 };
  bool ascii = true;
  size_t used = 0, bytes = strlen(text);
  for (size_t i = 0; i < bytes; i++) ascii = ascii && (text[i] & 0x80) == 0;
  if (ascii) {
    for (size_t i = 0; i < bytes && used + 1 < out_bytes; i++)
      out[used++] = text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    out[used] = '\0';
    return;
  }
  out[0] = '\0';
  for (size_t at = 0; at < bytes;) {
    uint8_t coded[4 * ((PIECE + 2) / 3) + 1];
    size_t piece = bytes - at < PIECE ? bytes - at : PIECE;
    while (at + piece < bytes && piece > 1 && (text[at + piece] & 0xc0) == 0x80) piece--;
    (void)EVP_EncodeBlock(coded, (const uint8_t *)text + at, (int)piece);
    int written = snprintf(out + used, out_bytes - used, "%s=?UTF-8?B?%s?=", used == 0 ? "" : " ",
                           (const char *)coded);
    if (written < 0 || (size_t)written >= out_bytes - used) {
      out[used] = '\0';
      return;
    }
    used += (size_t)written;
    at += piece;
  }
}

bool wording_sign(const void *secret, size_t secret_bytes, const char *delivery, uint64_t at_s,
                  const char *body, char *out, size_t out_bytes) {
  char text[WORDING_JSON_BYTES_MAX + 200];
  uint8_t mac[EVP_MAX_MD_SIZE], coded[64];
  unsigned mac_bytes = 0;
  int bytes = snprintf(text, sizeof text, "%s.%llu.%s", delivery, (unsigned long long)at_s, body);
  if (bytes < 0 || (size_t)bytes >= sizeof text ||
      HMAC(EVP_sha256(), secret, (int)secret_bytes, (const uint8_t *)text, (size_t)bytes, mac,
           &mac_bytes) == NULL) {
    return false;
  }
  (void)EVP_EncodeBlock(coded, mac, (int)mac_bytes);
  bytes = snprintf(out, out_bytes, "v1,%s", (const char *)coded);
  return bytes > 0 && (size_t)bytes < out_bytes;
}

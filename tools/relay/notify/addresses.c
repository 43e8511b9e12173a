#include "addresses.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- URLs ---- */

static bool get(CURLU *url, CURLUPart part, char *out, size_t out_bytes) {
  char *text = NULL;
  out[0] = '\0';
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return false;
  size_t bytes = strlen(text);
  bool fits = bytes > 0 && bytes < out_bytes;
  if (fits) memcpy(out, text, bytes + 1);
  curl_free(text);
  return fits;
}

static bool printable(const char *text) {
  for (; *text != '\0'; text++)
    if (*text <= ' ' || *text > '~' || *text == '"' || *text == '\\') return false;
  return true;
}

static bool is_local(const char *host) {
  struct in_addr v4;
  if (inet_pton(AF_INET, host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

typedef struct parts {
  char scheme[8], port[8];
  bool local;
} parts;

static bool take_apart(const char *text, address *out, parts *p) {
  CURLU *url = curl_url();
  size_t bytes = strlen(text);
  bool good = url != NULL && bytes < sizeof out->url && printable(text) &&
              curl_url_set(url, CURLUPART_URL, text, CURLU_NO_DEFAULT_PORT) == CURLUE_OK &&
              get(url, CURLUPART_SCHEME, p->scheme, sizeof p->scheme) &&
              get(url, CURLUPART_HOST, out->host, sizeof out->host);
  if (good) {
    memcpy(out->url, text, bytes + 1);
    bool port = get(url, CURLUPART_PORT, p->port, sizeof p->port);
    snprintf(out->origin, sizeof out->origin, "%s://%s%s%s", p->scheme, out->host, port ? ":" : "",
             p->port);
    p->local = is_local(out->host);
  }
  curl_url_cleanup(url);
  return good;
}

bool address_parse(const char *text, bool ntfy, bool insecure, address *out, char *error,
                   size_t error_bytes) {
  static const char prefix[] = "ntfy+";
  parts p;
  bool prefixed = strncmp(text, prefix, sizeof prefix - 1) == 0;
  memset(out, 0, sizeof *out);
  if (!take_apart(prefixed ? text + sizeof prefix - 1 : text, out, &p) ||
      (strcmp(p.scheme, "https") != 0 && strcmp(p.scheme, "http") != 0)) {
    snprintf(error, error_bytes,
             "--notify-url is https://HOST/PATH, or ntfy+https://HOST/TOPIC, of %d bytes at most",
             ADDRESS_BYTES_MAX - 1);
    return false;
  }
  out->ntfy = ntfy || prefixed;
  if (strcmp(p.scheme, "https") == 0 || p.local || insecure) return true;
  snprintf(error, error_bytes,
           "--notify-url to %.200s would not be encrypted; use https://, or say --insecure",
           out->host);
  return false;
}

bool address_of_push(const char *url, bool here, address *out) {
  parts p;
  memset(out, 0, sizeof *out);
  if (!take_apart(url, out, &p) || strchr(out->url, '@') != NULL) return false;
  if (strcmp(p.scheme, "https") == 0) return here || !p.local;
  return here && p.local && strcmp(p.scheme, "http") == 0;
}

/* ---- addresses ---- */

static bool public_v4(uint32_t host) {
  static const struct {
    uint32_t network;
    unsigned bits;
  } others[] = {{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
                {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24},
                {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24},
                {0xe0000000, 3}};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if ((host ^ others[i].network) >> (32 - others[i].bits) == 0) return false;
  return true;
}

static uint32_t word_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Global unicast is 2000::/3; what holds an IPv4 address is as public as that is. */
static bool public_v6(const uint8_t a[16]) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static const uint8_t translated[12] = {0, 0x64, 0xff, 0x9b};
  if (memcmp(a, mapped, sizeof mapped) == 0 || memcmp(a, translated, sizeof translated) == 0)
    return public_v4(word_at(a + 12));
  if (a[0] == 0x20 && a[1] == 0x02) return public_v4(word_at(a + 2));
  if (word_at(a) == 0x20010000 || word_at(a) == 0x20010db8) return false;
  return a[0] >> 5 == 1;
}

bool address_is_public(const struct sockaddr *socket_address) {
  if (socket_address->sa_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, socket_address, sizeof v4);
    return public_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (socket_address->sa_family != AF_INET6) return false;
  struct sockaddr_in6 v6;
  memcpy(&v6, socket_address, sizeof v6);
  return public_v6(v6.sin6_addr.s6_addr);
}

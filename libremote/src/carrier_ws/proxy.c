/* Which proxy the environment names, as curl and others read it: http_proxy for plain connections,
 * https_proxy for encrypted ones, all_proxy for both, no_proxy for what goes without. What stands
 * in small letters wins. This machine itself is not reached through a proxy, for it would be the
 * proxy's own "localhost"; unless no_proxy is there and empty: then nothing goes without. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier_ws/carrier_ws_internal.h"

typedef const char *(*get_variable)(const char *name);

/* Non-empty, or NULL. *used: the name that it was found by. */
static const char *variable(get_variable get, const char *small, const char *large,
                            const char **used) {
  const char *value = get(small);
  *used = small;
  if (value == NULL && large != NULL) {
    value = get(large);
    *used = large;
  }
  return value != NULL && value[0] != '\0' ? value : NULL;
}

/* ---- what goes without ---- */

typedef struct address {
  uint8_t bytes[16];
  unsigned bits; /* 32, 128; 0: not an address */
} address;

static address parse_address(const char *text) {
  address out = {{0}, 0};
  if (inet_pton(AF_INET, text, out.bytes) == 1) out.bits = 32;
  if (out.bits == 0 && inet_pton(AF_INET6, text, out.bytes) == 1) out.bits = 128;
  return out;
}

/* "10.0.0.0/8" holds the address. */
static bool network_holds(char *network, const address *host) {
  char *slash = strchr(network, '/');
  char *end = NULL;
  if (slash == NULL || host->bits == 0) return false;
  *slash = '\0';
  address base = parse_address(network);
  unsigned long bits = strtoul(slash + 1, &end, 10);
  if (base.bits != host->bits || end == slash + 1 || *end != '\0' || bits > base.bits) return false;
  size_t whole = bits / 8;
  if (memcmp(base.bytes, host->bytes, whole) != 0) return false;
  unsigned rest = bits % 8;
  return rest == 0 || ((base.bytes[whole] ^ host->bytes[whole]) >> (8 - rest)) == 0;
}

static bool same_text(const char *a, const char *b) {
  for (; *a != '\0' && *b != '\0'; a++, b++) {
    if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) return false;
  }
  return *a == *b;
}

/* Takes ":port" and brackets off. False: the port is another one. */
static bool take_port(char **entry, uint16_t port) {
  char *text = *entry;
  char *colon = strrchr(text, ':');
  if (text[0] == '[') {
    char *close = strchr(text, ']');
    if (close == NULL) return true;
    colon = close[1] == ':' ? close + 1 : NULL;
    *close = '\0';
    *entry = text + 1;
  } else if (colon != strchr(text, ':')) {
    return true; /* an IPv6 address */
  }
  if (colon == NULL) return true;
  *colon = '\0';
  char *end = NULL;
  return strtoul(colon + 1, &end, 10) == port && end != colon + 1 && *end == '\0';
}

/* One entry of no_proxy. */
static bool entry_holds(char *entry, const lrm_url *url, const address *host) {
  if (strcmp(entry, "*") == 0) return true;
  if (strchr(entry, '/') != NULL) return network_holds(entry, host);
  if (!take_port(&entry, url->port)) return false;
  if (entry[0] == '*' && entry[1] == '.') entry++;
  if (entry[0] == '.') entry++;
  if (entry[0] == '\0') return false;
  address other = parse_address(entry);
  if (host->bits != 0 || other.bits != 0) {
    return host->bits == other.bits && memcmp(host->bytes, other.bytes, sizeof other.bytes) == 0;
  }
  size_t entry_bytes = strlen(entry), host_bytes = strlen(url->host);
  if (entry_bytes > host_bytes) return false;
  const char *tail = url->host + host_bytes - entry_bytes;
  return same_text(tail, entry) && (tail == url->host || tail[-1] == '.');
}

static bool goes_without(const char *list, const lrm_url *url) {
  address host = parse_address(url->host);
  while (*list != '\0') {
    size_t bytes = strcspn(list, ", \t");
    char entry[256];
    if (bytes > 0 && bytes < sizeof entry) {
      memcpy(entry, list, bytes);
      entry[bytes] = '\0';
      if (entry_holds(entry, url, &host)) return true;
    }
    list += bytes;
    list += strspn(list, ", \t");
  }
  return false;
}

/* ---- the proxy's URL ---- */

static int refuse(char *error, size_t error_bytes, const char *name, const char *why) {
  snprintf(error, error_bytes, "%s: %s; write http://[user:password@]host:port", name, why);
  return LRM_ERR_USAGE;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* user:password, percent-decoded, as RFC 7617 wants it. False: it cannot be. */
static bool take_user(ws_proxy *out, const char *text, size_t bytes) {
  uint8_t plain[296];
  size_t used = 0;
  bool colon = false;
  for (size_t i = 0; i < bytes; i++) {
    int c = (unsigned char)text[i];
    if (c == '%') {
      int high = i + 2 < bytes ? hex_digit(text[i + 1]) : -1;
      int low = i + 2 < bytes ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return false;
      c = high * 16 + low;
      i += 2;
    } else if (c == ':') {
      colon = true;
    }
    if (c < ' ' || c == 0x7f || used + 2 > sizeof plain) return false;
    plain[used++] = (uint8_t)c;
  }
  if (!colon) plain[used++] = ':';
  lrm__ws_base64(plain, used, out->authorization);
  explicit_bzero(plain, sizeof plain);
  return true;
}

/* host[:port], by the parser of our own URLs. */
static bool take_host(ws_proxy *out, const char *authority, size_t bytes) {
  char text[300], error[200];
  lrm_url url;
  if (bytes >= sizeof text - 16) return false;
  snprintf(text, sizeof text, "%s://%.*s", out->encrypted ? "https" : "http", (int)bytes,
           authority);
  if (lrm_url_parse(text, &url, error, sizeof error) != 0 || url.prefix[0] != '\0') return false;
  memcpy(out->host, url.host, sizeof out->host);
  out->port = url.port;
  return true;
}

static int parse_proxy(const char *name, const char *text, ws_proxy *out, char *error,
                       size_t error_bytes) {
  const char *rest = strstr(text, "://");
  if (rest != NULL) {
    size_t scheme = (size_t)(rest - text);
    out->encrypted = scheme == 5 && strncasecmp(text, "https", 5) == 0;
    if (!out->encrypted && !(scheme == 4 && strncasecmp(text, "http", 4) == 0)) {
      return refuse(error, error_bytes, name, "only http:// and https:// proxies can be used");
    }
    rest += 3;
  } else {
    rest = text; /* "host:port", as many write it */
  }
  size_t bytes = strcspn(rest, "/");
  const char *at = memrchr(rest, '@', bytes);
  if (at != NULL) {
    if (!take_user(out, rest, (size_t)(at - rest))) {
      return refuse(error, error_bytes, name, "the user or password cannot be");
    }
    bytes -= (size_t)(at + 1 - rest);
    rest = at + 1;
  }
  if (!take_host(out, rest, bytes)) {
    return refuse(error, error_bytes, name, "not the URL of a proxy");
  }
  out->used = true;
  return 0;
}

int lrm__ws_proxy_of(const lrm_url *url, const char *(*get)(const char *name), ws_proxy *out,
                     char *error, size_t error_bytes) {
  const char *name, *ignored;
  memset(out, 0, sizeof *out);
  const char *without = variable(get, "no_proxy", "NO_PROXY", &ignored);
  bool all = without == NULL && get(ignored) != NULL;
  if (lrm_url_local(url) && !all) return 0;
  /* In a CGI program HTTP_PROXY is a header of the request: whoever asks would choose it. */
  const char *large = get("REQUEST_METHOD") == NULL ? "HTTP_PROXY" : NULL;
  const char *text = lrm_url_encrypted(url) ? variable(get, "https_proxy", "HTTPS_PROXY", &name)
                                            : variable(get, "http_proxy", large, &name);
  if (text == NULL) text = variable(get, "all_proxy", "ALL_PROXY", &name);
  if (text == NULL) return 0;
  if (without != NULL && goes_without(without, url)) return 0;
  return parse_proxy(name, text, out, error, error_bytes);
}

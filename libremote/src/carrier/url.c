/* URLs of --relay and --listen. Typed by people and read from files, so every fault gets a sentence
 * that says what to write instead. */
#include <stdio.h>
#include <string.h>

#include "remote/carrier.h"

/* What a scheme takes. */
typedef struct scheme {
  const char *name;
  uint16_t port; /* 0: has to be given */
  bool encrypted;
  bool prefix; /* spoken over HTTP: a path may stand in front */
} scheme;

static const scheme schemes[] = {{"tcp", 0, false, false},  {"tls", 0, true, false},
                                 {"ws", 80, false, true},   {"wss", 443, true, true},
                                 {"http", 80, false, true}, {"https", 443, true, true},
                                 {"poll", 80, false, true}, {"polls", 443, true, true},
                                 {"grpc", 0, false, false}, {"grpcs", 443, true, false}};

#define SCHEMES_TEXT "tcp, tls, unix, ws, wss, http, https, poll, polls, grpc or grpcs"

static int refuse(char *error, size_t error_bytes, const char *text) {
  if (error != NULL && error_bytes > 0) snprintf(error, error_bytes, "%s", text);
  return LRM_ERR_USAGE;
}

/* With the scheme that was written in the example. */
static int refuse_for(const scheme *s, char *error, size_t error_bytes, const char *text,
                      const char *example) {
  if (error != NULL && error_bytes > 0) {
    snprintf(error, error_bytes, "%s: %s://%s", text, s->name, example);
  }
  return LRM_ERR_USAGE;
}

static const scheme *scheme_of(const char *name, size_t bytes) {
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    if (strlen(schemes[i].name) == bytes && memcmp(schemes[i].name, name, bytes) == 0) {
      return &schemes[i];
    }
  }
  return NULL;
}

/* Printable ASCII without space: what may stand in a host name or be shown in a log. */
static bool plain_text(const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return true;
}

static bool parse_port(const char *text, size_t bytes, uint16_t *out) {
  if (bytes == 0 || bytes > 5) return false;
  uint32_t port = 0;
  for (size_t i = 0; i < bytes; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    port = port * 10 + (uint32_t)(text[i] - '0');
  }
  if (port > 65535) return false;
  *out = (uint16_t)port;
  return true;
}

static int parse_unix(const char *path, lrm_url *out, char *error, size_t error_bytes) {
  size_t bytes = strlen(path);
  if (path[0] != '/') {
    return refuse(error, error_bytes, "a unix URL needs an absolute path: unix:///path/to/socket");
  }
  if (bytes >= sizeof out->host || bytes > 107) {
    return refuse(error, error_bytes,
                  "the socket path is too long: a unix socket takes at most 107 bytes");
  }
  for (size_t i = 0; i < bytes; i++) {
    if ((unsigned char)path[i] < ' ' || path[i] == 0x7f) {
      return refuse(error, error_bytes, "the socket path holds a control character");
    }
  }
  memcpy(out->host, path, bytes + 1);
  return 0;
}

/* What stands in front of the paths that the relay serves: segments of unreserved characters, so
 * that nothing has to be escaped, and neither a query nor a fragment, in which people put secrets.
 */
static int parse_prefix(const scheme *s, const char *path, lrm_url *out, char *error,
                        size_t error_bytes) {
  size_t bytes = strlen(path);
  while (bytes > 0 && path[bytes - 1] == '/') bytes--;
  if (bytes > 0 && !s->prefix) {
    return refuse_for(s, error, error_bytes, "nothing may follow the port", "host:port");
  }
  if (bytes >= sizeof out->prefix) return refuse(error, error_bytes, "the path is too long");
  for (size_t i = 0; i < bytes; i++) {
    unsigned char c = (unsigned char)path[i];
    bool taken = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 strchr("/-._~", c) != NULL;
    if (!taken || (c == '/' && path[i + 1] == '/') || (c == '.' && path[i + 1] == '.')) {
      return refuse_for(s, error, error_bytes,
                        "the path holds a character that cannot be (credentials never stand in a "
                        "URL); write",
                        "host/path");
    }
  }
  memcpy(out->prefix, path, bytes);
  out->prefix[bytes] = '\0';
  return 0;
}

static int parse_host(const scheme *s, const char *authority, size_t bytes, lrm_url *out,
                      char *error, size_t error_bytes) {
  const char *host = authority;
  size_t host_bytes = 0;
  const char *port = NULL;
  if (memchr(authority, '@', bytes) != NULL) {
    return refuse_for(s, error, error_bytes, "a name or password never stands in a URL; write",
                      "host:port");
  }
  if (bytes > 0 && authority[0] == '[') {
    const char *close = memchr(authority, ']', bytes);
    if (close == NULL) {
      return refuse_for(s, error, error_bytes, "the ] after an IPv6 address is missing",
                        "[::1]:7443");
    }
    host = authority + 1;
    host_bytes = (size_t)(close - host);
    if (close + 1 < authority + bytes && close[1] != ':') {
      return refuse_for(s, error, error_bytes, "nothing but a port may follow the ]", "[::1]:7443");
    }
    if (close + 1 < authority + bytes) port = close + 2;
  } else {
    const char *colon = memchr(authority, ':', bytes);
    if (colon != NULL && memchr(colon + 1, ':', (size_t)(authority + bytes - colon - 1)) != NULL) {
      return refuse_for(s, error, error_bytes, "an IPv6 address needs brackets", "[::1]:7443");
    }
    host_bytes = colon != NULL ? (size_t)(colon - authority) : bytes;
    if (colon != NULL) port = colon + 1;
  }
  if (host_bytes == 0) {
    return refuse_for(s, error, error_bytes, "the host is missing", "host:port");
  }
  if (host_bytes >= sizeof out->host) return refuse(error, error_bytes, "the host is too long");
  if (!plain_text(host, host_bytes)) {
    return refuse_for(s, error, error_bytes, "the host holds a character that cannot be; write",
                      "host:port");
  }
  out->port = s->port;
  if (port == NULL && s->port == 0) {
    return refuse_for(s, error, error_bytes, "the port is missing", "host:port");
  }
  if (port != NULL && !parse_port(port, (size_t)(authority + bytes - port), &out->port)) {
    return refuse_for(s, error, error_bytes, "the port is not a number from 0 to 65535",
                      "host:port");
  }
  memcpy(out->host, host, host_bytes);
  out->host[host_bytes] = '\0';
  return 0;
}

int lrm_url_parse(const char *text, lrm_url *out, char *error, size_t error_bytes) {
  static const char example[] =
      "not a URL: write wss://host, tls://host:port, tcp://host:port or unix:///path";
  memset(out, 0, sizeof *out);
  if (error != NULL && error_bytes > 0) error[0] = '\0';
  if (text == NULL || strnlen(text, 1024) >= 1024) return refuse(error, error_bytes, example);
  const char *mark = strstr(text, "://");
  if (mark == NULL || mark == text) return refuse(error, error_bytes, example);
  size_t scheme_bytes = (size_t)(mark - text);
  const char *rest = mark + 3;
  int result;
  if (scheme_bytes == 4 && memcmp(text, "unix", 4) == 0) {
    result = parse_unix(rest, out, error, error_bytes);
  } else {
    const scheme *s = scheme_of(text, scheme_bytes);
    if (s == NULL) {
      return refuse(error, error_bytes, "unknown kind of URL: it begins with " SCHEMES_TEXT);
    }
    size_t authority_bytes = strcspn(rest, "/");
    result = parse_host(s, rest, authority_bytes, out, error, error_bytes);
    if (result == 0) {
      result = parse_prefix(s, rest + authority_bytes, out, error, error_bytes);
    }
  }
  if (result != 0) {
    memset(out, 0, sizeof *out);
    return result;
  }
  memcpy(out->scheme, text, scheme_bytes);
  return 0;
}

void lrm_url_text(const lrm_url *url, char *out, size_t out_bytes) {
  const scheme *s = scheme_of(url->scheme, strlen(url->scheme));
  if (s == NULL) {
    snprintf(out, out_bytes, "%s://%s", url->scheme, url->host);
    return;
  }
  char port[8] = "";
  if (s->port == 0 || url->port != s->port) snprintf(port, sizeof port, ":%u", (unsigned)url->port);
  bool bracketed = strchr(url->host, ':') != NULL;
  snprintf(out, out_bytes, "%s://%s%s%s%s%s", url->scheme, bracketed ? "[" : "", url->host,
           bracketed ? "]" : "", port, url->prefix);
}

/* Exactly 127.x.y.z: "127.evil.example" is a name like any other. */
static bool loopback_v4(const char *host) {
  if (strncmp(host, "127.", 4) != 0) return false;
  unsigned dots = 0, digits = 0, value = 0;
  for (const char *c = host; *c != '\0'; c++) {
    if (*c == '.') {
      if (digits == 0) return false;
      dots++;
      digits = 0;
      value = 0;
    } else if (*c >= '0' && *c <= '9') {
      value = value * 10 + (unsigned)(*c - '0');
      if (++digits > 3 || value > 255) return false;
    } else {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

bool lrm_url_local(const lrm_url *url) {
  if (strcmp(url->scheme, "unix") == 0) return true;
  return strcmp(url->host, "localhost") == 0 || strcmp(url->host, "::1") == 0 ||
         loopback_v4(url->host);
}

bool lrm_url_encrypted(const lrm_url *url) {
  const scheme *s = scheme_of(url->scheme, strlen(url->scheme));
  return s != NULL && s->encrypted;
}

/* The cookies of the relay's own page: which name they have here, reading and writing them. */
#include <stdio.h>
#include <string.h>

#include "site.h"

/* Cookies are one jar for all ports of a host, so the port is a part of the name, and below a
 * prefix that, too. "__Host-" and "__Secure-" keep pages without TLS from planting one. */
static void name_of(const http_cookies *cookies, http_cookie which, bool secure, char *out,
                    size_t out_bytes) {
  const char *guard = !secure ? "" : cookies->prefix[0] == '\0' ? "__Host-" : "__Secure-";
  const char *port = cookies->port[0] != '\0' ? cookies->port : secure ? "443" : "80";
  char below[sizeof cookies->prefix];
  snprintf(below, sizeof below, "%s", cookies->prefix);
  for (char *c = below; *c != '\0'; c++) {
    bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
    if (!plain) *c = '.';
  }
  snprintf(out, out_bytes, "%sremote%s-%s%s", guard, which == HTTP_COOKIE_PAIRING ? "-pairing" : "",
           port, below);
}

/* The port of "host:port" and "[::1]:port"; "": none, or not one. */
static void port_of(const char *host, char out[6]) {
  const char *colon = strrchr(host, ':');
  out[0] = '\0';
  if (colon == NULL || strchr(colon, ']') != NULL) return;
  size_t bytes = strlen(colon + 1);
  if (bytes == 0 || bytes > 5 || strspn(colon + 1, "0123456789") != bytes) return;
  memcpy(out, colon + 1, bytes + 1);
}

void http_cookies_judge(const http_config *config, const http_place *place,
                        const http_request *request, http_cookies *out) {
  lrm_slice value;
  char text[300];
  memset(out, 0, sizeof *out);
  snprintf(out->prefix, sizeof out->prefix, "%s", place->prefix);
  if (lrm_http_field_count(request->head, "host", &value) == 1 &&
      lrm_http_copy(value, text, sizeof text))
    port_of(text, out->port);
  out->secure = place->encrypted;
  if (lrm_http_field_count(request->head, "x-forwarded-proto", &value) == 1 &&
      lrm_http_is(value, "https") && http_is_proxy(config, request->from))
    out->secure = true;
  /* It was judged: a page that came over https from here. */
  out->has_origin = lrm_http_field_count(request->head, "origin", &value) == 1 &&
                    lrm_http_copy(value, text, sizeof text);
  if (out->has_origin && strncmp(text, "https://", 8) == 0) out->secure = true;
}

/* Looks for a name in one Cookie field. */
static bool find(lrm_slice field, const char *name, char *out, size_t out_bytes) {
  size_t name_bytes = strlen(name);
  for (size_t at = 0; at < field.bytes;) {
    while (at < field.bytes && (field.data[at] == ' ' || field.data[at] == ';')) at++;
    size_t end = at;
    while (end < field.bytes && field.data[end] != ';') end++;
    size_t bytes = end - at;
    if (bytes > name_bytes && field.data[at + name_bytes] == '=' &&
        memcmp(field.data + at, name, name_bytes) == 0) {
      lrm_slice value = {field.data + at + name_bytes + 1, bytes - name_bytes - 1};
      while (value.bytes > 0 && value.data[value.bytes - 1] == ' ') value.bytes--;
      return lrm_http_copy(value, out, out_bytes) && http_cookie_good(out);
    }
    at = end;
  }
  return false;
}

bool http_cookie_read(http_cookies *cookies, http_cookie which, const lrm_http_head *head,
                      char *out, size_t out_bytes) {
  char name[200];
  for (int secure = 1; secure >= (cookies->secure ? 1 : 0); secure--) {
    name_of(cookies, which, secure == 1, name, sizeof name);
    for (size_t i = 0; i < head->fields_count; i++) {
      if (!lrm_http_is(head->fields[i].name, "cookie") ||
          !find(head->fields[i].value, name, out, out_bytes))
        continue;
      if (secure == 1) cookies->secure = true; /* else it could not have been sent */
      return true;
    }
  }
  out[0] = '\0';
  return false;
}

bool http_cookie_good(const char *value) {
  for (const char *c = value; *c != '\0'; c++) {
    bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                strchr("-_.~", *c) != NULL;
    if (!good) return false;
  }
  return value[0] != '\0';
}

void http_cookie_write(const http_cookies *cookies, http_cookie which, const char *value,
                       uint64_t seconds, char *out, size_t out_bytes) {
  char name[200];
  name_of(cookies, which, cookies->secure, name, sizeof name);
  snprintf(out, out_bytes,
           "Set-Cookie: %s=%s; Path=%s/; Max-Age=%llu; HttpOnly; SameSite=Strict%s\r\n", name,
           value, cookies->prefix, (unsigned long long)seconds, cookies->secure ? "; Secure" : "");
}

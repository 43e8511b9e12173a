#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addresses.h"

enum { CONNECT_MS_MAX = 5000, REQUEST_MS_MAX = 15000 };

bool request_header(request *q, const char *name, const char *value) {
  char line[2048];
  int bytes = snprintf(line, sizeof line, "%s: %s", name, value);
  if (bytes < 0 || (size_t)bytes >= sizeof line) return false;
  struct curl_slist *more = curl_slist_append(q->headers, line);
  if (more == NULL) return false;
  q->headers = more;
  return true;
}

/* Nobody reads it; what is too long ends the request. */
static size_t on_answer(char *data, size_t size, size_t count, void *user) {
  request *q = user;
  size_t bytes = size * count;
  (void)data;
  q->answer_bytes += bytes;
  return q->answer_bytes <= REQUEST_ANSWER_BYTES_MAX ? bytes : 0;
}

/* After the name was looked up: what a name means may change between a look and a connection. */
static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *at) {
  request *q = user;
  (void)purpose;
  if (!address_is_public(&at->addr)) {
    q->elsewhere = true;
    return CURL_SOCKET_BAD;
  }
  return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* A proxy of the environment decides itself whom it reaches; then nothing goes around it. */
static bool through_proxy(void) {
  static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *value = getenv(names[i]);
    if (value != NULL && value[0] != '\0') return true;
  }
  return false;
}

static void set_reach(request *q, const request_rules *rules) {
  if (!rules->public_only) return;
  if (through_proxy()) {
    curl_easy_setopt(q->easy, CURLOPT_NOPROXY, "");
    return;
  }
  curl_easy_setopt(q->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(q->easy, CURLOPT_OPENSOCKETDATA, q);
}

bool request_start(request *q, CURLM *multi, const char *method, const char *url,
                   const request_rules *rules) {
  q->easy = curl_easy_init();
  if (q->easy == NULL) return false;
  curl_easy_setopt(q->easy, CURLOPT_URL, url);
  curl_easy_setopt(q->easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(q->easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(q->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(q->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
  curl_easy_setopt(q->easy, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS_MAX);
  curl_easy_setopt(q->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, on_answer);
  curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
  curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
  if (rules->ca_file != NULL) curl_easy_setopt(q->easy, CURLOPT_CAINFO, rules->ca_file);
  if (strncmp(url, "http://", 7) == 0) curl_easy_setopt(q->easy, CURLOPT_NOPROXY, "*");
  set_reach(q, rules);
  if (strcmp(method, "POST") == 0) {
    curl_easy_setopt(q->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(q->easy, CURLOPT_POSTFIELDS, q->body);
    curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE, (long)q->body_bytes);
  } else {
    curl_easy_setopt(q->easy, CURLOPT_CUSTOMREQUEST, method);
  }
  if (!request_header(q, "User-Agent", "remote-relay")) return false;
  curl_easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->headers);
  return curl_multi_add_handle(multi, q->easy) == CURLM_OK;
}

void request_end(request *q, CURLM *multi) {
  if (q->easy != NULL) {
    (void)curl_multi_remove_handle(multi, q->easy);
    curl_easy_cleanup(q->easy);
  }
  curl_slist_free_all(q->headers);
  explicit_bzero(q, sizeof *q);
}

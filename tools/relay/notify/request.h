/* One request to a webhook or a push service, on libcurl's multi interface. */
#ifndef RELAY_REQUEST_H
#define RELAY_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "addresses.h"

enum { REQUEST_BODY_BYTES_MAX = 4096, REQUEST_ANSWER_BYTES_MAX = 64 * 1024 };

typedef struct request {
  uint64_t ticket;
  CURL *easy; /* NULL: a free slot */
  struct curl_slist *headers;
  uint8_t body[REQUEST_BODY_BYTES_MAX];
  size_t body_bytes;
  size_t answer_bytes; /* read and not kept */
  bool push;
  bool elsewhere; /* it would have gone to an address that it may not reach */
  char host[ADDRESS_HOST_BYTES];
} request;

/* What it may reach and trust. */
typedef struct request_rules {
  const char *ca_file; /* NULL: the system's */
  bool public_only;    /* addresses of the public internet alone */
} request_rules;

/* Adds "name: value". False: out of memory. */
bool request_header(request *q, const char *name, const char *value);
/* Starts it; `method` with a body or, DELETE, without one. False: out of memory. */
bool request_start(request *q, CURLM *multi, const char *method, const char *url,
                   const request_rules *rules);
void request_end(request *q, CURLM *multi);

#endif

/* POST /v1/poll: a long-poll exchange over HTTP (docs/spec.md 3.26). */
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "polls.h"

static const char protobuf[] = "application/x-protobuf";

/* A POST that waits for its answer. */
typedef struct waiting {
  http_exchange *exchange;
  server_poll *poll;
} waiting;

/* What a status says of a refusal is for those who look at no body. */
static int status_of(uint32_t refused) {
  static const struct {
    uint32_t code;
    int status;
  } statuses[] = {{0, 200},
                  {LRM_CODE_DRAIN, 503},
                  {LRM_CODE_INTERNAL, 503},
                  {LRM_CODE_SLOW_DOWN, 429},
                  {LRM_CODE_UNAUTHENTICATED, 401},
                  {LRM_CODE_FORBIDDEN, 403},
                  {LRM_CODE_REVOKED, 403},
                  {LRM_CODE_SUPERSEDED, 409},
                  {LRM_CODE_UPGRADE_REQUIRED, 426},
                  {LRM_CODE_POLICY, 403},
                  {LRM_CODE_LIMIT, 413}};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    if (statuses[i].code == refused) return statuses[i].status;
  }
  return refused < 3000 ? 503 : 400;
}

static void on_answered(void *user, lrm_slice answer, uint32_t refused) {
  waiting *w = user;
  http_answer(w->exchange, status_of(refused), protobuf, answer.data, answer.bytes);
  free(w);
}

static void on_gone(void *user) {
  waiting *w = user;
  server_poll_gone(w->poll);
  free(w);
}

static void refuse(http_exchange *exchange, int status, const char *text) {
  http_answer(exchange, status, "text/plain", text, strlen(text));
}

void http_poll(server *s, http_exchange *exchange, const http_post *post) {
  if (strcmp(post->content_type, protobuf) != 0 &&
      strcmp(post->content_type, "application/octet-stream") != 0) {
    refuse(exchange, 415, "a long-poll is a POST of application/x-protobuf\n");
    return;
  }
  waiting *w = calloc(1, sizeof *w);
  if (w != NULL) {
    w->exchange = exchange;
    w->poll = server_poll_begin(s, post->peer, post->body, post->bytes, on_answered, w);
  }
  if (w == NULL || w->poll == NULL) {
    uint8_t busy[LRM_CONTROL_BYTES_MAX];
    free(w);
    http_answer(exchange, 429, protobuf, busy, relay_busy_frames(busy, sizeof busy));
    return;
  }
  server_poll_carries(w->poll, post->token);
  http_on_gone(exchange, on_gone, w);
}

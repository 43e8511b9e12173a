/* The connecting side: resolve, try each address, 10 s in all. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier/carrier_uv_internal.h"

enum { CONNECT_MS_MAX = 10000 };

static void try_next_address(uv_carrier *carrier, int last_error);

static void fail(uv_carrier *carrier, int uv_error) {
  char what[128];
  snprintf(what, sizeof what, "cannot connect to %.90s", carrier->target);
  lrm__uv_carrier_fail(carrier, what, uv_error);
}

static void on_timeout(uv_timer_t *handle) {
  uv_carrier_timer *timer = handle->data;
  fail(timer->carrier, UV_ETIMEDOUT);
}

static void on_connected(uv_connect_t *request, int status) {
  uv_carrier *carrier = request->data;
  if (carrier->ending) return;
  if (status != 0) {
    try_next_address(carrier, status);
    return;
  }
  lrm__uv_carrier_timer_stop(carrier);
  lrm__uv_carrier_connected(carrier);
  lrm__uv_carrier_start(carrier);
  if (!carrier->ending) carrier->base.owner.up(carrier->base.owner_user, &carrier->base);
}

static void reopened(uv_handle_t *handle) {
  uv_carrier *carrier = handle->data;
  uv_loop_t *loop = handle->loop;
  carrier->reopening = false;
  if (carrier->ending || uv_tcp_init(loop, &carrier->u.tcp) != 0) {
    carrier->handle_open = false;
    if (!carrier->ending) fail(carrier, UV_ENOMEM);
    lrm__uv_carrier_handle_closed(carrier);
    return;
  }
  carrier->u.handle.data = carrier;
  try_next_address(carrier, 0);
}

/* A socket on which connect failed cannot be used again: the handle is made anew. */
static void try_next_address(uv_carrier *carrier, int last_error) {
  struct addrinfo *address = carrier->dial->next;
  if (address == NULL) {
    fail(carrier, last_error != 0 ? last_error : UV_ECONNREFUSED);
    return;
  }
  if (last_error != 0) {
    carrier->reopening = true;
    uv_close(&carrier->u.handle, reopened);
    return;
  }
  carrier->dial->next = address->ai_next;
  carrier->dial->connect.data = carrier;
  int result =
      uv_tcp_connect(&carrier->dial->connect, &carrier->u.tcp, address->ai_addr, on_connected);
  if (result != 0) fail(carrier, result);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
  uv_carrier *carrier = request->data;
  carrier->dial->resolving = false;
  carrier->dial->found = carrier->dial->next = found;
  if (carrier->ending) {
    /* `down` waited for this. */
    lrm__uv_carrier_settle(carrier);
    return;
  }
  if (status != 0) {
    fail(carrier, status);
    return;
  }
  try_next_address(carrier, 0);
}

static int resolve(uv_carrier *carrier, uv_loop_t *loop, const lrm_url *url) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  char port[8];
  snprintf(port, sizeof port, "%u", (unsigned)url->port);
  carrier->dial->resolve.data = carrier;
  int result = uv_getaddrinfo(loop, &carrier->dial->resolve, on_resolved, url->host, port, &hints);
  if (result == 0) carrier->dial->resolving = true;
  return result;
}

int lrm__uv_stream_connect(uv_loop_t *loop, const lrm_url *url, const lrm_carrier_owner *owner,
                           void *owner_user, lrm_carrier **out) {
  bool local = strcmp(url->scheme, "unix") == 0;
  uv_carrier *carrier = lrm__uv_carrier_new(loop, local);
  if (carrier == NULL) return LRM_ERR_NO_MEMORY;
  carrier->base.owner = *owner;
  carrier->base.owner_user = owner_user;
  size_t bytes = strlen(url->host) + 32;
  carrier->target = malloc(bytes);
  carrier->dial = calloc(1, sizeof *carrier->dial);
  if (carrier->target == NULL || carrier->dial == NULL ||
      !lrm__uv_carrier_timer(carrier, on_timeout, CONNECT_MS_MAX)) {
    memset(&carrier->base.owner, 0, sizeof carrier->base.owner); /* the return value tells */
    lrm__uv_carrier_fail(carrier, "out of memory", 0);
    return LRM_ERR_NO_MEMORY;
  }
  *out = &carrier->base;
  if (local) {
    lrm_url_text(url, carrier->target, bytes);
    carrier->dial->connect.data = carrier;
    uv_pipe_connect(&carrier->dial->connect, &carrier->u.pipe, url->host, on_connected);
    return 0;
  }
  lrm_url_text(url, carrier->target, bytes);
  int result = resolve(carrier, loop, url);
  if (result != 0) fail(carrier, result); /* `down` follows */
  return 0;
}

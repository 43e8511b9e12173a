/* Carriers on libuv streams, tcp and unix: reading, writing, ending. Connecting is in
 * connect_uv.c, accepting in listener_uv.c.
 *
 * Memory of an idle carrier is its handle and nothing else: input is read into one buffer per
 * thread, a remainder is kept only while a frame is incomplete, and output lies in the kernel. */
#include "carrier/carrier_uv_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "remote/limits.h"

enum { READ_BYTES = 64 * 1024, FLUSH_MS = 1000 };

/* libuv calls back with the data right after it asked for the buffer, so one per thread will do. */
static _Thread_local uint8_t read_buffer[READ_BYTES];

const char lrm__uv_text_closed[] = "the other side closed the connection";

typedef struct write_request {
  uv_write_t request;
  uv_carrier *carrier;
  size_t bytes;
  uint8_t data[];
} write_request;

static size_t carrier_room(const lrm_carrier *base);
static int carrier_write(lrm_carrier *base, const lrm_slice *parts, size_t count);
static void carrier_close(lrm_carrier *base, bool flush);

static const lrm_carrier_ops tcp_ops = {"tcp", carrier_room, carrier_write, carrier_close};
static const lrm_carrier_ops unix_ops = {"unix", carrier_room, carrier_write, carrier_close};

uv_carrier *lrm__uv_carrier_new(uv_loop_t *loop, bool pipe) {
  uv_carrier *carrier = calloc(1, sizeof *carrier);
  if (carrier == NULL) return NULL;
  int result = pipe ? uv_pipe_init(loop, &carrier->u.pipe, 0) : uv_tcp_init(loop, &carrier->u.tcp);
  if (result != 0) {
    free(carrier);
    return NULL;
  }
  carrier->base.ops = pipe ? &unix_ops : &tcp_ops;
  carrier->u.handle.data = carrier;
  carrier->handle_open = true;
  return carrier;
}

/* ---- ending ---- */

static void finish(uv_carrier *carrier) {
  if (carrier->base.owner.down != NULL) {
    carrier->base.owner.down(carrier->base.owner_user, &carrier->base, carrier->error,
                             carrier->error_text);
  }
  if (carrier->dial != NULL && carrier->dial->found != NULL) {
    uv_freeaddrinfo(carrier->dial->found);
  }
  free(carrier->dial);
  free(carrier->shutdown);
  lrm__uv_rest_free(&carrier->rest);
  free(carrier->target);
  free(carrier);
}

/* Everything that could still call back is gone. */
void lrm__uv_carrier_settle(uv_carrier *carrier) {
  bool resolving = carrier->dial != NULL && carrier->dial->resolving;
  if (carrier->ending && !carrier->handle_open && carrier->timer == NULL && !resolving) {
    finish(carrier);
  }
}

static void on_timer_closed(uv_handle_t *handle) {
  uv_carrier_timer *timer = handle->data;
  uv_carrier *carrier = timer->carrier;
  carrier->timer = NULL;
  free(timer);
  lrm__uv_carrier_settle(carrier);
}

void lrm__uv_carrier_handle_closed(uv_carrier *carrier) {
  carrier->handle_open = false;
  lrm__uv_carrier_settle(carrier);
}

static void on_handle_closed(uv_handle_t *handle) { lrm__uv_carrier_handle_closed(handle->data); }

static void end(uv_carrier *carrier) {
  if (carrier->ending) return;
  carrier->ending = true;
  if (carrier->timer != NULL) {
    uv_close((uv_handle_t *)&carrier->timer->handle, on_timer_closed);
  }
  if (carrier->dial != NULL && carrier->dial->resolving) {
    (void)uv_cancel((uv_req_t *)&carrier->dial->resolve);
  }
  if (carrier->handle_open && !carrier->reopening) uv_close(&carrier->u.handle, on_handle_closed);
}

void lrm__uv_carrier_fail(uv_carrier *carrier, const char *what, int uv_error) {
  if (carrier->error == 0 && !carrier->draining) {
    carrier->error = LRM_ERR_CARRIER;
    snprintf(carrier->error_text, sizeof carrier->error_text, "%s%s%s", what,
             uv_error != 0 ? ": " : "", uv_error != 0 ? uv_strerror(uv_error) : "");
  }
  end(carrier);
}

static void on_flush_timeout(uv_timer_t *handle) {
  uv_carrier_timer *timer = handle->data;
  end(timer->carrier);
}

static void on_shutdown(uv_shutdown_t *request, int status) {
  uv_carrier *carrier = request->data;
  /* The peer reads what is left and closes; closing first could make the kernel discard what it
   * has not read yet. The timer bounds the wait. */
  if (status != 0) end(carrier);
}

bool lrm__uv_carrier_timer(uv_carrier *carrier, uv_timer_cb expired, uint64_t delay_ms) {
  if (carrier->timer == NULL) {
    uv_carrier_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL) return false;
    if (uv_timer_init(carrier->u.handle.loop, &timer->handle) != 0) {
      free(timer);
      return false;
    }
    timer->carrier = carrier;
    timer->handle.data = timer;
    carrier->timer = timer;
  }
  return uv_timer_start(&carrier->timer->handle, expired, delay_ms, 0) == 0;
}

void lrm__uv_carrier_timer_stop(uv_carrier *carrier) {
  if (carrier->timer != NULL) (void)uv_timer_stop(&carrier->timer->handle);
}

static void carrier_close(lrm_carrier *base, bool flush) {
  uv_carrier *carrier = (uv_carrier *)base;
  if (carrier->ending || carrier->draining) return;
  if (!flush || !carrier->up) {
    end(carrier);
    return;
  }
  carrier->draining = true;
  lrm__uv_rest_free(&carrier->rest);
  carrier->shutdown = calloc(1, sizeof *carrier->shutdown);
  if (carrier->shutdown == NULL || !lrm__uv_carrier_timer(carrier, on_flush_timeout, FLUSH_MS)) {
    end(carrier);
    return;
  }
  carrier->shutdown->data = carrier;
  if (uv_shutdown(carrier->shutdown, &carrier->u.stream, on_shutdown) != 0) end(carrier);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)suggested;
  uv_carrier *carrier = handle->data;
  *buffer = uv_buf_init((char *)read_buffer, READ_BYTES);
  lrm__uv_rest_room(&carrier->rest, buffer);
}

static void on_read(uv_stream_t *stream, ssize_t result, const uv_buf_t *buffer) {
  uv_carrier *carrier = stream->data;
  if (carrier->ending) return;
  if (result < 0) {
    if (result != UV_EOF) {
      lrm__uv_carrier_fail(carrier, "connection lost", (int)result);
    } else if (carrier->draining) {
      end(carrier);
    } else {
      lrm__uv_carrier_fail(carrier, lrm__uv_text_closed, 0);
    }
    return;
  }
  if (result == 0 || carrier->draining) return;
  lrm__uv_rest_offer offer = lrm__uv_rest_add(&carrier->rest, buffer, (size_t)result);
  size_t consumed = carrier->base.owner.received(carrier->base.owner_user, &carrier->base,
                                                 offer.data, offer.bytes, &offer.wanted);
  if (carrier->ending || carrier->draining) return; /* closed by its owner in there */
  if (!lrm__uv_rest_keep(&carrier->rest, &offer, consumed)) {
    lrm__uv_carrier_fail(carrier, "out of memory", 0);
  }
}

void lrm__uv_carrier_start(uv_carrier *carrier) {
  int result = uv_read_start(&carrier->u.stream, on_alloc, on_read);
  if (result != 0) lrm__uv_carrier_fail(carrier, "cannot read", result);
}

void lrm__uv_carrier_connected(uv_carrier *carrier) {
  carrier->up = true;
  if (carrier->base.ops == &unix_ops) {
    uv_os_fd_t fd = -1;
    struct ucred cred = {0};
    socklen_t bytes = sizeof cred;
    if (uv_fileno(&carrier->u.handle, &fd) == 0 &&
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &bytes) == 0) {
      snprintf(carrier->base.peer, sizeof carrier->base.peer, "unix:pid=%ld,uid=%ld",
               (long)cred.pid, (long)cred.uid);
    } else {
      snprintf(carrier->base.peer, sizeof carrier->base.peer, "unix");
    }
    return;
  }
  (void)uv_tcp_nodelay(&carrier->u.tcp, 1);
  struct sockaddr_storage address;
  int bytes = sizeof address;
  if (uv_tcp_getpeername(&carrier->u.tcp, (struct sockaddr *)&address, &bytes) != 0) return;
  char host[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const void *)&address;
    (void)uv_ip6_name(v6, host, sizeof host);
    snprintf(carrier->base.peer, sizeof carrier->base.peer, "[%s]:%u", host,
             (unsigned)ntohs(v6->sin6_port));
  } else {
    const struct sockaddr_in *v4 = (const void *)&address;
    (void)uv_ip4_name(v4, host, sizeof host);
    snprintf(carrier->base.peer, sizeof carrier->base.peer, "%s:%u", host,
             (unsigned)ntohs(v4->sin_port));
  }
}

/* ---- writing ---- */

static size_t carrier_room(const lrm_carrier *base) {
  const uv_carrier *carrier = (const uv_carrier *)base;
  if (!carrier->up || carrier->ending || carrier->draining) return 0;
  if (carrier->queued_bytes >= LRM_CARRIER_BUFFER_BYTES_MAX) return 0;
  return LRM_CARRIER_BUFFER_BYTES_MAX - carrier->queued_bytes;
}

static void on_written(uv_write_t *request, int status) {
  write_request *write = (write_request *)request;
  uv_carrier *carrier = write->carrier;
  carrier->queued_bytes -= write->bytes;
  free(write);
  if (status != 0) {
    if (status != UV_ECANCELED) lrm__uv_carrier_fail(carrier, "connection lost", status);
    return;
  }
  if (carrier->starved && carrier_room(&carrier->base) > 0) {
    carrier->starved = false;
    carrier->base.owner.writable(carrier->base.owner_user, &carrier->base);
  }
}

/* Copies what the system did not take at once and lets libuv send it. */
static int queue(uv_carrier *carrier, const lrm_slice *parts, size_t count, size_t total,
                 size_t taken) {
  write_request *write = malloc(sizeof *write + (total - taken));
  if (write == NULL) {
    /* Half a frame may be on its way: this carrier cannot go on. */
    lrm__uv_carrier_fail(carrier, "out of memory", 0);
    return LRM_ERR_NO_MEMORY;
  }
  write->carrier = carrier;
  write->bytes = total - taken;
  size_t at = 0;
  for (size_t i = 0; i < count; i++) {
    size_t skip = taken < parts[i].bytes ? taken : parts[i].bytes;
    taken -= skip;
    if (parts[i].bytes > skip)
      memcpy(write->data + at, parts[i].data + skip, parts[i].bytes - skip);
    at += parts[i].bytes - skip;
  }
  uv_buf_t buffer = uv_buf_init((char *)write->data, (unsigned)write->bytes);
  int result = uv_write(&write->request, &carrier->u.stream, &buffer, 1, on_written);
  if (result != 0) {
    free(write);
    lrm__uv_carrier_fail(carrier, "connection lost", result);
    return LRM_ERR_CARRIER;
  }
  carrier->queued_bytes += write->bytes;
  if (carrier_room(&carrier->base) == 0) carrier->starved = true;
  return 0;
}

static int carrier_write(lrm_carrier *base, const lrm_slice *parts, size_t count) {
  uv_carrier *carrier = (uv_carrier *)base;
  enum { PARTS_MAX = 8 };
  if (!carrier->up || carrier->ending || carrier->draining) return LRM_ERR_CARRIER;
  if (count > PARTS_MAX) return LRM_ERR_USAGE;
  size_t total = 0;
  uv_buf_t buffers[PARTS_MAX];
  for (size_t i = 0; i < count; i++) {
    /* libuv does not write to the buffer; its type has no const. */
    union {
      const uint8_t *in;
      char *out;
    } base_of = {.in = parts[i].data};
    buffers[i] = uv_buf_init(base_of.out, (unsigned)parts[i].bytes);
    total += parts[i].bytes;
  }
  if (total == 0) return 0;
  size_t taken = 0;
  if (carrier->queued_bytes == 0) {
    int result = uv_try_write(&carrier->u.stream, buffers, (unsigned)count);
    if (result < 0 && result != UV_EAGAIN) {
      lrm__uv_carrier_fail(carrier, "connection lost", result);
      return LRM_ERR_CARRIER;
    }
    if (result > 0) taken = (size_t)result;
  }
  return taken == total ? 0 : queue(carrier, parts, count, total, taken);
}

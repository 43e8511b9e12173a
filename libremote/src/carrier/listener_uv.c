/* The accepting side: tcp and unix listeners. A unix socket is made with mode 0600, and a socket
 * file that a dead process left is taken away, never one that somebody answers on. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "carrier/carrier_uv_internal.h"

enum { LISTEN_BACKLOG = 1024, ACCEPT_AGAIN_MS = 100 };

typedef struct stream_listener {
  lrm_uv_listener base;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } u;
  uv_timer_t again; /* accepting failed for want of memory */
  unsigned closing; /* handles that are not closed yet */
  bool unix_socket;
  void (*accepted)(void *user, lrm_carrier *carrier);
  void *user;
} stream_listener;

static void on_connection(uv_stream_t *stream, int status);

static void on_again(uv_timer_t *timer) {
  stream_listener *listener = timer->data;
  on_connection(&listener->u.stream, 0);
}

static void on_connection(uv_stream_t *stream, int status) {
  stream_listener *listener = stream->data;
  if (status != 0) return;
  uv_carrier *carrier = lrm__uv_carrier_new(stream->loop, listener->unix_socket);
  if (carrier == NULL) { /* libuv tells nothing more until this connection is accepted */
    (void)uv_timer_start(&listener->again, on_again, ACCEPT_AGAIN_MS, 0);
    return;
  }
  if (uv_accept(stream, &carrier->u.stream) != 0) {
    lrm_carrier_close(&carrier->base, false);
    return;
  }
  lrm__uv_carrier_connected(carrier);
  listener->accepted(listener->user, &carrier->base);
  if (carrier->base.owner.received == NULL) {
    lrm_carrier_close(&carrier->base, false);
    return;
  }
  if (!carrier->ending && !carrier->draining) lrm__uv_carrier_start(carrier);
}

static int refuse(const char *url, const char *why, char *error, size_t error_bytes) {
  if (error != NULL && error_bytes > 0) {
    snprintf(error, error_bytes, "cannot listen on %s: %s", url, why);
  }
  return LRM_ERR_CARRIER;
}

static const char *listen_fault(int uv_error) {
  switch (uv_error) {
    case UV_EADDRINUSE:
      return "the address is in use; stop the other program or listen on another one";
    case UV_EADDRNOTAVAIL:
      return "this machine does not have that address";
    case UV_EACCES:
      return "permission denied (ports below 1024 need privileges; a socket needs a directory "
             "that can be written)";
    case UV_ENOENT:
      return "the directory does not exist";
    default:
      return uv_strerror(uv_error);
  }
}

/* Takes a dead socket file away. Returns a text when the path cannot be used. */
static const char *clear_stale_socket(const char *path) {
  struct stat status;
  if (lstat(path, &status) != 0) return NULL;
  if (!S_ISSOCK(status.st_mode)) return "a file that is not a socket is in the way";
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return "cannot make a socket";
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, strlen(path) + 1); /* the length was checked with the URL */
  int result = connect(fd, (const struct sockaddr *)&address, sizeof address);
  int fault = errno;
  (void)close(fd);
  if (result != 0 && fault == ECONNREFUSED) {
    return unlink(path) == 0 ? NULL : "a dead socket is in the way and cannot be removed";
  }
  return listen_fault(UV_EADDRINUSE);
}

static int bind_unix(stream_listener *listener, const lrm_url *url, char *error,
                     size_t error_bytes) {
  lrm_url_text(url, listener->base.url, sizeof listener->base.url);
  const char *fault = clear_stale_socket(url->host);
  if (fault != NULL) return refuse(listener->base.url, fault, error, error_bytes);
  /* The mode must be right from the first moment, so it cannot be set afterwards. */
  mode_t before = umask(0177);
  int result = uv_pipe_bind(&listener->u.pipe, url->host);
  (void)umask(before);
  if (result == 0) result = uv_listen(&listener->u.stream, LISTEN_BACKLOG, on_connection);
  if (result != 0) return refuse(listener->base.url, listen_fault(result), error, error_bytes);
  return 0;
}

/* The port that was asked for, or the free one that the system chose. */
static void name_tcp(stream_listener *listener, const lrm_url *url) {
  struct sockaddr_storage address;
  int bytes = sizeof address;
  unsigned port = url->port;
  if (uv_tcp_getsockname(&listener->u.tcp, (struct sockaddr *)&address, &bytes) == 0) {
    port = address.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port)
               : ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
  }
  lrm_url named = *url;
  named.port = (uint16_t)port;
  lrm_url_text(&named, listener->base.url, sizeof listener->base.url);
}

static int bind_tcp(stream_listener *listener, uv_loop_t *loop, const lrm_url *url, char *error,
                    size_t error_bytes) {
  char port[8];
  snprintf(port, sizeof port, "%u", (unsigned)url->port);
  name_tcp(listener, url);
  struct addrinfo hints = {
      .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
  uv_getaddrinfo_t request;
  int result = uv_getaddrinfo(loop, &request, NULL, url->host, port, &hints);
  if (result != 0) return refuse(listener->base.url, listen_fault(result), error, error_bytes);
  /* IPv4 first when a name has both: it is what the printed address will be reached by. */
  const struct addrinfo *chosen = request.addrinfo;
  for (const struct addrinfo *a = request.addrinfo; a != NULL; a = a->ai_next) {
    if (a->ai_family == AF_INET) {
      chosen = a;
      break;
    }
  }
  result = uv_tcp_bind(&listener->u.tcp, chosen->ai_addr, 0);
  uv_freeaddrinfo(request.addrinfo);
  if (result == 0) result = uv_listen(&listener->u.stream, LISTEN_BACKLOG, on_connection);
  if (result != 0) return refuse(listener->base.url, listen_fault(result), error, error_bytes);
  name_tcp(listener, url);
  return 0;
}

static void on_closed(uv_handle_t *handle) {
  stream_listener *listener = handle->data;
  if (--listener->closing == 0) free(listener);
}

static void stream_listener_close(lrm_uv_listener *base) {
  stream_listener *listener = (stream_listener *)base;
  listener->closing = 2;
  uv_close(&listener->u.handle, on_closed); /* libuv removes the socket file */
  uv_close((uv_handle_t *)&listener->again, on_closed);
}

static const lrm_uv_listener_ops stream_ops = {stream_listener_close, NULL};

int lrm__uv_stream_listen(uv_loop_t *loop, const lrm_url *url,
                          void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                          lrm_uv_listener **out, char *error, size_t error_bytes) {
  bool local = strcmp(url->scheme, "unix") == 0;
  stream_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return LRM_ERR_NO_MEMORY;
  listener->base.ops = &stream_ops;
  listener->unix_socket = local;
  listener->accepted = accepted;
  listener->user = user;
  int result =
      local ? uv_pipe_init(loop, &listener->u.pipe, 0) : uv_tcp_init(loop, &listener->u.tcp);
  if (result != 0) {
    free(listener);
    return LRM_ERR_NO_MEMORY;
  }
  (void)uv_timer_init(loop, &listener->again);
  listener->u.handle.data = listener->again.data = listener;
  result = local ? bind_unix(listener, url, error, error_bytes)
                 : bind_tcp(listener, loop, url, error, error_bytes);
  if (result != 0) {
    stream_listener_close(&listener->base);
    return result;
  }
  *out = &listener->base;
  return 0;
}

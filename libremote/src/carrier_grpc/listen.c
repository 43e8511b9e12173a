/* The accepting side: the server, its certificates, and the calls it serves. */
#include "carrier_grpc/grpc_internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  ARRIVALS = 16,   /* calls that can come while the loop is busy */
  CALLS_MAX = 512, /* served at a time; carriers not counted: their owner does */
  STREAMS_PER_CONNECTION_MAX = 64,
  WINDOW_BYTES = 256 * 1024 /* that is taken of a stream before its owner has consumed it */
};
/* Of all connections, in gRPC's own count: when they need more, new ones are turned away. */
#define MEMORY_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ATTACH "/remote.v1.Relay/Attach"

/* A place for the next call. */
typedef struct arrival {
  grpc_tag tag;
  grpc_listener *listener;
  grpc_call *call;
  grpc_call_details details;
  grpc_metadata_array metadata;
} arrival;

struct grpc_listener {
  lrm_uv_listener base;
  grpc_runtime *rt;
  grpc_server *server;
  const lrm_uv_settings *settings;
  lrm_grpc_listener_ops ops;
  void *user;
  grpc_identity *identity; /* grpcs */
  arrival arrivals[ARRIVALS];
  grpc_tag down;
  size_t references; /* itself until it is down, arrivals, streams */
  unsigned calls;
  bool closing;
};

/* ---- life ---- */

void lrm__grpc_listener_unref(grpc_listener *l) {
  if (--l->references > 0) return;
  if (l->server != NULL) grpc_server_destroy(l->server);
  void (*closed)(void *) = l->ops.closed;
  void *user = l->user;
  grpc_runtime *rt = l->rt;
  if (l->identity != NULL) {
    l->identity->next = rt->spent;
    rt->spent = l->identity;
  }
  free(l);
  if (closed != NULL) closed(user);
  lrm__grpc_runtime_release(rt);
}

bool lrm__grpc_closing(const grpc_listener *l) { return l->closing; }

void lrm__grpc_call_ended(grpc_listener *l) { l->calls--; }

static void on_down(grpc_tag *tag, bool ok) {
  (void)ok;
  lrm__grpc_listener_unref(tag->owner);
}

static void listener_close(lrm_uv_listener *base) {
  grpc_listener *l = (grpc_listener *)base;
  if (l->closing) return;
  l->closing = true;
  grpc_server_shutdown_and_notify(l->server, l->rt->queue, &l->down);
}

void lrm_grpc_listener_cancel(lrm_uv_listener *base) {
  grpc_listener *l = (grpc_listener *)base;
  if (l->closing) grpc_server_cancel_all_calls(l->server);
}

/* ---- calls ---- */

static void on_opened(grpc_tag *tag, bool ok) {
  (void)ok; /* a failure comes with `ended` */
  lrm__grpc_settle(tag->owner);
}

static void begin(grpc_stream *s) {
  lrm__grpc_stream_tags(s, on_opened);
  grpc_op operation = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
  operation.data.recv_close_on_server.cancelled = &s->cancelled;
  (void)lrm__grpc_start(s, &s->ended, &operation);
  operation = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
  (void)lrm__grpc_start(s, &s->opened, &operation);
  s->up = true;
}

static void refuse(grpc_stream *s, lrm_grpc_status status, const char *text) {
  lrm__grpc_say(s, status, text);
  lrm__grpc_drain(s, GRPC_CALL_FINISH_MS);
}

static void serve(grpc_listener *l, grpc_stream *s) {
  s->attach = strcmp(s->method, ATTACH) == 0;
  if (!s->attach) l->calls++;
  if (s->attach) {
    l->ops.accepted(l->user, &s->base);
    if (s->base.owner.received == NULL) {
      refuse(s, LRM_GRPC_UNAVAILABLE, "the relay is full or going away; come back later");
    } else if (!s->draining) {
      lrm__grpc_read(s);
    }
    return;
  }
  if (l->calls > CALLS_MAX) {
    refuse(s, LRM_GRPC_RESOURCE_EXHAUSTED, "too many calls at a time; come back later");
    return;
  }
  if (l->ops.called != NULL) l->ops.called(l->user, s);
  if (s->call_owner == NULL) {
    refuse(s, LRM_GRPC_UNIMPLEMENTED, "this server does not offer this method");
  }
}

static bool slice_is(const grpc_slice *slice, const char *text) {
  size_t bytes = strlen(text);
  return GRPC_SLICE_LENGTH(*slice) == bytes &&
         memcmp(GRPC_SLICE_START_PTR(*slice), text, bytes) == 0;
}

/* The token of "authorization: Bearer TOKEN"; one that is too long signs nobody in. */
static void take_token(grpc_stream *s, const grpc_metadata_array *metadata) {
  static const char scheme[] = "bearer ";
  const size_t scheme_bytes = sizeof scheme - 1;
  for (size_t i = 0; i < metadata->count; i++) {
    if (!slice_is(&metadata->metadata[i].key, "authorization")) continue;
    const uint8_t *value = GRPC_SLICE_START_PTR(metadata->metadata[i].value);
    size_t bytes = GRPC_SLICE_LENGTH(metadata->metadata[i].value);
    if (bytes <= scheme_bytes || bytes - scheme_bytes >= sizeof s->token) continue;
    size_t same = 0;
    while (same < scheme_bytes && (value[same] | 0x20) == scheme[same]) same++;
    if (same < scheme_bytes || memchr(value, '\0', bytes) != NULL) continue;
    memcpy(s->token, value + scheme_bytes, bytes - scheme_bytes);
    return;
  }
}

static grpc_stream *take(arrival *a) {
  grpc_stream *s = lrm__grpc_stream_new(a->listener->rt);
  if (s == NULL) {
    (void)grpc_call_cancel(a->call, NULL);
    grpc_call_unref(a->call);
    return NULL;
  }
  s->from = a->listener;
  a->listener->references++;
  s->call = a->call;
  size_t bytes = GRPC_SLICE_LENGTH(a->details.method);
  if (bytes < sizeof s->method) {
    memcpy(s->method, GRPC_SLICE_START_PTR(a->details.method), bytes);
  }
  take_token(s, &a->metadata);
  lrm__grpc_name_peer(s);
  return s;
}

static void await(arrival *a);

static void on_arrived(grpc_tag *tag, bool ok) {
  arrival *a = tag->owner;
  grpc_listener *l = a->listener;
  grpc_stream *s = ok ? take(a) : NULL;
  grpc_call_details_destroy(&a->details);
  grpc_metadata_array_destroy(&a->metadata);
  if (ok && !l->closing) await(a);
  if (s != NULL) {
    begin(s);
    serve(l, s);
  }
  lrm__grpc_listener_unref(l);
}

static void await(arrival *a) {
  grpc_listener *l = a->listener;
  a->call = NULL;
  grpc_call_details_init(&a->details);
  grpc_metadata_array_init(&a->metadata);
  l->references++;
  if (grpc_server_request_call(l->server, &a->call, &a->details, &a->metadata, l->rt->queue,
                               l->rt->queue, &a->tag) == GRPC_CALL_OK)
    return;
  l->references--;
  grpc_call_details_destroy(&a->details);
  grpc_metadata_array_destroy(&a->metadata);
}

const char *lrm_grpc_call_method(const lrm_grpc_call *call) { return call->method; }
const char *lrm_grpc_call_peer(const lrm_grpc_call *call) { return call->base.peer; }
const char *lrm_grpc_call_token(const lrm_grpc_call *call) { return call->token; }

void lrm_grpc_call_own(lrm_grpc_call *call, const lrm_grpc_call_owner *owner, void *user) {
  call->call_owner = owner;
  call->call_user = user;
}

void lrm_grpc_call_read(lrm_grpc_call *call) {
  if (call->wants || call->draining || call->over) return;
  call->wants = true;
  lrm__grpc_read(call);
}

size_t lrm_grpc_call_room(const lrm_grpc_call *call) {
  return lrm__grpc_room((lrm_grpc_call *)(uintptr_t)call);
}

int lrm_grpc_call_send(lrm_grpc_call *call, lrm_slice message) {
  if (call->draining || call->over) return LRM_ERR_STATE;
  return lrm__grpc_queue(call, &message, 1);
}

void lrm_grpc_call_finish(lrm_grpc_call *call, lrm_grpc_status status, const char *text,
                          lrm_slice problem) {
  if (call->draining || call->over) return;
  if (problem.bytes > 0 && problem.bytes <= sizeof call->say_problem) {
    memcpy(call->say_problem, problem.data, problem.bytes);
    call->say_problem_bytes = problem.bytes;
  }
  lrm__grpc_say(call, status, text);
  lrm__grpc_drain(call, GRPC_CALL_FINISH_MS);
}

/* ---- certificates ---- */

/* Called by gRPC's threads, with each handshake. */
static grpc_ssl_certificate_config_reload_status fetch_identity(
    void *user, grpc_ssl_server_certificate_config **config) {
  grpc_identity *id = user;
  grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
  uv_mutex_lock(&id->lock);
  if (id->fetched != id->version) {
    grpc_ssl_pem_key_cert_pair pair = {.private_key = id->key, .cert_chain = id->cert};
    /* It insists on roots, also where no client is asked: any certificate will do there. */
    const char *roots = id->ca != NULL ? id->ca : id->cert;
    *config = grpc_ssl_server_certificate_config_create(roots, &pair, 1);
    status = *config != NULL ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW
                             : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
    if (*config != NULL) id->fetched = id->version;
  }
  uv_mutex_unlock(&id->lock);
  return status;
}

static bool load_identity(grpc_listener *l, char *error, size_t error_bytes) {
  static const lrm_uv_trust nobody;
  const lrm_uv_trust *trust = l->settings != NULL ? &l->settings->trust : &nobody;
  char *ca, *cert, *key;
  if (!lrm__grpc_read_trust(trust, true, &ca, &cert, &key, error, error_bytes)) return false;
  if (cert == NULL) {
    lrm__grpc_free_trust(ca, cert, key);
    snprintf(error, error_bytes, "grpcs:// needs a certificate and its key");
    return false;
  }
  grpc_identity *id = l->identity;
  uv_mutex_lock(&id->lock);
  lrm__grpc_free_trust(id->ca, id->cert, id->key);
  id->ca = ca;
  id->cert = cert;
  id->key = key;
  id->version++;
  uv_mutex_unlock(&id->lock);
  return true;
}

static int listener_reload(lrm_uv_listener *base, char *error, size_t error_bytes) {
  grpc_listener *l = (grpc_listener *)base;
  if (l->identity == NULL || load_identity(l, error, error_bytes)) return 0;
  return LRM_ERR_CARRIER;
}

static const lrm_uv_listener_ops listener_ops = {listener_close, listener_reload};

static grpc_server_credentials *server_credentials(grpc_listener *l, const lrm_url *url,
                                                   char *error, size_t error_bytes) {
  if (!lrm_url_encrypted(url)) return grpc_insecure_server_credentials_create();
  l->identity = lrm__grpc_identity_new();
  if (l->identity == NULL || !load_identity(l, error, error_bytes)) return NULL;
  return grpc_ssl_server_credentials_create_with_options(
      grpc_ssl_server_credentials_create_options_using_config_fetcher(
          l->identity->ca != NULL ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                  : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
          fetch_identity, l->identity));
}

/* ---- listening ---- */

/* gRPC says of a port that it cannot have only that it cannot: asks the system why. */
static const char *port_fault(const lrm_url *url) {
  char port[8];
  snprintf(port, sizeof port, "%u", (unsigned)url->port);
  struct addrinfo hints = {
      .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
  struct addrinfo *found = NULL;
  int result = getaddrinfo(url->host, port, &hints, &found);
  if (result != 0) return gai_strerror(result);
  const char *fault = "the address cannot be had";
  for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0) continue;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool bound = bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 1) == 0;
    int why = errno;
    (void)close(fd);
    if (bound) continue;
    if (why == EADDRINUSE)
      fault = "the address is in use; stop the other program or listen on another one";
    else if (why == EADDRNOTAVAIL)
      fault = "this machine does not have that address";
    else
      fault = strerror(why);
    break;
  }
  freeaddrinfo(found);
  return fault;
}

static grpc_server *make_server(void) {
  grpc_resource_quota *quota = grpc_resource_quota_create("libremote");
  grpc_resource_quota_resize(quota, MEMORY_BYTES_MAX);
  grpc_arg args[GRPC_COMMON_ARGS + 11];
  size_t n = lrm__grpc_common_args(args);
  args[n++] =
      (grpc_arg){.type = GRPC_ARG_POINTER, .key = (char *)(uintptr_t)GRPC_ARG_RESOURCE_QUOTA};
  args[n - 1].value.pointer.p = quota;
  args[n - 1].value.pointer.vtable = grpc_resource_quota_arg_vtable();
  /* Else two relays could take turns on one port. */
  args[n++] = lrm__grpc_int(GRPC_ARG_ALLOW_REUSEPORT, 0);
  args[n++] = lrm__grpc_int(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_PER_CONNECTION_MAX);
  args[n++] = lrm__grpc_int(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10000);
  args[n++] = lrm__grpc_int(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 60000);
  /* What a stream may send ahead is fixed, not measured: it is memory of ours. */
  args[n++] = lrm__grpc_int(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args[n++] = lrm__grpc_int(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, WINDOW_BYTES);
  /* Clients ping every 30 s; by default more than one in 5 minutes is punished. */
  args[n++] = lrm__grpc_int(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
  args[n++] = lrm__grpc_int(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  args[n++] = lrm__grpc_int(GRPC_ARG_ENABLE_CHANNELZ, 0);
  const grpc_channel_args all = {.num_args = n, .args = args};
  grpc_server *server = grpc_server_create(&all, NULL);
  grpc_resource_quota_unref(quota);
  return server;
}

/* A server that was never started is shut down all the same. */
static int fail(grpc_listener *l, const char *why, char *error, size_t error_bytes) {
  if (error != NULL && error_bytes > 0) {
    snprintf(error, error_bytes, "cannot listen on %s: %s", l->base.url, why);
  }
  memset(&l->ops, 0, sizeof l->ops);
  if (l->server != NULL) {
    listener_close(&l->base);
  } else {
    lrm__grpc_listener_unref(l);
  }
  return LRM_ERR_CARRIER;
}

static int bind_port(grpc_listener *l, const lrm_url *url, char *error, size_t error_bytes) {
  char where[300], why[300] = "out of memory";
  bool v6 = strchr(url->host, ':') != NULL;
  snprintf(where, sizeof where, "%s%s%s:%u", v6 ? "[" : "", url->host, v6 ? "]" : "",
           (unsigned)url->port);
  grpc_server_credentials *credentials = server_credentials(l, url, why, sizeof why);
  if (credentials == NULL) return fail(l, why, error, error_bytes);
  l->server = make_server();
  grpc_server_register_completion_queue(l->server, l->rt->queue, NULL);
  int port = grpc_server_add_http2_port(l->server, where, credentials);
  grpc_server_credentials_release(credentials);
  if (port <= 0) {
    grpc_server_start(l->server);
    return fail(l, port_fault(url), error, error_bytes);
  }
  lrm_url named = *url;
  named.port = (uint16_t)port;
  lrm_url_text(&named, l->base.url, sizeof l->base.url);
  grpc_server_start(l->server);
  return 0;
}

int lrm_grpc_listen(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                    const lrm_grpc_listener_ops *ops, void *user, lrm_uv_listener **out,
                    char *error, size_t error_bytes) {
  grpc_runtime *rt = lrm__grpc_runtime_of(loop);
  if (rt == NULL) return LRM_ERR_NO_MEMORY;
  grpc_listener *l = calloc(1, sizeof *l);
  if (l == NULL) {
    lrm__grpc_runtime_release(rt);
    return LRM_ERR_NO_MEMORY;
  }
  l->base.ops = &listener_ops;
  l->rt = rt;
  l->settings = settings;
  l->ops = *ops;
  l->user = user;
  l->references = 1;
  l->down.owner = l;
  l->down.done = on_down;
  lrm_url_text(url, l->base.url, sizeof l->base.url);
  int result = bind_port(l, url, error, error_bytes);
  if (result != 0) return result;
  for (size_t i = 0; i < ARRIVALS; i++) {
    arrival *a = &l->arrivals[i];
    a->listener = l;
    a->tag.owner = a;
    a->tag.done = on_arrived;
    await(a);
  }
  *out = &l->base;
  return 0;
}

static int kind_listen(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                       void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                       lrm_uv_listener **out, char *error, size_t error_bytes) {
  lrm_grpc_listener_ops ops = {.accepted = accepted};
  return lrm_grpc_listen(loop, url, settings, &ops, user, out, error, error_bytes);
}

static const char *const schemes[] = {"grpc", "grpcs", NULL};
const lrm_uv_kind lrm_grpc_kind = {schemes, lrm__grpc_connect, kind_listen};

/* The connecting side: one channel for each carrier, TLS, and what a failure is called. */
#include "carrier_grpc/grpc_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS_MAX = 10000, METADATA_BYTES_MAX = 8 * 1024 };
#define ATTACH "/remote.v1.Relay/Attach"

/* Text from the other side or the library, one line that can be shown. */
static void plain_text(char *out, size_t out_bytes, const uint8_t *data, size_t bytes) {
  size_t used = 0;
  for (size_t i = 0; i < bytes && used + 1 < out_bytes; i++) {
    out[used++] = data[i] >= 0x20 && data[i] < 0x7f ? (char)data[i] : '?';
  }
  out[used] = '\0';
}

/* What stands behind the last of these says most. */
static const char *gist(const char *details) {
  static const char *const marks[] = {"Failed to connect to remote host: ", "last error: UNKNOWN: ",
                                      "last error: UNAVAILABLE: ", "last error: "};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
    const char *found = strstr(details, marks[i]);
    if (found != NULL) return found + strlen(marks[i]);
  }
  return details;
}

static const char *advice(grpc_status_code status, const char *details) {
  if (strstr(details, "CERTIFICATE_VERIFY_FAILED") != NULL ||
      strstr(details, "certificate verify failed") != NULL) {
    return "its certificate is not signed by anybody whom this machine trusts (--tls-ca names "
           "more)";
  }
  if (strstr(details, "is not in peer certificate") != NULL) {
    return "its certificate is for another name";
  }
  if (strstr(details, "WRONG_VERSION_NUMBER") != NULL ||
      strstr(details, "wrong version number") != NULL) {
    return "it does not speak TLS there (grpc:// instead of grpcs://?)";
  }
  if (strstr(details, "no application protocol") != NULL) {
    return "TLS, but no gRPC is served there (tls:// or wss:// instead of grpcs://?)";
  }
  if (status == GRPC_STATUS_UNIMPLEMENTED) return "there is gRPC, but no relay behind it";
  return NULL;
}

/* Why a connecting side's call ended, for people. */
void lrm__grpc_describe(grpc_stream *s) {
  char details[600], text[sizeof s->error_text];
  plain_text(details, sizeof details, GRPC_SLICE_START_PTR(s->details),
             GRPC_SLICE_LENGTH(s->details));
  const char *why = advice(s->status, details);
  if (why == NULL && !s->up && strstr(details, "Socket closed") != NULL) {
    why = "the other side closed it: is gRPC served there, or only with TLS (grpcs://)?";
  }
  if (why == NULL) why = details[0] != '\0' ? gist(details) : "the relay gave no reason";
  if (s->status == GRPC_STATUS_OK) {
    snprintf(text, sizeof text, "the other side closed the connection");
  } else if (s->up && why == details) {
    snprintf(text, sizeof text, "connection lost: %s", why);
  } else {
    snprintf(text, sizeof text, "%s %.90s: %s", s->up ? "lost" : "cannot connect to", s->target,
             why);
  }
  lrm__grpc_fault(s, text);
}

static void on_connected(grpc_tag *tag, bool ok) {
  grpc_stream *s = tag->owner;
  if (s->over || !ok || s->draining) {
    lrm__grpc_settle(s);
    return;
  }
  (void)uv_timer_stop(&s->timer);
  s->up = true;
  lrm__grpc_name_peer(s);
  s->base.owner.up(s->base.owner_user, &s->base);
  if (!s->draining) lrm__grpc_read(s);
}

static void on_connect_timeout(uv_timer_t *timer) {
  grpc_stream *s = timer->data;
  char text[sizeof s->error_text];
  snprintf(text, sizeof text, "cannot connect to %.90s: no answer within 10 s", s->target);
  lrm__grpc_fault(s, text);
  lrm__grpc_cancel(s);
}

static void on_never_begun(uv_timer_t *timer) { lrm__grpc_over(timer->data); }

grpc_arg lrm__grpc_int(const char *key, int value) {
  grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key};
  arg.value.integer = value;
  return arg;
}

/* What holds for both sides. Messages are compressed by nobody: blocks are already, and credentials
 * must not be. */
size_t lrm__grpc_common_args(grpc_arg *args) {
  size_t n = 0;
  args[n++] = lrm__grpc_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, LRM_GRPC_MESSAGE_BYTES_MAX + 1024);
  args[n++] = lrm__grpc_int(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1);
  args[n++] = lrm__grpc_int(GRPC_ARG_MAX_METADATA_SIZE, METADATA_BYTES_MAX);
  args[n++] = lrm__grpc_int(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  args[n++] = lrm__grpc_int(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  args[n++] = lrm__grpc_int("grpc.compression_enabled_algorithms_bitset", 1);
  args[n++] = lrm__grpc_int(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);
  args[n++] = lrm__grpc_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  args[n++] = lrm__grpc_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return n;
}

static grpc_channel_credentials *client_credentials(const lrm_url *url,
                                                    const lrm_uv_settings *settings, char *error,
                                                    size_t error_bytes) {
  if (!lrm_url_encrypted(url)) return grpc_insecure_credentials_create();
  static const lrm_uv_trust nobody;
  char *ca, *cert, *key;
  if (!lrm__grpc_read_trust(settings != NULL ? &settings->trust : &nobody, false, &ca, &cert, &key,
                            error, error_bytes))
    return NULL;
  grpc_ssl_pem_key_cert_pair pair = {.private_key = key, .cert_chain = cert};
  grpc_channel_credentials *made =
      grpc_ssl_credentials_create_ex(ca, cert != NULL ? &pair : NULL, NULL, NULL);
  if (made == NULL) snprintf(error, error_bytes, "TLS cannot be set up with these certificates");
  lrm__grpc_free_trust(ca, cert, key);
  return made;
}

static bool dial(grpc_stream *s, const lrm_url *url, const lrm_uv_settings *settings, char *error,
                 size_t error_bytes) {
  grpc_channel_credentials *credentials = client_credentials(url, settings, error, error_bytes);
  if (credentials == NULL) return false;
  grpc_arg args[GRPC_COMMON_ARGS + 5];
  size_t n = lrm__grpc_common_args(args);
  /* Else channels with equal arguments share a connection, and one cut takes them all. */
  args[n++] = lrm__grpc_int(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args[n++] = lrm__grpc_int(GRPC_ARG_ENABLE_RETRIES, 0);
  args[n++] = lrm__grpc_int(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  args[n++] = lrm__grpc_int(GRPC_ARG_ENABLE_CHANNELZ, 0);
  /* http_proxy and its like of the environment, but not to this machine. */
  args[n++] = lrm__grpc_int(GRPC_ARG_ENABLE_HTTP_PROXY, !lrm_url_local(url));
  const grpc_channel_args all = {.num_args = n, .args = args};
  char target[320];
  bool v6 = strchr(url->host, ':') != NULL;
  snprintf(target, sizeof target, "dns:///%s%s%s:%u", v6 ? "[" : "", url->host, v6 ? "]" : "",
           (unsigned)url->port);
  s->channel = grpc_channel_create(target, credentials, &all);
  grpc_channel_credentials_release(credentials);
  s->call = grpc_channel_create_call(s->channel, NULL, GRPC_PROPAGATE_DEFAULTS, s->rt->queue,
                                     grpc_slice_from_static_string(ATTACH), NULL,
                                     gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
  return true;
}

static void begin_call(grpc_stream *s) {
  grpc_op operation = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
  operation.data.recv_status_on_client.trailing_metadata = &s->trail;
  operation.data.recv_status_on_client.status = &s->status;
  operation.data.recv_status_on_client.status_details = &s->details;
  (void)lrm__grpc_start(s, &s->ended, &operation);
  operation = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
  (void)lrm__grpc_start(s, &s->opened, &operation);
  operation = (grpc_op){.op = GRPC_OP_RECV_INITIAL_METADATA};
  operation.data.recv_initial_metadata.recv_initial_metadata = &s->head;
  (void)lrm__grpc_start(s, &s->headers, &operation);
}

int lrm__grpc_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                      const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out) {
  grpc_runtime *rt = lrm__grpc_runtime_of(loop);
  if (rt == NULL) return LRM_ERR_NO_MEMORY;
  grpc_stream *s = lrm__grpc_stream_new(rt);
  lrm__grpc_runtime_release(rt);
  if (s == NULL) return LRM_ERR_NO_MEMORY;
  char error[200];
  s->attach = true;
  s->base.owner = *owner;
  s->base.owner_user = owner_user;
  lrm_url_text(url, s->target, sizeof s->target);
  lrm__grpc_stream_tags(s, on_connected);
  *out = &s->base;
  if (!dial(s, url, settings, error, sizeof error)) {
    lrm__grpc_fault(s, error);
    (void)uv_timer_start(&s->timer, on_never_begun, 0, 0);
    return 0;
  }
  begin_call(s);
  (void)uv_timer_start(&s->timer, on_connect_timeout, CONNECT_MS_MAX, 0);
  return 0;
}

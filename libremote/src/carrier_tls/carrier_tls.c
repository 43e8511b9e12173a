/* The TLS carrier: OpenSSL between its owner and a stream of libuv. OpenSSL has no buffers of its
 * own to read from or write to: a BIO takes what has just come from where it lies, and gives the
 * stream what is to leave, record by record. So an idle carrier keeps OpenSSL's state and nothing
 * else, and what is unsent lies in the stream alone, whose limit is ours.
 *
 * Connecting is in connect_tls.c, accepting in listener_tls.c. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "carrier_tls/tls_internal.h"

enum {
  /* A handshake is a few KiB, a long chain of certificates included; OpenSSL alone would take
   * over 100 KiB of a stranger. */
  HANDSHAKE_BYTES_MAX = 64 * 1024,
  HANDSHAKE_MS_MAX = 10 * 1000,
  UNREAD_ANSWERS_MAX = 64,
  TEXT_BYTES = 1024
};

/* ---- the BIO ---- */

static int bio_read(BIO *bio, char *out, int capacity) {
  tls_carrier *carrier = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (capacity <= 0) return 0;
  if (carrier->input_bytes == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t bytes = (size_t)capacity < carrier->input_bytes ? (size_t)capacity : carrier->input_bytes;
  memcpy(out, carrier->input, bytes);
  carrier->input += bytes;
  carrier->input_bytes -= bytes;
  return (int)bytes;
}

/* A record, or a flight of the handshake. The stream takes everything, and tells a failure later.
 * What our owner writes it bounds by the room there is; answers to new keys, for which a peer may
 * ask for ever without reading them, are bounded here. */
static int bio_write(BIO *bio, const char *data, int bytes) {
  tls_carrier *carrier = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  lrm_slice part = {(const uint8_t *)data, bytes > 0 ? (size_t)bytes : 0};
  if (carrier->inner == NULL || carrier->ended) return bytes;
  if (lrm_carrier_room(carrier->inner) > 0) {
    carrier->unread_answers = 0;
  } else if (!carrier->writing && ++carrier->unread_answers > UNREAD_ANSWERS_MAX) {
    return -1;
  }
  (void)lrm_carrier_write(carrier->inner, &part, 1);
  return bytes;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH; /* 0 for what it does not know */
}

static BIO_METHOD *method;

static void make_method(void) {
  BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "libremote carrier");
  if (made == NULL) return;
  if (BIO_meth_set_read(made, bio_read) == 1 && BIO_meth_set_write(made, bio_write) == 1 &&
      BIO_meth_set_ctrl(made, bio_control) == 1) {
    method = made;
  } else {
    BIO_meth_free(made);
  }
}

static SSL *make_ssl(tls_carrier *carrier) {
  static uv_once_t once = UV_ONCE_INIT;
  uv_once(&once, make_method);
  BIO *bio = method != NULL ? BIO_new(method) : NULL;
  SSL *ssl = bio != NULL ? SSL_new(carrier->handshake->context) : NULL;
  if (ssl == NULL) {
    BIO_free(bio);
    return NULL;
  }
  BIO_set_data(bio, carrier);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  if (carrier->host == NULL) {
    SSL_set_accept_state(ssl);
    return ssl;
  }
  SSL_set_connect_state(ssl);
  if (lrm_tls_expect(ssl, carrier->host) == 0) return ssl;
  SSL_free(ssl);
  return NULL;
}

/* ---- ending ---- */

static void end(tls_carrier *carrier, bool flush) {
  if (carrier->ended) return;
  carrier->ended = true;
  lrm__tls_handshake_over(carrier);
  lrm_carrier_close(carrier->inner, flush);
}

static void tell(const tls_carrier *carrier, const char *text) {
  const lrm_uv_settings *settings = carrier->settings;
  if (settings != NULL && settings->notice != NULL && carrier->untrusted) {
    settings->notice(settings->notice_user, LRM_UV_NOTICE_UNTRUSTED, carrier->host, text);
  }
  if (carrier->handshake != NULL && carrier->handshake->listener != NULL) {
    lrm__tls_refused(carrier->handshake->listener, carrier->inner->peer, text);
  }
}

void lrm__tls_fail(tls_carrier *carrier, const char *format, ...) {
  if (carrier->ended) return;
  char text[TEXT_BYTES];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  carrier->failed = true;
  carrier->error_text = strdup(text);
  tell(carrier, text);
  end(carrier, true);
}

static void explain(tls_carrier *carrier, char text[TEXT_BYTES]) {
  if (carrier->unread_answers > UNREAD_ANSWERS_MAX) {
    snprintf(text, TEXT_BYTES, "the other side asks for new keys and does not read the answers");
    return;
  }
  carrier->untrusted = lrm_tls_explain(carrier->ssl, carrier->host, text, TEXT_BYTES);
}

/* Says close_notify. */
static void say_goodbye(tls_carrier *carrier) {
  ERR_clear_error();
  (void)SSL_shutdown(carrier->ssl);
  ERR_clear_error();
}

static void carrier_close(lrm_carrier *base, bool flush) {
  tls_carrier *carrier = (tls_carrier *)base;
  if (carrier->ended) return;
  if (carrier->up && flush) say_goodbye(carrier);
  end(carrier, carrier->up && flush);
}

static const char *why_down(const tls_carrier *carrier, int error, const char *text) {
  if (carrier->failed) return carrier->error_text != NULL ? carrier->error_text : "out of memory";
  if (error == 0 || carrier->ended || strcmp(text, lrm__uv_text_closed) != 0) return text;
  if (carrier->up) return "the connection was cut: it ended without TLS's goodbye";
  return "the other side closed the connection in the middle of the TLS handshake: is this a port "
         "for TLS?";
}

static void stream_down(void *user, lrm_carrier *inner, int error, const char *text) {
  tls_carrier *carrier = user;
  (void)inner;
  carrier->inner = NULL;
  bool in_order = error == 0 && !carrier->failed;
  const char *why = why_down(carrier, error, text != NULL ? text : "");
  if (carrier->base.owner.down != NULL) {
    carrier->base.owner.down(carrier->base.owner_user, &carrier->base,
                             in_order ? 0 : LRM_ERR_CARRIER, why);
  }
  lrm__tls_handshake_over(carrier);
  SSL_free(carrier->ssl);
  lrm__uv_rest_free(&carrier->rest);
  free(carrier->host);
  free(carrier->error_text);
  free(carrier);
}

/* ---- the handshake ---- */

static void on_handshake_closed(uv_handle_t *handle) {
  tls_handshake *handshake = handle->data;
  SSL_CTX_free(handshake->context);
  free(handshake);
}

void lrm__tls_handshake_over(tls_carrier *carrier) {
  tls_handshake *handshake = carrier->handshake;
  if (handshake == NULL) return;
  carrier->handshake = NULL;
  lrm__tls_forget(handshake);
  handshake->carrier = NULL;
  uv_close((uv_handle_t *)&handshake->timer, on_handshake_closed);
}

static void on_deadline(uv_timer_t *timer) {
  tls_handshake *handshake = timer->data;
  lrm__tls_fail(handshake->carrier, "the TLS handshake took longer than %d s",
                HANDSHAKE_MS_MAX / 1000);
}

static void up(tls_carrier *carrier) {
  carrier->up = true;
  snprintf(carrier->base.peer, sizeof carrier->base.peer, "%s", carrier->inner->peer);
  if (carrier->host != NULL) {
    lrm__tls_handshake_over(carrier);
    carrier->base.owner.up(carrier->base.owner_user, &carrier->base);
  } else {
    lrm__tls_accepted(carrier);
  }
}

static void shake(tls_carrier *carrier) {
  ERR_clear_error();
  int result = SSL_do_handshake(carrier->ssl);
  int error = SSL_get_error(carrier->ssl, result);
  if (result == 1) {
    up(carrier);
  } else if (error == SSL_ERROR_WANT_READ) {
  } else {
    char text[TEXT_BYTES];
    explain(carrier, text);
    lrm__tls_fail(carrier, "%s", text);
  }
}

static void begin(tls_carrier *carrier) {
  carrier->ssl = make_ssl(carrier);
  if (carrier->ssl != NULL) return;
  ERR_clear_error();
  lrm__tls_fail(carrier, "out of memory");
}

bool lrm__tls_deadline(tls_carrier *carrier) {
  return uv_timer_start(&carrier->handshake->timer, on_deadline, HANDSHAKE_MS_MAX, 0) == 0;
}

void lrm__tls_begin_connecting(tls_carrier *carrier) {
  if (!lrm__tls_deadline(carrier)) {
    lrm__tls_fail(carrier, "out of memory");
    return;
  }
  begin(carrier);
  if (!carrier->ended) shake(carrier);
}

static void stream_up(void *user, lrm_carrier *inner) {
  tls_carrier *carrier = user;
  (void)inner;
  if (!carrier->ended) lrm__tls_begin_connecting(carrier);
}

/* ---- reading ---- */

/* Gives the owner what was read to `room`. */
static void give(tls_carrier *carrier, const uv_buf_t *room, size_t bytes) {
  lrm__uv_rest_offer offer = lrm__uv_rest_add(&carrier->rest, room, bytes);
  size_t consumed = carrier->base.owner.received(carrier->base.owner_user, &carrier->base,
                                                 offer.data, offer.bytes, &offer.wanted);
  if (carrier->ended) return; /* closed by its owner in there */
  if (!lrm__uv_rest_keep(&carrier->rest, &offer, consumed)) {
    lrm__tls_fail(carrier, "out of memory");
  }
}

/* Reads records until `room` is full or nothing whole is left. Returns SSL_get_error of the last
 * try; `text`: why, when that is SSL_ERROR_SSL. */
static int read_records(tls_carrier *carrier, const uv_buf_t *room, size_t *bytes,
                        char text[TEXT_BYTES]) {
  ERR_clear_error();
  *bytes = 0;
  while (*bytes < room->len) {
    size_t got = 0;
    int result = SSL_read_ex(carrier->ssl, room->base + *bytes, room->len - *bytes, &got);
    if (result != 1) {
      int error = SSL_get_error(carrier->ssl, result);
      if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL) {
        explain(carrier, text);
      }
      return error;
    }
    *bytes += got;
  }
  return SSL_ERROR_NONE;
}

static void read_all(tls_carrier *carrier) {
  for (int error = SSL_ERROR_NONE; error == SSL_ERROR_NONE && !carrier->ended;) {
    /* Not a buffer of the thread: carriers stack, and another one's may hold our input. */
    uint8_t record[SSL3_RT_MAX_PLAIN_LENGTH];
    uv_buf_t room = uv_buf_init((char *)record, sizeof record);
    size_t bytes;
    char text[TEXT_BYTES];
    lrm__uv_rest_room(&carrier->rest, &room);
    error = read_records(carrier, &room, &bytes, text);
    if (bytes > 0) give(carrier, &room, bytes);
    if (carrier->ended) return;
    if (error == SSL_ERROR_ZERO_RETURN) {
      say_goodbye(carrier);
      lrm__tls_fail(carrier, "%s", lrm__uv_text_closed);
    } else if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) {
      lrm__tls_fail(carrier, "%s", text);
    }
  }
}

static size_t stream_received(void *user, lrm_carrier *inner, const uint8_t *data, size_t bytes,
                              size_t *wanted) {
  tls_carrier *carrier = user;
  (void)inner;
  *wanted = 0;
  if (carrier->ended) return bytes;
  if (carrier->ssl == NULL) begin(carrier);
  if (carrier->ended) return bytes;
  carrier->input = data;
  carrier->input_bytes = bytes;
  if (!carrier->up) shake(carrier);
  if (carrier->up && !carrier->ended) read_all(carrier);
  carrier->input = NULL;
  carrier->input_bytes = 0;
  if (!carrier->up && !carrier->ended) {
    carrier->handshake->bytes += bytes;
    if (carrier->handshake->bytes > HANDSHAKE_BYTES_MAX) {
      lrm__tls_fail(carrier, "the TLS handshake is larger than %d KiB", HANDSHAKE_BYTES_MAX / 1024);
    }
  }
  return bytes;
}

/* ---- writing ---- */

static size_t carrier_room(const lrm_carrier *base) {
  const tls_carrier *carrier = (const tls_carrier *)base;
  return carrier->up && !carrier->ended ? lrm_carrier_room(carrier->inner) : 0;
}

static int carrier_write(lrm_carrier *base, const lrm_slice *parts, size_t count) {
  tls_carrier *carrier = (tls_carrier *)base;
  if (!carrier->up || carrier->ended) return LRM_ERR_CARRIER;
  ERR_clear_error();
  for (size_t i = 0; i < count; i++) {
    size_t written = 0;
    if (parts[i].bytes == 0) continue;
    carrier->writing = true;
    int result = SSL_write_ex(carrier->ssl, parts[i].data, parts[i].bytes, &written);
    carrier->writing = false;
    if (result == 1) continue;
    /* The BIO takes everything, so it is not room that is missing. */
    char text[TEXT_BYTES];
    explain(carrier, text);
    lrm__tls_fail(carrier, "%s", text);
    return LRM_ERR_CARRIER;
  }
  return 0;
}

static void stream_writable(void *user, lrm_carrier *inner) {
  tls_carrier *carrier = user;
  (void)inner;
  if (!carrier->up || carrier->ended) return;
  carrier->base.owner.writable(carrier->base.owner_user, &carrier->base);
}

/* ---- life ---- */

const lrm_carrier_owner lrm__tls_stream_owner = {stream_up, stream_received, stream_writable,
                                                 stream_down};
static const lrm_carrier_ops ops = {"tls", carrier_room, carrier_write, carrier_close};

tls_carrier *lrm__tls_carrier_new(uv_loop_t *loop, SSL_CTX *context) {
  tls_carrier *carrier = calloc(1, sizeof *carrier);
  tls_handshake *handshake = calloc(1, sizeof *handshake);
  if (carrier == NULL || handshake == NULL || uv_timer_init(loop, &handshake->timer) != 0) {
    free(carrier);
    free(handshake);
    return NULL;
  }
  carrier->base.ops = &ops;
  carrier->handshake = handshake;
  handshake->carrier = carrier;
  handshake->timer.data = handshake;
  handshake->context = context;
  if (context != NULL) (void)SSL_CTX_up_ref(context);
  return carrier;
}

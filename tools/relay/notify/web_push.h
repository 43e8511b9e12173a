/* Web Push without I/O: the relay's key pair and what it signs (VAPID, RFC 8292), and messages that
 * only one browser can read (RFC 8291, in one record of RFC 8188). */
#ifndef RELAY_WEB_PUSH_H
#define RELAY_WEB_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  WEB_PUSH_POINT_BYTES = 65,
  WEB_PUSH_AUTH_BYTES = 16,
  WEB_PUSH_SALT_BYTES = 16,
  WEB_PUSH_HEAD_BYTES = 86,       /* salt, record size, our public key */
  WEB_PUSH_TEXT_BYTES_MAX = 3072, /* of a message; with all that is added a service takes it */
  WEB_PUSH_BODY_BYTES_MAX = 4096,
  WEB_PUSH_JWT_BYTES_MAX = 1200
};

/* A key pair of P-256. */
typedef struct web_push_key web_push_key;

web_push_key *web_push_key_make(void);                  /* NULL: OpenSSL failed */
web_push_key *web_push_key_read(const char *pem);       /* NULL: not such a key */
web_push_key *web_push_key_of(const uint8_t secret[32], /* NULL: they do not belong together */
                              const uint8_t point[WEB_PUSH_POINT_BYTES]);
void web_push_key_free(web_push_key *key);
void web_push_key_public(const web_push_key *key, uint8_t point[WEB_PUSH_POINT_BYTES]);
/* PEM (PKCS 8), ended by NUL. False: no room, or OpenSSL failed. */
bool web_push_key_write(const web_push_key *key, char *out, size_t out_bytes);

/* The value of Authorization for a push service: `audience` is its origin, `contact` a mailto: or
 * https: address of whoever runs this relay, `until_s` Unix seconds within 24 hours. */
bool web_push_authorization(const web_push_key *key, const char *audience, const char *contact,
                            uint64_t until_s, char *out, size_t out_bytes);

/* `own`: a key pair for this message alone; `salt`: random; `padded`: the text is filled up to this
 * many bytes, 0: it is not. False: it is too long, or the browser's key is not a point. */
bool web_push_encrypt(const uint8_t point[WEB_PUSH_POINT_BYTES],
                      const uint8_t auth[WEB_PUSH_AUTH_BYTES], const web_push_key *own,
                      const uint8_t salt[WEB_PUSH_SALT_BYTES], const void *text, size_t text_bytes,
                      size_t padded, uint8_t out[WEB_PUSH_BODY_BYTES_MAX], size_t *out_bytes);

/* base64url without padding, ended by NUL. False: no room. */
bool web_push_base64url(const void *data, size_t bytes, char *out, size_t out_bytes);

#endif

/* What a message says to whom: JSON for webhooks and browsers, lines for ntfy. No I/O. */
#ifndef RELAY_WORDING_H
#define RELAY_WORDING_H

#include "notifications.h"

enum { WORDING_JSON_BYTES_MAX = 3072, WORDING_HEADER_BYTES_MAX = 1024 };

/* "ask", "done", "error", "many", "test"; what is withdrawn is "withdrawn". */
const char *wording_event(const relay_message *m);
/* For people: never empty, nothing of a session but what the target wants to have. */
void wording_title(const relay_message *m, char *out, size_t out_bytes);
void wording_text(const relay_message *m, char *out, size_t out_bytes);
/* "https://relay.example.org/#/s/ID/ask/ID". False: `page` is NULL, or no room. */
bool wording_link(const relay_message *m, const char *page, char *out, size_t out_bytes);
/* The body for a webhook, ended by NUL; `page` NULL: without a link. Returns its bytes; 0: no room.
 */
size_t wording_webhook(const relay_message *m, const char *page, char *out, size_t out_bytes);
/* The body for a browser: the service worker makes the words. */
size_t wording_push(const relay_message *m, char *out, size_t out_bytes);
/* The same for each attempt to send this message, and for no other one. */
void wording_delivery(const relay_message *m, char *out, size_t out_bytes);
/* A text as the value of a header: others than ASCII encoded (RFC 2047), no line breaks. */
void wording_header(const char *text, char *out, size_t out_bytes);
/* webhook-signature: HMAC-SHA256 of "delivery.seconds.body", "v1,BASE64". False: OpenSSL failed. */
bool wording_sign(const void *secret, size_t secret_bytes, const char *delivery, uint64_t at_s,
                  const char *body, char *out, size_t out_bytes);

#endif

/* Heads of HTTP/1.1 messages: strict, bounded, without allocation. What two parsers could read
 * differently is refused, because a proxy may stand in front. Source: RFC 9112, RFC 9110 5.
 * Threads: any. */
#ifndef REMOTE_HTTP_HEAD_H
#define REMOTE_HTTP_HEAD_H

#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LRM_HTTP_HEAD_BYTES_MAX = 8192, LRM_HTTP_FIELDS_MAX = 64 };

typedef struct lrm_http_field {
  lrm_slice name;  /* as it was written; compared without regard to case */
  lrm_slice value; /* without blanks around it */
} lrm_http_field;

/* Everything is borrowed from what was parsed. */
typedef struct lrm_http_head {
  lrm_slice method; /* of a request */
  lrm_slice target;
  unsigned status; /* of a response: 100 to 599 */
  unsigned minor;  /* HTTP/1.minor */
  size_t fields_count;
  lrm_http_field fields[LRM_HTTP_FIELDS_MAX];
} lrm_http_head;

/* Reads a head that begins at `data`; *consumed: its bytes with the empty line behind it, 0: more
 * are needed. LRM_ERR_PROTOCOL: not a head, told as early as the bytes allow (bare CR or LF,
 * folded lines, blanks before a colon, controls, another version than 1.0 and 1.1).
 * LRM_ERR_LIMIT: more than 8 KiB or 64 fields. */
int lrm_http_request_parse(const uint8_t *data, size_t bytes, lrm_http_head *out,
                           size_t *consumed) LRM_MUST_USE;
int lrm_http_response_parse(const uint8_t *data, size_t bytes, lrm_http_head *out,
                            size_t *consumed) LRM_MUST_USE;

/* How often a field is there; *value: that of the first. */
size_t lrm_http_field_count(const lrm_http_head *head, const char *name, lrm_slice *value);
/* A field that is a list (RFC 9110 5.6.1) holds this word, without regard to case; all fields of
 * the name are one list. */
bool lrm_http_lists(const lrm_http_head *head, const char *name, const char *word);
/* The length of the body. LRM_ERR_PROTOCOL: not one number, or together with Transfer-Encoding.
 * LRM_ERR_LIMIT: Transfer-Encoding is used, which nobody here takes. *given: there is one. */
int lrm_http_content_length(const lrm_http_head *head, uint64_t *out, bool *given) LRM_MUST_USE;

/* Compares with a text of small letters, without regard to case. */
bool lrm_http_is(lrm_slice value, const char *text);
/* Copies into a string; false: it does not fit. */
bool lrm_http_copy(lrm_slice value, char *out, size_t out_bytes);

#ifdef __cplusplus
}
#endif
#endif

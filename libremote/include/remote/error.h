/* Error codes of libremote: one list, and who must act.
 *
 * Every function that can fail returns int: 0 or a negative LRM_ERR_* value. The class says
 * who must act; lrm_error_class() and lrm_error_text() read the same list. */
#ifndef REMOTE_ERROR_H
#define REMOTE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lrm_error_kind {
  LRM_ERROR_NONE = 0,    /* not an error */
  LRM_ERROR_USAGE = 1,   /* nothing changed; fix the caller */
  LRM_ERROR_BUSY = 2,    /* nothing changed; try again later */
  LRM_ERROR_CARRIER = 3, /* the carrier is gone; the link survives */
  LRM_ERROR_PEER = 4,    /* the peer broke the protocol; a GOAWAY or CLOSE is queued */
  LRM_ERROR_STORE = 5,   /* the store failed; nothing is acknowledged */
  LRM_ERROR_FATAL = 6    /* only destroying the object is left */
} lrm_error_kind;

/* X(name, value, class, text) */
#define LRM_ERRORS(X)                                      \
  X(USAGE, -1, USAGE, "wrong use of the interface")        \
  X(STATE, -2, USAGE, "not possible in this state")        \
  X(TOO_LARGE, -3, USAGE, "larger than the limit")         \
  X(NOT_FOUND, -4, USAGE, "not found")                     \
  X(BUSY, -10, BUSY, "no room now; try again later")       \
  X(CARRIER, -20, CARRIER, "the carrier is gone")          \
  X(PROTOCOL, -30, PEER, "the peer broke the protocol")    \
  X(LIMIT, -31, PEER, "the peer exceeded a limit")         \
  X(DECODE, -32, PEER, "a message cannot be decoded")      \
  X(INFLATE, -33, PEER, "a block cannot be inflated")      \
  X(POSITION, -34, PEER, "an offset that cannot be")       \
  X(STORE, -40, STORE, "the store failed")                 \
  X(DISK_FULL, -41, STORE, "the disk is full")             \
  X(FENCED, -42, STORE, "a newer process writes this log") \
  X(TRIMMED, -43, STORE, "the offset is no longer stored") \
  X(CORRUPT, -44, STORE, "the store is damaged")           \
  X(NO_MEMORY, -50, FATAL, "out of memory")

#define LRM_ERROR_ENUM(name, value, kind, text) LRM_ERR_##name = value,
enum lrm_error { LRM_OK = 0, LRM_ERRORS(LRM_ERROR_ENUM) };
#undef LRM_ERROR_ENUM

/* Class of a code; LRM_ERROR_NONE for 0 and above, LRM_ERROR_FATAL for an unknown one. */
lrm_error_kind lrm_error_class(int code);

/* Text of a code, English, static. Never NULL. */
const char *lrm_error_text(int code);

#if defined(__GNUC__)
#define LRM_MUST_USE __attribute__((warn_unused_result))
#else
#define LRM_MUST_USE
#endif

#ifdef __cplusplus
}
#endif
#endif

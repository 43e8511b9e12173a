/* JSON-RPC 2.0 as ACP uses it: one message a line, up to 32 MiB. Bytes in, lines out; no I/O.
 * Ids of the other side are echoed with their type; the id spaces of both sides are independent.
 * What is not JSON-RPC is reported and counted, never answered: an agent may print a log line to
 * its standard output, and an error sent for it would be an answer to nothing. Threads: one. */
#ifndef REMOTE_CLI_JSONRPC_H
#define REMOTE_CLI_JSONRPC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RPC_LINE_BYTES_MAX (32u * 1024u * 1024u)
#define RPC_CALLS_MAX 64u

#define RPC_TOO_LONG "a line over 32 MiB" /* why, for `malformed` */

typedef enum rpc_code {
  RPC_PARSE_ERROR = -32700,
  RPC_INVALID_REQUEST = -32600,
  RPC_METHOD_NOT_FOUND = -32601,
  RPC_INVALID_PARAMS = -32602,
  RPC_INTERNAL_ERROR = -32603,
  RPC_AUTH_REQUIRED = -32000,
  RPC_NOT_FOUND = -32002,
  RPC_CANCELLED = -32800
} rpc_code;

typedef struct rpc rpc;

typedef struct rpc_owner {
  /* A line to send, its newline included; borrowed. */
  void (*send)(void *user, const char *line, size_t bytes);
  /* Messages of the other side. `id`, `params` (may be NULL) are borrowed: incref to keep. */
  void (*request)(void *user, json_t *id, const char *method, json_t *params);
  void (*notification)(void *user, const char *method, json_t *params);
  /* A line that is no JSON-RPC message, or a response to nothing. `line` is borrowed. */
  void (*malformed)(void *user, const char *line, size_t bytes, const char *why);
} rpc_owner;

/* One of result and error is set; both borrowed. */
typedef void (*rpc_answer)(void *user, uint64_t context, json_t *result, json_t *error);

rpc *rpc_create(const rpc_owner *owner, void *user);
void rpc_destroy(rpc *rpc);

/* Bytes of the other side; calls the owner for each whole line. */
void rpc_feed(rpc *rpc, const char *data, size_t bytes);
/* The other side will say nothing more: a last line without newline is taken. */
void rpc_end(rpc *rpc);

/* Sends a request (takes over params). False: RPC_CALLS_MAX are open; nothing was sent. `answer`
 * is called once: with the response, or by rpc_abandon. */
bool rpc_call(rpc *rpc, const char *method, json_t *params, rpc_answer answer, uint64_t context);
/* Nobody waits any more: the other side is told so ($/cancel_request), an answer that comes all the
 * same is dropped. */
void rpc_give_up(rpc *rpc, rpc_answer answer, uint64_t context);
void rpc_notify(rpc *rpc, const char *method, json_t *params);
void rpc_reply(rpc *rpc, json_t *id, json_t *result);
void rpc_refuse(rpc *rpc, json_t *id, int code, const char *message);
/* The other side is gone: open calls are answered with an error. */
void rpc_abandon(rpc *rpc, const char *why);

/* Lines that were malformed, in all and since the last good one. */
uint64_t rpc_malformed_count(const rpc *rpc);
uint64_t rpc_malformed_run(const rpc *rpc);

#endif

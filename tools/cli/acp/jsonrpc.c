#include "jsonrpc.h"

#include <stdlib.h>
#include <string.h>

#include "json_mend.h"
#include "memory.h"

typedef struct open_call {
  bool used;
  bool dead; /* nobody waits for it any more; its answer may still come */
  json_int_t id;
  rpc_answer answer;
  uint64_t context;
} open_call;

struct rpc {
  rpc_owner owner;
  void *user;
  open_call calls[RPC_CALLS_MAX];
  json_int_t next_id;
  char *line; /* what came of the present line */
  size_t bytes, room;
  bool skipping; /* the present line is too long; its rest is dropped */
  uint64_t malformed, malformed_run;
};

rpc *rpc_create(const rpc_owner *owner, void *user) {
  rpc *r = memory_zero(sizeof *r);
  r->owner = *owner;
  r->user = user;
  return r;
}

void rpc_destroy(rpc *r) {
  if (r == NULL) return;
  free(r->line);
  free(r);
}

uint64_t rpc_malformed_count(const rpc *r) { return r->malformed; }
uint64_t rpc_malformed_run(const rpc *r) { return r->malformed_run; }

/* ---- out ---- */

static void send_message(rpc *r, json_t *message) {
  json_object_set_new(message, "jsonrpc", json_string("2.0"));
  char *text = json_dumps(message, JSON_COMPACT);
  json_decref(message);
  if (text == NULL) return; /* cannot be: everything in it is JSON already */
  size_t bytes = strlen(text);
  text[bytes] = '\n'; /* in place of the terminator */
  r->owner.send(r->user, text, bytes + 1);
  free(text);
}

/* One that is free, else one whose answer nobody waits for. */
static open_call *free_call(rpc *r) {
  open_call *dead = NULL;
  for (size_t i = 0; i < RPC_CALLS_MAX; i++) {
    if (!r->calls[i].used) return &r->calls[i];
    if (r->calls[i].dead && dead == NULL) dead = &r->calls[i];
  }
  return dead;
}

bool rpc_call(rpc *r, const char *method, json_t *params, rpc_answer answer, uint64_t context) {
  open_call *call = free_call(r);
  if (call == NULL) {
    json_decref(params);
    return false;
  }
  *call = (open_call){.used = true, .id = r->next_id++, .answer = answer, .context = context};
  send_message(r, json_pack("{s:I,s:s,s:o}", "id", call->id, "method", method, "params", params));
  return true;
}

void rpc_give_up(rpc *r, rpc_answer answer, uint64_t context) {
  for (size_t i = 0; i < RPC_CALLS_MAX; i++) {
    open_call *call = &r->calls[i];
    if (!call->used || call->dead || call->answer != answer || call->context != context) continue;
    call->dead = true;
    rpc_notify(r, "$/cancel_request", json_pack("{s:I}", "requestId", call->id));
  }
}

void rpc_notify(rpc *r, const char *method, json_t *params) {
  send_message(r, json_pack("{s:s,s:o}", "method", method, "params", params));
}

void rpc_reply(rpc *r, json_t *id, json_t *result) {
  send_message(r, json_pack("{s:O,s:o}", "id", id, "result", result));
}

void rpc_refuse(rpc *r, json_t *id, int code, const char *text) {
  send_message(r, json_pack("{s:O,s:{s:i,s:s}}", "id", id, "error", "code", code, "message", text));
}

void rpc_abandon(rpc *r, const char *why) {
  json_t *error = json_pack("{s:i,s:s}", "code", RPC_INTERNAL_ERROR, "message", why);
  for (size_t i = 0; i < RPC_CALLS_MAX; i++) {
    open_call call = r->calls[i];
    r->calls[i].used = false;
    if (call.used && !call.dead) call.answer(r->user, call.context, NULL, error);
  }
  json_decref(error);
}

/* ---- in ---- */

static void malformed(rpc *r, const char *line, size_t bytes, const char *why) {
  r->malformed++;
  r->malformed_run++;
  r->owner.malformed(r->user, line, bytes, why);
}

static bool id_is_good(const json_t *id) {
  return json_is_integer(id) || json_is_string(id) || json_is_real(id) || json_is_null(id);
}

/* Our ids are whole numbers; some agents give them back as 1.0 or "1". -1: none of ours. */
static json_int_t number_of(const json_t *id) {
  if (json_is_integer(id)) return json_integer_value(id);
  double real = json_real_value(id);
  if (json_is_real(id) && real >= 0 && real < 9007199254740992.0 &&
      real == (double)(json_int_t)real)
    return (json_int_t)real;
  const char *text = json_string_value(id);
  if (text == NULL || text[0] == '\0' || strspn(text, "0123456789") != strlen(text) ||
      strlen(text) > 15)
    return -1;
  return strtoll(text, NULL, 10);
}

static open_call *call_of(rpc *r, const json_t *id) {
  json_int_t number = number_of(id);
  for (size_t i = 0; i < RPC_CALLS_MAX; i++)
    if (r->calls[i].used && r->calls[i].id == number) return &r->calls[i];
  return NULL;
}

static const char *take_response(rpc *r, json_t *message) {
  json_t *result = json_object_get(message, "result");
  json_t *error = json_object_get(message, "error");
  if (json_is_null(error) && result != NULL) error = NULL; /* some send both, one of them null */
  if (json_is_null(result) && error != NULL) result = NULL;
  if ((result == NULL) == (error == NULL)) return "a response needs one of result and error";
  open_call *call = call_of(r, json_object_get(message, "id"));
  if (call == NULL) return "a response to no open request";
  open_call taken = *call;
  call->used = false;
  r->malformed_run = 0;
  if (!taken.dead) taken.answer(r->user, taken.context, result, error);
  return NULL;
}

/* NULL: taken; else why not. */
static const char *take_message(rpc *r, json_t *message) {
  if (json_is_array(message)) return "batches are not part of ACP";
  if (!json_is_object(message)) return "not an object";
  const char *version = json_string_value(json_object_get(message, "jsonrpc"));
  if (version == NULL || strcmp(version, "2.0") != 0) return "jsonrpc is not \"2.0\"";
  json_t *method = json_object_get(message, "method");
  json_t *id = json_object_get(message, "id");
  json_t *params = json_object_get(message, "params");
  if (method == NULL) return take_response(r, message);
  if (!json_is_string(method)) return "method is not a string";
  if (id != NULL && !id_is_good(id)) return "id is neither a number nor a string";
  r->malformed_run = 0;
  if (id != NULL)
    r->owner.request(r->user, id, json_string_value(method), params);
  else
    r->owner.notification(r->user, json_string_value(method), params);
  return NULL;
}

static json_t *parse(const char *line, size_t bytes) {
  static const size_t flags = JSON_ALLOW_NUL | JSON_DECODE_ANY;
  json_t *message = json_loadb(line, bytes, flags, NULL);
  if (message != NULL || memchr("{[", line[0], 2) == NULL) return message;
  size_t mended_bytes = 0;
  char *mended = json_mend(line, bytes, &mended_bytes);
  message = json_loadb(mended, mended_bytes, flags, NULL);
  free(mended);
  return message;
}

static void take_line(rpc *r, const char *line, size_t bytes) {
  while (bytes > 0 && (line[bytes - 1] == '\r' || line[bytes - 1] == ' ')) bytes--;
  if (bytes == 0) return;
  json_t *message = parse(line, bytes);
  if (message == NULL) {
    malformed(r, line, bytes, "not JSON");
    return;
  }
  const char *why = take_message(r, message);
  if (why != NULL) malformed(r, line, bytes, why);
  json_decref(message);
}

static void keep(rpc *r, const char *data, size_t bytes) {
  if (r->skipping) return;
  if (r->bytes + bytes > RPC_LINE_BYTES_MAX) {
    malformed(r, r->line, r->bytes < 1024 ? r->bytes : 1024, RPC_TOO_LONG);
    r->skipping = true;
    r->bytes = 0;
    return;
  }
  if (r->bytes + bytes > r->room) {
    r->room = (r->bytes + bytes) * 2;
    r->line = memory_grow(r->line, r->room);
  }
  memcpy(r->line + r->bytes, data, bytes);
  r->bytes += bytes;
}

static void end_line(rpc *r) {
  size_t bytes = r->bytes;
  bool skipped = r->skipping;
  r->bytes = 0;
  r->skipping = false;
  if (!skipped) take_line(r, r->line != NULL ? r->line : "", bytes);
  if (r->room > 1024 * 1024) { /* a rare giant does not keep its room */
    free(r->line);
    r->line = NULL;
    r->room = 0;
  }
}

void rpc_feed(rpc *r, const char *data, size_t bytes) {
  while (bytes > 0) {
    const char *end = memchr(data, '\n', bytes);
    size_t part = end != NULL ? (size_t)(end - data) : bytes;
    if (end != NULL && r->bytes == 0 && !r->skipping && part <= RPC_LINE_BYTES_MAX) {
      take_line(r, data, part); /* a whole line: no copy */
    } else {
      keep(r, data, part);
      if (end != NULL) end_line(r);
    }
    if (end != NULL) part++;
    data += part;
    bytes -= part;
  }
}

void rpc_end(rpc *r) {
  if (r->bytes > 0) end_line(r);
}

#include <stdio.h>
#include <stdlib.h>

#include "demo.h"

static void send_object(json_t *message) {
  json_object_set_new(message, "jsonrpc", json_string("2.0"));
  char *line = json_dumps(message, JSON_COMPACT);
  if (line != NULL) demo_send_raw(line);
  free(line);
  json_decref(message);
}

void demo_send_raw(const char *line) {
  fputs(line, stdout);
  fputc('\n', stdout);
  if (fflush(stdout) != 0) exit(0); /* the client is gone */
}

void demo_send_result(json_t *id, json_t *result) {
  json_t *message = json_object();
  json_object_set(message, "id", id);
  json_object_set_new(message, "result", result);
  send_object(message);
}

void demo_send_error(json_t *id, int code, const char *message_text) {
  json_t *message = json_object();
  json_t *error = json_object();
  if (id != NULL)
    json_object_set(message, "id", id);
  else
    json_object_set_new(message, "id", json_null());
  json_object_set_new(error, "code", json_integer(code));
  json_object_set_new(error, "message", json_string(message_text));
  json_object_set_new(message, "error", error);
  send_object(message);
}

json_int_t demo_send_request(const char *method, json_t *params) {
  json_t *message = json_object();
  json_int_t id = demo.next_request_id++;
  json_object_set_new(message, "id", json_integer(id));
  json_object_set_new(message, "method", json_string(method));
  json_object_set_new(message, "params", params);
  send_object(message);
  return id;
}

void demo_send_update(const demo_session *session, json_t *update) {
  json_t *message = json_object();
  json_t *params = json_object();
  json_object_set_new(params, "sessionId", json_string(session->id));
  json_object_set_new(params, "update", update);
  json_object_set_new(message, "method", json_string("session/update"));
  json_object_set_new(message, "params", params);
  send_object(message);
}

json_t *demo_text_block(const char *text, size_t bytes) {
  json_t *value = json_stringn(text, bytes);
  if (value == NULL) value = json_string("(not text)");
  return json_pack("{s:s,s:o}", "type", "text", "text", value);
}

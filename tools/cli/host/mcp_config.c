#include "mcp_config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "paths.h"

typedef struct reading {
  const char *file;
  const char *server; /* the one that is being read; NULL: none yet */
  char *error;
  size_t error_bytes;
} reading;

static json_t *wrong(const reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static json_t *wrong(const reading *r, const char *format, ...) {
  char text[300];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (r->server != NULL)
    snprintf(r->error, r->error_bytes, "%s: server \"%.60s\": %s", r->file, r->server, text);
  else
    snprintf(r->error, r->error_bytes, "%s: %s", r->file, text);
  return NULL;
}

/* The program that a shell would run. False: there is none. */
static bool find_program(const char *command, char out[PATH_BYTES_MAX]) {
  char real[PATH_MAX];
  if (strchr(command, '/') != NULL)
    return realpath(command, real) != NULL && access(real, X_OK) == 0 &&
           snprintf(out, PATH_BYTES_MAX, "%s", command[0] == '/' ? command : real) < PATH_BYTES_MAX;
  const char *path = getenv("PATH");
  for (const char *at = path != NULL ? path : ""; *at != '\0';) {
    size_t n = strcspn(at, ":");
    bool fits = snprintf(out, PATH_BYTES_MAX, "%.*s/%s", (int)n, at, command) < PATH_BYTES_MAX;
    if (n > 0 && at[0] == '/' && fits && access(out, X_OK) == 0) return true;
    at += n;
    at += *at == ':';
  }
  return false;
}

/* {"A": "b"} as [{"name": "A", "value": "b"}]. NULL: not an object of texts. */
static json_t *pairs(const reading *r, json_t *object, const char *what) {
  json_t *list = json_array(), *value;
  const char *name;
  if (object != NULL && !json_is_object(object)) {
    json_decref(list);
    return wrong(r, "\"%s\" must be an object of texts", what);
  }
  json_object_foreach(object, name, value) {
    if (!json_is_string(value)) {
      json_decref(list);
      return wrong(r, "\"%s\": the value of \"%.60s\" must be a text", what, name);
    }
    json_array_append_new(list, json_pack("{s:s,s:O}", "name", name, "value", value));
  }
  return list;
}

static bool texts(const json_t *list) {
  for (size_t i = 0; i < json_array_size(list); i++)
    if (!json_is_string(json_array_get(list, i))) return false;
  return list == NULL || json_is_array(list);
}

static json_t *read_program(const reading *r, json_t *server) {
  const char *command = json_string_value(json_object_get(server, "command"));
  json_t *args = json_object_get(server, "args");
  char path[PATH_BYTES_MAX];
  if (command == NULL || command[0] == '\0') return wrong(r, "\"command\" is missing");
  if (!texts(args)) return wrong(r, "\"args\" must be a list of texts");
  if (!find_program(command, path))
    return wrong(r, "there is no program \"%.100s\"; is it installed and in PATH?", command);
  json_t *env = pairs(r, json_object_get(server, "env"), "env");
  if (env == NULL) return NULL;
  json_t *out = json_pack("{s:s,s:s,s:o}", "name", r->server, "command", path, "env", env);
  json_object_set_new(out, "args", args != NULL ? json_incref(args) : json_array());
  return out;
}

static json_t *read_address(const reading *r, json_t *server, const char *type) {
  const char *url = json_string_value(json_object_get(server, "url"));
  if (url == NULL || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
    return wrong(r, "\"url\" must be an http:// or https:// address");
  json_t *headers = pairs(r, json_object_get(server, "headers"), "headers");
  if (headers == NULL) return NULL;
  return json_pack("{s:s,s:s,s:s,s:o}", "type", type, "name", r->server, "url", url, "headers",
                   headers);
}

static json_t *read_server(const reading *r, json_t *server) {
  const char *type = json_string_value(json_object_get(server, "type"));
  if (!json_is_object(server)) return wrong(r, "must be an object");
  if (type == NULL) type = json_object_get(server, "url") != NULL ? "http" : "stdio";
  if (strcmp(type, "stdio") == 0) return read_program(r, server);
  if (strcmp(type, "http") == 0 || strcmp(type, "sse") == 0) return read_address(r, server, type);
  return wrong(r, "\"type\" is stdio, http or sse, not \"%.40s\"", type);
}

json_t *mcp_config_load(const char *path, char *error, size_t error_bytes) {
  reading r = {path, NULL, error, error_bytes};
  char *text = memory_zero(MCP_CONFIG_BYTES_MAX + 2);
  FILE *file = fopen(path, "re");
  if (file == NULL) {
    free(text);
    return wrong(&r, "%s", strerror(errno));
  }
  size_t bytes = fread(text, 1, MCP_CONFIG_BYTES_MAX + 1, file);
  bool read = ferror(file) == 0;
  fclose(file);
  json_error_t where;
  json_t *whole = read && bytes <= MCP_CONFIG_BYTES_MAX ? json_loadb(text, bytes, 0, &where) : NULL;
  free(text);
  if (!read) return wrong(&r, "it cannot be read");
  if (bytes > MCP_CONFIG_BYTES_MAX) return wrong(&r, "it is over 1 MiB");
  if (whole == NULL) return wrong(&r, "line %d: %.160s", where.line, where.text);
  json_t *servers = json_object_get(whole, "mcpServers"), *out = json_array(), *server;
  if (!json_is_object(servers)) wrong(&r, "there is no object \"mcpServers\" in it");
  if (json_object_size(servers) > MCP_SERVERS_MAX) wrong(&r, "more than 64 servers");
  bool good = json_is_object(servers) && json_object_size(servers) <= MCP_SERVERS_MAX;
  json_object_foreach(servers, r.server, server) {
    if (!good) break;
    json_t *one = read_server(&r, server);
    good = one != NULL;
    json_array_append_new(out, one);
  }
  json_decref(whole);
  if (good) return out;
  json_decref(out);
  return NULL;
}

/* What comes with a prompt beside its text, and what an agent shows beside text: files both ways,
 * so that a test can hold bytes against bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "demo.h"
#include "remote/sha256.h"

#define FILE_BYTES_MAX (24u * 1024u * 1024u) /* one line of 32 MiB in base64 */

/* ---- base64 ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *encode(const uint8_t *data, size_t bytes) {
  char *text = malloc(bytes / 3 * 4 + 8), *to = text;
  if (text == NULL) exit(1);
  for (size_t i = 0; i < bytes; i += 3) {
    uint32_t bits = (uint32_t)data[i] << 16;
    if (i + 1 < bytes) bits |= (uint32_t)data[i + 1] << 8;
    if (i + 2 < bytes) bits |= data[i + 2];
    *to++ = digits[bits >> 18];
    *to++ = digits[bits >> 12 & 63];
    *to++ = i + 1 < bytes ? digits[bits >> 6 & 63] : '=';
    *to++ = i + 2 < bytes ? digits[bits & 63] : '=';
  }
  *to = '\0';
  return text;
}

static uint8_t *decode(const char *text, size_t *bytes) {
  uint8_t *data = malloc(strlen(text) + 1), *to = data;
  uint32_t bits = 0, count = 0;
  if (data == NULL) exit(1);
  for (; *text != '\0' && *text != '='; text++) {
    const char *digit = strchr(digits, *text);
    if (digit == NULL) continue;
    bits = bits << 6 | (uint32_t)(digit - digits);
    if (++count % 4 != 1) *to++ = (uint8_t)(bits >> (6 - 2 * ((count - 1) % 4)));
  }
  *bytes = (size_t)(to - data);
  return data;
}

/* ---- what came ---- */

static uint8_t *read_file(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  uint8_t *data = malloc(FILE_BYTES_MAX);
  if (data == NULL) exit(1);
  *bytes = fread(data, 1, FILE_BYTES_MAX, file);
  fclose(file);
  return data;
}

static int digit16(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *path_of(const char *uri) {
  if (strncmp(uri, "file://", 7) != 0) return NULL;
  char *path = strdup(uri + 7), *to = path;
  for (const char *from = path; *from != '\0'; from++) {
    if (*from == '%' && digit16(from[1]) >= 0 && digit16(from[2]) >= 0) {
      *to++ = (char)(digit16(from[1]) << 4 | digit16(from[2]));
      from += 2;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
  return path;
}

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

static void describe(demo_turn *turn, const char *kind, const char *media, const char *name,
                     const uint8_t *data, size_t bytes) {
  uint8_t sha256[LRM_SHA256_BYTES];
  char hex[2 * LRM_SHA256_BYTES + 1], *joined;
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, data, bytes);
  lrm_sha256_end(&sum, sha256);
  for (size_t i = 0; i < sizeof sha256; i++) snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
  if (asprintf(&joined, "%s%s %s %zu %s %s\n", turn->files != NULL ? turn->files : "", kind,
               media[0] != '\0' ? media : "-", bytes, hex, name) < 0)
    exit(1);
  free(turn->files);
  turn->files = joined;
}

static void take_link(demo_turn *turn, const json_t *block) {
  size_t bytes = 0;
  char *path = path_of(text_of(block, "uri")), kind[32] = "link:unreadable";
  uint8_t *data = path != NULL ? read_file(path, &bytes) : NULL;
  struct stat facts;
  if (data != NULL && stat(path, &facts) == 0)
    snprintf(kind, sizeof kind, "link:%03o", (unsigned)(facts.st_mode & 0777));
  describe(turn, kind, text_of(block, "mimeType"), text_of(block, "name"), data, bytes);
  free(data);
  free(path);
}

void demo_files_take(demo_turn *turn, const json_t *blocks) {
  size_t i, bytes;
  json_t *block;
  json_array_foreach(blocks, i, block) {
    const char *type = text_of(block, "type");
    if (strcmp(type, "image") == 0 || strcmp(type, "audio") == 0) {
      uint8_t *data = decode(text_of(block, "data"), &bytes);
      describe(turn, type, text_of(block, "mimeType"), "", data, bytes);
      free(data);
    } else if (strcmp(type, "resource") == 0) {
      const json_t *resource = json_object_get(block, "resource");
      const char *text = text_of(resource, "text"), *slash = strrchr(text_of(resource, "uri"), '/');
      describe(turn, "text", text_of(resource, "mimeType"), slash != NULL ? slash + 1 : "",
               (const uint8_t *)text, strlen(text));
    } else if (strcmp(type, "resource_link") == 0) {
      take_link(turn, block);
    }
  }
}

void demo_files_say(demo_session *session, const char *unused) {
  (void)unused;
  const char *files = session->turn.files;
  demo_say(session, files != NULL ? files : "Nothing came with the prompt.\n", false);
}

/* ---- what is shown ---- */

static json_t *block_of(const char *kind, const char *media, const char *path, const uint8_t *data,
                        size_t bytes) {
  char *base64 = encode(data, bytes), uri[4200];
  json_t *block = NULL;
  snprintf(uri, sizeof uri, "file://%s", path);
  if (strcmp(kind, "image") == 0 || strcmp(kind, "audio") == 0)
    block = json_pack("{s:s,s:s,s:s}", "type", kind, "mimeType", media, "data", base64);
  else if (strcmp(kind, "blob") == 0)
    block = json_pack("{s:s,s:{s:s,s:s,s:s}}", "type", "resource", "resource", "uri", uri,
                      "mimeType", media, "blob", base64);
  else if (strcmp(kind, "text") == 0)
    block = json_pack("{s:s,s:{s:s,s:s,s:s#}}", "type", "resource", "resource", "uri", uri,
                      "mimeType", media, "text", (const char *)data, (int)bytes);
  else if (strcmp(kind, "link") == 0)
    block = json_pack("{s:s,s:s,s:s,s:s,s:I}", "type", "resource_link", "uri", uri, "name", path,
                      "mimeType", media, "size", (json_int_t)bytes);
  free(base64);
  return block;
}

static void show_in_tool(demo_session *session, json_t *block) {
  char id[32];
  snprintf(id, sizeof id, "show-%u", ++session->counter);
  demo_send_update(
      session, json_pack("{s:s,s:s,s:s,s:s,s:s}", "sessionUpdate", "tool_call", "toolCallId", id,
                         "title", "Look", "kind", "read", "status", "in_progress"));
  demo_send_update(session, json_pack("{s:s,s:s,s:s,s:[{s:s,s:o}]}", "sessionUpdate",
                                      "tool_call_update", "toolCallId", id, "status", "completed",
                                      "content", "type", "content", "content", block));
}

/* [tool] image|audio|blob|text|link MEDIA-TYPE PATH */
void demo_show(demo_session *session, const char *text) {
  bool in_tool = strncmp(text, "tool ", 5) == 0;
  size_t bytes = 0;
  char *copy = strdup(in_tool ? text + 5 : text), *path = copy;
  char *kind = strsep(&path, " ");
  char *media = path != NULL ? strsep(&path, " ") : NULL;
  uint8_t *data = path != NULL ? read_file(path, &bytes) : NULL;
  json_t *block = data != NULL ? block_of(kind, media, path, data, bytes) : NULL;
  free(data);
  free(copy);
  if (block == NULL) {
    demo_say(session, "SHOW [tool] image|audio|blob|text|link MEDIA-TYPE PATH", false);
    return;
  }
  if (in_tool) {
    show_in_tool(session, block);
    return;
  }
  char id[32];
  snprintf(id, sizeof id, "msg-%u", ++session->counter);
  demo_send_update(session, json_pack("{s:s,s:s,s:o}", "sessionUpdate", "agent_message_chunk",
                                      "messageId", id, "content", block));
}

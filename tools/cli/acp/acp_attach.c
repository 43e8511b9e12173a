/* What goes to the agent beside the text of a prompt: each file in the form that this agent takes.
 * An image or a sound inline where the agent says that it takes them, a text as an embedded
 * resource, everything else as a link to a file, which every agent must take. */
#include "acp_internal.h"

/* Agents read one line of at most 32 MiB, and base64 makes three bytes four. */
#define INLINE_BYTES_MAX (16u * 1024u * 1024u)
/* More text than this would fill a model's context; through the link it is read as needed. */
#define INLINE_TEXT_BYTES_MAX (256u * 1024u)

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

static bool offers(const acp_session *s, const char *capability) {
  const json_t *prompts = json_object_get(s->capabilities, "promptCapabilities");
  return json_is_true(json_object_get(prompts, capability));
}

static bool is_text_type(const char *media_type) {
  static const char *const types[] = {"text/",           "application/json", "application/xml",
                                      "application/sql", "application/yaml", "application/toml",
                                      "image/svg+xml"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (begins(media_type, types[i])) return true;
  return false;
}

/* What models look at; they refuse a whole prompt for another kind. */
static bool is_model_image(const char *media_type) {
  static const char *const types[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(media_type, types[i]) == 0) return true;
  return false;
}

static bool is_text(const uint8_t *data, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    size_t letter = acp_letter(data + at, bytes - at);
    if (letter == 0 || data[at] == '\0') return false;
    at += letter;
  }
  return true;
}

acp_form acp_attachment_form(const acp_session *s, const acp_attachment *a, size_t inline_bytes) {
  bool room = inline_bytes <= INLINE_BYTES_MAX && a->bytes <= INLINE_BYTES_MAX - inline_bytes;
  if (s == NULL || !room) return ACP_FORM_LINK;
  if (is_text_type(a->media_type) && a->bytes <= INLINE_TEXT_BYTES_MAX &&
      offers(s, "embeddedContext") && is_text(a->data, a->bytes))
    return ACP_FORM_TEXT;
  if (is_model_image(a->media_type) && offers(s, "image")) return ACP_FORM_IMAGE;
  if (begins(a->media_type, "audio/") && offers(s, "audio")) return ACP_FORM_AUDIO;
  return ACP_FORM_LINK;
}

static char *encode64(const uint8_t *data, size_t bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char *out = memory_zero(bytes / 3 * 4 + 8), *to = out;
  for (size_t i = 0; i < bytes; i += 3) {
    uint32_t bits = (uint32_t)data[i] << 16;
    if (i + 1 < bytes) bits |= (uint32_t)data[i + 1] << 8;
    if (i + 2 < bytes) bits |= data[i + 2];
    *to++ = digits[bits >> 18];
    *to++ = digits[bits >> 12 & 63];
    *to++ = i + 1 < bytes ? digits[bits >> 6 & 63] : '=';
    *to++ = i + 2 < bytes ? digits[bits & 63] : '=';
  }
  return out;
}

static json_t *inline_block(const acp_attachment *a, const char *type) {
  char *data = encode64(a->data, a->bytes);
  json_t *block = json_pack("{s:s,s:s,s:s}", "type", type, "mimeType", a->media_type, "data", data);
  free(data);
  return block;
}

static json_t *text_block(const acp_attachment *a) {
  return json_pack("{s:s,s:{s:s,s:s,s:s#}}", "type", "resource", "resource", "uri", a->uri,
                   "mimeType", a->media_type, "text", (const char *)a->data, (int)a->bytes);
}

static json_t *link_block(const acp_attachment *a) {
  json_t *block =
      json_pack("{s:s,s:s,s:s,s:I}", "type", "resource_link", "uri", a->uri, "name",
                a->name[0] != '\0' ? a->name : "attachment", "size", (json_int_t)a->bytes);
  if (block != NULL && a->media_type[0] != '\0')
    json_object_set_new(block, "mimeType", json_string(a->media_type));
  return block;
}

json_t *acp_attachment_block(const acp_attachment *a) {
  switch (a->form) {
    case ACP_FORM_IMAGE:
      return inline_block(a, "image");
    case ACP_FORM_AUDIO:
      return inline_block(a, "audio");
    case ACP_FORM_TEXT:
      return text_block(a);
    default:
      return link_block(a);
  }
}

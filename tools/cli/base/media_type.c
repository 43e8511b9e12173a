#include "media_type.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

typedef struct signature {
  const char *media_type, *ending;
  size_t at;
  const char *bytes;
  size_t count;
  const char *more; /* at 8, 4 bytes; NULL: none */
} signature;

#define MAGIC(text) text, sizeof text - 1

static const signature signatures[] = {
    {"image/png", ".png", 0, MAGIC("\x89PNG\r\n\x1a\n"), NULL},
    {"image/jpeg", ".jpg", 0, MAGIC("\xff\xd8\xff"), NULL},
    {"image/gif", ".gif", 0, MAGIC("GIF87a"), NULL},
    {"image/gif", ".gif", 0, MAGIC("GIF89a"), NULL},
    {"image/webp", ".webp", 0, MAGIC("RIFF"), "WEBP"},
    {"image/avif", ".avif", 4, MAGIC("ftypavif"), NULL},
    {"image/heic", ".heic", 4, MAGIC("ftypheic"), NULL},
    {"image/tiff", ".tiff", 0, MAGIC("II*\0"), NULL},
    {"image/tiff", ".tiff", 0, MAGIC("MM\0*"), NULL},
    {"image/bmp", ".bmp", 0, MAGIC("BM"), NULL},
    {"audio/wav", ".wav", 0, MAGIC("RIFF"), "WAVE"},
    {"audio/mpeg", ".mp3", 0, MAGIC("ID3"), NULL},
    {"audio/mpeg", ".mp3", 0, MAGIC("\xff\xfb"), NULL},
    {"audio/flac", ".flac", 0, MAGIC("fLaC"), NULL},
    {"audio/ogg", ".ogg", 0, MAGIC("OggS"), NULL},
    {"application/pdf", ".pdf", 0, MAGIC("%PDF-"), NULL},
    {"application/zip", ".zip", 0, MAGIC("PK\x03\x04"), NULL},
    {"application/gzip", ".gz", 0, MAGIC("\x1f\x8b"), NULL},
};

/* Kinds of text that are worth telling apart; all others are text/plain. */
static const struct {
  const char *ending, *media_type;
} texts[] = {
    {".txt", "text/plain"},
    {".md", "text/markdown"},
    {".markdown", "text/markdown"},
    {".json", "application/json"},
    {".html", "text/html"},
    {".htm", "text/html"},
    {".css", "text/css"},
    {".csv", "text/csv"},
    {".xml", "application/xml"},
    {".svg", "image/svg+xml"},
    {".yaml", "application/yaml"},
    {".yml", "application/yaml"},
    {".toml", "application/toml"},
    {".sql", "application/sql"},
    {".js", "text/javascript"},
    {".diff", "text/x-diff"},
    {".patch", "text/x-diff"},
    {".py", "text/x-python"},
    {".c", "text/x-c"},
    {".h", "text/x-c"},
    {".sh", "text/x-shellscript"},
};

static const signature *recognise(const uint8_t *data, size_t bytes) {
  for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
    const signature *s = &signatures[i];
    if (bytes < s->at + s->count || memcmp(data + s->at, s->bytes, s->count) != 0) continue;
    if (s->more != NULL && (bytes < 12 || memcmp(data + 8, s->more, 4) != 0)) continue;
    /* Two letters are a weak sign: a text may begin with them. */
    if (s->count > 2 || data[0] >= 0x80 || data[0] < 0x20 || memchr(data, 0, bytes) != NULL)
      return s;
  }
  return NULL;
}

/* Bytes of the UTF-8 character at `c`; 0: it is none, or NUL. */
static size_t letter(const uint8_t *c, size_t bytes) {
  if (c[0] < 0x80) return c[0] != 0;
  size_t n = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;
  if (c[0] < 0xc2 || c[0] > 0xf4 || n > bytes) return 0;
  for (size_t i = 1; i < n; i++)
    if ((c[i] & 0xc0) != 0x80) return 0;
  if (c[0] == 0xe0 && c[1] < 0xa0) return 0;
  if (c[0] == 0xed && c[1] > 0x9f) return 0;
  if (c[0] == 0xf0 && c[1] < 0x90) return 0;
  if (c[0] == 0xf4 && c[1] > 0x8f) return 0;
  return n;
}

static bool is_text(const uint8_t *data, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    size_t n = letter(data + at, bytes - at);
    if (n == 0) return false;
    at += n;
  }
  return true;
}

static const char *text_type(const char *name) {
  const char *ending = strrchr(name, '.');
  for (size_t i = 0; ending != NULL && i < sizeof texts / sizeof *texts; i++)
    if (strcasecmp(ending, texts[i].ending) == 0) return texts[i].media_type;
  return "text/plain";
}

/* What says something that the bytes would show, and they do not show it. */
static bool is_contradicted(const char *claimed) {
  if (strncmp(claimed, "text/", 5) == 0) return true;
  for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
    if (strcmp(claimed, signatures[i].media_type) == 0) return true;
  return false;
}

const char *media_type_of(const uint8_t *data, size_t bytes, const char *name,
                          const char *claimed) {
  const signature *known = recognise(data, bytes);
  if (known != NULL) return known->media_type;
  bool claims = claimed != NULL && claimed[0] != '\0';
  if (is_text(data, bytes)) {
    bool says_text = claims && (strncmp(claimed, "text/", 5) == 0 || strstr(claimed, "json") ||
                                strstr(claimed, "xml") || strstr(claimed, "yaml"));
    return says_text ? claimed : text_type(name);
  }
  return claims && !is_contradicted(claimed) ? claimed : "application/octet-stream";
}

const char *media_type_ending(const char *media_type) {
  size_t bytes = strcspn(media_type, "; ");
  for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
    if (strlen(signatures[i].media_type) == bytes &&
        strncasecmp(signatures[i].media_type, media_type, bytes) == 0)
      return signatures[i].ending;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (strlen(texts[i].media_type) == bytes &&
        strncasecmp(texts[i].media_type, media_type, bytes) == 0)
      return texts[i].ending;
  return "";
}

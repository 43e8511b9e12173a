/* Values within the schema's limits. A reader's preflight refuses a message that is larger than
 * 192 KiB or a string over its limit, so nothing of the kind may be made here: long texts are cut
 * and travel whole as assets, and whatever else had to be left out sets `cut`. */
#include <stdarg.h>
#include <stdio.h>

#include "acp_internal.h"

/* Room for the texts of one event; the message limit is 192 KiB, the rest is for the envelope,
 * ids and paths. */
#define EVENT_ROOM_BYTES (120u * 1024u)
#define JSON_INLINE_BYTES 32768u

struct acp_chunk {
  acp_chunk *next;
  size_t bytes, used;
  _Alignas(16) char data[];
};

void acp_build_begin(acp_build *b, acp_session *session) {
  *b = (acp_build){.session = session, .room = EVENT_ROOM_BYTES};
}

void acp_build_end(acp_build *b) {
  while (b->chunks != NULL) {
    acp_chunk *next = b->chunks->next;
    free(b->chunks);
    b->chunks = next;
  }
}

void *acp_build_alloc(acp_build *b, size_t bytes) {
  bytes = (bytes + 15) & ~(size_t)15;
  if (b->chunks == NULL || b->chunks->bytes - b->chunks->used < bytes) {
    size_t room = bytes > 4096 ? bytes : 4096;
    acp_chunk *chunk = memory_zero(sizeof *chunk + room);
    chunk->next = b->chunks;
    chunk->bytes = room;
    b->chunks = chunk;
  }
  void *out = b->chunks->data + b->chunks->used;
  b->chunks->used += bytes;
  return out;
}

char *acp_build_copy(acp_build *b, const char *text) {
  size_t bytes = strlen(text);
  char *copy = acp_build_alloc(b, bytes + 1);
  memcpy(copy, text, bytes);
  return copy;
}

size_t acp_letter(const unsigned char *t, size_t bytes) {
  if (bytes == 0) return 0;
  if (t[0] < 0x80) return 1;
  size_t n = t[0] >= 0xF0 ? 4 : t[0] >= 0xE0 ? 3 : t[0] >= 0xC2 ? 2 : 0;
  if (n == 0 || n > bytes || t[0] > 0xF4) return 0;
  for (size_t i = 1; i < n; i++)
    if ((t[i] & 0xC0) != 0x80) return 0;
  if (t[0] == 0xE0 && t[1] < 0xA0) return 0;
  if (t[0] == 0xED && t[1] > 0x9F) return 0;
  if (t[0] == 0xF0 && t[1] < 0x90) return 0;
  if (t[0] == 0xF4 && t[1] > 0x8F) return 0;
  return n;
}

/* Copies as much as fits, mistakes as U+FFFD; *used: bytes of the input that went in. */
static size_t copy_letters(char *out, size_t limit, const char *text, size_t bytes, size_t *used) {
  size_t n = 0, i = 0;
  while (i < bytes) {
    size_t letter = acp_letter((const unsigned char *)text + i, bytes - i);
    bool bad = letter == 0 || text[i] == '\0';
    size_t need = bad ? 3 : letter;
    if (n + need > limit) break;
    if (bad) {
      memcpy(out + n, "\xEF\xBF\xBD", 3);
      letter = 1;
    } else {
      memcpy(out + n, text + i, letter);
    }
    n += need;
    i += letter;
  }
  *used = i;
  return n;
}

static char *text_within(acp_build *b, const char *text, size_t bytes, size_t limit, bool *whole) {
  if (limit > b->room) limit = b->room;
  size_t room = bytes > limit / 3 ? limit : bytes * 3;
  char *out = acp_build_alloc(b, room + 1);
  size_t used;
  size_t n = copy_letters(out, room, text, bytes, &used);
  out[n] = '\0';
  b->room -= n;
  *whole = used == bytes;
  return out;
}

char *acp_build_text(acp_build *b, const char *text, size_t bytes, size_t limit) {
  bool whole;
  char *out = text_within(b, text, bytes, limit, &whole);
  if (!whole) b->cut = true;
  return out;
}

char *acp_build_string(acp_build *b, const json_t *value, size_t limit) {
  if (!json_is_string(value)) return acp_build_text(b, "", 0, 0);
  size_t bytes = json_string_length(value);
  const char *text = acp_build_redact(b, json_string_value(value), &bytes);
  return acp_build_text(b, text, bytes, limit);
}

void acp_id_make(const char *id, size_t limit, char *out) {
  size_t bytes = strlen(id);
  if (bytes <= limit) {
    memcpy(out, id, bytes + 1);
    return;
  }
  uint64_t a = acp_hash(ACP_HASH_BEGIN, id, bytes);
  uint64_t c = acp_hash(a ^ UINT64_C(0x9e3779b97f4a7c15), id, bytes);
  snprintf(out, limit + 1, "long-%016llx%016llx", (unsigned long long)a, (unsigned long long)c);
}

char *acp_build_id(acp_build *b, const json_t *value, size_t limit) {
  const char *id = json_is_string(value) ? json_string_value(value) : "";
  char *out = acp_build_alloc(b, limit + 1 > 64 ? limit + 1 : 64);
  acp_id_make(id, limit, out);
  return out;
}

void acp_make_id(acp_session *s, const char *prefix, char out[ACP_ID_BYTES]) {
  snprintf(out, ACP_ID_BYTES, "%s-%.40s-%llu", prefix, s->id_token,
           (unsigned long long)++s->counter);
}

/* ---- redaction ---- */

const char *acp_build_redact(acp_build *b, const char *text, size_t *bytes) {
  size_t clean_bytes;
  char *clean = redact_text(b->session->redact, text, *bytes, &clean_bytes);
  if (clean == NULL) return text;
  char *kept = acp_build_alloc(b, clean_bytes + 1);
  memcpy(kept, clean, clean_bytes);
  free(clean);
  *bytes = clean_bytes;
  return kept;
}

static char *clean_long(acp_build *b, const char *text, size_t bytes, size_t limit,
                        const char *media_type, const char *name, char **asset_id) {
  bool whole;
  char *out = text_within(b, text, bytes, limit, &whole);
  *asset_id = whole ? acp_build_copy(b, "") : acp_build_asset(b, text, bytes, media_type, name);
  return out;
}

char *acp_build_long(acp_build *b, const char *text, size_t bytes, size_t limit,
                     const char *media_type, const char *name, char **asset_id) {
  text = acp_build_redact(b, text, &bytes);
  return clean_long(b, text, bytes, limit, media_type, name, asset_id);
}

/* Its texts are redacted one by one: what goes out is JSON. */
Remote__V1__Json *acp_build_json(acp_build *b, const json_t *value) {
  Remote__V1__Json *json = acp_build_alloc(b, sizeof *json);
  remote__v1__json__init(json);
  json_t *clean = redact_json(b->session->redact, value);
  char *text = json_dumps(clean != NULL ? clean : value, JSON_COMPACT | JSON_ENCODE_ANY);
  json_decref(clean);
  if (text == NULL) text = memory_string("null");
  json->total_bytes = strlen(text);
  json->text =
      clean_long(b, text, strlen(text), JSON_INLINE_BYTES, "application/json", "", &json->asset_id);
  free(text);
  return json;
}

/* ---- events ---- */

static void fill_in(acp_session *s, Remote__V1__Event *event) {
  /* The generated struct wants writable texts; nobody writes to them. */
  if (s->event_turn_id != NULL && event->turn_id[0] == '\0')
    memcpy(&event->turn_id, &s->event_turn_id, sizeof event->turn_id);
  if (s->event_agent_id != NULL && event->agent_id[0] == '\0')
    memcpy(&event->agent_id, &s->event_agent_id, sizeof event->agent_id);
}

void acp_emit(acp_session *s, Remote__V1__Event *event) {
  fill_in(s, event);
  s->sink->emit(s->sink_user, event);
}
void acp_delta(acp_session *s, Remote__V1__Event *event) {
  fill_in(s, event);
  s->sink->delta(s->sink_user, event);
}
void acp_tail(acp_session *s, Remote__V1__Event *event) {
  fill_in(s, event);
  s->sink->tail(s->sink_user, event);
}

void acp_extension(acp_session *s, const char *name, const json_t *value, bool tail) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__AgentExtension extension = REMOTE__V1__AGENT_EXTENSION__INIT;
  extension.namespace_ = acp_build_copy(&b, "acp");
  extension.name = acp_build_text(&b, name, strlen(name), 127);
  extension.json = acp_build_json(&b, value);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_AGENT_EXTENSION;
  event.agent_extension = &extension;
  /* What has an asset is durable with it. */
  if (tail && extension.json->asset_id[0] == '\0')
    acp_tail(s, &event);
  else
    acp_emit(s, &event);
  acp_build_end(&b);
}

void acp_notice(acp_session *s, Remote__V1__NoticeLevel level, const char *topic,
                const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  notice.level = level;
  notice.text = acp_build_text(&b, text, strlen(text), 4096);
  notice.topic = acp_build_copy(&b, topic);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_NOTICE;
  event.notice = &notice;
  acp_emit(s, &event);
  acp_build_end(&b);
}

#include "redact.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define KINDS_MAX 96u

typedef struct redact_counts {
  size_t all, kinds;
  struct {
    const char *kind;
    size_t count;
  } of[KINDS_MAX];
} redact_counts;

struct redactor {
  bool defaults;
  patterns *patterns; /* NULL: none */
  patterns *allowed;
  redact_counts *counts; /* changes while the redactor is lent as const */
};

static bool add_all(patterns *all, const char *const *texts, size_t count, const char *key,
                    char *error, size_t error_bytes) {
  char why[256];
  for (size_t i = 0; i < count; i++) {
    if (patterns_add(all, texts[i], why, sizeof why)) continue;
    snprintf(error, error_bytes, "%s = %.100s: %s", key, texts[i], why);
    return false;
  }
  return true;
}

redactor *redactor_create(const redact_config *config, char *error, size_t error_bytes) {
  redactor *r = memory_zero(sizeof *r);
  r->defaults = config->defaults;
  r->counts = memory_zero(sizeof *r->counts);
  if (config->patterns_count > 0) r->patterns = patterns_create();
  if (config->allowed_count > 0) r->allowed = patterns_create();
  bool good = add_all(r->patterns, config->patterns, config->patterns_count, "redact", error,
                      error_bytes) &&
              add_all(r->allowed, config->allowed, config->allowed_count, "redact_allow", error,
                      error_bytes);
  if (good) return r;
  redactor_destroy(r);
  return NULL;
}

void redactor_destroy(redactor *r) {
  if (r == NULL) return;
  patterns_destroy(r->patterns);
  patterns_destroy(r->allowed);
  free(r->counts);
  free(r);
}

size_t redactor_count(const redactor *r) { return r != NULL ? r->counts->all : 0; }

const char *redactor_kind(const redactor *r, size_t index, size_t *count) {
  if (r == NULL || index >= r->counts->kinds) return NULL;
  *count = r->counts->of[index].count;
  return r->counts->of[index].kind;
}

static void count_one(const redactor *r, const char *kind) {
  redact_counts *c = r->counts;
  size_t i = 0;
  c->all++;
  while (i < c->kinds && strcmp(c->of[i].kind, kind) != 0) i++;
  if (i == KINDS_MAX) return;
  if (i == c->kinds) c->of[c->kinds++].kind = kind;
  c->of[i].count++;
}

const char *redactor_named(const redactor *r, const char *name, size_t name_bytes,
                           const char *value, size_t bytes) {
  if (!r->defaults) return NULL;
  const char *kind = shape_named(name, name_bytes, value, bytes);
  if (kind == NULL || patterns_whole(r->allowed, value, bytes)) return NULL;
  count_one(r, kind);
  return kind;
}

const char *redactor_asked(const redactor *r, const char *question) {
  return r->defaults ? shape_asked(question) : NULL;
}

/* ---- what comes out ---- */

typedef struct outlet {
  redact_stream *stream;
  const redactor *redactor;
} outlet;

static void out_text(void *user, const char *text, size_t bytes) {
  redact_stream *s = ((outlet *)user)->stream;
  if (s->out_bytes + bytes + 1 > s->out_room) {
    s->out_room = (s->out_bytes + bytes + 1) * 2;
    s->out = memory_grow(s->out, s->out_room);
  }
  memcpy(s->out + s->out_bytes, text, bytes);
  s->out_bytes += bytes;
  s->out[s->out_bytes] = '\0';
}

static void out_mark(outlet *o, const char *kind) {
  char mark[64];
  out_text(o, mark, shape_mark(kind, mark));
  o->stream->redacted = true;
  count_one(o->redactor, kind);
}

static void out_configured(void *user, const char *text, size_t bytes) {
  outlet *o = user;
  if (text != NULL && patterns_whole(o->redactor->allowed, text, bytes))
    out_text(o, text, bytes);
  else
    out_mark(o, SHAPE_CONFIGURED);
}

/* Text that no built-in shape took. */
static void pass_text(outlet *o, const char *text, size_t bytes, bool end) {
  redact_stream *s = o->stream;
  if (o->redactor->patterns == NULL) {
    out_text(o, text, bytes);
    return;
  }
  if (s->patterns == NULL) {
    if (bytes == 0) return;
    s->patterns = pattern_stream_create(o->redactor->patterns);
  }
  const pattern_sink sink = {out_text, out_configured, o};
  pattern_stream_feed(s->patterns, text, bytes, end, &sink);
}

/* ---- the stream ---- */

/* A place where something was found. Returns how far it reaches from `at`. */
static size_t take_found(outlet *o, size_t at, const shape_found *found) {
  redact_stream *s = o->stream;
  const char *here = s->raw + at;
  if (found->kind == NULL) { /* a mark from before: for the patterns a place where text ends */
    pass_text(o, "", 0, true);
    out_text(o, here, found->keep);
    return found->keep;
  }
  bool stays = found->rest.kind == SHAPE_REST_NONE &&
               patterns_whole(o->redactor->allowed, here + found->keep, found->secret);
  if (stays) {
    pass_text(o, here, found->keep + found->secret, false);
    return found->keep + found->secret;
  }
  pass_text(o, here, found->keep, true);
  out_mark(o, found->kind);
  s->rest = found->rest;
  return found->keep + found->secret;
}

/* Decides as much as the bytes at hand allow. */
static void scan(outlet *o, bool end) {
  redact_stream *s = o->stream;
  const shape_view view = {s->raw, s->bytes, end};
  size_t at = s->at, passed = s->at; /* passed: text before it has gone on */
  while (at < s->bytes) {
    if (s->rest.kind != SHAPE_REST_NONE) {
      size_t n = shape_drop(&view, at, &s->rest);
      at = passed = at + n;
      if (s->rest.kind != SHAPE_REST_NONE) break;
      continue;
    }
    at += shape_skip(&view, at);
    if (at >= s->bytes) break;
    shape_found found;
    shape_verdict verdict = shape_at(&view, at, o->redactor->defaults, &found);
    if (verdict == SHAPE_MORE) break;
    if (verdict == SHAPE_NO) {
      at++;
      continue;
    }
    pass_text(o, s->raw + passed, at - passed, false);
    at = passed = at + take_found(o, at, &found);
  }
  pass_text(o, s->raw + passed, at - passed, end);
  s->at = at;
}

/* What is no longer looked back at goes. */
static void forget(redact_stream *s) {
  size_t gone = s->at > SHAPE_CONTEXT_BYTES ? s->at - SHAPE_CONTEXT_BYTES : 0;
  if (gone == 0) return;
  memmove(s->raw, s->raw + gone, s->bytes - gone);
  s->bytes -= gone;
  s->at -= gone;
}

static void append(redact_stream *s, const char *data, size_t bytes) {
  if (s->bytes + bytes + 1 > s->room) {
    s->room = (s->bytes + bytes + 1) * 2;
    s->raw = memory_grow(s->raw, s->room);
  }
  memcpy(s->raw + s->bytes, data, bytes);
  s->bytes += bytes;
}

/* The memory of a stream that has ended, but for what came out of it. */
static void begin_anew(redact_stream *s) {
  free(s->raw);
  pattern_stream_destroy(s->patterns);
  s->raw = NULL;
  s->patterns = NULL;
  s->bytes = s->room = s->at = 0;
  s->rest = (shape_rest){0};
}

void redact_stream_feed(redact_stream *s, const redactor *r, const char *data, size_t bytes,
                        bool end, char **out, size_t *out_bytes) {
  outlet o = {s, r};
  s->out_bytes = 0;
  if (r == NULL) {
    out_text(&o, data, bytes);
  } else {
    append(s, data, bytes);
    scan(&o, end);
    if (end)
      begin_anew(s);
    else
      forget(s);
  }
  out_text(&o, "", 0);
  *out = s->out;
  *out_bytes = s->out_bytes;
}

void redact_stream_free(redact_stream *s) {
  begin_anew(s);
  free(s->out);
  memset(s, 0, sizeof *s);
}

static char *whole_text(const redactor *r, const char *text, size_t bytes, bool end,
                        size_t *out_bytes) {
  redact_stream s = {0};
  char *out;
  if (r == NULL || bytes == 0) return NULL;
  redact_stream_feed(&s, r, text, bytes, end, &out, out_bytes);
  char *clean = s.redacted || *out_bytes < bytes ? out : NULL;
  if (clean != NULL) s.out = NULL;
  redact_stream_free(&s);
  return clean;
}

char *redact_text(const redactor *r, const char *text, size_t bytes, size_t *out_bytes) {
  return whole_text(r, text, bytes, true, out_bytes);
}

char *redact_cut_text(const redactor *r, const char *text, size_t bytes, size_t *out_bytes) {
  return whole_text(r, text, bytes, false, out_bytes);
}

/* Runs all patterns over a text at once. A thread is a state and where its match began; of two
 * threads in one state the earlier beginning covers what the later one would, so there are never
 * more threads than states: the time is bounded by text times states, whatever the pattern. */
#include "redact_pattern_internal.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* What stands behind the last byte. */
#define NEXT_END 256

typedef struct thread {
  uint32_t state;
  uint64_t start;
} thread;

/* Bytes that matches cover. `said`: the mark is out already, `start` is where the rest begins. */
typedef struct covered {
  uint64_t start, end;
  bool said;
} covered;

struct pattern_stream {
  const patterns *all;
  thread *threads, *next; /* by their beginnings, earliest first */
  uint32_t count, next_count;
  uint64_t *seen; /* of each state: the last step in which it was reached */
  uint64_t step;
  uint32_t *stack;
  uint64_t base, at; /* of the first byte held; of the next one */
  int before;        /* the byte before `at`; '\n' at the beginning */
  char *held;
  size_t room;
  covered *runs;
  size_t runs_count, runs_room;
  uint64_t steps;
};

patterns *patterns_create(void) { return memory_zero(sizeof(patterns)); }
void patterns_destroy(patterns *all) { free(all); }
size_t patterns_count(const patterns *all) { return all->starts_count; }
uint64_t pattern_stream_steps(const pattern_stream *s) { return s->steps; }

pattern_stream *pattern_stream_create(const patterns *all) {
  pattern_stream *s = memory_zero(sizeof *s);
  size_t states = all->count + 1;
  s->all = all;
  s->threads = memory_zero(states * sizeof *s->threads);
  s->next = memory_zero(states * sizeof *s->next);
  s->seen = memory_zero(states * sizeof *s->seen);
  s->stack = memory_zero((states + 1) * 2 * sizeof *s->stack);
  s->before = '\n';
  return s;
}

void pattern_stream_destroy(pattern_stream *s) {
  if (s == NULL) return;
  free(s->threads);
  free(s->next);
  free(s->seen);
  free(s->stack);
  free(s->held);
  free(s->runs);
  free(s);
}

/* ---- one step ---- */

static bool is_word(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (c >= 0x80 && c < NEXT_END);
}

static bool holds(const pattern_stream *s, pattern_op op, int next) {
  switch (op) {
    case PATTERN_LINE_BEGIN:
      return s->before == '\n';
    case PATTERN_LINE_END:
      return next == '\n' || next == '\r' || next == NEXT_END;
    case PATTERN_WORD_EDGE:
      return is_word(s->before) != is_word(next);
    default:
      return is_word(s->before) == is_word(next);
  }
}

static void cover(pattern_stream *s, uint64_t start, uint64_t end) {
  bool said = false;
  if (start >= end) return;
  while (s->runs_count > 0 && s->runs[s->runs_count - 1].end > start) {
    const covered *last = &s->runs[--s->runs_count];
    if (last->start < start) start = last->start;
    if (last->end > end) end = last->end;
    said = said || last->said;
  }
  if (s->runs_count == s->runs_room) {
    s->runs_room = s->runs_room * 2 + 16;
    s->runs = memory_grow(s->runs, s->runs_room * sizeof *s->runs);
  }
  s->runs[s->runs_count++] = (covered){start, end, said};
}

/* Follows what takes no byte; `next` is the byte that comes. */
static void enter(pattern_stream *s, uint32_t state, uint64_t start, int next, bool *matched) {
  size_t depth = 0;
  s->stack[depth++] = state;
  while (depth > 0) {
    uint32_t at = s->stack[--depth];
    if (s->seen[at] == s->step) continue;
    s->seen[at] = s->step;
    s->steps++;
    const pattern_state *p = &s->all->states[at];
    switch (p->op) {
      case PATTERN_SET:
        s->next[s->next_count++] = (thread){at, start};
        break;
      case PATTERN_SPLIT:
        s->stack[depth++] = p->b;
        s->stack[depth++] = p->a;
        break;
      case PATTERN_JUMP:
        s->stack[depth++] = p->a;
        break;
      case PATTERN_MATCH:
        *matched = true;
        cover(s, start, s->at);
        break;
      default:
        if (holds(s, p->op, next)) s->stack[depth++] = at + 1;
    }
  }
}

static uint64_t remembered(const pattern_stream *s, uint64_t start) {
  return s->at > PATTERN_MATCH_BYTES_MAX && start < s->at - PATTERN_MATCH_BYTES_MAX
             ? s->at - PATTERN_MATCH_BYTES_MAX
             : start;
}

/* From the threads that wait, and new ones when `begin`, to those that can take `next`. */
static bool expand(pattern_stream *s, int next, bool begin) {
  bool matched = false;
  s->step++;
  s->next_count = 0;
  for (uint32_t i = 0; i < s->count; i++)
    enter(s, s->threads[i].state, remembered(s, s->threads[i].start), next, &matched);
  if (begin)
    for (uint32_t i = 0; i < s->all->starts_count; i++)
      enter(s, s->all->starts[i], s->at, next, &matched);
  return matched;
}

static void take(pattern_stream *s, unsigned char c) {
  s->count = 0;
  for (uint32_t i = 0; i < s->next_count; i++) {
    s->steps++;
    if (set_has(&s->all->states[s->next[i].state].set, c))
      s->threads[s->count++] = (thread){s->next[i].state + 1, s->next[i].start};
  }
  s->before = c;
  s->at++;
}

/* ---- what can go out ---- */

static void say_text(const pattern_stream *s, uint64_t from, uint64_t to,
                     const pattern_sink *sink) {
  if (to > from) sink->text(sink->user, s->held + (from - s->base), (size_t)(to - from));
}

static bool inside_letter(const pattern_stream *s, uint64_t at) {
  return at < s->at && ((unsigned char)s->held[at - s->base] & 0xC0) == 0x80;
}

static void drop_runs(pattern_stream *s, size_t count) {
  if (count == 0) return;
  memmove(s->runs, s->runs + count, (s->runs_count - count) * sizeof *s->runs);
  s->runs_count -= count;
}

/* A run is complete when no thread can reach back into it. */
static void flush(pattern_stream *s, bool end, const pattern_sink *sink) {
  uint64_t limit = !end && s->count > 0 ? remembered(s, s->threads[0].start) : s->at;
  if (limit < s->base) limit = s->base;
  while (limit > s->base && inside_letter(s, limit)) limit--;
  uint64_t from = s->base;
  size_t done = 0;
  for (; done < s->runs_count; done++) {
    covered *run = &s->runs[done];
    bool long_one = run->said || run->end - run->start > PATTERN_MATCH_BYTES_MAX;
    bool complete = end || run->end <= limit;
    if (!complete && (!long_one || run->start >= limit)) {
      if (run->start < limit) limit = run->start;
      break;
    }
    say_text(s, from, run->start, sink);
    if (!run->said)
      sink->secret(sink->user, long_one ? NULL : s->held + (run->start - s->base),
                   long_one ? 0 : (size_t)(run->end - run->start));
    from = complete ? run->end : limit;
    if (complete) continue;
    run->said = true;
    run->start = limit;
    break;
  }
  if (end) limit = s->at;
  if (limit < from) limit = from;
  say_text(s, from, limit, sink);
  drop_runs(s, done);
  memmove(s->held, s->held + (limit - s->base), (size_t)(s->at - limit));
  s->base = limit;
}

void pattern_stream_feed(pattern_stream *s, const char *text, size_t bytes, bool end,
                         const pattern_sink *sink) {
  size_t held = (size_t)(s->at - s->base);
  if (held + bytes + 1 > s->room) {
    s->room = (held + bytes + 1) * 2;
    s->held = memory_grow(s->held, s->room);
  }
  memcpy(s->held + held, text, bytes);
  for (size_t i = 0; i < bytes; i++) {
    unsigned char c = (unsigned char)text[i];
    expand(s, c, (c & 0xC0) != 0x80);
    take(s, c);
  }
  if (end) expand(s, NEXT_END, false);
  flush(s, end, sink);
  if (!end) return;
  s->count = 0;
  s->before = '\n';
}

bool patterns_whole(const patterns *all, const char *text, size_t bytes) {
  if (all == NULL || all->starts_count == 0) return false;
  pattern_stream *s = pattern_stream_create(all);
  for (size_t i = 0; i < bytes; i++) {
    expand(s, (unsigned char)text[i], i == 0);
    take(s, (unsigned char)text[i]);
  }
  bool matched = expand(s, NEXT_END, bytes == 0);
  pattern_stream_destroy(s);
  return matched;
}

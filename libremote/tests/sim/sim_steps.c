/* The trace, the last steps, and failing. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

sim_value sim_id(const lrm_id *id) {
  uint64_t number = 0;
  for (size_t i = 0; i < 6; i++) number = number << 8 | id->bytes[i];
  return sim_number(number);
}

/* %u, %x and %s in order; everything else as it stands. */
static void print_step(FILE *out, const sim_kept_step *step) {
  size_t next = 0;
  for (const char *at = step->format; *at != '\0'; at++) {
    if (*at != '%' || next == step->count) {
      fputc(*at, out);
      continue;
    }
    const sim_value *value = &step->values[next++];
    at++;
    if (*at == 's')
      fputs(value->text, out);
    else if (*at == 'x')
      fprintf(out, "%012" PRIx64, value->number);
    else
      fprintf(out, "%" PRIu64, value->number);
  }
  fprintf(out, " at=%" PRIu64 "\n", step->now_ns / 1000);
}

void sim_step(sim_world *w, const char *format, const sim_value *values, size_t count) {
  sim_kept_step *step = &w->steps[w->steps_at++ % SIM_STEPS_KEPT];
  step->now_ns = w->now_ns;
  step->format = format;
  step->count = count;
  memcpy(step->values, values, count * sizeof *values);
  w->steps_count++;
  uint64_t hash = w->hash ^ w->now_ns;
  for (size_t i = 0; i < count; i++) hash = sim_mix(hash + values[i].number);
  w->hash = sim_mix(hash + (uint64_t)(uint8_t)format[0] + (uint64_t)(uint8_t)format[4]);
  if (w->options->trace != NULL) print_step(w->options->trace, step);
}

void sim_steps_print(const sim_world *w, FILE *out) {
  size_t first = w->steps_at > SIM_STEPS_KEPT ? w->steps_at - SIM_STEPS_KEPT : 0;
  for (size_t i = first; i < w->steps_at; i++) {
    fputs("  ", out);
    print_step(out, &w->steps[i % SIM_STEPS_KEPT]);
  }
}

void sim_fail(sim_world *w, const char *format, ...) {
  va_list args;
  fprintf(stderr, "sim: the last steps of seed %" PRIu64 ":\n", w->seed);
  sim_steps_print(w, stderr);
  fprintf(stderr, "sim: FAILED seed %" PRIu64 " at %" PRIu64 " us: ", w->seed, w->now_ns / 1000);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  if (w->seed != 0)
    fprintf(stderr, "\nsim: again with: sim --seed %" PRIu64 " --verbose\n", w->seed);
  else
    fprintf(stderr, "\nsim: again with: sim --script FILE --verbose\n");
  if (w->options->trace != NULL) fflush(w->options->trace);
  if (w->options->abort) abort();
  exit(1);
}

/* ---- memory ---- */

typedef struct block_head {
  size_t bytes;
  size_t guard;
} block_head;

static void *memory_alloc(void *user, size_t bytes) {
  sim_memory *memory = user;
  memory->calls++;
  if (memory->fail_at != 0 && memory->calls >= memory->fail_at) {
    memory->fail_at = 0;
    memory->failed = true;
    return NULL;
  }
  block_head *head = malloc(sizeof *head + bytes);
  if (head == NULL) abort();
  head->bytes = bytes;
  memory->bytes += bytes;
  if (memory->bytes > memory->peak) memory->peak = memory->bytes;
  return head + 1;
}

static void memory_free(void *user, void *block) {
  sim_memory *memory = user;
  if (block == NULL) return;
  block_head *head = (block_head *)block - 1;
  memory->bytes -= head->bytes;
  free(head);
}

lrm_allocator sim_memory_allocator(sim_memory *memory) {
  return (lrm_allocator){memory_alloc, memory_free, memory};
}

/* ---- clocks ---- */

#define SIM_WALL_MS UINT64_C(1700000000000)

bool sim_awake(const sim_world *w, const sim_part *part) {
  return w->now_ns >= part->asleep_until_ns;
}

uint64_t sim_now(const sim_world *w, const sim_part *part) {
  if (part->stands && !sim_awake(w, part)) return part->stands_at_ns;
  return w->now_ns - part->lag_ns;
}

uint64_t sim_wall_ms(const sim_world *w, const sim_part *part) {
  return (uint64_t)((int64_t)(SIM_WALL_MS + w->now_ns / SIM_MS) + part->wall_offset_ms);
}

uint64_t sim_world_time(const sim_part *part, uint64_t due_ns) {
  if (due_ns == SIM_NEVER) return SIM_NEVER;
  uint64_t at_ns = due_ns + part->lag_ns;
  return at_ns > part->asleep_until_ns ? at_ns : part->asleep_until_ns;
}

lrm_id sim_make_id(sim_world *w) {
  lrm_id id;
  for (size_t i = 0; i < 16; i += 8) {
    uint64_t number = sim_next(&w->random);
    memcpy(id.bytes + i, &number, 8);
  }
  if (id.bytes[0] == 0) id.bytes[0] = 1;
  return id;
}

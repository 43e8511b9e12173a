#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "inspect.h"
#include "json_event.h"
#include "terminal_text.h"

#include "remote/v1/link.pb-c.h"

enum { SHORT_BYTES = 300 }; /* of a message for people, without --full */

/* ---- filters ---- */

static bool in_list(const char *list, const char *name) {
  while (*list) {
    size_t bytes = strcspn(list, ",");
    if (strlen(name) == bytes && !strncmp(list, name, bytes)) return true;
    list += bytes + (list[bytes] == ',');
  }
  return false;
}

static bool wanted(const inspect_filter *filter, const inspect_frame *f) {
  if (filter->has_channel && f->frame->channel != filter->channel) return false;
  if (filter->types != NULL && !in_list(filter->types, f->type)) return false;
  char hex[LRM_ID_HEX_BYTES];
  lrm_id_hex(&f->session, hex);
  if (filter->session != NULL &&
      (lrm_id_none(&f->session) || strncasecmp(hex, filter->session, strlen(filter->session)) != 0))
    return false;
  return !filter->problems_only || f->problems_count > 0;
}

/* ---- for people ---- */

static void print_time(FILE *to, uint64_t at_us) {
  time_t seconds = (time_t)(at_us / 1000000);
  struct tm now;
  char text[32] = "";
  if (at_us != 0 && localtime_r(&seconds, &now) != NULL)
    strftime(text, sizeof text, "%H:%M:%S", &now);
  if (text[0]) fprintf(to, "%s.%06u ", text, (unsigned)(at_us % 1000000));
}

static void print_flags(FILE *to, const lrm_frame *frame) {
  static const char *const names[] = {"compressed", "sealed", "snapshot", "clears_tail"};
  for (unsigned i = 0; i < 4; i++)
    if ((frame->flags & 1u << i) != 0) fprintf(to, " %s", names[i]);
  if ((frame->flags & ~15u) != 0) fprintf(to, " flags=%#x", frame->flags & ~15u);
  if (frame->parts != 0) fprintf(to, " part %u of %u", frame->part, frame->parts);
  if (frame->inflated_bytes != 0) fprintf(to, " from %u bytes", frame->inflated_bytes);
}

static const char *log_name(uint32_t log) {
  return log == REMOTE__V1__LOG__LOG_EVENTS     ? " events"
         : log == REMOTE__V1__LOG__LOG_COMMANDS ? " commands"
                                                : "";
}

static void print_head(FILE *to, const inspect_frame *f) {
  const lrm_frame *frame = f->frame;
  print_time(to, f->at_us);
  fprintf(to, "#%u %s %s", f->carrier, f->connecting ? "C>A" : "A>C", f->type);
  if (f->type[0] == 'U' || f->type[0] == 'G') {
    if (frame->type >= LRM_FRAME_TYPE_SKIPPED_MIN || f->type[0] == 'U')
      fprintf(to, " %u", frame->type);
  }
  if (frame->channel != 0) fprintf(to, " ch %u%s", frame->channel, log_name(f->log));
  if (frame->type == LRM_FRAME_BLOCK)
    fprintf(to, " %" PRIu64 "..%" PRIu64, frame->offset, frame->offset + frame->count - 1);
  else if (frame->type == LRM_FRAME_TAIL)
    fprintf(to, " after %" PRIu64 " index %u", frame->offset, frame->count);
  else if (frame->type == LRM_FRAME_ACK || frame->type == LRM_FRAME_SYNCED ||
           frame->type == LRM_FRAME_RECEIPT || frame->offset != 0)
    fprintf(to, " %" PRIu64, frame->offset);
  if (frame->credit != 0) fprintf(to, " credit %" PRIu64, frame->credit);
  print_flags(to, frame);
  fprintf(to, " (%zu bytes)%s\n", f->wire_bytes, f->late ? " late" : "");
}

/* JSON is ASCII here: nothing that a peer wrote reaches the terminal as it is. */
static void print_object(inspect_printer *p, json_t *object) {
  char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
  json_decref(object);
  if (text == NULL) return;
  size_t bytes = strlen(text), limit = p->columns > 12 ? p->columns - 5 : SHORT_BYTES;
  bool whole = p->full || bytes <= limit;
  fputs("    ", p->to);
  terminal_text_print(p->to, text, whole ? bytes : limit - 3, TERMINAL_TEXT_ONE_LINE);
  fputs(whole ? "\n" : "...\n", p->to);
  free(text);
}

static void print_problem(inspect_printer *p, const inspect_problem *problem) {
  fprintf(p->to, "    !! clause %s", problem->clause);
  if (problem->code != 0) fprintf(p->to, " (%s %u)", lrm_code_name(problem->code), problem->code);
  fputs(": ", p->to);
  terminal_text_puts(p->to, problem->text, TERMINAL_TEXT_ONE_LINE);
  fputc('\n', p->to);
}

static void print_message(void *user, json_t *object) { print_object(user, object); }

/* The head stands above the messages, but reading them may find problems: read twice. */
static void print_for_people(inspect_printer *p, inspect_frame *f) {
  print_head(p->to, f);
  if (f->payload != NULL) print_object(p, json_from_message(f->payload));
  inspect_frame again = *f;
  inspect_read_messages(inspect_flow_decoder(p->flow), &again, print_message, p);
  for (size_t i = 0; i < f->problems_count; i++) print_problem(p, &f->problems[i]);
}

/* ---- JSON ---- */

static void set_number(json_t *object, const char *name, uint64_t value) {
  if (value != 0) json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *problem_json(const inspect_problem *problem) {
  json_t *object = json_object();
  char text[2 * sizeof problem->text];
  terminal_text_copy(text, sizeof text, problem->text, strlen(problem->text),
                     TERMINAL_TEXT_ONE_LINE);
  json_object_set_new(object, "clause", json_string(problem->clause));
  set_number(object, "code", problem->code);
  json_object_set_new(object, "text", json_string(text));
  return object;
}

static void add_message(void *user, json_t *object) { json_array_append_new(user, object); }

static void print_json(inspect_printer *p, inspect_frame *f) {
  const lrm_frame *frame = f->frame;
  char hex[LRM_ID_HEX_BYTES];
  json_t *o = json_object();
  set_number(o, "at_us", f->at_us);
  set_number(o, "carrier", f->carrier);
  json_object_set_new(o, "from", json_string(f->connecting ? "connecting" : "accepting"));
  json_object_set_new(o, "type", json_string(f->type));
  set_number(o, "type_number", frame->type);
  set_number(o, "bytes", f->wire_bytes);
  set_number(o, "channel", frame->channel);
  if (f->log != 0)
    json_object_set_new(
        o, "log", json_string(f->log == REMOTE__V1__LOG__LOG_COMMANDS ? "commands" : "events"));
  if (!lrm_id_none(&f->session)) {
    lrm_id_hex(&f->session, hex);
    json_object_set_new(o, "session_id", json_string(hex));
  }
  set_number(o, "offset", frame->offset);
  set_number(o, "count", frame->count);
  set_number(o, "flags", frame->flags);
  set_number(o, "inflated_bytes", frame->inflated_bytes);
  set_number(o, "credit", frame->credit);
  set_number(o, "part", frame->part);
  set_number(o, "parts", frame->parts);
  if (f->payload != NULL) json_object_set_new(o, "payload", json_from_message(f->payload));
  if (frame->type == LRM_FRAME_BLOCK || frame->type == LRM_FRAME_TAIL) {
    json_t *messages = json_array();
    inspect_frame again = *f;
    inspect_read_messages(inspect_flow_decoder(p->flow), &again, add_message, messages);
    json_object_set_new(o, "messages", messages);
  }
  if (f->problems_count > 0) {
    json_t *problems = json_array();
    for (size_t i = 0; i < f->problems_count; i++)
      json_array_append_new(problems, problem_json(&f->problems[i]));
    json_object_set_new(o, "problems", problems);
  }
  json_print_line(p->to, o);
}

/* ---- what the flow tells ---- */

static void on_frame(void *user, inspect_frame *f) {
  inspect_printer *p = user;
  p->frames++;
  /* Of a frame that is wrong in itself nobody reads the contents. */
  if (f->problems_count == 0) inspect_read_messages(inspect_flow_decoder(p->flow), f, NULL, NULL);
  p->problems += f->problems_count;
  if (!wanted(&p->filter, f)) return;
  p->shown++;
  if (p->json)
    print_json(p, f);
  else
    print_for_people(p, f);
}

static void on_event(void *user, uint64_t at_us, unsigned carrier, const char *what, lrm_slice text,
                     const inspect_problem *problem) {
  inspect_printer *p = user;
  char shown[512];
  if (problem != NULL) p->problems++;
  if (p->filter.problems_only && problem == NULL) return;
  terminal_text_copy(shown, sizeof shown, text.data, text.bytes, TERMINAL_TEXT_ONE_LINE);
  if (p->json) {
    json_t *o = json_object();
    set_number(o, "at_us", at_us);
    set_number(o, "carrier", carrier);
    json_object_set_new(o, "event", json_string(what));
    json_object_set_new(o, "text", json_string(shown));
    if (problem != NULL) {
      json_t *problems = json_array();
      json_array_append_new(problems, problem_json(problem));
      json_object_set_new(o, "problems", problems);
    }
    json_print_line(p->to, o);
    return;
  }
  print_time(p->to, at_us);
  if (carrier != 0) fprintf(p->to, "#%u ", carrier);
  fprintf(p->to, "-- %s%s%s\n", what, shown[0] ? ": " : "", shown);
  if (problem != NULL) print_problem(p, problem);
}

const inspect_ops inspect_printer_ops = {on_frame, on_event};

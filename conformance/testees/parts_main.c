/* testee-parts: the loop of requests, and time. After each request everything that can be done
 * without time passing is done. */
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include "parts.h"
#include "parts_json.h"

#define WALL_MS UINT64_C(1700000000000) /* when every case begins */
#define NOW_NS UINT64_C(1000000000)
enum { ROUNDS_MAX = 200000 };

/* ---- small things ---- */

void parts_die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("testee-parts: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  abort();
}

void parts_must(int result, const char *what, const char *file, int line) {
  if (result != 0)
    parts_die("%s:%d: %s: %s (%d)", file, line, what, lrm_error_text(result), result);
}

void parts_refuse(parts *p, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(p->refusal, sizeof p->refusal, format, args);
  va_end(args);
}

uint64_t parts_wall_ms(const parts *p) {
  return (uint64_t)((int64_t)(WALL_MS + (p->now_ns - NOW_NS) / 1000000) + p->wall_step_ms);
}

/* splitmix64 from the case's id: a case runs the same each time. */
uint64_t parts_random(parts *p) {
  uint64_t z = (p->random += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

void parts_random_id(parts *p, uint8_t id[16]) {
  for (size_t i = 0; i < 16; i++) id[i] = (uint8_t)parts_random(p);
}

void parts_tell(parts *p, const char *name, json_t *value) {
  json_t *told = json_object();
  json_object_set_new(told, name, value);
  char *text = json_dumps(told, JSON_COMPACT);
  if (text == NULL) parts_die("what is told cannot be written as JSON");
  harness_told(&p->out, text);
  free(text);
  json_decref(told);
}

const char *parts_text(json_t *object, const char *name, const char *otherwise) {
  const char *text = json_string_value(json_object_get(object, name));
  return text != NULL ? text : otherwise;
}

uint64_t parts_number(json_t *object, const char *name, uint64_t otherwise) {
  json_t *value = json_object_get(object, name);
  return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

bool parts_flag(json_t *object, const char *name, bool otherwise) {
  json_t *value = json_object_get(object, name);
  return value == NULL ? otherwise : json_is_true(value);
}

lrm_id parts_id(json_t *object, const char *name) {
  lrm_id id;
  memset(&id, 0, sizeof id);
  const char *text = parts_text(object, name, "");
  if (text[0] != '\0' && lrm_id_parse(text, strlen(text), &id) != 0)
    parts_die("%s is not an id: %s", name, text);
  return id;
}

json_t *parts_id_json(const lrm_id *id) { return json_of_bytes(id->bytes, sizeof id->bytes); }

/* ---- time ---- */

static void settle(parts *p) {
  bool moved = true;
  for (unsigned rounds = 0; moved; rounds++) {
    if (rounds == ROUNDS_MAX) parts_die("it goes on for ever without time passing");
    moved = false;
    for (size_t i = 0; i < p->processes_count; i++) moved = p->role->turn(p->processes[i]) || moved;
  }
}

static uint64_t next_deadline(parts *p) {
  uint64_t due_ns = UINT64_MAX;
  for (size_t i = 0; i < p->processes_count; i++) {
    uint64_t one = p->role->deadline(p->processes[i]);
    if (one < due_ns) due_ns = one;
  }
  return due_ns;
}

/* From deadline to deadline, so that nothing happens later than it should. One that is still due
 * after it was served waits for something else than time: a millisecond passes. */
static void advance(parts *p, uint64_t ms) {
  uint64_t end_ns = p->now_ns + ms * 1000000;
  settle(p);
  while (p->now_ns < end_ns) {
    uint64_t due_ns = next_deadline(p);
    if (due_ns <= p->now_ns) due_ns = p->now_ns + 1000000;
    p->now_ns = due_ns < end_ns ? due_ns : end_ns;
    for (size_t i = 0; i < p->processes_count; i++) p->role->expire(p->processes[i]);
    settle(p);
  }
}

/* ---- processes ---- */

static void kill_last(parts *p) { p->role->die(p->processes[--p->processes_count]); }

static void kill_all(parts *p) {
  while (p->processes_count > 0) kill_last(p);
}

static bool begin(parts *p) {
  if (p->processes_count == PROCESSES_MAX) parts_die("more than %d processes", PROCESSES_MAX);
  void *process = p->role->begin(p);
  if (process == NULL) return false;
  p->processes[p->processes_count++] = process;
  p->begun++;
  return true;
}

static void end_case(parts *p) {
  if (p->role == NULL) return;
  kill_all(p);
  parts_disk_end(&p->disk);
  json_decref(p->config);
  p->role = NULL;
  p->out.bytes = 0; /* of the case before */
}

static bool start(parts *p, const harness_request *request) {
  static const parts_role *const roles[] = {&parts_relay, &parts_host, &parts_client};
  end_case(p);
  harness_out out = p->out;
  *p = (parts){.now_ns = NOW_NS, .random = UINT64_C(1469598103934665603), .out = out};
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
    if (roles[i]->number == request->number[1]) p->role = roles[i];
  if (p->role == NULL) {
    parts_refuse(p, "it is a relay, a host and a client only");
    return false;
  }
  lrm_slice id = request->text[3], config = request->text[2];
  for (size_t i = 0; i < id.bytes; i++)
    p->random = (p->random ^ id.data[i]) * UINT64_C(1099511628211);
  json_error_t error;
  p->config = json_loadb((const char *)config.data, config.bytes, 0, &error);
  if (config.bytes == 0) p->config = json_object();
  if (!json_is_object(p->config)) parts_die("the configuration is not a JSON object");
  parts_disk_begin(&p->disk);
  return begin(p);
}

static void name_of(const harness_request *request, unsigned field, char *out, size_t capacity) {
  lrm_slice text = request->text[field];
  size_t bytes = text.bytes < capacity - 1 ? text.bytes : capacity - 1;
  memcpy(out, text.bytes > 0 ? (const char *)text.data : "", bytes);
  out[bytes] = '\0';
}

/* kill -9 and another one, or one beside it. */
static bool restart(parts *p, const harness_request *request) {
  char back_to[128];
  name_of(request, 2, back_to, sizeof back_to);
  bool lose = request->number[1] != 0, beside = request->number[3] != 0;
  if (lose || back_to[0] != '\0') {
    kill_all(p);
  } else if (!beside) {
    kill_last(p);
  }
  if (lose) parts_disk_lose(&p->disk);
  if (back_to[0] != '\0' && !parts_disk_back(&p->disk, back_to))
    parts_die("there is no copy %s", back_to);
  p->restored = back_to[0] != '\0';
  bool good = begin(p);
  p->restored = false;
  return good;
}

/* ---- requests ---- */

static bool act(parts *p, const harness_request *request) {
  json_error_t error;
  lrm_slice text = request->text[1];
  json_t *json = json_loadb((const char *)text.data, text.bytes, 0, &error);
  if (json_object_size(json) != 1) parts_die("an act is an object of one member");
  void *member = json_object_iter(json);
  parts_acted acted = p->role->act(p->processes[p->processes_count - 1],
                                   json_object_iter_key(member), json_object_iter_value(member));
  json_decref(json);
  return acted == PARTS_DONE;
}

static void connected(parts *p, uint32_t carrier, bool refused) {
  if (p->role->connects) {
    wire *w = wire_dialling(p, carrier);
    if (w != NULL)
      wire_connected(w, refused);
    else if (!refused)
      harness_closed(&p->out, carrier); /* whoever asked is gone */
    return;
  }
  if (p->role->accept(p->processes[p->processes_count - 1], carrier) == NULL)
    harness_closed(&p->out, carrier);
}

static int64_t zigzag(uint64_t value) { return (int64_t)(value >> 1) ^ -(int64_t)(value & 1); }

/* False: unsupported, and p->refusal says why. */
static bool serve(parts *p, const harness_request *request) {
  char name[128];
  wire *w = p->role != NULL ? wire_of_carrier(p, (uint32_t)request->number[1]) : NULL;
  if (request->ask == HARNESS_START) return start(p, request);
  if (p->role == NULL || p->processes_count == 0) {
    parts_refuse(p, "no case has been started");
    return false;
  }
  switch (request->ask) {
    case HARNESS_CONNECTED:
      if (request->number[3] != 0 && p->role->poll != NULL) return true; /* its body follows */
      connected(p, (uint32_t)request->number[1], request->number[2] != 0);
      return true;
    case HARNESS_BYTES:
      if (w != NULL) wire_bytes(w, request->text[2].data, request->text[2].bytes);
      if (w == NULL && p->role->poll != NULL)
        p->role->poll(p->processes[p->processes_count - 1], (uint32_t)request->number[1],
                      &request->text[2]);
      return true;
    case HARNESS_CUT:
      if (w != NULL) wire_cut(w, request->number[2] != 0);
      if (w == NULL && p->role->poll != NULL)
        p->role->poll(p->processes[p->processes_count - 1], (uint32_t)request->number[1], NULL);
      return true;
    case HARNESS_ROOM:
      if (w != NULL) wire_room(w, request->number[2]);
      return true;
    case HARNESS_ADVANCE:
      advance(p, request->number[1]);
      return true;
    case HARNESS_ACT:
      return act(p, request);
    case HARNESS_LOOK:
      return true;
    case HARNESS_RESTART:
      return restart(p, request);
    case HARNESS_COPY:
      name_of(request, 1, name, sizeof name);
      parts_disk_copy(&p->disk, name);
      return true;
    case HARNESS_STEP_CLOCK:
      p->wall_step_ms += zigzag(request->number[1]);
      return true;
    default:
      parts_refuse(p, "it does not decode, judge or fold");
      return false;
  }
}

static void describe(uint64_t id) {
  static const uint32_t roles[] = {4, 5, 6};
  static const char *const features[] = {"hold_commits", "copy",      "restart", "beside",
                                         "room",         "half_open", "clock",   "local",
                                         "early_open",   "long_poll"};
  harness_description description = {.name = "libremote, relay, host and client",
                                     .version = REMOTE_VERSION,
                                     .roles = roles,
                                     .roles_count = 3,
                                     .virtual_clock = true,
                                     .features = features,
                                     .features_count = sizeof features / sizeof *features};
  harness_reply_description(id, &description);
}

int main(void) {
  static parts p;
  harness_request request;
  (void)signal(SIGPIPE, SIG_DFL); /* nobody reads: there is nothing left to do */
  while (harness_read(&request)) {
    if (request.ask == HARNESS_DESCRIBE) {
      describe(request.id);
    } else if (serve(&p, &request)) {
      settle(&p);
      harness_reply_done(request.id, &p.out);
    } else {
      if (p.role != NULL) settle(&p);
      harness_reply_unsupported(request.id, p.refusal, &p.out);
    }
  }
  end_case(&p);
  free(p.out.data);
  return 0;
}

/* Requests in, responses out. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link_testee.h"

enum { REQUEST_BYTES_MAX = 64 * 1024 * 1024, WHY_BYTES = 512 };

/* ---- responses ---- */

static harness_output **outputs;
static size_t outputs_count, outputs_capacity;
static char why_unsupported[WHY_BYTES], why_broken[WHY_BYTES];

void *must_alloc(size_t bytes) {
  void *memory = calloc(1, bytes > 0 ? bytes : 1);
  if (memory == NULL) abort();
  return memory;
}

uint8_t *exact_copy(const uint8_t *data, size_t bytes) {
  uint8_t *copy = malloc(bytes > 0 ? bytes : 1);
  if (copy == NULL) abort();
  if (bytes > 0) memcpy(copy, data, bytes);
  return copy;
}

static harness_output *new_output(void) {
  if (outputs_count == outputs_capacity) {
    outputs_capacity = 2 * outputs_capacity + 16;
    outputs = realloc(outputs, outputs_capacity * sizeof *outputs);
    if (outputs == NULL) abort();
  }
  harness_output *output = must_alloc(sizeof *output);
  remote__conformance__v1__output__init(output);
  outputs[outputs_count++] = output;
  return output;
}

void tell_dial(uint32_t carrier) {
  harness_output *output = new_output();
  output->output_case = REMOTE__CONFORMANCE__V1__OUTPUT__OUTPUT_DIAL;
  output->dial = carrier;
}

void tell_bytes(uint32_t carrier, const uint8_t *data, size_t bytes) {
  harness_output *output = new_output();
  output->output_case = REMOTE__CONFORMANCE__V1__OUTPUT__OUTPUT_BYTES;
  output->bytes = must_alloc(sizeof *output->bytes);
  remote__conformance__v1__bytes__init(output->bytes);
  output->bytes->carrier = carrier;
  output->bytes->data.data = exact_copy(data, bytes);
  output->bytes->data.len = bytes;
}

void tell_closed(uint32_t carrier) {
  harness_output *output = new_output();
  output->output_case = REMOTE__CONFORMANCE__V1__OUTPUT__OUTPUT_CLOSED;
  output->closed = carrier;
}

void tell_event(const char *line) {
  json_t *told = json_pack("{s:s}", "event", line);
  harness_output *output = new_output();
  output->output_case = REMOTE__CONFORMANCE__V1__OUTPUT__OUTPUT_TOLD;
  output->told = json_dumps(told, JSON_COMPACT);
  json_decref(told);
  if (output->told == NULL) abort();
}

bool has_said(void) { return why_unsupported[0] != '\0' || why_broken[0] != '\0'; }

void say_unsupported(const char *format, ...) {
  if (has_said()) return;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(why_unsupported, sizeof why_unsupported, format, args);
  va_end(args);
}

void say_broken(const char *format, ...) {
  if (has_said()) return;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(why_broken, sizeof why_broken, format, args);
  va_end(args);
}

static void send(const harness_response *response) {
  size_t bytes = remote__conformance__v1__response__get_packed_size(response);
  uint8_t *data = must_alloc(bytes);
  remote__conformance__v1__response__pack(response, data);
  for (size_t left = bytes; left > 0x7f || (putchar((int)left), false); left >>= 7)
    putchar((int)(left & 0x7f) | 0x80);
  if (bytes == 0) putchar(0);
  fwrite(data, 1, bytes, stdout);
  fflush(stdout);
  free(data);
}

static void answer(harness_response *response) {
  if (why_unsupported[0] != '\0') {
    response->result_case = REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_UNSUPPORTED;
    response->unsupported = why_unsupported;
  } else if (why_broken[0] != '\0') {
    response->result_case = REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_BROKEN;
    response->broken = why_broken;
  }
  response->outputs = outputs;
  response->n_outputs = outputs_count;
  send(response);
  for (size_t i = 0; i < outputs_count; i++)
    remote__conformance__v1__output__free_unpacked(outputs[i], NULL);
  outputs_count = 0;
  why_unsupported[0] = why_broken[0] = '\0';
}

/* ---- requests ---- */

static void describe(harness_response *response) {
  static Remote__Conformance__V1__Role roles[] = {
      REMOTE__CONFORMANCE__V1__ROLE__ROLE_CODEC, REMOTE__CONFORMANCE__V1__ROLE__ROLE_ACCEPTING,
      REMOTE__CONFORMANCE__V1__ROLE__ROLE_CONNECTING, REMOTE__CONFORMANCE__V1__ROLE__ROLE_VIEW};
  static char room[] = "room", half_open[] = "half_open", plain[] = "plain";
  static char *features[] = {room, half_open, plain};
  static Remote__Conformance__V1__Description description =
      REMOTE__CONFORMANCE__V1__DESCRIPTION__INIT;
  static char name[32], version[] = "libremote 0.1.0";
  (void)snprintf(name, sizeof name, "%s", binding_name);
  description.name = name;
  description.version = version;
  description.roles = roles;
  description.n_roles = sizeof roles / sizeof *roles - (binding_view ? 0 : 1);
  description.virtual_clock = true;
  description.features = features;
  description.n_features = sizeof features / sizeof *features - (binding_plain ? 0 : 1);
  response->result_case = REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_DESCRIPTION;
  response->description = &description;
}

static void start(const Remote__Conformance__V1__Start *ask) {
  if (ask->role == REMOTE__CONFORMANCE__V1__ROLE__ROLE_ACCEPTING)
    owner_start(LRM_SIDE_ACCEPTING, ask->config_json);
  else if (ask->role == REMOTE__CONFORMANCE__V1__ROLE__ROLE_CONNECTING)
    owner_start(LRM_SIDE_CONNECTING, ask->config_json);
  else
    say_unsupported("role %d is not started", (int)ask->role);
}

static void fold(const Remote__Conformance__V1__Fold *ask, harness_response *response) {
  if (!view_fold(ask, &response->state.data, &response->state.len)) {
    say_unsupported("no view");
    return;
  }
  response->result_case = REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_STATE;
}

static void serve(const harness_request *request) {
  Remote__Conformance__V1__Done done = REMOTE__CONFORMANCE__V1__DONE__INIT;
  Remote__Conformance__V1__Decoded decoded = REMOTE__CONFORMANCE__V1__DECODED__INIT;
  Remote__Conformance__V1__Judged judged = REMOTE__CONFORMANCE__V1__JUDGED__INIT;
  harness_response response = REMOTE__CONFORMANCE__V1__RESPONSE__INIT;
  response.id = request->id;
  response.result_case = REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_DONE;
  response.done = &done;
  switch (request->ask_case) {
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_DESCRIBE:
      describe(&response);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_START:
      start(request->start);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_DECODE:
      response.result_case = REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_DECODED;
      response.decoded = &decoded;
      codec_decode(request->decode, &response);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_JUDGE:
      response.result_case = REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_JUDGED;
      response.judged = &judged;
      codec_judge(request->judge, &response);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_FOLD:
      fold(request->fold, &response);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_CONNECTED:
      owner_connected(request->connected->carrier, request->connected->refused);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_BYTES:
      owner_bytes(request->bytes->carrier, request->bytes->data.data, request->bytes->data.len);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_CUT:
      owner_cut(request->cut->carrier, request->cut->half_open);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_ADVANCE:
      owner_advance(request->advance->ms);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_ACT:
      owner_act(request->act->json);
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_LOOK:
      break;
    case REMOTE__CONFORMANCE__V1__REQUEST__ASK_ROOM:
      owner_room(request->room->carrier, request->room->bytes);
      break;
    default:
      say_unsupported("request %d", (int)request->ask_case);
  }
  answer(&response);
  codec_decoded_free(&decoded);
  free(judged.encoded.data);
  if (response.result_case == REMOTE__CONFORMANCE__V1__RESPONSE__RESULT_STATE)
    free(response.state.data);
}

/* False: standard input has ended. */
static bool read_length(size_t *length) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    int byte = getchar();
    if (byte == EOF) return false;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      *length = (size_t)value;
      return value <= REQUEST_BYTES_MAX;
    }
  }
  return false;
}

int main(void) {
  size_t bytes;
  while (read_length(&bytes)) {
    uint8_t *data = must_alloc(bytes);
    if (fread(data, 1, bytes, stdin) != bytes) return 1;
    harness_request *request = remote__conformance__v1__request__unpack(NULL, bytes, data);
    free(data);
    if (request == NULL) {
      fprintf(stderr, "a request that cannot be read\n");
      return 1;
    }
    serve(request);
    remote__conformance__v1__request__free_unpacked(request, NULL);
  }
  owner_stop();
  free(outputs);
  return 0;
}

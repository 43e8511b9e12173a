/* Server reflection (grpc.reflection.v1 and v1alpha, which have the same messages): what grpcurl
 * and its like ask to call a service without its .proto files. */
#include <stdlib.h>
#include <string.h>

#include "grpc_calls.h"
#include "proto_files.h"

enum {
  REQUEST_BYTES_MAX = 1024,
  OTHERS_BYTES_MAX = 2048, /* of an answer, beside a file and the request */
  /* Fields of ServerReflectionRequest and ServerReflectionResponse. */
  ASK_FILE = 3,
  ASK_SYMBOL = 4,
  ASK_SERVICES = 7,
  SAY_REQUEST = 2,
  SAY_FILES = 4,
  SAY_SERVICES = 6,
  SAY_ERROR = 7
};

typedef struct served {
  grpc_open open; /* first */
  bool waits;     /* for room */
} served;

static const proto_file *file_named(lrm_slice name) {
  for (size_t i = 0; i < proto_files_count; i++) {
    const char *candidate = proto_files[i].name;
    if (strlen(candidate) == name.bytes && memcmp(candidate, name.data, name.bytes) == 0)
      return &proto_files[i];
  }
  return NULL;
}

static const proto_file *file_of(lrm_slice symbol) {
  for (size_t i = 0; i < proto_symbols_count; i++) {
    const char *candidate = proto_symbols[i].name;
    if (strlen(candidate) == symbol.bytes && memcmp(candidate, symbol.data, symbol.bytes) == 0)
      return &proto_files[proto_symbols[i].file];
  }
  return NULL;
}

static void put_file(grpc_writer *w, const proto_file *file) {
  grpc_writer list = {.capacity = file->bytes + 16};
  list.data = malloc(list.capacity);
  if (list.data == NULL) {
    w->full = true;
    return;
  }
  grpc_put_bytes(&list, 1, file->data, file->bytes);
  grpc_put_bytes(w, SAY_FILES, list.data, list.bytes);
  free(list.data);
}

static void put_services(grpc_writer *w) {
  uint8_t list[1024];
  grpc_writer all = {.data = list, .capacity = sizeof list};
  for (const char *const *name = proto_services; *name != NULL; name++) {
    uint8_t one[200];
    grpc_writer service = {.data = one, .capacity = sizeof one};
    grpc_put_bytes(&service, 1, *name, strlen(*name));
    grpc_put_bytes(&all, 1, one, service.bytes);
  }
  grpc_put_bytes(w, SAY_SERVICES, list, all.bytes);
}

static void put_error(grpc_writer *w, lrm_grpc_status status, const char *text) {
  uint8_t data[200];
  grpc_writer error = {.data = data, .capacity = sizeof data};
  grpc_put_number(&error, 1, status);
  grpc_put_bytes(&error, 2, text, strlen(text));
  grpc_put_bytes(w, SAY_ERROR, data, error.bytes);
}

static void put_answer(grpc_writer *w, const grpc_field *asked) {
  const proto_file *file = NULL;
  if (asked->number == ASK_FILE) file = file_named(asked->bytes);
  if (asked->number == ASK_SYMBOL) file = file_of(asked->bytes);
  if (file != NULL) {
    put_file(w, file);
  } else if (asked->number == ASK_SERVICES) {
    put_services(w);
  } else if (asked->number == ASK_FILE || asked->number == ASK_SYMBOL) {
    put_error(w, LRM_GRPC_NOT_FOUND, "there is no such file or symbol here");
  } else {
    put_error(w, LRM_GRPC_UNIMPLEMENTED, "this server has no extensions");
  }
}

static size_t largest_file(void) {
  size_t bytes = 0;
  for (size_t i = 0; i < proto_files_count; i++) {
    if (proto_files[i].bytes > bytes) bytes = proto_files[i].bytes;
  }
  return bytes;
}

static bool answer(lrm_grpc_call *call, const uint8_t *data, size_t bytes) {
  lrm_slice left = {data, bytes};
  grpc_field field, asked = {0};
  while (grpc_next_field(&left, &field)) {
    if (field.number >= ASK_FILE && field.type == 2) asked = field;
  }
  if (left.bytes > 0 || asked.number == 0) return false;
  size_t capacity = largest_file() + bytes + OTHERS_BYTES_MAX;
  grpc_writer w = {.data = malloc(capacity), .capacity = capacity};
  if (w.data == NULL) return false;
  grpc_put_bytes(&w, SAY_REQUEST, data, bytes);
  put_answer(&w, &asked);
  bool sent = !w.full && lrm_grpc_call_send(call, (lrm_slice){w.data, w.bytes}) == 0;
  free(w.data);
  return sent;
}

static void read_when_there_is_room(served *r) {
  r->waits = lrm_grpc_call_room(r->open.call) == 0;
  if (!r->waits) lrm_grpc_call_read(r->open.call);
}

static void on_message(void *user, lrm_grpc_call *call, const uint8_t *data, size_t bytes) {
  served *r = user;
  if (data == NULL) {
    grpc_finish(call, LRM_GRPC_OK, "");
  } else if (bytes > REQUEST_BYTES_MAX || !answer(call, data, bytes)) {
    grpc_finish(call, LRM_GRPC_INVALID_ARGUMENT, "this is not a ServerReflectionRequest");
  } else {
    read_when_there_is_room(r);
  }
}

static void on_writable(void *user, lrm_grpc_call *call) {
  served *r = user;
  (void)call;
  if (r->waits) read_when_there_is_room(r);
}

static void on_gone(void *user, lrm_grpc_call *call) {
  served *r = user;
  (void)call;
  grpc_open_remove(&r->open);
  free(r);
}

static const lrm_grpc_call_owner owner = {on_message, on_writable, on_gone};

void grpc_serve_reflection(grpc_server *g, lrm_grpc_call *call) {
  served *r = calloc(1, sizeof *r);
  if (r == NULL) return;
  grpc_open_add(g, &r->open, call);
  lrm_grpc_call_own(call, &owner, r);
  lrm_grpc_call_read(call);
}

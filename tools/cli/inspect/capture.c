#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture_blank.h"
#include "remote/frame.h"
#include "terminal_text.h"

/* One direction of the present carrier: collected until it holds whole frames. */
typedef struct flow {
  uint8_t *data;
  size_t bytes, capacity;
  bool broken; /* what comes is no frame */
} flow;

struct capture {
  void (*sink)(void *user, const capture_record *record);
  void *user;
  int fd; /* -1: no file */
  uint64_t written_bytes;
  bool full; /* no more is written */
  uint32_t carrier;
  flow flows[2]; /* sent, received */
};

/* ---- writing ---- */

static void stop(capture *c, const char *why) {
  if (!c->full) fprintf(stderr, "remote: the capture ends here: %s\n", why);
  c->full = true;
}

/* Header and data in one write: several programs may write to one file. */
static void write_record(capture *c, const capture_record *record) {
  size_t bytes = CAPTURE_HEADER_BYTES + record->data.bytes;
  if (c->full) return;
  if (c->written_bytes + bytes > CAPTURE_FILE_BYTES_MAX) {
    stop(c, "it has 256 MiB");
    return;
  }
  uint8_t *whole = malloc(bytes);
  if (whole == NULL) {
    stop(c, "out of memory");
    return;
  }
  capture_header(record, whole);
  if (record->data.bytes > 0)
    memcpy(whole + CAPTURE_HEADER_BYTES, record->data.data, record->data.bytes);
  ssize_t written;
  do written = write(c->fd, whole, bytes);
  while (written < 0 && errno == EINTR);
  if (written != (ssize_t)bytes) stop(c, written < 0 ? strerror(errno) : "the disk is full");
  c->written_bytes += bytes;
  free(whole);
}

static uint64_t wall_us(void) {
  uv_timeval64_t now;
  return uv_gettimeofday(&now) ? 0 : (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_usec;
}

static void emit(capture *c, capture_kind kind, const void *data, size_t bytes) {
  capture_record record = {
      .kind = kind, .carrier = c->carrier, .at_us = wall_us(), .data = {data, bytes}};
  if (c->fd >= 0) write_record(c, &record);
  if (c->sink != NULL) c->sink(c->user, &record);
}

/* ---- whole frames ---- */

static void emit_raw(capture *c, capture_kind kind, uint8_t *data, size_t bytes) {
  capture_blank_tokens(data, bytes);
  for (size_t at = 0; at < bytes; at += CAPTURE_RECORD_BYTES_MAX) {
    size_t part = bytes - at < CAPTURE_RECORD_BYTES_MAX ? bytes - at : CAPTURE_RECORD_BYTES_MAX;
    emit(c, kind, data + at, part);
  }
}

/* Emits what is whole; the rest moves to the front. */
static void emit_frames(capture *c, flow *f, capture_kind kind) {
  size_t at = 0;
  /* What follows a fault means nothing, and a token in it could be cut in two: only its length. */
  if (f->broken) memset(f->data, '*', f->bytes);
  while (at < f->bytes && !f->broken) {
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    uint8_t *data = f->data + at;
    if (lrm_frame_decode(data, f->bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &consumed,
                         &wanted) != 0) {
      f->broken = true;
      break;
    }
    if (consumed == 0) break;
    if (frame.payload.bytes > 0)
      capture_blank_payload(frame.type, data + (frame.payload.data - data), frame.payload.bytes);
    emit_raw(c, kind, data, consumed);
    at += consumed;
  }
  if (f->broken) {
    emit_raw(c, kind, f->data + at, f->bytes - at);
    at = f->bytes;
  }
  if (at > 0) memmove(f->data, f->data + at, f->bytes - at);
  f->bytes -= at;
}

static void add(capture *c, flow *f, capture_kind kind, lrm_slice data) {
  if (f->bytes + data.bytes > f->capacity) {
    size_t capacity = (f->bytes + data.bytes) * 2;
    uint8_t *grown = realloc(f->data, capacity);
    if (grown == NULL) {
      stop(c, "out of memory");
      f->bytes = 0;
      f->broken = true;
      return;
    }
    f->data = grown;
    f->capacity = capacity;
  }
  if (data.bytes > 0) memcpy(f->data + f->bytes, data.data, data.bytes);
  f->bytes += data.bytes;
  emit_frames(c, f, kind);
}

static void end_flows(capture *c) {
  for (int i = 0; i < 2; i++) {
    flow *f = &c->flows[i];
    /* The beginning of a frame may be that of a HELLO: nothing of it is shown. */
    if (i == 0 && f->bytes > 0) memset(f->data, '*', f->bytes);
    if (f->bytes > 0)
      emit_raw(c, i == 0 ? CAPTURE_CONNECTING : CAPTURE_ACCEPTING, f->data, f->bytes);
    f->bytes = 0;
    f->broken = false;
  }
}

void capture_tap(void *user, lrm_uv_tap_kind kind, lrm_slice data) {
  capture *c = user;
  switch (kind) {
    case LRM_UV_TAP_UP:
      if (uv_random(NULL, NULL, &c->carrier, sizeof c->carrier, 0, NULL)) c->carrier++;
      emit(c, CAPTURE_UP, data.data, data.bytes);
      break;
    case LRM_UV_TAP_DOWN:
      end_flows(c);
      emit(c, CAPTURE_DOWN, data.data, data.bytes);
      break;
    case LRM_UV_TAP_SENT:
      add(c, &c->flows[0], CAPTURE_CONNECTING, data);
      break;
    case LRM_UV_TAP_RECEIVED:
      add(c, &c->flows[1], CAPTURE_ACCEPTING, data);
      break;
  }
}

void capture_attach(capture *c, lrm_uv_drive *drive) {
  if (c != NULL) lrm_uv_drive_tap(drive, capture_tap, c);
}

/* ---- life ---- */

capture *capture_create(void (*sink)(void *user, const capture_record *record), void *user) {
  capture *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->sink = sink;
  c->user = user;
  c->fd = -1;
  return c;
}

/* A new file gets its magic; one that is there must have it. 0, or -1 with a text. */
static int check_file(int fd, const char **error) {
  struct stat file;
  char magic[CAPTURE_MAGIC_BYTES];
  if (fstat(fd, &file) != 0) return *error = strerror(errno), -1;
  if (!S_ISREG(file.st_mode)) return *error = "it is no regular file", -1;
  if (file.st_uid != geteuid() || (file.st_mode & 077) != 0)
    return *error = "others can read it: captures hold conversations (chmod 600)", -1;
  if (file.st_size == 0) {
    if (write(fd, CAPTURE_MAGIC, CAPTURE_MAGIC_BYTES) == (ssize_t)CAPTURE_MAGIC_BYTES) return 0;
    return *error = strerror(errno), -1;
  }
  if (pread(fd, magic, sizeof magic, 0) != (ssize_t)sizeof magic ||
      memcmp(magic, CAPTURE_MAGIC, sizeof magic) != 0)
    return *error = "it holds something else", -1;
  return 0;
}

capture *capture_open(const char *path, const char *program, char *error, size_t error_bytes) {
  const char *why = "out of memory";
  char note[160];
  capture *c = capture_create(NULL, NULL);
  if (c != NULL) {
    c->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (c->fd < 0)
      why = strerror(errno);
    else if (check_file(c->fd, &why) == 0)
      why = NULL;
  }
  if (why != NULL) {
    snprintf(error, error_bytes, "%s", why);
    capture_close(c);
    return NULL;
  }
  snprintf(note, sizeof note, "%s, process %ld", program, (long)getpid());
  emit(c, CAPTURE_NOTE, note, strlen(note));
  return c;
}

bool capture_begin(const char *flag, const char *program, capture **out) {
  const char *path = flag != NULL ? flag : getenv("REMOTE_CAPTURE");
  char error[256], shown[512];
  *out = NULL;
  if (path == NULL || path[0] == '\0') return true;
  *out = capture_open(path, program, error, sizeof error);
  if (*out != NULL) return true;
  terminal_text_copy(shown, sizeof shown, path, strlen(path), TERMINAL_TEXT_ONE_LINE);
  fprintf(stderr, "remote: cannot capture into %s: %s\n", shown, error);
  return false;
}

void capture_close(capture *c) {
  if (c == NULL) return;
  end_flows(c);
  if (c->fd >= 0) close(c->fd);
  for (int i = 0; i < 2; i++) free(c->flows[i].data);
  free(c);
}

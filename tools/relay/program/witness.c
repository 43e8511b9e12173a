/* The witness: an older copy of the store, put in its place, must not go on as if nothing had been
 * written since. The store counts its commits, and a small file beside it counts them, too, each
 * after it is durable; so the file is never ahead, unless the store is an older copy of itself.
 * Eight bytes are written in one piece and not synced: a power cut may leave the file behind, which
 * only makes it notice less. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

/* The record of the count; spaces below are the relay core's. */
enum { SPACE_WITNESS = 100, COUNT_BYTES = 8 };
static const uint8_t key[] = {'n'};
static const lrm_slice name = {key, sizeof key};
/* The store is a copy that was made on purpose: since when, Unix milliseconds. */
static const uint8_t copy_key[] = {'c'};
static const lrm_slice copy_name = {copy_key, sizeof copy_key};

static void encode(uint64_t count, uint8_t out[COUNT_BYTES]) {
  for (size_t i = 0; i < COUNT_BYTES; i++) out[i] = (uint8_t)(count >> (8 * i));
}

static uint64_t decode(const uint8_t *in) {
  uint64_t count = 0;
  for (size_t i = 0; i < COUNT_BYTES; i++) count |= (uint64_t)in[i] << (8 * i);
  return count;
}

static int put(witness *w, lrm_store *store) {
  uint8_t bytes[COUNT_BYTES];
  encode(w->count, bytes);
  return lrm_store_put(store, SPACE_WITNESS, name, (lrm_slice){bytes, sizeof bytes});
}

static bool write_file(const witness *w, uint64_t count) {
  uint8_t bytes[COUNT_BYTES];
  encode(count, bytes);
  return pwrite(w->file, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes;
}

/* The file's count; 0 when there is none yet, or nothing that was ever written by us. */
static bool open_file(witness *w, const data_dir *dir, uint64_t *count, char *error,
                      size_t error_bytes) {
  char path[PATH_TEXT_BYTES + 64];
  uint8_t bytes[COUNT_BYTES];
  struct stat facts;
  *count = 0;
  if (!data_dir_path(dir, "witness", path, sizeof path)) return false;
  w->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (w->file < 0 || fstat(w->file, &facts) != 0) {
    snprintf(error, error_bytes, "cannot write %s: %s", path, strerror(errno));
    return false;
  }
  if (facts.st_size != COUNT_BYTES) return ftruncate(w->file, 0) == 0;
  if (pread(w->file, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes) *count = decode(bytes);
  return true;
}

bool witness_open(witness *w, program_state *state, bool restored, char *error,
                  size_t error_bytes) {
  uint64_t stored = 0, witnessed = 0;
  lrm_slice value;
  *w = (witness){.file = -1};
  if (!open_file(w, state->dir, &witnessed, error, error_bytes)) return false;
  if (lrm_store_get(state->store, SPACE_WITNESS, name, &value) == 0 && value.bytes == COUNT_BYTES)
    stored = decode(value.data);
  int result = 0;
  if (lrm_store_get(state->store, SPACE_WITNESS, copy_name, &value) == 0) {
    restored = true; /* also where no file is beside it, on another machine */
    result = lrm_store_remove(state->store, SPACE_WITNESS, copy_name);
  }
  if (result == 0 && (restored || stored < witnessed)) {
    log_line(RELAY_WARNING, "store.restored", "detail",
             "an older copy: hosts will begin new histories");
    result = relay_restored(state->relay);
  }
  w->count = w->frozen = (stored > witnessed ? stored : witnessed) + 1;
  if (result == 0) result = put(w, state->store);
  if (result == 0) result = lrm_store_commit(state->store);
  if (result != 0) {
    snprintf(error, error_bytes, "cannot write the store: %s%s", lrm_error_text(result),
             result == LRM_ERR_DISK_FULL ? "; make room on that disk" : "");
    return false;
  }
  if (write_file(w, w->count)) return true;
  snprintf(error, error_bytes, "cannot write the file `witness`: %s", strerror(errno));
  return false;
}

int witness_mark_copy(lrm_store *store, uint64_t wall_ms) {
  uint8_t bytes[COUNT_BYTES];
  encode(wall_ms, bytes);
  return lrm_store_put(store, SPACE_WITNESS, copy_name, (lrm_slice){bytes, sizeof bytes});
}

void witness_count(witness *w, lrm_store *store) {
  if (w->count != w->frozen) return; /* it is in this commit already */
  w->count++;
  /* Without memory the count of the commit before stands in this one, too: it notices less. */
  if (put(w, store) != 0) w->count--;
}

void witness_frozen(witness *w) { w->frozen = w->count; }

void witness_settled(witness *w) {
  if (write_file(w, w->frozen)) {
    w->failed = false;
    return;
  }
  if (!w->failed) log_line(RELAY_WARNING, "witness.write", "error", strerror(errno));
  w->failed = true;
}

void witness_close(witness *w) {
  if (w->file >= 0) close(w->file);
  w->file = -1;
}

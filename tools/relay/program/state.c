/* The store and the relay of a data directory, for serving and for the sub-commands alike. */
#include <openssl/crypto.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "program.h"
#include "remote/carrier_uv.h"
#include "remote/log_sqlite.h"

/* What all hosts together may have waiting for a commit: far above what credit lets them send. */
static const uint64_t PENDING_BYTES_MAX = 256u * 1024 * 1024;

/* Starting commits as well; faults are counted from serving on. */
static bool serving;

static int store_fault(void *user, lrm_fault_point point) {
  return serving ? fault_point(user, (int)point) : 0;
}

void state_serving(void) { serving = true; }

static bool random_bytes(void *out, size_t bytes, char *error, size_t error_bytes) {
  if (RAND_bytes(out, (int)bytes) == 1) return true;
  snprintf(error, error_bytes, "the system gives no random numbers");
  return false;
}

static bool entropy(void *user, void *out, size_t bytes) {
  (void)user;
  return RAND_bytes(out, (int)bytes) == 1;
}

/* ---- upgrading ---- */

static bool copy_store(const char *path, const char *to, char *error, size_t error_bytes) {
  char partial[PATH_TEXT_BYTES + 96];
  snprintf(partial, sizeof partial, "%s.partial", to);
  (void)unlink(partial);
  int fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    snprintf(error, error_bytes, "%s: %s", partial, strerror(errno));
    return false;
  }
  int result = lrm_store_sqlite_copy(path, partial, NULL, NULL, error, error_bytes);
  if (result == 0 && rename(partial, to) != 0) {
    snprintf(error, error_bytes, "%s: %s", to, strerror(errno));
    result = LRM_ERR_STORE;
  }
  if (result != 0) (void)unlink(partial);
  close(fd);
  return result == 0;
}

/* Before anything of an older format is changed the store is kept as it is, for whoever wants to go
 * back. The change is one transaction, so a copy that cannot be made keeps nobody from serving. */
static void keep_former(program_state *state, const char *what, uint64_t from, uint64_t to) {
  char path[PATH_TEXT_BYTES + 64], former[PATH_TEXT_BYTES + 64], error[300] = "", formats[64];
  if (!data_dir_path(state->dir, "relay.db", path, sizeof path) ||
      !data_dir_path(state->dir, "relay.db.former", former, sizeof former))
    return;
  snprintf(formats, sizeof formats, "%s format %llu becomes %llu", what, (unsigned long long)from,
           (unsigned long long)to);
  bool kept = state->former_kept || copy_store(path, former, error, sizeof error);
  state->former_kept = kept;
  const relay_field fields[] = {
      {"detail", formats}, {"copy", kept ? former : "none"}, {"error", kept ? "" : error}};
  log_lines_write(NULL, kept ? RELAY_INFO : RELAY_WARNING, "store.upgraded", fields, 3);
}

/* The file's format; that of the records is known when the relay has read them. */
static void keep_former_file(program_state *state, const char *path) {
  uint64_t format = 0, newest = 0;
  char error[300];
  if (lrm_store_sqlite_format(path, &format, &newest, error, sizeof error) == 0 && format < newest)
    keep_former(state, "file", format, newest);
}

static bool open_store(program_state *state, char *error, size_t error_bytes) {
  char path[PATH_TEXT_BYTES + 64];
  char text[256] = "";
  if (!data_dir_path(state->dir, "relay.db", path, sizeof path)) return false;
  lrm_store_sqlite_config config = {.struct_bytes = sizeof config,
                                    .allocator = lrm_allocator_default(),
                                    .path = path,
                                    .pending_bytes_max = PENDING_BYTES_MAX,
                                    .fault = fault_set() ? store_fault : NULL};
  if (access(path, F_OK) == 0) keep_former_file(state, path);
  int result = lrm_store_sqlite_open(&config, &state->store, text, sizeof text);
  if (result == 0) {
    uint64_t generation = 0;
    result = lrm_store_claim(state->store, lrm_uv_wall_ms(), &generation);
    if (result == 0) return true;
    snprintf(text, sizeof text, "%s", lrm_store_sqlite_error(state->store));
    lrm_store_close(state->store);
    state->store = NULL;
  }
  const char *advice = "";
  if (result == LRM_ERR_CORRUPT) {
    advice = "; run `remote-relay check`, restore a copy, or use another --data directory";
  } else if (result == LRM_ERR_DISK_FULL) {
    advice = "; make room on that disk";
  }
  snprintf(error, error_bytes, "cannot open the store %s: %s%s%s%s", path, lrm_error_text(result),
           text[0] != '\0' ? ": " : "", text, advice);
  return false;
}

/* Beside the relay's own record spaces (core.h). */
static void apply_revocation(void *user, const char *line) {
  program_state *state = user;
  lrm_id id;
  if (lrm_id_parse(line, strlen(line), &id) != 0) return;
  int result = relay_device_revoke(state->relay, &id, 1, lrm_uv_wall_ms());
  if (result != 0 && result != LRM_ERR_NOT_FOUND) {
    log_line(RELAY_ERROR, "device.revoke", "error", lrm_error_text(result));
  }
}

bool state_open(program_state *state, data_dir *dir, relay_config *config, char *error,
                size_t error_bytes) {
  memset(state, 0, sizeof *state);
  state->dir = dir;
  if (!open_store(state, error, error_bytes)) return false;
  config->struct_bytes = sizeof *config;
  config->allocator = lrm_allocator_default();
  config->store = state->store;
  config->wall_ms = lrm_uv_wall_ms();
  config->log = log_lines_write;
  config->entropy = entropy;
  if (!random_bytes(&config->commands_epoch, sizeof config->commands_epoch, error, error_bytes) ||
      !random_bytes(&config->seed, sizeof config->seed, error, error_bytes)) {
    state_close(state);
    return false;
  }
  int result = relay_open(config, &state->relay);
  if (result == LRM_ERR_STATE) {
    state->relay = NULL;
    snprintf(error, error_bytes,
             "the records in %s were written by a newer remote-relay; upgrade this one, or go back "
             "with a backup that it made",
             dir->path);
    state_close(state);
    return false;
  }
  if (result == 0 && relay_format_before(state->relay) < RELAY_FORMAT)
    keep_former(state, "records", relay_format_before(state->relay), RELAY_FORMAT);
  if (result != 0) {
    state->relay = NULL;
    snprintf(error, error_bytes,
             "cannot read the store in %s: %s; run `remote-relay check`, or restore a copy",
             dir->path, lrm_error_text(result));
    state_close(state);
    return false;
  }
  /* A store that was restored from a copy does not know what was revoked since: the file does. */
  if (!data_dir_lines(dir, "revoked", apply_revocation, state)) {
    snprintf(error, error_bytes, "cannot read %s/revoked", dir->path);
    state_close(state);
    return false;
  }
  return true;
}

void state_close(program_state *state) {
  if (state->relay != NULL) relay_close(state->relay);
  if (state->store != NULL) lrm_store_close(state->store);
  state->relay = NULL;
  state->store = NULL;
}

bool state_add_device(program_state *state, const char *account, const char *device,
                      uint64_t lifetime_ms, char token[RELAY_TOKEN_BYTES_MAX + 1], char *error,
                      size_t error_bytes) {
  uint8_t secret[32];
  lrm_id id;
  if (!random_bytes(secret, sizeof secret, error, error_bytes) ||
      !random_bytes(&id, sizeof id, error, error_bytes)) {
    return false;
  }
  size_t at = (size_t)snprintf(token, RELAY_TOKEN_BYTES_MAX + 1, "rrt_");
  for (size_t i = 0; i < sizeof secret; i++) {
    at += (size_t)snprintf(token + at, RELAY_TOKEN_BYTES_MAX + 1 - at, "%02x", secret[i]);
  }
  uint64_t wall_ms = lrm_uv_wall_ms();
  int result = relay_device_add(state->relay, account, device, &id, token, wall_ms);
  if (result == 0 && lifetime_ms != 0)
    result = relay_device_set_expiry(state->relay, &id, wall_ms + lifetime_ms);
  OPENSSL_cleanse(secret, sizeof secret);
  if (result == 0) return true;
  const char *why = lrm_error_text(result);
  if (result == LRM_ERR_NOT_FOUND)
    why = "no such account; make it with `remote-relay account NAME`";
  if (result == LRM_ERR_USAGE) why = "a name is 1 to 63 bytes without control characters";
  snprintf(error, error_bytes, "cannot add the device: %s", why);
  return false;
}

void state_revoked(void *user, const lrm_id *device_id) {
  program_state *state = user;
  char line[LRM_ID_HEX_BYTES + 1], error[300];
  lrm_id_hex(device_id, line);
  line[LRM_ID_HEX_BYTES - 1] = '\n';
  line[LRM_ID_HEX_BYTES] = '\0';
  if (!data_dir_append(state->dir, "revoked", line, error, sizeof error)) {
    log_line(RELAY_ERROR, "device.revoke", "error", error);
  }
}

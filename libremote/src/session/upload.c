/* An attachment in chunks, as many under way as the network carries. */
#include "remote/upload.h"

#include <string.h>

#include "remote/limits.h"
#include "session/host_tools.h"

#include "remote/v1/command.pb-c.h"

#define FLIGHTS_MAX 16u /* chunks without an outcome */
#define CHUNK_BYTES_MIN 8192u
/* Bytes that the relay has not stored yet: what may stand in front of a PING. */
#define WINDOW_BYTES_MIN 16384u
#define WINDOW_BYTES_MAX (1024u * 1024u)
#define QUICK_NS UINT64_C(500000000)
#define SLOW_NS UINT64_C(2000000000)

typedef struct flight {
  lrm_id command_id;
  size_t bytes;
  uint64_t sent_ns;
  bool stored;
} flight;

struct lrm_upload {
  lrm_allocator allocator;
  lrm_client *client;
  lrm_id id;
  lrm_upload_state state;
  uint64_t total, given, stored, done;
  uint8_t sha256[LRM_SHA256_BYTES];
  lrm_sha256 sum;              /* of what was given */
  flight flights[FLIGHTS_MAX]; /* in the order of the outbox */
  size_t flights_count;
  size_t window_bytes;
  uint32_t outcome, code;
  char reason[256];
  char name[256];
  char media_type[128];
};

static bool fits(const char *text, size_t capacity) {
  return text != NULL && strlen(text) < capacity;
}

static int check(const lrm_upload_config *config) {
  if (config->allocator.alloc == NULL || config->client == NULL || config->total == 0 ||
      lrm_id_none(&config->attachment_id))
    return LRM_ERR_USAGE;
  if (!fits(config->name, sizeof((lrm_upload *)0)->name) ||
      !fits(config->media_type, sizeof((lrm_upload *)0)->media_type))
    return LRM_ERR_USAGE;
  return config->total > LRM_ATTACHMENT_BYTES_MAX ? LRM_ERR_TOO_LARGE : 0;
}

int lrm_upload_create(const lrm_upload_config *config, lrm_upload **out) {
  *out = NULL;
  if (config == NULL || config->struct_bytes == 0) return LRM_ERR_USAGE;
  lrm_upload_config copy;
  memset(&copy, 0, sizeof copy);
  memcpy(&copy, config, config->struct_bytes < sizeof copy ? config->struct_bytes : sizeof copy);
  if (copy.media_type == NULL) copy.media_type = "";
  int result = check(&copy);
  if (result != 0) return result;
  lrm_upload *upload = lrm__zalloc(&copy.allocator, sizeof *upload);
  if (upload == NULL) return LRM_ERR_NO_MEMORY;
  upload->allocator = copy.allocator;
  upload->client = copy.client;
  upload->id = copy.attachment_id;
  upload->state = LRM_UPLOAD_RUNNING;
  upload->total = copy.total;
  upload->window_bytes = WINDOW_BYTES_MIN;
  memcpy(upload->sha256, copy.sha256, sizeof upload->sha256);
  memcpy(upload->name, copy.name, strlen(copy.name) + 1);
  memcpy(upload->media_type, copy.media_type, strlen(copy.media_type) + 1);
  lrm_sha256_begin(&upload->sum);
  *out = upload;
  return 0;
}

void lrm_upload_destroy(lrm_upload *upload) {
  if (upload == NULL) return;
  lrm_allocator allocator = upload->allocator;
  lrm__release(&allocator, upload);
}

/* ---- giving ---- */

bool lrm_upload_wants(const lrm_upload *upload, uint64_t *position, size_t *bytes) {
  *position = upload->given;
  *bytes = 0;
  if (upload->state != LRM_UPLOAD_RUNNING || upload->flights_count == FLIGHTS_MAX) return false;
  uint64_t under_way = upload->given - upload->stored;
  if (under_way >= upload->window_bytes) return false;
  size_t chunk = upload->window_bytes / 2;
  if (chunk < CHUNK_BYTES_MIN) chunk = CHUNK_BYTES_MIN;
  if (chunk > LRM_ATTACHMENT_CHUNK_BYTES) chunk = LRM_ATTACHMENT_CHUNK_BYTES;
  uint64_t left = upload->total - upload->given;
  *bytes = left < chunk ? (size_t)left : chunk;
  return true;
}

static int submit(lrm_upload *upload, const uint8_t *data, size_t bytes, uint64_t now_ns) {
  Remote__V1__AttachmentChunk chunk = REMOTE__V1__ATTACHMENT_CHUNK__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  chunk.attachment_id = lrm__id_data(&upload->id);
  chunk.position = upload->given;
  chunk.total = upload->total;
  chunk.name = upload->name;
  chunk.media_type = upload->media_type;
  chunk.sha256 = (ProtobufCBinaryData){sizeof upload->sha256, upload->sha256};
  chunk.data = (ProtobufCBinaryData){bytes, lrm__bytes(data)};
  command.body_case = REMOTE__V1__COMMAND__BODY_ATTACHMENT_CHUNK;
  command.attachment_chunk = &chunk;
  flight *next = &upload->flights[upload->flights_count];
  int result = lrm_client_submit(upload->client, &command, 0, &next->command_id, now_ns);
  if (result != 0) return result;
  next->bytes = bytes;
  next->sent_ns = now_ns;
  next->stored = false;
  upload->flights_count++;
  return 0;
}

int lrm_upload_give(lrm_upload *upload, const uint8_t *data, size_t bytes, uint64_t now_ns) {
  uint64_t position;
  size_t wanted;
  if (!lrm_upload_wants(upload, &position, &wanted)) return LRM_ERR_STATE;
  if (bytes != wanted) return LRM_ERR_USAGE;
  lrm_sha256 sum = upload->sum;
  lrm_sha256_add(&sum, data, bytes);
  bool last = upload->given + bytes == upload->total;
  if (last) {
    uint8_t sha256[LRM_SHA256_BYTES];
    lrm_sha256 whole = sum;
    lrm_sha256_end(&whole, sha256);
    if (memcmp(sha256, upload->sha256, sizeof sha256) != 0) {
      upload->state = LRM_UPLOAD_CHANGED;
      return 0;
    }
  }
  int result = submit(upload, data, bytes, now_ns);
  if (result != 0) return result;
  upload->sum = sum;
  upload->given += bytes;
  if (last) upload->state = LRM_UPLOAD_SENT;
  return 0;
}

void lrm_upload_cancel(lrm_upload *upload) {
  if (upload->state == LRM_UPLOAD_RUNNING || upload->state == LRM_UPLOAD_SENT)
    upload->state = LRM_UPLOAD_CANCELLED;
}

/* ---- what became of them ---- */

/* Between the two nothing changes: a network is not judged by one chunk. */
static void judge_network(lrm_upload *upload, uint64_t took_ns) {
  if (took_ns < QUICK_NS) {
    upload->window_bytes *= 2;
    if (upload->window_bytes > WINDOW_BYTES_MAX) upload->window_bytes = WINDOW_BYTES_MAX;
  } else if (took_ns > SLOW_NS) {
    upload->window_bytes /= 2;
    if (upload->window_bytes < WINDOW_BYTES_MIN) upload->window_bytes = WINDOW_BYTES_MIN;
  }
}

static void look_at_stored(lrm_upload *upload, flight *f, const lrm_command *command,
                           uint64_t now_ns) {
  if (f->stored || command->state < LRM_COMMAND_STORED) return;
  f->stored = true;
  upload->stored += f->bytes;
  judge_network(upload, now_ns > f->sent_ns ? now_ns - f->sent_ns : 0);
}

static void fail(lrm_upload *upload, uint32_t outcome, uint32_t code, const char *reason) {
  if (upload->state == LRM_UPLOAD_CANCELLED || upload->state == LRM_UPLOAD_CHANGED ||
      upload->state == LRM_UPLOAD_FAILED)
    return;
  upload->state = LRM_UPLOAD_FAILED;
  upload->outcome = outcome;
  upload->code = code;
  lrm__text_cut(upload->reason, sizeof upload->reason, reason == NULL ? "" : reason);
}

/* In order: the first one that was refused says why, those behind it only say that it is missing.
 */
static void take_outcomes(lrm_upload *upload) {
  while (upload->flights_count != 0) {
    flight *first = &upload->flights[0];
    lrm_command command;
    int result = lrm_client_command(upload->client, &first->command_id, &command);
    if (result == 0 && command.state != LRM_COMMAND_DONE) return;
    if (result != 0)
      fail(upload, REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_UNKNOWN, 0,
           "its outcome was not looked at in time");
    else if (command.outcome != REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED)
      fail(upload, command.outcome, command.code, command.reason);
    else
      upload->done += first->bytes;
    upload->flights_count--;
    memmove(first, first + 1, upload->flights_count * sizeof *first);
  }
}

void lrm_upload_update(lrm_upload *upload, uint64_t now_ns) {
  for (size_t i = 0; i < upload->flights_count; i++) {
    lrm_command command;
    flight *f = &upload->flights[i];
    if (lrm_client_command(upload->client, &f->command_id, &command) == 0)
      look_at_stored(upload, f, &command, now_ns);
  }
  take_outcomes(upload);
  if (upload->state == LRM_UPLOAD_SENT && upload->done == upload->total)
    upload->state = LRM_UPLOAD_DONE;
}

lrm_upload_progress lrm_upload_progress_now(const lrm_upload *upload) {
  return (lrm_upload_progress){.state = upload->state,
                               .total = upload->total,
                               .given = upload->given,
                               .stored = upload->stored,
                               .done = upload->done,
                               .outcome = upload->outcome,
                               .code = upload->code,
                               .reason = upload->reason};
}

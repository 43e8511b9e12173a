/* Attachments: chunks in order, kept in the journal until a prompt has taken them, for an hour at
 * most. Memory holds what they are and the digest so far, never their bytes.
 *
 * Records, by key: the attachment's id: what it is (`head`); id and position (8 bytes, the highest
 * first): the bytes of one chunk. The digest of one that is not complete is made again from its
 * chunks when a new process reads them. */
#include <string.h>

#include "session/host_internal.h"

/* ---- the table ---- */

static lrm__attachment *find(const lrm_host *host, const lrm_id *id) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++)
    if (host->attachments[i].used && lrm_id_equal(&host->attachments[i].id, id))
      return &((lrm_host *)(uintptr_t)host)->attachments[i];
  return NULL;
}

static uint32_t bit_of(const lrm_host *host, const lrm__attachment *attachment) {
  return UINT32_C(1) << (attachment - host->attachments);
}

static bool complete(const lrm__attachment *attachment) {
  return attachment->bytes == attachment->total;
}

lrm__attachment *lrm__host_attachment(lrm_host *host, const ProtobufCBinaryData *id) {
  lrm_id wanted = lrm__id_of(id);
  lrm__attachment *attachment = find(host, &wanted);
  return attachment != NULL && complete(attachment) ? attachment : NULL;
}

uint32_t lrm__host_attachments_of(lrm_host *host, const Remote__V1__SubmitPrompt *prompt) {
  uint32_t bits = 0;
  for (size_t i = 0; i < prompt->n_attachment_ids; i++) {
    const lrm__attachment *attachment = lrm__host_attachment(host, &prompt->attachment_ids[i]);
    if (attachment != NULL) bits |= bit_of(host, attachment);
  }
  return bits;
}

static uint64_t claimed_bytes(const lrm_host *host) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++)
    if (host->attachments[i].used) bytes += host->attachments[i].total;
  return bytes;
}

/* A prompt that waits, or that the agent is being given, names it. */
static bool held(const lrm_host *host, const lrm__attachment *attachment) {
  uint32_t bit = bit_of(host, attachment);
  for (lrm_inbox_item *item = lrm__inbox_from(host->inbox, 0); item != NULL; item = item->next)
    if ((item->attachments & bit) != 0) return true;
  return lrm__host_actions_name(host, &attachment->id);
}

/* ---- what a person may call it ---- */

/* Bytes of the character at `c` when it has no business in a file's name: controls, and marks that
 * turn the direction of what follows. 0: it may stay. The text is valid UTF-8. */
static size_t bad_letter(const uint8_t *c) {
  if (c[0] < 0x20 || c[0] == 0x7f) return 1;
  if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) return 2;
  if (c[0] != 0xe2) return 0;
  bool marks = c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae));
  bool isolates = c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
  return marks || isolates ? 3 : 0;
}

/* The last part of a path, without what a terminal or a folder would take amiss. */
static void take_name(char *out, size_t capacity, const char *name) {
  const char *last = name;
  for (const char *c = name; *c != '\0'; c++)
    if (*c == '/' || *c == '\\') last = c + 1;
  lrm__text_cut(out, capacity, last);
  char *to = out;
  for (const uint8_t *from = (const uint8_t *)out; *from != '\0';) {
    size_t bad = bad_letter(from);
    if (bad == 0) *to++ = (char)*from;
    from += bad == 0 ? 1 : bad;
  }
  *to = '\0';
  if (strcmp(out, "") == 0 || strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
    lrm__text_cut(out, capacity, "attachment");
}

static void take_media_type(char *out, size_t capacity, const char *media_type) {
  static const char allowed[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&^_.+-/;= ";
  bool good = strspn(media_type, allowed) == strlen(media_type);
  lrm__text_cut(out, capacity, good ? media_type : "");
}

/* ---- journal ---- */

#define CHUNK_KEY_BYTES 24u
#define HEAD_VERSION 1u
/* version, begun_ms, total, digest, length of the media type, then it and the name */
#define HEAD_FIXED_BYTES 50u

static void put_number(uint8_t out[8], uint64_t value) {
  for (unsigned i = 0; i < 8; i++) out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_number(const uint8_t in[8]) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; i++) value = value << 8 | in[i];
  return value;
}

static lrm_slice chunk_key(uint8_t key[CHUNK_KEY_BYTES], const lrm_id *id, uint64_t position) {
  memcpy(key, id->bytes, 16);
  put_number(key + 16, position);
  return (lrm_slice){key, CHUNK_KEY_BYTES};
}

static int save_head(lrm_host *host, const lrm__attachment *attachment) {
  uint8_t head[HEAD_FIXED_BYTES + sizeof attachment->media_type + sizeof attachment->name];
  size_t type_bytes = strlen(attachment->media_type), name_bytes = strlen(attachment->name);
  head[0] = HEAD_VERSION;
  put_number(head + 1, attachment->begun_ms);
  put_number(head + 9, attachment->total);
  memcpy(head + 17, attachment->sha256, 32);
  head[49] = (uint8_t)type_bytes;
  memcpy(head + HEAD_FIXED_BYTES, attachment->media_type, type_bytes);
  memcpy(head + HEAD_FIXED_BYTES + type_bytes, attachment->name, name_bytes);
  return lrm__host_put(host, LRM__SPACE_ATTACHMENTS,
                       (lrm_slice){attachment->id.bytes, sizeof attachment->id.bytes},
                       (lrm_slice){head, HEAD_FIXED_BYTES + type_bytes + name_bytes});
}

static bool read_head(lrm__attachment *out, const lrm_id *id, lrm_slice head) {
  if (head.bytes < HEAD_FIXED_BYTES || head.data[0] != HEAD_VERSION) return false;
  size_t type_bytes = head.data[49], name_bytes = head.bytes - HEAD_FIXED_BYTES;
  if (type_bytes > name_bytes || type_bytes >= sizeof out->media_type) return false;
  name_bytes -= type_bytes;
  if (name_bytes >= sizeof out->name) return false;
  memset(out, 0, sizeof *out);
  out->id = *id;
  out->begun_ms = get_number(head.data + 1);
  out->total = get_number(head.data + 9);
  memcpy(out->sha256, head.data + 17, 32);
  memcpy(out->media_type, head.data + HEAD_FIXED_BYTES, type_bytes);
  memcpy(out->name, head.data + HEAD_FIXED_BYTES + type_bytes, name_bytes);
  lrm_sha256_begin(&out->sum);
  return out->total != 0 && out->total <= LRM_ATTACHMENT_BYTES_MAX;
}

/* The chunks follow one another, so their keys are known. */
static int drop(lrm_host *host, lrm__attachment *attachment) {
  lrm_id id = attachment->id;
  uint8_t key[CHUNK_KEY_BYTES];
  uint64_t bytes = attachment->bytes;
  memset(attachment, 0, sizeof *attachment);
  for (uint64_t at = 0; at < bytes;) {
    lrm_slice value;
    int result =
        lrm_store_get(host->store, LRM__SPACE_ATTACHMENTS, chunk_key(key, &id, at), &value);
    if (result == LRM_ERR_NOT_FOUND) break;
    if (result != 0) return result;
    uint64_t piece = value.bytes;
    result = lrm__host_remove(host, LRM__SPACE_ATTACHMENTS, chunk_key(key, &id, at));
    if (result != 0) return result;
    at += piece == 0 ? bytes : piece;
  }
  return lrm__host_remove(host, LRM__SPACE_ATTACHMENTS, (lrm_slice){id.bytes, sizeof id.bytes});
}

/* ---- the hour ---- */

#define HOUR_NS (LRM_ATTACHMENT_MS_MAX * NS_PER_MS)
#define HELD_NS (60 * 1000 * NS_PER_MS) /* one that a waiting prompt names is looked at again */

int lrm__host_expire_attachments(lrm_host *host) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++) {
    lrm__attachment *attachment = &host->attachments[i];
    if (!attachment->used || attachment->expires_ns > host->now_ns) continue;
    if (held(host, attachment)) {
      attachment->expires_ns = host->now_ns + HELD_NS;
      continue;
    }
    int result = drop(host, attachment);
    if (result != 0) return result;
  }
  return 0;
}

uint64_t lrm__host_attachments_deadline(const lrm_host *host) {
  uint64_t due = UINT64_MAX;
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++)
    if (host->attachments[i].used && host->attachments[i].expires_ns < due)
      due = host->attachments[i].expires_ns;
  return due;
}

int lrm__host_drop_attachments(lrm_host *host, uint32_t bits) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++) {
    lrm__attachment *attachment = &host->attachments[i];
    if ((bits >> i & 1) == 0 || !attachment->used || held(host, attachment)) continue;
    int result = drop(host, attachment);
    if (result != 0) return result;
  }
  return 0;
}

int lrm__host_drop_handed(lrm_host *host, const lrm_id *ids, size_t count) {
  uint32_t bits = 0;
  for (size_t i = 0; i < count; i++) {
    const lrm__attachment *attachment = find(host, &ids[i]);
    if (attachment != NULL) bits |= bit_of(host, attachment);
  }
  return bits == 0 ? 0 : lrm__host_drop_attachments(host, bits);
}

/* ---- chunks ---- */

/* What is promised is counted, so that nobody sends for minutes what has no room in the end.
 * NULL: no room. */
static lrm__attachment *begin(lrm_host *host, const Remote__V1__AttachmentChunk *chunk) {
  if (claimed_bytes(host) + chunk->total > LRM__ATTACHMENTS_BYTES_MAX) return NULL;
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++) {
    lrm__attachment *attachment = &host->attachments[i];
    if (attachment->used) continue;
    attachment->used = true;
    attachment->id = lrm__id_of(&chunk->attachment_id);
    attachment->total = chunk->total;
    attachment->begun_ms = host->wall_ms;
    attachment->expires_ns = host->now_ns + HOUR_NS;
    take_media_type(attachment->media_type, sizeof attachment->media_type, chunk->media_type);
    take_name(attachment->name, sizeof attachment->name, chunk->name);
    memcpy(attachment->sha256, chunk->sha256.data, sizeof attachment->sha256);
    lrm_sha256_begin(&attachment->sum);
    return attachment;
  }
  return NULL;
}

/* LRM_ERR_DECODE: it does not fit what came before. LRM_ERR_BUSY: no room. */
static int place(lrm_host *host, const Remote__V1__AttachmentChunk *chunk, lrm__attachment **out) {
  lrm_id id = lrm__id_of(&chunk->attachment_id);
  if (lrm_id_none(&id) || chunk->total == 0 || chunk->total > LRM_ATTACHMENT_BYTES_MAX)
    return LRM_ERR_DECODE;
  if (chunk->data.len == 0 || chunk->position > chunk->total ||
      chunk->data.len > chunk->total - chunk->position || chunk->sha256.len != LRM_SHA256_BYTES)
    return LRM_ERR_DECODE;
  lrm__attachment *attachment = find(host, &id);
  if (attachment == NULL && chunk->position == 0) {
    attachment = begin(host, chunk);
    if (attachment == NULL) return LRM_ERR_BUSY;
  }
  if (attachment == NULL || attachment->total != chunk->total ||
      attachment->bytes != chunk->position ||
      memcmp(attachment->sha256, chunk->sha256.data, LRM_SHA256_BYTES) != 0)
    return LRM_ERR_DECODE;
  *out = attachment;
  return 0;
}

static int save_chunk(lrm_host *host, lrm__attachment *attachment, lrm_slice data) {
  uint8_t key[CHUNK_KEY_BYTES];
  int result = attachment->bytes == 0 ? save_head(host, attachment) : 0;
  if (result == 0)
    result = lrm__host_put(host, LRM__SPACE_ATTACHMENTS,
                           chunk_key(key, &attachment->id, attachment->bytes), data);
  if (result != 0) return result;
  lrm_sha256_add(&attachment->sum, data.data, data.bytes);
  attachment->bytes += data.bytes;
  return 0;
}

/* All is there, and it is not what was announced. */
static bool damaged(const lrm__attachment *attachment) {
  uint8_t sha256[LRM_SHA256_BYTES];
  if (!complete(attachment)) return false;
  lrm_sha256 sum = attachment->sum;
  lrm_sha256_end(&sum, sha256);
  return memcmp(sha256, attachment->sha256, sizeof sha256) != 0;
}

int lrm__host_attach_chunk(lrm_host *host, lrm__request *request) {
  const Remote__V1__AttachmentChunk *chunk = request->command->attachment_chunk;
  lrm__attachment *attachment = NULL;
  int result = lrm__host_expire_attachments(host);
  if (result == 0) result = place(host, chunk, &attachment);
  if (result == LRM_ERR_DECODE)
    return lrm__host_reject(host, request->item, LRM_CODE_INVALID,
                            "the chunk does not continue its attachment");
  if (result == LRM_ERR_BUSY)
    return lrm__host_reject(host, request->item, LRM_CODE_TOO_MANY,
                            "too many attachments wait for their prompt: each is kept for an hour");
  if (result == 0)
    result = save_chunk(host, attachment, (lrm_slice){chunk->data.data, chunk->data.len});
  if (result != 0) {
    if (attachment != NULL && attachment->bytes == 0) memset(attachment, 0, sizeof *attachment);
    return result;
  }
  if (damaged(attachment)) {
    result = drop(host, attachment);
    if (result != 0) return result;
    return lrm__host_reject(host, request->item, LRM_CODE_INVALID,
                            "the attachment's SHA-256 is another one");
  }
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED)};
  return lrm__host_give(host, request->item, &judgement);
}

/* ---- the local person's ---- */

static int attach_local(lrm_host *host, const lrm_host_local_attachment *local, lrm_id *id) {
  if (local->data.bytes == 0 || local->name == NULL) return LRM_ERR_USAGE;
  if (local->data.bytes > LRM_ATTACHMENT_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  /* Without a journal there is nowhere to keep it. */
  if (host->ended || host->gap || host->store_error != 0 || host->fenced) return LRM_ERR_STATE;
  int result = lrm__host_expire_attachments(host);
  if (result != 0) return result;
  *id = lrm__random_id(&host->random);
  uint8_t sha256[LRM_SHA256_BYTES];
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, local->data.data, local->data.bytes);
  lrm_sha256_end(&sum, sha256);
  Remote__V1__AttachmentChunk first = REMOTE__V1__ATTACHMENT_CHUNK__INIT;
  first.attachment_id = lrm__id_data(id);
  first.sha256 = (ProtobufCBinaryData){sizeof sha256, sha256};
  first.total = local->data.bytes;
  first.name = lrm__text(local->name);
  first.media_type = lrm__text(local->media_type == NULL ? "" : local->media_type);
  lrm__attachment *attachment = begin(host, &first);
  if (attachment == NULL) return LRM_ERR_BUSY;
  while (result == 0 && !complete(attachment)) {
    size_t left = local->data.bytes - (size_t)attachment->bytes;
    size_t piece = left < LRM_ATTACHMENT_CHUNK_BYTES ? left : LRM_ATTACHMENT_CHUNK_BYTES;
    result = save_chunk(host, attachment, (lrm_slice){local->data.data + attachment->bytes, piece});
    if (result == 0 && host->gap) result = LRM_ERR_STATE;
  }
  if (result == 0) return 0;
  int dropped = drop(host, attachment);
  (void)dropped; /* what stays behind in the journal is found by the next process */
  return result;
}

int lrm_host_attach_local(lrm_host *host, const lrm_host_local_attachment *local, lrm_id *id,
                          uint64_t wall_ms, uint64_t now_ns) {
  memset(id, 0, sizeof *id);
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, attach_local(host, local, id));
}

/* ---- for the application ---- */

int lrm_host_attachment(const lrm_host *host, const lrm_id *attachment_id,
                        lrm_host_attachment_info *out) {
  const lrm__attachment *attachment = find(host, attachment_id);
  if (attachment == NULL || !complete(attachment)) return LRM_ERR_NOT_FOUND;
  *out = (lrm_host_attachment_info){attachment->name, attachment->media_type, attachment->total};
  return 0;
}

int lrm_host_attachment_read(lrm_host *host, const lrm_id *attachment_id, uint64_t position,
                             lrm_slice *out) {
  uint8_t key[CHUNK_KEY_BYTES];
  *out = (lrm_slice){NULL, 0};
  const lrm__attachment *attachment = find(host, attachment_id);
  if (attachment == NULL || !complete(attachment)) return LRM_ERR_NOT_FOUND;
  if (position >= attachment->total) return position == attachment->total ? 0 : LRM_ERR_USAGE;
  return lrm_store_get(host->store, LRM__SPACE_ATTACHMENTS, chunk_key(key, attachment_id, position),
                       out);
}

/* ---- after a restart ---- */

typedef struct strays {
  const lrm_host *host;
  uint8_t keys[64][CHUNK_KEY_BYTES];
  size_t bytes[64];
  size_t count;
} strays;

static bool find_stray(void *user, lrm_slice key, lrm_slice value) {
  strays *all = user;
  lrm_id id;
  (void)value;
  if (key.bytes < sizeof id.bytes || key.bytes > CHUNK_KEY_BYTES) return true;
  memcpy(id.bytes, key.data, sizeof id.bytes);
  const lrm__attachment *attachment = find(all->host, &id);
  bool chunk = key.bytes == CHUNK_KEY_BYTES;
  /* Behind a hole: of an attachment that could not be journalled to its end. */
  if (attachment != NULL && !(chunk && get_number(key.data + 16) >= attachment->bytes)) return true;
  memcpy(all->keys[all->count], key.data, key.bytes);
  all->bytes[all->count++] = key.bytes;
  return all->count < 64;
}

static int remove_strays(lrm_host *host) {
  for (;;) {
    strays all = {.host = host};
    int result = lrm_store_each(host->store, LRM__SPACE_ATTACHMENTS, find_stray, &all);
    if (result != 0 || all.count == 0 || host->gap) return result;
    for (size_t i = 0; i < all.count; i++) {
      result =
          lrm__host_remove(host, LRM__SPACE_ATTACHMENTS, (lrm_slice){all.keys[i], all.bytes[i]});
      if (result != 0) return result;
    }
  }
}

typedef struct restoring {
  lrm_host *host;
  size_t count;
} restoring;

/* How much of the hour is left; a clock that was set back since does not make it longer. */
static uint64_t expiry(const lrm_host *host, const lrm__attachment *attachment) {
  uint64_t age_ms = host->wall_ms > attachment->begun_ms ? host->wall_ms - attachment->begun_ms : 0;
  if (age_ms > LRM_ATTACHMENT_MS_MAX) age_ms = LRM_ATTACHMENT_MS_MAX;
  return host->now_ns + HOUR_NS - age_ms * NS_PER_MS;
}

/* Keys ascend: the head of each stands before its chunks, and these come in order. */
static bool restore_record(void *user, lrm_slice key, lrm_slice value) {
  restoring *all = user;
  lrm_id id;
  if (key.bytes < sizeof id.bytes) return true;
  memcpy(id.bytes, key.data, sizeof id.bytes);
  if (key.bytes == sizeof id.bytes) {
    if (all->count == LRM__ATTACHMENTS_MAX) return false;
    lrm__attachment *attachment = &all->host->attachments[all->count];
    if (!read_head(attachment, &id, value)) return true;
    attachment->used = true;
    attachment->expires_ns = expiry(all->host, attachment);
    all->count++;
    return true;
  }
  lrm__attachment *attachment = find(all->host, &id);
  if (attachment == NULL || key.bytes != CHUNK_KEY_BYTES ||
      get_number(key.data + 16) != attachment->bytes ||
      value.bytes > attachment->total - attachment->bytes)
    return true;
  lrm_sha256_add(&attachment->sum, value.data, value.bytes);
  attachment->bytes += value.bytes;
  return true;
}

/* What queued prompts name is told by them. */
static int restore_names(lrm_host *host) {
  for (lrm_inbox_item *item = lrm__inbox_from(host->inbox, 0); item != NULL; item = item->next) {
    lrm__request request;
    if (!item->queued) continue;
    int result = lrm__host_request(host, item, &request);
    if (result == LRM_ERR_NO_MEMORY) return result;
    if (result == 0 && request.command != NULL && item->kind == KIND(SUBMIT_PROMPT))
      item->attachments = lrm__host_attachments_of(host, request.command->submit_prompt);
  }
  return 0;
}

int lrm__host_restore_attachments(lrm_host *host) {
  restoring all = {.host = host};
  int result = lrm_store_each(host->store, LRM__SPACE_ATTACHMENTS, restore_record, &all);
  if (result == 0) result = restore_names(host);
  if (result == 0) result = remove_strays(host);
  return result != 0 ? result : lrm__host_expire_attachments(host);
}

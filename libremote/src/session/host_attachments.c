/* Attachments: chunks in order, kept in memory and in the journal until a prompt takes them, for
 * an hour at most. */
#include <string.h>

#include "session/host_internal.h"

static uint64_t all_bytes(const lrm_host *host) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++)
    if (host->attachments[i].used) bytes += host->attachments[i].capacity;
  return bytes;
}

static lrm__attachment *find(lrm_host *host, const lrm_id *id) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++)
    if (host->attachments[i].used && lrm_id_equal(&host->attachments[i].id, id))
      return &host->attachments[i];
  return NULL;
}

lrm__attachment *lrm__host_attachment(lrm_host *host, const ProtobufCBinaryData *id) {
  lrm_id wanted = lrm__id_of(id);
  lrm__attachment *attachment = find(host, &wanted);
  return attachment != NULL && attachment->bytes == attachment->total ? attachment : NULL;
}

static void forget(lrm_host *host, lrm__attachment *attachment) {
  lrm__release(&host->allocator, attachment->data);
  memset(attachment, 0, sizeof *attachment);
}

void lrm__host_attachments_free(lrm_host *host) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++) forget(host, &host->attachments[i]);
}

/* ---- journal ---- */

#define KEY_BYTES 24u

static void make_key(uint8_t key[KEY_BYTES], const lrm_id *id, uint64_t position) {
  memcpy(key, id->bytes, 16);
  for (unsigned i = 0; i < 8; i++) key[16 + i] = (uint8_t)(position >> (56 - 8 * i));
}

typedef struct collecting {
  const lrm_id *id; /* NULL: all */
  uint8_t keys[64][KEY_BYTES];
  size_t count;
} collecting;

static bool collect_key(void *user, lrm_slice key, lrm_slice value) {
  collecting *all = user;
  (void)value;
  if (key.bytes != KEY_BYTES) return true;
  if (all->id != NULL && memcmp(key.data, all->id->bytes, 16) != 0) return true;
  memcpy(all->keys[all->count++], key.data, KEY_BYTES);
  return all->count < 64;
}

static int remove_records(lrm_host *host, const lrm_id *id) {
  for (;;) {
    collecting all = {.id = id};
    int result = lrm_store_each(host->store, LRM__SPACE_ATTACHMENTS, collect_key, &all);
    if (result != 0 || all.count == 0 || host->gap) return result;
    for (size_t i = 0; i < all.count; i++) {
      result = lrm__host_remove(host, LRM__SPACE_ATTACHMENTS, (lrm_slice){all.keys[i], KEY_BYTES});
      if (result != 0) return result;
    }
  }
}

int lrm__host_drop_attachment(lrm_host *host, lrm__attachment *attachment) {
  lrm_id id = attachment->id;
  forget(host, attachment);
  return remove_records(host, &id);
}

int lrm__host_expire_attachments(lrm_host *host) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++) {
    lrm__attachment *attachment = &host->attachments[i];
    if (!attachment->used || attachment->begun_ms + LRM_ATTACHMENT_MS_MAX > host->wall_ms) continue;
    int result = lrm__host_drop_attachment(host, attachment);
    if (result != 0) return result;
  }
  return 0;
}

/* ---- chunks ---- */

static lrm__attachment *begin(lrm_host *host, const Remote__V1__AttachmentChunk *chunk) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++) {
    lrm__attachment *attachment = &host->attachments[i];
    if (attachment->used) continue;
    attachment->used = true;
    attachment->id = lrm__id_of(&chunk->attachment_id);
    attachment->total = chunk->total;
    attachment->begun_ms = host->wall_ms;
    lrm__text_cut(attachment->media_type, sizeof attachment->media_type, chunk->media_type);
    lrm__text_cut(attachment->name, sizeof attachment->name, chunk->name);
    attachment->has_sha256 = chunk->sha256.len == sizeof attachment->sha256;
    if (attachment->has_sha256)
      memcpy(attachment->sha256, chunk->sha256.data, sizeof attachment->sha256);
    return attachment;
  }
  return NULL;
}

/* Grows with what has come, not with what is claimed. */
static int reserve(lrm_host *host, lrm__attachment *attachment, size_t bytes) {
  size_t wanted = attachment->bytes + bytes;
  if (wanted <= attachment->capacity) return 0;
  size_t capacity = attachment->capacity == 0 ? 16384 : attachment->capacity;
  while (capacity < wanted) capacity *= 2;
  if (capacity > attachment->total) capacity = (size_t)attachment->total;
  if (all_bytes(host) - attachment->capacity + capacity > LRM__ATTACHMENTS_BYTES_MAX)
    return LRM_ERR_BUSY;
  uint8_t *data = host->allocator.alloc(host->allocator.user, capacity == 0 ? 1 : capacity);
  if (data == NULL) return LRM_ERR_NO_MEMORY;
  if (attachment->bytes != 0) memcpy(data, attachment->data, attachment->bytes);
  lrm__release(&host->allocator, attachment->data);
  attachment->data = data;
  attachment->capacity = capacity;
  return 0;
}

/* LRM_ERR_DECODE: it does not fit what came before. LRM_ERR_BUSY: no room. */
static int take(lrm_host *host, const Remote__V1__AttachmentChunk *chunk) {
  lrm_id id = lrm__id_of(&chunk->attachment_id);
  if (lrm_id_none(&id) || chunk->total == 0 || chunk->total > LRM_ATTACHMENT_BYTES_MAX)
    return LRM_ERR_DECODE;
  if (chunk->data.len == 0 || chunk->position > chunk->total ||
      chunk->data.len > chunk->total - chunk->position)
    return LRM_ERR_DECODE;
  lrm__attachment *attachment = find(host, &id);
  if (attachment == NULL && chunk->position == 0) {
    attachment = begin(host, chunk);
    if (attachment == NULL) return LRM_ERR_BUSY;
  }
  if (attachment == NULL || attachment->total != chunk->total ||
      attachment->bytes != chunk->position)
    return LRM_ERR_DECODE;
  int result = reserve(host, attachment, chunk->data.len);
  if (result != 0) {
    if (attachment->bytes == 0) forget(host, attachment);
    return result;
  }
  memcpy(attachment->data + attachment->bytes, chunk->data.data, chunk->data.len);
  attachment->bytes += chunk->data.len;
  return 0;
}

static bool damaged(const lrm_host *host, const lrm__attachment *attachment) {
  return attachment->bytes == attachment->total && attachment->has_sha256 &&
         host->config.verify_sha256 != NULL &&
         !host->config.verify_sha256(host->config.user, attachment->data, attachment->bytes,
                                     attachment->sha256);
}

static int save_chunk(lrm_host *host, const Remote__V1__AttachmentChunk *chunk) {
  uint8_t key[KEY_BYTES];
  lrm_id id = lrm__id_of(&chunk->attachment_id);
  make_key(key, &id, chunk->position);
  lrm_slice packed;
  int result = lrm__buffer_pack(&host->packed_more, &host->allocator, &chunk->base, &packed);
  if (result != 0) return result;
  return lrm__host_put(host, LRM__SPACE_ATTACHMENTS, (lrm_slice){key, sizeof key}, packed);
}

int lrm__host_attach_chunk(lrm_host *host, lrm__request *request) {
  const Remote__V1__AttachmentChunk *chunk = request->command->attachment_chunk;
  int result = lrm__host_expire_attachments(host);
  if (result == 0) result = take(host, chunk);
  if (result == LRM_ERR_DECODE)
    return lrm__host_reject(host, request->item, LRM_CODE_INVALID,
                            "the chunk does not continue its attachment");
  if (result == LRM_ERR_BUSY)
    return lrm__host_reject(host, request->item, LRM_CODE_TOO_MANY,
                            "too many attachments are kept");
  if (result != 0) return result;
  lrm_id id = lrm__id_of(&chunk->attachment_id);
  lrm__attachment *attachment = find(host, &id);
  if (damaged(host, attachment)) {
    result = lrm__host_drop_attachment(host, attachment);
    if (result != 0) return result;
    return lrm__host_reject(host, request->item, LRM_CODE_INVALID,
                            "the attachment's SHA-256 is another one");
  }
  result = save_chunk(host, chunk);
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED)};
  return result != 0 ? result : lrm__host_give(host, request->item, &judgement);
}

int lrm_host_attachment(const lrm_host *host, const lrm_id *attachment_id,
                        lrm_host_attachment_info *out) {
  for (size_t i = 0; i < LRM__ATTACHMENTS_MAX; i++) {
    const lrm__attachment *attachment = &host->attachments[i];
    if (!attachment->used || !lrm_id_equal(&attachment->id, attachment_id)) continue;
    if (attachment->bytes != attachment->total) break;
    *out = (lrm_host_attachment_info){
        attachment->name, attachment->media_type, {attachment->data, attachment->bytes}};
    return 0;
  }
  return LRM_ERR_NOT_FOUND;
}

/* ---- after a restart ---- */

typedef struct restoring {
  lrm_host *host;
  int result;
} restoring;

/* Keys ascend, so chunks come in order. */
static bool restore_chunk(void *user, lrm_slice key, lrm_slice value) {
  restoring *all = user;
  (void)key;
  lrm_arena_reset(&all->host->decoded);
  void *chunk;
  int result = lrm_message_decode(&lrm_schema_AttachmentChunk, value.data, value.bytes,
                                  &all->host->decoded, &chunk, NULL);
  if (result == 0) result = take(all->host, chunk);
  /* A chunk that does not fit is of an attachment that was given up: the sender will see 5004. */
  if (result == LRM_ERR_NO_MEMORY) all->result = result;
  return all->result == 0;
}

int lrm__host_restore_attachments(lrm_host *host) {
  restoring all = {.host = host};
  int result = lrm_store_each(host->store, LRM__SPACE_ATTACHMENTS, restore_chunk, &all);
  return result != 0 ? result : all.result;
}

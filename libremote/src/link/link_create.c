/* Making a link: one block of memory for what it always has, and the two ends of a carrier's life.
 * A relay has thousands of accepting links, nearly all with few channels and nothing waiting: they
 * take room for those when they need it. */
#include <string.h>

#include "base/wipe.h"
#include "link/link_internal.h"

static uint32_t or_default(uint32_t value, uint32_t fallback) {
  return value == 0 ? fallback : value;
}

static bool copy_text(char *out, size_t capacity, const char *text) {
  size_t bytes = text == NULL ? 0 : strlen(text);
  if (bytes >= capacity) return false;
  if (bytes > 0) memcpy(out, text, bytes);
  out[bytes] = '\0';
  return true;
}

/* Sizes of the parts of the one block, each aligned. */
typedef struct layout {
  size_t channels;
  size_t hello;
  size_t features;
  size_t queue;
  size_t bytes;
} layout;

static size_t aligned(size_t bytes) {
  return (bytes + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

static layout lay_out(const lrm_link *link) {
  layout l;
  l.channels = aligned(sizeof *link);
  l.hello = l.channels + aligned(link->channels_room * sizeof(lrm__channel));
  l.features = l.hello + (link->side == LRM_SIDE_CONNECTING ? aligned(sizeof(lrm__hello)) : 0);
  l.queue = l.features + aligned(link->features_count * sizeof *link->features);
  l.bytes = l.queue + (link->side == LRM_SIDE_CONNECTING ? link->control_bytes : 0);
  return l;
}

static int check_config(const lrm_link_config *config) {
  if (config->struct_bytes != sizeof *config || config->allocator.alloc == NULL)
    return LRM_ERR_USAGE;
  if (config->side != LRM_SIDE_CONNECTING && config->side != LRM_SIDE_ACCEPTING)
    return LRM_ERR_USAGE;
  if (config->features_count > 15) return LRM_ERR_TOO_LARGE; /* one is kept for GREASE */
  for (size_t i = 0; i < config->features_count; i++)
    if (strlen(config->features[i]) > 23) return LRM_ERR_TOO_LARGE;
  if (config->frame_bytes_max > LRM_FRAME_PAYLOAD_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  if (config->generation >= LRM_OFFSET_MAX) return LRM_ERR_TOO_LARGE;
  return 0;
}

static void take_numbers(lrm_link *link, const lrm_link_config *config) {
  bool accepting = config->side == LRM_SIDE_ACCEPTING;
  link->allocator = config->allocator;
  link->side = config->side;
  link->random = config->seed;
  link->channels_max = or_default(config->channels_max,
                                  accepting ? LRM_CHANNELS_RELAY_MAX : LRM_CHANNELS_CLIENT_MAX);
  link->channels_room = accepting ? 0 : link->channels_max;
  link->control_bytes = or_default(
      config->control_bytes, accepting ? LRM__CONTROL_BYTES_ACCEPTING : LRM__CONTROL_BYTES_DEFAULT);
  if (link->control_bytes < LRM__CONTROL_BYTES_MIN) link->control_bytes = LRM__CONTROL_BYTES_MIN;
  link->frame_bytes_max = or_default(config->frame_bytes_max, LRM_FRAME_PAYLOAD_BYTES_MAX);
  link->control_frames_rate = config->control_frames_rate;
  link->window_bytes = or_default(config->credit_window_bytes, LRM_CREDIT_WINDOW_BYTES);
  link->grease = config->grease;
  link->features_count = (uint32_t)config->features_count;
  link->generation = config->generation;
  link->error_detail = "";
}

int lrm_link_create(const lrm_link_config *config, lrm_link **out) {
  lrm_link start;
  memset(&start, 0, sizeof start);
  int result = check_config(config);
  if (result != 0) return result;
  take_numbers(&start, config);
  if (!copy_text(start.agent, sizeof start.agent, config->agent)) return LRM_ERR_TOO_LARGE;
  lrm__hello hello;
  memset(&hello, 0, sizeof hello);
  hello.link_id = config->link_id;
  hello.role = config->role;
  if (!copy_text(hello.token, sizeof hello.token, config->token)) return LRM_ERR_TOO_LARGE;

  layout l = lay_out(&start);
  uint8_t *memory = config->allocator.alloc(config->allocator.user, l.bytes);
  if (memory == NULL) return LRM_ERR_NO_MEMORY;
  memset(memory, 0, l.bytes);
  lrm_link *link = (lrm_link *)(void *)memory;
  *link = start;
  if (link->channels_room > 0) link->channels = (lrm__channel *)(void *)(memory + l.channels);
  link->features = (char(*)[24])(void *)(memory + l.features);
  if (config->side == LRM_SIDE_CONNECTING) {
    link->queue = memory + l.queue;
    link->queue_bytes = link->control_bytes;
    link->hello = (lrm__hello *)(void *)(memory + l.hello);
    *link->hello = hello;
  }
  lrm__wipe(&hello, sizeof hello);
  for (size_t i = 0; i < config->features_count; i++)
    (void)copy_text(link->features[i], 24, config->features[i]);
  lrm__link_forget_carrier(link);
  *out = link;
  return 0;
}

void lrm_link_destroy(lrm_link *link) {
  if (link == NULL) return;
  if (link->hello != NULL) lrm__wipe(link->hello, sizeof *link->hello);
  lrm__wipe(&link->decoded, sizeof link->decoded);
  lrm_allocator allocator = link->allocator;
  if (allocator.free == NULL) return;
  if (link->side == LRM_SIDE_ACCEPTING) {
    if (link->channels != NULL) allocator.free(allocator.user, link->channels);
    lrm__queue_release(link);
  }
  allocator.free(allocator.user, link);
}

int lrm_link_set_token(lrm_link *link, const char *token, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  if (link->hello == NULL) return LRM_ERR_STATE;
  char copy[sizeof link->hello->token];
  if (!copy_text(copy, sizeof copy, token)) return LRM_ERR_TOO_LARGE;
  memcpy(link->hello->token, copy, sizeof copy);
  lrm__wipe(copy, sizeof copy);
  if (link->state != LRM_LINK_DEAD) return 0;
  link->final = false;
  link->attempts_failed = 0;
  link->attempt_ns = now_ns;
  lrm__link_enter(link, LRM_LINK_DOWN);
  return 0;
}

int lrm_link_attach(lrm_link *link, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  if (link->state != LRM_LINK_DOWN) return LRM_ERR_STATE;
  lrm__link_forget_carrier(link);
  link->error_detail = "";
  link->final = false;
  if (link->side == LRM_SIDE_CONNECTING) {
    if (link->generation < LRM_OFFSET_MAX) link->generation++;
    link->hello_due = true;
  }
  lrm__link_enter(link, LRM_LINK_GREETING);
  lrm__timers_attached(link, now_ns);
  return 0;
}

void lrm_link_detach(lrm_link *link, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  lrm__link_forget_carrier(link);
  if (link->state == LRM_LINK_DEAD) return;
  lrm__timers_detached(link, now_ns);
  bool dead = link->side == LRM_SIDE_CONNECTING && link->final;
  lrm__link_enter(link, dead ? LRM_LINK_DEAD : LRM_LINK_DOWN);
}

#include "carrier_ws/fake_carrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t room(const lrm_carrier *base) {
  const fake_carrier *fake = (const fake_carrier *)base;
  return fake->closed ? 0 : fake->room;
}

static int write_parts(lrm_carrier *base, const lrm_slice *parts, size_t count) {
  fake_carrier *fake = (fake_carrier *)base;
  if (fake->closed) return LRM_ERR_CARRIER;
  for (size_t i = 0; i < count; i++) {
    fake->out = realloc(fake->out, fake->out_bytes + parts[i].bytes + 1);
    if (fake->out == NULL) abort();
    if (parts[i].bytes > 0) memcpy(fake->out + fake->out_bytes, parts[i].data, parts[i].bytes);
    fake->out_bytes += parts[i].bytes;
    fake->out[fake->out_bytes] = '\0';
    fake->room -= parts[i].bytes < fake->room ? parts[i].bytes : fake->room;
  }
  fake->writes++;
  return 0;
}

static void close_it(lrm_carrier *base, bool flush) {
  fake_carrier *fake = (fake_carrier *)base;
  if (fake->closed) return;
  fake->closed = true;
  fake->flushed = flush;
}

static const lrm_carrier_ops ops = {
    .scheme = "fake", .room = room, .write = write_parts, .close = close_it};

fake_carrier *fake_new(const char *peer) {
  fake_carrier *fake = calloc(1, sizeof *fake);
  if (fake == NULL) abort();
  fake->base.ops = &ops;
  fake->room = 128 * 1024;
  snprintf(fake->base.peer, sizeof fake->base.peer, "%s", peer);
  fake_take(fake);
  return fake;
}

void fake_give(fake_carrier *fake, const void *data, size_t bytes) {
  if (fake->closed || fake->gone) return;
  size_t total = fake->rest_bytes + bytes, wanted = 0;
  uint8_t *all = malloc(total > 0 ? total : 1); /* of exactly this size, for the sanitizers */
  if (all == NULL) abort();
  if (fake->rest_bytes > 0) memcpy(all, fake->rest, fake->rest_bytes);
  if (bytes > 0) memcpy(all + fake->rest_bytes, data, bytes);
  free(fake->rest);
  fake->rest = NULL;
  fake->rest_bytes = 0;
  size_t consumed =
      fake->base.owner.received(fake->base.owner_user, &fake->base, all, total, &wanted);
  if (consumed > total) abort();
  if (!fake->closed && consumed < total) {
    fake->rest_bytes = total - consumed;
    fake->rest = malloc(fake->rest_bytes);
    if (fake->rest == NULL) abort();
    memcpy(fake->rest, all + consumed, fake->rest_bytes);
  }
  free(all);
}

void fake_give_in(fake_carrier *fake, const void *data, size_t bytes, size_t piece) {
  for (size_t at = 0; at < bytes; at += piece) {
    fake_give(fake, (const uint8_t *)data + at, bytes - at < piece ? bytes - at : piece);
  }
}

void fake_make_room(fake_carrier *fake, size_t more) {
  fake->room = more;
  if (!fake->closed && !fake->gone && more > 0) {
    fake->base.owner.writable(fake->base.owner_user, &fake->base);
  }
}

void fake_turn(fake_carrier *fake) {
  if (!fake->closed || fake->gone) return;
  fake->gone = true;
  if (fake->base.owner.down != NULL) {
    fake->base.owner.down(fake->base.owner_user, &fake->base, 0, "");
  }
}

void fake_drop(fake_carrier *fake, const char *why) {
  if (fake->gone) return;
  fake->closed = fake->gone = true;
  if (fake->base.owner.down != NULL) {
    fake->base.owner.down(fake->base.owner_user, &fake->base, LRM_ERR_CARRIER, why);
  }
}

void fake_take(fake_carrier *fake) {
  free(fake->out);
  fake->out = calloc(1, 1);
  if (fake->out == NULL) abort();
  fake->out_bytes = 0;
}

void fake_free(fake_carrier *fake) {
  if (!fake->gone) {
    fake->closed = true;
    fake_turn(fake);
  }
  free(fake->out);
  free(fake->rest);
  free(fake);
}

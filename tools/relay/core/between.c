/* What is left of a long-poll link between two exchanges: who was attached still counts so, until
 * the next one comes or it has been too long (spec 3.26). One connection a link, in every limit
 * that connections have. */
#include <string.h>

#include "core.h"

static bool says_presence(const relay_channel *ch) {
  if (ch->kind != CHANNEL_EVENTS_READ && ch->kind != CHANNEL_EVENTS_PUBLISH) return false;
  return ch->state == CHANNEL_OPEN || ch->state == CHANNEL_ABSENT ||
         (ch->state == CHANNEL_OPENING && ch->resumes);
}

/* Nothing can be said on it any more: what is counted for its publisher begins anew. */
static void make_absent(relay_channel *ch) {
  relay_session *s = ch->session;
  ch->state = CHANNEL_ABSENT;
  ch->number = 0;
  ch->resumes = ch->status_due = ch->info_due = false;
  if (s->publisher != ch) return;
  s->appended.count = 0;
  s->appended_bytes = s->released_bytes = 0;
}

static void keep_presence(relay_connection *c, uint64_t now_ns, uint64_t wall_ms) {
  relay_calls_free(c);
  for (relay_channel *ch = c->channels, *next; ch != NULL; ch = next) {
    next = ch->next_of_connection;
    if (says_presence(ch)) {
      make_absent(ch);
    } else {
      relay_channel_free(ch, now_ns, wall_ms);
    }
  }
}

relay_channel *relay_absent_find(const relay_connection *c, const relay_session *s,
                                 relay_channel_kind kind) {
  if (!c->exchanging) return NULL;
  for (relay_channel *ch = c->channels; ch != NULL; ch = ch->next_of_connection) {
    if (ch->state == CHANNEL_ABSENT && ch->session == s && ch->kind == kind) return ch;
  }
  return NULL;
}

void relay_take_over(relay_connection *older, relay_connection *newer, uint64_t now_ns,
                     uint64_t wall_ms) {
  newer->follows = true;
  if (!older->between) keep_presence(older, now_ns, wall_ms);
  while (older->channels != NULL) {
    relay_channel *ch = older->channels;
    older->channels = ch->next_of_connection;
    ch->connection = newer;
    ch->next_of_connection = newer->channels;
    newer->channels = ch;
  }
  older->account->connections--;
  older->state = CONNECTION_ENDED;
  if (older->between) {
    relay_disconnect(older, now_ns, wall_ms);
    return;
  }
  older->superseded = true;
  relay_kick(older);
}

bool relay_exchange_superseded(const relay_connection *c) { return c->superseded; }

void relay_exchange_complete(relay_connection *c, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_channel *ch = c->channels, *next; ch != NULL; ch = next) {
    next = ch->next_of_connection;
    if (ch->state == CHANNEL_ABSENT) relay_channel_free(ch, now_ns, wall_ms);
  }
}

void relay_exchange_over(relay_connection *c, bool answered, uint64_t now_ns, uint64_t wall_ms) {
  relay *r = c->relay;
  if (c->state == CONNECTION_LIVE) keep_presence(c, now_ns, wall_ms);
  if (c->state != CONNECTION_LIVE || c->channels == NULL) {
    relay_disconnect(c, now_ns, wall_ms);
    return;
  }
  c->heard_ns = lrm_link_heard_ns(c->link);
  lrm_link_detach(c->link, now_ns);
  c->user = NULL;
  c->between = true;
  c->until_ns = now_ns + (answered ? LRM_DEAD_NS : LRM_DEAD_WATCHED_NS);
  if (r->between_count++ == 0 || c->until_ns < r->between_due_ns) r->between_due_ns = c->until_ns;
}

void relay_between_expire(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  if (now_ns < r->between_due_ns) return;
  r->between_due_ns = UINT64_MAX;
  for (relay_connection *c = r->connections, *next; c != NULL; c = next) {
    next = c->next;
    if (!c->between) continue;
    if (c->state == CONNECTION_ENDED || c->until_ns <= now_ns) {
      relay_disconnect(c, now_ns, wall_ms);
    } else if (c->until_ns < r->between_due_ns) {
      r->between_due_ns = c->until_ns;
    }
  }
}

uint64_t relay_due_ns(const relay *r) {
  return r->between_count > 0 ? r->between_due_ns : UINT64_MAX;
}

/* Every interval of the link, in one place:
 *   greeting   10 s from the carrier to WELCOME, on both sides
 *   sign-in    60 s for a peer without a principal
 *   ping       after 10 s (+-10 %) without sending; watched: after 4 s without hearing
 *   dead       25 s without hearing; watched 10 s
 *   probe      4 s for any byte after a person acted or the machine slept
 *   ack        20 ms for a delayed ACK
 *   attempt    the next connection: at once the first time and after 2 s live, else full jitter,
 *              250 ms to 30 s, which begins anew after 60 s live
 * docs/spec.md 5. */
#include "link/link_internal.h"

static uint64_t smallest_of(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void start_probe(lrm_link *link, uint64_t now_ns) {
  link->ping_due = true;
  link->pinged_ns = now_ns;
  link->probe_deadline_ns = now_ns + LRM_PROBE_NS;
}

/* A jump over two intervals: the machine slept, and what seems silent may only be late. */
static bool slept(const lrm_link *link, uint64_t now_ns) {
  uint64_t interval_ns = link->watched ? LRM_PING_WATCHED_NS : link->ping_limit_ns;
  return link->state == LRM_LINK_LIVE && now_ns - link->now_ns > 2 * interval_ns;
}

uint64_t lrm__link_tick(lrm_link *link, uint64_t now_ns) {
  if (now_ns < link->now_ns) return link->now_ns;
  if (slept(link, now_ns) && link->probe_deadline_ns == 0) start_probe(link, now_ns);
  link->now_ns = now_ns;
  return now_ns;
}

void lrm__timers_sent(lrm_link *link, uint64_t now_ns) {
  link->sent_ns = now_ns;
  /* 90 % to 110 %, so that many links do not ping in step. */
  uint64_t tenth_ns = link->ping_limit_ns / 10;
  link->ping_idle_ns = link->ping_limit_ns - tenth_ns;
  if (tenth_ns > 0) link->ping_idle_ns += lrm__link_random(link) % (2 * tenth_ns);
}

/* After a sleep, what lay unread since before it tells nothing of now: it is read in the turn that
 * notices the sleep, when PING is not out yet. PING may also wait for room; then, after a second,
 * whatever comes is news. */
static bool is_news(const lrm_link *link, uint64_t now_ns) {
  if (!link->ping_due) return true;
  return now_ns + LRM_PROBE_NS >= link->probe_deadline_ns + LRM_PROBE_STALE_NS;
}

void lrm__timers_heard(lrm_link *link, uint64_t now_ns) {
  link->heard_ns = now_ns;
  if (link->probe_deadline_ns != 0 && !is_news(link, now_ns)) return;
  link->probe_deadline_ns = 0;
  if (link->probe_reports) link->heard_owed = true;
  link->probe_reports = false;
}

void lrm__timers_attached(lrm_link *link, uint64_t now_ns) {
  link->heard_ns = link->live_since_ns = link->sign_in_deadline_ns = 0;
  link->probe_deadline_ns = link->ack_deadline_ns = link->retry_after_ns = 0;
  link->unwatched_ns = 0;
  link->probe_reports = link->watched = false;
  link->ping_limit_ns = LRM_PING_IDLE_NS;
  link->greeting_deadline_ns = now_ns + LRM_BEFORE_WELCOME_NS_MAX;
  lrm__timers_sent(link, now_ns);
}

/* `heartbeat_ms`: what WELCOME asks for; it may only shorten the interval. */
void lrm__timers_live(lrm_link *link, uint32_t heartbeat_ms, uint64_t now_ns) {
  uint64_t asked_ns = (uint64_t)heartbeat_ms * 1000000;
  if (heartbeat_ms != 0 && asked_ns < LRM_PING_IDLE_NS)
    link->ping_limit_ns = asked_ns < 1000000000 ? 1000000000 : asked_ns;
  link->live_since_ns = link->heard_ns = link->pinged_ns = now_ns;
  lrm__timers_sent(link, now_ns);
}

void lrm__timers_detached(lrm_link *link, uint64_t now_ns) {
  uint64_t live_ns = link->live_since_ns == 0 ? 0 : now_ns - link->live_since_ns;
  if (live_ns >= LRM_RECONNECT_RESET_NS) link->attempts_failed = 0;
  /* A train with a tunnel every half minute must not wait longer after each; what dies as soon as
   * it is live (a relay that falls over) is left alone for longer and longer. */
  bool at_once = live_ns >= LRM_RECONNECT_AT_ONCE_NS || link->attempts_failed == 0;
  uint64_t delay_ns = 0;
  if (link->slow_down || !at_once) {
    uint32_t doublings = link->attempts_failed > 0 ? link->attempts_failed - 1 : 0;
    uint64_t most_ns = doublings >= 7 ? LRM_RECONNECT_NS_MAX : LRM_RECONNECT_NS_MIN << doublings;
    delay_ns = lrm__link_random(link) % (smallest_of(most_ns, LRM_RECONNECT_NS_MAX) + 1);
  }
  link->slow_down = false;
  /* A carrier that was no flicker did not fail: the next wait is as long as it would have been. */
  bool failed = live_ns < LRM_RECONNECT_AT_ONCE_NS || link->attempts_failed == 0;
  if (failed && link->attempts_failed < 64) link->attempts_failed++;
  if (delay_ns < link->retry_after_ns) delay_ns = link->retry_after_ns;
  link->attempt_ns = now_ns + delay_ns;
  link->live_since_ns = link->heard_ns = link->retry_after_ns = 0;
  link->probe_deadline_ns = link->ack_deadline_ns = link->sign_in_deadline_ns = 0;
  link->probe_reports = link->watched = false;
}

uint64_t lrm_link_attempt_ns(const lrm_link *link) {
  if (link->side != LRM_SIDE_CONNECTING || link->state != LRM_LINK_DOWN) return UINT64_MAX;
  return link->attempt_ns;
}

/* Who watched has only just gone, and a PING of that time is not answered: whoever comes and goes
 * must not make a dead network live for longer. */
static bool watched_till_now(const lrm_link *link, uint64_t now_ns) {
  return link->unwatched_ns > link->heard_ns && now_ns - link->unwatched_ns < LRM_PROBE_NS &&
         link->pinged_ns > link->heard_ns;
}

void lrm_link_watch(lrm_link *link, bool watched, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  if (watched && !link->watched && link->state == LRM_LINK_LIVE &&
      now_ns - link->heard_ns >= LRM_PING_WATCHED_NS && link->probe_deadline_ns == 0 &&
      !watched_till_now(link, now_ns))
    start_probe(link, now_ns); /* it has long been silent, and was allowed to be */
  if (!watched && link->watched) link->unwatched_ns = now_ns;
  link->watched = watched && link->state == LRM_LINK_LIVE;
}

void lrm_link_probe(lrm_link *link, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  if (link->state == LRM_LINK_DOWN && link->side == LRM_SIDE_CONNECTING) link->attempt_ns = now_ns;
  if (link->state != LRM_LINK_LIVE) return;
  link->probe_reports = true;
  if (link->probe_deadline_ns == 0) start_probe(link, now_ns);
}

/* ---- when something is due ---- */

static uint64_t ping_ns(const lrm_link *link) {
  if (link->ping_due) return UINT64_MAX; /* it waits for room already */
  uint64_t due_ns = link->sent_ns + link->ping_idle_ns;
  if (!link->watched) return due_ns;
  uint64_t since_ns = link->heard_ns > link->pinged_ns ? link->heard_ns : link->pinged_ns;
  return smallest_of(due_ns, since_ns + LRM_PING_WATCHED_NS);
}

static uint64_t dead_ns(const lrm_link *link) {
  if (link->probe_deadline_ns != 0) return link->probe_deadline_ns;
  return link->heard_ns + (link->watched ? LRM_DEAD_WATCHED_NS : LRM_DEAD_NS);
}

uint64_t lrm_link_deadline(const lrm_link *link) {
  if (link->state == LRM_LINK_GREETING || link->state == LRM_LINK_JUDGING)
    return link->greeting_deadline_ns;
  if (link->state != LRM_LINK_LIVE) return UINT64_MAX;
  uint64_t due_ns = smallest_of(ping_ns(link), dead_ns(link));
  if (link->sign_in_deadline_ns != 0) due_ns = smallest_of(due_ns, link->sign_in_deadline_ns);
  if (link->ack_deadline_ns != 0) due_ns = smallest_of(due_ns, link->ack_deadline_ns);
  return due_ns;
}

static void silent(lrm_link *link) {
  link->silent_owed = true;
  link->farewell_type = 0;
  lrm__link_enter(link, LRM_LINK_CLOSING);
}

static void farewell(lrm_link *link, uint32_t code, const char *detail) {
  (void)lrm__link_fail(link, code, detail);
}

static void expire_greeting(lrm_link *link, uint64_t now_ns) {
  if (now_ns < link->greeting_deadline_ns) return;
  if (link->side == LRM_SIDE_CONNECTING) {
    silent(link);
  } else if (link->state == LRM_LINK_JUDGING) {
    farewell(link, LRM_CODE_INTERNAL, "signing in took too long");
  } else {
    farewell(link, LRM_CODE_HEARTBEAT, "no HELLO within 10 s");
  }
}

static void expire_acks(lrm_link *link, uint64_t now_ns) {
  if (link->ack_deadline_ns == 0 || now_ns < link->ack_deadline_ns) return;
  link->ack_deadline_ns = 0;
  for (uint32_t i = 0; i < link->channels_room; i++) {
    lrm__channel *ch = &link->channels[i];
    if (ch->state == LRM__CHANNEL_OPEN && !ch->publishes) lrm__channel_judge_ack(link, ch, now_ns);
  }
}

void lrm_link_expire(lrm_link *link, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  if (link->state == LRM_LINK_GREETING || link->state == LRM_LINK_JUDGING) {
    expire_greeting(link, now_ns);
    return;
  }
  if (link->state != LRM_LINK_LIVE) return;
  expire_acks(link, now_ns);
  if (now_ns >= dead_ns(link)) {
    silent(link);
    return;
  }
  if (link->sign_in_deadline_ns != 0 && now_ns >= link->sign_in_deadline_ns) {
    farewell(link, LRM_CODE_UNAUTHENTICATED, "not signed in in time");
    return;
  }
  if (now_ns < ping_ns(link)) return;
  link->ping_due = true;
  link->pinged_ns = now_ns;
}

/* OPEN: who may attach to what, where it goes on, and when OPENED may be said (spec section 3). */
#include <string.h>

#include "core.h"

enum { OUTBOX_SAVE_MS = 60000 };

static const char *const kind_names[] = {"events.publish", "commands.read", "events.read",
                                         "commands.publish"};

/* ---- channels ---- */

relay_channel *relay_channel_find(const relay_connection *c, uint32_t number) {
  for (relay_channel *ch = c->channels; ch != NULL; ch = ch->next_of_connection) {
    if (ch->number == number) return ch;
  }
  return NULL;
}

void relay_channel_unlink(relay_channel *ch) {
  relay_channel **at = &ch->connection->channels;
  while (*at != ch) at = &(*at)->next_of_connection;
  *at = ch->next_of_connection;
  at = &ch->session->channels;
  while (*at != ch) at = &(*at)->next_of_session;
  *at = ch->next_of_session;
}

/* The host's events channel is gone. */
static void publisher_left(relay_session *s, relay *r, uint64_t wall_ms) {
  s->publisher = NULL;
  s->detached_ms = wall_ms;
  s->appended.count = 0;
  s->appended_bytes = s->released_bytes = 0;
  s->status_changed = s->list_changed = true;
  if (!s->deleted) relay_session_save(s, r);
}

void relay_channel_free(relay_channel *ch, uint64_t now_ns, uint64_t wall_ms) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  relay_channel_unlink(ch);
  bool was_open = ch->state != CHANNEL_OPENING || ch->resumes;
  if (s->publisher == ch) publisher_left(s, r, wall_ms);
  if (s->reader == ch) s->reader = NULL;
  if (ch->kind == CHANNEL_EVENTS_READ && was_open) {
    s->readers--;
    s->status_changed = true;
  }
  relay_readers_changed(s, now_ns);
  if (ch->kind == CHANNEL_COMMANDS_PUBLISH) {
    relay_outbox *outbox = relay_outbox_find(s, &ch->outbox);
    if (outbox != NULL) outbox->channels--;
  }
  if (s->channels == NULL && s->tail_memory != NULL) {
    relay_free(r, s->tail_memory);
    s->tail_memory = NULL;
  }
  relay_session_dirty(s, r);
  relay_log_session(r, RELAY_DEBUG, "channel.closed", s, ch->connection, kind_names[ch->kind]);
  relay_free(r, ch);
}

static void close_number(relay_connection *c, uint32_t number, const remote_v1_Problem *problem,
                         uint64_t now_ns) {
  if (lrm_link_close(c->link, number, problem, 0, now_ns) == 0) relay_kick(c);
}

static void close_with(relay_channel *ch, const remote_v1_Problem *problem, uint64_t now_ns,
                       uint64_t wall_ms) {
  relay_connection *c = ch->connection;
  relay_refused(c->relay, problem->code);
  relay_log_session(c->relay, RELAY_INFO, "channel.refused", ch->session, c,
                    lrm_code_name(problem->code));
  close_number(c, ch->number, problem, now_ns);
  relay_channel_free(ch, now_ns, wall_ms);
}

void relay_channel_close(relay_channel *ch, uint32_t code, const char *reason, uint64_t now_ns,
                         uint64_t wall_ms) {
  remote_v1_Problem problem =
      code == LRM_CODE_POLICY
          ? relay_policy_problem(ch->connection->relay, ch->session->account, code)
          : relay_problem(code, reason);
  if (code == LRM_CODE_FENCED) problem.stored_generation = ch->session->writer_generation;
  if (code == LRM_CODE_SLOW_DOWN) problem.retry_after_ms = 1000;
  close_with(ch, &problem, now_ns, wall_ms);
}

void relay_channel_slow(relay_channel *ch, const char *reason, uint64_t retry_after_ms,
                        uint64_t now_ns, uint64_t wall_ms) {
  remote_v1_Problem problem = relay_problem(LRM_CODE_SLOW_DOWN, reason);
  problem.layer = remote_v1_Layer_LAYER_ACCOUNT;
  problem.retry_after_ms = retry_after_ms;
  problem.retry_helps = true;
  close_with(ch, &problem, now_ns, wall_ms);
}

static relay_channel *channel_make(relay_connection *c, relay_session *s, uint32_t number,
                                   relay_channel_kind kind, uint64_t wall_ms) {
  relay_channel *ch = relay_alloc(c->relay, sizeof *ch);
  if (ch == NULL) return NULL;
  ch->connection = c;
  ch->session = s;
  ch->number = number;
  ch->kind = kind;
  ch->state = CHANNEL_OPENING;
  ch->since_ms = wall_ms;
  ch->next_of_connection = c->channels;
  c->channels = ch;
  ch->next_of_session = s->channels;
  s->channels = ch;
  relay_channel *absent = relay_absent_find(c, s, kind);
  if (absent == NULL) return ch;
  ch->resumes = true;
  ch->since_ms = absent->since_ms;
  if (s->publisher == absent) s->publisher = ch;
  relay_channel_unlink(absent);
  relay_free(c->relay, absent);
  return ch;
}

/* ---- answering ---- */

static void publisher_opened(relay_channel *ch, uint64_t now_ns) {
  relay_session *s = ch->session;
  s->acknowledged = ch->opened.next;
  /* OPENED is no acknowledgement (clause 3.8): one that was lost with its carrier is said again, or
   * a quiet host would never learn that its events are stored. */
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  if (facts.durable > 0 && facts.durable >= ch->opened.next &&
      lrm_link_ack(ch->connection->link, ch->number, facts.durable, now_ns) == 0) {
    s->acknowledged = facts.durable;
  }
  s->detached_ms = 0;
  if (!ch->resumes) s->status_changed = s->list_changed = true;
  relay_readers_changed(s, now_ns);
  relay_session_dirty(s, ch->connection->relay);
}

static void reader_opened(relay_channel *ch, uint64_t now_ns, uint64_t wall_ms) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  if (!ch->resumes) {
    s->readers++;
    s->status_changed = true;
  }
  relay_readers_changed(s, now_ns);
  relay_extend_reader(ch, now_ns);
  relay_info_send(ch, now_ns);
  relay_status_send(ch, now_ns, wall_ms);
  relay_session_dirty(s, r);
}

void relay_channel_answer(relay_channel *ch, uint64_t now_ns, uint64_t wall_ms) {
  relay_connection *c = ch->connection;
  relay *r = c->relay;
  relay_session *s = ch->session;
  if (ch->stamp > r->batch_durable) {
    relay_session_wait(s, r);
    return;
  }
  relay_ceiling_fill(s->account, &ch->opened.ceiling, &ch->opened.ceiling_layer);
  int result = lrm_link_opened(c->link, ch->number, &ch->opened, 0, now_ns);
  relay_kick(c);
  if (result != 0) { /* the link closed it itself a moment ago: CLOSED follows */
    relay_log_session(r, RELAY_WARNING, "open.late", s, c, lrm_error_text(result));
    return;
  }
  ch->state = CHANNEL_OPEN;
  relay_log_session(r, c->exchanging ? RELAY_DEBUG : RELAY_INFO, "channel.opened", s, c,
                    kind_names[ch->kind]);
  switch (ch->kind) {
    case CHANNEL_EVENTS_PUBLISH:
      if (ch->opened.outcome == remote_v1_OpenOutcome_OPEN_OUTCOME_RESET) {
        ch->state = CHANNEL_REJECTING;
      }
      publisher_opened(ch, now_ns);
      relay_status_send(ch, now_ns, wall_ms);
      break;
    case CHANNEL_COMMANDS_READ:
      if (lrm_link_extend(c->link, ch->number, s->commands_durable, 0, 0, now_ns) != 0) return;
      break;
    case CHANNEL_EVENTS_READ:
      reader_opened(ch, now_ns, wall_ms);
      break;
    case CHANNEL_COMMANDS_PUBLISH:
      relay_send_receipts(ch, now_ns);
      break;
  }
}

/* ---- judging ---- */

/* An OPEN on its way through the checks. */
typedef struct attempt {
  relay_connection *c;
  uint32_t number;
  const remote_v1_Open *open;
  lrm_id session_id;
  relay_session *session; /* NULL: there is none */
  uint64_t now_ns;
  uint64_t wall_ms;
} attempt;

static void refuse_with(const attempt *a, const remote_v1_Problem *problem) {
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&a->session_id, id);
  relay_refused(a->c->relay, problem->code);
  relay_log(a->c->relay, RELAY_INFO, "open.refused", "account", a->c->account->name, "device",
            a->c->device, "session", id, "code", lrm_code_name(problem->code), "detail",
            problem->reason, NULL);
  close_number(a->c, a->number, problem, a->now_ns);
}

static void refuse(const attempt *a, uint32_t code, const char *reason) {
  remote_v1_Problem problem = relay_problem(code, reason);
  if (code == LRM_CODE_POLICY) problem.layer = remote_v1_Layer_LAYER_ACCOUNT; /* its limits */
  if (code == LRM_CODE_FENCED && a->session != NULL) {
    problem.stored_generation = a->session->writer_generation;
  }
  if (code == LRM_CODE_SLOW_DOWN) problem.retry_after_ms = 1000;
  refuse_with(a, &problem);
}

static void refuse_policy(const attempt *a) {
  remote_v1_Problem problem = relay_policy_problem(a->c->relay, a->c->account, LRM_CODE_POLICY);
  a->c->refused_by_policy = true;
  refuse_with(a, &problem);
}

static void refuse_error(const attempt *a, int error) {
  relay_log(a->c->relay, RELAY_ERROR, "open.failed", "error", lrm_error_text(error), NULL);
  if (error == LRM_ERR_BUSY) {
    relay_limit_reached(a->c->relay, LIMIT_STORE_BEHIND);
    refuse(a, LRM_CODE_SLOW_DOWN, "the relay's store is behind; try again");
  } else {
    refuse(a, LRM_CODE_INTERNAL, "the relay failed; try again");
  }
}

/* Spec 3.9: writing events and reading commands are fenced together. True: this writer may. */
static bool pass_fence(const attempt *a) {
  relay_session *s = a->session;
  relay_connection *c = a->c;
  uint64_t generation = a->open->writer_generation;
  bool same_writer =
      lrm_id_equal(&s->writer_link, &c->link_id) && lrm_id_equal(&s->writer_device, &c->device_id);
  if (generation == 0 || generation > LRM_OFFSET_MAX) {
    refuse(a, LRM_CODE_PROTOCOL, "a host needs a writer generation");
    return false;
  }
  if (generation < s->writer_generation || (generation == s->writer_generation && !same_writer)) {
    refuse(a, LRM_CODE_FENCED, "a newer process writes this session");
    return false;
  }
  if (generation == s->writer_generation) return true;
  s->writer_generation = generation;
  s->writer_link = c->link_id;
  s->writer_device = c->device_id;
  if (s->publisher != NULL) {
    relay_channel_close(s->publisher, LRM_CODE_FENCED, "a newer process writes this session",
                        a->now_ns, a->wall_ms);
  }
  if (s->reader != NULL) {
    relay_channel_close(s->reader, LRM_CODE_FENCED, "a newer process reads these commands",
                        a->now_ns, a->wall_ms);
  }
  relay_session_save(s, c->relay);
  return true;
}

static bool is_creator(const attempt *a) {
  if (lrm_id_equal(&a->session->creator, &a->c->device_id)) return true;
  refuse(a, LRM_CODE_FORBIDDEN, "only the device that created this session publishes it");
  return false;
}

static bool create_session(attempt *a) {
  relay_connection *c = a->c;
  relay *r = c->relay;
  if (c->account->sessions >= r->config.sessions_per_account_max) {
    relay_limit_reached(r, LIMIT_ACCOUNT_SESSIONS);
    refuse(a, LRM_CODE_POLICY, "this account has too many sessions; delete old ones");
    return false;
  }
  if (!relay_audit_has_room(r)) {
    refuse(a, LRM_CODE_SLOW_DOWN, "the relay's audit log is full; its operator must make room");
    return false;
  }
  relay_session *s = relay_session_make(r, c->account, &a->session_id);
  if (s == NULL) {
    refuse_error(a, LRM_ERR_NO_MEMORY);
    return false;
  }
  s->creator = c->device_id;
  s->created_ms = s->activity_ms = a->wall_ms;
  relay_session_save(s, r);
  relay_session_describe(s, r, &a->open->description);
  relay_audit_note(
      r,
      &(relay_audit_entry){
          .what = "session.created", .by = c, .account = c->account, .session_id = &s->id},
      a->wall_ms);
  a->session = s;
  relay_log_session(r, RELAY_INFO, "session.created", s, c, "");
  return true;
}

/* Where publishing goes on; 0 or a code. */
static uint32_t judge_publish(const attempt *a, const lrm_id *epoch, remote_v1_Opened *opened,
                              lrm_cursor_action *action) {
  relay_session *s = a->session;
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  *action = LRM_CURSOR_CONTINUE;
  if (!lrm_id_none(&s->lost_epoch) && lrm_id_equal(&s->lost_epoch, epoch)) {
    opened->epoch.size = sizeof epoch->bytes;
    memcpy(opened->epoch.bytes, epoch->bytes, sizeof epoch->bytes);
    opened->next = opened->watermark = facts.end;
    opened->outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_RESET;
    opened->last_writer_generation = facts.last_writer_generation;
    return 0;
  }
  return lrm_cursor_publish_events(&facts, lrm_log_former(s->events, epoch), a->open, opened,
                                   action);
}

/* What the cursor decided is done to the log. Readers are told first (spec 3.11). */
static int apply(const attempt *a, lrm_cursor_action action) {
  relay_session *s = a->session;
  relay *r = a->c->relay;
  lrm_id epoch;
  if (action == LRM_CURSOR_CONTINUE) return 0;
  bool restart = action == LRM_CURSOR_RESTART;
  for (relay_channel *ch = s->channels, *next; ch != NULL; ch = next) {
    next = ch->next_of_session;
    if (ch->kind != CHANNEL_EVENTS_READ || ch->state == CHANNEL_ABSENT) continue;
    relay_channel_close(
        ch, restart ? LRM_CODE_EPOCH : LRM_CODE_TRIMMED,
        restart ? "the session began a new history" : "the log goes on at a snapshot", a->now_ns,
        a->wall_ms);
  }
  if (s->tail_memory != NULL) lrm_tail_init(&s->tail, s->tail_memory, LRM_TAIL_BYTES_MAX);
  s->epoch_stamp = r->batch_open;
  s->asked_bytes = 0;
  relay_session_dirty(s, r);
  if (!restart) return lrm_log_skip(s->events, a->open->first_retained);
  int result = lrm_id_from(a->open->epoch.bytes, a->open->epoch.size, &epoch);
  if (result == 0) result = lrm_log_restart(s->events, &epoch);
  /* Where it goes on is its end from now on, also to readers that come before its first block. */
  if (result == 0 && a->open->first_retained > 0) {
    result = lrm_log_skip(s->events, a->open->first_retained);
  }
  return result;
}

static void open_events_publish(attempt *a) {
  relay *r = a->c->relay;
  lrm_id epoch;
  if (lrm_id_from(a->open->epoch.bytes, a->open->epoch.size, &epoch) != 0 || lrm_id_none(&epoch)) {
    refuse(a, LRM_CODE_PROTOCOL, "publishing needs an epoch");
    return;
  }
  if (a->session == NULL && !create_session(a)) return;
  relay_session *s = a->session;
  if (!is_creator(a) || !pass_fence(a)) return;
  if (s->publisher != NULL && s->publisher != relay_absent_find(a->c, s, CHANNEL_EVENTS_PUBLISH)) {
    relay_channel_close(s->publisher, LRM_CODE_NORMAL, "opened again", a->now_ns, a->wall_ms);
  }
  int result = relay_session_events(s, r);
  if (result == 0) result = relay_session_commands(s, r); /* for its epoch in LOG_STATUS */
  if (result != 0) {
    refuse_error(a, result);
    return;
  }
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  lrm_cursor_action action;
  uint32_t code = judge_publish(a, &epoch, &opened, &action);
  if (code != 0) {
    refuse(a, code, "this log cannot go on there");
    return;
  }
  result = apply(a, action);
  relay_channel *ch =
      result == 0 ? channel_make(a->c, s, a->number, CHANNEL_EVENTS_PUBLISH, a->wall_ms) : NULL;
  if (ch == NULL) {
    refuse_error(a, result != 0 ? result : LRM_ERR_NO_MEMORY);
    return;
  }
  ch->opened = opened;
  ch->writer_generation = a->open->writer_generation;
  relay_needs_save(s, r, a->open);
  /* OPENED.next comes after all accepted blocks are committed, a switch is committed before it is
   * announced, and so is this writer's generation (spec 3.6, 3.9, 3.11). */
  ch->stamp = relay_commit_ticket(r);
  s->publisher = ch;
  relay_session_touch(s, r, a->wall_ms);
  relay_channel_answer(ch, a->now_ns, a->wall_ms);
}

static void open_commands_read(attempt *a) {
  relay *r = a->c->relay;
  relay_session *s = a->session;
  if (s == NULL) {
    refuse(a, LRM_CODE_NOT_FOUND, "no such session");
    return;
  }
  if (!is_creator(a) || !pass_fence(a)) return;
  if (s->reader != NULL) {
    relay_channel_close(s->reader, LRM_CODE_NORMAL, "opened again", a->now_ns, a->wall_ms);
  }
  int result = relay_session_commands(s, r);
  if (result != 0) {
    refuse_error(a, result);
    return;
  }
  /* Only what is committed may be delivered; OPENED waits until all that is here now is (stamp), so
   * that its watermark counts every command that waits. */
  lrm_log_facts facts = lrm_log_facts_now(s->commands);
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  uint32_t code = lrm_cursor_subscribe(&facts, a->open, &opened);
  if (code != 0) {
    refuse(a, code, "the commands cannot be read from there");
    return;
  }
  relay_channel *ch = channel_make(a->c, s, a->number, CHANNEL_COMMANDS_READ, a->wall_ms);
  if (ch == NULL) {
    refuse_error(a, LRM_ERR_NO_MEMORY);
    return;
  }
  ch->opened = opened;
  ch->stamp = relay_commit_ticket(r);
  s->reader = ch;
  relay_channel_answer(ch, a->now_ns, a->wall_ms);
}

/* A store that was restored is the past to a reader of an epoch that it has never seen: such a
 * reader waits for the host instead of being moved back (spec 3.12). */
static bool waits_for_host(const relay_session *s, const lrm_log_facts *facts,
                           const remote_v1_Open *open) {
  lrm_id asked;
  if (lrm_id_none(&s->lost_epoch) || !lrm_id_equal(&s->lost_epoch, &facts->epoch)) return false;
  if (open->until != 0 || lrm_id_from(open->epoch.bytes, open->epoch.size, &asked) != 0)
    return false;
  return !lrm_id_none(&asked) && !lrm_id_equal(&asked, &facts->epoch) &&
         !lrm_log_former(s->events, &asked);
}

static void open_events_read(attempt *a) {
  relay *r = a->c->relay;
  relay_session *s = a->session;
  if (s == NULL) {
    refuse(a, LRM_CODE_NOT_FOUND, "no such session");
    return;
  }
  if (!relay_needs_met(s, a->c)) {
    refuse(a, LRM_CODE_UPGRADE_REQUIRED, "this session needs a newer program to be read");
    return;
  }
  int result = relay_session_events(s, r);
  if (result == 0) result = relay_session_commands(s, r); /* for its epoch in LOG_STATUS */
  if (result != 0) {
    refuse_error(a, result);
    return;
  }
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  if (waits_for_host(s, &facts, a->open)) facts.epoch = (lrm_id){{0}};
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  uint32_t code = lrm_cursor_subscribe(&facts, a->open, &opened);
  if (code != 0) {
    refuse(a, code, "the events cannot be read from there");
    return;
  }
  relay_channel *ch = channel_make(a->c, s, a->number, CHANNEL_EVENTS_READ, a->wall_ms);
  if (ch == NULL) {
    refuse_error(a, LRM_ERR_NO_MEMORY);
    return;
  }
  ch->opened = opened;
  ch->stamp = s->epoch_stamp;
  relay_channel_answer(ch, a->now_ns, a->wall_ms);
}

static void open_commands_publish(attempt *a) {
  relay *r = a->c->relay;
  relay_session *s = a->session;
  if (s == NULL) {
    refuse(a, LRM_CODE_NOT_FOUND, "no such session");
    return;
  }
  int result = relay_session_commands(s, r);
  if (result != 0) {
    refuse_error(a, result);
    return;
  }
  lrm_id epoch;
  if (lrm_id_from(a->open->epoch.bytes, a->open->epoch.size, &epoch) != 0 ||
      !lrm_id_equal(&epoch, &a->c->link_id)) {
    refuse(a, LRM_CODE_PROTOCOL, "the epoch of an outbox is its link's id");
    return;
  }
  const relay_outbox_id id = {a->c->device_id, a->c->link_id};
  relay_outbox *outbox = relay_outbox_find(s, &id);
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  uint32_t code = lrm_cursor_publish_commands(outbox != NULL, outbox != NULL ? outbox->next : 0,
                                              a->open, &opened);
  if (code != 0) {
    refuse(a, code, "this outbox cannot go on there");
    return;
  }
  bool known = outbox != NULL;
  if (!known) outbox = relay_outbox_make(s, r, &id);
  relay_channel *ch = outbox != NULL
                          ? channel_make(a->c, s, a->number, CHANNEL_COMMANDS_PUBLISH, a->wall_ms)
                          : NULL;
  if (ch == NULL) {
    refuse_error(a, LRM_ERR_NO_MEMORY);
    return;
  }
  bool moved = opened.next != outbox->next || a->open->first_retained > outbox->kept;
  if (opened.next != outbox->next) {
    relay_outbox_trim(s, r, outbox, outbox->next);
    outbox->next = outbox->kept = opened.next;
  }
  relay_outbox_trim(s, r, outbox, a->open->first_retained);
  outbox->channels++;
  /* An exchange that goes on where the last one ended is not worth a write. */
  if (!known || moved || outbox->used_ms + OUTBOX_SAVE_MS < a->wall_ms)
    relay_outbox_save(s, r, outbox, a->wall_ms);
  ch->opened = opened;
  ch->outbox = outbox->id;
  /* Receipts from first_retained on are repeated; those of commands that are not committed yet
   * come after their commit. */
  ch->receipt_next = ch->receipt_end = outbox->kept;
  ch->unreceipted = outbox->kept > a->open->first_retained;
  /* Below OPENED.next a command is acknowledged again at once: all of them have to be stored. */
  ch->stamp = relay_commit_ticket(r);
  relay_marks_add(&ch->marks, ch->stamp, outbox->next);
  (void)relay_marks_take(&ch->marks, r->batch_durable, &ch->receipt_end);
  relay_session_wait(s, r);
  relay_channel_answer(ch, a->now_ns, a->wall_ms);
}

static bool pass_rate(const attempt *a) {
  if (a->c->follows) return true; /* the same channels again, as every exchange has to */
  remote_v1_Problem problem =
      relay_problem(LRM_CODE_SLOW_DOWN, "this account opens channels too fast");
  problem.retry_after_ms = relay_rate_take(a->c, RATE_OPENS, 1, a->now_ns);
  if (problem.retry_after_ms == 0) return true;
  problem.layer = remote_v1_Layer_LAYER_ACCOUNT;
  problem.retry_helps = true;
  refuse_with(a, &problem);
  return false;
}

typedef void opener(attempt *a);

/* log (EVENTS, COMMANDS) x direction (PUBLISH, SUBSCRIBE) */
static opener *const openers[2][2] = {{open_events_publish, open_events_read},
                                      {open_commands_publish, open_commands_read}};

void relay_on_open(relay_connection *c, const lrm_link_event *event, uint64_t now_ns,
                   uint64_t wall_ms) {
  const remote_v1_Open *open = event->open;
  attempt a = {
      .c = c, .number = event->channel, .open = open, .now_ns = now_ns, .wall_ms = wall_ms};
  if (c->state != CONNECTION_LIVE) {
    remote_v1_Problem problem = relay_problem(LRM_CODE_UNAUTHENTICATED, "sign in first");
    close_number(c, event->channel, &problem, now_ns);
    return;
  }
  if (!pass_rate(&a)) return;
  if (lrm_id_from(open->session_id.bytes, open->session_id.size, &a.session_id) != 0 ||
      lrm_id_none(&a.session_id) || open->log < 1 || open->log > 2 || open->direction < 1 ||
      open->direction > 2) {
    refuse(&a, LRM_CODE_PROTOCOL, "OPEN needs a session, a log and a direction");
    return;
  }
  if (c->account->policy.value == POLICY_DISABLED) {
    refuse_policy(&a);
    return;
  }
  a.session = relay_session_find(c->relay, c->account, &a.session_id);
  if (a.session != NULL && a.session->deleted) {
    refuse(&a, LRM_CODE_NOT_FOUND, "this session was deleted");
    return;
  }
  openers[open->log - 1][open->direction - 1](&a);
}

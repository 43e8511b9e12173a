/* REQUEST and REPLY: lists, watches, deleting, devices (spec 9.5). Answers are made one by one as
 * the link takes them, so a long list costs no memory but its ids. */
#include <openssl/crypto.h>
#include <pb_encode.h>
#include <string.h>

#include "core.h"
#include "remote/message.h"

#include "schema.h"

enum { REPLY_BYTES_MAX = 4096, LIST_MAX = 256, AUDIT_LIMIT = 1000 };

/* ---- replies ---- */

int relay_send_reply(relay_connection *c, const remote_v1_Reply *reply, uint64_t now_ns) {
  uint8_t data[REPLY_BYTES_MAX];
  pb_ostream_t stream = pb_ostream_from_buffer(data, sizeof data);
  if (!pb_encode(&stream, remote_v1_Reply_fields, reply)) return LRM_ERR_TOO_LARGE;
  int result =
      lrm_link_send_reply(c->link, data, stream.bytes_written, reply->id, reply->more, now_ns);
  if (result == 0) relay_kick(c);
  return result;
}

static int send_done(relay_connection *c, uint32_t id, bool more, uint64_t now_ns) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = id;
  reply.more = more;
  reply.which_result = remote_v1_Reply_done_tag;
  return relay_send_reply(c, &reply, now_ns);
}

static int send_problem(relay_connection *c, uint32_t id, uint32_t code, const char *reason,
                        uint64_t now_ns) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = id;
  reply.which_result = remote_v1_Reply_problem_tag;
  reply.result.problem = relay_problem(code, reason);
  relay_refused(c->relay, code);
  return relay_send_reply(c, &reply, now_ns);
}

/* ---- the calls that are still answered ---- */

static bool waits_for_commits(relay_call_kind kind) {
  return kind == CALL_COMMIT || kind == CALL_PAIR || kind == CALL_OIDC || kind == CALL_INVITE;
}

static void call_free(relay *r, relay_call *call) {
  if (waits_for_commits(call->kind)) r->commit_calls--;
  relay_login_free(r, call->login);
  if (call->secret != NULL) OPENSSL_cleanse(call->secret, RELAY_INVITATION_BYTES);
  relay_free(r, call->secret);
  relay_free(r, call->ids);
  relay_free(r, call);
}

void relay_calls_free(relay_connection *c) {
  while (c->calls != NULL) {
    relay_call *call = c->calls;
    c->calls = call->next;
    call_free(c->relay, call);
  }
}

relay_call *relay_call_make(relay_connection *c, uint32_t id, relay_call_kind kind) {
  relay_call *call = relay_alloc(c->relay, sizeof *call);
  if (call == NULL) return NULL;
  call->id = id;
  call->kind = kind;
  if (waits_for_commits(kind)) c->relay->commit_calls++;
  call->next = c->calls;
  c->calls = call;
  return call;
}

/* ---- sessions ---- */

typedef struct order {
  uint64_t activity_ms;
  lrm_id id;
} order;

/* Newest activity first: a heap would be more than 256 sessions need. */
static void sort_newest_first(order *entries, uint32_t count) {
  for (uint32_t i = 1; i < count; i++) {
    order moving = entries[i];
    uint32_t at = i;
    while (at > 0 && entries[at - 1].activity_ms < moving.activity_ms) {
      entries[at] = entries[at - 1];
      at--;
    }
    entries[at] = moving;
  }
}

static bool collect_sessions(relay_connection *c, relay_call *call, uint32_t limit) {
  relay *r = c->relay;
  uint32_t capacity = c->account->sessions + 1;
  order *entries = relay_alloc(r, capacity * sizeof *entries);
  if (entries == NULL) return false;
  uint32_t count = 0;
  for (const relay_session *s = c->account->newest; s != NULL; s = s->older) {
    if (!s->deleted && count < capacity) entries[count++] = (order){s->activity_ms, s->id};
  }
  sort_newest_first(entries, count);
  if (limit == 0) limit = LIST_MAX;
  if (count > limit) count = limit;
  call->ids = relay_alloc(r, (count + 1) * sizeof *call->ids);
  if (call->ids != NULL) {
    for (uint32_t i = 0; i < count; i++) call->ids[i] = entries[i].id;
    call->count = count;
  }
  relay_free(r, entries);
  return call->ids != NULL;
}

static void fill_description(relay_session *s, relay *r, remote_v1_SessionEntry *entry) {
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  lrm_slice value;
  entry->has_description =
      lrm_store_get(r->config.store, SPACE_DESCRIPTION, (lrm_slice){key, key_bytes}, &value) == 0 &&
      lrm_message_decode_static(&lrm_schema_SessionDescription, remote_v1_SessionDescription_fields,
                                value.data, value.bytes, &entry->description) == 0;
}

static int send_session(relay_connection *c, uint32_t id, relay_session *s, uint64_t now_ns,
                        uint64_t wall_ms) {
  relay *r = c->relay;
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = id;
  reply.more = true;
  reply.which_result = remote_v1_Reply_session_tag;
  remote_v1_SessionEntry *entry = &reply.result.session;
  entry->session_id.size = sizeof s->id.bytes;
  memcpy(entry->session_id.bytes, s->id.bytes, sizeof s->id.bytes);
  entry->removed = s->deleted;
  entry->activity_ms = s->activity_ms;
  if (!s->deleted) {
    fill_description(s, r, entry);
    lrm_slice info = relay_session_info(s, r);
    entry->has_info = info.bytes > 0 && lrm_message_decode_static(
                                            &lrm_schema_SessionInfo, remote_v1_SessionInfo_fields,
                                            info.data, info.bytes, &entry->info) == 0;
    entry->has_status = true;
    if (relay_session_events(s, r) == 0 || s->events != NULL) {
      relay_status_fill(s, r, false, now_ns, wall_ms, &entry->status);
    }
  }
  return relay_send_reply(c, &reply, now_ns);
}

/* The session of the account that changed next after `seen`. */
static relay_session *next_change(const relay_account *account, uint64_t seen) {
  relay_session *found = NULL;
  for (relay_session *s = account->newest; s != NULL && s->changed > seen; s = s->older) found = s;
  return found;
}

/* Sends as much as the link takes. True: the call is over. */
static bool pump_sessions(relay_connection *c, relay_call *call, uint64_t now_ns,
                          uint64_t wall_ms) {
  relay *r = c->relay;
  for (; call->at < call->count; call->at++) {
    relay_session *s = relay_session_find(r, c->account, &call->ids[call->at]);
    if (s == NULL || s->deleted) continue;
    if (send_session(c, call->id, s, now_ns, wall_ms) == LRM_ERR_BUSY) return false;
  }
  bool watch = call->kind == CALL_WATCH_SESSIONS;
  if (!call->listed) {
    if (send_done(c, call->id, watch, now_ns) == LRM_ERR_BUSY) return false;
    call->listed = true;
    if (!watch) return true;
  }
  for (relay_session *s; (s = next_change(c->account, call->seen)) != NULL;) {
    if (send_session(c, call->id, s, now_ns, wall_ms) == LRM_ERR_BUSY) return false;
    call->seen = s->changed;
  }
  return false;
}

/* ---- devices ---- */

typedef struct device_listing {
  relay_connection *c;
  relay_call *call;
  uint32_t capacity;
  bool failed;
} device_listing;

static void collect_device(void *user, const relay_device_facts *device) {
  device_listing *listing = user;
  relay_call *call = listing->call;
  if (device->revoked || strcmp(device->account, listing->c->account->name) != 0) return;
  if (!relay_grow(listing->c->relay, (void **)&call->ids, call->count, &listing->capacity,
                  sizeof *call->ids)) {
    listing->failed = true;
    return;
  }
  call->ids[call->count++] = device->id;
}

static int send_device(relay_connection *c, uint32_t id, const lrm_id *device_id, uint64_t now_ns) {
  relay_device device;
  if (!relay_device_get(c->relay, device_id, &device)) return 0;
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = id;
  reply.more = true;
  reply.which_result = remote_v1_Reply_device_tag;
  remote_v1_DeviceEntry *entry = &reply.result.device;
  entry->device_id.size = sizeof device_id->bytes;
  memcpy(entry->device_id.bytes, device_id->bytes, sizeof device_id->bytes);
  relay_text(entry->name, sizeof entry->name, device.name);
  entry->created_ms = device.created_ms;
  entry->used_ms = device.used_ms;
  entry->expires_ms = device.expires_ms;
  relay_text(entry->address, sizeof entry->address, device.address);
  relay_text(entry->surface, sizeof entry->surface, device.surface);
  entry->current = lrm_id_equal(device_id, &c->device_id);
  for (const relay_connection *o = c->relay->connections; o != NULL; o = o->next) {
    if (o->state == CONNECTION_LIVE && lrm_id_equal(&o->device_id, device_id)) {
      entry->connected = true;
    }
  }
  return relay_send_reply(c, &reply, now_ns);
}

static bool pump_devices(relay_connection *c, relay_call *call, uint64_t now_ns) {
  for (; call->at < call->count; call->at++) {
    if (send_device(c, call->id, &call->ids[call->at], now_ns) == LRM_ERR_BUSY) return false;
  }
  return send_done(c, call->id, false, now_ns) != LRM_ERR_BUSY;
}

/* ---- invitations ---- */

static int send_invitation(relay_connection *c, const relay_call *call, const lrm_id *id,
                           uint64_t now_ns, uint64_t wall_ms) {
  relay *r = c->relay;
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  const relay_invitation *i = relay_invitation_of(r, id);
  bool there = i != NULL && relay_invitation_open(i, wall_ms);
  if (!there && call->kind == CALL_LIST_INVITATIONS) return 0;
  if (!there) return send_problem(c, call->id, LRM_CODE_NOT_FOUND, "it was taken back", now_ns);
  reply.id = call->id;
  reply.more = call->kind == CALL_LIST_INVITATIONS;
  reply.which_result = remote_v1_Reply_invitation_tag;
  relay_invitation_entry(r, i, wall_ms, &reply.result.invitation);
  relay_text(reply.result.invitation.page, sizeof reply.result.invitation.page, r->page_url);
  if (call->secret != NULL)
    relay_text(reply.result.invitation.secret, sizeof reply.result.invitation.secret, call->secret);
  int result = relay_send_reply(c, &reply, now_ns);
  OPENSSL_cleanse(&reply, sizeof reply);
  return result;
}

static bool collect_invitations(relay_connection *c, relay_call *call) {
  relay *r = c->relay;
  call->ids = relay_alloc(r, (r->invitations_count + 1) * sizeof *call->ids);
  if (call->ids == NULL) return false;
  relay_invitation_ids(r, c->account->row, call->ids, &call->count);
  return true;
}

static bool pump_invitations(relay_connection *c, relay_call *call, uint64_t now_ns,
                             uint64_t wall_ms) {
  for (; call->at < call->count; call->at++) {
    if (send_invitation(c, call, &call->ids[call->at], now_ns, wall_ms) == LRM_ERR_BUSY)
      return false;
  }
  return send_done(c, call->id, false, now_ns) != LRM_ERR_BUSY;
}

/* ---- policy, audit ---- */

/* One rule a reply; the last one says what they come to. */
static bool pump_policy(relay_connection *c, relay_call *call, uint64_t now_ns) {
  for (;;) {
    remote_v1_Reply reply = remote_v1_Reply_init_zero;
    relay_call before = *call;
    reply.id = call->id;
    reply.which_result = remote_v1_Reply_policy_tag;
    reply.more = relay_next_rule(c, call, &reply.result.policy.rule);
    reply.result.policy.has_rule = reply.more;
    if (!reply.more && call->kind == CALL_ADMINISTERED)
      return send_done(c, call->id, false, now_ns) != LRM_ERR_BUSY;
    if (!reply.more) {
      policy_facts facts = relay_policy_facts(c->relay, c->account);
      remote_v1_EffectivePolicy *effective = &reply.result.policy.effective;
      reply.result.policy.has_effective = true;
      effective->value = (remote_v1_PolicyValue)c->account->policy.value;
      effective->decided_by = (remote_v1_Layer)c->account->policy.layer;
      policy_explain(&facts, &c->account->policy, effective->explanation);
    }
    if (relay_send_reply(c, &reply, now_ns) == LRM_ERR_BUSY) {
      *call = before;
      return false;
    }
    if (!reply.more) return true;
  }
}

/* A log of others' records is read in parts, so that nobody waits for it. */
static bool pump_audit(relay_connection *c, relay_call *call, uint64_t now_ns) {
  enum { STEPS = 256 };
  for (unsigned i = 0; i < STEPS && call->left > 0; i++) {
    remote_v1_Reply reply = remote_v1_Reply_init_zero;
    reply.id = call->id;
    reply.more = true;
    reply.which_result = remote_v1_Reply_audit_tag;
    int found = relay_audit_read(c->relay, c->account, &call->seen, STEPS, &reply.result.audit);
    if (found < 0) call->left = 0;
    if (found == 0) break;
    if (found > 0) {
      if (relay_send_reply(c, &reply, now_ns) == LRM_ERR_BUSY) return false;
      call->seen++;
      call->left--;
    }
  }
  if (call->left == 0) return send_done(c, call->id, false, now_ns) != LRM_ERR_BUSY;
  c->relay->calls_dirty = true;
  return false;
}

/* ---- pump ---- */

static bool pump_call(relay_connection *c, relay_call *call, uint64_t now_ns, uint64_t wall_ms) {
  switch (call->kind) {
    case CALL_LIST_SESSIONS:
    case CALL_WATCH_SESSIONS:
      return pump_sessions(c, call, now_ns, wall_ms);
    case CALL_LIST_DEVICES:
      return pump_devices(c, call, now_ns);
    case CALL_COMMIT:
      return call->stamp <= c->relay->batch_durable &&
             send_done(c, call->id, false, now_ns) != LRM_ERR_BUSY;
    case CALL_POLICY:
    case CALL_ADMINISTERED:
      return pump_policy(c, call, now_ns);
    case CALL_AUDIT:
      return pump_audit(c, call, now_ns);
    case CALL_INVITE:
      return call->stamp <= c->relay->batch_durable &&
             send_invitation(c, call, &call->ids[0], now_ns, wall_ms) != LRM_ERR_BUSY;
    case CALL_LIST_INVITATIONS:
      return pump_invitations(c, call, now_ns, wall_ms);
    case CALL_PAIR:
    case CALL_OIDC:
      return relay_login_pump(c, call, now_ns, wall_ms);
    case CALL_NONE:
      break;
  }
  return true;
}

void relay_calls_pump(relay_connection *c, uint64_t now_ns, uint64_t wall_ms) {
  relay_call **at = &c->calls;
  while (*at != NULL) {
    relay_call *call = *at;
    if (pump_call(c, call, now_ns, wall_ms)) {
      *at = call->next;
      call_free(c->relay, call);
    } else {
      at = &call->next;
    }
  }
}

/* ---- requests ---- */

typedef struct asked {
  relay_connection *c;
  const remote_v1_Request *request;
  uint64_t now_ns;
  uint64_t wall_ms;
} asked;

static void answer_problem(const asked *a, uint32_t code, const char *reason) {
  if (send_problem(a->c, a->request->id, code, reason, a->now_ns) != 0) {
    relay_end_connection(a->c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
  }
}

static void start_call(const asked *a, relay_call_kind kind) {
  relay_connection *c = a->c;
  relay_call *call = relay_call_make(c, a->request->id, kind);
  bool made = call != NULL;
  if (made && (kind == CALL_LIST_SESSIONS || kind == CALL_WATCH_SESSIONS)) {
    uint32_t limit = kind == CALL_LIST_SESSIONS ? a->request->call.list_sessions.limit : UINT32_MAX;
    call->seen = c->relay->change_number;
    made = collect_sessions(c, call, limit);
  }
  if (made && kind == CALL_LIST_DEVICES) {
    device_listing listing = {.c = c, .call = call};
    relay_each_device(c->relay, collect_device, &listing);
    made = !listing.failed;
  }
  if (made && kind == CALL_LIST_INVITATIONS) made = collect_invitations(c, call);
  if (made && kind == CALL_AUDIT) {
    const remote_v1_ExportAudit *audit = &a->request->call.export_audit;
    call->seen = relay_audit_find(c->relay, audit->from);
    call->left = audit->limit != 0 ? audit->limit : AUDIT_LIMIT;
  }
  if (made && kind == CALL_COMMIT) {
    call->stamp = relay_commit_ticket(c->relay);
  }
  if (!made) {
    if (call != NULL) {
      c->calls = call->next;
      call_free(c->relay, call);
    }
    answer_problem(a, LRM_CODE_INTERNAL, "the relay is out of memory");
    return;
  }
  relay_calls_pump(c, a->now_ns, a->wall_ms);
}

static void cancel(const asked *a) {
  relay_connection *c = a->c;
  for (relay_call **at = &c->calls; *at != NULL; at = &(*at)->next) {
    relay_call *call = *at;
    if (call->id != a->request->call.cancel.request_id) continue;
    if (send_done(c, call->id, false, a->now_ns) == LRM_ERR_BUSY) break;
    *at = call->next;
    call_free(c->relay, call);
    break;
  }
  if (send_done(c, a->request->id, false, a->now_ns) == LRM_ERR_BUSY) {
    relay_end_connection(c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
  }
}

static void delete_session(const asked *a) {
  relay_connection *c = a->c;
  lrm_id id;
  relay_session *s = NULL;
  if (lrm_id_from(a->request->call.delete_session.session_id.bytes,
                  a->request->call.delete_session.session_id.size, &id) == 0) {
    s = relay_session_find(c->relay, c->account, &id);
  }
  if (s == NULL || s->deleted) {
    answer_problem(a, LRM_CODE_NOT_FOUND,
                   s == NULL ? "no such session" : "this session was deleted already");
    return;
  }
  int result = relay_session_delete(s, c->relay, a->now_ns, a->wall_ms);
  if (result != 0) {
    answer_problem(a, LRM_CODE_INTERNAL, lrm_error_text(result));
    return;
  }
  if (c->state == CONNECTION_LIVE) start_call(a, CALL_COMMIT);
}

static void revoke_device(const asked *a) {
  relay_connection *c = a->c;
  lrm_id id;
  relay_device device;
  if (lrm_id_from(a->request->call.revoke_device.device_id.bytes,
                  a->request->call.revoke_device.device_id.size, &id) != 0 ||
      !relay_device_get(c->relay, &id, &device) || device.account != c->account->row) {
    answer_problem(a, LRM_CODE_NOT_FOUND, "no such device");
    return;
  }
  if (relay_device_revoke(c->relay, &id, a->now_ns, a->wall_ms) != 0) {
    answer_problem(a, LRM_CODE_INTERNAL, "the relay failed; try again");
    return;
  }
  if (c->state == CONNECTION_LIVE) start_call(a, CALL_COMMIT); /* not when it revoked itself */
}

/* Within its rate? Else it is told when to try again. */
static bool pass_rate(const asked *a) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  uint64_t wait_ms = relay_rate_take(a->c, RATE_REQUESTS, 1, a->now_ns);
  if (wait_ms == 0) return true;
  reply.id = a->request->id;
  reply.which_result = remote_v1_Reply_problem_tag;
  reply.result.problem = relay_problem(LRM_CODE_SLOW_DOWN, "too many requests; wait");
  reply.result.problem.layer = remote_v1_Layer_LAYER_ACCOUNT;
  reply.result.problem.retry_after_ms = wait_ms;
  reply.result.problem.retry_helps = true;
  relay_refused(a->c->relay, LRM_CODE_SLOW_DOWN);
  if (relay_send_reply(a->c, &reply, a->now_ns) != 0) {
    relay_end_connection(a->c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
  }
  return false;
}

static void rename_device(const asked *a) {
  relay_connection *c = a->c;
  const remote_v1_RenameDevice *call = &a->request->call.rename_device;
  lrm_id id;
  relay_device device;
  int result = LRM_ERR_NOT_FOUND;
  if (lrm_id_from(call->device_id.bytes, call->device_id.size, &id) == 0 &&
      relay_device_get(c->relay, &id, &device) && device.account == c->account->row)
    result = relay_device_rename(c->relay, &id, call->name);
  if (result != 0) {
    answer_problem(a, result == LRM_ERR_USAGE ? LRM_CODE_PROTOCOL : LRM_CODE_NOT_FOUND,
                   result == LRM_ERR_USAGE ? "a name is 1 to 63 bytes without control characters"
                                           : "no such device");
    return;
  }
  start_call(a, CALL_COMMIT);
}

/* All devices of the account, this one last: it ends the carrier. */
static void sign_out_everywhere(const asked *a) {
  relay_connection *c = a->c;
  lrm_id own = c->device_id;
  if (relay_devices_sign_out(c->relay, c->account, &own, a->now_ns, a->wall_ms) != 0)
    answer_problem(a, LRM_CODE_INTERNAL, "the relay failed; try again");
}

static void logout(const asked *a) {
  relay_connection *c = a->c;
  if (a->request->call.logout.everywhere) {
    sign_out_everywhere(a);
  } else if (relay_device_revoke(c->relay, &c->device_id, a->now_ns, a->wall_ms) != 0) {
    answer_problem(a, LRM_CODE_INTERNAL, "the relay failed; try again");
  }
}

/* ---- pairings of other devices ---- */

static void answer_exactly(const asked *a, const remote_v1_Problem *problem) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = a->request->id;
  reply.which_result = remote_v1_Reply_problem_tag;
  reply.result.problem = *problem;
  if (relay_send_reply(a->c, &reply, a->now_ns) != 0)
    relay_end_connection(a->c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
}

static void describe_pairing(const asked *a) {
  remote_v1_Problem problem;
  relay_pairing *p = relay_pairing_named(a->c, a->request->call.describe_pairing.code, a->now_ns,
                                         a->wall_ms, &problem);
  if (p == NULL) {
    answer_exactly(a, &problem);
    return;
  }
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = a->request->id;
  reply.which_result = remote_v1_Reply_pairing_tag;
  relay_pairing_entry(p, a->wall_ms, &reply.result.pairing);
  if (relay_send_reply(a->c, &reply, a->now_ns) != 0)
    relay_end_connection(a->c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
}

static void confirm_pairing(const asked *a) {
  const remote_v1_ConfirmPairing *call = &a->request->call.confirm_pairing;
  remote_v1_Problem problem;
  relay_pairing *p = relay_pairing_named(a->c, call->code, a->now_ns, a->wall_ms, &problem);
  if (p == NULL) {
    answer_exactly(a, &problem);
    return;
  }
  switch (relay_pairing_decide(a->c, p, !call->deny, a->now_ns, a->wall_ms)) {
    case 0:
      start_call(a, CALL_COMMIT);
      break;
    case LRM_ERR_TOO_LARGE:
      answer_problem(a, LRM_CODE_FORBIDDEN, "this account has too many devices; revoke some");
      break;
    default:
      answer_problem(a, LRM_CODE_NOT_FOUND, "that device has signed in already; revoke it");
      break;
  }
}

/* ---- invitations ---- */

static void invite(const asked *a) {
  relay_connection *c = a->c;
  relay *r = c->relay;
  relay_call *call = relay_call_make(c, a->request->id, CALL_INVITE);
  int result = LRM_ERR_NO_MEMORY;
  if (call != NULL) {
    call->ids = relay_alloc(r, sizeof *call->ids);
    call->secret = relay_alloc(r, RELAY_INVITATION_BYTES);
    if (call->ids != NULL && call->secret != NULL)
      result = relay_invitation_make(r, c->account, c, a->wall_ms, call->secret, call->ids);
  }
  if (result == 0) {
    call->stamp = relay_commit_ticket(r);
    relay_calls_pump(c, a->now_ns, a->wall_ms);
    return;
  }
  if (call != NULL) {
    c->calls = call->next;
    call_free(r, call);
  }
  if (result == LRM_ERR_BUSY)
    answer_problem(a, LRM_CODE_LIMIT, "too many invitations are open; take some back, or wait");
  else if (result == LRM_ERR_TOO_LARGE)
    answer_problem(a, LRM_CODE_FORBIDDEN, "this account has too many devices; revoke some");
  else
    answer_problem(a, LRM_CODE_INTERNAL, "the relay failed; try again");
}

static void end_invitation(const asked *a) {
  relay *r = a->c->relay;
  lrm_id id;
  const relay_invitation *i = NULL;
  if (lrm_id_from(a->request->call.end_invitation.invitation_id.bytes,
                  a->request->call.end_invitation.invitation_id.size, &id) == 0)
    i = relay_invitation_of(r, &id);
  if (i == NULL || relay_invitation_account(i) != a->c->account->row ||
      relay_invitation_end(r, &id, a->wall_ms) != 0) {
    answer_problem(a, LRM_CODE_NOT_FOUND, "no such invitation; perhaps it was used");
    return;
  }
  start_call(a, CALL_COMMIT);
}

static void set_policy(const asked *a) {
  relay_connection *c = a->c;
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = a->request->id;
  reply.which_result = remote_v1_Reply_problem_tag;
  if (relay_set_policy(c, &a->request->call.set_policy.rule, a->now_ns, a->wall_ms,
                       &reply.result.problem) == 0) {
    if (c->state == CONNECTION_LIVE) start_call(a, CALL_COMMIT);
  } else if (relay_send_reply(c, &reply, a->now_ns) != 0) {
    relay_end_connection(c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
  }
}

/* ---- being told ---- */

static void answer_code(const asked *a, uint32_t code, const char *reason) {
  if (code != 0)
    answer_problem(a, code, reason);
  else
    start_call(a, CALL_COMMIT);
}

static void push_facts(const asked *a) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = a->request->id;
  reply.which_result = remote_v1_Reply_push_facts_tag;
  relay_push_facts(a->c, a->request->call.get_push.endpoint, &reply.result.push_facts);
  if (relay_send_reply(a->c, &reply, a->now_ns) != 0)
    relay_end_connection(a->c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
}

static void push_call(const asked *a) {
  const remote_v1_Request *request = a->request;
  const char *reason = "";
  uint32_t code;
  if (request->which_call == remote_v1_Request_push_subscribe_tag)
    code = relay_push_subscribe(a->c, &request->call.push_subscribe, a->wall_ms, &reason);
  else if (request->which_call == remote_v1_Request_push_unsubscribe_tag)
    code = relay_push_unsubscribe(a->c, request->call.push_unsubscribe.endpoint, &reason);
  else
    code = relay_push_test(a->c, request->call.test_push.endpoint, a->wall_ms, &reason);
  answer_code(a, code, reason);
}

static void use_session(const asked *a) {
  const remote_v1_UseSession *call = &a->request->call.use_session;
  relay_connection *c = a->c;
  lrm_id id;
  relay_session *s = NULL;
  if (lrm_id_from(call->session_id.bytes, call->session_id.size, &id) == 0)
    s = relay_session_find(c->relay, c->account, &id);
  if (s == NULL || s->deleted) {
    answer_problem(a, LRM_CODE_NOT_FOUND, "no such session");
    return;
  }
  relay_session_used(s, c->relay, c, call->over, a->now_ns);
  if (send_done(c, a->request->id, false, a->now_ns) != 0)
    relay_end_connection(c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, a->now_ns,
                         a->wall_ms);
}

static void do_request(const asked *a) {
  const remote_v1_Request *request = a->request;
  switch (request->which_call) {
    case remote_v1_Request_list_sessions_tag:
      start_call(a, CALL_LIST_SESSIONS);
      break;
    case remote_v1_Request_watch_sessions_tag:
      start_call(a, CALL_WATCH_SESSIONS);
      break;
    case remote_v1_Request_cancel_tag:
      cancel(a);
      break;
    case remote_v1_Request_delete_session_tag:
      delete_session(a);
      break;
    case remote_v1_Request_list_devices_tag:
      start_call(a, CALL_LIST_DEVICES);
      break;
    case remote_v1_Request_revoke_device_tag:
      revoke_device(a);
      break;
    case remote_v1_Request_rename_device_tag:
      rename_device(a);
      break;
    case remote_v1_Request_describe_pairing_tag:
      describe_pairing(a);
      break;
    case remote_v1_Request_confirm_pairing_tag:
      confirm_pairing(a);
      break;
    case remote_v1_Request_pair_device_tag:
    case remote_v1_Request_begin_oidc_tag:
    case remote_v1_Request_login_oidc_tag:
      answer_problem(a, LRM_CODE_FORBIDDEN, "this device is signed in already");
      break;
    case remote_v1_Request_logout_tag:
      logout(a);
      break;
    case remote_v1_Request_invite_tag:
      invite(a);
      break;
    case remote_v1_Request_list_invitations_tag:
      start_call(a, CALL_LIST_INVITATIONS);
      break;
    case remote_v1_Request_end_invitation_tag:
      end_invitation(a);
      break;
    case remote_v1_Request_get_policy_tag:
      start_call(a, request->call.get_policy.administered ? CALL_ADMINISTERED : CALL_POLICY);
      break;
    case remote_v1_Request_set_policy_tag:
      set_policy(a);
      break;
    case remote_v1_Request_get_push_tag:
      push_facts(a);
      break;
    case remote_v1_Request_push_subscribe_tag:
    case remote_v1_Request_push_unsubscribe_tag:
    case remote_v1_Request_test_push_tag:
      push_call(a);
      break;
    case remote_v1_Request_use_session_tag:
      use_session(a);
      break;
    case remote_v1_Request_export_audit_tag:
      start_call(a, CALL_AUDIT);
      break;
    default:
      answer_problem(a, LRM_CODE_FORBIDDEN, "this relay does not offer this call");
      break;
  }
}

/* What may be asked by who is not signed in. */
static void sign_in_call(const asked *a) {
  switch (a->request->which_call) {
    case remote_v1_Request_pair_device_tag:
      relay_login_pair(a->c, a->request, a->now_ns, a->wall_ms);
      break;
    case remote_v1_Request_begin_oidc_tag:
      relay_login_challenge(a->c, a->request, a->now_ns, a->wall_ms);
      break;
    case remote_v1_Request_login_oidc_tag:
      relay_login_oidc(a->c, a->request, a->now_ns, a->wall_ms);
      break;
    default:
      answer_problem(a, LRM_CODE_UNAUTHENTICATED, "sign in first");
      break;
  }
}

void relay_on_request(relay_connection *c, lrm_slice payload, uint64_t now_ns, uint64_t wall_ms) {
  remote_v1_Request request;
  if (lrm_message_decode_static(&lrm_schema_Request, remote_v1_Request_fields, payload.data,
                                payload.bytes, &request) != 0) {
    relay_end_connection(c, LRM_CODE_PROTOCOL, "this request cannot be decoded", 0, now_ns,
                         wall_ms);
    return;
  }
  asked a = {c, &request, now_ns, wall_ms};
  if (!pass_rate(&a)) return;
  if (c->state != CONNECTION_LIVE) {
    sign_in_call(&a);
    return;
  }
  c->relay->acting = c;
  do_request(&a);
  c->relay->acting = NULL;
}

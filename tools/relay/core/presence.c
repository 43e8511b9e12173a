/* Presence: separate facts, as the relay knows them (spec section 14). */
#include <string.h>

#include "core.h"

/* Of a long-poll link also between two exchanges, and while the next one is opening. */
static bool is_there(const relay_channel *ch) {
  return ch->state == CHANNEL_OPEN || ch->state == CHANNEL_ABSENT ||
         (ch->state == CHANNEL_OPENING && ch->resumes);
}

bool relay_host_attached(const relay_session *s) {
  return s->publisher != NULL && is_there(s->publisher);
}

static void fill_id(pb_size_t *size, uint8_t *bytes, const lrm_id *id) {
  if (lrm_id_none(id)) return;
  *size = sizeof id->bytes;
  memcpy(bytes, id->bytes, sizeof id->bytes);
}

static bool counts_as_attached(const relay_channel *ch) {
  return (ch->kind == CHANNEL_EVENTS_READ || ch->kind == CHANNEL_EVENTS_PUBLISH) && is_there(ch);
}

/* One line for each device and role, whatever the number of its connections. */
static bool first_of_device(const relay_session *s, const relay_channel *ch) {
  for (const relay_channel *other = s->channels; other != ch; other = other->next_of_session) {
    if (other->kind == ch->kind && counts_as_attached(other) &&
        lrm_id_equal(&other->connection->device_id, &ch->connection->device_id)) {
      return false;
    }
  }
  return true;
}

static void fill_attached(const relay_session *s, remote_v1_LogStatus *out) {
  for (const relay_channel *ch = s->channels; ch != NULL; ch = ch->next_of_session) {
    if (!counts_as_attached(ch) || !first_of_device(s, ch)) continue;
    out->attached_total++;
    if (out->attached_count >= sizeof out->attached / sizeof out->attached[0]) continue;
    remote_v1_AttachedDevice *device = &out->attached[out->attached_count++];
    fill_id(&device->device_id.size, device->device_id.bytes, &ch->connection->device_id);
    relay_text(device->name, sizeof device->name, ch->connection->device);
    device->role =
        ch->kind == CHANNEL_EVENTS_PUBLISH ? remote_v1_Role_ROLE_HOST : remote_v1_Role_ROLE_CLIENT;
    device->since_ms = ch->since_ms;
  }
}

static void fill_host(const relay_session *s, uint64_t now_ns, uint64_t wall_ms,
                      remote_v1_LogStatus *out) {
  out->host_attached = relay_host_attached(s);
  out->host_since_ms = s->detached_ms;
  out->host_heard_ms = s->detached_ms;
  if (!out->host_attached) return;
  out->host_since_ms = s->publisher->since_ms;
  const relay_connection *c = s->publisher->connection;
  uint64_t heard_ns = c->between ? c->heard_ns : lrm_link_heard_ns(c->link);
  uint64_t ago_ms = heard_ns != 0 && heard_ns < now_ns ? (now_ns - heard_ns) / 1000000 : 0;
  out->host_heard_ms = wall_ms > ago_ms ? wall_ms - ago_ms : 0;
}

void relay_ceiling_fill(const relay_account *account, remote_v1_Ceiling *ceiling,
                        remote_v1_Layer *layer) {
  bool control = account->policy.value == POLICY_CONTROL;
  *ceiling = control ? remote_v1_Ceiling_CEILING_CONTROL : remote_v1_Ceiling_CEILING_VIEW;
  *layer = (remote_v1_Layer)account->policy.layer;
}

void relay_status_fill(const relay_session *s, const relay *r, bool with_devices, uint64_t now_ns,
                       uint64_t wall_ms, remote_v1_LogStatus *out) {
  memset(out, 0, sizeof *out);
  fill_host(s, now_ns, wall_ms, out);
  out->now_ms = wall_ms;
  relay_ceiling_fill(s->account, &out->ceiling, &out->ceiling_layer);
  if (s->events != NULL && s->epoch_stamp <= r->batch_durable) {
    lrm_log_facts facts = lrm_log_facts_now(s->events);
    fill_id(&out->events_epoch.size, out->events_epoch.bytes, &facts.epoch);
    out->events_next = facts.end;
    out->events_first = facts.first;
  }
  if (s->commands != NULL) {
    fill_id(&out->commands_epoch.size, out->commands_epoch.bytes, &r->config.commands_epoch);
    /* What was stored before a restart is, even while its new numbers are not committed yet. */
    out->commands_stored = s->commands_kept;
    if (out->commands_stored < s->commands_durable) out->commands_stored = s->commands_durable;
    if (out->commands_stored < s->delivered) out->commands_stored = s->delivered;
    out->commands_delivered = s->delivered;
  }
  if (with_devices) fill_attached(s, out);
}

void relay_status_send(relay_channel *ch, uint64_t now_ns, uint64_t wall_ms) {
  relay_connection *c = ch->connection;
  remote_v1_LogStatus status;
  relay_status_fill(ch->session, c->relay, true, now_ns, wall_ms, &status);
  int result = lrm_link_send_log_status(c->link, ch->number, &status, now_ns);
  ch->status_due = result == LRM_ERR_BUSY; /* again, with the facts of then, when it has drained */
  if (result == 0) relay_kick(c);
}

void relay_info_send(relay_channel *ch, uint64_t now_ns) {
  relay_connection *c = ch->connection;
  lrm_slice info = relay_session_info(ch->session, c->relay);
  ch->info_due = false;
  if (info.bytes == 0) return;
  int result = lrm_link_send_info(c->link, ch->number, info.data, info.bytes, now_ns);
  ch->info_due = result == LRM_ERR_BUSY;
  if (result == 0) relay_kick(c);
}

void relay_readers_changed(relay_session *s, uint64_t now_ns) {
  relay_connection *host = NULL;
  /* An exchange ends before it could be pinged. */
  if (s->readers > 0 && s->publisher != NULL && s->publisher->state != CHANNEL_OPENING &&
      !s->publisher->connection->exchanging) {
    host = s->publisher->connection;
  }
  if (host == s->watched_by) return;
  if (s->watched_by != NULL && --s->watched_by->watched == 0) {
    lrm_link_watch(s->watched_by->link, false, now_ns);
    relay_kick(s->watched_by);
  }
  s->watched_by = host;
  if (host != NULL && host->watched++ == 0) {
    lrm_link_watch(host->link, true, now_ns);
    relay_kick(host);
  }
}

/* What the application is to do, in order, once everything it rests on is durable. */
#include <string.h>

#include "session/host_internal.h"

struct lrm__host_action {
  lrm__host_action *next;
  lrm_host_action_type type;
  uint64_t step; /* durable first; 0: waits for nothing */
  bool remote;
  lrm_id command_id;
  lrm_id ask_id;
  uint32_t code;
  char *text, *value, *turn_id, *reason; /* behind the struct */
  lrm_id attachments[16];
  size_t attachments_count;
  bool has_by, by_local;
  lrm_origin by;
};

static size_t text_bytes(const char *text) { return text == NULL ? 0 : strlen(text) + 1; }

static char *take_text(char **at, const char *text) {
  if (text == NULL) return NULL;
  size_t bytes = strlen(text) + 1;
  char *copy = memcpy(*at, text, bytes);
  *at += bytes;
  return copy;
}

static void take_by(lrm__host_action *action, const lrm__actor *by) {
  if (by == NULL) return;
  action->has_by = true;
  action->by_local = by->actor.local;
  if (by->actor.local) return;
  lrm__text_cut(action->by.account, sizeof action->by.account, by->origin.account);
  lrm__text_cut(action->by.device, sizeof action->by.device, by->origin.device);
  lrm__text_cut(action->by.surface, sizeof action->by.surface, by->origin.surface);
  action->by.device_id = lrm__id_of(&by->origin.device_id);
}

bool lrm__host_actions_room(const lrm_host *host) {
  return host->actions_count < LRM__ACTIONS_REMOTE_MAX;
}

int lrm__host_act(lrm_host *host, const lrm__action_spec *spec) {
  if (host->actions_count >= LRM__ACTIONS_MAX) return LRM_ERR_BUSY;
  size_t extra = text_bytes(spec->text) + text_bytes(spec->value) + text_bytes(spec->turn_id) +
                 text_bytes(spec->reason);
  lrm__host_action *action = lrm__zalloc(&host->allocator, sizeof *action + extra);
  if (action == NULL) return LRM_ERR_NO_MEMORY;
  char *at = (char *)(action + 1);
  action->type = spec->type;
  action->code = spec->code;
  action->remote = spec->command_id != NULL;
  if (spec->command_id != NULL) action->command_id = *spec->command_id;
  if (spec->ask_id != NULL) action->ask_id = *spec->ask_id;
  action->text = take_text(&at, spec->text);
  action->value = take_text(&at, spec->value);
  action->turn_id = take_text(&at, spec->turn_id);
  action->reason = take_text(&at, spec->reason);
  for (size_t i = 0; i < spec->attachments_count && i < 16; i++)
    action->attachments[action->attachments_count++] = lrm__id_of(&spec->attachments[i]);
  take_by(action, spec->by);
  if (spec->type != LRM_ACTION_RESTART_LINK) action->step = lrm__host_step(host);
  *host->actions_end = action;
  host->actions_end = &action->next;
  host->actions_count++;
  return 0;
}

/* With a store that does not work the local person's actions wait for nothing; what came from
 * afar must not be done before it is journalled. */
static bool ready(const lrm_host *host, const lrm__host_action *action) {
  if (action->step == 0 || lrm__host_step_durable(host, action->step)) return true;
  return !action->remote && (host->store_error != 0 || host->gap);
}

static void unlink_action(lrm_host *host, lrm__host_action **at) {
  lrm__host_action *action = *at;
  *at = action->next;
  if (host->actions_end == &action->next) host->actions_end = at;
  host->actions_count--;
}

bool lrm__host_action_waits(const lrm_host *host, const lrm_id *command_id) {
  for (const lrm__host_action *action = host->actions; action != NULL; action = action->next)
    if (action->remote && lrm_id_equal(&action->command_id, command_id)) return true;
  return false;
}

bool lrm__host_prompt_waits(const lrm_host *host) {
  for (const lrm__host_action *action = host->actions; action != NULL; action = action->next)
    if (action->type == LRM_ACTION_PROMPT) return true;
  return false;
}

bool lrm__host_prompt_take_back(lrm_host *host) {
  for (lrm__host_action **at = &host->actions; *at != NULL; at = &(*at)->next) {
    lrm__host_action *action = *at;
    if (action->type != LRM_ACTION_PROMPT) continue;
    unlink_action(host, at);
    lrm__release(&host->allocator, action);
    return true;
  }
  return false;
}

/* One from afar has its command for that, until the command has its outcome. */
static bool names(const lrm__host_action *action, const lrm_id *attachment_id) {
  if (action->remote) return false;
  for (size_t i = 0; i < action->attachments_count; i++)
    if (lrm_id_equal(&action->attachments[i], attachment_id)) return true;
  return false;
}

bool lrm__host_actions_name(const lrm_host *host, const lrm_id *attachment_id) {
  if (host->handed != NULL && names(host->handed, attachment_id)) return true;
  for (const lrm__host_action *action = host->actions; action != NULL; action = action->next)
    if (names(action, attachment_id)) return true;
  return false;
}

void lrm__host_actions_drop_remote(lrm_host *host) {
  lrm__host_action **at = &host->actions;
  while (*at != NULL) {
    lrm__host_action *action = *at;
    /* What is journalled already is the agent's, whatever became of the command: an answer that
     * won, and the cancel whose asks are cancelled. */
    if (!action->remote || action->type == LRM_ACTION_ANSWER || action->type == LRM_ACTION_CANCEL) {
      at = &action->next;
      continue;
    }
    unlink_action(host, at);
    lrm__release(&host->allocator, action);
  }
}

/* What the agent has not been given and may not be given any more: the disk stood still between the
 * judgement and here. A cancel has taken effect already, and an answer has won. */
static bool stale(const lrm_host *host, const lrm__host_action *action, lrm_inbox_item **out) {
  lrm_envelope envelope;
  bool begins = action->type == LRM_ACTION_PROMPT || action->type == LRM_ACTION_STEER ||
                action->type == LRM_ACTION_SLASH || action->type == LRM_ACTION_SET_MODE ||
                action->type == LRM_ACTION_SET_OPTION;
  if (!action->remote || !begins || !ready(host, action)) return false;
  lrm_inbox_item *item = lrm__inbox_find(host->inbox, &action->command_id);
  if (item == NULL || item->state != LRM_INBOX_STARTED ||
      lrm_envelope_decode(item->envelope, item->envelope_bytes, &envelope) != 0)
    return false;
  *out = item;
  return lrm__host_expired(host, &envelope);
}

int lrm__host_actions_expire(lrm_host *host) {
  for (lrm__host_action **at = &host->actions; *at != NULL;) {
    lrm__host_action *action = *at;
    lrm_inbox_item *item;
    if (!stale(host, action, &item)) {
      at = &action->next;
      continue;
    }
    lrm__judgement judgement = {
        .outcome = REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_EXPIRED,
        .reason = "its time was over before it could be written down"};
    int result = lrm__host_give(host, item, &judgement);
    if (result == 0) result = lrm__host_prompt_refused(host, &action->command_id);
    if (result != 0) return result;
    unlink_action(host, at);
    lrm__release(&host->allocator, action);
  }
  return 0;
}

void lrm__host_actions_free(lrm_host *host) {
  while (host->actions != NULL) {
    lrm__host_action *action = host->actions;
    unlink_action(host, &host->actions);
    lrm__release(&host->allocator, action);
  }
  lrm__release(&host->allocator, host->handed);
  host->handed = NULL;
}

/* Published: everything about the end is with the relay. */
static bool end_remote(lrm_host *host, lrm_host_action *out) {
  if (!host->ending_remote || !lrm_host_published(host)) return false;
  host->ending_remote = false;
  memset(out, 0, sizeof *out);
  out->type = LRM_ACTION_END_REMOTE;
  out->text = out->value = out->turn_id = out->reason = "";
  return true;
}

static void show(lrm_host *host, const lrm__host_action *action, lrm_host_action *out) {
  memset(out, 0, sizeof *out);
  out->type = action->type;
  out->command_id = action->command_id;
  out->ask_id = action->ask_id;
  out->text = action->text == NULL ? "" : action->text;
  out->value = action->value == NULL ? "" : action->value;
  out->turn_id = action->turn_id == NULL ? "" : action->turn_id;
  out->reason = action->reason == NULL ? "" : action->reason;
  out->code = action->code;
  if (action->attachments_count != 0) {
    out->attachment_ids = action->attachments;
    out->attachments_count = action->attachments_count;
  }
  if (!lrm_id_none(&action->ask_id))
    out->resolution = lrm_arbiter_resolution(host->arbiter, &action->ask_id);
  if (!action->has_by) return;
  if (action->by_local)
    lrm__actor_local(&host->handed_by);
  else
    lrm__actor_origin(&host->handed_by, &action->by);
  out->by = &host->handed_by.actor;
}

/* A local prompt has its outcome before it is handed out, so its attachments go behind it. */
static void end_handed(lrm_host *host) {
  lrm__host_action *handed = host->handed;
  host->handed = NULL;
  if (handed == NULL) return;
  if (!handed->remote && handed->attachments_count != 0) {
    int result = lrm__host_drop_handed(host, handed->attachments, handed->attachments_count);
    (void)result; /* what could not be removed goes after its hour */
  }
  lrm__release(&host->allocator, handed);
}

bool lrm_host_next_action(lrm_host *host, lrm_host_action *action) {
  end_handed(host);
  for (lrm__host_action **at = &host->actions; *at != NULL; at = &(*at)->next) {
    if (!ready(host, *at)) continue;
    host->handed = *at;
    unlink_action(host, at);
    host->handed->next = NULL;
    show(host, host->handed, action);
    return true;
  }
  return end_remote(host, action);
}

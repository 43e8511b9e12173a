#include <stdio.h>
#include <string.h>

#include "act.h"
#include "ask_text.h"
#include "completion.h"
#include "pick.h"
#include "terminal_text.h"

/* Nothing is closed or freed here: the program ends behind it. */

/* The beginning of an id, as short as it may be: 8 digits, or more where others begin so. */
static void short_id(const session_list *list, size_t index, char hex[LRM_ID_HEX_BYTES]) {
  lrm_id id = session_entry_id(&list->entries[index]);
  lrm_id_hex(&id, hex);
  char whole[LRM_ID_HEX_BYTES];
  memcpy(whole, hex, sizeof whole);
  for (size_t digits = 8; digits < 32; digits++) {
    size_t same = 0;
    hex[digits] = 0;
    for (size_t i = 0; i < list->count; i++)
      same += id_has_prefix(list->entries[i].session_id.bytes, 16, hex);
    if (same < 2) return;
    hex[digits] = whole[digits];
  }
}

static void offer_sessions(const completion *c, const session_list *list, bool all) {
  for (size_t i = 0; i < list->count; i++) {
    const remote_v1_SessionEntry *entry = &list->entries[i];
    char hex[LRM_ID_HEX_BYTES], title[160], text[320];
    bool live = entry->has_status && entry->status.host_attached;
    if (!live && !all) continue;
    short_id(list, i, hex);
    session_entry_title(entry, title, sizeof title);
    snprintf(text, sizeof text, "%s (%s, %s)", title, entry->description.host,
             live ? session_status_name(entry->info.status) : "not attached");
    completion_offer(c, hex, text);
    /* By its title only when that is begun: it would be there twice. */
    if (c->current[0]) completion_offer(c, title, "session");
  }
}

/* What the list says of asks may be a moment old, and holds the oldest three: those of the session
 * that was read are left out here. */
static void offer_listed_asks(const completion *c, const session_list *list, size_t known) {
  for (size_t i = 0; i < list->count; i++)
    for (size_t k = 0; i != known && k < list->entries[i].info.asks_count; k++) {
      const remote_v1_OpenAskInfo *ask = &list->entries[i].info.asks[k];
      char hex[LRM_ID_HEX_BYTES];
      lrm_id id;
      if (lrm_id_from(ask->ask_id.bytes, ask->ask_id.size, &id) || lrm_id_none(&id)) continue;
      lrm_id_hex(&id, hex);
      hex[8] = 0;
      completion_offer(c, hex, ask->text);
    }
}

/* ---- what only the session's state has ---- */

static void offer_answers(const completion *c, const Remote__V1__SessionState *state) {
  const Remote__V1__Ask *ask = NULL;
  if (!c->words_count || ask_choose(state, c->words[c->words_count - 1], &ask)) return;
  for (size_t i = 0; i < ask->n_options; i++)
    completion_offer(c, ask->options[i]->option_id, ask->options[i]->label);
}

static const char *key_id(const void *items, size_t index) {
  return ((const Remote__V1__SessionState *)items)->options[index]->option_id;
}

static const char *key_label(const void *items, size_t index) {
  return ((const Remote__V1__SessionState *)items)->options[index]->name;
}

static void offer_values(const completion *c, const Remote__V1__SessionState *state) {
  const pick_list keys = {"option", state->n_options, state, key_id, key_label};
  size_t index = 0;
  if (!c->words_count || pick_find(&keys, c->words[c->words_count - 1], &index)) return;
  const Remote__V1__ConfigOption *o = state->options[index];
  for (size_t i = 0; i < o->n_values; i++)
    completion_offer(c, o->values[i]->value,
                     o->values[i]->elevating ? "asks less: not from afar" : o->values[i]->name);
  if (o->boolean && !o->n_values) {
    completion_offer(c, "true", "");
    completion_offer(c, "false", "");
  }
}

static void offer_state(const completion *c, unsigned live, const Remote__V1__SessionState *state) {
  char word[300];
  for (size_t i = 0; (live & LIVE_MODES) && i < state->n_modes; i++)
    completion_offer(
        c, state->modes[i]->mode_id,
        state->modes[i]->elevating ? "asks less: not from afar" : state->modes[i]->name);
  for (size_t i = 0; (live & LIVE_KEYS) && i < state->n_options; i++)
    completion_offer(c, state->options[i]->option_id, state->options[i]->name);
  for (size_t i = 0; (live & LIVE_SLASH) && i < state->n_slash_commands; i++) {
    const Remote__V1__SlashCommand *command = state->slash_commands[i];
    snprintf(word, sizeof word, "/%s", command->name);
    if (command->remote_allowed) completion_offer(c, word, command->description);
  }
  for (size_t i = 0; (live & LIVE_COMMANDS) && i < state->n_queue; i++) {
    char hex[LRM_ID_HEX_BYTES];
    lrm_id id;
    if (lrm_id_from(state->queue[i]->command_id.data, state->queue[i]->command_id.len, &id) ||
        lrm_id_none(&id))
      continue;
    lrm_id_hex(&id, hex);
    completion_offer(c, hex, state->queue[i]->text);
  }
  for (size_t i = 0; (live & LIVE_ASKS) && i < state->n_asks; i++) {
    char hex[9], title[160];
    ask_short_id(state->asks[i], hex);
    ask_title(state->asks[i], title, sizeof title);
    completion_offer(c, hex, title);
  }
  if (live & LIVE_ANSWERS) offer_answers(c, state);
  if (live & LIVE_VALUES) offer_values(c, state);
}

/* The session that --session or an earlier word names, or the only live one; for an answer the one
 * that has the ask. */
static bool find_session(const completion *c, const session_list *list, size_t *index) {
  if (c->session) return !session_list_find(list, c->session, index);
  if (c->words_count && !session_list_find(list, c->words[0], index)) return true;
  for (size_t i = 0; c->words_count && i < list->count; i++)
    for (size_t k = 0; k < list->entries[i].info.asks_count; k++) {
      const remote_v1_OpenAskInfo *ask = &list->entries[i].info.asks[k];
      if (!id_has_prefix(ask->ask_id.bytes, ask->ask_id.size, c->words[0])) continue;
      *index = i;
      return true;
    }
  return !session_list_find(list, NULL, index);
}

/* Returns which session was read; SIZE_MAX: none. */
static size_t from_session(connection *relay, const completion *c, const session_list *list,
                           unsigned live) {
  static remote_session session;
  static const remote_session_config watching = {.watch_only = true};
  size_t index = 0;
  if (!find_session(c, list, &index) ||
      remote_session_open(&session, relay, &list->entries[index], &watching) ||
      remote_session_wait_synced(&session))
    return SIZE_MAX;
  offer_state(c, live, remote_session_state(&session));
  return index;
}

/* ---- devices ---- */

static void take_device(void *user, const remote_v1_Reply *reply) {
  const completion *c = user;
  char hex[LRM_ID_HEX_BYTES], text[160];
  lrm_id id;
  if (!reply || reply->which_result != remote_v1_Reply_device_tag) return;
  const remote_v1_DeviceEntry *d = &reply->result.device;
  if (lrm_id_from(d->device_id.bytes, d->device_id.size, &id)) return;
  lrm_id_hex(&id, hex);
  hex[8] = 0;
  snprintf(text, sizeof text, "%s%s", d->name, d->current ? " (this device)" : "");
  completion_offer(c, hex, text);
}

static void offer_devices(connection *relay, completion *c) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_list_devices_tag;
  (void)connection_call(relay, &request, take_device, c);
}

void completion_from_relay(const completion *c, unsigned live) {
  static connection relay;
  static session_list list;
  static completion copy;
  connection_flags flags = {.relay = c->relay,
                            .token_file = c->token_file,
                            .config = c->config,
                            .trust = c->trust,
                            .timeout = COMPLETION_RELAY_SECONDS};
  copy = *c;
  if (connection_open(&relay, &flags)) return;
  if (live & LIVE_DEVICES) offer_devices(&relay, &copy);
  if (live == LIVE_DEVICES || session_list_fetch(&relay, &list)) return;
  unsigned state =
      LIVE_ASKS | LIVE_ANSWERS | LIVE_MODES | LIVE_KEYS | LIVE_VALUES | LIVE_SLASH | LIVE_COMMANDS;
  size_t known = live & state ? from_session(&relay, c, &list, live) : SIZE_MAX;
  if (live & LIVE_ASKS) offer_listed_asks(c, &list, known);
  if (live & (LIVE_SESSIONS | LIVE_ALL_SESSIONS))
    offer_sessions(c, &list, (live & LIVE_ALL_SESSIONS) != 0);
}

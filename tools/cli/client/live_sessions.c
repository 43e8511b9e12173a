#include "live_sessions.h"

#include <string.h>

static bool is_live(const remote_v1_SessionEntry *entry) {
  return entry->has_status && entry->status.host_attached;
}

void live_sessions_each(connection *c, const session_list *list,
                        void (*visit)(void *user, const remote_session *s, size_t index),
                        void *user) {
  static const remote_session_config watching = {.watch_only = true};
  static remote_session s;
  for (size_t i = 0; i < list->count && !c->failed && !c->interrupted; i++) {
    if (!is_live(&list->entries[i]) || remote_session_open(&s, c, &list->entries[i], &watching))
      continue;
    if (!remote_session_wait_synced(&s)) visit(user, &s, i);
    lrm_client_detach(s.client);
    remote_session_close(&s);
    uv_run(&c->loop, UV_RUN_NOWAIT); /* its timer is closed with this turn */
  }
}

typedef struct search {
  const char *word;
  ask_owners found;
} search;

static void look_for_ask(void *user, const remote_session *s, size_t index) {
  search *look = user;
  const Remote__V1__SessionState *state = remote_session_state(s);
  for (size_t i = 0; i < state->n_asks; i++) {
    const ProtobufCBinaryData *id = &state->asks[i]->ask_id;
    if (!id_has_prefix(id->data, id->len, look->word)) continue;
    look->found.asks++;
    look->found.index = index;
  }
}

ask_owners live_sessions_find_ask(connection *c, const session_list *list, const char *word) {
  search look = {.word = word};
  size_t bytes = strlen(word);
  if (bytes > 0 && bytes <= 32 && strspn(word, "0123456789abcdefABCDEF") == bytes)
    live_sessions_each(c, list, look_for_ask, &look);
  return look.found;
}

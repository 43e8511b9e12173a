#include "session_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "connection.h"
#include "terminal_text.h"

/* Far more than an account may have; a relay that sends more is not believed. */
#define SESSIONS_MAX 4096

static void take_entry(void *user, const remote_v1_Reply *reply) {
  session_list *list = user;
  if (!reply) {
    list->count = 0;
    return;
  }
  if (reply->which_result != remote_v1_Reply_session_tag || reply->result.session.removed) return;
  if (list->count == SESSIONS_MAX) return;
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? list->capacity * 2 : 16;
    remote_v1_SessionEntry *grown = realloc(list->entries, capacity * sizeof *grown);
    if (!grown) {
      list->failed = true;
      return;
    }
    list->entries = grown;
    list->capacity = capacity;
  }
  list->entries[list->count++] = reply->result.session;
}

static int compare(const void *a, const void *b) {
  const remote_v1_SessionEntry *x = a, *y = b;
  if (x->activity_ms != y->activity_ms) return x->activity_ms < y->activity_ms ? 1 : -1;
  return memcmp(x->session_id.bytes, y->session_id.bytes, sizeof x->session_id.bytes);
}

void session_list_sort(session_list *list) {
  if (list->count) qsort(list->entries, list->count, sizeof *list->entries, compare);
}

exit_code session_list_fetch(struct connection *c, session_list *out) {
  *out = (session_list){0};
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_list_sessions_tag;
  exit_code result = connection_call(c, &request, take_entry, out);
  if (!result && out->failed) {
    fputs("remote: out of memory\n", stderr);
    result = EXIT_CODE_FAILURE;
  }
  if (result)
    session_list_free(out);
  else
    session_list_sort(out);
  return result;
}

void session_list_free(session_list *list) {
  free(list->entries);
  *list = (session_list){0};
}

bool id_has_prefix(const uint8_t *id, size_t bytes, const char *word) {
  static const char digits[] = "0123456789abcdef";
  size_t length = strlen(word);
  if (length == 0 || length > bytes * 2) return false;
  for (size_t i = 0; i < length; i++) {
    char c = word[i] >= 'A' && word[i] <= 'F' ? (char)(word[i] - 'A' + 'a') : word[i];
    if (c != digits[i % 2 ? id[i / 2] & 15 : id[i / 2] >> 4]) return false;
  }
  return true;
}

static const char *plain_title(const remote_v1_SessionEntry *entry) {
  return entry->has_info && entry->info.title[0] ? entry->info.title : entry->description.title;
}

session_fit session_fits(const remote_v1_SessionEntry *entry, const char *word) {
  const char *title = plain_title(entry);
  size_t bytes = strlen(word);
  if (bytes == 0) return SESSION_FIT_NONE;
  bool by_id = id_has_prefix(entry->session_id.bytes, entry->session_id.size, word);
  if ((by_id && bytes == 32) || !strcasecmp(title, word)) return SESSION_FIT_WHOLE;
  return by_id || !strncasecmp(title, word, bytes) ? SESSION_FIT_PREFIX : SESSION_FIT_NONE;
}

static bool attached(const remote_v1_SessionEntry *entry) {
  return entry->has_status && entry->status.host_attached;
}

exit_code session_list_find(const session_list *list, const char *word, size_t *index) {
  size_t found[3] = {0}, last[3] = {0};
  for (size_t i = 0; i < list->count; i++) {
    const remote_v1_SessionEntry *entry = &list->entries[i];
    session_fit fit = word              ? session_fits(entry, word)
                      : attached(entry) ? SESSION_FIT_PREFIX
                                        : SESSION_FIT_NONE;
    found[fit]++;
    last[fit] = i;
  }
  session_fit best = found[SESSION_FIT_WHOLE] ? SESSION_FIT_WHOLE : SESSION_FIT_PREFIX;
  if (found[best] == 0) return EXIT_CODE_NOT_FOUND;
  if (found[best] > 1) return EXIT_CODE_USAGE;
  *index = last[best];
  return EXIT_CODE_DONE;
}

void session_entry_title(const remote_v1_SessionEntry *entry, char *out, size_t capacity) {
  const char *title = plain_title(entry);
  if (!title[0]) title = "(no title)";
  terminal_text_copy(out, capacity, title, strlen(title), TERMINAL_TEXT_ONE_LINE);
}

lrm_id session_entry_id(const remote_v1_SessionEntry *entry) {
  lrm_id id = {{0}};
  memcpy(id.bytes, entry->session_id.bytes, sizeof id.bytes);
  return id;
}

static void print_candidates(const session_list *list, const char *word) {
  for (size_t i = 0; i < list->count; i++) {
    const remote_v1_SessionEntry *entry = &list->entries[i];
    char hex[LRM_ID_HEX_BYTES], title[128], host[64];
    if (word ? !session_fits(entry, word) : !attached(entry)) continue;
    lrm_id id = session_entry_id(entry);
    lrm_id_hex(&id, hex);
    session_entry_title(entry, title, sizeof title);
    terminal_text_copy(host, sizeof host, entry->description.host, strlen(entry->description.host),
                       TERMINAL_TEXT_ONE_LINE);
    fprintf(stderr, "  %s  %s (%s)\n", hex, title, host);
  }
}

exit_code session_list_choose(const session_list *list, const char *word, size_t *index) {
  char shown[128] = "";
  exit_code result = session_list_find(list, word, index);
  if (word) terminal_text_copy(shown, sizeof shown, word, strlen(word), TERMINAL_TEXT_ONE_LINE);
  if (result == EXIT_CODE_NOT_FOUND && word)
    fprintf(stderr,
            "remote: no session has an id or title that begins with \"%s\" (any more); see `remote "
            "ls`\n",
            shown);
  else if (result == EXIT_CODE_NOT_FOUND)
    fprintf(stderr, "remote: no session is live%s\n",
            list->count ? "; name one that `remote ls` shows" : "");
  else if (result && word)
    fprintf(stderr, "remote: \"%s\" fits more than one session; write more of it:\n", shown);
  else if (result)
    fputs("remote: more than one session is live; name one:\n", stderr);
  if (result == EXIT_CODE_USAGE) print_candidates(list, word);
  return result;
}

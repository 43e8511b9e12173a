/* `remote rm`: deletes sessions from the relay. */
#include <stdio.h>
#include <string.h>

#include "act.h"
#include "commands.h"
#include "pick.h"
#include "terminal_text.h"

typedef struct removal {
  lrm_id id;
  bool attached;
  char title[160];
} removal;

static bool may_delete_live(const removal *r, bool yes) {
  char question[320];
  snprintf(question, sizeof question,
           "\"%s\" is live: its host goes on locally, but nobody can watch it any more. Delete it?",
           r->title);
  if (yes || pick_confirm(question)) return true;
  fprintf(stderr,
          "remote: not deleted: \"%s\" is live. Its host goes on locally, but nobody can watch it "
          "any more; add --yes to delete it all the same\n",
          r->title);
  return false;
}

static exit_code delete_one(connection *c, const removal *r, bool json) {
  char hex[LRM_ID_HEX_BYTES];
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_delete_session_tag;
  request.call.delete_session.session_id.size = sizeof r->id.bytes;
  memcpy(request.call.delete_session.session_id.bytes, r->id.bytes, sizeof r->id.bytes);
  exit_code result = connection_call(c, &request, NULL, NULL);
  if (result) return result;
  lrm_id_hex(&r->id, hex);
  if (json)
    json_print_line(stdout, json_pack("{s:s, s:b}", "session_id", hex, "deleted", 1));
  else
    printf("deleted: %s\n", r->title);
  return EXIT_CODE_DONE;
}

/* Every word is found before anything is deleted: a wrong one deletes nothing. A whole id that is
 * not listed is asked of the relay, which remembers what was deleted. */
static exit_code find_all(const session_list *list, const option_words *words, removal *out) {
  for (size_t i = 0; i < words->count; i++) {
    size_t index = 0;
    const char *word = words->words[i];
    out[i] = (removal){.title = "(no longer listed)"};
    bool whole = strlen(word) == 32 && !lrm_id_parse(word, 32, &out[i].id);
    if (whole && session_list_find(list, word, &index) == EXIT_CODE_NOT_FOUND) continue;
    exit_code result = session_list_choose(list, word, &index);
    if (result) return result;
    const remote_v1_SessionEntry *entry = &list->entries[index];
    out[i].id = session_entry_id(entry);
    out[i].attached = entry->has_status && entry->status.host_attached;
    session_entry_title(entry, out[i].title, sizeof out[i].title);
    for (size_t k = 0; k < i; k++) {
      if (!lrm_id_equal(&out[k].id, &out[i].id)) continue;
      fprintf(stderr, "remote: \"%s\" is named twice\n", out[i].title);
      return EXIT_CODE_USAGE;
    }
  }
  return EXIT_CODE_DONE;
}

static exit_code delete_all(connection *c, const option_words *words, bool yes, bool json) {
  static removal removals[OPTIONS_WORDS_MAX];
  session_list list;
  exit_code result = session_list_fetch(c, &list);
  if (result) return result;
  result = find_all(&list, words, removals);
  session_list_free(&list);
  for (size_t i = 0; !result && i < words->count; i++)
    if (removals[i].attached && !may_delete_live(&removals[i], yes)) result = EXIT_CODE_USAGE;
  for (size_t i = 0; !result && i < words->count; i++) result = delete_one(c, &removals[i], json);
  return result;
}

int command_rm(int argc, char **argv) {
  connection_flags flags = {0};
  bool yes = false, json = false;
  const option options[] = {
      {"yes", OPTION_FLAG, &yes, NULL, "do not ask, also when its host is connected", NULL},
      {"json", OPTION_FLAG, &json, NULL, "one JSON object a line", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {
      "remote rm SESSION...",
      "Deletes sessions from the relay: events, commands and the entry in lists. This cannot be\n"
      "undone, and a deleted session never comes back under its id. The host keeps its own\n"
      "journal; one that is connected goes on locally.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  connection c;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (!words.count) return options_wrong(&usage, "name a SESSION");
  exit_code result = connection_open(&c, &flags);
  if (result) return result;
  result = delete_all(&c, &words, yes, json);
  connection_close(&c);
  return result;
}

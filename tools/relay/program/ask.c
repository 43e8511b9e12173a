/* Asking: the relay that runs on a data directory, or, when none does, the directory itself. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static char *no_answer(const char *text) {
  fprintf(stderr, "remote-relay: %s\n", text);
  return NULL;
}

/* No relay runs here: the same request on the directory itself. */
static char *answer_offline(data_dir *dir, const char *line) {
  char error[700];
  program_state state;
  relay_config config = {.user = &state};
  log_lines_level(RELAY_WARNING);
  if (!state_open(&state, dir, &config, error, sizeof error)) return no_answer(error);
  relay_on_revoked(state.relay, state_revoked);
  char *reply = malloc(REPLY_BYTES);
  if (reply != NULL) (void)admin_answer(&state, line, reply, REPLY_BYTES, 1);
  int result = LRM_ERR_NO_MEMORY;
  if (reply != NULL)
    result = relay_broken(state.relay) ? LRM_ERR_STORE : lrm_store_commit(state.store);
  state_close(&state);
  if (result == 0) return reply;
  free(reply);
  return no_answer(lrm_error_text(result));
}

char *program_ask(const program_options *options, bool create, const char *line) {
  data_dir dir;
  char error[700];
  char *reply = NULL;
  switch (data_dir_open(&dir, options->data, create, error, sizeof error)) {
    case DATA_DIR_LOCKED:
      reply = answer_offline(&dir, line);
      break;
    case DATA_DIR_IN_USE:
      reply = control_ask(&dir, line);
      break;
    case DATA_DIR_FAILED:
      (void)no_answer(error);
      break;
  }
  data_dir_close(&dir);
  if (reply == NULL || strncmp(reply, "ok\n", 3) == 0) return reply;
  bool error_line = strncmp(reply, "error\t", 6) == 0;
  fprintf(stderr, "remote-relay: %s",
          error_line ? reply + 6 : "the relay did not answer within 10 s (is its disk full?)\n");
  free(reply);
  return NULL;
}

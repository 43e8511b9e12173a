#include "act.h"

#include <stdio.h>
#include <string.h>

int act_take_session(act *a, const option_usage *usage, const option_words *words, size_t others) {
  if (words->count <= others) return 0;
  if (words->count > others + 1 || a->session_word) {
    options_wrong(usage, "too many words");
    return -1;
  }
  a->session_word = words->words[0];
  return 1;
}

exit_code act_open(act *a) {
  static const remote_session_config plain = {0};
  exit_code result =
      remote_session_connect(&a->connection, &a->session, &a->flags, a->session_word, &plain);
  if (result) return result;
  result = remote_session_wait_synced(&a->session);
  if (result) act_close(a);
  return result;
}

exit_code act_open_listed(act *a, const session_list *list) {
  static const remote_session_config plain = {0};
  size_t index = 0;
  exit_code result = session_list_choose(list, a->session_word, &index);
  if (!result)
    result = remote_session_open(&a->session, &a->connection, &list->entries[index], &plain);
  if (result) return result;
  result = remote_session_wait_synced(&a->session);
  if (result) remote_session_close(&a->session);
  return result;
}

void act_close(act *a) {
  remote_session_close(&a->session);
  connection_close(&a->connection);
}

void ago_text(const connection *c, uint64_t then_ms, char *out, size_t capacity) {
  uint64_t now_ms = connection_relay_ms(c);
  uint64_t seconds = now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0;
  if (then_ms == 0)
    snprintf(out, capacity, "never");
  else if (seconds < 60)
    snprintf(out, capacity, "%u s", (unsigned)seconds);
  else if (seconds < 3600)
    snprintf(out, capacity, "%u min", (unsigned)(seconds / 60));
  else if (seconds < 48 * 3600)
    snprintf(out, capacity, "%u h", (unsigned)(seconds / 3600));
  else
    snprintf(out, capacity, "%u days", (unsigned)(seconds / 86400));
}

void act_print_away(const act *a) {
  const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
  char since[32], hex[LRM_ID_HEX_BYTES];
  if (!status || status->host_attached) return;
  ago_text(&a->connection, status->host_since_ms, since, sizeof since);
  lrm_id_hex(&a->command.command_id, hex);
  fprintf(stderr,
          "remote: the host is not connected (since %s). The command is stored and will be "
          "delivered when it is back; `remote withdraw %.8s %s` takes it back\n",
          since, a->session.hex, hex);
}

static void print_state(void *user, const lrm_command *command) {
  act *a = user;
  char hex[LRM_ID_HEX_BYTES];
  if (command->state < LRM_COMMAND_STORED) return;
  if (a->json) {
    json_print_line(stdout, command_json(a->session.hex, command));
    return;
  }
  if (a->quiet) return;
  lrm_id_hex(&command->command_id, hex);
  if (!a->id_printed) puts(hex);
  a->id_printed = true;
  /* An outcome that the host gave says too that it has the command, when it is the first to say so.
   */
  bool delivered = command->state == LRM_COMMAND_DELIVERED ||
                   (command->state == LRM_COMMAND_DONE && command->full != NULL);
  if (delivered && !a->delivered_printed) puts("delivered");
  a->delivered_printed = a->delivered_printed || delivered;
  fflush(stdout);
}

static exit_code print_outcome(const act *a) {
  exit_code result = outcome_exit(a->command.outcome, a->command.code);
  if (a->json) return result; /* print_state did */
  FILE *to = result ? stderr : stdout;
  if (result) fputs("remote: ", to);
  if (result || !a->quiet) {
    outcome_print(to, &a->command);
    fputc('\n', to);
  }
  return result;
}

exit_code act_send(act *a, const Remote__V1__Command *command, uint64_t ttl_ms) {
  lrm_id id;
  exit_code result = remote_session_submit(&a->session, command, ttl_ms, &id);
  if (result) return result;
  a->id_printed = a->delivered_printed = false;
  a->command = (lrm_command){.command_id = id, .reason = ""};
  result = remote_session_follow(&a->session, LRM_COMMAND_STORED, a->connection.timeout_ms,
                                 print_state, a, &a->command);
  if (result == EXIT_CODE_UNREACHABLE && !a->connection.failed) {
    connection_explain(&a->connection);
    fputs("remote: the command was not stored, as far as is known, and is given up\n", stderr);
  }
  return result;
}

exit_code act_finish(act *a, bool forever) {
  uint64_t timeout_ms =
      forever && !a->connection.timeout_given ? CONNECTION_FOREVER : a->connection.timeout_ms;
  lrm_id id = a->command.command_id;
  if (a->command.state == LRM_COMMAND_DONE) return print_outcome(a);
  exit_code result =
      remote_session_follow(&a->session, LRM_COMMAND_DONE, timeout_ms, print_state, a, &a->command);
  if (!result) return print_outcome(a);
  if (a->connection.interrupted || a->connection.failed) {
    char hex[LRM_ID_HEX_BYTES];
    lrm_id_hex(&id, hex);
    fprintf(stderr, "remote: %s is %s; its outcome is not known yet\n", hex,
            command_state_name(a->command.state));
    return a->connection.interrupted ? EXIT_CODE_FAILURE : result;
  }
  fprintf(stderr, "remote: no outcome in time; the command is %s\n",
          command_state_name(a->command.state));
  act_print_away(a);
  return EXIT_CODE_UNREACHABLE;
}

exit_code act_run(act *a, const Remote__V1__Command *command, const char *done) {
  a->quiet = true;
  exit_code result = act_send(a, command, 0);
  if (!result) result = act_finish(a, false);
  if (!result && !a->json && done) puts(done);
  return result;
}

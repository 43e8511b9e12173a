/* What was sent from an attached terminal, and what became of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"

static attach_command *find(attaching *a, const lrm_id *id) {
  for (size_t i = 0; i < a->commands_count; i++)
    if (lrm_id_equal(&a->commands[i].id, id)) return &a->commands[i];
  return NULL;
}

static void forget(attaching *a, attach_command *c) {
  size_t at = (size_t)(c - a->commands);
  free(c->prompt);
  memmove(c, c + 1, (--a->commands_count - at) * sizeof *c);
}

void attach_free_commands(attaching *a) {
  while (a->commands_count > 0) forget(a, &a->commands[a->commands_count - 1]);
}

/* ---- sending ---- */

static const char *refusal(int result) {
  switch (result) {
    case LRM_ERR_BUSY:
      return "64 commands have no outcome yet";
    case LRM_ERR_STATE:
      return "the session has not been read yet";
    case LRM_ERR_TOO_LARGE:
      return "it is too long";
    default:
      return lrm_error_text(result);
  }
}

bool attach_submit(attaching *a, const Remote__V1__Command *command, const char *what,
                   const char *prompt, const char *target) {
  lrm_id id;
  uint64_t now_ns = connection_now_ns(&a->connection);
  int result = lrm_client_submit(a->session.client, command, 0, &id, now_ns);
  if (result != 0) {
    surface_say(a->surface, "%s was not sent: %s", what, refusal(result));
    return false;
  }
  if (a->commands_count == ATTACH_COMMANDS_MAX) forget(a, &a->commands[0]);
  attach_command *c = &a->commands[a->commands_count++];
  *c = (attach_command){.id = id, .sent_ns = now_ns, .seen = LRM_COMMAND_SENT};
  snprintf(c->what, sizeof c->what, "%s", what);
  snprintf(c->target, sizeof c->target, "%s", target != NULL ? target : "");
  if (prompt != NULL) c->prompt = strdup(prompt);
  lrm_id_hex(&id, c->hex);
  if (!surface_draws(a->surface))
    surface_say(a->surface, "%s %.8s: %s", what, c->hex,
                a->connection.live ? "sent" : "kept until the connection is back");
  /* A person acts: a dead connection is noticed within seconds, a lost one tried at once. */
  lrm_link_probe(a->connection.link, now_ns);
  lrm_uv_drive_kick(a->connection.drive);
  attach_touch(a);
  return true;
}

/* ---- states ---- */

/* What a person should know of where it is. */
static const char *where(const attaching *a, const attach_command *c) {
  if (c->seen >= LRM_COMMAND_DELIVERED) return "delivered";
  if (c->seen == LRM_COMMAND_STORED)
    return a->host_attached == 0 ? "stored; the host gets it when it is back" : "stored";
  return a->connection.live ? "sent" : "kept until the connection is back";
}

void attach_command_rows(attaching *a, void (*row)(void *to, const char *text), void *to) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  size_t shown = 0;
  for (size_t i = 0; i < a->commands_count; i++) {
    const attach_command *c = &a->commands[i];
    char text[400];
    bool queued = false; /* it stands in the queue's rows then */
    for (size_t k = 0; k < state->n_queue && !queued; k++)
      queued = strcmp(state->queue[k]->prompt_id, c->hex) == 0;
    if (queued) continue;
    if (++shown > 3) {
      snprintf(text, sizeof text, "%zu more are on their way", a->commands_count - i);
      row(to, text);
      return;
    }
    if (c->prompt != NULL)
      snprintf(text, sizeof text, "%s %.4s: %s: %.280s", c->what, c->hex, where(a, c), c->prompt);
    else
      snprintf(text, sizeof text, "%s %.4s: %s", c->what, c->hex, where(a, c));
    row(to, text);
  }
}

static void tell_taken_back(attaching *a, const char *target, const lrm_command *command) {
  bool applied = command->outcome == REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED;
  const char *problem = command->code == LRM_CODE_TOO_LATE ? "the agent has it already"
                        : command->reason[0] != '\0'       ? command->reason
                                                           : outcome_name(command->outcome);
  surface_taken_back(a->surface, target, applied ? NULL : problem);
}

static void done(attaching *a, attach_command *c, const lrm_command *command) {
  char *text = NULL;
  size_t bytes = 0;
  bool applied = command->outcome == REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED;
  bool withdrawn =
      command->outcome == REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_WITHDRAWN;
  uint64_t ms = (connection_now_ns(&a->connection) - c->sent_ns) / 1000000;
  FILE *memory = open_memstream(&text, &bytes);
  if (memory == NULL) return;
  outcome_print(memory, command);
  fclose(memory);
  if (strcmp(c->what, "probe") == 0 && applied)
    surface_say(a->surface, "a command got through to the host and back in %" PRIu64 " ms", ms);
  /* On a screen, what is applied is seen: the message, the mode, the title. */
  else if (!surface_draws(a->surface) || !(applied || withdrawn))
    surface_say(a->surface, "%s %.8s: %s", c->what, c->hex, text);
  if (c->target[0] != '\0') tell_taken_back(a, c->target, command);
  free(text);
}

void attach_take_command(attaching *a, const lrm_id *id) {
  lrm_command command;
  attach_command *c = find(a, id);
  if (c == NULL || lrm_client_command(a->session.client, id, &command) != 0) return;
  if (command.state <= c->seen) return;
  c->seen = command.state;
  if (command.state == LRM_COMMAND_DONE) {
    attach_command kept = *c;
    c->prompt = NULL;
    forget(a, c);
    done(a, &kept, &command);
    free(kept.prompt);
  } else if (command.state >= LRM_COMMAND_STORED && !surface_draws(a->surface)) {
    surface_say(a->surface, "%s %.8s: %s", c->what, c->hex, command_state_name(command.state));
  }
  attach_touch(a);
}

/* ---- taking back ---- */

static bool in_queue(const attaching *a, const char *hex, lrm_id *id, bool *local) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < state->n_queue; i++) {
    const Remote__V1__QueuedPrompt *prompt = state->queue[i];
    if (strncmp(prompt->prompt_id, hex, strlen(hex)) != 0) continue;
    *local = lrm_id_from(prompt->command_id.data, prompt->command_id.len, id) != 0;
    return true;
  }
  return false;
}

bool attach_withdraw(attaching *a, const char *hex, const char **problem) {
  Remote__V1__WithdrawCommand body = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  const attach_command *newest = NULL;
  lrm_id id;
  char target[LRM_ID_HEX_BYTES];
  bool local = false;
  for (size_t i = 0; i < a->commands_count; i++) {
    const attach_command *c = &a->commands[i];
    if (c->target[0] == '\0' && strncmp(c->hex, hex, strlen(hex)) == 0) newest = c;
  }
  if (newest != NULL) {
    id = newest->id;
  } else if (hex[0] == '\0' || !in_queue(a, hex, &id, &local)) {
    *problem = "there is no such command of yours";
    return false;
  } else if (local) {
    *problem = "it was written at the host, and only there it can be taken back";
    return false;
  }
  lrm_id_hex(&id, target);
  body.command_id.data = id.bytes;
  body.command_id.len = sizeof id.bytes;
  command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
  command.withdraw_command = &body;
  *problem = "it could not be sent";
  return attach_submit(a, &command, "withdrawal", NULL, target);
}

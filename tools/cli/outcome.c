#include "outcome.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "json_event.h"
#include "terminal_text.h"

const char *outcome_name(uint32_t outcome) {
  static const char *const names[] = {"none",    "applied",   "rejected", "superseded",
                                      "expired", "withdrawn", "unknown"};
  return outcome < sizeof names / sizeof *names ? names[outcome] : "unknown";
}

const char *command_state_name(lrm_command_state state) {
  static const char *const names[] = {"new", "composed", "sent", "stored", "delivered", "done"};
  return state < sizeof names / sizeof *names ? names[state] : names[0];
}

static exit_code rejected_exit(uint32_t code) {
  switch (code) {
    case LRM_CODE_VIEW_ONLY:
    case LRM_CODE_COMMAND_POLICY:
      return EXIT_CODE_NOT_ALLOWED;
    case LRM_CODE_NO_SUCH_ASK:
      return EXIT_CODE_NOT_FOUND;
    default:
      return code && code < 5000 ? connection_problem_exit(code) : EXIT_CODE_REJECTED;
  }
}

exit_code outcome_exit(uint32_t outcome, uint32_t code) {
  switch (outcome) {
    case REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED:
      return EXIT_CODE_DONE;
    case REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_REJECTED:
      return rejected_exit(code);
    case REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_SUPERSEDED:
      return EXIT_CODE_REJECTED;
    case REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_EXPIRED:
    case REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_WITHDRAWN:
      return EXIT_CODE_EXPIRED;
    default:
      return EXIT_CODE_UNKNOWN;
  }
}

void actor_text(const Remote__V1__Actor *by, char *out, size_t capacity) {
  out[0] = 0;
  if (!by) return;
  if (by->local) {
    snprintf(out, capacity, "at the host's own terminal");
  } else if (by->origin) {
    char text[160];
    const char *device = by->origin->device && by->origin->device[0] ? by->origin->device : "?";
    snprintf(text, sizeof text, "%s (%s)", device, by->origin->account ? by->origin->account : "");
    terminal_text_copy(out, capacity, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
  }
}

void resolution_print(FILE *to, const Remote__V1__AskResolved *resolution) {
  static const char *const names[] = {"resolved",
                                      "answered",
                                      "expired: nobody answered in time",
                                      "taken back by the agent",
                                      "ended with the turn",
                                      "void: the agent that asked is gone"};
  char who[192];
  size_t outcome = (size_t)resolution->outcome;
  fputs(names[outcome < sizeof names / sizeof *names ? outcome : 0], to);
  const Remote__V1__AnswerContent *answer = resolution->answer;
  if (outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED && answer) {
    const char *text = answer->declined                            ? "declined"
                       : answer->option_id && answer->option_id[0] ? answer->option_id
                       : answer->text && answer->text[0]           ? answer->text
                                                                   : answer->json;
    fputs(" \"", to);
    terminal_text_print(to, text ? text : "", text ? strnlen(text, 200) : 0,
                        TERMINAL_TEXT_ONE_LINE);
    fputc('"', to);
  }
  actor_text(resolution->by, who, sizeof who);
  if (who[0]) fprintf(to, " %s%s", resolution->by->local ? "" : "by ", who);
  if (resolution->reason && resolution->reason[0]) {
    fputs(": ", to);
    terminal_text_puts(to, resolution->reason, TERMINAL_TEXT_ONE_LINE);
  }
}

void outcome_print(FILE *to, const lrm_command *command) {
  fputs(outcome_name(command->outcome), to);
  if (command->code) fprintf(to, ": %s (%u)", lrm_code_name(command->code), command->code);
  if (command->reason && command->reason[0]) {
    fputs(": ", to);
    terminal_text_puts(to, command->reason, TERMINAL_TEXT_ONE_LINE);
  }
  const char *layer = connection_layer_name(command->layer);
  if (layer) fprintf(to, "; decided by %s", layer);
  if (command->full && command->full->resolution) {
    fputs(": ", to);
    resolution_print(to, command->full->resolution);
  }
}

json_t *command_json(const char *session_hex, const lrm_command *command) {
  char hex[LRM_ID_HEX_BYTES];
  lrm_id_hex(&command->command_id, hex);
  json_t *object = json_pack("{s:s, s:s, s:s}", "session_id", session_hex, "command_id", hex,
                             "state", command_state_name(command->state));
  if (!object || command->state != LRM_COMMAND_DONE) return object;
  json_object_set_new(object, "outcome", json_string(outcome_name(command->outcome)));
  json_object_set_new(object, "code", json_integer(command->code));
  if (command->code)
    json_object_set_new(object, "code_name", json_string(lrm_code_name(command->code)));
  if (command->reason && command->reason[0])
    json_object_set_new(object, "reason", json_string(command->reason));
  const char *layer = connection_layer_name(command->layer);
  if (layer) json_object_set_new(object, "layer", json_string(layer));
  if (command->full) json_object_set_new(object, "event", json_from_message(&command->full->base));
  return object;
}

void json_print_line(FILE *to, json_t *object) {
  /* jansson escapes what is below 0x20; on a terminal nothing but ASCII is safe. */
  size_t flags = JSON_COMPACT | (isatty(fileno(to)) ? JSON_ENSURE_ASCII : 0);
  char *text = object ? json_dumps(object, flags) : NULL;
  if (text) {
    fputs(text, to);
    fputc('\n', to);
    fflush(to);
  } else {
    fputs("remote: a line of JSON could not be written: out of memory\n", stderr);
  }
  free(text);
  json_decref(object);
}

#include "outcome.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "json_event.h"
#include "terminal_text.h"

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

#include "event_words.h"

#include <string.h>

#include "terminal_text.h"

const char *outcome_name(uint32_t outcome) {
  static const char *const names[] = {"none",    "applied",   "rejected", "superseded",
                                      "expired", "withdrawn", "unknown"};
  return outcome < sizeof names / sizeof *names ? names[outcome] : "unknown";
}

const char *session_status_name(uint32_t status) {
  static const char *const names[] = {"unknown",     "idle",  "working",
                                      "needs_input", "error", "ended"};
  return status < sizeof names / sizeof *names ? names[status] : names[0];
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

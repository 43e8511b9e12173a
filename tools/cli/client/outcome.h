/* What became of a command: names, texts, exit codes. */
#ifndef REMOTE_CLI_OUTCOME_H
#define REMOTE_CLI_OUTCOME_H

#include <stdio.h>

#include <jansson.h>

#include "remote/client.h"

#include "event_words.h"
#include "exit_code.h"
#include "json_event.h"

/* "composed", "sent", "stored", "delivered", "done". Static. */
const char *command_state_name(lrm_command_state state);

/* APPLIED 0; REJECTED 6, or 4 when the session's mode or policy forbids it (5001, 5002), or 5 when
 * there is no such ask (5005); a code below 5000 as for any problem of the relay; SUPERSEDED 6;
 * EXPIRED and WITHDRAWN 7; UNKNOWN and none 8. */
exit_code outcome_exit(uint32_t outcome, uint32_t code);

/* One line that says what became of it, and why: "rejected: ELEVATION (5011): …". No newline. */
void outcome_print(FILE *to, const lrm_command *command);
/* The same as an object; see docs/cli-json.md. NULL: out of memory. */
json_t *command_json(const char *session_hex, const lrm_command *command);

#endif

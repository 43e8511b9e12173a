/* Names and short texts for what events say: outcomes, people, statuses. */
#ifndef REMOTE_CLI_EVENT_WORDS_H
#define REMOTE_CLI_EVENT_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "remote/v1/event.pb-c.h"

/* "applied", "rejected" …; "none" for 0. Static. */
const char *outcome_name(uint32_t outcome);
/* "idle", "working" … Static. */
const char *session_status_name(uint32_t status);

/* Who did something: "at the host's own terminal", "Pixel 8 (anna)", "" when it is not known.
 * Cleaned for a terminal. */
void actor_text(const Remote__V1__Actor *by, char *out, size_t capacity);
/* "answered \"Allow once\" by Pixel 8 (anna)". No newline. */
void resolution_print(FILE *to, const Remote__V1__AskResolved *resolution);

#endif

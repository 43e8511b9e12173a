/* All texts of an event, whatever its body: a field that is added to the schema is redacted until
 * somebody puts it into the list of those that are not. */
#ifndef REMOTE_CLI_REDACT_EVENT_H
#define REMOTE_CLI_REDACT_EVENT_H

#include "redact.h"
#include "remote/message.h"
#include "remote/v1/event.pb-c.h"

/* Changes `event` in place; what is new lives in `arena`. Left alone: ids and values that are given
 * back (options, modes, choices), streams and assets (redacted where they are made, whole; but for
 * a prompt in one chunk), and JSON that was cut (as above). A text that has grown over its limit is
 * cut. True: changed. */
bool redact_event(const redactor *r, Remote__V1__Event *event, lrm_arena *arena);

#endif

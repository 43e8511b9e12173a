/* What the journal already holds of the conversation, so that an agent which replays its history
 * on session/load does not say it twice. Texts are kept as lengths and hashes. */
#ifndef REMOTE_CLI_ACP_HISTORY_H
#define REMOTE_CLI_ACP_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum acp_role { ACP_ROLE_USER = 1, ACP_ROLE_ASSISTANT = 2, ACP_ROLE_THOUGHT = 3 } acp_role;

typedef struct acp_history acp_history;

acp_history *acp_history_create(void);
void acp_history_destroy(acp_history *history);

/* A piece of a message, in the journal's order. A piece with the id and role of the last one that
 * begins at `position` continues it; one that begins earlier replaces what was there from 0. */
void acp_history_add(acp_history *history, acp_role role, const char *message_id, uint64_t position,
                     const char *text, size_t bytes);
void acp_history_add_tool(acp_history *history, const char *tool_call_id);
bool acp_history_empty(const acp_history *history);

/* Is this replayed message known? By id, else by its text, in order; a text that joins several
 * known messages is known too. *known_bytes: how much of it is known (all, or the beginning of a
 * message that had been cut). */
bool acp_history_match(acp_history *history, acp_role role, const char *message_id,
                       const char *text, size_t bytes, size_t *known_bytes);
bool acp_history_knows_tool(const acp_history *history, const char *tool_call_id);

/* FNV-1a, 64 bits; `hash` is the hash so far, to begin with ACP_HASH_BEGIN. */
#define ACP_HASH_BEGIN UINT64_C(0xcbf29ce484222325)
uint64_t acp_hash(uint64_t hash, const void *data, size_t bytes);

#endif

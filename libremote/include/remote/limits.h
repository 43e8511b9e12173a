/* All limits and intervals in one place (docs/spec.md sections 5 and 7). Units last. */
#ifndef REMOTE_LIMITS_H
#define REMOTE_LIMITS_H

#include <stdint.h>

#define LRM_FRAME_PAYLOAD_BYTES_MAX (256u * 1024u)
/* Batch tag and length, all fields, payload tag and length. */
#define LRM_FRAME_HEADER_BYTES_MAX 96u
#define LRM_MESSAGE_BYTES_MAX (192u * 1024u)
#define LRM_BLOCK_INFLATED_BYTES_MAX (1024u * 1024u)
#define LRM_BATCH_BYTES_MAX (1024u * 1024u)
#define LRM_CONTROL_BYTES_MAX 1024u /* every control message a small client receives */
#define LRM_INFO_BYTES_MAX 1024u
#define LRM_BEFORE_WELCOME_BYTES_MAX (16u * 1024u)
#define LRM_BEFORE_WELCOME_NS_MAX (10ull * 1000000000ull)
#define LRM_CARRIER_BUFFER_BYTES_MAX (128u * 1024u)
#define LRM_CHANNELS_CLIENT_MAX 64u
#define LRM_CHANNELS_RELAY_MAX 256u
#define LRM_REQUESTS_OPEN_MAX 16u
#define LRM_COMMANDS_UNACKNOWLEDGED_MAX 64u
#define LRM_TAIL_BYTES_MAX (64u * 1024u)
/* A CLEARS_TAIL block comes at the latest after this much tail. */
#define LRM_TAIL_CLEAR_BYTES (32u * 1024u)
#define LRM_TAIL_CLEAR_PAUSE_NS (2ull * 1000000000ull)
#define LRM_CREDIT_WINDOW_BYTES (512u * 1024u)
#define LRM_JOURNAL_BYTES_MAX (256ull * 1024ull * 1024ull)
#define LRM_RELAY_LOG_BYTES_MAX (1024ull * 1024ull * 1024ull)
#define LRM_DEPTH_MAX 16u
#define LRM_UNKNOWN_BYTES_MAX (16u * 1024u)
#define LRM_DECODE_BYTES_MAX(wire_bytes) (8ull * (wire_bytes) + 65536ull)
#define LRM_ACK_BLOCKS 32u
#define LRM_ACK_BYTES (64u * 1024u)
#define LRM_ACK_DELAY_NS (20ull * 1000000ull)
#define LRM_PING_IDLE_NS (10ull * 1000000000ull)
#define LRM_DEAD_NS (25ull * 1000000000ull)
#define LRM_PING_WATCHED_NS (4ull * 1000000000ull)
#define LRM_DEAD_WATCHED_NS (10ull * 1000000000ull)
#define LRM_PROBE_NS (4ull * 1000000000ull)
/* What comes before PING is out, and so soon, may have lain unread since before a sleep. */
#define LRM_PROBE_STALE_NS (1ull * 1000000000ull)
#define LRM_RECONNECT_NS_MIN (250ull * 1000000ull)
#define LRM_RECONNECT_NS_MAX (30ull * 1000000000ull)
#define LRM_RECONNECT_RESET_NS (60ull * 1000000000ull)
/* A carrier that was LIVE for so long was no flicker: when it is lost, the next attempt is at once.
 */
#define LRM_RECONNECT_AT_ONCE_NS (2ull * 1000000000ull)
/* How long a link without a principal may take to sign in. */
#define LRM_SIGN_IN_NS (60ull * 1000000000ull)
#define LRM_REQUEST_BYTES_MAX (9u * 1024u) /* Request with an OIDC token */
#define LRM_REPLY_BYTES_MAX (4u * 1024u)
#define LRM_GOAWAY_CLOSE_NS (1ull * 1000000000ull)
#define LRM_SNAPSHOT_EVENTS 1000u
#define LRM_SNAPSHOT_BYTES (1024u * 1024u)
#define LRM_COMPRESS_BYTES_MIN 512u
#define LRM_COMMAND_IDS_KEPT_MIN 4096u
#define LRM_COMMAND_IDS_KEPT_MS (24ull * 3600ull * 1000ull)
#define LRM_OUTCOMES_IN_STATE 256u
#define LRM_HISTORY_ITEMS 64u
#define LRM_HISTORY_BYTES (256u * 1024u)
#define LRM_ASKS_OPEN_MAX 64u
#define LRM_TOOL_OUTPUT_BYTES (16u * 1024u)
#define LRM_ATTACHMENT_BYTES_MAX (10u * 1024u * 1024u)
#define LRM_ATTACHMENT_CHUNK_BYTES (128u * 1024u)
#define LRM_ATTACHMENT_MS_MAX (3600ull * 1000ull)

#endif

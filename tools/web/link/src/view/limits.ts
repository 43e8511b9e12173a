/** What the view keeps of everything: libremote/include/remote/limits.h and view_internal.h, by their names there. */
export const MESSAGE_BYTES_MAX = 192 * 1024;
export const HISTORY_ITEMS = 64;
export const HISTORY_BYTES = 256 * 1024;
export const ASKS_OPEN_MAX = 64;
export const OUTCOMES_IN_STATE = 256;
export const TOOL_OUTPUT_BYTES = 16 * 1024;
export const TAIL_BYTES_MAX = 64 * 1024;

export const MODES_MAX = 32;
export const OPTIONS_MAX = 32;
export const SLASH_MAX = 256;
export const PLAN_MAX = 128;
export const QUEUE_MAX = 64;
export const TOOLS_MAX = 64;
export const SUBAGENTS_MAX = 64;
/** History items that only tails have told of. */
export const TAIL_ITEMS_MAX = 64;
/** A part of a message's text; what is longer goes on in an item of the same id. */
export const ITEM_TEXT_BYTES_MAX = 65536;
/** Room that a snapshot's message needs around one element of a list. */
export const SNAPSHOT_FRAME_BYTES = 64;
/** Texts and bytes up to this length (ids, names) are never cut and cost nothing of a budget. */
export const CUT_FREE_BYTES = 127;
export const ENDED_OUTPUT_BYTES_MAX = 4096;
/** Positions are numbers that every language can hold: 2^53-1. */
export const OFFSET_MAX = 9007199254740991n;

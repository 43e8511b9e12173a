/* The states of a link and the table of what may arrive in each. One function writes the state.
 * An empty cell is a protocol error (docs/spec.md 2.1); lrm__link_cell prints the table. */
#include <string.h>

#include "link/link_internal.h"

enum { STATES = 6, TYPES = 22 };

/* from -> to */
static const bool moves[STATES][STATES] = {
    [LRM_LINK_DOWN] = {[LRM_LINK_GREETING] = true, [LRM_LINK_DOWN] = true},
    [LRM_LINK_GREETING] = {[LRM_LINK_JUDGING] = true,
                           [LRM_LINK_LIVE] = true,
                           [LRM_LINK_CLOSING] = true,
                           [LRM_LINK_DOWN] = true,
                           [LRM_LINK_DEAD] = true},
    [LRM_LINK_JUDGING] =
        {[LRM_LINK_LIVE] = true, [LRM_LINK_CLOSING] = true, [LRM_LINK_DOWN] = true},
    [LRM_LINK_LIVE] = {[LRM_LINK_CLOSING] = true, [LRM_LINK_DOWN] = true},
    [LRM_LINK_CLOSING] = {[LRM_LINK_DOWN] = true, [LRM_LINK_DEAD] = true},
    [LRM_LINK_DEAD] = {[LRM_LINK_DOWN] = true, [LRM_LINK_DEAD] = true},
};

bool lrm__link_may_enter(lrm_link_state from, lrm_link_state to) { return moves[from][to]; }

void lrm__link_enter(lrm_link *link, lrm_link_state state) {
  LRM_ASSERT(moves[link->state][state]);
  link->state = state;
}

typedef struct cell {
  const char *name; /* for the printed table */
  lrm__handler handler;
} cell;

#define H(name) \
  { #name, lrm__receive_##name }

/* Which frames may come, by side and state. In CLOSING everything is dropped unread; in JUDGING
 * nothing is read; in DOWN and DEAD there is no carrier. */
static const cell connecting_greeting[TYPES] = {
    [LRM_FRAME_WELCOME] = H(welcome),
    [LRM_FRAME_REFUSE] = H(refuse),
    [LRM_FRAME_GOAWAY] = H(goaway),
};
static const cell connecting_live[TYPES] = {
    [LRM_FRAME_GOAWAY] = H(goaway),
    [LRM_FRAME_PING] = H(ping),
    [LRM_FRAME_PONG] = H(pong),
    [LRM_FRAME_OPENED] = H(opened),
    [LRM_FRAME_CLOSE] = H(close),
    [LRM_FRAME_INFO] = H(info),
    [LRM_FRAME_BLOCK] = H(block),
    [LRM_FRAME_TAIL] = H(tail),
    [LRM_FRAME_ACK] = H(ack),
    [LRM_FRAME_SYNCED] = H(synced),
    [LRM_FRAME_LOG_STATUS] = H(log_status),
    [LRM_FRAME_RECEIPT] = H(receipt),
    [LRM_FRAME_REPLY] = H(reply),
};
static const cell accepting_greeting[TYPES] = {
    [LRM_FRAME_HELLO] = H(hello),
    [LRM_FRAME_GOAWAY] = H(goaway),
};
static const cell accepting_live[TYPES] = {
    [LRM_FRAME_GOAWAY] = H(goaway),   [LRM_FRAME_PING] = H(ping),   [LRM_FRAME_PONG] = H(pong),
    [LRM_FRAME_OPEN] = H(open),       [LRM_FRAME_CLOSE] = H(close), [LRM_FRAME_INFO] = H(info),
    [LRM_FRAME_BLOCK] = H(block),     [LRM_FRAME_TAIL] = H(tail),   [LRM_FRAME_ACK] = H(ack),
    [LRM_FRAME_REQUEST] = H(request),
};

static const cell *const table[2][STATES] = {
    {[LRM_LINK_GREETING] = connecting_greeting, [LRM_LINK_LIVE] = connecting_live},
    {[LRM_LINK_GREETING] = accepting_greeting, [LRM_LINK_LIVE] = accepting_live},
};

static bool on_channel_type(uint32_t type) {
  return type >= LRM_FRAME_OPEN && type <= LRM_FRAME_RECEIPT;
}

static const cell *find_cell(lrm_link_side side, lrm_link_state state, uint32_t type) {
  const cell *row = table[side == LRM_SIDE_ACCEPTING][state];
  return row == NULL || type >= TYPES ? NULL : &row[type];
}

lrm__handler lrm__link_handler(const lrm_link *link, uint32_t type, bool *on_channel) {
  const cell *c = find_cell(link->side, link->state, type);
  *on_channel = on_channel_type(type);
  return c == NULL ? NULL : c->handler;
}

const char *lrm__link_cell(lrm_link_side side, lrm_link_state state, uint32_t type) {
  const cell *c = find_cell(side, state, type);
  return c == NULL || c->name == NULL ? "" : c->name;
}

const char *lrm_link_state_name(lrm_link_state state) {
  static const char *const names[STATES] = {"DOWN", "GREETING", "JUDGING",
                                            "LIVE", "CLOSING",  "DEAD"};
  return (unsigned)state < STATES ? names[state] : "?";
}

lrm_link_state lrm_link_state_now(const lrm_link *link) { return link->state; }
uint64_t lrm_link_generation(const lrm_link *link) { return link->generation; }
uint64_t lrm_link_heard_ns(const lrm_link *link) { return link->heard_ns; }
const char *lrm_link_error_detail(const lrm_link *link) { return link->error_detail; }

uint64_t lrm__link_random(lrm_link *link) {
  link->random += UINT64_C(0x9e3779b97f4a7c15);
  uint64_t z = link->random;
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

void lrm__text_copy(char *out, size_t capacity, const char *text) {
  size_t bytes = strlen(text);
  if (bytes >= capacity) bytes = capacity - 1;
  memcpy(out, text, bytes);
  out[bytes] = '\0';
}

void lrm__link_farewell(lrm_link *link, uint32_t type, const remote_v1_Problem *problem) {
  link->was_live = link->state == LRM_LINK_LIVE;
  link->farewell_type = type;
  link->farewell = *problem;
  link->farewell_owed = true;
  if (!lrm_code_reconnects(problem->code)) link->final = true;
  lrm__link_enter(link, LRM_LINK_CLOSING);
  /* What is made our own is acknowledged before the goodbye. */
  for (uint32_t i = 0; link->was_live && i < link->channels_room; i++) {
    lrm__channel *ch = &link->channels[i];
    if (ch->state != LRM__CHANNEL_OPEN || ch->publishes) continue;
    if (ch->sub.own > ch->sub.acked) lrm__channel_owe(link, ch, LRM__ACK_DUE);
  }
}

static int error_of_code(uint32_t code) {
  if (code == LRM_CODE_INTERNAL) return LRM_ERR_NO_MEMORY;
  return code == LRM_CODE_LIMIT ? LRM_ERR_LIMIT : LRM_ERR_PROTOCOL;
}

int lrm__link_fail(lrm_link *link, uint32_t code, const char *detail) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  lrm__text_copy(problem.reason, sizeof problem.reason, detail);
  if (link->error_detail[0] == '\0') link->error_detail = detail;
  lrm__link_farewell(link, LRM_FRAME_GOAWAY, &problem);
  return error_of_code(code);
}

/* Everything that belonged to the carrier. */
void lrm__link_forget_carrier(lrm_link *link) {
  if (link->channels_room > 0)
    memset(link->channels, 0, link->channels_room * sizeof *link->channels);
  link->channel_last = link->channels_used = link->channels_due = 0;
  link->turn = link->requests_mask = link->reports_owed = 0;
  link->queue_head = link->queue_tail = 0;
  link->hello_due = link->ping_due = link->grease_due = link->was_live = false;
  link->pongs_count = link->flight_bytes = link->farewell_type = 0;
  link->unconsumed_bytes = link->early_bytes = 0;
  link->control_full_ns = 0;
  link->has_event = link->heard_owed = link->silent_owed = link->farewell_owed = false;
  link->peer_frame_bytes_max = LRM_FRAME_PAYLOAD_BYTES_MAX;
  link->peer_channels_max = UINT32_MAX;
}

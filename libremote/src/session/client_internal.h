/* What client.c (life, channels, commands) and client_events.c (reading) share. */
#ifndef LRM_SESSION_CLIENT_INTERNAL_H
#define LRM_SESSION_CLIENT_INTERNAL_H

#include "remote/block.h"
#include "remote/client.h"
#include "remote/message.h"

#include "remote/v1/event.pb-c.h"
#include "schema.h"

#include "session/host_tools.h"
#include "session/outbox.h"

#define LRM__CLIENT_EVENTS_MAX 16u
#define LRM__CLIENT_EPOCHS_LEFT 16u
#define LRM__CLIENT_REOPEN_NS_MIN UINT64_C(250000000)
#define LRM__CLIENT_REOPEN_NS_MAX UINT64_C(30000000000)
#define LRM__CLIENT_CANCEL_TTL_MS 60000u

typedef struct lrm__client_channel {
  uint32_t number; /* 0: not open */
  bool opened;
  uint64_t reopen_ns; /* 0: at once; UINT64_MAX: not before the next WELCOME */
  uint64_t backoff_ns;
} lrm__client_channel;

/* An event that waits to be taken. */
typedef struct lrm__client_note {
  lrm_client_event_type type;
  uint64_t offset;
  bool reset;
} lrm__client_note;

struct lrm_client {
  lrm_allocator allocator;
  lrm_client_config config;
  lrm_link *link;
  lrm__random random;
  uint64_t now_ns;
  bool welcome;
  lrm__client_channel events, commands;

  /* reading */
  lrm_view *view;
  lrm_position position;                /* folded up to here */
  bool positioned;                      /* a position is held: from `from`, or from an OPENED */
  lrm_id left[LRM__CLIENT_EPOCHS_LEFT]; /* the last epochs it was moved away from, a ring */
  uint32_t left_count;                  /* in all */
  lrm_id offered;                       /* one of them, until LOG_STATUS has come; else none */
  bool complete;   /* the view is the whole state, not what followed some place */
  bool taking_set; /* the view is being read from a snapshot set */
  uint64_t set_start;
  bool jumped;         /* since the last SYNCED: outcomes may have been missed */
  bool emptied;        /* a jump has emptied the view, and no SNAPSHOT has said so yet */
  bool start_snapshot; /* the next OPEN asks for a snapshot, to get past a bad block */
  uint64_t bad_offset; /* of the block that could not be read; LRM_OFFSET_NONE */
  uint64_t bad_count;  /* from the first message of it that could not */
  uint32_t bad_code;
  bool done; /* `until` was reached */
  lrm_block_reader *reader;
  lrm_arena message; /* of the block's present message */
  lrm_arena ephemeral;
  lrm_frame block; /* being taken apart */
  uint32_t block_index, block_skip;
  bool in_block;
  const Remote__V1__Event *tail; /* in `ephemeral` */
  lrm_slice tail_raw;            /* as the link lends it */
  bool tails;                    /* some were folded since they were last cleared */
  lrm_slice info;

  remote_v1_LogStatus status;
  bool has_status;
  lrm_id commands_epoch; /* as last heard; none: not yet */
  remote_v1_Problem problem;
  lrm__client_note notes[LRM__CLIENT_EVENTS_MAX];
  size_t notes_at, notes_count;

  /* commands */
  lrm_outbox outbox;
  uint64_t query_ns; /* a question is to be asked (again) then; UINT64_MAX: none */
  uint64_t query_wait_ns;
  uint64_t behind_wait_ns; /* the wait when numbers are taken by others again; 0: at once */
  lrm__buffer packed, envelope;
};

/* ---- client.c ---- */

void lrm__client_tell(lrm_client *client, lrm_client_event_type type, uint64_t offset, bool reset);
void lrm__client_open(lrm_client *client);
void lrm__client_close(lrm_client *client, lrm__client_channel *channel, uint32_t code,
                       uint64_t offset);
/* A question of the client itself: what became of commands whose outcome it may have missed. */
void lrm__client_query(lrm_client *client);
/* A question was not answered: it is asked again, later each time. */
void lrm__client_query_again(lrm_client *client);
/* A refusal is the outcome of this command: it must never be sent again. */
void lrm__client_refusal_stands(lrm_client *client, lrm_outbox_entry *entry);
void lrm__client_request_snapshot(lrm_client *client);

/* ---- client_events.c ---- */

void lrm__client_opened(lrm_client *client, const remote_v1_Opened *opened);
/* New facts: is it the host itself that goes back? */
void lrm__client_weigh(lrm_client *client, const remote_v1_LogStatus *status);
void lrm__client_block(lrm_client *client, const lrm_link_event *event);
void lrm__client_tail(lrm_client *client, const lrm_link_event *event);
void lrm__client_synced(lrm_client *client, uint64_t offset);
/* The block's next event; false: it is used up. */
bool lrm__client_step(lrm_client *client, lrm_client_event *out);

#endif

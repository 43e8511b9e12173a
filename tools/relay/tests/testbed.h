/* The relay's core with a store in memory and peers on in-memory carriers, on virtual time. Bytes
 * are moved until nothing moves any more; every event of a peer is kept for assertions. */
#ifndef RELAY_TESTBED_H
#define RELAY_TESTBED_H

#include "carrier_poll/exchanges.h"
#include "long_poll.h"
#include "relay.h"
#include "remote/envelope.h"
#include "remote/log_memory.h"

#include "remote/v1/relay.pb.h"

enum { PEERS_MAX = 80, SEEN_MAX = 4096, BLOCKS_MAX = 3000, CHANNELS_MAX = 20 };

/* An event as a peer saw it. */
typedef struct seen {
  lrm_link_event_type type;
  uint32_t channel;
  uint32_t code; /* CLOSED, GOAWAY, REFUSED, RECEIPT with a problem */
  uint32_t layer;
  uint64_t stored_generation;
  uint64_t retry_after_ms;
  uint64_t offset;
  uint32_t count;
  uint32_t flags;
  remote_v1_Opened opened;
  remote_v1_LogStatus status;
  remote_v1_Receipt receipt;
  uint8_t *payload;
  size_t payload_bytes;
} seen;

typedef struct peer_block {
  uint32_t channel;
  uint64_t offset;
  uint32_t count, flags, part, parts;
  size_t bytes;
  uint8_t *payload;
} peer_block;

typedef struct testbed testbed;

/* A POST on its way. */
typedef struct peer_post {
  uint64_t number; /* of the exchange; 0: a free slot */
  relay_poll *poll;
} peer_post;

typedef struct peer {
  testbed *bed;
  lrm_link *link;
  relay_connection *connection; /* NULL: its carrier is down */
  bool down;                    /* the relay is to let it go */
  bool deaf;                    /* reads nothing: what the relay sends waits there */
  bool self_acks;               /* acknowledges each block at once */
  lrm__exchanges *exchanges;    /* over long-poll; `connection` is NULL */
  peer_post posts[2];
  unsigned posted, answered, answered_empty;
  bool polls;
  bool holds; /* its POSTs do not reach the relay for now */
  seen seen[SEEN_MAX];
  size_t seen_count;
  peer_block *blocks;
  size_t blocks_count;
  uint8_t to_relay[1 << 20];
  size_t to_relay_bytes;
  uint8_t to_peer[1 << 20];
  size_t to_peer_bytes;
} peer;

struct testbed {
  relay_config config;
  lrm_store *store;
  relay *relay;
  peer *peers[PEERS_MAX];
  size_t peers_count;
  uint64_t now_ns;
  uint64_t wall_ms;
  const char *from; /* where carriers come from; NULL: no address. A refused one stays down */
  bool commits;     /* commits by itself; else testbed_commit */
  unsigned openings;
  uint64_t entropy; /* what "random" bytes are made of */
  uint64_t logged;
  char last_log[200];
};

extern const char token_alice[], token_alice_phone[], token_bob[];
extern const lrm_id device_alice, device_alice_phone, device_bob;

/* Accounts alice (two devices) and bob, committed. */
testbed *testbed_open(void);
/* The same, relay and store on an allocator that may fail once they are open. */
testbed *testbed_open_on(lrm_allocator allocator);
void testbed_free(testbed *bed);
/* Moves bytes, events and commits until nothing moves. */
void testbed_run(testbed *bed);
void testbed_commit(testbed *bed);
/* The same in two steps, so that something can happen in between. */
lrm_batch *testbed_freeze(testbed *bed);
void testbed_settle(testbed *bed, lrm_batch *batch);
void testbed_pass(testbed *bed, uint64_t ms);
/* The relay dies and is started again on the store; `crash`: what was not committed is lost. */
void testbed_restart(testbed *bed, bool crash);

lrm_id id_of(const char *text);
/* A signed-in peer whose link_id is made of `link`. */
peer *peer_connect(testbed *bed, const char *token, const char *link, uint64_t generation,
                   bool host);
/* The same over long-poll. */
peer *peer_poll(testbed *bed, const char *token, const char *link, uint64_t generation, bool host);
/* Its POSTs are cut; the link is told that the carrier is down. */
void peer_poll_cut(peer *p);
/* The same link on a new carrier. */
void peer_reconnect(peer *p);
void peer_cut(peer *p);
uint32_t peer_open(peer *p, const remote_v1_Open *open);
/* The usual OPENs. */
uint32_t open_publish(peer *p, const char *session, const char *epoch, uint64_t next,
                      uint64_t writer_generation);
uint32_t open_commands(peer *p, const char *session, const char *epoch, uint64_t next,
                       uint64_t writer_generation);
uint32_t open_read(peer *p, const char *session);
uint32_t open_read_at(peer *p, const char *session, const char *epoch, uint64_t next);
uint32_t open_outbox(peer *p, const char *session, const char *link, uint64_t first_retained,
                     uint64_t next);
/* Puts a block into what the peer can send on a channel, and extends. */
void peer_publish(peer *p, uint32_t channel, uint64_t offset, uint32_t count, uint32_t flags,
                  const char *text);
void peer_publish_bytes(peer *p, uint32_t channel, uint64_t offset, uint32_t flags, size_t bytes);
/* A block of one message, as it is. */
void peer_publish_data(peer *p, uint32_t channel, uint64_t offset, lrm_slice payload);
void peer_command(peer *p, uint32_t channel, uint64_t offset, const char *command_id,
                  uint32_t command_class, const char *event_epoch);
void peer_request(peer *p, const remote_v1_Request *request);

/* How many events of a type were seen on a channel (0: any). */
size_t peer_count(const peer *p, lrm_link_event_type type, uint32_t channel);
/* The n-th (from 0) or, with n < 0, the newest one; NULL: none. */
const seen *peer_seen(const peer *p, lrm_link_event_type type, uint32_t channel, int n);
void peer_forget(peer *p);

#define CLOSED(p, ch) peer_seen(p, LRM_LINK_EVENT_CLOSED, ch, -1)
#define OPENED(p, ch) peer_seen(p, LRM_LINK_EVENT_OPENED, ch, -1)
#define ACKED(p, ch) peer_seen(p, LRM_LINK_EVENT_ACKED, ch, -1)
#define STATUS(p, ch) peer_seen(p, LRM_LINK_EVENT_LOG_STATUS, ch, -1)

/* The channel was closed with this code / is open. */
void assert_closed(const peer *p, uint32_t channel, uint32_t code);
void assert_open(const peer *p, uint32_t channel);

#endif

/* What parts_host.c (life, link, journal) and parts_host_acts.c (the agent, the people at the
 * host) share. */
#ifndef CONFORMANCE_PARTS_HOST_H
#define CONFORMANCE_PARTS_HOST_H

#include "parts.h"
#include "remote/block.h"
#include "remote/host.h"

typedef struct host_testee {
  parts *p;
  lrm_store *store;
  lrm_host *host;
  lrm_log *events; /* the journal's, read to tell what is journalled */
  lrm_block_reader *reader;
  lrm_position told; /* events below are told */
  lrm_id link_id;
  uint64_t link_generation;
  lrm_link *link;
  wire *wire;
  bool held;        /* nothing becomes durable */
  bool fenced;      /* another process has the journal */
  bool auto_finish; /* what the agent is told it takes at once */
  bool closing;     /* remote control ends when everything is published */
  uint64_t close_ns;
} host_testee;

/* Opens the link when there is none. */
void host_link_open(host_testee *h);
/* It ends when everything is published, at the latest after 3 s. */
void host_link_close(host_testee *h);
/* Hands what the library wants done to the runner; true: there was something. */
bool host_take_actions(host_testee *h);
parts_acted host_act(void *self, const char *name, json_t *value);
/* What the configuration says of the agent: modes, slash commands. */
void host_announce(host_testee *h);
bool host_elevates_mode(void *user, const char *mode_id);
bool host_slash_known(void *user, const char *name);
bool host_slash_allowed(void *user, const char *name);

#endif

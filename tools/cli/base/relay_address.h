/* Where the relay is, the same for the host and for every client command. */
#ifndef REMOTE_CLI_RELAY_ADDRESS_H
#define REMOTE_CLI_RELAY_ADDRESS_H

#include "config.h"

#define RELAY_ADDRESS_BYTES_MAX 288
#define RELAY_ADDRESS_DEFAULT "tcp://127.0.0.1:7443"

/* In this order: `flag` (--relay; may be NULL), REMOTE_RELAY, the config's relay, the address that
 * a relay of the same person left on this machine ($XDG_STATE_HOME/remote-relay/address), the
 * default. Not yet parsed as a URL. */
void relay_address_find(const char *flag, const remote_config *config,
                        char out[RELAY_ADDRESS_BYTES_MAX]);

#endif

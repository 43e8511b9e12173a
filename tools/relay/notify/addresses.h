/* Where messages may be sent. The operator names webhooks; browsers name their push services, which
 * could be anything: those are held to https and to addresses of the public internet. */
#ifndef RELAY_ADDRESSES_H
#define RELAY_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ADDRESS_BYTES_MAX = 1024, ADDRESS_HOST_BYTES = 256, ADDRESS_ORIGIN_BYTES = 300 };

typedef struct address {
  char url[ADDRESS_BYTES_MAX];
  char host[ADDRESS_HOST_BYTES]; /* for logs: the rest may be a secret */
  char origin[ADDRESS_ORIGIN_BYTES];
  bool ntfy;
} address;

/* "https://…", "http://…" on this machine (elsewhere with `insecure`), "ntfy+https://…". False:
 * `error` says what is wrong, without the address. */
bool address_parse(const char *text, bool ntfy, bool insecure, address *out, char *error,
                   size_t error_bytes);
/* A push service that a browser names; `here`: also this machine and private networks. */
bool address_of_push(const char *url, bool here, address *out);
/* Of the public internet: not this machine, not a private network, nothing that is no host. */
bool address_is_public(const struct sockaddr *socket_address);

#endif

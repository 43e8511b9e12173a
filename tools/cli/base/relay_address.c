#include "relay_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"

void relay_address_find(const char *flag, const remote_config *config,
                        char out[RELAY_ADDRESS_BYTES_MAX]) {
  char path[PATH_BYTES_MAX], address[RELAY_ADDRESS_BYTES_MAX];
  const char *text = flag;
  if (!text || !*text) text = getenv("REMOTE_RELAY");
  if (!text || !*text) text = config ? config_get(config, "relay") : NULL;
  if ((!text || !*text) && !path_local_relay(path, "address") &&
      !path_read(path, address, sizeof address, NULL)) {
    address[strcspn(address, " \t\r\n")] = 0;
    text = address;
  }
  if (!text || !*text) text = RELAY_ADDRESS_DEFAULT;
  snprintf(out, RELAY_ADDRESS_BYTES_MAX, "%s", text);
}

/* Who may ask: Host, Origin, and what a proxy says. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site.h"

/* ---- addresses ---- */

/* "1.2.3.4", "::1"; IPv4 becomes ::ffff:1.2.3.4. */
static bool parse_address(const char *text, uint8_t out[16], unsigned *bits) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, text, out + 12) == 1) {
    memcpy(out, mapped, sizeof mapped);
    *bits = 32;
    return true;
  }
  *bits = 128;
  return inet_pton(AF_INET6, text, out) == 1;
}

/* The address of "1.2.3.4:567", "[::1]:567" or without a port. */
static bool parse_peer(const char *text, uint8_t out[16]) {
  char host[64];
  unsigned bits;
  const char *begin = text[0] == '[' ? text + 1 : text;
  const char *end = text[0] == '[' ? strchr(begin, ']') : NULL;
  if (end == NULL) {
    const char *colon = strchr(begin, ':');
    bool with_port = colon != NULL && strchr(colon + 1, ':') == NULL;
    end = with_port ? colon : begin + strlen(begin);
  }
  size_t bytes = (size_t)(end - begin);
  if (bytes == 0 || bytes >= sizeof host) return false;
  memcpy(host, begin, bytes);
  host[bytes] = '\0';
  return parse_address(host, out, &bits);
}

static bool network_holds(const http_network *network, const uint8_t address[16]) {
  size_t whole = network->bits / 8;
  unsigned rest = network->bits % 8;
  if (memcmp(network->address, address, whole) != 0) return false;
  return rest == 0 || ((network->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool http_is_proxy(const http_config *config, const char *peer) {
  uint8_t address[16];
  if (!parse_peer(peer, address)) return false;
  for (size_t i = 0; i < config->proxies_count; i++) {
    if (network_holds(&config->proxies[i], address)) return true;
  }
  return false;
}

bool http_config_proxy(http_config *config, const char *text, char *error, size_t error_bytes) {
  char address[64];
  unsigned bits;
  const char *slash = strchr(text, '/');
  size_t bytes = slash != NULL ? (size_t)(slash - text) : strlen(text);
  http_network network;
  bool good = config->proxies_count < HTTP_PROXIES_MAX && bytes < sizeof address;
  if (good) {
    memcpy(address, text, bytes);
    address[bytes] = '\0';
    good = parse_address(address, network.address, &bits);
  }
  if (good && slash != NULL) {
    char *end = NULL;
    unsigned long wanted = strtoul(slash + 1, &end, 10);
    good = slash[1] >= '0' && slash[1] <= '9' && *end == '\0' && wanted <= bits;
    network.bits = (unsigned)wanted + 128 - bits;
  } else if (good) {
    network.bits = 128;
  }
  if (good) {
    config->proxies[config->proxies_count++] = network;
    return true;
  }
  snprintf(error, error_bytes,
           "--trusted-proxy %.80s: write the address of a proxy, like 10.0.0.1 or 10.0.0.0/8 (at "
           "most %d)",
           text, HTTP_PROXIES_MAX);
  return false;
}

/* The last address of a list that no proxy of ours has put there itself. */
static void last_foreign(const http_config *config, lrm_slice list, char *out, size_t out_bytes) {
  size_t end = list.bytes;
  while (end > 0) {
    size_t begin = end;
    while (begin > 0 && list.data[begin - 1] != ',') begin--;
    lrm_slice item = {list.data + begin, end - begin};
    while (item.bytes > 0 && (item.data[0] == ' ' || item.data[0] == '\t')) {
      item.data++;
      item.bytes--;
    }
    while (item.bytes > 0 && strchr(" \t", item.data[item.bytes - 1]) != NULL) item.bytes--;
    char text[64];
    uint8_t address[16];
    if (!lrm_http_copy(item, text, sizeof text) || !parse_peer(text, address)) return;
    snprintf(out, out_bytes, "%s", text);
    if (!http_is_proxy(config, text) || begin == 0) return;
    end = begin - 1;
  }
}

void http_real_peer(const http_config *config, const char *peer, const lrm_http_head *head,
                    char *out, size_t out_bytes) {
  snprintf(out, out_bytes, "%s", peer);
  if (config->proxies_count == 0 || !http_is_proxy(config, peer)) return;
  for (size_t i = head->fields_count; i > 0; i--) {
    if (!lrm_http_is(head->fields[i - 1].name, "x-forwarded-for")) continue;
    last_foreign(config, head->fields[i - 1].value, out, out_bytes);
    if (!http_is_proxy(config, out)) return;
  }
}

static bool loopback_address(const uint8_t address[16]) {
  static const http_network v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127}, 104};
  static const http_network v6 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128};
  return network_holds(&v4, address) || network_holds(&v6, address);
}

bool http_same_stranger(const http_config *config, const char *peer, const char *other) {
  uint8_t address[16], with[16];
  if (!parse_peer(peer, address) || !parse_peer(other, with)) return false;
  return memcmp(address, with, sizeof with) == 0 && !loopback_address(address) &&
         !http_is_proxy(config, peer);
}

bool http_from_here(const char *peer, const lrm_http_head *head) {
  uint8_t address[16];
  lrm_slice value;
  return parse_peer(peer, address) && loopback_address(address) &&
         lrm_http_field_count(head, "x-forwarded-for", &value) == 0 &&
         lrm_http_field_count(head, "forwarded", &value) == 0 &&
         lrm_http_field_count(head, "via", &value) == 0;
}

/* ---- Host and Origin ---- */

/* Small letters, without the port that the scheme has anyway. False: too long. */
static bool plain_authority(const char *text, bool encrypted, char *out, size_t out_bytes) {
  size_t bytes = strlen(text);
  const char *port = encrypted ? ":443" : ":80";
  size_t port_bytes = strlen(port);
  if (bytes > port_bytes && strcmp(text + bytes - port_bytes, port) == 0) bytes -= port_bytes;
  if (bytes == 0 || bytes >= out_bytes) return false;
  for (size_t i = 0; i < bytes; i++) {
    char c = text[i];
    if (c <= ' ' || c == '/' || c == '@' || c >= 0x7f) return false;
    out[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  out[bytes] = '\0';
  return true;
}

/* Takes an origin apart: "https://host[:port]" and nothing more. */
static bool split_origin(const char *text, bool *encrypted, char *host, size_t host_bytes) {
  size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
  if (scheme == 0) return false;
  *encrypted = scheme == 8;
  return plain_authority(text + scheme, *encrypted, host, host_bytes);
}

bool http_config_origin(http_config *config, const char *text, char *error, size_t error_bytes) {
  char host[256], plain[300];
  bool encrypted;
  size_t bytes = strlen(text);
  if (bytes > 0 && text[bytes - 1] == '/') bytes--;
  bool good = bytes < sizeof plain && config->origins_count < HTTP_ORIGINS_MAX;
  if (good) {
    memcpy(plain, text, bytes);
    plain[bytes] = '\0';
    good = split_origin(plain, &encrypted, host, sizeof host);
  }
  if (good) {
    snprintf(config->origins[config->origins_count++], sizeof config->origins[0], "%s://%s",
             encrypted ? "https" : "http", host);
    return true;
  }
  snprintf(error, error_bytes,
           "--origin %.80s: write where the page comes from, like https://relay.example.org, "
           "without a path (at most %d)",
           text, HTTP_ORIGINS_MAX);
  return false;
}

/* The name of an authority, without its port. */
static void name_of(const char *authority, char *out, size_t out_bytes) {
  const char *end = authority[0] == '[' ? strchr(authority, ']') : strchr(authority, ':');
  if (end == NULL) end = authority + strlen(authority);
  if (authority[0] == '[' && *end == ']') {
    authority++;
  }
  snprintf(out, out_bytes, "%.*s", (int)(end - authority), authority);
}

static bool loopback_name(const char *authority) {
  char name[256];
  uint8_t address[16];
  unsigned bits;
  name_of(authority, name, sizeof name);
  if (strcmp(name, "localhost") == 0) return true;
  return parse_address(name, address, &bits) && loopback_address(address);
}

bool http_host_served(const http_config *config, const http_place *place, const char *host) {
  char wanted[256], named[256];
  bool encrypted;
  if (!plain_authority(host, place->encrypted, wanted, sizeof wanted)) return false;
  if (!place->local || loopback_name(wanted)) return true;
  for (size_t i = 0; i < config->origins_count; i++) {
    /* The proxy in front may have said the port, or not. */
    char name[256], wanted_name[256];
    if (!split_origin(config->origins[i], &encrypted, named, sizeof named)) continue;
    name_of(named, name, sizeof name);
    name_of(wanted, wanted_name, sizeof wanted_name);
    if (strcmp(name, wanted_name) == 0) return true;
  }
  return false;
}

bool http_origin_allowed(const http_config *config, const http_place *place, const char *origin,
                         const char *host, bool *foreign) {
  char from[256], own[256], normal[300];
  bool encrypted;
  *foreign = false;
  if (!split_origin(origin, &encrypted, from, sizeof from)) return false; /* "null", too */
  if (plain_authority(host, encrypted, own, sizeof own) && strcmp(own, from) == 0 &&
      encrypted == place->encrypted) {
    return true;
  }
  *foreign = true;
  snprintf(normal, sizeof normal, "%s://%s", encrypted ? "https" : "http", from);
  for (size_t i = 0; i < config->origins_count; i++) {
    if (strcmp(normal, config->origins[i]) == 0) return true;
  }
  return false;
}

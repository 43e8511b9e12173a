/* The format of the relay's records as a whole: which spaces there are, and in which versions. A
 * relay that does not know a space would act as if nobody had put anything there (a policy, for
 * one), so a store with a newer format is refused. */
#include "core.h"

/* Every space there is. A new one, or a record that former relays must not overlook: the next
 * format, and a line here.
 *   1  0.1 before carriers: accounts to marks
 *   2  pairings, organizations, the enterprise, administrators, counters; devices of version 2
 *   3  invitations; notices, messages, browsers that want to be told (a former relay would leave
 *      them at a device that it revokes) */
static const enum relay_space spaces[] = {
    SPACE_ACCOUNT, SPACE_DEVICE,       SPACE_TOKEN,      SPACE_SESSION,       SPACE_DESCRIPTION,
    SPACE_INFO,    SPACE_OUTBOX,       SPACE_RECEIPT,    SPACE_COMMAND,       SPACE_MARKS,
    SPACE_PAIRING, SPACE_ORGANIZATION, SPACE_ENTERPRISE, SPACE_ADMINISTRATOR, SPACE_COUNTER,
    SPACE_FORMAT,  SPACE_NEEDS,        SPACE_INVITATION, SPACE_NOTICE,        SPACE_MESSAGE,
    SPACE_PUSH};

static const lrm_slice format_key = {(const uint8_t *)"relay", 5};

static bool stop_at_first(void *user, lrm_slice key, lrm_slice value) {
  (void)key;
  (void)value;
  *(bool *)user = true;
  return false;
}

static int has_records(relay *r, uint32_t space, bool *out) {
  *out = false;
  return lrm_store_each(r->config.store, space, stop_at_first, out);
}

/* A store without the record is new, or was written before there was one. */
static int read_format(relay *r, uint32_t *out) {
  lrm_slice value;
  int result = lrm_store_get(r->config.store, SPACE_FORMAT, format_key, &value);
  if (result == 0) {
    relay_reader reader = relay_read(value);
    *out = (uint32_t)relay_read_number(&reader, 4);
    return reader.bad || *out == 0 ? LRM_ERR_CORRUPT : 0;
  }
  if (result != LRM_ERR_NOT_FOUND) return result;
  bool any = false;
  result = has_records(r, SPACE_ACCOUNT, &any);
  *out = any ? 1 : 0;
  return result;
}

int relay_format_load(relay *r) {
  int result = read_format(r, &r->format_before);
  if (result != 0) return result;
  if (r->format_before > RELAY_FORMAT) return LRM_ERR_STATE;
  if (r->format_before == RELAY_FORMAT) return 0;
  relay_writer w = {.used = 0};
  relay_write_number(&w, RELAY_FORMAT, 4);
  return lrm_store_put(r->config.store, SPACE_FORMAT, format_key, relay_written(&w));
}

uint32_t relay_format_before(const relay *r) {
  return r->format_before == 0 ? RELAY_FORMAT : r->format_before;
}

int relay_each_unknown_space(relay *r, void (*visit)(void *user, uint32_t space), void *user) {
  for (uint32_t space = 1; space < SPACE_PROGRAM; space++) {
    bool known = false, any = false;
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
      known = known || (uint32_t)spaces[i] == space;
    if (known) continue;
    int result = has_records(r, space, &any);
    if (result != 0) return result;
    if (any) visit(user, space);
  }
  return 0;
}

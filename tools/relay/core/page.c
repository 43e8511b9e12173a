/* Signing in of pages (docs/http.md): what the program's HTTP side asks where there is no link. A
 * page's token lies in a cookie that its scripts cannot read. */
#include <string.h>

#include "core.h"

void relay_page_look(relay *r, const char *token, const char *peer, bool guessed, uint64_t now_ns,
                     uint64_t wall_ms, relay_visitor *out) {
  relay_device device;
  memset(out, 0, sizeof *out);
  out->code = relay_authenticate(r, token, wall_ms, &out->device_id, &device, &out->reason);
  if (out->code == 0) {
    relay_text(out->account, sizeof out->account, relay_account_of(r, device.account)->name);
    relay_text(out->device, sizeof out->device, device.name);
    out->expires_ms = device.expires_ms;
    return;
  }
  if (!guessed) return;
  relay_refused(r, out->code);
  if (lrm_id_none(&out->device_id)) {
    char address[RELAY_ADDRESS_BYTES];
    bool limited =
        relay_address_of(peer, address) == RELAY_ADDRESS_REMOTE || r->config.limit_loopback;
    out->retry_after_ms = relay_token_failed(r, token, peer, limited, now_ns, wall_ms);
  } else {
    relay_audit_refused(r, peer, out->code, wall_ms);
  }
}

uint32_t relay_page_sign_out(relay *r, const char *token, bool everywhere, uint64_t now_ns,
                             uint64_t wall_ms) {
  lrm_id device_id = {{0}};
  relay_device device;
  const char *reason;
  uint32_t code = relay_authenticate(r, token, wall_ms, &device_id, &device, &reason);
  if (code != 0) return code;
  relay_account *account = relay_account_of(r, device.account);
  relay_connection by = {.relay = r, .account = account, .device_id = device_id};
  relay_text(by.device, sizeof by.device, device.name);
  r->acting = &by; /* for the audit log */
  int result = everywhere ? relay_devices_sign_out(r, account, &device_id, now_ns, wall_ms)
                          : relay_device_revoke(r, &device_id, now_ns, wall_ms);
  r->acting = NULL;
  return result == 0 ? 0 : LRM_CODE_INTERNAL;
}

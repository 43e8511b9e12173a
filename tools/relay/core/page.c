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
    bool limited = relay_address_counts(r, peer);
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

/* ---- pairing ---- */

uint64_t relay_page_news(const relay *r) { return r->pairings_changed; }

static void end(relay_page_pairing *out, uint32_t code, const char *reason) {
  out->visitor.code = code;
  out->visitor.reason = reason;
}

/* NULL: it did not begin, `out` says why. */
static relay_pairing *begin(relay *r, const uint8_t secret[RELAY_SECRET_BYTES], const char *device,
                            const char *peer, uint64_t wall_ms, relay_page_pairing *out) {
  relay_pairing *p = NULL;
  if (!relay_good_name(device)) {
    end(out, LRM_CODE_PROTOCOL, "a name is 1 to 63 bytes without control characters");
    return NULL;
  }
  int result = relay_pairing_begin(r, peer, "web", device, secret, wall_ms, &p);
  if (result == LRM_ERR_BUSY) {
    end(out, LRM_CODE_SLOW_DOWN, "too many devices wait to be paired");
    out->visitor.retry_after_ms = 30000;
  } else if (result != 0) {
    end(out, LRM_CODE_INTERNAL, "the relay failed; try again");
  }
  return p;
}

static void take_in(relay *r, relay_pairing *p, const uint8_t secret[RELAY_SECRET_BYTES],
                    uint64_t wall_ms, relay_page_pairing *out) {
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  int result = LRM_ERR_STATE;
  if (relay_pairing_token(p, secret, out->token))
    result = relay_pairing_add_device(r, p, out->token, wall_ms, &principal);
  if (result != 0) {
    end(out, result == LRM_ERR_NOT_FOUND ? LRM_CODE_UNAUTHENTICATED : LRM_CODE_INTERNAL,
        result == LRM_ERR_NOT_FOUND ? "the account that confirmed it is gone"
                                    : "the relay failed; try again");
    return;
  }
  relay_text(out->visitor.account, sizeof out->visitor.account, principal.account);
  relay_text(out->visitor.device, sizeof out->visitor.device, principal.device);
  memcpy(out->visitor.device_id.bytes, principal.device_id.bytes,
         sizeof out->visitor.device_id.bytes);
}

void relay_page_pair(relay *r, const uint8_t secret[RELAY_SECRET_BYTES], const char *device,
                     const char *peer, uint64_t wall_ms, relay_page_pairing *out) {
  bool confirmed = false;
  memset(out, 0, sizeof *out);
  relay_pairing *p = relay_pairing_find(r, secret, wall_ms);
  if (p == NULL && device != NULL) p = begin(r, secret, device, peer, wall_ms, out);
  if (p == NULL) {
    const char *reason = NULL;
    uint32_t code = relay_pairing_ended(r, secret, &reason);
    if (out->visitor.code != 0) return;
    end(out, code != 0 ? code : LRM_CODE_UNAUTHENTICATED,
        code != 0 ? reason : "the code has expired; ask for a new one");
    return;
  }
  if (!relay_pairing_code(p, secret, out->shown)) {
    end(out, LRM_CODE_INTERNAL, "the relay failed; try again");
    return;
  }
  out->left_ms = relay_pairing_left_ms(p, wall_ms);
  (void)relay_pairing_confirmed(p, &confirmed);
  out->waits = !confirmed;
  if (confirmed) take_in(r, p, secret, wall_ms, out);
}

void relay_page_unpair(relay *r, const uint8_t secret[RELAY_SECRET_BYTES], uint64_t now_ns,
                       uint64_t wall_ms) {
  bool confirmed = false;
  relay_pairing *p = relay_pairing_find(r, secret, wall_ms);
  if (p != NULL) (void)relay_pairing_confirmed(p, &confirmed);
  if (p == NULL || confirmed) return; /* a device that was made is revoked, not forgotten */
  relay_pairing_end(r, p, LRM_CODE_NORMAL, "this device does not ask any more", now_ns, wall_ms);
}

/* ---- where the page is ---- */

void relay_set_page_url(relay *r, const char *url) {
  relay_text(r->page_url, sizeof r->page_url, url);
}

const char *relay_page_url(const relay *r) { return r->page_url; }

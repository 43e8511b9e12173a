#include "relay_trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/carrier_tls.h"

static const char *given(const char *text) { return text && *text ? text : NULL; }

static const char *from_config(const remote_config *config, const char *key) {
  return config ? given(config_get(config, key)) : NULL;
}

/* "1", "on", "yes", "true" and their opposites. False: another word. */
static bool parse_switch(const char *text, bool *out) {
  static const char *const words[2][5] = {{"0", "off", "no", "false", ""},
                                          {"1", "on", "yes", "true", "1"}};
  for (int value = 0; value < 2; value++) {
    for (int i = 0; i < 5; i++) {
      if (strcmp(words[value][i], text) != 0) continue;
      *out = value == 1;
      return true;
    }
  }
  return false;
}

static bool find_insecure(const trust_flags *flags, const remote_config *config, bool *out,
                          char *error, size_t error_bytes) {
  *out = flags->insecure;
  if (*out) return true;
  const char *text = given(getenv("REMOTE_INSECURE"));
  const char *where = "REMOTE_INSECURE";
  if (!text) {
    text = from_config(config, "insecure");
    where = "the config key insecure";
  }
  if (!text || parse_switch(text, out)) return true;
  snprintf(error, error_bytes, "%s is on or off", where);
  return false;
}

/* From one place: a certificate from here and a key from there would hardly fit. */
static void find_own(const trust_flags *flags, const remote_config *config, lrm_uv_trust *out) {
  out->cert_file = given(flags->cert);
  out->key_file = given(flags->key);
  if (out->cert_file || out->key_file) return;
  out->cert_file = given(getenv("REMOTE_TLS_CERT"));
  out->key_file = given(getenv("REMOTE_TLS_KEY"));
  if (out->cert_file || out->key_file) return;
  out->cert_file = from_config(config, "tls_cert");
  out->key_file = from_config(config, "tls_key");
}

static bool judge_plain(const lrm_url *url, bool insecure, char *error, size_t error_bytes) {
  if (insecure || lrm_url_local(url)) return true;
  char text[LRM_URL_TEXT_BYTES_MAX];
  lrm_url_text(url, text, sizeof text);
  snprintf(error, error_bytes,
           "%s is another machine and the connection would not be encrypted: this device's token "
           "and all that is said could be read on the way. Use an address of the relay that begins "
           "with tls://, wss:// or grpcs://, or a tunnel to it (ssh -L) on 127.0.0.1; or say "
           "--insecure if the network itself is trusted",
           text);
  return false;
}

bool relay_trust_find(const trust_flags *flags, const remote_config *config, const lrm_url *url,
                      lrm_uv_settings *out, char *error, size_t error_bytes) {
  bool insecure;
  *out = (lrm_uv_settings){.struct_bytes = sizeof *out, .kinds = lrm_uv_kinds};
  if (!find_insecure(flags, config, &insecure, error, error_bytes)) return false;
  out->trust.ca_file = given(flags->ca);
  if (!out->trust.ca_file) out->trust.ca_file = given(getenv("REMOTE_TLS_CA"));
  if (!out->trust.ca_file) out->trust.ca_file = from_config(config, "tls_ca");
  find_own(flags, config, &out->trust);
  if (!lrm_uv_can_connect(url, out)) {
    snprintf(error, error_bytes, "this build cannot connect to %s://", url->scheme);
    return false;
  }
  if (!lrm_url_encrypted(url)) return judge_plain(url, insecure, error, error_bytes);
  char warning[512];
  return lrm_tls_trust_check(&out->trust, false, warning, sizeof warning, error, error_bytes) == 0;
}

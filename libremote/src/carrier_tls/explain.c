/* Why TLS failed, in words for people. A name in a certificate is a stranger's text: only what can
 * stand in a host name is shown of it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "carrier_tls/tls_internal.h"

enum { NAMES_SHOWN_MAX = 4 };

void lrm__tls_date(const ASN1_TIME *time, char *out, size_t out_bytes) {
  struct tm when;
  if (ASN1_TIME_to_tm(time, &when) != 1 || strftime(out, out_bytes, "%Y-%m-%d", &when) == 0) {
    snprintf(out, out_bytes, "an unknown day");
  }
}

/* ---- the certificate ---- */

static void append(char *out, size_t out_bytes, const char *text) {
  size_t used = strlen(out);
  if (used < out_bytes) snprintf(out + used, out_bytes - used, "%s", text);
}

static void append_name(char *out, size_t out_bytes, const unsigned char *text, int bytes) {
  char name[128];
  size_t used = 0;
  for (int i = 0; i < bytes && used + 1 < sizeof name; i++) {
    bool plain = isalnum(text[i]) || strchr(".-*_:", text[i]) != NULL;
    name[used++] = plain && text[i] != '\0' ? (char)text[i] : '?';
  }
  name[used] = '\0';
  if (out[0] != '\0') append(out, out_bytes, ", ");
  append(out, out_bytes, name);
}

static void append_address(char *out, size_t out_bytes, const ASN1_OCTET_STRING *address) {
  char name[64] = "";
  const unsigned char *at = ASN1_STRING_get0_data(address);
  if (ASN1_STRING_length(address) == 4) {
    snprintf(name, sizeof name, "%u.%u.%u.%u", at[0], at[1], at[2], at[3]);
  } else if (ASN1_STRING_length(address) == 16) {
    char v6[46] = "";
    struct sockaddr_in6 socket = {.sin6_family = AF_INET6};
    memcpy(&socket.sin6_addr, at, 16);
    (void)uv_ip6_name(&socket, v6, sizeof v6);
    snprintf(name, sizeof name, "%s", v6);
  }
  append_name(out, out_bytes, (const unsigned char *)name, (int)strlen(name));
}

/* The first names and addresses that the certificate is for. */
static void names_of(X509 *certificate, char *out, size_t out_bytes) {
  out[0] = '\0';
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  int shown = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && shown < NAMES_SHOWN_MAX; i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) {
      append_name(out, out_bytes, ASN1_STRING_get0_data(name->d.dNSName),
                  ASN1_STRING_length(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      append_address(out, out_bytes, name->d.iPAddress);
    } else {
      continue;
    }
    shown++;
  }
  if (sk_GENERAL_NAME_num(names) > shown && shown == NAMES_SHOWN_MAX) {
    append(out, out_bytes, ", ...");
  }
  GENERAL_NAMES_free(names);
}

static void explain_name(SSL *ssl, const char *host, char *out, size_t out_bytes) {
  char names[512] = "";
  X509 *certificate = lrm__tls_refused_certificate(ssl);
  if (certificate != NULL) names_of(certificate, names, sizeof names);
  if (names[0] == '\0') {
    snprintf(out, out_bytes,
             "the relay's certificate names no host at all; it needs %.128s as a subjectAltName "
             "(docs/operations.md)",
             host);
    return;
  }
  snprintf(out, out_bytes,
           "the relay's certificate is for %s and not for %.128s: write a name that it has into "
           "the relay's address, or give the relay a certificate for this one",
           names, host);
}

static void explain_date(SSL *ssl, bool expired, char *out, size_t out_bytes) {
  char date[64] = "an unknown day";
  X509 *certificate = lrm__tls_refused_certificate(ssl);
  if (certificate != NULL) {
    lrm__tls_date(expired ? X509_get0_notAfter(certificate) : X509_get0_notBefore(certificate),
                  date, sizeof date);
  }
  if (expired) {
    snprintf(out, out_bytes,
             "the relay's certificate, or one above it, has expired (the relay's own: on %s): "
             "renew it at the relay; or this machine's clock is wrong",
             date);
  } else {
    snprintf(out, out_bytes,
             "the relay's certificate, or one above it, is not valid yet (the relay's own: before "
             "%s): is this machine's clock right?",
             date);
  }
}

/* The verdict on a relay's certificate. */
static void explain_relay(SSL *ssl, const char *host, char *out, size_t out_bytes) {
  long verdict = SSL_get_verify_result(ssl);
  switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      explain_name(ssl, host, out, out_bytes);
      return;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      explain_date(ssl, verdict == X509_V_ERR_CERT_HAS_EXPIRED, out, out_bytes);
      return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      snprintf(out, out_bytes,
               "the relay's certificate is signed by nobody whom this machine trusts: if the "
               "relay has a CA of its own, pass that CA's certificate with --tls-ca FILE");
      return;
    case X509_V_ERR_CERT_REVOKED:
      snprintf(out, out_bytes, "the relay's certificate has been revoked");
      return;
    default:
      snprintf(out, out_bytes, "the relay's certificate is not accepted: %s",
               X509_verify_cert_error_string(verdict));
      return;
  }
}

static void explain_client(SSL *ssl, char *out, size_t out_bytes) {
  snprintf(out, out_bytes, "the client's certificate is not accepted: %s",
           X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
}

/* ---- the rest ---- */

/* What the other side says against us. */
static const struct {
  int reason;
  const char *to_connecting, *to_accepting;
  bool final; /* trying again changes nothing */
} alerts[] = {
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "the relay wants a certificate from this device: pass --tls-cert FILE and --tls-key FILE",
     NULL, true},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA,
     "the relay does not know the CA that signed this device's certificate (--tls-cert)",
     "the client does not know the CA that signed our certificate: it needs --tls-ca", true},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
     "the relay says that this device's certificate (--tls-cert) has expired: renew it",
     "the client says that our certificate has expired: renew it", true},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
     "the relay says that this device's certificate (--tls-cert) has been revoked",
     "the client says that our certificate has been revoked", true},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
     "the relay does not accept this device's certificate (--tls-cert)",
     "the client does not accept our certificate; if it reaches us by another name, the "
     "certificate needs that name",
     true},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
     "the relay does not accept this device's certificate (--tls-cert): it is not one for clients",
     "the client does not accept our certificate: it is not one for servers", true},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN,
     "the relay does not accept this device's certificate (--tls-cert)",
     "the client does not accept our certificate", true},
    {SSL_R_TLSV1_ALERT_ACCESS_DENIED, "the relay denies this device's certificate access",
     "the client denies us access", true},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the relay refused the TLS handshake; if it wants a certificate from this device, pass "
     "--tls-cert FILE and --tls-key FILE",
     "the client refused the TLS handshake", false},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the other side speaks neither TLS 1.2 nor 1.3",
     "the client speaks neither TLS 1.2 nor 1.3", false},
    {SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
     "TLS, but something else than this URL says is served there: is it tls://, wss:// or "
     "grpcs://?",
     "the client refused our protocol", false},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, "the other side does not serve this name", NULL, false},
};

static bool explain_alert(int reason, bool connecting, bool *final, char *out, size_t out_bytes) {
  for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
    if (alerts[i].reason != reason) continue;
    const char *text = connecting ? alerts[i].to_connecting : alerts[i].to_accepting;
    if (text == NULL) return false;
    *final = alerts[i].final;
    snprintf(out, out_bytes, "%s", text);
    return true;
  }
  return false;
}

/* Our own verdict on what came. */
static bool explain_input(int reason, bool connecting, bool *final, char *out, size_t out_bytes) {
  const char *text = NULL;
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_UNEXPECTED_MESSAGE:
      *final = true;
      text = connecting ? "the other side does not speak TLS: is this the port for plain text "
                          "(tcp://, ws://), or not a relay at all?"
                        : "the client does not speak TLS: its address for this port begins with "
                          "tls://";
      break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      text = connecting ? "the other side speaks neither TLS 1.2 nor 1.3"
                        : "the client speaks neither TLS 1.2 nor 1.3";
      break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      text = "the client has no certificate, and one is required";
      break;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      text = "the client offers other protocols than remote/1 (ALPN)";
      break;
    case SSL_R_NO_SHARED_CIPHER:
      text = "the client has no cipher in common with us";
      break;
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      text = "the connection was cut during the TLS handshake";
      break;
    default:
      return false;
  }
  snprintf(out, out_bytes, "%s", text);
  return true;
}

bool lrm_tls_explain(SSL *ssl, const char *host, char *out, size_t out_bytes) {
  unsigned long code = ERR_peek_error();
  int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  bool connecting = host != NULL, final = false;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    final = true;
    if (connecting) {
      explain_relay(ssl, host, out, out_bytes);
    } else {
      explain_client(ssl, out, out_bytes);
    }
  } else if (!explain_alert(reason, connecting, &final, out, out_bytes) &&
             !explain_input(reason, connecting, &final, out, out_bytes)) {
    const char *text = ERR_reason_error_string(code);
    snprintf(out, out_bytes, "TLS failed: %s", text != NULL ? text : "no reason is known");
  }
  ERR_clear_error();
  return final;
}

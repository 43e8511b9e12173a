/* Certificates made while a test runs, so that none in the tree ever expires. */
#ifndef TLS_CERTS_H
#define TLS_CERTS_H

#include <stdbool.h>

/* What a certificate says. Zero is a good one of a server for localhost, signed by `ca`. */
typedef struct cert_wish {
  const char *names;   /* subjectAltName as openssl writes it; NULL: DNS:localhost,IP:127.0.0.1;
                          "": none */
  const char *issuer;  /* name of the certificate that signs; NULL: "ca"; itself: self-signed */
  long begin_s, end_s; /* from now; 0: an hour ago, in a day */
  bool authority;
  bool client;   /* for clients, not for servers */
  bool weak;     /* RSA of 1024 bits */
  bool repeated; /* the key of an older certificate of this name */
} cert_wish;

/* The folder of this test's files; made at the first call, taken away at exit. */
const char *cert_dir(void);
/* "DIR/NAME"; the four last answers stay valid. */
const char *cert_path(const char *name);
/* Makes NAME.pem and NAME.key (mode 600), and signs it. */
void cert_make(const char *name, const cert_wish *wish);
/* Makes NAME.crl, in which `issuer` revokes `revoked`. */
void cert_revoke(const char *name, const char *issuer, const char *revoked);
/* Writes a file of what is in others. */
void cert_join(const char *name, const char *first, const char *second);
void cert_write(const char *name, const char *text, unsigned mode);
/* Writes the key of NAME.key to `name`, with a passphrase. */
void cert_encrypt_key(const char *name, const char *from);

#endif

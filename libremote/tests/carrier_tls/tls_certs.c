#include "tls_certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static char dir[64];

static int take_away(const char *path, const struct stat *status, int kind, struct FTW *at) {
  (void)status;
  (void)kind;
  (void)at;
  return remove(path);
}

static void clean(void) { (void)nftw(dir, take_away, 16, FTW_DEPTH | FTW_PHYS); }

const char *cert_dir(void) {
  if (dir[0] != '\0') return dir;
  snprintf(dir, sizeof dir, "/tmp/lrm-tls-XXXXXX");
  assert_non_null(mkdtemp(dir));
  assert_int_equal(atexit(clean), 0);
  return dir;
}

const char *cert_path(const char *name) {
  static char paths[4][160];
  static unsigned turn;
  char *path = paths[turn++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", cert_dir(), name);
  return path;
}

static FILE *create(const char *name, const char *ending, unsigned mode) {
  char file[96];
  snprintf(file, sizeof file, "%s%s", name, ending);
  FILE *out = fopen(cert_path(file), "w");
  assert_non_null(out);
  assert_int_equal(fchmod(fileno(out), mode), 0);
  return out;
}

static FILE *open_file(const char *name, const char *ending) {
  char file[96];
  snprintf(file, sizeof file, "%s%s", name, ending);
  FILE *in = fopen(cert_path(file), "r");
  assert_non_null(in);
  return in;
}

static EVP_PKEY *read_key(const char *name) {
  FILE *in = open_file(name, ".key");
  EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
  fclose(in);
  assert_non_null(key);
  return key;
}

static X509 *read_cert(const char *name) {
  FILE *in = open_file(name, ".pem");
  X509 *cert = PEM_read_X509(in, NULL, NULL, NULL);
  fclose(in);
  assert_non_null(cert);
  return cert;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  assert_non_null(extension);
  assert_int_equal(X509_add_ext(cert, extension, -1), 1);
  X509_EXTENSION_free(extension);
}

void cert_make(const char *name, const cert_wish *wish) {
  static long serial = 1000;
  const char *issuer_name = wish->issuer != NULL ? wish->issuer : "ca";
  bool self = strcmp(issuer_name, name) == 0;
  EVP_PKEY *key = wish->repeated ? read_key(name)
                  : wish->weak   ? EVP_RSA_gen(1024)
                                 : EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  assert_non_null(key);
  assert_non_null(cert);
  X509 *issuer = self ? cert : read_cert(issuer_name);
  EVP_PKEY *issuer_key = self ? key : read_key(issuer_name);
  assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
  assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial), 1);
  X509_NAME *subject = X509_get_subject_name(cert);
  assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                              (const unsigned char *)name, -1, -1, 0),
                   1);
  assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(issuer)), 1);
  assert_non_null(
      X509_gmtime_adj(X509_getm_notBefore(cert), wish->begin_s != 0 ? wish->begin_s : -3600));
  assert_non_null(
      X509_gmtime_adj(X509_getm_notAfter(cert), wish->end_s != 0 ? wish->end_s : 86400));
  assert_int_equal(X509_set_pubkey(cert, key), 1);
  extend(cert, issuer, NID_basic_constraints, wish->authority ? "critical,CA:TRUE" : "CA:FALSE");
  const char *names = wish->names != NULL ? wish->names : "DNS:localhost,IP:127.0.0.1";
  if (!wish->authority && names[0] != '\0') extend(cert, issuer, NID_subject_alt_name, names);
  if (!wish->authority) {
    extend(cert, issuer, NID_ext_key_usage, wish->client ? "clientAuth" : "serverAuth");
  }
  assert_true(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
  FILE *out = create(name, ".pem", 0644);
  assert_int_equal(PEM_write_X509(out, cert), 1);
  fclose(out);
  if (!wish->repeated) {
    out = create(name, ".key", 0600);
    assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(out);
  }
  if (!self) {
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
  }
  X509_free(cert);
  EVP_PKEY_free(key);
}

void cert_revoke(const char *name, const char *issuer_name, const char *revoked_name) {
  X509 *issuer = read_cert(issuer_name), *revoked = read_cert(revoked_name);
  EVP_PKEY *key = read_key(issuer_name);
  X509_CRL *list = X509_CRL_new();
  X509_REVOKED *entry = X509_REVOKED_new();
  ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *later = X509_gmtime_adj(NULL, 86400);
  assert_int_equal(X509_CRL_set_version(list, X509_CRL_VERSION_2), 1);
  assert_int_equal(X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer)), 1);
  assert_int_equal(X509_CRL_set1_lastUpdate(list, now), 1);
  assert_int_equal(X509_CRL_set1_nextUpdate(list, later), 1);
  assert_int_equal(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)), 1);
  assert_int_equal(X509_REVOKED_set_revocationDate(entry, now), 1);
  assert_int_equal(X509_CRL_add0_revoked(list, entry), 1);
  assert_true(X509_CRL_sign(list, key, EVP_sha256()) > 0);
  FILE *out = create(name, ".crl", 0644);
  assert_int_equal(PEM_write_X509_CRL(out, list), 1);
  fclose(out);
  ASN1_TIME_free(now);
  ASN1_TIME_free(later);
  X509_CRL_free(list);
  X509_free(issuer);
  X509_free(revoked);
  EVP_PKEY_free(key);
}

static void add_file(FILE *out, const char *name) {
  FILE *in = fopen(cert_path(name), "r");
  assert_non_null(in);
  for (int c = fgetc(in); c != EOF; c = fgetc(in)) fputc(c, out);
  fclose(in);
}

void cert_join(const char *name, const char *first, const char *second) {
  FILE *out = create(name, "", 0600);
  add_file(out, first);
  add_file(out, second);
  fclose(out);
}

void cert_write(const char *name, const char *text, unsigned mode) {
  FILE *out = create(name, "", mode);
  fputs(text, out);
  fclose(out);
}

void cert_encrypt_key(const char *name, const char *from) {
  EVP_PKEY *key = read_key(from);
  FILE *out = create(name, "", 0600);
  assert_int_equal(PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), (const unsigned char *)"word",
                                        4, NULL, NULL),
                   1);
  fclose(out);
  EVP_PKEY_free(key);
}

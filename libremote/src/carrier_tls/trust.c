/* The files of lrm_uv_trust. People make them by hand and scripts renew them, so every fault gets
 * a sentence that says what to do; a private key that others can read is no secret any more and is
 * refused, as other servers do (PostgreSQL's rule: a file of root may be readable by its group). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "carrier_tls/tls_internal.h"

enum { FILE_BYTES_MAX = 4 * 1024 * 1024, CA_NAMES_MAX = 64 };

/* A file in memory. */
typedef struct pem {
  const char *path;
  uint8_t *data;
  size_t bytes;
  BIO *bio;
} pem;

static int say(lrm__tls_says *says, const char *path, const char *why) {
  snprintf(says->error, says->error_bytes, "%s %s", path, why);
  return LRM_ERR_USAGE;
}

static int no_memory(lrm__tls_says *says) {
  snprintf(says->error, says->error_bytes, "out of memory");
  return LRM_ERR_NO_MEMORY;
}

static void pem_free(pem *file) {
  BIO_free(file->bio);
  OPENSSL_clear_free(file->data, file->bytes + 1);
  *file = (pem){0};
}

static int judge_file(const struct stat *status, const char *path, bool secret,
                      lrm__tls_says *says) {
  if (!S_ISREG(status->st_mode)) return say(says, path, "is not a file");
  if (status->st_size > FILE_BYTES_MAX) {
    return say(says, path, "is too large for a PEM file (over 4 MiB)");
  }
  if (!secret) return 0;
  mode_t open_to = status->st_uid == 0 ? (S_IWGRP | S_IRWXO) : (S_IRWXG | S_IRWXO);
  if ((status->st_mode & open_to) == 0) return 0;
  return say(says, path,
             "holds a private key that others on this machine can read or change: chmod 600 it "
             "(640 if it belongs to root)");
}

static int read_all(int fd, pem *file, lrm__tls_says *says) {
  while (file->bytes < FILE_BYTES_MAX) {
    ssize_t got = read(fd, file->data + file->bytes, FILE_BYTES_MAX - file->bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return say(says, file->path, "cannot be read");
    if (got == 0) break;
    file->bytes += (size_t)got;
  }
  return 0;
}

/* Judged by what was opened, so that it cannot be another file a moment later. */
static int pem_read(const char *path, bool secret, pem *file, lrm__tls_says *says) {
  *file = (pem){.path = path};
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    char why[128];
    snprintf(why, sizeof why, "cannot be opened: %s", strerror(errno));
    return say(says, path, why);
  }
  struct stat status;
  int result = fstat(fd, &status) == 0 ? judge_file(&status, path, secret, says)
                                       : say(says, path, "cannot be read");
  if (result == 0) {
    /* Untouched memory costs nothing, and a file may grow while it is read. */
    file->data = OPENSSL_malloc(FILE_BYTES_MAX + 1);
    result = file->data != NULL ? read_all(fd, file, says) : no_memory(says);
  }
  close(fd);
  if (result != 0) {
    pem_free(file);
    return result;
  }
  uint8_t *smaller = OPENSSL_clear_realloc(file->data, FILE_BYTES_MAX + 1, file->bytes + 1);
  if (smaller != NULL) file->data = smaller;
  file->data[file->bytes] = '\0';
  file->bio = BIO_new_mem_buf(file->data, (int)file->bytes);
  if (file->bio != NULL) return 0;
  pem_free(file);
  return no_memory(says);
}

/* Nobody is there to type a passphrase. */
static int on_passphrase(char *out, int capacity, int writing, void *user) {
  bool *asked = user;
  (void)out;
  (void)capacity;
  (void)writing;
  *asked = true;
  return -1;
}

/* Nothing that begins like PEM is left: the end, not a fault. */
static bool at_end(void) {
  unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* ---- whom to trust ---- */

typedef struct authorities {
  SSL_CTX *context;
  STACK_OF(X509_NAME) * names; /* NULL: connecting side */
  int certificates, lists;
} authorities;

static bool add_authority(authorities *to, const X509_INFO *info) {
  X509_STORE *store = SSL_CTX_get_cert_store(to->context);
  if (info->x509 != NULL) {
    if (X509_STORE_add_cert(store, info->x509) != 1) return false;
    to->certificates++;
    if (to->names != NULL && to->certificates <= CA_NAMES_MAX) {
      X509_NAME *name = X509_NAME_dup(X509_get_subject_name(info->x509));
      if (name == NULL || sk_X509_NAME_push(to->names, name) == 0) {
        X509_NAME_free(name);
        return false;
      }
    }
  }
  if (info->crl != NULL) {
    if (X509_STORE_add_crl(store, info->crl) != 1) return false;
    to->lists++;
  }
  return true;
}

static int add_authorities(authorities *to, const pem *file, lrm__tls_says *says) {
  bool asked = false;
  STACK_OF(X509_INFO) *found = PEM_X509_INFO_read_bio(file->bio, NULL, on_passphrase, &asked);
  if (found == NULL) return say(says, file->path, "holds a certificate that cannot be read");
  bool added = true;
  for (int i = 0; i < sk_X509_INFO_num(found) && added; i++) {
    added = add_authority(to, sk_X509_INFO_value(found, i));
  }
  sk_X509_INFO_pop_free(found, X509_INFO_free);
  if (!added) return no_memory(says);
  if (to->certificates == 0) {
    return say(says, file->path, "holds no certificate: write PEM (-----BEGIN CERTIFICATE-----)");
  }
  return 0;
}

/* What the file says is trusted as it is, whether it is a root or not; a list of revoked
 * certificates in it is obeyed. */
static int trust_authorities(SSL_CTX *context, const pem *file, bool listening,
                             lrm__tls_says *says) {
  authorities to = {.context = context};
  if (listening && (to.names = sk_X509_NAME_new_null()) == NULL) return no_memory(says);
  int result = add_authorities(&to, file, says);
  if (result == 0) {
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(context);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
    if (to.lists > 0) flags |= X509_V_FLAG_CRL_CHECK;
    (void)X509_VERIFY_PARAM_set_flags(rules, flags);
    /* Told to clients so that they can choose; a long list would only fill the handshake. */
    if (listening && to.certificates <= CA_NAMES_MAX) {
      SSL_CTX_set_client_CA_list(context, to.names);
      to.names = NULL;
    }
  }
  sk_X509_NAME_pop_free(to.names, X509_NAME_free);
  return result;
}

/* ---- who one is ---- */

static int too_weak_or_memory(const pem *file, lrm__tls_says *says) {
  int reason = ERR_GET_REASON(ERR_peek_last_error());
  if (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL ||
      reason == SSL_R_CA_MD_TOO_WEAK) {
    return say(says, file->path,
               "is too weak a certificate: it needs an EC key, or RSA of 2048 bits, and SHA-256");
  }
  return say(says, file->path, "holds a certificate that cannot be used");
}

static void warn_of_dates(const X509 *certificate, const char *path, lrm__tls_says *says) {
  char date[64];
  const ASN1_TIME *end = X509_get0_notAfter(certificate);
  const ASN1_TIME *begin = X509_get0_notBefore(certificate);
  if (X509_cmp_current_time(end) < 0) {
    lrm__tls_date(end, date, sizeof date);
    snprintf(says->warning, says->warning_bytes,
             "%s expired on %s: nobody will accept it; renew it", path, date);
  } else if (X509_cmp_current_time(begin) > 0) {
    lrm__tls_date(begin, date, sizeof date);
    snprintf(says->warning, says->warning_bytes,
             "%s is not valid before %s: nobody will accept it until then; is this machine's "
             "clock right?",
             path, date);
  }
}

/* The first certificate is one's own, the others stand between it and a root. */
static int use_certificates(SSL_CTX *context, const pem *file, lrm__tls_says *says) {
  for (int count = 0;; count++) {
    ERR_clear_error();
    X509 *certificate = PEM_read_bio_X509(file->bio, NULL, NULL, NULL);
    if (certificate == NULL) {
      if (!at_end()) return say(says, file->path, "holds a certificate that cannot be read");
      if (count > 0) return 0;
      return say(says, file->path, "holds no certificate: write PEM (-----BEGIN CERTIFICATE-----)");
    }
    if (count == 0) warn_of_dates(certificate, file->path, says);
    int used = count == 0 ? SSL_CTX_use_certificate(context, certificate)
                          : SSL_CTX_add1_chain_cert(context, certificate) != 0;
    X509_free(certificate);
    if (used != 1) return too_weak_or_memory(file, says);
  }
}

static int use_key(SSL_CTX *context, const pem *file, const char *cert_path, lrm__tls_says *says) {
  bool asked = false;
  ERR_clear_error();
  EVP_PKEY *key = PEM_read_bio_PrivateKey(file->bio, NULL, on_passphrase, &asked);
  if (key == NULL && asked) {
    return say(says, file->path,
               "is encrypted, and nobody is there to type its passphrase: write it unencrypted "
               "with `openssl pkey -in OLD -out NEW`, mode 600");
  }
  if (key == NULL) {
    return say(says, file->path,
               strstr((const char *)file->data, "PRIVATE KEY-----") == NULL
                   ? "holds no private key: write PEM (-----BEGIN PRIVATE KEY-----)"
                   : "holds a private key that cannot be read");
  }
  int used = SSL_CTX_use_PrivateKey(context, key);
  EVP_PKEY_free(key);
  if (used == 1 && SSL_CTX_check_private_key(context) == 1) return 0;
  snprintf(says->error, says->error_bytes,
           "the private key in %s is not that of the certificate "
           "in %s",
           file->path, cert_path);
  return LRM_ERR_USAGE;
}

static int prove(SSL_CTX *context, const lrm_uv_trust *trust, lrm__tls_says *says) {
  pem file;
  int result = pem_read(trust->cert_file, false, &file, says);
  if (result != 0) return result;
  result = use_certificates(context, &file, says);
  pem_free(&file);
  if (result != 0) return result;
  result = pem_read(trust->key_file, true, &file, says);
  if (result != 0) return result;
  result = use_key(context, &file, trust->cert_file, says);
  pem_free(&file);
  return result;
}

/* ---- both ---- */

static const char *missing(const lrm_uv_trust *trust, bool listening) {
  bool cert = trust->cert_file != NULL, key = trust->key_file != NULL;
  if (cert && !key) return "--tls-cert needs --tls-key beside it: the file with its private key";
  if (key && !cert) return "--tls-key needs --tls-cert beside it: the file with its certificate";
  if (listening && !cert) {
    return "TLS needs a certificate and its private key: pass --tls-cert FILE and --tls-key FILE";
  }
  return NULL;
}

int lrm__tls_trust(SSL_CTX *context, const lrm_uv_trust *trust, bool listening,
                   lrm__tls_says *says) {
  const char *lacks = missing(trust, listening);
  if (lacks != NULL) {
    snprintf(says->error, says->error_bytes, "%s", lacks);
    return LRM_ERR_USAGE;
  }
  int result = 0;
  if (trust->ca_file != NULL) {
    pem file;
    result = pem_read(trust->ca_file, false, &file, says);
    if (result != 0) return result;
    result = trust_authorities(context, &file, listening, says);
    pem_free(&file);
  } else if (!listening && SSL_CTX_set_default_verify_paths(context) != 1) {
    snprintf(says->error, says->error_bytes,
             "this system's CA certificates cannot be read; name some with --tls-ca FILE");
    result = LRM_ERR_USAGE;
  }
  if (result == 0 && trust->cert_file != NULL) result = prove(context, trust, says);
  ERR_clear_error();
  return result;
}

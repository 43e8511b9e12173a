/* Certificates and keys, as the texts that gRPC wants. gRPC only writes to its log when they are
 * wrong, so they are judged first as those of any other TLS. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "carrier_grpc/grpc_internal.h"
#include "remote/carrier_tls.h"

enum { PEM_BYTES_MAX = 1024 * 1024 };

/* Returns NULL when all of it was read. */
static const char *read_all(int file, char *text, size_t *used) {
  *used = 0;
  while (*used <= PEM_BYTES_MAX) {
    ssize_t got = read(file, text + *used, PEM_BYTES_MAX + 1 - *used);
    if (got == 0) return memchr(text, '\0', *used) == NULL ? NULL : "this is not a PEM file";
    if (got > 0) *used += (size_t)got;
    if (got < 0 && errno != EINTR) return strerror(errno);
  }
  return "larger than 1 MiB";
}

/* A whole text file; nothing when none is named. False: `error` says why. */
static bool read_file(const char *path, char **out, char *error, size_t error_bytes) {
  *out = NULL;
  if (path == NULL) return true;
  char *text = malloc(PEM_BYTES_MAX + 2);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  const char *why = text == NULL ? "out of memory" : file < 0 ? strerror(errno) : NULL;
  if (why == NULL) why = read_all(file, text, &used);
  if (file >= 0) (void)close(file);
  if (why == NULL) {
    text[used] = '\0';
    *out = strdup(text);
    if (*out == NULL) why = "out of memory";
  }
  if (text != NULL) explicit_bzero(text, used);
  free(text);
  if (why == NULL) return true;
  snprintf(error, error_bytes, "cannot read %.150s: %s", path, why);
  return false;
}

void lrm__grpc_free_trust(char *ca, char *cert, char *key) {
  if (key != NULL) explicit_bzero(key, strlen(key));
  free(ca);
  free(cert);
  free(key);
}

bool lrm__grpc_read_trust(const lrm_uv_trust *trust, bool listening, char **ca, char **cert,
                          char **key, char *error, size_t error_bytes) {
  char warning[200];
  *ca = *cert = *key = NULL;
  if (lrm_tls_trust_check(trust, listening, warning, sizeof warning, error, error_bytes) != 0)
    return false;
  if (read_file(trust->ca_file, ca, error, error_bytes) &&
      read_file(trust->cert_file, cert, error, error_bytes) &&
      read_file(trust->key_file, key, error, error_bytes))
    return true;
  lrm__grpc_free_trust(*ca, *cert, *key);
  *ca = *cert = *key = NULL;
  return false;
}

grpc_identity *lrm__grpc_identity_new(void) {
  grpc_identity *id = calloc(1, sizeof *id);
  if (id != NULL && uv_mutex_init(&id->lock) != 0) {
    free(id);
    id = NULL;
  }
  return id;
}

void lrm__grpc_identity_free(grpc_identity *id) {
  if (id == NULL) return;
  lrm__grpc_free_trust(id->ca, id->cert, id->key);
  uv_mutex_destroy(&id->lock);
  free(id);
}

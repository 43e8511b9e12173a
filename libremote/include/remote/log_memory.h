/* The store in memory: part of the core; for tests, simulation and hosts without a disk. */
#ifndef REMOTE_LOG_MEMORY_H
#define REMOTE_LOG_MEMORY_H

#include "remote/log.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_store_memory_config {
  size_t struct_bytes;
  lrm_allocator allocator;
  uint64_t bytes_max; /* blocks and records; 0: 64 MiB. Full: LRM_ERR_DISK_FULL at commit */
} lrm_store_memory_config;

int lrm_store_memory_open(const lrm_store_memory_config *config, lrm_store **out) LRM_MUST_USE;

/* A store of its own with what is committed and settled in this one: a copy put aside. For tests.
 * Errors as for _open. */
int lrm_store_memory_copy(const lrm_store *store, const lrm_store_memory_config *config,
                          lrm_store **out) LRM_MUST_USE;
/* Crash: everything that is not committed is lost, open batch and frozen batch included; logs
 * handed out stay valid. For tests. */
void lrm_store_memory_crash(lrm_store *store);
/* The next `count` commits fail with `error`. For tests. */
void lrm_store_memory_fail(lrm_store *store, int error, unsigned count);

#ifdef __cplusplus
}
#endif
#endif

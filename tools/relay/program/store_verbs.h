/* What the sub-commands do to the store's file: check, backup, restore, compact. store_verbs.c */
#ifndef RELAY_STORE_VERBS_H
#define RELAY_STORE_VERBS_H

#include "program.h"

/* Each returns an exit code and has said everything. `options->name` is FILE. */
int store_check(const program_options *options);
int store_backup(const program_options *options);
int store_restore(const program_options *options);
int store_compact(const program_options *options);
/* The store's part of `stats`: lines, or the beginning of a JSON object. */
int store_facts(const char *data, bool json, char *out, size_t out_bytes);

#endif

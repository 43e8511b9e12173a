/* Between redact_shapes.c and redact_named.c. */
#ifndef REMOTE_CLI_REDACT_SHAPES_INTERNAL_H
#define REMOTE_CLI_REDACT_SHAPES_INTERNAL_H

#include "redact_shapes.h"

bool shape_is_alnum(char c);
bool shape_is_digit(char c);
/* The bytes at hand end at or before `at`, and more may come. */
bool shape_out(const shape_view *view, size_t at);
shape_verdict shape_begins(const shape_view *view, size_t at, const char *word, bool any_case);

/* A token or a private key, which need no name. */
shape_verdict shape_by_itself(const shape_view *view, size_t at, shape_found *out);

/* redact_named.c */
/* "NAME = value" at its '=' or ':'. */
shape_verdict shape_assignment(const shape_view *view, size_t at, shape_found *out);
/* "--NAME value" and "-u user:value", at the blank. */
shape_verdict shape_argument(const shape_view *view, size_t at, shape_found *out);
/* Stands for a secret and is none: $NAME, <password>, ****. */
bool shape_placeholder(const char *value, size_t bytes);
bool shape_ends_value(char c);
/* Does the quoted text close at text[at]? 1, 0, or -1: more text decides. *past: further bytes that
 * belong to this letter (what a backslash escapes). */
int shape_closes(const shape_view *view, size_t at, char quote, bool escaped, size_t *past);
/* One of the kinds that redact_named.c gives. */
bool shape_named_kind(const char *text, size_t bytes);

#endif

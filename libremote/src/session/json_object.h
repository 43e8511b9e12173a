/* Is a text one JSON object? By the grammar of RFC 8259 and the bounds of docs/spec.md 13.1; keeps
 * nothing of it. */
#ifndef LRM_SESSION_JSON_OBJECT_H
#define LRM_SESSION_JSON_OBJECT_H

#include <stdbool.h>

/* `text` is valid UTF-8. Neither recursion nor memory. */
bool lrm__json_is_object(const char *text);

#endif

/* Any message of the schema as JSON, for `--json`: field names as in the schema, defaults left
 * out, enums as lower-case names without their prefix ("allow_once"; a number when this version
 * does not know it), ids of 16 bytes as 32 hex digits, other bytes as text when they are valid
 * UTF-8, else as {"base64": "..."}, numbers of 2^53 and more as decimal strings. The member of a
 * oneof that is set appears under its name, also when it holds a default. */
#ifndef REMOTE_CLI_JSON_EVENT_H
#define REMOTE_CLI_JSON_EVENT_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>

/* A new reference to an object; NULL: no memory. */
json_t *json_from_message(const ProtobufCMessage *message);

/* Prints one object on one line, flushed, and gives it up. */
void json_print_line(FILE *to, json_t *object);

#endif

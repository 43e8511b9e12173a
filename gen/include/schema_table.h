/* What the generated tables (schema.c) consist of: the schema as the preflight sees it. */
#ifndef SCHEMA_TABLE_H
#define SCHEMA_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Bounds that gen/generate checks, so that the scanner's stack has a fixed size. */
#define LRM_SCHEMA_SLOTS_MAX 64 /* singular fields and oneofs of a message */
#define LRM_SCHEMA_LISTS_MAX 16 /* repeated fields of a message */
#define LRM_SCHEMA_DEPTH_MAX 16 /* nesting of messages; the outermost is 1 */

/* A field's type. The wire type follows from it. */
typedef enum lrm_schema_kind {
  LRM_SCHEMA_UINT32 = 1,
  LRM_SCHEMA_UINT64 = 2,
  LRM_SCHEMA_INT32 = 3,
  LRM_SCHEMA_INT64 = 4,
  LRM_SCHEMA_SINT32 = 5,
  LRM_SCHEMA_SINT64 = 6,
  LRM_SCHEMA_BOOL = 7,
  LRM_SCHEMA_ENUM = 8,
  LRM_SCHEMA_FIXED32 = 9,
  LRM_SCHEMA_FIXED64 = 10,
  LRM_SCHEMA_SFIXED32 = 11,
  LRM_SCHEMA_SFIXED64 = 12,
  LRM_SCHEMA_FLOAT = 13,
  LRM_SCHEMA_DOUBLE = 14,
  LRM_SCHEMA_STRING = 15,
  LRM_SCHEMA_BYTES = 16,
  LRM_SCHEMA_MESSAGE = 17
} lrm_schema_kind;

typedef struct lrm_schema_message lrm_schema_message;

typedef struct lrm_schema_field {
  const char *name;
  const lrm_schema_message *message; /* MESSAGE: its type */
  uint32_t number;
  uint32_t bytes_max; /* STRING (without terminator) and BYTES: most bytes of a value */
  uint32_t count_max; /* repeated: most elements; 0: singular */
  uint8_t kind;       /* lrm_schema_kind */
  uint8_t oneof;      /* 0: in none; else 1, 2 ... within the message */
  uint8_t slot;       /* singular: bit of the presence set, one bit for all of a oneof;
                         repeated: index of its counter */
} lrm_schema_field;

struct lrm_schema_message {
  const char *name;
  const lrm_schema_field *fields; /* by ascending number; NULL: none */
  uint16_t fields_count;
  uint16_t index;        /* in the table of descriptors */
  uint32_t struct_bytes; /* sizeof protobuf-c's struct */
};

#endif

/* Written by gen/generate from the .proto and .options files; do not edit. */

#ifndef SHAPE_SCHEMA_H
#define SHAPE_SCHEMA_H

#include "schema_table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* shapes.proto */
extern const lrm_schema_message shape_schema_Scalars;
extern const lrm_schema_message shape_schema_Lists;
extern const lrm_schema_message shape_schema_Empty;
extern const lrm_schema_message shape_schema_Choice;
extern const lrm_schema_message shape_schema_Deep1;
extern const lrm_schema_message shape_schema_Deep2;
extern const lrm_schema_message shape_schema_Deep3;
extern const lrm_schema_message shape_schema_Deep4;
extern const lrm_schema_message shape_schema_Deep5;
extern const lrm_schema_message shape_schema_Deep6;
extern const lrm_schema_message shape_schema_Deep7;
extern const lrm_schema_message shape_schema_Deep8;
extern const lrm_schema_message shape_schema_Deep9;
extern const lrm_schema_message shape_schema_Deep10;
extern const lrm_schema_message shape_schema_Deep11;
extern const lrm_schema_message shape_schema_Deep12;
extern const lrm_schema_message shape_schema_Deep13;
extern const lrm_schema_message shape_schema_Deep14;
extern const lrm_schema_message shape_schema_Deep15;
extern const lrm_schema_message shape_schema_Deep16;

#define SHAPE_SCHEMA_MESSAGES 20

/* Every message, by its index. Naming it links every table. */
extern const lrm_schema_message *const shape_schema_messages[SHAPE_SCHEMA_MESSAGES];
/* protobuf-c's descriptor of every message, by its index. */
struct ProtobufCMessageDescriptor;
extern const struct ProtobufCMessageDescriptor *const shape_schema_descriptors[SHAPE_SCHEMA_MESSAGES];

#ifdef __cplusplus
}
#endif
#endif

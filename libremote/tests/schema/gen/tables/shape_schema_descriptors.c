/* Written by gen/generate from the .proto and .options files; do not edit. */

#include "shape_schema.h"

#include "shapes.pb-c.h"

const lrm_schema_message *const shape_schema_messages[SHAPE_SCHEMA_MESSAGES] = {
    &shape_schema_Scalars,
    &shape_schema_Lists,
    &shape_schema_Empty,
    &shape_schema_Choice,
    &shape_schema_Deep1,
    &shape_schema_Deep2,
    &shape_schema_Deep3,
    &shape_schema_Deep4,
    &shape_schema_Deep5,
    &shape_schema_Deep6,
    &shape_schema_Deep7,
    &shape_schema_Deep8,
    &shape_schema_Deep9,
    &shape_schema_Deep10,
    &shape_schema_Deep11,
    &shape_schema_Deep12,
    &shape_schema_Deep13,
    &shape_schema_Deep14,
    &shape_schema_Deep15,
    &shape_schema_Deep16,
};

const struct ProtobufCMessageDescriptor *const shape_schema_descriptors[SHAPE_SCHEMA_MESSAGES] = {
    &remote__shapes__scalars__descriptor,
    &remote__shapes__lists__descriptor,
    &remote__shapes__empty__descriptor,
    &remote__shapes__choice__descriptor,
    &remote__shapes__deep1__descriptor,
    &remote__shapes__deep2__descriptor,
    &remote__shapes__deep3__descriptor,
    &remote__shapes__deep4__descriptor,
    &remote__shapes__deep5__descriptor,
    &remote__shapes__deep6__descriptor,
    &remote__shapes__deep7__descriptor,
    &remote__shapes__deep8__descriptor,
    &remote__shapes__deep9__descriptor,
    &remote__shapes__deep10__descriptor,
    &remote__shapes__deep11__descriptor,
    &remote__shapes__deep12__descriptor,
    &remote__shapes__deep13__descriptor,
    &remote__shapes__deep14__descriptor,
    &remote__shapes__deep15__descriptor,
    &remote__shapes__deep16__descriptor,
};

/* Written by gen/generate from the .proto and .options files; do not edit. */

#include "shape_schema.h"

#include "shapes.pb-c.h"

/* shapes.proto */

static const lrm_schema_field fields_Scalars[] = {
    {.name = "u32", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "u64", .number = 2, .kind = LRM_SCHEMA_UINT64, .slot = 1},
    {.name = "i32", .number = 3, .kind = LRM_SCHEMA_INT32, .slot = 2},
    {.name = "i64", .number = 4, .kind = LRM_SCHEMA_INT64, .slot = 3},
    {.name = "s32", .number = 5, .kind = LRM_SCHEMA_SINT32, .slot = 4},
    {.name = "s64", .number = 6, .kind = LRM_SCHEMA_SINT64, .slot = 5},
    {.name = "yes", .number = 7, .kind = LRM_SCHEMA_BOOL, .slot = 6},
    {.name = "colour", .number = 8, .kind = LRM_SCHEMA_ENUM, .slot = 7},
    {.name = "f32", .number = 9, .kind = LRM_SCHEMA_FIXED32, .slot = 8},
    {.name = "f64", .number = 10, .kind = LRM_SCHEMA_FIXED64, .slot = 9},
    {.name = "sf32", .number = 11, .kind = LRM_SCHEMA_SFIXED32, .slot = 10},
    {.name = "sf64", .number = 12, .kind = LRM_SCHEMA_SFIXED64, .slot = 11},
    {.name = "single", .number = 13, .kind = LRM_SCHEMA_FLOAT, .slot = 12},
    {.name = "real", .number = 14, .kind = LRM_SCHEMA_DOUBLE, .slot = 13},
    {.name = "text", .number = 15, .kind = LRM_SCHEMA_STRING, .bytes_max = 40, .slot = 14},
    {.name = "data", .number = 16, .kind = LRM_SCHEMA_BYTES, .bytes_max = 40, .slot = 15},
};
const lrm_schema_message shape_schema_Scalars = {
    .name = "Scalars", .fields = fields_Scalars, .fields_count = 16, .index = 0,
    .struct_bytes = sizeof(Remote__Shapes__Scalars)};

static const lrm_schema_field fields_Lists[] = {
    {.name = "u32", .number = 1, .kind = LRM_SCHEMA_UINT32, .count_max = 20, .slot = 0},
    {.name = "u64", .number = 2, .kind = LRM_SCHEMA_UINT64, .count_max = 20, .slot = 1},
    {.name = "s32", .number = 3, .kind = LRM_SCHEMA_SINT32, .count_max = 20, .slot = 2},
    {.name = "yes", .number = 4, .kind = LRM_SCHEMA_BOOL, .count_max = 20, .slot = 3},
    {.name = "colour", .number = 5, .kind = LRM_SCHEMA_ENUM, .count_max = 20, .slot = 4},
    {.name = "f32", .number = 6, .kind = LRM_SCHEMA_FIXED32, .count_max = 20, .slot = 5},
    {.name = "real", .number = 7, .kind = LRM_SCHEMA_DOUBLE, .count_max = 20, .slot = 6},
    {.name = "text", .number = 8, .kind = LRM_SCHEMA_STRING, .bytes_max = 10, .count_max = 20,
     .slot = 7},
    {.name = "data", .number = 9, .kind = LRM_SCHEMA_BYTES, .bytes_max = 10, .count_max = 20,
     .slot = 8},
    {.name = "empty", .number = 10, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Empty,
     .count_max = 20, .slot = 9},
    {.name = "far", .number = 60000, .kind = LRM_SCHEMA_INT32, .count_max = 20, .slot = 10},
};
const lrm_schema_message shape_schema_Lists = {
    .name = "Lists", .fields = fields_Lists, .fields_count = 11, .index = 1,
    .struct_bytes = sizeof(Remote__Shapes__Lists)};
const lrm_schema_message shape_schema_Empty = {
    .name = "Empty", .index = 2, .struct_bytes = sizeof(Remote__Shapes__Empty)};

static const lrm_schema_field fields_Choice[] = {
    {.name = "before", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
    {.name = "number", .number = 2, .kind = LRM_SCHEMA_UINT32, .oneof = 1, .slot = 1},
    {.name = "text", .number = 3, .kind = LRM_SCHEMA_STRING, .bytes_max = 40, .oneof = 1,
     .slot = 1},
    {.name = "data", .number = 4, .kind = LRM_SCHEMA_BYTES, .bytes_max = 40, .oneof = 1, .slot = 1},
    {.name = "empty", .number = 5, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Empty,
     .oneof = 1, .slot = 1},
    {.name = "scalars", .number = 6, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Scalars,
     .oneof = 1, .slot = 1},
    {.name = "yes", .number = 7, .kind = LRM_SCHEMA_BOOL, .oneof = 1, .slot = 1},
    {.name = "after", .number = 8, .kind = LRM_SCHEMA_UINT32, .slot = 2},
    {.name = "big", .number = 9, .kind = LRM_SCHEMA_UINT64, .oneof = 2, .slot = 3},
};
const lrm_schema_message shape_schema_Choice = {
    .name = "Choice", .fields = fields_Choice, .fields_count = 9, .index = 3,
    .struct_bytes = sizeof(Remote__Shapes__Choice)};

static const lrm_schema_field fields_Deep1[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep2,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep1 = {
    .name = "Deep1", .fields = fields_Deep1, .fields_count = 1, .index = 4,
    .struct_bytes = sizeof(Remote__Shapes__Deep1)};

static const lrm_schema_field fields_Deep2[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep3,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep2 = {
    .name = "Deep2", .fields = fields_Deep2, .fields_count = 1, .index = 5,
    .struct_bytes = sizeof(Remote__Shapes__Deep2)};

static const lrm_schema_field fields_Deep3[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep4,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep3 = {
    .name = "Deep3", .fields = fields_Deep3, .fields_count = 1, .index = 6,
    .struct_bytes = sizeof(Remote__Shapes__Deep3)};

static const lrm_schema_field fields_Deep4[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep5,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep4 = {
    .name = "Deep4", .fields = fields_Deep4, .fields_count = 1, .index = 7,
    .struct_bytes = sizeof(Remote__Shapes__Deep4)};

static const lrm_schema_field fields_Deep5[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep6,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep5 = {
    .name = "Deep5", .fields = fields_Deep5, .fields_count = 1, .index = 8,
    .struct_bytes = sizeof(Remote__Shapes__Deep5)};

static const lrm_schema_field fields_Deep6[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep7,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep6 = {
    .name = "Deep6", .fields = fields_Deep6, .fields_count = 1, .index = 9,
    .struct_bytes = sizeof(Remote__Shapes__Deep6)};

static const lrm_schema_field fields_Deep7[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep8,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep7 = {
    .name = "Deep7", .fields = fields_Deep7, .fields_count = 1, .index = 10,
    .struct_bytes = sizeof(Remote__Shapes__Deep7)};

static const lrm_schema_field fields_Deep8[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep9,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep8 = {
    .name = "Deep8", .fields = fields_Deep8, .fields_count = 1, .index = 11,
    .struct_bytes = sizeof(Remote__Shapes__Deep8)};

static const lrm_schema_field fields_Deep9[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep10,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep9 = {
    .name = "Deep9", .fields = fields_Deep9, .fields_count = 1, .index = 12,
    .struct_bytes = sizeof(Remote__Shapes__Deep9)};

static const lrm_schema_field fields_Deep10[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep11,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep10 = {
    .name = "Deep10", .fields = fields_Deep10, .fields_count = 1, .index = 13,
    .struct_bytes = sizeof(Remote__Shapes__Deep10)};

static const lrm_schema_field fields_Deep11[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep12,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep11 = {
    .name = "Deep11", .fields = fields_Deep11, .fields_count = 1, .index = 14,
    .struct_bytes = sizeof(Remote__Shapes__Deep11)};

static const lrm_schema_field fields_Deep12[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep13,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep12 = {
    .name = "Deep12", .fields = fields_Deep12, .fields_count = 1, .index = 15,
    .struct_bytes = sizeof(Remote__Shapes__Deep12)};

static const lrm_schema_field fields_Deep13[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep14,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep13 = {
    .name = "Deep13", .fields = fields_Deep13, .fields_count = 1, .index = 16,
    .struct_bytes = sizeof(Remote__Shapes__Deep13)};

static const lrm_schema_field fields_Deep14[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep15,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep14 = {
    .name = "Deep14", .fields = fields_Deep14, .fields_count = 1, .index = 17,
    .struct_bytes = sizeof(Remote__Shapes__Deep14)};

static const lrm_schema_field fields_Deep15[] = {
    {.name = "deep", .number = 1, .kind = LRM_SCHEMA_MESSAGE, .message = &shape_schema_Deep16,
     .slot = 0},
};
const lrm_schema_message shape_schema_Deep15 = {
    .name = "Deep15", .fields = fields_Deep15, .fields_count = 1, .index = 18,
    .struct_bytes = sizeof(Remote__Shapes__Deep15)};

static const lrm_schema_field fields_Deep16[] = {
    {.name = "value", .number = 1, .kind = LRM_SCHEMA_UINT32, .slot = 0},
};
const lrm_schema_message shape_schema_Deep16 = {
    .name = "Deep16", .fields = fields_Deep16, .fields_count = 1, .index = 19,
    .struct_bytes = sizeof(Remote__Shapes__Deep16)};

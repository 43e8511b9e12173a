/* The shapes of shapes.proto as subjects. */
#ifndef TEST_SCHEMA_SHAPES_SUBJECTS_H
#define TEST_SCHEMA_SHAPES_SUBJECTS_H

#include "schema/agreement.h"
#include "shape_schema.h"

subject shape_at(size_t index); /* SHAPE_SCHEMA_MESSAGES of them */

#endif

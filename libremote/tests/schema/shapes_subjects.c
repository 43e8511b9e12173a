#include "schema/shapes_subjects.h"

#include "shapes.pb.h"

/* All but the chain of Deep messages, which agree with one another. */
#define STATIC_SHAPES(X) X(Scalars) X(Lists) X(Empty) X(Choice) X(Deep1) X(Deep16)

#define STATIC_ROW(name) \
  {&shape_schema_##name, remote_shapes_##name##_fields, sizeof(remote_shapes_##name)},
static const struct {
  const lrm_schema_message *type;
  const pb_msgdesc_t *fields;
  size_t bytes;
} static_shapes[] = {STATIC_SHAPES(STATIC_ROW)};

subject shape_at(size_t index) {
  subject s = {.type = shape_schema_messages[index], .descriptor = shape_schema_descriptors[index]};
  for (size_t i = 0; i < sizeof static_shapes / sizeof *static_shapes; i++)
    if (static_shapes[i].type == s.type) {
      s.fields = static_shapes[i].fields;
      s.static_bytes = static_shapes[i].bytes;
    }
  return s;
}

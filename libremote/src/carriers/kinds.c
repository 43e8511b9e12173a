/* The kinds that were built. */
#include "remote/carrier_uv.h"

const lrm_uv_kind *const lrm_uv_kinds[] = {NULL};

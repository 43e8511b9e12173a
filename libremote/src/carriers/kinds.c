/* The kinds that were built. */
#include "remote/carrier_tls.h"

const lrm_uv_kind *const lrm_uv_kinds[] = {&lrm_uv_tls_kind, NULL};

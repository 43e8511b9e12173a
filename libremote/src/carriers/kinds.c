/* The kinds that were built. */
#include "remote/carrier_tls.h"
#include "remote/carrier_ws.h"

const lrm_uv_kind *const lrm_uv_kinds[] = {&lrm_uv_tls_kind, &lrm_ws_kind, NULL};

/* The kinds that were built. */
#include "remote/carrier_tls.h"
#include "remote/carrier_ws.h"

#ifdef REMOTE_WITH_GRPC
#include "remote/carrier_grpc.h"
#endif

const lrm_uv_kind *const lrm_uv_kinds[] = {
#ifdef REMOTE_WITH_GRPC
    &lrm_grpc_kind,
#endif
    &lrm_uv_tls_kind,
    &lrm_ws_kind,
    NULL,
};

/* The kinds that were built. */
#include "remote/carrier_tls.h"
#include "remote/carrier_ws.h"

#ifdef REMOTE_WITH_GRPC
#include "remote/carrier_grpc.h"
#endif

#ifdef REMOTE_WITH_POLL
#include "remote/carrier_poll.h"
#endif

const lrm_uv_kind *const lrm_uv_kinds[] = {
#ifdef REMOTE_WITH_GRPC
    &lrm_grpc_kind,
#endif
#ifdef REMOTE_WITH_POLL
    &lrm_uv_poll_kind,
#endif
    &lrm_uv_tls_kind,  &lrm_ws_kind, NULL,
};

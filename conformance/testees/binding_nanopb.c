/* Frames and messages with nanopb, static memory only: what a small client has. Frames of more
 * than 1 KiB of payload, and events, are not in its profile. */
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

#include "link_testee.h"
#include "remote/message.h"
#include "remote/v1/frame.pb.h"
#include "remote/v1/relay.pb.h"
#include "schema.h"

const char *const binding_name = "nanopb";
const bool binding_plain = false;
const bool binding_view = false;

static remote_v1_Batch batch_struct;

static bool in_profile(const lrm_frame *frame) {
  return frame->payload.bytes <= sizeof batch_struct.frame[0].payload.bytes;
}

bool binding_read(lrm_slice batch, lrm_frame *frame) {
  if (!in_profile(frame)) return true;
  pb_istream_t stream = pb_istream_from_buffer(batch.data, batch.bytes);
  memset(&batch_struct, 0, sizeof batch_struct);
  if (!pb_decode(&stream, remote_v1_Batch_fields, &batch_struct)) return false;
  const remote_v1_Frame *f = &batch_struct.frame[0];
  if (batch_struct.frame_count != 1 || f->payload.size != frame->payload.bytes ||
      (f->payload.size > 0 && memcmp(f->payload.bytes, frame->payload.data, f->payload.size) != 0))
    return false;
  *frame = (lrm_frame){.type = (uint32_t)f->type,
                       .channel = f->channel,
                       .offset = f->offset,
                       .count = f->count,
                       .flags = f->flags,
                       .inflated_bytes = f->inflated_bytes,
                       .dictionary = f->dictionary,
                       .credit = f->credit,
                       .part = f->part,
                       .parts = f->parts,
                       .payload = frame->payload};
  return true;
}

size_t binding_write(const lrm_frame *frame, uint8_t *out, size_t capacity) {
  if (!in_profile(frame)) return 0;
  memset(&batch_struct, 0, sizeof batch_struct);
  batch_struct.frame_count = 1;
  remote_v1_Frame *f = &batch_struct.frame[0];
  f->type = (remote_v1_FrameType)frame->type;
  f->channel = frame->channel;
  f->offset = frame->offset;
  f->count = frame->count;
  f->flags = frame->flags;
  f->inflated_bytes = frame->inflated_bytes;
  f->dictionary = frame->dictionary;
  f->credit = frame->credit;
  f->part = frame->part;
  f->parts = frame->parts;
  f->payload.size = (pb_size_t)frame->payload.bytes;
  if (frame->payload.bytes > 0) memcpy(f->payload.bytes, frame->payload.data, frame->payload.bytes);
  pb_ostream_t stream = pb_ostream_from_buffer(out, capacity);
  return pb_encode(&stream, remote_v1_Batch_fields, &batch_struct) ? stream.bytes_written : 0;
}

#define MESSAGE(name) \
  { "remote.v1." #name, &lrm_schema_##name, remote_v1_##name##_fields }

static const struct {
  const char *name;
  const lrm_schema_message *schema;
  const pb_msgdesc_t *fields;
} messages[] = {
    MESSAGE(Limits),
    MESSAGE(Hello),
    MESSAGE(Principal),
    MESSAGE(Welcome),
    MESSAGE(Problem),
    MESSAGE(SessionDescription),
    MESSAGE(Open),
    MESSAGE(Opened),
    MESSAGE(AttachedDevice),
    MESSAGE(LogStatus),
    MESSAGE(Stored),
    MESSAGE(Receipt),
    MESSAGE(Origin),
    MESSAGE(AskOptionInfo),
    MESSAGE(OpenAskInfo),
    MESSAGE(OutcomeInfo),
    MESSAGE(SessionInfo),
    MESSAGE(PolicyRule),
    MESSAGE(EffectivePolicy),
    MESSAGE(ListSessions),
    MESSAGE(WatchSessions),
    MESSAGE(CancelRequest),
    MESSAGE(DeleteSession),
    MESSAGE(PairDevice),
    MESSAGE(ConfirmPairing),
    MESSAGE(LoginOidc),
    MESSAGE(Logout),
    MESSAGE(ListDevices),
    MESSAGE(RevokeDevice),
    MESSAGE(GetPolicy),
    MESSAGE(SetPolicy),
    MESSAGE(ExportAudit),
    MESSAGE(Request),
    MESSAGE(SessionEntry),
    MESSAGE(DeviceEntry),
    MESSAGE(PairingCode),
    MESSAGE(SignedIn),
    MESSAGE(DescribePairing),
    MESSAGE(BeginOidc),
    MESSAGE(RenameDevice),
    MESSAGE(PushWishes),
    MESSAGE(GetPush),
    MESSAGE(PushSubscribe),
    MESSAGE(PushUnsubscribe),
    MESSAGE(TestPush),
    MESSAGE(UseSession),
    MESSAGE(PushFacts),
    MESSAGE(PairingEntry),
    MESSAGE(OidcChallenge),
    MESSAGE(AuditRecord),
    MESSAGE(PolicyReply),
    MESSAGE(Done),
    MESSAGE(Reply),
};

int binding_judge(const char *type, lrm_slice message, uint8_t **encoded, size_t *encoded_bytes) {
  static max_align_t decoded[64 * 1024 / sizeof(max_align_t)];
  for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
    if (strcmp(messages[i].name, type) != 0) continue;
    int error = lrm_message_decode_static(messages[i].schema, messages[i].fields, message.data,
                                          message.bytes, decoded);
    if (error != 0) {
      lrm_preflight_limits limits = lrm_preflight_defaults(message.bytes);
      bool passed =
          lrm_preflight(messages[i].schema, message.data, message.bytes, &limits, NULL) == 0;
      return passed ? -2 : 0;
    }
    pb_ostream_t size = PB_OSTREAM_SIZING;
    if (!pb_encode(&size, messages[i].fields, decoded)) return -2;
    *encoded = must_alloc(size.bytes_written);
    *encoded_bytes = size.bytes_written;
    pb_ostream_t stream = pb_ostream_from_buffer(*encoded, *encoded_bytes);
    return pb_encode(&stream, messages[i].fields, decoded) ? 1 : -2;
  }
  return -1;
}

bool binding_takes_plain(lrm_slice batch) {
  (void)batch;
  return false;
}

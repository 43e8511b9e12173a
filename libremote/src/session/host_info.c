/* SessionInfo, what lists and notifications need; and which devices are attached. */
#include <string.h>

#include <pb_encode.h>

#include "session/host_internal.h"

/* ---- SessionInfo ---- */

static const char *ask_text(const Remote__V1__Ask *ask) {
  const char *text = NULL;
  switch (ask->kind_case) {
    case REMOTE__V1__ASK__KIND_PERMISSION:
      text = !lrm__text_empty(ask->permission->title) ? ask->permission->title
                                                      : ask->permission->command;
      break;
    case REMOTE__V1__ASK__KIND_QUESTION:
      text = ask->question->text;
      break;
    case REMOTE__V1__ASK__KIND_PLAN:
      text = ask->plan->summary;
      break;
    case REMOTE__V1__ASK__KIND_FORM:
      text = ask->form->text;
      break;
    case REMOTE__V1__ASK__KIND_OPEN_URL:
      text = ask->open_url->text;
      break;
    case REMOTE__V1__ASK__KIND_LIMIT:
      text = ask->limit->text;
      break;
    default:
      break;
  }
  return lrm__text_empty(text) ? ask->why : text;
}

static void info_ask(const Remote__V1__Ask *ask, remote_v1_OpenAskInfo *out) {
  out->ask_id.size = (pb_size_t)(ask->ask_id.len == 16 ? 16 : 0);
  if (out->ask_id.size != 0) memcpy(out->ask_id.bytes, ask->ask_id.data, 16);
  out->kind = (uint32_t)ask->kind_case;
  lrm__text_cut(out->text, sizeof out->text, ask_text(ask));
  for (size_t i = 0; i < ask->n_options && out->options_count < 6; i++) {
    const Remote__V1__AskOption *option = ask->options[i];
    /* An id that is cut would answer something else. */
    if (strlen(option->option_id) >= sizeof out->options[0].option_id) continue;
    remote_v1_AskOptionInfo *info = &out->options[out->options_count++];
    lrm__text_cut(info->option_id, sizeof info->option_id, option->option_id);
    lrm__text_cut(info->label, sizeof info->label, option->label);
  }
}

static void fill_info(const lrm_host *host, remote_v1_SessionInfo *info) {
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  *info = (remote_v1_SessionInfo)remote_v1_SessionInfo_init_zero;
  lrm__text_cut(info->title, sizeof info->title, state->title);
  info->status = (remote_v1_Status)state->status;
  info->status_since_ms = state->status_since_ms;
  lrm__text_cut(info->activity, sizeof info->activity, state->activity);
  info->plan_total = (uint32_t)state->n_plan;
  for (size_t i = 0; i < state->n_plan; i++)
    info->plan_done += state->plan[i]->status == REMOTE__V1__PLAN_STATUS__PLAN_STATUS_COMPLETED;
  info->asks_total = (uint32_t)state->n_asks;
  for (size_t i = 0; i < state->n_asks && info->asks_count < 3; i++)
    info_ask(state->asks[i], &info->asks[info->asks_count++]);
  for (size_t i = state->n_outcomes; i > 0 && info->outcomes_count < 8; i--) {
    const Remote__V1__KnownOutcome *known = state->outcomes[i - 1];
    if (known->command_id.len != 16) continue;
    remote_v1_OutcomeInfo *outcome = &info->outcomes[info->outcomes_count++];
    outcome->command_id.size = 16;
    memcpy(outcome->command_id.bytes, known->command_id.data, 16);
    outcome->outcome = (uint32_t)known->outcome;
    outcome->code = known->code;
  }
  info->local_input_ms = host->local_input_ms;
  info->remote_mode = host->mode;
}

/* Lists are cut first: options, outcomes, asks. False: nothing is left to cut. */
static bool cut_info(remote_v1_SessionInfo *info) {
  for (pb_size_t i = info->asks_count; i > 0; i--) {
    if (info->asks[i - 1].options_count == 0) continue;
    info->asks[i - 1].options_count--;
    return true;
  }
  if (info->outcomes_count > 0) {
    info->outcomes_count--;
    return true;
  }
  if (info->asks_count == 0) return false;
  info->asks_count--;
  return true;
}

static bool encode_info(const lrm_host *host, uint8_t *out, size_t *bytes) {
  remote_v1_SessionInfo info;
  fill_info(host, &info);
  do {
    pb_ostream_t stream = pb_ostream_from_buffer(out, LRM_INFO_BYTES_MAX);
    if (pb_encode(&stream, remote_v1_SessionInfo_fields, &info)) {
      *bytes = stream.bytes_written;
      return true;
    }
  } while (cut_info(&info));
  return false;
}

static bool can_send(const lrm_host *host) {
  return host->link != NULL && host->publish.opened && host->store_error == 0 && !host->info_final;
}

uint64_t lrm__host_info_deadline(const lrm_host *host) {
  if (!can_send(host) || !host->info_changed) return UINT64_MAX;
  /* The last one does not wait its turn: the end of remote control waits for it. */
  bool last = host->mode == MODE(OFF) && !host->info_blocked;
  return host->info_sent_ns == 0 || last ? host->now_ns
                                         : host->info_sent_ns + LRM__INFO_INTERVAL_NS;
}

void lrm__host_send_info(lrm_host *host) {
  uint64_t due = lrm__host_info_deadline(host);
  if (due == UINT64_MAX || host->now_ns < due) return;
  uint8_t info[LRM_INFO_BYTES_MAX];
  size_t bytes;
  bool first = host->info_sent_ns == 0;
  if (!encode_info(host, info, &bytes)) return;
  bool same = !first && bytes == host->info_bytes && memcmp(info, host->info, bytes) == 0;
  /* A full control queue: tried again after the interval. */
  if (!same &&
      lrm_link_send_info(host->link, host->publish.number, info, bytes, host->now_ns) != 0) {
    host->info_sent_ns = host->now_ns;
    host->info_blocked = true;
    return;
  }
  host->info_blocked = false;
  memcpy(host->info, info, bytes);
  host->info_bytes = bytes;
  host->info_sent_ns = host->now_ns;
  host->info_changed = false;
  host->info_final = host->mode == MODE(OFF);
}

/* ---- devices ---- */

static int device_event(lrm_host *host, const lrm__device *device, bool attached) {
  Remote__V1__AttachedDevice said = REMOTE__V1__ATTACHED_DEVICE__INIT;
  said.device_id = lrm__id_data(&device->id);
  said.name = lrm__text(device->name);
  said.role = REMOTE__V1__ROLE__ROLE_CLIENT;
  said.since_ms = device->since_ms;
  Remote__V1__DeviceAttached came = REMOTE__V1__DEVICE_ATTACHED__INIT;
  Remote__V1__DeviceDetached went = REMOTE__V1__DEVICE_DETACHED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  if (attached) {
    came.device = &said;
    event.body_case = EVENT_BODY(DEVICE_ATTACHED);
    event.device_attached = &came;
  } else {
    went.device = &said;
    event.body_case = EVENT_BODY(DEVICE_DETACHED);
    event.device_detached = &went;
  }
  return lrm__host_emit(host, &event);
}

static lrm__device *find_device(lrm_host *host, const lrm_id *id) {
  for (size_t i = 0; i < LRM__DEVICES_MAX; i++)
    if (lrm_id_equal(&host->devices[i].id, id)) return &host->devices[i];
  return NULL;
}

static int see_device(lrm_host *host, const remote_v1_AttachedDevice *said) {
  lrm_id id;
  if (said->role == remote_v1_Role_ROLE_HOST || said->device_id.size != 16) return 0;
  memcpy(id.bytes, said->device_id.bytes, 16);
  if (lrm_id_none(&id)) return 0;
  lrm__device *device = find_device(host, &id);
  if (device != NULL) {
    device->seen = true;
    device->gone_ns = 0;
    return 0;
  }
  static const lrm_id none;
  device = find_device(host, &none);
  if (device == NULL) return 0;
  device->id = id;
  device->seen = true;
  device->since_ms = said->since_ms;
  lrm__text_cut(device->name, sizeof device->name, said->name);
  return device_event(host, device, true);
}

int lrm__host_devices(lrm_host *host, const remote_v1_LogStatus *status) {
  for (size_t i = 0; i < LRM__DEVICES_MAX; i++) host->devices[i].seen = false;
  for (pb_size_t i = 0; i < status->attached_count; i++) {
    int result = see_device(host, &status->attached[i]);
    if (result != 0) return result;
  }
  /* The list was cut: who is not in it may be there all the same. */
  if (status->attached_total > status->attached_count) return 0;
  for (size_t i = 0; i < LRM__DEVICES_MAX; i++) {
    lrm__device *device = &host->devices[i];
    if (!lrm_id_none(&device->id) && !device->seen && device->gone_ns == 0)
      device->gone_ns = host->now_ns + LRM__DEVICE_GONE_NS;
  }
  return 0;
}

uint64_t lrm__host_devices_deadline(const lrm_host *host) {
  uint64_t due = UINT64_MAX;
  for (size_t i = 0; i < LRM__DEVICES_MAX; i++)
    if (host->devices[i].gone_ns != 0 && host->devices[i].gone_ns < due)
      due = host->devices[i].gone_ns;
  return due;
}

int lrm__host_expire_devices(lrm_host *host) {
  for (size_t i = 0; i < LRM__DEVICES_MAX; i++) {
    lrm__device *device = &host->devices[i];
    if (device->gone_ns == 0 || device->gone_ns > host->now_ns) continue;
    int result = device_event(host, device, false);
    memset(device, 0, sizeof *device);
    if (result != 0) return result;
  }
  return 0;
}

/* One prompt at a time: the queue, the turn, steering. */
#include <string.h>

#include "base/assert.h"
#include "session/host_internal.h"

#define PROMPT_BYTES_MAX 131072u
#define MESSAGE_TEXT_BYTES_MAX 65536u

/* Bytes of the blank that `text` begins with, 0: none. Unicode's White_Space, and U+FEFF: an agent
 * may take any of them away before it looks for its marks. The text is valid UTF-8. */
static size_t blank_bytes(const char *text) {
  const uint8_t *c = (const uint8_t *)text;
  if (c[0] == ' ' || (c[0] >= '\t' && c[0] <= '\r')) return 1;
  if (c[0] == 0xc2) return c[1] == 0x85 || c[1] == 0xa0 ? 2 : 0;
  if (c[0] < 0xe1 || c[1] == 0) return 0;
  uint32_t three = (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];
  bool wide = (three >= 0xe28080 && three <= 0xe2808a) || three == 0xe19a80 || three == 0xe280a8 ||
              three == 0xe280a9 || three == 0xe280af || three == 0xe2819f || three == 0xe38080 ||
              three == 0xefbbbf;
  return wide ? 3 : 0;
}

static const char *skip_space(const char *text) {
  for (size_t bytes; (bytes = blank_bytes(text)) != 0;) text += bytes;
  return text;
}

/* ---- the queue ---- */

static lrm_inbox_item *queue_next(const lrm_host *host, lrm_inbox_item *after) {
  lrm_inbox_item *item = after == NULL ? lrm__inbox_from(host->inbox, 0) : after->next;
  while (item != NULL && !item->queued) item = item->next;
  return item;
}

static size_t queue_count(const lrm_host *host) {
  size_t count = 0;
  for (lrm_inbox_item *item = queue_next(host, NULL); item != NULL; item = queue_next(host, item))
    count++;
  return count;
}

/* What one entry of QueueChanged borrows from. */
typedef struct queued_text {
  char id[LRM_ID_HEX_BYTES];
  char text[1025];
  lrm__actor by;
  lrm_origin origin;
} queued_text;

static int describe(lrm_host *host, lrm_inbox_item *item, Remote__V1__QueuedPrompt *out,
                    queued_text *memory) {
  lrm__request request;
  int result = lrm__host_request(host, item, &request);
  if (result != 0) return result;
  remote__v1__queued_prompt__init(out);
  lrm_id_hex(&item->id, memory->id);
  out->prompt_id = memory->id;
  if (!item->local) out->command_id = lrm__id_data(&item->id);
  if (request.command != NULL &&
      request.command->body_case == REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT)
    lrm__text_cut(memory->text, sizeof memory->text, request.command->submit_prompt->text);
  out->text = memory->text;
  memory->origin = request.envelope.origin;
  out->by = &(item->local ? lrm__actor_local(&memory->by)
                          : lrm__actor_origin(&memory->by, &memory->origin))
                 ->actor;
  out->at_ms = item->at_ms;
  return 0;
}

/* The whole queue, once a call. */
int lrm__host_queue_event(lrm_host *host) {
  host->queue_changed = false;
  size_t count = queue_count(host);
  Remote__V1__QueuedPrompt *prompts = NULL;
  Remote__V1__QueuedPrompt **list = NULL;
  queued_text *texts = NULL;
  if (count != 0) {
    size_t bytes = count * (sizeof *prompts + sizeof *list + sizeof *texts);
    prompts = lrm__zalloc(&host->allocator, bytes);
    if (prompts == NULL) return LRM_ERR_NO_MEMORY;
    list = (Remote__V1__QueuedPrompt **)(void *)(prompts + count);
    texts = (queued_text *)(void *)(list + count);
  }
  int result = 0;
  size_t at = 0;
  for (lrm_inbox_item *item = queue_next(host, NULL); item != NULL && result == 0;
       item = queue_next(host, item)) {
    list[at] = &prompts[at];
    result = describe(host, item, &prompts[at], &texts[at]);
    at++;
  }
  Remote__V1__QueueChanged changed = REMOTE__V1__QUEUE_CHANGED__INIT;
  changed.prompts = list;
  changed.n_prompts = at;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(QUEUE_CHANGED);
  event.queue_changed = &changed;
  if (result == 0) result = lrm__host_emit(host, &event);
  lrm__release(&host->allocator, prompts);
  return result;
}

int lrm__host_refuse_queue(lrm_host *host, uint32_t code, const char *reason) {
  lrm_inbox_item *item;
  while ((item = queue_next(host, NULL)) != NULL) {
    int result = lrm__host_reject(host, item, code, reason);
    if (result != 0) return result;
  }
  return 0;
}

/* ---- the turn ---- */

void lrm__host_turn_clear(lrm_host *host) { memset(&host->turn, 0, sizeof host->turn); }

static int turn_new(lrm_host *host, const lrm_inbox_item *item,
                    Remote__V1__MessageDelivery delivery) {
  char hex[LRM_ID_HEX_BYTES];
  lrm_id id = lrm__random_id(&host->random);
  lrm_id_hex(&id, hex);
  lrm__host_turn_clear(host);
  memcpy(host->turn.id, hex, sizeof hex);
  host->turn.running = true;
  host->turn.delivery = delivery;
  if (!item->local) host->turn.command_id = item->id;
  return 0;
}

/* The whole text as an asset when a message cannot hold it, redacted before it is cut: a secret
 * must not be halved. `cut` gets what the message holds. A prompt is never longer than one chunk.
 */
static int text_asset(lrm_host *host, const char *asset_id, const char *text, size_t bytes,
                      char cut[MESSAGE_TEXT_BYTES_MAX + 1]) {
  uint8_t sha256[LRM_SHA256_BYTES];
  lrm_sha256 sum;
  Remote__V1__Asset asset = REMOTE__V1__ASSET__INIT;
  asset.asset_id = lrm__text(asset_id);
  asset.total = bytes;
  asset.media_type = lrm__text("text/plain");
  asset.data = (ProtobufCBinaryData){bytes, lrm__bytes((const uint8_t *)text)};
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT, *clean;
  event.body_case = EVENT_BODY(ASSET);
  event.asset = &asset;
  int result = lrm__host_redact(host, &event, &clean);
  if (result != 0) return result;
  Remote__V1__Asset *whole = clean->asset;
  whole->total = whole->data.len;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, whole->data.data, whole->data.len);
  lrm_sha256_end(&sum, sha256);
  whole->sha256 = (ProtobufCBinaryData){sizeof sha256, sha256};
  size_t fit =
      lrm__text_fit((const char *)whole->data.data, whole->data.len, MESSAGE_TEXT_BYTES_MAX);
  memcpy(cut, whole->data.data, fit);
  cut[fit] = '\0';
  return lrm__host_emit_clean(host, clean);
}

static size_t name_attachments(lrm_host *host, const Remote__V1__SubmitPrompt *prompt,
                               Remote__V1__Attachment *memory, Remote__V1__Attachment **list) {
  size_t count = 0;
  for (size_t i = 0; i < prompt->n_attachment_ids && count < 16; i++) {
    const lrm__attachment *attachment = lrm__host_attachment(host, &prompt->attachment_ids[i]);
    if (attachment == NULL) continue;
    remote__v1__attachment__init(&memory[count]);
    memory[count].name = lrm__text(attachment->name);
    memory[count].media_type = lrm__text(attachment->media_type);
    memory[count].size = attachment->total;
    list[count] = &memory[count];
    count++;
  }
  return count;
}

static int user_message(lrm_host *host, const lrm__request *request, const char *turn_id,
                        Remote__V1__MessageDelivery delivery) {
  const Remote__V1__SubmitPrompt *prompt = request->command->submit_prompt;
  char id[LRM_ID_HEX_BYTES], asset_id[LRM_ID_HEX_BYTES + 8] = "prompt-";
  char text[MESSAGE_TEXT_BYTES_MAX + 1];
  Remote__V1__Attachment attachments[16];
  Remote__V1__Attachment *list[16];
  lrm_id_hex(&request->item->id, id);
  size_t bytes = strlen(prompt->text);
  Remote__V1__UserMessage message = REMOTE__V1__USER_MESSAGE__INIT;
  message.message_id = id;
  lrm__text_cut(text, sizeof text, prompt->text);
  message.text = text;
  message.attachments = list;
  message.n_attachments = name_attachments(host, prompt, attachments, list);
  union {
    const Remote__V1__Actor *in;
    Remote__V1__Actor *out;
  } by = {.in = &request->by.actor};
  message.by = by.out;
  if (!request->item->local) message.command_id = lrm__id_data(&request->item->id);
  message.delivery = delivery;
  if (bytes > MESSAGE_TEXT_BYTES_MAX) {
    memcpy(asset_id + 7, id, sizeof id);
    message.asset_id = asset_id;
    int result = text_asset(host, asset_id, prompt->text, bytes, text);
    if (result != 0) return result;
  }
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.turn_id = lrm__text(turn_id);
  event.body_case = EVENT_BODY(USER_MESSAGE);
  event.user_message = &message;
  return lrm__host_emit(host, &event);
}

/* The agent has the prompt: message and turn are told. */
static int turn_begin(lrm_host *host, const lrm__request *request) {
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&request->item->id, id);
  int result = user_message(host, request, host->turn.id, host->turn.delivery);
  if (result != 0) return result;
  Remote__V1__TurnStarted started = REMOTE__V1__TURN_STARTED__INIT;
  started.turn_id = host->turn.id;
  started.message_id = id;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.turn_id = host->turn.id;
  event.body_case = EVENT_BODY(TURN_STARTED);
  event.turn_started = &started;
  result = lrm__host_emit(host, &event);
  host->turn.begun = true;
  return result != 0 ? result : lrm__host_update_status(host);
}

/* ---- handing over ---- */

static int prompt_action(lrm_host *host, const lrm__request *request, lrm_host_action_type type) {
  const Remote__V1__SubmitPrompt *prompt = request->command->submit_prompt;
  lrm__action_spec spec = {.type = type,
                           .command_id = request->item->local ? NULL : &request->item->id,
                           .text = prompt->text,
                           .turn_id = host->turn.id,
                           .attachments = prompt->attachment_ids,
                           .attachments_count = prompt->n_attachment_ids,
                           .by = &request->by};
  return lrm__host_act(host, &spec);
}

/* A local prompt is told at once: nobody waits for its outcome. */
static int local_done(lrm_host *host, const lrm__request *request) {
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED)};
  return lrm__host_give(host, request->item, &judgement);
}

static int start_prompt(lrm_host *host, lrm__request *request) {
  bool queued = request->item->queued;
  int result = turn_new(host, request->item, queued ? DELIVERED(QUEUED) : DELIVERED(STARTED));
  if (result == 0) result = prompt_action(host, request, LRM_ACTION_PROMPT);
  if (result != 0) {
    lrm__host_turn_clear(host);
    return result;
  }
  if (!request->item->local) return lrm__host_start(host, request->item);
  result = turn_begin(host, request);
  return result != 0 ? result : local_done(host, request);
}

static bool can_start(const lrm_host *host) {
  return host->agent_ready && !host->turn.running && !host->ended && lrm__host_actions_room(host);
}

static int start_queued(lrm_host *host, lrm_inbox_item *item) {
  lrm__request request;
  int result = lrm__host_request(host, item, &request);
  if (result != 0) return result;
  if (request.command == NULL)
    return lrm__host_reject(host, item, LRM_CODE_INVALID, "the command cannot be read");
  if (!item->local && lrm__host_expired(host, &request.envelope)) {
    lrm__judgement judgement = {.outcome = OUTCOME(EXPIRED), .reason = "its time was over"};
    return lrm__host_give(host, item, &judgement);
  }
  return start_prompt(host, &request);
}

int lrm__host_pump(lrm_host *host) {
  while (can_start(host)) {
    lrm_inbox_item *item = queue_next(host, NULL);
    /* Nothing from afar begins while the journal does not take it. */
    bool trouble = host->gap || host->store_error != 0;
    while (item != NULL && !item->local && (item->held || trouble)) item = queue_next(host, item);
    if (item == NULL) return 0;
    int result = start_queued(host, item);
    if (result != 0) return result;
  }
  return 0;
}

static int enqueue(lrm_host *host, lrm_inbox_item *item) {
  item->queued = true;
  host->queue_changed = true;
  return lrm__host_save(host, item);
}

static int steer(lrm_host *host, lrm__request *request) {
  int result = prompt_action(host, request, LRM_ACTION_STEER);
  if (result != 0) return result;
  if (!request->item->local) return lrm__host_start(host, request->item);
  result = user_message(host, request, host->turn.id, DELIVERED(STEERED));
  return result != 0 ? result : local_done(host, request);
}

/* Into the running turn, at once, or behind what waits. */
static int deliver(lrm_host *host, lrm__request *request) {
  bool wants_steer = request->command->submit_prompt->delivery == DELIVERY(STEER);
  if (wants_steer && host->turn.begun && !host->turn.cancelling && host->session->can_steer)
    return steer(host, request);
  if (can_start(host) && queue_next(host, NULL) == NULL) return start_prompt(host, request);
  return enqueue(host, request->item);
}

/* ---- from afar ---- */

static bool known_slash(const lrm_host *host, const char *name) {
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  for (size_t i = 0; i < state->n_slash_commands; i++)
    if (strcmp(state->slash_commands[i]->name, name) == 0) return true;
  return host->config.slash_known != NULL && host->config.slash_known(host->config.user, name);
}

/* Up to the first blank. */
static size_t word_bytes(const char *text) {
  size_t bytes = 0;
  while (text[bytes] != '\0' && blank_bytes(text + bytes) == 0) bytes++;
  return bytes;
}

/* The text would run a slash command that only the local person may run. */
static bool forbidden_slash(const lrm_host *host, const char *text) {
  char name[128];
  if (*text != '/') return false;
  size_t bytes = word_bytes(text + 1);
  if (bytes == 0 || bytes >= sizeof name) return false;
  memcpy(name, text + 1, bytes);
  name[bytes] = '\0';
  if (!known_slash(host, name)) return false;
  return host->config.slash_allowed == NULL || !host->config.slash_allowed(host->config.user, name);
}

int lrm__host_submit(lrm_host *host, lrm__request *request) {
  const Remote__V1__SubmitPrompt *prompt = request->command->submit_prompt;
  const char *text = skip_space(prompt->text);
  lrm_inbox_item *item = request->item;
  if (*text == '\0') return lrm__host_reject(host, item, LRM_CODE_INVALID, "the prompt is empty");
  if (*text == '!')
    return lrm__host_reject(host, item, LRM_CODE_INVALID,
                            "shell text can only be entered at the host");
  if (forbidden_slash(host, text))
    return lrm__host_reject(host, item, LRM_CODE_SLASH_NOT_ALLOWED,
                            "that command can only be run at the host");
  for (size_t i = 0; i < prompt->n_attachment_ids; i++) {
    if (lrm__host_attachment(host, &prompt->attachment_ids[i]) == NULL)
      return lrm__host_reject(host, item, LRM_CODE_INVALID,
                              "an attachment is unknown or incomplete");
  }
  if (queue_count(host) >= LRM__QUEUE_MAX)
    return lrm__host_reject(host, item, LRM_CODE_TOO_MANY, "too many prompts wait");
  item->attachments = lrm__host_attachments_of(host, prompt);
  return deliver(host, request);
}

int lrm__host_prompt_given(lrm_host *host, lrm__request *request) {
  bool begins = host->turn.running && !host->turn.begun &&
                lrm_id_equal(&host->turn.command_id, &request->item->id);
  int result = begins ? turn_begin(host, request)
                      : user_message(host, request, host->turn.id, DELIVERED(STEERED));
  if (result != 0) return result;
  uint32_t given = request->item->attachments;
  request->item->attachments = 0;
  return lrm__host_drop_attachments(host, given);
}

int lrm__host_prompt_refused(lrm_host *host, const lrm_id *command_id) {
  bool was_turn =
      host->turn.running && !host->turn.begun && lrm_id_equal(&host->turn.command_id, command_id);
  if (was_turn) lrm__host_turn_clear(host);
  return 0;
}

int lrm__host_turn_unclaimed(lrm_host *host) {
  if (!host->turn.running || host->turn.begun || lrm_id_none(&host->turn.command_id)) return 0;
  lrm_inbox_item *item = lrm__inbox_find(host->inbox, &host->turn.command_id);
  if (item == NULL || lrm__host_action_waits(host, &host->turn.command_id)) {
    lrm__host_turn_clear(host);
    return 0;
  }
  lrm__request request;
  int result = lrm__host_request(host, item, &request);
  if (result != 0 || request.command == NULL) return result;
  return turn_begin(host, &request);
}

/* ---- the local person ---- */

#define PROMPT_ATTACHMENTS_MAX 16u

static int local_item(lrm_host *host, const lrm_host_local_prompt *local, lrm_inbox_item **out) {
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  ProtobufCBinaryData ids[PROMPT_ATTACHMENTS_MAX];
  prompt.text = lrm__text(local->text);
  prompt.attachment_ids = ids;
  for (size_t i = 0; i < local->attachments_count; i++)
    ids[prompt.n_attachment_ids++] = lrm__id_data(&local->attachment_ids[i]);
  uint32_t names = lrm__host_attachments_of(host, &prompt);
  if (local->steer) prompt.delivery = DELIVERY(STEER);
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  lrm_slice packed;
  int result = lrm__buffer_pack(&host->packed, &host->allocator, &command.base, &packed);
  if (result != 0) return result;
  lrm_preflight_limits limits = lrm_preflight_defaults(packed.bytes);
  result = lrm_preflight(&lrm_schema_Command, packed.data, packed.bytes, &limits, NULL);
  if (result != 0) return result == LRM_ERR_LIMIT ? LRM_ERR_TOO_LARGE : LRM_ERR_USAGE;
  lrm_envelope envelope = {.command_id = lrm__random_id(&host->random),
                           .command_class = REMOTE__V1__COMMAND_CLASS__COMMAND_CLASS_CONTROL,
                           .event_epoch = host->epoch,
                           .command = packed,
                           .received_ms = host->wall_ms};
  size_t bytes = lrm_envelope_bytes(&envelope);
  result = lrm__buffer_reserve(&host->packed_more, &host->allocator, bytes);
  if (result != 0) return result;
  result =
      lrm_envelope_encode(&envelope, host->packed_more.data, host->packed_more.capacity, &bytes);
  if (result != 0) return result;
  result = lrm__inbox_receive(host->inbox, &envelope.command_id,
                              (lrm_slice){host->packed_more.data, bytes}, host->wall_ms, out);
  if (result != 0) return result;
  (*out)->local = (*out)->judged = true;
  (*out)->attachments = names;
  return 0;
}

static int check_local(const lrm_host *host, const lrm_host_local_prompt *local) {
  if (host->ended) return LRM_ERR_STATE;
  if (local->text == NULL || *skip_space(local->text) == '\0') return LRM_ERR_USAGE;
  if (strlen(local->text) > PROMPT_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  if (local->attachments_count > PROMPT_ATTACHMENTS_MAX) return LRM_ERR_TOO_LARGE;
  for (size_t i = 0; i < local->attachments_count; i++) {
    lrm_host_attachment_info info;
    int result = lrm_host_attachment(host, &local->attachment_ids[i], &info);
    if (result != 0) return result;
  }
  return 0;
}

static int submit_local(lrm_host *host, const lrm_host_local_prompt *local) {
  int checked = check_local(host, local);
  if (checked != 0) return checked;
  if (queue_count(host) >= LRM__QUEUE_MAX || host->actions_count >= LRM__ACTIONS_MAX)
    return LRM_ERR_BUSY;
  lrm_inbox_item *item;
  int result = local_item(host, local, &item);
  if (result != 0) return result;
  lrm__request request;
  result = lrm__host_request(host, item, &request);
  if (result == 0) result = deliver(host, &request);
  return result != 0 ? result : lrm__host_pump(host);
}

int lrm_host_submit_local(lrm_host *host, const char *text, bool steer_now, uint64_t wall_ms,
                          uint64_t now_ns) {
  lrm_host_local_prompt local = {.text = text, .steer = steer_now};
  return lrm_host_prompt_local(host, &local, wall_ms, now_ns);
}

int lrm_host_prompt_local(lrm_host *host, const lrm_host_local_prompt *local, uint64_t wall_ms,
                          uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, submit_local(host, local));
}

static int withdraw_local(lrm_host *host, const char *prompt_id) {
  lrm_id id;
  if (prompt_id == NULL || lrm_id_parse(prompt_id, strlen(prompt_id), &id) != 0)
    return LRM_ERR_NOT_FOUND;
  lrm_inbox_item *item = lrm__inbox_find(host->inbox, &id);
  if (item == NULL || !item->queued) return LRM_ERR_NOT_FOUND;
  lrm__judgement judgement = {.outcome = OUTCOME(WITHDRAWN), .reason = "taken back at the host"};
  return lrm__host_give(host, item, &judgement);
}

int lrm_host_withdraw_local(lrm_host *host, const char *prompt_id, uint64_t wall_ms,
                            uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, withdraw_local(host, prompt_id));
}

/* The nth allocation fails: a host, a client, a view and blocks, on an allocator that fails when
 * the script says so. First byte: which of them. Then a script (script.h): its pieces are Event
 * messages; the first action plans the failures; the others are in the act functions.
 *
 * Holds: no crash, no leak; a call that failed says NO_MEMORY, and the next one works; a host that
 * is begun again on the journal it left behind finds it whole. */
#include <string.h>

#include "failing.h"
#include "layout.h"
#include "mock_relay.h"
#include "remote/block.h"
#include "remote/client.h"
#include "remote/envelope.h"
#include "remote/host.h"
#include "remote/log_memory.h"
#include "remote/message.h"
#include "remote/view.h"
#include "schema.h"
#include "script.h"

static const lrm_schema_message *message(const uint8_t *data, size_t size) {
  (void)data;
  (void)size;
  return &lrm_schema_Event;
}

const fuzz_layout fuzz_layout_here = {
    .head = 1, .is_script = true, .actions = 16, .message = message};

static const lrm_id session_id = {"session of fuzz"}, link_id = {"link of fuzzing"};

static Remote__V1__Event *decode(const uint8_t *data, size_t size) {
  lrm_preflight_limits limits = lrm_preflight_defaults(size);
  if (lrm_preflight(&lrm_schema_Event, data, size, &limits, NULL) != 0) return NULL;
  return remote__v1__event__unpack(NULL, size, data);
}

static lrm_link *make_link(void) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .channels_max = 8,
                            .control_bytes = 4096,
                            .link_id = link_id,
                            .role = remote_v1_Role_ROLE_HOST,
                            .token = "token",
                            .agent = "memory"};
  lrm_link *link;
  FUZZ_CHECK(lrm_link_create(&config, &link) == 0);
  return link;
}

/* ---- host ---- */

typedef struct host_run {
  failing memory;
  lrm_store *store;
  lrm_host *host; /* NULL: memory did not last for it */
  lrm_link *link;
  mock_relay relay;
  uint64_t now_ns, wall_ms;
  uint64_t processes;
  lrm_id ask, command, started;
  uint8_t commands;
} host_run;

static void host_event(void *user, const lrm_link_event *event) {
  host_run *r = user;
  if (r->host != NULL) (void)!lrm_host_link_event(r->host, event, r->wall_ms, r->now_ns);
}

static int host_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  host_run *r = user;
  return r->host == NULL ? LRM_ERR_NOT_FOUND : lrm_host_fetch(r->host, want, frame);
}

static void host_commit(host_run *r) {
  if (!lrm_store_dirty(r->store)) return;
  int result = lrm_store_commit(r->store);
  if (r->host == NULL) return;
  if (result == 0)
    (void)!lrm_host_settled(r->host, r->wall_ms, r->now_ns);
  else
    lrm_host_store_failed(r->host, result);
}

/* A process begins. On healthy memory it must succeed. */
static void host_create(host_run *r) {
  Remote__V1__SessionStarted session = REMOTE__V1__SESSION_STARTED__INIT;
  char title[] = "a session";
  session.title = title;
  session.interactive = session.can_steer = true;
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = failing_allocator(&r->memory),
                            .store = r->store,
                            .session_id = session_id,
                            .seed = {++r->processes, 7},
                            .session = &session,
                            .created_ms = 1,
                            .remote_mode = 3};
  unsigned failed = r->memory.failed;
  int result = lrm_store_claim(r->store, r->wall_ms, &config.writer_generation);
  if (result == 0) result = lrm_host_create(&config, r->wall_ms, r->now_ns, &r->host);
  if (result != 0) {
    FUZZ_CHECK(r->memory.failed > failed);
    r->host = NULL;
    return;
  }
  host_commit(r);
  lrm_host_attach_link(r->host, r->link);
  (void)!lrm_host_set_agent_ready(r->host, true, r->wall_ms, r->now_ns);
}

static void host_gone(host_run *r, bool crash) {
  failing_plan(&r->memory, 0, 0); /* a process that dies asks for nothing more */
  mock_detach(&r->relay);
  if (r->host != NULL) {
    lrm_host_link_down(r->host);
    lrm_host_attach_link(r->host, NULL);
    if (!crash) host_commit(r);
    lrm_host_destroy(r->host);
    r->host = NULL;
  }
  lrm_store_memory_crash(r->store);
  r->wall_ms += 1000;
}

static void host_command(host_run *r, Remote__V1__Command *command, uint32_t class) {
  uint8_t body[512], data[1024];
  size_t written = 0;
  lrm_envelope envelope = {
      .command_id = {{'c', ++r->commands}},
      .command_class = class,
      .event_epoch = r->host != NULL ? lrm_host_position(r->host).epoch : session_id,
      .has_origin = true,
      .received_ms = r->wall_ms};
  envelope.command = (lrm_slice){body, remote__v1__command__pack(command, body)};
  FUZZ_CHECK(lrm_envelope_encode(&envelope, data, sizeof data, &written) == 0);
  r->command = envelope.command_id;
  mock_serve(&r->relay, data, written);
}

static void host_prompt(host_run *r, uint8_t argument) {
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char text[] = "do it";
  prompt.text = text;
  if (argument & 1) {
    (void)!lrm_host_submit_local(r->host, text, argument & 2, r->wall_ms, r->now_ns);
    return;
  }
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  host_command(r, &command, 2);
}

static void host_ask(host_run *r) {
  Remote__V1__AskOption a = REMOTE__V1__ASK_OPTION__INIT, b = REMOTE__V1__ASK_OPTION__INIT;
  Remote__V1__AskOption *options[] = {&a, &b};
  Remote__V1__PermissionAsk permission = REMOTE__V1__PERMISSION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  char yes[] = "yes", no[] = "no", title[] = "may I?";
  a.option_id = yes;
  b.option_id = no;
  permission.title = title;
  ask.options = options;
  ask.n_options = 2;
  ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
  ask.permission = &permission;
  lrm_id id;
  if (lrm_host_ask(r->host, &ask, &id, r->wall_ms, r->now_ns) == 0) r->ask = id;
}

static void host_answer(host_run *r, uint8_t argument) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char yes[] = "yes";
  content.option_id = yes;
  if (argument & 1) {
    (void)!lrm_host_answer_local(r->host, &r->ask, &content, r->wall_ms, r->now_ns);
    return;
  }
  answer.ask_id = (ProtobufCBinaryData){16, r->ask.bytes};
  answer.answer = &content;
  command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
  command.answer_ask = &answer;
  host_command(r, &command, 2);
}

static void host_actions(host_run *r) {
  lrm_host_action action;
  for (int i = 0; i < 100 && lrm_host_next_action(r->host, &action); i++) {
    r->started = action.command_id;
    if (lrm_id_none(&r->started)) continue;
    (void)!lrm_host_finish(r->host, &r->started, 0, "", r->wall_ms, r->now_ns);
    host_commit(r);
  }
}

static void host_say(host_run *r, const uint8_t *data, size_t size, uint8_t how) {
  Remote__V1__Event *event = decode(data, size);
  if (event == NULL) return;
  int result = how % 3 == 0   ? lrm_host_emit(r->host, event, r->wall_ms, r->now_ns)
               : how % 3 == 1 ? lrm_host_delta(r->host, event, r->wall_ms, r->now_ns)
                              : lrm_host_tail(r->host, event, r->wall_ms, r->now_ns);
  FUZZ_CHECK(result <= 0);
  remote__v1__event__free_unpacked(event, NULL);
}

static void host_delta(host_run *r, uint8_t argument) {
  Remote__V1__AssistantDelta delta = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  char id[] = "m0", text[] = "words and words and words";
  id[1] = (char)('0' + argument % 3);
  delta.message_id = id;
  delta.text = text;
  event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA;
  event.assistant_delta = &delta;
  (void)!lrm_host_delta(r->host, &event, r->wall_ms, r->now_ns);
  if (argument & 128) (void)!lrm_host_complete_stream(r->host, id, r->wall_ms, r->now_ns);
}

static void host_act(host_run *r, uint8_t action, uint8_t argument) {
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  switch (action % 16) {
    case 1:
      host_commit(r);
      break;
    case 2:
      host_prompt(r, argument);
      break;
    case 3:
      host_ask(r);
      break;
    case 4:
      host_answer(r, argument);
      break;
    case 5:
      host_actions(r);
      break;
    case 6:
      (void)!lrm_host_turn_ended(r->host, &ended, r->wall_ms, r->now_ns);
      break;
    case 7:
      r->now_ns = r->relay.now_ns += (uint64_t)argument * 50000000;
      r->wall_ms += argument * 50u;
      (void)!lrm_host_expire(r->host, r->wall_ms, r->now_ns);
      break;
    case 8:
      lrm_host_link_down(r->host);
      mock_attach(&r->relay);
      break;
    case 9:
      host_gone(r, argument & 1);
      host_create(r);
      mock_attach(&r->relay);
      break;
    case 10:
      host_delta(r, argument);
      break;
    case 11:
      (void)!lrm_host_cancel_local(r->host, r->wall_ms, r->now_ns);
      break;
    case 12:
      (void)!lrm_host_restart_history(r->host, "why", r->wall_ms, r->now_ns);
      break;
    case 13:
      (void)!lrm_host_set_agent_ready(r->host, argument & 1, r->wall_ms, r->now_ns);
      break;
    case 14:
      lrm_store_memory_fail(r->store, LRM_ERR_DISK_FULL, argument & 1);
      break;
    case 15:
      (void)!lrm_host_end_ask(r->host, &r->ask, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN, "",
                              r->wall_ms, r->now_ns);
      break;
    default:
      break;
  }
}

static void run_host(fuzz_script *script) {
  host_run r;
  memset(&r, 0, sizeof r);
  r.now_ns = 1000000000;
  r.wall_ms = UINT64_C(1700000000000);
  lrm_store_memory_config store = {.struct_bytes = sizeof store,
                                   .allocator = failing_allocator(&r.memory)};
  FUZZ_CHECK(lrm_store_memory_open(&store, &r.store) == 0);
  r.link = make_link();
  mock_begin(&r.relay, r.link, r.now_ns);
  mock_user user = {host_event, host_fetch, &r};
  uint8_t how = 0;
  for (fuzz_step step; fuzz_script_next(script, &step);) {
    if (r.host == NULL) {
      host_create(&r);
      mock_attach(&r.relay);
    }
    if (!step.is_piece && step.action % 16 == 0) {
      failing_plan(&r.memory, step.argument & 63, 1 + (step.argument >> 6));
      how = step.argument;
      continue;
    }
    if (r.host == NULL) continue;
    if (step.is_piece)
      host_say(&r, step.piece, step.piece_bytes, how);
    else
      host_act(&r, step.action, step.argument);
    mock_run(&r.relay, &user);
  }
  failing_plan(&r.memory, 0, 0);
  lrm_store_memory_fail(r.store, 0, 0);
  host_gone(&r, false);
  host_create(&r); /* the journal is whole */
  FUZZ_CHECK(r.host != NULL);
  host_gone(&r, true);
  mock_end(&r.relay);
  lrm_link_destroy(r.link);
  lrm_store_close(r.store);
  FUZZ_CHECK(r.memory.blocks == 0);
}

/* ---- client ---- */

typedef struct client_run {
  failing memory;
  lrm_client *client;
  lrm_link *link;
  mock_relay relay;
} client_run;

static void client_event(void *user, const lrm_link_event *event) {
  client_run *r = user;
  lrm_client_event told;
  if (r->client == NULL) return;
  (void)lrm_client_link_event(r->client, event, r->relay.now_ns);
  while (lrm_client_next_event(r->client, &told)) FUZZ_CHECK(told.type != 0);
}

static int client_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  client_run *r = user;
  return r->client == NULL ? LRM_ERR_NOT_FOUND : lrm_client_fetch(r->client, want, frame);
}

static void client_create(client_run *r) {
  lrm_client_config config = {.struct_bytes = sizeof config,
                              .allocator = failing_allocator(&r->memory),
                              .link = r->link,
                              .link_id = link_id,
                              .session_id = session_id,
                              .seed = {1, 2},
                              .publish = true};
  unsigned failed = r->memory.failed;
  if (lrm_client_create(&config, &r->client) == 0) return;
  FUZZ_CHECK(r->memory.failed > failed);
  r->client = NULL;
}

static void client_act(client_run *r, uint8_t action, uint8_t argument) {
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  lrm_id id;
  switch (action % 16) {
    case 1:
      command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
      command.probe = &probe;
      (void)!lrm_client_submit(r->client, &command, argument & 1 ? 1000 : 0, &id, r->relay.now_ns);
      break;
    case 2:
      lrm_client_link_down(r->client);
      mock_attach(&r->relay);
      break;
    case 3:
      r->relay.now_ns += (uint64_t)argument * 50000000;
      lrm_client_expire(r->client, r->relay.now_ns);
      break;
    default:
      lrm_client_detach(r->client);
      lrm_client_destroy(r->client);
      r->client = NULL;
  }
}

static void run_client(fuzz_script *script) {
  client_run r;
  memset(&r, 0, sizeof r);
  r.link = make_link();
  mock_begin(&r.relay, r.link, 1000000000);
  mock_attach(&r.relay);
  mock_user user = {client_event, client_fetch, &r};
  for (fuzz_step step; fuzz_script_next(script, &step);) {
    if (!step.is_piece && step.action % 16 == 0) {
      failing_plan(&r.memory, step.argument & 63, 1 + (step.argument >> 6));
      continue;
    }
    if (r.client == NULL) client_create(&r);
    if (r.client == NULL) continue;
    if (step.is_piece)
      mock_serve(&r.relay, step.piece, step.piece_bytes);
    else
      client_act(&r, step.action, step.argument);
    mock_run(&r.relay, &user);
  }
  lrm_client_destroy(r.client);
  mock_end(&r.relay);
  lrm_link_destroy(r.link);
  FUZZ_CHECK(r.memory.blocks == 0);
}

/* ---- view ---- */

static int emit_nothing(void *user, const uint8_t *event, size_t size) {
  (void)user;
  return event != NULL && size > 0 ? 0 : LRM_ERR_USAGE;
}

static int view_act(lrm_view *view, uint8_t action) {
  switch (action % 16) {
    case 1:
      lrm_view_clear_tail(view);
      return 0;
    case 2:
      return lrm_view_snapshot(view, 1, emit_nothing, NULL);
    default:
      lrm_view_reset(view);
      return 0;
  }
}

static void run_view(fuzz_script *script) {
  failing memory = {.blocks = 0};
  lrm_allocator allocator = failing_allocator(&memory);
  lrm_view *view = NULL;
  uint8_t how = 0;
  for (fuzz_step step; fuzz_script_next(script, &step);) {
    unsigned failed = memory.failed;
    int result = 0;
    if (view == NULL) result = lrm_view_create(&allocator, &view);
    if (result != 0) {
      view = NULL;
    } else if (step.is_piece) {
      Remote__V1__Event *event = decode(step.piece, step.piece_bytes);
      if (event == NULL) continue;
      result = how & 1 ? lrm_view_apply_tail(view, event) : lrm_view_apply(view, event, how & 2);
      remote__v1__event__free_unpacked(event, NULL);
      if (result != 0) lrm_view_reset(view); /* only that, or destroy it */
    } else if (step.action % 16 == 0) {
      failing_plan(&memory, step.argument & 63, 1);
      how = step.argument >> 6;
    } else {
      result = view_act(view, step.action);
    }
    FUZZ_CHECK(result == 0 || (result == LRM_ERR_NO_MEMORY && memory.failed > failed));
  }
  lrm_view_destroy(view);
  FUZZ_CHECK(memory.blocks == 0);
}

/* ---- blocks ---- */

static int make_block(const lrm_allocator *allocator, lrm_block_builder **builder,
                      const fuzz_step *step, lrm_block *block) {
  int result = *builder == NULL ? lrm_block_builder_create(allocator, builder) : 0;
  if (result != 0) return result;
  for (int i = 0; i < 8; i++) {
    result = lrm_block_builder_add(*builder, step->piece, step->piece_bytes);
    if (result != 0) return result == LRM_ERR_BUSY ? 0 : result;
  }
  return lrm_block_builder_finish(*builder, true, block);
}

static void run_blocks(fuzz_script *script) {
  failing memory = {.blocks = 0};
  lrm_allocator allocator = failing_allocator(&memory);
  lrm_block_builder *builder = NULL;
  lrm_block_reader *reader = NULL;
  for (fuzz_step step; fuzz_script_next(script, &step);) {
    unsigned failed = memory.failed;
    lrm_block block = {.count = 0};
    int result = 0;
    if (!step.is_piece) {
      failing_plan(&memory, step.argument & 63, 1);
      if (builder != NULL) lrm_block_builder_reset(builder);
      continue;
    }
    result = make_block(&allocator, &builder, &step, &block);
    if (result == 0 && reader == NULL)
      result = lrm_block_reader_create(&allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &reader);
    if (result == 0 && block.count > 0)
      result = lrm_block_reader_begin(reader, block.flags, block.count, block.inflated_bytes,
                                      block.payload);
    FUZZ_CHECK(result == 0 || (result == LRM_ERR_NO_MEMORY && memory.failed > failed));
  }
  lrm_block_builder_destroy(builder);
  lrm_block_reader_destroy(reader);
  FUZZ_CHECK(memory.blocks == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static void (*const runs[])(fuzz_script *) = {run_host, run_client, run_view, run_blocks};
  if (size < 1) return 0;
  fuzz_script script = {data, size, 1};
  runs[data[0] % 4](&script);
  return 0;
}

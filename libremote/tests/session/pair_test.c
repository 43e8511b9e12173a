/* A host and two clients against a minimal relay on a virtual clock: cuts, crashes and restarts of
 * host and relay, a relay or a host that loses its store, a journal that fails.
 *   pair_test [--seed N] [--count N] [--verbose]
 * Oracles: every command has exactly one outcome that its sender knows; a prompt reaches the agent
 * at most once, and exactly once when it is APPLIED; the first answer wins and the agent hears it
 * once; what clients read is what the host has journalled, in order, or a stated jump; in the end
 * all views are the same. */
#include <string.h>

#include "pair_relay.h"
#include "remote/client.h"
#include "remote/host.h"
#include "session/host_tools.h"

static const uint32_t APPLIED = 1, UNKNOWN = 6; /* CommandOutcomeKind */
enum { CLIENTS = 2, COMMANDS_MAX = 600, ASKS_MAX = 600, READ_MAX = 40000, CONTENTS = 65536 };

uint64_t pair_seed;
static bool verbose;

void pair_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "pair_test: seed %llu: ", (unsigned long long)pair_seed);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  abort();
}

/* ---- what is known from outside ---- */

typedef struct told_command {
  lrm_id id;
  size_t client;
  uint32_t kind;
  unsigned acted;    /* handed to the agent */
  unsigned finished; /* the host took our word for it */
  uint32_t outcome;  /* first seen in any event */
} told_command;

typedef struct told_ask {
  lrm_id id;
  unsigned resolved, told;
  char option[32];
  bool orphaned;
} told_ask;

/* One event that somebody has read: the same place must always say the same. */
typedef struct read_event {
  lrm_id epoch;
  uint64_t offset;
  uint64_t hash;
} read_event;

typedef struct pair_client {
  lrm_client *client;
  lrm_link *link;
  lrm_position next; /* the event expected next; offset LRM_OFFSET_NONE: any */
  bool snapshot;     /* a jump was stated */
  unsigned events, snapshots, tails;
} pair_client;

typedef struct world {
  pair_random random;
  uint64_t now_ns, wall_ms;
  bool calm; /* no more faults */
  bool journal_may_be_lost, journal_lost;
  pair_relay relay;
  pair_wire wires[PAIR_CONNECTIONS];
  bool up[PAIR_CONNECTIONS];

  lrm_store *journal;
  lrm_batch *batch;
  uint64_t batch_due_ns;
  lrm_host *host;
  lrm_link *host_link;
  Remote__V1__SessionStarted session;
  uint64_t processes;

  /* the agent */
  bool turn, cancelling;
  unsigned steps_left, message;
  lrm_id asked;
  bool waits;

  pair_client clients[CLIENTS];
  told_command commands[COMMANDS_MAX];
  size_t commands_count;
  told_ask asks[ASKS_MAX];
  size_t asks_count;
  read_event *reads; /* hash table */
  size_t reads_count;
  unsigned crashes, losses, cuts, failures, epochs;
} world;

static uint64_t hash_bytes(const uint8_t *data, size_t bytes) {
  uint64_t hash = UINT64_C(1469598103934665603);
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ data[i]) * UINT64_C(1099511628211);
  return hash;
}

static void note_read(world *w, const lrm_id *epoch, uint64_t offset, uint64_t hash) {
  uint64_t at = hash_bytes(epoch->bytes, 16) * 31 + offset * UINT64_C(0x9e3779b97f4a7c15);
  for (;; at++) {
    read_event *slot = &w->reads[at % CONTENTS];
    if (slot->hash == 0) {
      CHECK(++w->reads_count < READ_MAX, "too many events");
      *slot = (read_event){*epoch, offset, hash};
      return;
    }
    if (slot->offset == offset && lrm_id_equal(&slot->epoch, epoch)) {
      CHECK(slot->hash == hash, "two events with the number %llu", (unsigned long long)offset);
      return;
    }
  }
}

static told_command *command_of(world *w, const lrm_id *id) {
  for (size_t i = 0; i < w->commands_count; i++)
    if (lrm_id_equal(&w->commands[i].id, id)) return &w->commands[i];
  return NULL;
}

static told_ask *ask_of(world *w, const lrm_id *id) {
  for (size_t i = 0; i < w->asks_count; i++)
    if (lrm_id_equal(&w->asks[i].id, id)) return &w->asks[i];
  return NULL;
}

/* ---- the host's process ---- */

static void open_link(world *w, lrm_link **link, uint32_t role, uint8_t tag) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = pair_next(&w->random),
                            .role = role,
                            .token = "t",
                            .agent = "pair"};
  for (size_t i = 0; i < 16; i++) config.link_id.bytes[i] = (uint8_t)pair_next(&w->random);
  config.link_id.bytes[0] = tag;
  MUST(lrm_link_create(&config, link));
}

static void start_host(world *w) {
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = lrm_allocator_default(),
                            .store = w->journal,
                            .session_id = w->relay.session_id,
                            .seed = {pair_next(&w->random), ++w->processes},
                            .session = &w->session,
                            .remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL,
                            .resume = w->processes > 1};
  if (pair_once_in(&w->random, 3)) config.journal_bytes_max = 60000;
  MUST(lrm_store_claim(w->journal, w->wall_ms, &config.writer_generation));
  MUST(lrm_host_create(&config, w->wall_ms, w->now_ns, &w->host));
  open_link(w, &w->host_link, 1, 1);
  lrm_host_attach_link(w->host, w->host_link);
  MUST(lrm_host_set_agent_ready(w->host, true, w->wall_ms, w->now_ns));
}

static void cut(world *w, size_t index);

static void open_journal(world *w) {
  lrm_store_memory_config store = {.struct_bytes = sizeof store,
                                   .allocator = lrm_allocator_default()};
  MUST(lrm_store_memory_open(&store, &w->journal));
}

static void crash_host(world *w, bool lose) {
  cut(w, 0);
  lrm_host_destroy(w->host);
  lrm_link_destroy(w->host_link);
  lrm_store_memory_crash(w->journal);
  w->batch = NULL;
  if (lose) {
    lrm_store_close(w->journal);
    open_journal(w);
    w->journal_lost = true;
  }
  w->turn = w->waits = w->cancelling = false;
  start_host(w);
}

/* ---- the agent ---- */

static void emit_delta(world *w, const char *id, const char *text) {
  Remote__V1__AssistantDelta delta = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  delta.message_id = lrm__text(id);
  delta.text = lrm__text(text);
  event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA;
  event.assistant_delta = &delta;
  MUST(lrm_host_delta(w->host, &event, w->wall_ms, w->now_ns));
}

static void emit_tool(world *w, const char *id, bool ends) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__ToolState tool = REMOTE__V1__TOOL_STATE__INIT;
  Remote__V1__ToolStarted started = REMOTE__V1__TOOL_STARTED__INIT;
  Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
  if (ends) {
    ended.tool_call_id = lrm__text(id);
    ended.status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_COMPLETED;
    event.body_case = REMOTE__V1__EVENT__BODY_TOOL_ENDED;
    event.tool_ended = &ended;
  } else {
    tool.tool_call_id = lrm__text(id);
    tool.status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_RUNNING;
    started.tool = &tool;
    event.body_case = REMOTE__V1__EVENT__BODY_TOOL_STARTED;
    event.tool_started = &started;
  }
  MUST(lrm_host_emit(w->host, &event, w->wall_ms, w->now_ns));
}

static void emit_output(world *w, const char *id) {
  static uint8_t bytes[3000];
  Remote__V1__ToolOutput output = REMOTE__V1__TOOL_OUTPUT__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)pair_next(&w->random);
  output.tool_call_id = lrm__text(id);
  output.data = (ProtobufCBinaryData){1 + pair_below(&w->random, sizeof bytes), bytes};
  event.body_case = REMOTE__V1__EVENT__BODY_TOOL_OUTPUT;
  event.tool_output = &output;
  MUST(lrm_host_delta(w->host, &event, w->wall_ms, w->now_ns));
}

static void emit_ask(world *w) {
  Remote__V1__AskOption a = REMOTE__V1__ASK_OPTION__INIT, b = REMOTE__V1__ASK_OPTION__INIT;
  Remote__V1__AskOption *options[] = {&a, &b};
  Remote__V1__PermissionAsk permission = REMOTE__V1__PERMISSION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  a.option_id = lrm__text("yes");
  b.option_id = lrm__text("no");
  permission.title = lrm__text("may I?");
  ask.options = options;
  ask.n_options = 2;
  ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
  ask.permission = &permission;
  if (pair_once_in(&w->random, 4)) ask.expires_ms = w->wall_ms + 200;
  MUST(lrm_host_ask(w->host, &ask, &w->asked, w->wall_ms, w->now_ns));
  CHECK(w->asks_count < ASKS_MAX, "asks");
  CHECK(ask_of(w, &w->asked) == NULL, "an ask id twice");
  w->asks[w->asks_count++].id = w->asked;
  w->waits = true;
}

static void end_turn(world *w) {
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  ended.stop_reason = lrm__text(w->cancelling ? "cancelled" : "end_turn");
  MUST(lrm_host_turn_ended(w->host, &ended, w->wall_ms, w->now_ns));
  w->turn = w->waits = w->cancelling = false;
}

static void run_agent(world *w) {
  char id[32];
  if (!w->turn) return;
  if (w->cancelling) {
    if (pair_once_in(&w->random, 3)) end_turn(w);
    return;
  }
  if (w->waits) return;
  if (w->steps_left == 0) {
    end_turn(w);
    return;
  }
  w->steps_left--;
  snprintf(id, sizeof id, "%llu-%u", (unsigned long long)w->processes, w->message);
  switch (pair_below(&w->random, 10)) {
    case 0:
      emit_ask(w);
      break;
    case 1:
      emit_tool(w, id, false);
      break;
    case 2:
    case 3:
      emit_output(w, id);
      break;
    case 4:
      emit_tool(w, id, true);
      break;
    case 5: {
      int result = lrm_host_complete_stream(w->host, id, w->wall_ms, w->now_ns);
      CHECK(result == 0 || result == LRM_ERR_NOT_FOUND, "complete %d", result);
      w->message++;
      break;
    }
    default:
      emit_delta(w, id, "some words that the agent says, one after the other. ");
      break;
  }
}

/* ---- actions ---- */

static void take_prompt(world *w, const lrm_host_action *action) {
  CHECK(!w->turn, "two prompts at a time");
  w->turn = true;
  w->cancelling = w->waits = false;
  w->steps_left = (unsigned)pair_below(&w->random, 30);
  if (lrm_id_none(&action->command_id)) return;
  told_command *command = command_of(w, &action->command_id);
  CHECK(command != NULL && strcmp(action->text, "") != 0, "a prompt nobody sent");
  CHECK(++command->acted == 1, "a prompt was run twice");
}

static void take_answer(world *w, const lrm_host_action *action) {
  told_ask *ask = ask_of(w, &action->ask_id);
  CHECK(ask != NULL && action->resolution != NULL, "an answer to nothing");
  CHECK(++ask->told == 1, "the agent was told twice");
  if (action->resolution->answer != NULL)
    snprintf(ask->option, sizeof ask->option, "%s", action->resolution->answer->option_id);
  if (lrm_id_equal(&w->asked, &action->ask_id)) w->waits = false;
}

static bool fails_now(world *w) { return !w->calm && pair_once_in(&w->random, 15); }

static void act(world *w) {
  lrm_host_action action;
  while (lrm_host_next_action(w->host, &action)) {
    lrm_id id = action.command_id;
    switch (action.type) {
      case LRM_ACTION_PROMPT:
        take_prompt(w, &action);
        break;
      case LRM_ACTION_ANSWER:
        take_answer(w, &action);
        continue;
      case LRM_ACTION_CANCEL:
        if (w->turn) w->cancelling = true;
        w->waits = false;
        break;
      case LRM_ACTION_RESTART_LINK:
        pair_fail("the relay refuses: %s", action.reason);
      default:
        break;
    }
    if (lrm_id_none(&id)) continue;
    told_command *command = command_of(w, &id);
    CHECK(command != NULL, "an action nobody asked for");
    bool refused = action.type == LRM_ACTION_PROMPT && fails_now(w);
    int result = lrm_host_finish(w->host, &id, refused ? LRM_CODE_AGENT_ERROR : 0, "no", w->wall_ms,
                                 w->now_ns);
    CHECK(result == 0 || result == LRM_ERR_NOT_FOUND, "finish %d", result);
    if (result == 0) command->finished++;
    if (result == 0 && refused) w->turn = false;
  }
}

/* ---- the journal ---- */

static void commit_journal(world *w) {
  if (w->batch == NULL) {
    if (lrm_store_freeze(w->journal, &w->batch) != 0) {
      w->batch = NULL;
      return;
    }
    w->batch_due_ns = w->now_ns + pair_below(&w->random, 6 * MS);
    return;
  }
  if (w->now_ns < w->batch_due_ns) return;
  int result = lrm_batch_write(w->batch);
  MUST(lrm_store_settle(w->journal, w->batch, result));
  w->batch = NULL;
  if (result == 0)
    MUST(lrm_host_settled(w->host, w->wall_ms, w->now_ns));
  else
    lrm_host_store_failed(w->host, result);
}

/* ---- clients ---- */

static void note_outcome(world *w, const Remote__V1__CommandOutcome *outcome) {
  lrm_id id = lrm__id_of(&outcome->command_id);
  told_command *command = command_of(w, &id);
  if (command == NULL) return; /* a client's own question */
  /* A host that has lost its journal answers UNKNOWN to what it may have done before. */
  if (w->journal_lost && command->outcome != 0 && (uint32_t)outcome->outcome == UNKNOWN) return;
  CHECK(command->outcome == 0 || command->outcome == (uint32_t)outcome->outcome,
        "two outcomes of one command: %u and %u", command->outcome, (unsigned)outcome->outcome);
  command->outcome = (uint32_t)outcome->outcome;
}

static void note_resolution(world *w, const Remote__V1__AskResolved *resolved) {
  lrm_id id = lrm__id_of(&resolved->ask_id);
  told_ask *ask = ask_of(w, &id);
  CHECK(ask != NULL, "the end of no ask");
  if (resolved->answer == NULL || ask->told == 0 || ask->option[0] == '\0') return;
  CHECK(strcmp(ask->option, resolved->answer->option_id) == 0, "the agent heard another answer");
}

static void read_event_of(world *w, pair_client *reader, const lrm_client_event *event) {
  lrm_position at = lrm_client_position(reader->client);
  reader->events++;
  bool expected = reader->next.offset == LRM_OFFSET_NONE || reader->snapshot ||
                  event->offset >= reader->next.offset;
  CHECK(expected, "read again: %llu after %llu", (unsigned long long)event->offset,
        (unsigned long long)reader->next.offset);
  reader->snapshot = false;
  reader->next = (lrm_position){at.epoch, event->offset + 1};
  note_read(w, &at.epoch, event->offset, hash_bytes(event->raw.data, event->raw.bytes));
  if (event->event->body_case == REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME)
    note_outcome(w, event->event->command_outcome);
  if (event->event->body_case == REMOTE__V1__EVENT__BODY_ASK_RESOLVED)
    note_resolution(w, event->event->ask_resolved);
}

static void drain_client(world *w, pair_client *reader) {
  lrm_client_event event;
  while (lrm_client_next_event(reader->client, &event)) {
    switch (event.type) {
      case LRM_CLIENT_EVENT:
        read_event_of(w, reader, &event);
        break;
      case LRM_CLIENT_SNAPSHOT:
        reader->snapshot = true;
        reader->snapshots++;
        break;
      case LRM_CLIENT_TAIL:
        reader->tails++;
        break;
      case LRM_CLIENT_CLOSED:
        CHECK(lrm_code_reconnects(event.problem->code), "closed: %u %s", event.problem->code,
              event.problem->reason);
        break;
      default:
        break;
    }
  }
}

static bool submit(world *w, size_t index, const Remote__V1__Command *command) {
  if (w->commands_count == COMMANDS_MAX) return false;
  lrm_id id;
  int result = lrm_client_submit(w->clients[index].client, command,
                                 pair_once_in(&w->random, 10) ? 300 : 0, &id, w->now_ns);
  if (result == LRM_ERR_BUSY || result == LRM_ERR_STATE) return false;
  MUST(result);
  w->commands[w->commands_count++] =
      (told_command){.id = id, .client = index, .kind = (uint32_t)command->body_case};
  return true;
}

static void submit_something(world *w, size_t index) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__CancelTurn cancel = REMOTE__V1__CANCEL_TURN__INIT;
  Remote__V1__WithdrawCommand withdraw = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  Remote__V1__RequestSnapshot snapshot = REMOTE__V1__REQUEST_SNAPSHOT__INIT;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  const Remote__V1__SessionState *state = lrm_view_state(lrm_client_view(w->clients[index].client));
  uint64_t choice = pair_below(&w->random, 10);
  if (state->n_asks != 0 && choice < 8) {
    answer.ask_id = state->asks[0]->ask_id;
    content.option_id = lrm__text(pair_once_in(&w->random, 2) ? "yes" : "no");
    answer.answer = &content;
    command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
    command.answer_ask = &answer;
  } else if (choice < 5) {
    prompt.text = lrm__text("do something");
    if (choice == 0) prompt.delivery = REMOTE__V1__DELIVERY__DELIVERY_STEER;
    command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
    command.submit_prompt = &prompt;
  } else if (choice == 5) {
    command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
    command.cancel_turn = &cancel;
  } else if (choice == 6 && w->commands_count != 0) {
    const told_command *target = &w->commands[pair_below(&w->random, w->commands_count)];
    withdraw.command_id = lrm__id_data(&target->id);
    command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
    command.withdraw_command = &withdraw;
  } else if (choice == 7 && pair_once_in(&w->random, 4)) {
    command.body_case = REMOTE__V1__COMMAND__BODY_REQUEST_SNAPSHOT;
    command.request_snapshot = &snapshot;
  } else {
    command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
    command.probe = &probe;
  }
  (void)submit(w, index, &command);
}

/* ---- wires ---- */

typedef struct ending {
  world *w;
  size_t index; /* of the wire: 0 host, 1.. clients */
} ending;

static void link_event(void *user, lrm_link *link, const lrm_link_event *event) {
  ending *end = user;
  world *w = end->w;
  (void)link;
  if (end->index == 0) {
    MUST(lrm_host_link_event(w->host, event, w->wall_ms, w->now_ns));
    return;
  }
  pair_client *reader = &w->clients[end->index - 1];
  (void)lrm_client_link_event(reader->client, event, w->now_ns);
  drain_client(w, reader);
}

static int link_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  ending *end = user;
  (void)link;
  if (end->index == 0) return lrm_host_fetch(end->w->host, want, frame);
  return lrm_client_fetch(end->w->clients[end->index - 1].client, want, frame);
}

static lrm_link *link_of(world *w, size_t index) {
  return index == 0 ? w->host_link : w->clients[index - 1].link;
}

static void cut(world *w, size_t index) {
  if (!w->up[index]) return;
  w->up[index] = false;
  lrm_link_detach(link_of(w, index), w->now_ns);
  if (index == 0)
    lrm_host_link_down(w->host);
  else
    lrm_client_link_down(w->clients[index - 1].client);
  pair_relay_detach(&w->relay, index);
  pair_wire_clear(&w->wires[index]);
}

static void drive(world *w, size_t index) {
  lrm_link *link = link_of(w, index);
  if (w->wires[index].cut) cut(w, index);
  if (!w->up[index]) {
    if (lrm_link_attempt_ns(link) > w->now_ns) return;
    MUST(lrm_link_attach(link, w->now_ns));
    pair_relay_attach(&w->relay, index);
    w->up[index] = true;
  }
  ending end = {w, index};
  pair_driver driver = {link_event, link_fetch, &end};
  pair_drive(link, &w->wires[index].down_here, &w->wires[index].up, &driver, w->now_ns);
  pair_wire_move(&w->wires[index], &w->random);
  if (lrm_link_state_now(link) == LRM_LINK_CLOSING) cut(w, index);
}

/* ---- faults ---- */

static void crash_relay(world *w, bool lose) {
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) cut(w, i);
  pair_relay_crash(&w->relay, lose);
}

static void faults(world *w) {
  if (pair_once_in(&w->random, 60)) {
    w->cuts++;
    cut(w, (size_t)pair_below(&w->random, PAIR_CONNECTIONS));
  }
  if (pair_once_in(&w->random, 250)) {
    w->crashes++;
    crash_host(w, w->journal_may_be_lost && pair_once_in(&w->random, 4));
  }
  if (pair_once_in(&w->random, 300)) {
    w->crashes++;
    crash_relay(w, false);
  }
  if (pair_once_in(&w->random, 700)) {
    w->losses++;
    crash_relay(w, true);
  }
  if (pair_once_in(&w->random, 200)) {
    w->failures++;
    lrm_store_memory_fail(w->journal, LRM_ERR_DISK_FULL, 1 + (unsigned)pair_below(&w->random, 10));
  }
  if (pair_once_in(&w->random, 900)) {
    MUST(lrm_host_restart_history(w->host, "the agent loaded another", w->wall_ms, w->now_ns));
    w->epochs++;
  }
}

/* ---- one turn of the world ---- */

static void local_person(world *w) {
  const Remote__V1__SessionState *state = lrm_host_state(w->host);
  if (state->n_asks != 0 && pair_once_in(&w->random, w->calm ? 4 : 40)) {
    Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
    lrm_id id = lrm__id_of(&state->asks[0]->ask_id);
    content.option_id = lrm__text("no");
    int result = lrm_host_answer_local(w->host, &id, &content, w->wall_ms, w->now_ns);
    CHECK(result == 0 || result == LRM_ERR_NOT_FOUND, "answer %d", result);
  }
  if (!w->calm && pair_once_in(&w->random, 100)) {
    int result = lrm_host_submit_local(w->host, "mine", false, w->wall_ms, w->now_ns);
    CHECK(result == 0 || result == LRM_ERR_BUSY, "submit %d", result);
  }
}

static void turn_of(world *w) {
  uint64_t ms = 1 + pair_below(&w->random, pair_once_in(&w->random, 20) ? 400 : 8);
  w->now_ns += ms * MS;
  w->wall_ms += ms;
  if (!w->calm) faults(w);
  run_agent(w);
  local_person(w);
  act(w);
  commit_journal(w);
  if (w->now_ns >= lrm_host_deadline(w->host))
    MUST(lrm_host_expire(w->host, w->wall_ms, w->now_ns));
  for (size_t i = 0; i < CLIENTS; i++) {
    if (!w->calm && pair_once_in(&w->random, 12)) submit_something(w, i);
    lrm_client_expire(w->clients[i].client, w->now_ns);
    drain_client(w, &w->clients[i]);
  }
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) drive(w, i);
  pair_relay_turn(&w->relay, w->wires, w->wall_ms, w->now_ns);
}

/* ---- begin, end, judge ---- */

static void begin(world *w, uint64_t seed) {
  memset(w, 0, sizeof *w);
  w->random.state = seed * 1000003 + 1;
  w->now_ns = 5 * SECOND;
  w->wall_ms = 1700000000000;
  w->reads = calloc(CONTENTS, sizeof *w->reads);
  pair_relay_start(&w->relay, seed);
  w->relay.now_ns = w->now_ns;
  w->relay.refuse_some = seed % 3 == 0;
  w->relay.trims = seed % 2 == 0;
  w->journal_may_be_lost = seed % 5 == 0;
  open_journal(w);
  remote__v1__session_started__init(&w->session);
  w->session.interactive = w->session.can_steer = true;
  start_host(w);
  for (size_t i = 0; i < CLIENTS; i++) {
    pair_client *reader = &w->clients[i];
    open_link(w, &reader->link, 2, (uint8_t)(10 + i));
    lrm_client_config config = {.struct_bytes = sizeof config,
                                .allocator = lrm_allocator_default(),
                                .link = reader->link,
                                .session_id = w->relay.session_id,
                                .seed = {pair_next(&w->random), i},
                                .start = i == 0 ? 0 : (uint32_t)remote_v1_Start_START_BEGINNING,
                                .publish = true};
    for (size_t j = 0; j < 16; j++) config.link_id.bytes[j] = (uint8_t)pair_next(&w->random);
    config.link_id.bytes[0] = (uint8_t)(10 + i);
    reader->next.offset = LRM_OFFSET_NONE;
    MUST(lrm_client_create(&config, &reader->client));
  }
}

static bool quiet(const world *w) {
  lrm_position host = lrm_host_position(w->host);
  if (w->turn || !lrm_host_published(w->host) || lrm_host_state(w->host)->n_queue != 0)
    return false;
  for (size_t i = 0; i < CLIENTS; i++) {
    lrm_position at = lrm_client_position(w->clients[i].client);
    if (lrm_client_pending(w->clients[i].client) != 0 || at.offset != host.offset ||
        !lrm_id_equal(&at.epoch, &host.epoch))
      return false;
  }
  return true;
}

static void why_not_quiet(const world *w) {
  lrm_position host = lrm_host_position(w->host);
  fprintf(stderr, "turn %d waits %d, published %d, queue %zu, host at %llu\n", w->turn, w->waits,
          lrm_host_published(w->host), lrm_host_state(w->host)->n_queue,
          (unsigned long long)host.offset);
  for (size_t i = 0; i < CLIENTS; i++) {
    lrm_position at = lrm_client_position(w->clients[i].client);
    fprintf(stderr, "client %zu at %llu (%s), pending %zu\n", i, (unsigned long long)at.offset,
            lrm_id_equal(&at.epoch, &host.epoch) ? "same epoch" : "another epoch",
            lrm_client_pending(w->clients[i].client));
  }
  for (size_t i = 0; i < w->commands_count; i++) {
    lrm_command command;
    if (lrm_client_command(w->clients[w->commands[i].client].client, &w->commands[i].id,
                           &command) == 0 &&
        command.state != LRM_COMMAND_DONE)
      fprintf(stderr, "command %zu kind %u of client %zu: state %d, outcome in events %u\n", i,
              w->commands[i].kind, w->commands[i].client, (int)command.state,
              w->commands[i].outcome);
  }
}

static size_t pack_state(const Remote__V1__SessionState *state, uint8_t **out) {
  size_t bytes = remote__v1__session_state__get_packed_size(state);
  *out = malloc(bytes + 1);
  remote__v1__session_state__pack(state, *out);
  return bytes;
}

static void compare_views(world *w) {
  uint8_t *ours, *theirs;
  size_t bytes = pack_state(lrm_host_state(w->host), &ours);
  for (size_t i = 0; i < CLIENTS; i++) {
    const Remote__V1__SessionState *state = lrm_view_state(lrm_client_view(w->clients[i].client));
    size_t their_bytes = pack_state(state, &theirs);
    CHECK(bytes == their_bytes && memcmp(ours, theirs, bytes) == 0,
          "client %zu sees another state (%zu and %zu bytes)", i, bytes, their_bytes);
    free(theirs);
  }
  free(ours);
}

static void judge(world *w) {
  for (size_t i = 0; i < w->commands_count; i++) {
    const told_command *told = &w->commands[i];
    lrm_command command;
    int result = lrm_client_command(w->clients[told->client].client, &told->id, &command);
    if (result == LRM_ERR_NOT_FOUND) continue; /* more than 256 done since */
    CHECK(command.state == LRM_COMMAND_DONE && command.outcome != 0, "command %zu has no outcome",
          i);
    CHECK(told->outcome == 0 || told->outcome == command.outcome || command.outcome == UNKNOWN,
          "command %zu: %u for its sender, %u in the log", i, command.outcome, told->outcome);
    if (told->kind == REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT && command.outcome == APPLIED)
      CHECK(told->finished == 1, "applied, but given %u times", told->finished);
  }
}

static void end(world *w) {
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) cut(w, i);
  for (size_t i = 0; i < CLIENTS; i++) {
    lrm_client_destroy(w->clients[i].client);
    lrm_link_destroy(w->clients[i].link);
  }
  lrm_host_destroy(w->host);
  lrm_link_destroy(w->host_link);
  if (w->batch != NULL) MUST(lrm_store_settle(w->journal, w->batch, lrm_batch_write(w->batch)));
  lrm_store_close(w->journal);
  pair_relay_end(&w->relay);
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) pair_wire_free(&w->wires[i]);
  free(w->reads);
}

/* Off: everything up to that goes out, and nothing that happens later. */
static void turn_off(world *w) {
  MUST(lrm_host_set_remote_mode(w->host, REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF, "that was it",
                                w->wall_ms, w->now_ns));
  uint64_t off = lrm_host_position(w->host).offset;
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  notice.text = lrm__text("a secret");
  event.body_case = REMOTE__V1__EVENT__BODY_NOTICE;
  event.notice = &notice;
  MUST(lrm_host_emit(w->host, &event, w->wall_ms, w->now_ns));
  emit_delta(w, "secret", "and another");
  unsigned tails = w->clients[0].tails;
  cut(w, 0); /* and it goes out even over a cut */
  uint64_t limit = w->now_ns + 60 * SECOND;
  while (!lrm_host_published(w->host) && w->now_ns < limit) turn_of(w);
  CHECK(lrm_host_published(w->host), "the end of remote control is not published");
  for (unsigned i = 0; i < 200; i++) turn_of(w);
  CHECK(lrm_log_facts_now(w->relay.events).end == off, "%llu published, off at %llu",
        (unsigned long long)lrm_log_facts_now(w->relay.events).end, (unsigned long long)off);
  CHECK(w->clients[0].tails == tails, "tails after the end of remote control");
}

static void run(uint64_t seed) {
  static world w;
  pair_seed = seed;
  begin(&w, seed);
  unsigned turns = 300 + (unsigned)pair_below(&w.random, 1500);
  for (unsigned i = 0; i < turns; i++) turn_of(&w);
  w.calm = true;
  lrm_store_memory_fail(w.journal, 0, 0);
  uint64_t limit = w.now_ns + 120 * SECOND;
  while (!quiet(&w)) {
    if (w.now_ns > limit) {
      why_not_quiet(&w);
      pair_fail("not quiet after 120 s without faults");
    }
    turn_of(&w);
  }
  /* Infos, tails and receipts that are still on their way. */
  for (unsigned i = 0; i < 400; i++) turn_of(&w);
  CHECK(quiet(&w), "not quiet any more");
  compare_views(&w);
  judge(&w);
  turn_off(&w);
  if (verbose)
    printf(
        "seed %llu: %zu commands, %zu asks, events %u and %u, snapshots %u and %u, tails %u and "
        "%u, cuts %u, crashes %u, losses %u, failures %u\n",
        (unsigned long long)seed, w.commands_count, w.asks_count, w.clients[0].events,
        w.clients[1].events, w.clients[0].snapshots, w.clients[1].snapshots, w.clients[0].tails,
        w.clients[1].tails, w.cuts, w.crashes, w.losses, w.failures);
  end(&w);
}

int main(int argc, char **argv) {
  uint64_t seed = 1, count = 200;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--verbose") == 0) verbose = true;
    if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
      seed = strtoull(argv[++i], NULL, 10);
      count = 1;
    } else if (i + 1 < argc && strcmp(argv[i], "--count") == 0) {
      count = strtoull(argv[++i], NULL, 10);
    }
  }
  for (uint64_t i = 0; i < count; i++) run(seed + i);
  printf("pair_test: seeds %llu to %llu passed\n", (unsigned long long)seed,
         (unsigned long long)(seed + count - 1));
  return 0;
}

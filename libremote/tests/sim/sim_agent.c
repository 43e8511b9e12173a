/* The scripted agent beside a host: turns with messages, tools and asks, slow and long output; and
 * the local person at the host's terminal, who answers in the end. */
#include <string.h>

#include "sim.h"

#define NAMED_EVENT(event, field, NAME, value)          \
  do {                                                  \
    (event).body_case = REMOTE__V1__EVENT__BODY_##NAME; \
    (event).field = (value);                            \
  } while (0)

static void emit(sim_host *h, const Remote__V1__Event *event) {
  SIM_SAID(h, lrm_host_emit(h->host, event, sim_host_wall(h), sim_host_now(h)), 0, 0);
}

/* Words, now and then many. */
static const char *words(sim_host *h, size_t bytes_max) {
  static char text[70000];
  static const char some[] = "words that the agent says, one after the other, \xc3\xa4ndern; ";
  size_t bytes = 1 + sim_below(&h->w->random, 200);
  if (sim_once_in(&h->w->random, h->w->large ? 6 : 40))
    bytes = 1 + sim_below(&h->w->random, h->w->large ? 60000 : 6000);
  if (bytes > bytes_max) bytes = bytes_max;
  size_t from = sim_below(&h->w->random, 20);
  for (size_t at = 0; at < bytes + 4; at++) text[at] = some[(from + at) % (sizeof some - 1)];
  bytes = lrm__text_fit(text, bytes + 4, bytes);
  size_t skip = 0; /* the beginning of a character may be missing */
  while (skip < bytes && ((uint8_t)text[skip] & 0xc0) == 0x80) skip++;
  text[bytes] = '\0';
  return text + skip;
}

static void name_of(const sim_host *h, const char *what, unsigned number, char out[48]) {
  snprintf(out, 48, "%s-%u-%u-%u", what, h->part.index, h->processes, number);
}

/* ---- what it says ---- */

static void say_delta(sim_host *h, bool thought) {
  char id[48];
  Remote__V1__AssistantDelta delta = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__ThoughtDelta thinking = REMOTE__V1__THOUGHT_DELTA__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  name_of(h, thought ? "t" : "m", h->agent.message, id);
  delta.message_id = thinking.message_id = id;
  delta.text = thinking.text = lrm__text(words(h, 30000));
  if (thought)
    NAMED_EVENT(event, thought_delta, THOUGHT_DELTA, &thinking);
  else
    NAMED_EVENT(event, assistant_delta, ASSISTANT_DELTA, &delta);
  SIM_SAID(h, lrm_host_delta(h->host, &event, sim_host_wall(h), sim_host_now(h)), LRM_ERR_BUSY, 0);
}

static void say_message(sim_host *h) {
  char id[48];
  name_of(h, "m", h->agent.message++, id);
  SIM_SAID(h, lrm_host_complete_stream(h->host, id, sim_host_wall(h), sim_host_now(h)),
           LRM_ERR_NOT_FOUND, 0);
}

static void use_tool(sim_host *h) {
  char id[48];
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__ToolState tool = REMOTE__V1__TOOL_STATE__INIT;
  Remote__V1__ToolStarted started = REMOTE__V1__TOOL_STARTED__INIT;
  Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
  Remote__V1__ToolOutput output = REMOTE__V1__TOOL_OUTPUT__INIT;
  sim_agent *a = &h->agent;
  name_of(h, "tool", a->tool, id);
  if (!a->tool_open) {
    tool.tool_call_id = id;
    tool.title = lrm__text("runs something");
    tool.status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_RUNNING;
    started.tool = &tool;
    NAMED_EVENT(event, tool_started, TOOL_STARTED, &started);
    a->tool_open = true;
  } else if (sim_once_in(&h->w->random, 3)) {
    ended.tool_call_id = id;
    ended.status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_COMPLETED;
    NAMED_EVENT(event, tool_ended, TOOL_ENDED, &ended);
    a->tool_open = false;
    a->tool++;
  } else {
    const char *text = words(h, 20000);
    output.tool_call_id = id;
    output.data = (ProtobufCBinaryData){strlen(text), (uint8_t *)lrm__text(text)};
    output.stream = 1 + (Remote__V1__OutputStream)sim_below(&h->w->random, 2);
    NAMED_EVENT(event, tool_output, TOOL_OUTPUT, &output);
    SIM_SAID(h, lrm_host_delta(h->host, &event, sim_host_wall(h), sim_host_now(h)), LRM_ERR_BUSY,
             0);
    return;
  }
  emit(h, &event);
}

static void say_something_else(sim_host *h) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__PlanEntry entry = REMOTE__V1__PLAN_ENTRY__INIT;
  Remote__V1__PlanEntry *entries[] = {&entry, &entry};
  Remote__V1__PlanUpdated plan = REMOTE__V1__PLAN_UPDATED__INIT;
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  Remote__V1__Usage usage = REMOTE__V1__USAGE__INIT;
  Remote__V1__UsageUpdated used = REMOTE__V1__USAGE_UPDATED__INIT;
  switch (sim_below(&h->w->random, 3)) {
    case 0:
      entry.text = lrm__text("a step of the plan");
      plan.entries = entries;
      plan.n_entries = 1 + sim_below(&h->w->random, 2);
      NAMED_EVENT(event, plan_updated, PLAN_UPDATED, &plan);
      emit(h, &event);
      break;
    case 1:
      notice.text = lrm__text(words(h, 900));
      NAMED_EVENT(event, notice, NOTICE, &notice);
      emit(h, &event);
      break;
    default:
      usage.context_tokens = sim_below(&h->w->random, 100000);
      used.usage = &usage;
      NAMED_EVENT(event, usage_updated, USAGE_UPDATED, &used);
      SIM_SAID(h, lrm_host_tail(h->host, &event, sim_host_wall(h), sim_host_now(h)), 0, 0);
      break;
  }
}

/* ---- asks ---- */

static void set_kind(sim_host *h, Remote__V1__Ask *ask, sim_count *count) {
  static Remote__V1__PermissionAsk permission;
  static Remote__V1__QuestionAsk question;
  static Remote__V1__PlanAsk plan;
  static Remote__V1__FormAsk form;
  static Remote__V1__OpenUrlAsk url;
  static Remote__V1__LimitAsk limit;
  static const sim_count counts[] = {SIM_ASK_PERMISSION, SIM_ASK_QUESTION, SIM_ASK_PLAN,
                                     SIM_ASK_FORM,       SIM_ASK_URL,      SIM_ASK_LIMIT};
  uint64_t kind = sim_once_in(&h->w->random, 2) ? 0 : sim_below(&h->w->random, 6);
  *count = counts[kind];
  remote__v1__permission_ask__init(&permission);
  remote__v1__question_ask__init(&question);
  remote__v1__plan_ask__init(&plan);
  remote__v1__form_ask__init(&form);
  remote__v1__open_url_ask__init(&url);
  remote__v1__limit_ask__init(&limit);
  permission.title = question.text = plan.summary = form.text = url.text = limit.text =
      lrm__text("may I?");
  permission.one_time_only = sim_once_in(&h->w->random, 4);
  question.free_text = limit.free_text = true;
  url.url = lrm__text("https://example.org");
  ask->kind_case = (Remote__V1__Ask__KindCase)(REMOTE__V1__ASK__KIND_PERMISSION + kind);
  void *kinds[] = {&permission, &question, &plan, &form, &url, &limit};
  ask->permission = kinds[kind]; /* one place for all: a union */
}

static void open_ask(sim_host *h) {
  sim_world *w = h->w;
  Remote__V1__AskOption a = REMOTE__V1__ASK_OPTION__INIT, b = a, c = a;
  Remote__V1__AskOption *options[] = {&a, &b, &c};
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  sim_count count;
  a.option_id = lrm__text("yes");
  a.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE;
  b.option_id = lrm__text("no");
  b.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE;
  c.option_id = lrm__text("always");
  c.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ALWAYS;
  ask.options = options;
  ask.n_options = 3;
  set_kind(h, &ask, &count);
  if (sim_once_in(&w->random, 4)) {
    ask.expires_ms = sim_host_wall(h) + 100 + sim_below(&w->random, 3000);
    ask.on_expiry = (Remote__V1__OnExpiry)(1 + sim_below(&w->random, 2));
  }
  lrm_id id;
  if (!SIM_SAID(h, lrm_host_ask(h->host, &ask, &id, sim_host_wall(h), sim_host_now(h)),
                LRM_ERR_BUSY, 0))
    return;
  sim_reach(w, count);
  SIM_CHECK(w, sim_ask_of(w, &id) == NULL, "an ask id was made twice");
  sim_ask *known = sim_ask_add(w, &id);
  known->session = h->session;
  known->kind = (uint32_t)ask.kind_case;
  SIM_STEP(w, "ask_open h=%u id=%x", sim_number(h->part.index), sim_id(&id));
  h->agent.asked = id;
  h->agent.waits = !sim_once_in(&w->random, 4); /* several at a time */
}

static void take_back_ask(sim_host *h) {
  SIM_SAID(
      h,
      lrm_host_end_ask(h->host, &h->agent.asked, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN,
                       "never mind", sim_host_wall(h), sim_host_now(h)),
      LRM_ERR_NOT_FOUND, 0);
  h->agent.waits = false;
}

/* The person at the terminal. */
static void answer_here(sim_host *h) {
  const Remote__V1__SessionState *state = lrm_host_state(h->host);
  if (state->n_asks == 0) return;
  const Remote__V1__Ask *ask = state->asks[sim_below(&h->w->random, state->n_asks)];
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  lrm_id id = lrm__id_of(&ask->ask_id);
  if (ask->kind_case == REMOTE__V1__ASK__KIND_FORM) {
    content.json = lrm__text("{}");
  } else if (ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL) {
    content.declined = true;
  } else {
    content.option_id = lrm__text("no");
  }
  SIM_SAID(h, lrm_host_answer_local(h->host, &id, &content, sim_host_wall(h), sim_host_now(h)),
           LRM_ERR_NOT_FOUND, 0);
}

/* ---- turns ---- */

static void end_turn(sim_host *h, const char *reason) {
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  ended.stop_reason = lrm__text(reason);
  sim_agent *a = &h->agent;
  SIM_SAID(h, lrm_host_turn_ended(h->host, &ended, sim_host_wall(h), sim_host_now(h)),
           LRM_ERR_STATE, 0);
  a->turn = a->waits = a->cancelling = a->tool_open = false;
  a->tool++;
  a->message++;
}

static void step_turn(sim_host *h) {
  sim_agent *a = &h->agent;
  if (a->cancelling) {
    if (sim_once_in(&h->w->random, 2)) end_turn(h, "cancelled");
    return;
  }
  if (a->waits) {
    if (h->w->calm) answer_here(h);
    if (sim_once_in(&h->w->random, 12)) take_back_ask(h);
    return;
  }
  if (a->steps_left == 0) {
    end_turn(h, "end_turn");
    return;
  }
  a->steps_left--;
  switch (sim_below(&h->w->random, 14)) {
    case 0:
    case 1:
      open_ask(h);
      break;
    case 2:
    case 3:
    case 4:
      use_tool(h);
      break;
    case 5:
      say_message(h);
      break;
    case 6:
      say_delta(h, true);
      break;
    case 7:
      say_something_else(h);
      break;
    default:
      say_delta(h, false);
      break;
  }
}

/* ---- finishing what was begun ---- */

static void finish(sim_host *h, const lrm_id *id, uint32_t code) {
  bool good = SIM_SAID(h,
                       lrm_host_finish(h->host, id, code, code == 0 ? "" : "the agent says no",
                                       sim_host_wall(h), sim_host_now(h)),
                       LRM_ERR_NOT_FOUND, 0);
  sim_command *command = sim_command_of(h->w, id);
  if (!good || command == NULL) return;
  command->finished = true;
  command->finished_good = code == 0;
}

static void finish_later(sim_host *h, const lrm_id *id, uint32_t code) {
  for (size_t i = 0; i < 8; i++) {
    sim_finish *f = &h->agent.finishes[i];
    if (f->used) continue;
    *f = (sim_finish){true, *id, code,
                      h->w->now_ns + SIM_MS + sim_below(&h->w->random, 400 * SIM_MS)};
    return;
  }
  finish(h, id, code);
}

static bool finish_due(sim_host *h) {
  bool any = false;
  for (size_t i = 0; i < 8; i++) {
    sim_finish *f = &h->agent.finishes[i];
    if (!f->used || h->w->now_ns < f->due_ns) continue;
    f->used = false;
    any = true;
    finish(h, &f->command_id, f->code);
  }
  return any;
}

/* ---- actions ---- */

static void begin_turn(sim_host *h, const lrm_host_action *action) {
  sim_agent *a = &h->agent;
  SIM_CHECK(h->w, !a->turn, "h%u: two prompts at a time", h->part.index);
  (void)action;
  a->turn = true;
  a->cancelling = a->waits = false;
  a->steps_left = (unsigned)sim_below(&h->w->random, h->w->calm ? 6 : 40);
  a->next_ns = h->w->now_ns + sim_below(&h->w->random, 20 * SIM_MS);
}

static void remote_ended(sim_host *h, uint32_t code) {
  if (code == LRM_CODE_POLICY) { /* the person tries again when that may help */
    h->agent.remote_on_ns = h->w->now_ns + sim_below(&h->w->random, 4 * SIM_SECOND);
    return;
  }
  h->remote_over = true;
  h->over_code = code;
  h->over_ns = h->w->now_ns;
  if (code == LRM_CODE_FENCED) sim_reach(h->w, SIM_FENCED_HOST);
  if (h->end.carrier != NULL) sim_carrier_leave_end(h->w, h->end.carrier, true);
}

/* What was asked from afar is finished now or later, now and then not well. */
static void conclude(sim_host *h, const lrm_host_action *action, const lrm_id *id) {
  bool refuse = !h->w->calm && sim_once_in(&h->w->random, 15);
  uint32_t code = refuse ? LRM_CODE_AGENT_ERROR : 0;
  bool prompt = action->type == LRM_ACTION_PROMPT;
  if (prompt && refuse) h->agent.turn = false;
  if ((prompt && refuse) || sim_once_in(&h->w->random, 2))
    finish(h, id, code);
  else
    finish_later(h, id, code);
}

static void act(sim_host *h, const lrm_host_action *action) {
  lrm_id id = action->command_id;
  lrm_host_action kept = *action;
  sim_commanded_acted(h, action);
  switch (action->type) {
    case LRM_ACTION_PROMPT:
      begin_turn(h, action);
      break;
    case LRM_ACTION_ANSWER:
      sim_commanded_told(h, action);
      if (lrm_id_equal(&h->agent.asked, &action->ask_id)) h->agent.waits = false;
      return;
    case LRM_ACTION_CANCEL:
      if (h->agent.turn) h->agent.cancelling = true;
      h->agent.waits = false;
      break;
    case LRM_ACTION_RESTART_LINK:
      remote_ended(h, action->code);
      return;
    case LRM_ACTION_END_REMOTE:
      h->agent.remote_on_ns = h->w->now_ns + sim_below(&h->w->random, 4 * SIM_SECOND);
      return;
    default:
      break;
  }
  if (!lrm_id_none(&id)) conclude(h, &kept, &id);
}

bool sim_agent_act(sim_host *h) {
  lrm_host_action action;
  bool any = false;
  while (!h->no_memory && lrm_host_next_action(h->host, &action)) {
    any = h->touched = true;
    act(h, &action);
  }
  return any;
}

/* ---- time ---- */

void sim_agent_start(sim_host *h) {
  memset(&h->agent, 0, sizeof h->agent);
  h->agent.ready_ns = h->w->now_ns + sim_below(&h->w->random, 300 * SIM_MS);
  h->agent.next_ns = SIM_NEVER;
}

static void get_ready(sim_host *h) {
  sim_agent *a = &h->agent;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__Mode ask = REMOTE__V1__MODE__INIT, yolo = REMOTE__V1__MODE__INIT;
  Remote__V1__Mode *modes[] = {&ask, &yolo};
  Remote__V1__ModesChanged changed = REMOTE__V1__MODES_CHANGED__INIT;
  a->ready = true;
  SIM_SAID(h, lrm_host_set_agent_ready(h->host, true, sim_host_wall(h), sim_host_now(h)), 0, 0);
  ask.mode_id = lrm__text("ask");
  yolo.mode_id = lrm__text("yolo");
  yolo.elevating = true;
  changed.modes = modes;
  changed.n_modes = 2;
  changed.current_mode_id = lrm__text("ask");
  NAMED_EVENT(event, modes_changed, MODES_CHANGED, &changed);
  emit(h, &event);
}

/* Somebody ended remote control from afar: the local person turns it on again, later. */
static void turn_on_again(sim_host *h) {
  h->agent.remote_on_ns = 0;
  SIM_SAID(h,
           lrm_host_set_remote_mode(h->host, REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL, "on",
                                    sim_host_wall(h), sim_host_now(h)),
           0, 0);
}

bool sim_agent_step(sim_host *h) {
  sim_agent *a = &h->agent;
  bool any = finish_due(h);
  if (a->remote_on_ns != 0 && h->w->now_ns >= a->remote_on_ns) {
    turn_on_again(h);
    any = true;
  }
  if (!a->ready) {
    if (h->w->now_ns < a->ready_ns) return any;
    get_ready(h);
    return true;
  }
  if (!a->turn || h->w->now_ns < a->next_ns) return any;
  step_turn(h);
  uint64_t pause_ns = sim_once_in(&h->w->random, 25) ? 3 * SIM_SECOND : 12 * SIM_MS;
  a->next_ns = h->w->now_ns + SIM_MS / 10 + sim_below(&h->w->random, pause_ns);
  return true;
}

uint64_t sim_agent_due(const sim_host *h) {
  const sim_agent *a = &h->agent;
  uint64_t due = a->turn ? a->next_ns : SIM_NEVER;
  if (!a->ready) due = a->ready_ns;
  if (a->remote_on_ns != 0 && a->remote_on_ns < due) due = a->remote_on_ns;
  for (size_t i = 0; i < 8; i++)
    if (a->finishes[i].used && a->finishes[i].due_ns < due) due = a->finishes[i].due_ns;
  return due;
}

/* ---- for the script ---- */

void sim_agent_answer_here(sim_host *h) { answer_here(h); }

void sim_agent_die(sim_host *h) {
  sim_agent *a = &h->agent;
  sim_reach(h->w, SIM_AGENT_GONE);
  SIM_SAID(h, lrm_host_set_agent_ready(h->host, false, sim_host_wall(h), sim_host_now(h)), 0, 0);
  for (size_t i = 0; i < 8; i++) { /* what it was asked and has not said ends with it */
    if (!a->finishes[i].used) continue;
    a->finishes[i].used = false;
    finish(h, &a->finishes[i].command_id, LRM_CODE_AGENT_ERROR);
  }
  a->ready = a->turn = a->waits = a->cancelling = a->tool_open = false;
  a->ready_ns = h->w->now_ns + sim_below(&h->w->random, SIM_SECOND);
  a->tool++;
  a->message++;
}

/* Every event that is no stream, tool or ask: one clear line each. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event_words.h"
#include "remote/error.h"
#include "remote/types.h"
#include "transcript_internal.h"

#define PROMPT_LINES_MAX 16 /* of a prompt, before it is folded */

/* ---- lines ---- */

static void begin(transcript *t, transcript_mark mark, unsigned style) {
  transcript_block(t, BLOCK_NOTE, transcript_mark_text(t, mark), style, "", style);
  wrap_hang(&t->out, 2);
}

/* "label: text by somebody". */
static void line(transcript *t, const char *label, const char *text, const Remote__V1__Actor *by) {
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_put(t, STYLE_DIM, label);
  if (text && text[0]) {
    transcript_put(t, STYLE_DIM, ": ");
    transcript_words(t, STYLE_DIM, text);
  }
  transcript_put_actor(t, STYLE_DIM, by);
  transcript_break(t);
}

void transcript_duration(uint64_t ms, char *out) {
  if (ms < 100)
    out[0] = 0;
  else if (ms < 60000)
    snprintf(out, 32, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms / 100 % 10);
  else if (ms < 3600000)
    snprintf(out, 32, "%" PRIu64 " min %" PRIu64 " s", ms / 60000, ms / 1000 % 60);
  else
    snprintf(out, 32, "%" PRIu64 " h %" PRIu64 " min", ms / 3600000, ms / 60000 % 60);
}

/* "1.2k", "3.4M". */
static void short_number(uint64_t n, char out[24]) {
  if (n < 1000)
    snprintf(out, 24, "%" PRIu64, n);
  else if (n < 1000000)
    snprintf(out, 24, "%" PRIu64 ".%" PRIu64 "k", n / 1000, n / 100 % 10);
  else
    snprintf(out, 24, "%" PRIu64 ".%" PRIu64 "M", n / 1000000, n / 100000 % 10);
}

/* ---- messages ---- */

/* How to get what lies in the log beside the conversation. */
void transcript_fetch_words(transcript *t, const char *asset_id) {
  if (!asset_id[0]) return;
  transcript_put(t, STYLE_DIM, ": remote asset ");
  transcript_words(t, STYLE_DIM, asset_id);
}

void transcript_attachments(transcript *t, Remote__V1__Attachment **attachments, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const Remote__V1__Attachment *a = attachments[i];
    char size[24];
    transcript_put(t, STYLE_DIM, t->options.screen_reader ? "Attached: " : "+ ");
    transcript_words(t, STYLE_PLAIN, a->name);
    if (a->media_type[0] && a->name[0]) transcript_put(t, STYLE_DIM, " ");
    transcript_words(t, STYLE_DIM, a->media_type);
    if (a->size) {
      short_number(a->size, size);
      transcript_printf(t, STYLE_DIM, ", %s bytes", size);
    }
    transcript_fetch_words(t, a->asset_id);
    transcript_end_line(t);
  }
}

void transcript_user_message(transcript *t, const Remote__V1__UserMessage *message) {
  static const char *const deliveries[] = {"", "", " (steered into the turn)", " (was queued)"};
  size_t delivery = (size_t)message->delivery;
  bool local = message->by && message->by->local;
  if (t->options.typed_above && local && delivery != 3 && !message->n_attachments) return;
  transcript_block(t, BLOCK_USER, transcript_mark_text(t, MARK_USER), STYLE_BOLD,
                   t->options.screen_reader ? "" : "  ", STYLE_PLAIN);
  size_t bytes = strlen(message->text);
  while (bytes && message->text[bytes - 1] == '\n') bytes--;
  if (t->options.fold && transcript_lines(message->text) > PROMPT_LINES_MAX)
    transcript_head_of(t, message->text, PROMPT_LINES_MAX - 4, STYLE_BOLD);
  else
    transcript_foreign(t, STYLE_BOLD, message->text, bytes, 0);
  transcript_put(t, STYLE_DIM, delivery < 4 ? deliveries[delivery] : "");
  if (!local) transcript_put_actor(t, STYLE_DIM, message->by);
  transcript_end_line(t);
  if (message->asset_id[0]) {
    transcript_put(t, STYLE_DIM, "(cut here; the whole text");
    transcript_fetch_words(t, message->asset_id);
    transcript_put(t, STYLE_DIM, ")\n");
  }
  transcript_attachments(t, message->attachments, message->n_attachments);
  transcript_break(t);
}

void transcript_notice(transcript *t, const Remote__V1__Notice *notice) {
  bool error = notice->level == REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_ERROR;
  bool warning = notice->level == REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING;
  unsigned style = error ? STYLE_RED : warning ? STYLE_YELLOW : STYLE_PLAIN;
  transcript_block(t, BLOCK_NOTE,
                   transcript_mark_text(t, error     ? MARK_ERROR
                                           : warning ? MARK_WARNING
                                                     : MARK_NOTE),
                   style, t->options.screen_reader ? "" : "  ", style);
  transcript_put(t, style, t->options.screen_reader ? "" : error ? "error: " : "notice: ");
  transcript_foreign(t, style, notice->text, strlen(notice->text), 0);
  if (notice->url[0]) transcript_put(t, style, "  ");
  transcript_words(t, STYLE_UNDERLINE, notice->url);
  transcript_break(t);
}

/* ---- the turn ---- */

/* "12.3k of 200.0k tokens, 0.42 USD". */
static void put_usage(transcript *t, const Remote__V1__Usage *usage) {
  const char *dot = transcript_mark_text(t, MARK_DOT);
  char number[24], size[24];
  if (!usage) return;
  if (usage->context_tokens) {
    short_number(usage->context_tokens, number);
    short_number(usage->context_size, size);
    transcript_printf(t, STYLE_DIM, "%s%s%s%s tokens in context", dot, number,
                      usage->context_size ? " of " : "", usage->context_size ? size : "");
  } else if (usage->input_tokens || usage->output_tokens) {
    short_number(usage->input_tokens, number);
    short_number(usage->output_tokens, size);
    transcript_printf(t, STYLE_DIM, "%s%s tokens in, %s out", dot, number, size);
  }
  if (!usage->cost_micros) return;
  transcript_printf(t, STYLE_DIM, "%s%" PRIu64 ".%03" PRIu64 " ", dot, usage->cost_micros / 1000000,
                    usage->cost_micros / 1000 % 1000);
  transcript_words(t, STYLE_DIM, usage->currency);
}

static void take_turn_end(transcript *t, const Remote__V1__Event *e) {
  const Remote__V1__TurnEnded *ended = e->turn_ended;
  unsigned style = ended->error[0] ? STYLE_RED : STYLE_DIM;
  char took[32] = "";
  if (t->turn_began_ms && e->at_ms > t->turn_began_ms)
    transcript_duration(e->at_ms - t->turn_began_ms, took);
  t->turn_began_ms = 0;
  begin(t, ended->error[0] ? MARK_ERROR : MARK_NOTE, style);
  transcript_put(t, style, "turn ended");
  if (strcmp(ended->stop_reason, "end_turn") || !t->options.width) {
    transcript_put(t, style, ": ");
    transcript_words(t, style, ended->stop_reason);
  }
  if (ended->error[0]) transcript_put(t, style, ": ");
  transcript_words(t, style, ended->error);
  transcript_put_actor(t, style, ended->cancelled_by);
  if (took[0]) transcript_printf(t, STYLE_DIM, "%s%s", transcript_mark_text(t, MARK_DOT), took);
  put_usage(t, ended->usage);
  transcript_break(t);
}

void transcript_queue(transcript *t, Remote__V1__QueuedPrompt **prompts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    begin(t, MARK_NOTE, STYLE_DIM);
    transcript_printf(t, STYLE_DIM, "queued %zu: ", i + 1);
    transcript_words(t, STYLE_PLAIN, prompts[i]->text);
    if (!prompts[i]->by || !prompts[i]->by->local)
      transcript_put_actor(t, STYLE_DIM, prompts[i]->by);
    transcript_break(t);
  }
}

static void take_queue(transcript *t, const Remote__V1__QueueChanged *queue) {
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_printf(t, STYLE_DIM, "queue: %zu prompt%s", queue->n_prompts,
                    queue->n_prompts == 1 ? " waits" : "s wait");
  transcript_break(t);
}

/* ---- plans ---- */

static void put_plan_entry(transcript *t, const Remote__V1__PlanEntry *entry) {
  static const char *const marks[][3] = {{"☐ ", "[ ] ", "To do: "},
                                         {"☐ ", "[ ] ", "To do: "},
                                         {"▶ ", "[>] ", "Now: "},
                                         {"☑ ", "[x] ", "Done: "}};
  static const unsigned styles[] = {STYLE_PLAIN, STYLE_PLAIN, STYLE_BOLD, STYLE_DIM};
  size_t status = (size_t)entry->status < 4 ? (size_t)entry->status : 0;
  size_t look = t->options.screen_reader ? 2 : t->options.symbols ? 0 : 1;
  transcript_put(t, status == 3 ? STYLE_GREEN : styles[status], marks[status][look]);
  wrap_hang(&t->out, look == 0 ? 2 : 4);
  transcript_words(t, styles[status], entry->text);
  if (entry->priority == REMOTE__V1__PLAN_PRIORITY__PLAN_PRIORITY_HIGH && status != 3)
    transcript_put(t, STYLE_YELLOW, " (important)");
  transcript_end_line(t);
}

/* "plan: 1 of 3 done, now: Write a note". */
static void put_plan_head(transcript *t, Remote__V1__PlanEntry **entries, size_t count,
                          bool with_now) {
  const char *now = NULL;
  size_t done = 0;
  for (size_t i = 0; i < count; i++) {
    done += entries[i]->status == REMOTE__V1__PLAN_STATUS__PLAN_STATUS_COMPLETED;
    if (!now && entries[i]->status == REMOTE__V1__PLAN_STATUS__PLAN_STATUS_IN_PROGRESS)
      now = entries[i]->text;
  }
  transcript_printf(t, STYLE_DIM, "plan: %zu of %zu done", done, count);
  if (now && with_now) {
    transcript_printf(t, STYLE_DIM, "%snow: ", transcript_mark_text(t, MARK_DOT));
    transcript_words(t, STYLE_PLAIN, now);
  }
  transcript_end_line(t);
}

/* All of it when its entries are new; one line when only their states are. */
void transcript_plan(transcript *t, Remote__V1__PlanEntry **entries, size_t count) {
  uint64_t texts = TRANSCRIPT_HASH_START, states = TRANSCRIPT_HASH_START;
  for (size_t i = 0; i < count; i++) {
    unsigned status = (unsigned)entries[i]->status;
    texts = transcript_hash(texts, entries[i]->text, strlen(entries[i]->text) + 1);
    states = transcript_hash(states, &status, sizeof status);
  }
  bool same = texts == t->plan_texts;
  if (count == 0 || (same && states == t->plan_states)) return;
  t->plan_texts = texts;
  t->plan_states = states;
  transcript_block(t, BLOCK_NOTE, transcript_mark_text(t, MARK_NOTE), STYLE_DIM,
                   t->options.screen_reader ? "" : "  ", STYLE_PLAIN);
  put_plan_head(t, entries, count, same);
  for (size_t i = 0; !same && i < count; i++) put_plan_entry(t, entries[i]);
  transcript_break(t);
}

static void take_plan_document(transcript *t, const Remote__V1__PlanDocumentChanged *changed) {
  line(t, changed->text[0] ? "plan document" : "plan document deleted", NULL, NULL);
  if (!changed->text[0]) return;
  transcript_gutter(t, transcript_mark_text(t, MARK_CARD), STYLE_DIM);
  transcript_document(t, changed->text);
  transcript_break(t);
}

/* ---- commands ---- */

static void take_outcome(transcript *t, const Remote__V1__CommandOutcome *outcome) {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  if (t->options.terse ||
      outcome->outcome == REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED)
    return;
  if (lrm_id_from(outcome->command_id.data, outcome->command_id.len, &id)) return;
  lrm_id_hex(&id, hex);
  begin(t, MARK_WARNING, STYLE_YELLOW);
  transcript_printf(t, STYLE_YELLOW, "command %.8s", hex);
  transcript_put_actor(t, STYLE_YELLOW, outcome->by);
  transcript_printf(t, STYLE_YELLOW, " %s", outcome_name((uint32_t)outcome->outcome));
  if (outcome->code)
    transcript_printf(t, STYLE_YELLOW, ": %s (%" PRIu32 ")", lrm_code_name(outcome->code),
                      outcome->code);
  if (outcome->reason[0]) transcript_put(t, STYLE_YELLOW, ": ");
  transcript_words(t, STYLE_YELLOW, outcome->reason);
  transcript_break(t);
}

/* ---- life of the session ---- */

static void take_start(transcript *t, const Remote__V1__SessionStarted *s) {
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_put(t, STYLE_DIM, "session started: ");
  transcript_words(t, STYLE_BOLD, s->agent);
  transcript_put(t, STYLE_DIM, " ");
  transcript_words(t, STYLE_DIM, s->agent_version);
  transcript_put(t, STYLE_DIM, " on ");
  transcript_words(t, STYLE_DIM, s->host);
  transcript_put(t, STYLE_DIM, " in ");
  transcript_foreign(t, STYLE_DIM, s->cwd.data, s->cwd.len, TERMINAL_TEXT_ONE_LINE);
  if (s->branch[0]) transcript_put(t, STYLE_DIM, ", branch ");
  transcript_words(t, STYLE_DIM, s->branch);
  transcript_break(t);
}

static void take_session_end(transcript *t, const Remote__V1__SessionEnded *ended) {
  static const char *const reasons[] = {"", "", "the agent exited", "the agent failed",
                                        "the host failed"};
  size_t reason = (size_t)ended->reason;
  bool bad = reason == REMOTE__V1__END_REASON__END_REASON_AGENT_FAILED ||
             reason == REMOTE__V1__END_REASON__END_REASON_HOST_FAILED;
  const char *word = reason < sizeof reasons / sizeof *reasons ? reasons[reason] : "";
  begin(t, bad ? MARK_ERROR : MARK_NOTE, bad ? STYLE_RED : STYLE_DIM);
  transcript_put(t, bad ? STYLE_RED : STYLE_DIM, "session ended");
  if (word[0]) transcript_printf(t, STYLE_DIM, ": %s", word);
  if (ended->exit_code) transcript_printf(t, STYLE_DIM, " (exit %" PRIu32 ")", ended->exit_code);
  if (ended->text[0]) transcript_put(t, STYLE_DIM, ": ");
  transcript_words(t, STYLE_DIM, ended->text);
  transcript_break(t);
}

static void take_remote_mode(transcript *t, const Remote__V1__RemoteModeChanged *changed) {
  static const char *const modes[] = {"off", "off", "view", "control"};
  size_t mode = (size_t)changed->mode;
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_printf(t, STYLE_DIM, "remote control: %s", modes[mode < 4 ? mode : 0]);
  transcript_put_actor(t, STYLE_DIM, changed->by);
  if (changed->reason[0]) transcript_put(t, STYLE_DIM, ": ");
  transcript_words(t, STYLE_DIM, changed->reason);
  transcript_break(t);
}

static void take_keep_alive(transcript *t, const Remote__V1__Event *e) {
  const Remote__V1__KeepAliveChanged *changed = e->keep_alive_changed;
  char left[32];
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_put(t, STYLE_DIM, "keep-alive: ");
  transcript_words(t, STYLE_DIM, changed->mode);
  if (changed->until_ms > e->at_ms) {
    transcript_duration(changed->until_ms - e->at_ms, left);
    if (left[0]) transcript_printf(t, STYLE_DIM, " (%s)", left);
  }
  transcript_put_actor(t, STYLE_DIM, changed->by);
  transcript_break(t);
}

static void take_device(transcript *t, const Remote__V1__AttachedDevice *device, const char *how) {
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_words(t, STYLE_DIM, device && device->name[0] ? device->name : "a device");
  transcript_printf(t, STYLE_DIM, " %s", how);
  transcript_break(t);
}

static void take_life(transcript *t, const Remote__V1__Event *e) {
  switch (e->body_case) {
    case REMOTE__V1__EVENT__BODY_SESSION_STARTED:
      take_start(t, e->session_started);
      break;
    case REMOTE__V1__EVENT__BODY_SESSION_RESUMED:
      line(t, "session resumed by a new host process", e->session_resumed->unknown_since, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_SESSION_ENDED:
      take_session_end(t, e->session_ended);
      break;
    case REMOTE__V1__EVENT__BODY_REMOTE_MODE_CHANGED:
      take_remote_mode(t, e->remote_mode_changed);
      break;
    case REMOTE__V1__EVENT__BODY_TITLE_CHANGED:
      line(t, "title", e->title_changed->title, e->title_changed->by);
      break;
    case REMOTE__V1__EVENT__BODY_CONTEXT_CLEARED:
      line(t, "the agent's context was cleared", e->context_cleared->reason, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_HISTORY_REWOUND:
      line(t, "the conversation was rewound", e->history_rewound->reason, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_KEEP_ALIVE_CHANGED:
      take_keep_alive(t, e);
      break;
    case REMOTE__V1__EVENT__BODY_DEVICE_ATTACHED:
      take_device(t, e->device_attached->device, "is attached now");
      break;
    case REMOTE__V1__EVENT__BODY_DEVICE_DETACHED:
      take_device(t, e->device_detached->device, "has left");
      break;
    default:
      break;
  }
}

/* ---- life of the agent ---- */

static void take_modes(transcript *t, const Remote__V1__ModesChanged *changed) {
  char name[sizeof t->mode];
  const char *shown = changed->current_mode_id;
  for (size_t i = 0; i < changed->n_modes; i++)
    if (!strcmp(changed->modes[i]->mode_id, changed->current_mode_id) && changed->modes[i]->name[0])
      shown = changed->modes[i]->name;
  snprintf(name, sizeof name, "%s", changed->current_mode_id);
  if (!name[0] || !strcmp(name, t->mode)) return; /* only the list is new */
  memcpy(t->mode, name, sizeof name);
  line(t, "mode", shown, changed->by);
}

static void take_options(transcript *t, const Remote__V1__ConfigOptionsChanged *changed) {
  const char *dot = transcript_mark_text(t, MARK_DOT);
  if (!changed->by) return;
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_put(t, STYLE_DIM, "options changed");
  transcript_put_actor(t, STYLE_DIM, changed->by);
  for (size_t i = 0; i < changed->n_options && i < 8; i++) {
    transcript_put(t, STYLE_DIM, dot);
    transcript_words(t, STYLE_DIM, changed->options[i]->option_id);
    transcript_put(t, STYLE_DIM, " = ");
    transcript_words(t, STYLE_DIM, changed->options[i]->current_value);
  }
  transcript_break(t);
}

static void take_subagent(transcript *t, const Remote__V1__SubagentStarted *started) {
  transcript_agent *agent = &t->agents[t->agents_next % TRANSCRIPT_AGENTS_MAX];
  for (size_t i = 0; i < TRANSCRIPT_AGENTS_MAX; i++)
    if (!strcmp(t->agents[i].id, started->agent_id)) agent = &t->agents[i];
  t->agents_next += agent == &t->agents[t->agents_next % TRANSCRIPT_AGENTS_MAX];
  snprintf(agent->id, sizeof agent->id, "%s", started->agent_id);
  const char *name = started->name[0] ? started->name : started->agent_id;
  terminal_text_copy(agent->name, sizeof agent->name, name, strlen(name), TERMINAL_TEXT_ONE_LINE);
  begin(t, MARK_NOTE, STYLE_DIM);
  transcript_put(t, STYLE_DIM, "sub-agent began: ");
  transcript_put(t, STYLE_BOLD, agent->name);
  if (started->task[0]) transcript_put(t, STYLE_DIM, ": ");
  transcript_foreign(t, STYLE_DIM, started->task, strnlen(started->task, 300),
                     TERMINAL_TEXT_ONE_LINE);
  transcript_break(t);
}

static void take_subagent_end(transcript *t, const Remote__V1__SubagentEnded *ended) {
  char name[64];
  transcript_agent_name(t, ended->agent_id, name, sizeof name);
  begin(t, ended->failed ? MARK_ERROR : MARK_NOTE, ended->failed ? STYLE_RED : STYLE_DIM);
  transcript_printf(t, STYLE_DIM, "sub-agent %s: ", ended->failed ? "failed" : "ended");
  transcript_put(t, STYLE_BOLD, name);
  if (ended->text[0]) transcript_put(t, STYLE_DIM, ": ");
  transcript_foreign(t, STYLE_DIM, ended->text, strnlen(ended->text, 600), TERMINAL_TEXT_ONE_LINE);
  transcript_break(t);
}

static void take_agent_life(transcript *t, const Remote__V1__Event *e) {
  switch (e->body_case) {
    case REMOTE__V1__EVENT__BODY_MODES_CHANGED:
      take_modes(t, e->modes_changed);
      break;
    case REMOTE__V1__EVENT__BODY_PERMISSION_MODE_CHANGED:
      line(t,
           e->permission_mode_changed->elevated ? "permission mode (asks less than usual)"
                                                : "permission mode",
           e->permission_mode_changed->mode, e->permission_mode_changed->by);
      break;
    case REMOTE__V1__EVENT__BODY_CONFIG_OPTIONS_CHANGED:
      take_options(t, e->config_options_changed);
      break;
    case REMOTE__V1__EVENT__BODY_PLAN_DOCUMENT_CHANGED:
      take_plan_document(t, e->plan_document_changed);
      break;
    case REMOTE__V1__EVENT__BODY_SUBAGENT_STARTED:
      take_subagent(t, e->subagent_started);
      break;
    case REMOTE__V1__EVENT__BODY_SUBAGENT_ENDED:
      take_subagent_end(t, e->subagent_ended);
      break;
    case REMOTE__V1__EVENT__BODY_COMPACTION_STARTED:
      line(t, "the agent compacts its context", NULL, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_COMPACTION_ENDED:
      line(t, "compaction ended",
           e->compaction_ended->summary[0] ? e->compaction_ended->summary
                                           : e->compaction_ended->status,
           NULL);
      break;
    case REMOTE__V1__EVENT__BODY_AGENT_EXTENSION:
      /* Whole in the log; on a screen it would only be noise. */
      if (!t->options.width) line(t, "the agent says", e->agent_extension->name, NULL);
      break;
    default:
      break;
  }
}

void transcript_plain_event(transcript *t, const Remote__V1__Event *e) {
  switch (e->body_case) {
    case REMOTE__V1__EVENT__BODY_USER_MESSAGE:
      transcript_user_message(t, e->user_message);
      break;
    case REMOTE__V1__EVENT__BODY_NOTICE:
      transcript_notice(t, e->notice);
      break;
    case REMOTE__V1__EVENT__BODY_STATUS_CHANGED:
      if (!t->options.terse)
        line(t, session_status_name((uint32_t)e->status_changed->status),
             e->status_changed->activity, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_TURN_STARTED:
      t->turn_began_ms = e->at_ms;
      break;
    case REMOTE__V1__EVENT__BODY_TURN_ENDED:
      take_turn_end(t, e);
      break;
    case REMOTE__V1__EVENT__BODY_QUEUE_CHANGED:
      if (!t->options.terse) take_queue(t, e->queue_changed);
      break;
    case REMOTE__V1__EVENT__BODY_PLAN_UPDATED:
      transcript_plan(t, e->plan_updated->entries, e->plan_updated->n_entries);
      break;
    case REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME:
      take_outcome(t, e->command_outcome);
      break;
    default:
      take_life(t, e);
      take_agent_life(t, e);
      break;
  }
}

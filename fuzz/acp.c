/* The ACP adapter: the input is what the agent writes, line by line. Lines that begin with '!' are
 * what people and time do in between: !p TEXT prompts, !a N OPTION answers the N-th ask, !c
 * cancels, !m MODE and !o OPTION VALUE set, !s WAY and !r sign in, !x closes, !t lets time pass, !g
 * ends the agent; '?' before a line
 * gives it the id of the last request, so that responses fit. Holds: every event passes a reader's
 * preflight and is within the message limit; asks end once; turns end only when they run. */
#include <string.h>

#include "acp_session.h"
#include "jsonrpc.h"
#include "memory.h"
#include "remote/message.h"
#include "schema.h"
#include "target.h"

#define ASKS_MAX 512

typedef struct world {
  acp_session *session;
  lrm_id asks[ASKS_MAX];
  bool open[ASKS_MAX];
  size_t ask_count;
  bool turn;
  uint64_t now_ns;
  long last_id; /* of the last request to the agent */
} world;

static void check_event(const Remote__V1__Event *event) {
  size_t bytes = remote__v1__event__get_packed_size(event);
  FUZZ_CHECK(bytes <= LRM_MESSAGE_BYTES_MAX);
  uint8_t *packed = memory_zero(bytes);
  remote__v1__event__pack(event, packed);
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  lrm_preflight_report report;
  int result = lrm_preflight(&lrm_schema_Event, packed, bytes, &limits, &report);
  if (result != 0)
    fprintf(stderr, "body %d: %s in %s\n", (int)event->body_case,
            report.error_text != NULL ? report.error_text : "?",
            report.error_field != NULL ? report.error_field : "?");
  FUZZ_CHECK(result == 0);
  free(packed);
}

static void on_event(void *user, const Remote__V1__Event *event) {
  (void)user;
  check_event(event);
}

static void on_complete(void *user, const char *message_id) {
  (void)user;
  FUZZ_CHECK(message_id[0] != '\0' && strlen(message_id) < 128);
}

static bool on_ask(void *user, const Remote__V1__Ask *ask, lrm_id *ask_id) {
  world *w = user;
  if (w->ask_count == ASKS_MAX) return false;
  lrm_id id = {{0}};
  memcpy(id.bytes + 4, &w->ask_count, sizeof w->ask_count);
  id.bytes[0] = 1;
  Remote__V1__Ask with_id = *ask;
  Remote__V1__AskOpened opened = REMOTE__V1__ASK_OPENED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  with_id.ask_id.data = id.bytes;
  with_id.ask_id.len = sizeof id.bytes;
  opened.ask = &with_id;
  event.body_case = REMOTE__V1__EVENT__BODY_ASK_OPENED;
  event.ask_opened = &opened;
  check_event(&event);
  w->asks[w->ask_count] = *ask_id = id;
  w->open[w->ask_count++] = true;
  return true;
}

static void on_end_ask(void *user, const lrm_id *ask_id, Remote__V1__AskOutcome outcome,
                       const char *reason) {
  world *w = user;
  (void)outcome;
  (void)reason;
  for (size_t i = 0; i < w->ask_count; i++) {
    if (!lrm_id_equal(&w->asks[i], ask_id)) continue;
    FUZZ_CHECK(w->open[i]);
    w->open[i] = false;
    return;
  }
  FUZZ_CHECK(!"an ask that was never opened");
}

static void on_turn_ended(void *user, const Remote__V1__TurnEnded *ended) {
  world *w = user;
  union {
    const Remote__V1__TurnEnded *in;
    Remote__V1__TurnEnded *out;
  } body = {.in = ended};
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_TURN_ENDED;
  event.turn_ended = body.out;
  check_event(&event);
  FUZZ_CHECK(w->turn);
  w->turn = false;
}

static void on_finish(void *user, const lrm_id *command_id, uint32_t code, const char *reason) {
  (void)user;
  (void)command_id;
  (void)code;
  FUZZ_CHECK(reason != NULL);
}

static void on_initialized(void *user, const acp_agent_facts *facts) {
  (void)user;
  FUZZ_CHECK(facts->name != NULL && facts->version != NULL);
}

static void on_ready(void *user, const char *agent_session_id, bool loaded) {
  (void)user;
  (void)loaded;
  FUZZ_CHECK(agent_session_id != NULL);
}

static void on_failed(void *user, acp_failure failure, const char *text) {
  (void)user;
  FUZZ_CHECK(failure != 0 && text != NULL);
}

/* Somebody is there to choose: the session goes on from there by FEED. */
static bool on_sign_in(void *user, const char *why) {
  (void)user;
  FUZZ_CHECK(why != NULL);
  return true;
}

static const acp_sink sink = {.emit = on_event,
                              .delta = on_event,
                              .tail = on_event,
                              .complete_stream = on_complete,
                              .ask = on_ask,
                              .end_ask = on_end_ask,
                              .turn_ended = on_turn_ended,
                              .finish = on_finish,
                              .sign_in = on_sign_in,
                              .initialized = on_initialized,
                              .ready = on_ready,
                              .failed = on_failed};

static void on_send(void *user, const char *line, size_t bytes) {
  world *w = user;
  FUZZ_CHECK(bytes > 0 && line[bytes - 1] == '\n');
  FUZZ_CHECK(memchr(line, '\n', bytes - 1) == NULL);
  const char *id = memmem(line, bytes, "\"id\":", 5);
  if (id != NULL && memmem(line, bytes, "\"method\":", 9) != NULL)
    w->last_id = strtol(id + 5, NULL, 10);
}

static void answer(world *w, const char *words) {
  char *rest;
  unsigned long n = strtoul(words, &rest, 10);
  while (*rest == ' ') rest++;
  if (n >= w->ask_count || !w->open[n]) return;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  char option[128];
  snprintf(option, sizeof option, "%s", rest);
  if (rest[0] == '{')
    content.json = rest;
  else
    content.option_id = option;
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = &content;
  char why[512];
  if (!acp_session_answer_fits(w->session, &w->asks[n], &content, why, sizeof why)) {
    FUZZ_CHECK(why[0] != '\0');
    return;
  }
  w->open[n] = false;
  acp_session_answer(w->session, &w->asks[n], &resolved, w->now_ns);
}

/* True: the agent is gone. */
static bool act(world *w, char *line) {
  char *words = line[1] != '\0' && line[2] == ' ' ? line + 3 : line + strlen(line);
  char *space = strchr(words, ' ');
  switch (line[1]) {
    case 'p':
      if (acp_session_prompt(w->session, "turn", words, NULL, 0, NULL, w->now_ns)) w->turn = true;
      break;
    case 'a':
      answer(w, words);
      break;
    case 'c':
      acp_session_cancel(w->session, NULL, w->now_ns);
      break;
    case 'm':
      acp_session_set_mode(w->session, words, NULL, NULL, w->now_ns);
      break;
    case 'o':
      if (space == NULL) break;
      *space = '\0';
      acp_session_set_option(w->session, words, space + 1, NULL, NULL, w->now_ns);
      break;
    case 's':
      acp_session_sign_in(w->session, words, w->now_ns);
      break;
    case 'r':
      acp_session_sign_in_again(w->session, w->now_ns);
      break;
    case 'x':
      acp_session_close(w->session);
      break;
    case 't':
      w->now_ns += 31ull * 1000000000ull;
      acp_session_expire(w->session, w->now_ns);
      break;
    case 'g':
      acp_session_gone(w->session, "gone", w->now_ns);
      return true;
    default:
      break;
  }
  return false;
}

static void respond(world *w, const char *rest, size_t bytes) {
  char *line;
  int n = asprintf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%ld,%.*s\n", w->last_id, (int)bytes, rest);
  FUZZ_CHECK(n > 0);
  acp_session_feed(w->session, line, (size_t)n, w->now_ns);
  free(line);
}

static bool take(world *w, const char *line, size_t bytes) {
  bool gone = false;
  if (bytes > 1 && line[0] == '!') {
    char *copy = memory_text(line, bytes);
    gone = act(w, copy);
    free(copy);
  } else if (bytes > 0 && line[0] == '?') {
    respond(w, line + 1, bytes - 1);
  } else {
    acp_session_feed(w->session, line, bytes, w->now_ns);
    acp_session_feed(w->session, "\n", 1, w->now_ns);
  }
  return gone;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static redactor *redact;
  char error[64];
  world w = {.now_ns = 1};
  const redact_config redacting = {.defaults = true};
  if (redact == NULL) redact = redactor_create(&redacting, error, sizeof error);
  acp_history *history = acp_history_create();
  acp_history_add(history, ACP_ROLE_USER, "h", 0, "first", 5);
  acp_history_add_tool(history, "call-1");
  acp_session_config config = {.sink = &sink,
                               .sink_user = &w,
                               .send = on_send,
                               .send_user = &w,
                               .cwd = "/home/user/project",
                               .resume_id = size > 0 && data[0] == 'L' ? "s1" : NULL,
                               .history = history,
                               .id_token = "f",
                               .version = "0",
                               .redact = redact};
  w.session = acp_session_create(&config, w.now_ns);
  const char *at = (const char *)data, *end = at + size;
  bool gone = false;
  while (at < end && !gone) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t bytes = stop != NULL ? (size_t)(stop - at) : (size_t)(end - at);
    gone = take(&w, at, bytes);
    at += bytes + 1;
  }
  if (!gone) acp_session_gone(w.session, "end", w.now_ns);
  FUZZ_CHECK(!w.turn); /* a turn that ran has ended */
  acp_session_destroy(w.session);
  acp_history_destroy(history);
  return 0;
}

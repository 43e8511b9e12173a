/* Steps that send updates at a kept rate: SLOW words of one message, MIX of all that a turn is made
 * of. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

/* Behind by more than this it does not catch up: the reader was stopped, not slow. */
#define BEHIND_MS_MAX 1000

static void begin(demo_session *session, const char *text, unsigned n, unsigned ms,
                  void (*tick)(demo_session *session)) {
  demo_turn *turn = &session->turn;
  char *rest = NULL, *end = NULL;
  unsigned long first = strtoul(text, &rest, 10);
  if (rest != text && first > 0 && first <= 1000000) n = (unsigned)first;
  unsigned long second = rest != text ? strtoul(rest, &end, 10) : 0;
  if (end != NULL && end != rest && second <= 600000) ms = (unsigned)second;
  turn->done = 0;
  turn->total = n;
  turn->pause_ms = ms;
  turn->tick = tick;
  turn->wait = DEMO_WAIT_TIME;
  turn->due_ms = demo_now_ms() + ms;
  session->counter++;
}

/* The next is due a pause after this one was, not after it was sent: the rate stays. */
static void next(demo_turn *turn) {
  uint64_t now = demo_now_ms();
  turn->due_ms += turn->pause_ms;
  if (turn->due_ms + BEHIND_MS_MAX < now) turn->due_ms = now;
  if (turn->done >= turn->total) turn->wait = DEMO_WAIT_NOTHING;
}

static void words(demo_session *session, const char *kind, const char *id, const char *text) {
  demo_send_update(session, json_pack("{s:s,s:s,s:o}", "sessionUpdate", kind, "messageId", id,
                                      "content", demo_text_block(text, strlen(text))));
}

static void slow_tick(demo_session *session) {
  demo_turn *turn = &session->turn;
  char text[64], id[32];
  snprintf(text, sizeof text, "slow %u/%u\n", ++turn->done, turn->total);
  snprintf(id, sizeof id, "msg-%u", session->counter);
  words(session, "agent_message_chunk", id, text);
  next(turn);
}

void demo_slow(demo_session *session, const char *text) {
  begin(session, text, 10, 100, slow_tick);
}

/* ---- MIX: rounds of 25 updates ---- */

#define ROUND 25

static void tool(demo_session *session, const char *id, unsigned round, unsigned step) {
  char text[160];
  if (step == 0) {
    snprintf(text, sizeof text, "make part-%u", round);
    demo_send_update(session,
                     json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s}}", "sessionUpdate", "tool_call",
                               "toolCallId", id, "title", text, "kind", "execute", "status",
                               "in_progress", "rawInput", "command", text));
    return;
  }
  /* Content is replaced as a whole by each update, as agents do it while a command runs. */
  char all[1024] = "";
  for (unsigned i = 1; i <= step; i++) {
    size_t at = strlen(all);
    snprintf(all + at, sizeof all - at, "\x1b[32m[%u/7]\x1b[0m building part %u of round %u\n", i,
             i, round);
  }
  json_t *content =
      json_pack("[{s:s,s:o}]", "type", "content", "content", demo_text_block(all, strlen(all)));
  if (step == 7) {
    snprintf(text, sizeof text, "src/part-%u.c", round);
    json_array_append_new(content, json_pack("{s:s,s:s,s:s,s:s}", "type", "diff", "path", text,
                                             "oldText", "int part(void) {\n  return 0;\n}\n",
                                             "newText", "int part(void) {\n  return 1;\n}\n"));
  }
  demo_send_update(
      session, json_pack("{s:s,s:s,s:s,s:o}", "sessionUpdate", "tool_call_update", "toolCallId", id,
                         "status", step == 7 ? "completed" : "in_progress", "content", content));
}

static void mix_tick(demo_session *session) {
  static const char *const said[] = {"\n\nRound ", "of the build: ", "the **linker** ",
                                     "takes ",     "`part.o` ",      "and says ",
                                     "nothing ",   "more.\n\n"};
  demo_turn *turn = &session->turn;
  unsigned at = turn->done++, round = at / ROUND, step = at % ROUND;
  char text[96], id[48];
  if (turn->done == turn->total) {
    /* The last one can be waited for. */
    snprintf(id, sizeof id, "msg-%u-end", session->counter);
    snprintf(text, sizeof text, "mix %u/%u\n", turn->done, turn->total);
    words(session, "agent_message_chunk", id, text);
  } else if (step < 6) {
    snprintf(id, sizeof id, "thought-%u-%u", session->counter, round);
    snprintf(text, sizeof text, "weighing %u, ", step);
    words(session, "agent_thought_chunk", id, text);
  } else if (step < 14) {
    snprintf(id, sizeof id, "call-%u-%u", session->counter, round);
    tool(session, id, round, step - 6);
  } else if (step < 15) {
    json_t *entries = json_array();
    for (unsigned i = 0; i < 4; i++) {
      snprintf(text, sizeof text, "Build part %u", i);
      json_array_append_new(
          entries, json_pack("{s:s,s:s,s:s}", "content", text, "priority", "medium", "status",
                             i < round % 4    ? "completed"
                             : i == round % 4 ? "in_progress"
                                              : "pending"));
    }
    demo_send_update(session, json_pack("{s:s,s:o}", "sessionUpdate", "plan", "entries", entries));
  } else {
    snprintf(id, sizeof id, "msg-%u-%u", session->counter, round);
    words(session, "agent_message_chunk", id, said[(step - 15) % (sizeof said / sizeof *said)]);
  }
  next(turn);
}

void demo_mix(demo_session *session, const char *text) { begin(session, text, 250, 20, mix_tick); }

/* A host for tests, made with the library as the author of an agent's program would make it; the
 * agent is whoever writes to its standard input. With it a test opens asks, options and turns that
 * no agent at hand offers.
 *
 *   remote-play --relay URL --token-file F [--session JSON] [--remote view|control]
 *   --session  fields of SessionStarted: {"title":"...","can_steer":true,"cwd":HEX}
 *
 * One JSON object a line, one member each; messages as conformance/README.md writes them:
 *   {"emit":EVENT} {"delta":EVENT} {"complete_stream":"ID"} {"ask":ASK} {"ask_hex":HEX}
 *   {"end_ask":{"ask":HEX,"outcome":"WITHDRAWN","reason":"..."}}
 *   {"answer":{"ask":HEX,"option":"..."}}   the person at this machine
 *   {"turn_ended":TURN_ENDED} {"cancel":true}
 *   {"auto":false}                          remote actions are not taken by themselves any more
 *   {"finish":{"command":HEX,"code":0,"reason":""}}
 * Answers, in the order of the lines: {"done":N}, of an ask {"done":N,"ask":HEX}, or
 * {"failed":N,"why":"..."}; N counts from 1. Besides, as it happens:
 *   {"session":HEX} {"up":true} {"action":"ANSWER","command":HEX,"ask":HEX,"turn":"...",
 *    "text":"...","value":"...","attachments":N,"resolution":ASK_RESOLVED}
 * It ends with its input. Exit: 0, 1 fault, 2 wrong use. */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../../conformance/testees/parts_json.h"
#include "remote/carrier_uv.h"
#include "remote/host.h"
#include "remote/log_memory.h"
#include "remote/v1/event.pb-c.h"

enum { LINE_BYTES_MAX = 4 << 20 };

typedef struct play {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_pipe_t input;
  lrm_store *store;
  lrm_uv_committer *committer;
  lrm_host *host;
  lrm_link *link;
  lrm_uv_drive *drive;
  char *line;
  size_t line_bytes, line_capacity;
  uint64_t lines;
  bool manual, stopping;
  int exit_code;
} play;

static uint64_t now(const play *p) { return lrm_uv_now_ns(&p->loop); }

static void say(json_t *told) {
  char *text = json_dumps(told, JSON_COMPACT);
  if (text != NULL) puts(text);
  fflush(stdout);
  free(text);
  json_decref(told);
}

static json_t *id_json(const lrm_id *id) { return json_of_bytes(id->bytes, sizeof id->bytes); }

static void stopped(void *user) { uv_stop(&((play *)user)->loop); }

static void stop(play *p, int code) {
  if (p->stopping) return;
  p->stopping = true;
  p->exit_code = code;
  lrm_uv_drive_stop(p->drive, LRM_CODE_NORMAL, stopped, p);
}

static void check(play *p, const char *what, int result) {
  if (result == 0) return;
  fprintf(stderr, "play: %s: %s\n", what, lrm_error_text(result));
  stop(p, 1);
}

/* ---- what the host hands out ---- */

static char *copy(const char *text) {
  char *mine = strdup(text);
  if (mine == NULL) abort();
  return mine;
}

static void tell(const lrm_host_action *action) {
  static const char *const names[] = {
      [LRM_ACTION_PROMPT] = "PROMPT",         [LRM_ACTION_STEER] = "STEER",
      [LRM_ACTION_ANSWER] = "ANSWER",         [LRM_ACTION_CANCEL] = "CANCEL",
      [LRM_ACTION_SET_MODE] = "SET_MODE",     [LRM_ACTION_SET_OPTION] = "SET_OPTION",
      [LRM_ACTION_SET_TITLE] = "SET_TITLE",   [LRM_ACTION_SLASH] = "SLASH",
      [LRM_ACTION_END_REMOTE] = "END_REMOTE", [LRM_ACTION_RESTART_LINK] = "RESTART_LINK"};
  json_t *told = json_pack("{ss ss ss ss si}", "action", names[action->type], "text", action->text,
                           "value", action->value, "turn", action->turn_id, "attachments",
                           (int)action->attachments_count);
  if (!lrm_id_none(&action->command_id))
    json_object_set_new(told, "command", id_json(&action->command_id));
  if (!lrm_id_none(&action->ask_id)) json_object_set_new(told, "ask", id_json(&action->ask_id));
  if (action->resolution != NULL)
    json_object_set_new(told, "resolution", json_of_message(&action->resolution->base));
  if (action->type == LRM_ACTION_RESTART_LINK)
    json_object_set_new(told, "code", json_integer(action->code));
  say(told);
}

static bool wants_word(const lrm_host_action *action) {
  return !lrm_id_none(&action->command_id) && action->type != LRM_ACTION_ANSWER &&
         action->type != LRM_ACTION_END_REMOTE && action->type != LRM_ACTION_SET_TITLE;
}

static void take(play *p, const lrm_host_action *action) {
  lrm_id id = action->command_id;
  tell(action);
  if (p->manual || !wants_word(action)) return;
  int result = lrm_host_finish(p->host, &id, 0, "", lrm_uv_wall_ms(), now(p));
  if (result != LRM_ERR_NOT_FOUND) check(p, "finish", result);
}

static void changed(play *p);

static void on_timer(uv_timer_t *timer) {
  play *p = timer->data;
  if (lrm_host_deadline(p->host) <= now(p))
    check(p, "time", lrm_host_expire(p->host, lrm_uv_wall_ms(), now(p)));
  changed(p);
}

/* The end of each turn of the loop in which the host was called. */
static void changed(play *p) {
  lrm_host_action action;
  while (!p->stopping && lrm_host_next_action(p->host, &action)) take(p, &action);
  if (lrm_store_dirty(p->store)) lrm_uv_committer_kick(p->committer);
  if (p->drive != NULL && !p->stopping) lrm_uv_drive_kick(p->drive);
  uint64_t due_ns = lrm_host_deadline(p->host), now_ns = now(p), wait_ms = 1000;
  if (due_ns <= now_ns)
    wait_ms = 1;
  else if (due_ns - now_ns < wait_ms * 1000000)
    wait_ms = (due_ns - now_ns) / 1000000 + 1;
  uv_timer_start(&p->timer, on_timer, wait_ms, 0);
}

static void on_settled(void *user, int result) {
  play *p = user;
  check(p, "journal", result);
  if (result == 0) check(p, "settled", lrm_host_settled(p->host, lrm_uv_wall_ms(), now(p)));
  changed(p);
}

/* ---- the relay ---- */

static void link_event(void *user, lrm_link *link, const lrm_link_event *event) {
  play *p = user;
  (void)link;
  if (event->type == LRM_LINK_EVENT_REFUSED && !lrm_code_reconnects(event->problem->code)) {
    fprintf(stderr, "play: refused: %s\n", event->problem->reason);
    stop(p, 1);
  }
  if (event->type == LRM_LINK_EVENT_WELCOME) say(json_pack("{sb}", "up", 1));
  int result = lrm_host_link_event(p->host, event, lrm_uv_wall_ms(), now(p));
  if (lrm_error_class(result) != LRM_ERROR_PEER) check(p, "link", result);
  changed(p);
}

static int link_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)link;
  return lrm_host_fetch(((play *)user)->host, want, frame);
}

static void link_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  play *p = user;
  (void)link;
  (void)text;
  (void)retry_ns;
  lrm_host_link_down(p->host);
}

static const lrm_uv_drive_ops drive_ops = {link_event, link_fetch, link_down, NULL};

/* ---- what the agent says ---- */

static const char *text_of(json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text != NULL ? text : "";
}

static bool id_of(json_t *object, const char *name, lrm_id *id) {
  const char *text = text_of(object, name);
  return lrm_id_parse(text, strlen(text), id) == 0;
}

/* What one line does: 0, a code of the library, or 1 with `why`. */
typedef int (*act)(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes);

static int act_event(play *p, json_t *value, char *why, size_t why_bytes,
                     int (*take_it)(lrm_host *, const Remote__V1__Event *, uint64_t, uint64_t)) {
  ProtobufCMessage *message =
      json_to_message(&remote__v1__event__descriptor, value, why, why_bytes);
  if (message == NULL) return 1;
  int result = take_it(p->host, (const Remote__V1__Event *)message, lrm_uv_wall_ms(), now(p));
  protobuf_c_message_free_unpacked(message, NULL);
  return result;
}

static int act_emit(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  return act_event(p, value, why, why_bytes, lrm_host_emit);
}

static int act_delta(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  return act_event(p, value, why, why_bytes, lrm_host_delta);
}

static int act_complete_stream(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  (void)why;
  (void)why_bytes;
  const char *id = json_string_value(value);
  if (id == NULL) return LRM_ERR_USAGE;
  return lrm_host_complete_stream(p->host, id, lrm_uv_wall_ms(), now(p));
}

static int act_ask(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  ProtobufCMessage *message = json_to_message(&remote__v1__ask__descriptor, value, why, why_bytes);
  if (message == NULL) return 1;
  int result =
      lrm_host_ask(p->host, (const Remote__V1__Ask *)message, ask, lrm_uv_wall_ms(), now(p));
  protobuf_c_message_free_unpacked(message, NULL);
  return result;
}

/* Bytes, so that it can be an ask of a later version. */
static int act_ask_hex(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  size_t bytes = 0;
  uint8_t *data = json_is_string(value) ? json_hex(json_string_value(value), &bytes) : NULL;
  Remote__V1__Ask *message = data != NULL ? remote__v1__ask__unpack(NULL, bytes, data) : NULL;
  free(data);
  if (message == NULL) {
    snprintf(why, why_bytes, "no Ask");
    return 1;
  }
  int result = lrm_host_ask(p->host, message, ask, lrm_uv_wall_ms(), now(p));
  remote__v1__ask__free_unpacked(message, NULL);
  return result;
}

static int act_end_ask(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  lrm_id id;
  int outcome = json_enum(&remote__v1__ask_outcome__descriptor, json_object_get(value, "outcome"));
  if (!id_of(value, "ask", &id) || outcome < 0) {
    snprintf(why, why_bytes, "no such ask or outcome");
    return 1;
  }
  return lrm_host_end_ask(p->host, &id, (Remote__V1__AskOutcome)outcome, text_of(value, "reason"),
                          lrm_uv_wall_ms(), now(p));
}

static int act_answer(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  lrm_id id;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  if (!id_of(value, "ask", &id)) {
    snprintf(why, why_bytes, "no such ask");
    return 1;
  }
  char *option = copy(text_of(value, "option"));
  content.option_id = option;
  int result = lrm_host_answer_local(p->host, &id, &content, lrm_uv_wall_ms(), now(p));
  free(option);
  return result;
}

static int act_turn_ended(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  ProtobufCMessage *message =
      json_to_message(&remote__v1__turn_ended__descriptor, value, why, why_bytes);
  if (message == NULL) return 1;
  int result = lrm_host_turn_ended(p->host, (const Remote__V1__TurnEnded *)message,
                                   lrm_uv_wall_ms(), now(p));
  protobuf_c_message_free_unpacked(message, NULL);
  return result;
}

static int act_cancel(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)value;
  (void)ask;
  (void)why;
  (void)why_bytes;
  return lrm_host_cancel_local(p->host, lrm_uv_wall_ms(), now(p));
}

static int act_auto(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  (void)why;
  (void)why_bytes;
  p->manual = !json_is_true(value);
  return 0;
}

static int act_finish(play *p, json_t *value, lrm_id *ask, char *why, size_t why_bytes) {
  (void)ask;
  lrm_id id;
  if (!id_of(value, "command", &id)) {
    snprintf(why, why_bytes, "no such command");
    return 1;
  }
  return lrm_host_finish(p->host, &id, (uint32_t)json_integer_value(json_object_get(value, "code")),
                         text_of(value, "reason"), lrm_uv_wall_ms(), now(p));
}

static int do_line(play *p, json_t *line, lrm_id *ask, char *why, size_t why_bytes) {
  static const struct {
    const char *name;
    act act;
  } acts[] = {{"emit", act_emit},
              {"delta", act_delta},
              {"complete_stream", act_complete_stream},
              {"ask", act_ask},
              {"ask_hex", act_ask_hex},
              {"end_ask", act_end_ask},
              {"answer", act_answer},
              {"turn_ended", act_turn_ended},
              {"cancel", act_cancel},
              {"auto", act_auto},
              {"finish", act_finish}};
  void *first = json_object_iter(line);
  const char *name = first != NULL ? json_object_iter_key(first) : "";
  for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
    if (strcmp(acts[i].name, name) == 0)
      return acts[i].act(p, json_object_iter_value(first), ask, why, why_bytes);
  snprintf(why, why_bytes, "nothing is called %.80s", name);
  return 1;
}

static void take_line(play *p, const char *text, size_t bytes) {
  json_error_t error;
  char why[300] = "";
  lrm_id ask = {{0}};
  json_t *line = json_loadb(text, bytes, 0, &error);
  int result = line != NULL ? do_line(p, line, &ask, why, sizeof why) : 1;
  if (line == NULL) snprintf(why, sizeof why, "no JSON: %.200s", error.text);
  json_decref(line);
  json_t *told = json_pack("{sI}", result == 0 ? "done" : "failed", (json_int_t)++p->lines);
  if (result != 0)
    json_object_set_new(told, "why", json_string(result == 1 ? why : lrm_error_text(result)));
  if (result == 0 && !lrm_id_none(&ask)) json_object_set_new(told, "ask", id_json(&ask));
  say(told);
}

static void room(uv_handle_t *handle, size_t wanted, uv_buf_t *out) {
  play *p = handle->data;
  (void)wanted;
  if (p->line_capacity - p->line_bytes < 4096) {
    p->line_capacity = 2 * p->line_capacity + 65536;
    p->line = realloc(p->line, p->line_capacity);
    if (p->line == NULL) abort();
  }
  *out = uv_buf_init(p->line + p->line_bytes, (unsigned)(p->line_capacity - p->line_bytes));
}

static void on_input(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer) {
  play *p = stream->data;
  (void)buffer;
  if (bytes < 0) {
    uv_read_stop(stream);
    stop(p, 0);
    return;
  }
  p->line_bytes += (size_t)bytes;
  char *from = p->line;
  for (char *end; (end = memchr(from, '\n', p->line_bytes - (size_t)(from - p->line))) != NULL;
       from = end + 1)
    if (!p->stopping) take_line(p, from, (size_t)(end - from));
  p->line_bytes -= (size_t)(from - p->line);
  memmove(p->line, from, p->line_bytes);
  if (p->line_bytes > LINE_BYTES_MAX) {
    fprintf(stderr, "play: a line has more than %d bytes\n", LINE_BYTES_MAX);
    stop(p, 1);
  }
  changed(p);
}

/* ---- life ---- */

/* What asks less is for the person at this machine, as the agent itself says which that is. */
static bool elevates_mode(void *user, const char *mode_id) {
  const Remote__V1__SessionState *state = lrm_host_state(((play *)user)->host);
  for (size_t i = 0; i < state->n_modes; i++)
    if (strcmp(state->modes[i]->mode_id, mode_id) == 0) return state->modes[i]->elevating;
  return false;
}

static bool elevates_option(void *user, const char *option_id, const char *value) {
  const Remote__V1__SessionState *state = lrm_host_state(((play *)user)->host);
  for (size_t i = 0; i < state->n_options; i++) {
    const Remote__V1__ConfigOption *option = state->options[i];
    for (size_t k = 0; strcmp(option->option_id, option_id) == 0 && k < option->n_values; k++)
      if (strcmp(option->values[k]->value, value) == 0) return option->values[k]->elevating;
  }
  return false;
}

static bool slash_known(void *user, const char *name) {
  const Remote__V1__SessionState *state = lrm_host_state(((play *)user)->host);
  for (size_t i = 0; i < state->n_slash_commands; i++)
    if (strcmp(state->slash_commands[i]->name, name) == 0) return true;
  return false;
}

static bool slash_allowed(void *user, const char *name) {
  const Remote__V1__SessionState *state = lrm_host_state(((play *)user)->host);
  for (size_t i = 0; i < state->n_slash_commands; i++)
    if (strcmp(state->slash_commands[i]->name, name) == 0)
      return state->slash_commands[i]->remote_allowed;
  return false;
}

static bool make_random(void *out, size_t bytes) {
  return getrandom(out, bytes, 0) == (ssize_t)bytes;
}

static int make_host(play *p, json_t *session_json, uint32_t mode) {
  char why[200];
  lrm_store_memory_config memory = {.struct_bytes = sizeof memory,
                                    .allocator = lrm_allocator_default()};
  ProtobufCMessage *session =
      json_to_message(&remote__v1__session_started__descriptor, session_json, why, sizeof why);
  if (session == NULL) {
    fprintf(stderr, "play: --session: %s\n", why);
    return LRM_ERR_USAGE;
  }
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = lrm_allocator_default(),
                            .session = (const Remote__V1__SessionStarted *)session,
                            .created_ms = lrm_uv_wall_ms(),
                            .remote_mode = mode,
                            .elevates_mode = elevates_mode,
                            .elevates_option = elevates_option,
                            .slash_known = slash_known,
                            .slash_allowed = slash_allowed,
                            .user = p};
  bool random = make_random(config.seed, sizeof config.seed) &&
                make_random(config.session_id.bytes, sizeof config.session_id.bytes);
  int result = random ? lrm_store_memory_open(&memory, &p->store) : LRM_ERR_STATE;
  if (result == 0) result = lrm_store_claim(p->store, lrm_uv_wall_ms(), &config.writer_generation);
  config.store = p->store;
  if (result == 0)
    result = lrm_uv_committer_create(&p->loop, p->store, on_settled, p, &p->committer);
  if (result == 0) result = lrm_host_create(&config, lrm_uv_wall_ms(), now(p), &p->host);
  if (result == 0) result = lrm_host_set_agent_ready(p->host, true, lrm_uv_wall_ms(), now(p));
  if (result == 0) say(json_pack("{so}", "session", id_json(&config.session_id)));
  protobuf_c_message_free_unpacked(session, NULL);
  return result;
}

static lrm_uv_settings settings = {.struct_bytes = sizeof settings, .kinds = lrm_uv_kinds};

static int publish(play *p, const lrm_url *url, const char *token) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .grease = true,
                            .role = remote_v1_Role_ROLE_HOST,
                            .token = token,
                            .agent = "remote-play"};
  if (!make_random(config.link_id.bytes, sizeof config.link_id.bytes) ||
      !make_random(&config.seed, sizeof config.seed))
    return LRM_ERR_STATE;
  int result = lrm_link_create(&config, &p->link);
  if (result != 0) return result;
  lrm_host_attach_link(p->host, p->link);
  return lrm_uv_drive_connect(&p->loop, url, &settings, p->link, &drive_ops, p, &p->drive);
}

static void close_all(play *p) {
  lrm_host_attach_link(p->host, NULL);
  lrm_uv_drive_destroy(p->drive);
  lrm_uv_committer_destroy(p->committer);
  lrm_host_destroy(p->host);
  lrm_link_destroy(p->link);
  uv_close((uv_handle_t *)&p->timer, NULL);
  uv_close((uv_handle_t *)&p->input, NULL);
  uv_run(&p->loop, UV_RUN_DEFAULT);
  lrm_store_close(p->store);
  uv_loop_close(&p->loop);
  free(p->line);
}

static bool read_token(const char *path, char *token, size_t bytes) {
  FILE *f = fopen(path, "r");
  if (f == NULL) return false;
  bool good = fgets(token, (int)bytes, f) != NULL;
  fclose(f);
  token[strcspn(token, "\r\n")] = '\0';
  return good;
}

int main(int argc, char **argv) {
  static const struct option names[] = {{"relay", 1, 0, 'r'},
                                        {"token-file", 1, 0, 't'},
                                        {"session", 1, 0, 's'},
                                        {"remote", 1, 0, 'm'},
                                        {0}};
  static play p;
  const char *relay = NULL, *token_file = NULL, *session = "{}";
  uint32_t mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL;
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (c == 'r')
      relay = optarg;
    else if (c == 't')
      token_file = optarg;
    else if (c == 's')
      session = optarg;
    else if (c == 'm' && strcmp(optarg, "view") == 0)
      mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_VIEW;
    else if (c != 'm' || strcmp(optarg, "control") != 0)
      return 2;
  }
  char token[160], error[256];
  lrm_url url;
  json_t *described = json_loads(session, 0, NULL);
  if (relay == NULL || token_file == NULL || described == NULL ||
      !read_token(token_file, token, sizeof token) ||
      lrm_url_parse(relay, &url, error, sizeof error) != 0) {
    fprintf(stderr, "play: --relay, --token-file and JSON after --session are needed\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  uv_loop_init(&p.loop);
  uv_timer_init(&p.loop, &p.timer);
  uv_pipe_init(&p.loop, &p.input, 0);
  p.timer.data = p.input.data = &p;
  int result = make_host(&p, described, mode);
  json_decref(described);
  if (result == 0) result = publish(&p, &url, token);
  if (result != 0) {
    fprintf(stderr, "play: %s\n", lrm_error_text(result));
    return 1;
  }
  changed(&p);
  if (uv_pipe_open(&p.input, 0) != 0 ||
      uv_read_start((uv_stream_t *)&p.input, room, on_input) != 0) {
    fprintf(stderr, "play: standard input is no pipe\n");
    stop(&p, 2);
  }
  uv_run(&p.loop, UV_RUN_DEFAULT);
  close_all(&p);
  return p.exit_code;
}

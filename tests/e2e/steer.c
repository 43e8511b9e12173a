/* A client for tests: reads a session from its beginning, sends numbered prompts with a bounded
 * number in flight, answers asks, and says on stdout, one JSON line at a time, what it knows, so
 * that a test can kill it or its peers at a chosen moment and compare what everybody held.
 *
 *   remote-steer --relay URL --token-file F --session HEX [--first I] [--count N] [--window W]
 *                [--prompt FORMAT] [--answer allow|reject|none] [--timeout S] [--read-only]
 *                [--pause-ms MS] [--ttl-ms MS] [--every-ms MS] [--probe-ms MS]
 *                [--answer-after-ms MS] [--fill BYTES]
 *   FORMAT holds one %u
 *   --pause-ms         stop reading for so long after the first event
 *   --every-ms         at most one prompt in so long a time
 *   --probe-ms         besides, a Probe as often, at most 4 at a time
 *   --answer-after-ms  an ask stays open so long
 *   --fill             random text behind each prompt
 * SIGUSR1: no more prompts and probes, SIGUSR2: go on; both are
 * answered by {"quiet":B} and how far it has read.
 * Lines, "t" being milliseconds of CLOCK_MONOTONIC:
 *   {"ready":OFFSET} {"submitted":I,"id":HEX} {"stored":HEX} {"delivered":HEX} {"answered":HEX}
 *   {"probe":HEX,"t":T} {"outcome":HEX,"kind":K,"code":C,"t":T}
 *   {"up":true,"t":T} {"down":TEXT,"t":T} the link; {"event":OFFSET,"digest":HEX} (each hundred)
 *   {"state":true,"turn":B,"asks":N,"pending":P,"next":N,"t":T}
 *       when one of the first two changes, or the third becomes 0 or stops being 0
 *   {"jump":OFFSET} and at the end
 *   {"end":true,"epoch":HEX,"next":N,"messages":M,"digest":HEX,"pending":P}
 * Exit: 0 all outcomes known, 1 time is over, 2 wrong use, 3 refused. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/carrier_uv.h"
#include "remote/client.h"

enum { ASKS_SEEN_MAX = 32, PROBES_OPEN_MAX = 4, FILL_BYTES_MAX = 60000 };

/* An ask that waits for its answer to be given. */
typedef struct seen_ask {
  lrm_id id;
  uint64_t due_ns; /* UINT64_MAX: answered */
} seen_ask;

typedef struct steer {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_signal_t terminate, quiet_on, quiet_off;
  lrm_link *link;
  lrm_uv_drive *drive;
  lrm_client *client;
  const char *prompt;
  uint32_t next_prompt, end_prompt, window;
  int answer; /* 0 none, 1 allow, 2 reject */
  bool read_only, synced, stopping;
  unsigned pause_ms;
  uint32_t ttl_ms, fill;
  bool paused_once;
  bool quiet; /* SIGUSR1 */
  uint64_t every_ns, prompt_due_ns, probe_every_ns, probe_due_ns, answer_after_ns;
  lrm_id probes[PROBES_OPEN_MAX]; /* without an outcome yet */
  seen_ask asks[ASKS_SEEN_MAX];
  size_t asks_at;
  bool said_turn, said_pending;
  size_t said_asks;
  int exit_code;
  uint64_t give_up_ns;
  EVP_MD_CTX *digest;
  uint64_t said_hundreds;
  uint64_t messages, next_offset; /* held so far, passed snapshots included */
} steer;

static void hex(const lrm_id *id, char out[LRM_ID_HEX_BYTES]) { lrm_id_hex(id, out); }

static void stop(steer *s, int code);

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool submit(steer *s, Remote__V1__Command *command, lrm_id *id) {
  int result = lrm_client_submit(s->client, command, s->ttl_ms, id, lrm_uv_now_ns(&s->loop));
  if (result < 0 && result != LRM_ERR_BUSY && result != LRM_ERR_STATE) {
    fprintf(stderr, "steer: submit: %s\n", lrm_error_text(result));
    stop(s, 1);
  }
  lrm_uv_drive_kick(s->drive);
  return result == 0;
}

/* Letters and digits that no compression makes much smaller. */
static void fill_randomly(char *text, size_t bytes) {
  static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  RAND_bytes((unsigned char *)text, (int)bytes);
  for (size_t i = 0; i < bytes; i++) text[i] = signs[(unsigned char)text[i] & 63];
  text[bytes] = '\0';
}

static void send_prompts(steer *s) {
  uint64_t now_ns = lrm_uv_now_ns(&s->loop);
  if (s->read_only || !s->synced || s->quiet || s->stopping || now_ns < s->prompt_due_ns) return;
  while (s->next_prompt < s->end_prompt && lrm_client_pending(s->client) < s->window) {
    static char text[512 + FILL_BYTES_MAX];
    const char *mark = strstr(s->prompt, "%u");
    int used =
        snprintf(text, 512, "%.*s%u%s", mark ? (int)(mark - s->prompt) : (int)strlen(s->prompt),
                 s->prompt, s->next_prompt, mark ? mark + 2 : "");
    if (s->fill != 0 && used > 0 && used < 512) fill_randomly(text + used, s->fill);
    Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
    prompt.text = text;
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
    command.submit_prompt = &prompt;
    lrm_id id;
    if (!submit(s, &command, &id)) return;
    char name[LRM_ID_HEX_BYTES];
    hex(&id, name);
    printf("{\"submitted\":%u,\"id\":\"%s\"}\n", s->next_prompt, name);
    fflush(stdout); /* said before it is sent: a killed client has told what it may have sent */
    s->next_prompt++;
    s->prompt_due_ns = now_ns + s->every_ns;
    if (s->every_ns != 0) return;
  }
  if (s->next_prompt == s->end_prompt && lrm_client_pending(s->client) == 0) stop(s, 0);
}

static void answer_ask(steer *s, const Remote__V1__Ask *ask) {
  if (s->answer == 0 || s->read_only) return;
  Remote__V1__AskOptionKind wanted = s->answer == 1
                                         ? REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE
                                         : REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE;
  for (size_t i = 0; i < ask->n_options; i++) {
    if (ask->options[i]->kind != wanted) continue;
    Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
    content.option_id = ask->options[i]->option_id;
    Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
    answer.ask_id = ask->ask_id;
    answer.answer = &content;
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
    command.answer_ask = &answer;
    lrm_id id;
    if (submit(s, &command, &id)) {
      char name[LRM_ID_HEX_BYTES];
      hex(&id, name);
      printf("{\"answered\":\"%s\"}\n", name);
    }
    return;
  }
}

/* A slot of `probes` that holds this id; the id of all zeros is that of a free one. */
static lrm_id *probe_slot(steer *s, const lrm_id *id) {
  for (int i = 0; i < PROBES_OPEN_MAX; i++)
    if (lrm_id_equal(&s->probes[i], id)) return &s->probes[i];
  return NULL;
}

static void send_probe(steer *s) {
  static const lrm_id none;
  uint64_t now_ns = lrm_uv_now_ns(&s->loop);
  lrm_id *slot = probe_slot(s, &none);
  if (s->probe_every_ns == 0 || slot == NULL || !s->synced || s->quiet || s->stopping ||
      now_ns < s->probe_due_ns)
    return;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &probe;
  uint64_t began_ms = now_ms();
  if (!submit(s, &command, slot)) {
    *slot = none;
    return;
  }
  char name[LRM_ID_HEX_BYTES];
  hex(slot, name);
  printf("{\"probe\":\"%s\",\"t\":%" PRIu64 "}\n", name, began_ms);
  s->probe_due_ns = now_ns + s->probe_every_ns;
}

/* Asks are answered some time after they were seen, so that faults meet them open. */
static void answer_later(steer *s) {
  const Remote__V1__SessionState *state = lrm_view_state(lrm_client_view(s->client));
  uint64_t now_ns = lrm_uv_now_ns(&s->loop);
  if (s->answer_after_ns == 0 || !s->synced || state == NULL) return;
  for (size_t i = 0; i < state->n_asks; i++) {
    seen_ask *seen = NULL;
    lrm_id id;
    if (lrm_id_from(state->asks[i]->ask_id.data, state->asks[i]->ask_id.len, &id)) continue;
    for (size_t k = 0; k < ASKS_SEEN_MAX; k++)
      if (lrm_id_equal(&s->asks[k].id, &id)) seen = &s->asks[k];
    if (seen == NULL) {
      seen = &s->asks[s->asks_at++ % ASKS_SEEN_MAX];
      *seen = (seen_ask){id, now_ns + s->answer_after_ns};
    }
    if (now_ns < seen->due_ns) continue;
    seen->due_ns = UINT64_MAX;
    answer_ask(s, state->asks[i]);
  }
}

static void say_state(steer *s) {
  const Remote__V1__SessionState *state = lrm_view_state(lrm_client_view(s->client));
  if (s->every_ns == 0 || state == NULL) return;
  bool turn = state->turn_id[0] != '\0', pending = lrm_client_pending(s->client) > 0;
  if (turn == s->said_turn && state->n_asks == s->said_asks && pending == s->said_pending) return;
  s->said_turn = turn;
  s->said_asks = state->n_asks;
  s->said_pending = pending;
  printf("{\"state\":true,\"turn\":%s,\"asks\":%zu,\"pending\":%zu,\"next\":%" PRIu64
         ",\"t\":%" PRIu64 "}\n",
         turn ? "true" : "false", state->n_asks, lrm_client_pending(s->client), s->next_offset,
         now_ms());
}

/* The digest so far, as hex. */
static void print_digest(const steer *s) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned bytes = 0;
  EVP_MD_CTX *copy = EVP_MD_CTX_new();
  if (copy != NULL && EVP_MD_CTX_copy_ex(copy, s->digest)) EVP_DigestFinal_ex(copy, sum, &bytes);
  EVP_MD_CTX_free(copy);
  for (unsigned i = 0; i < bytes; i++) printf("%02x", sum[i]);
}

static void hash_number(steer *s, uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  EVP_DigestUpdate(s->digest, bytes, sizeof bytes);
}

/* What is held, whenever another hundred is full, and when asked. */
static void tell_progress(steer *s, bool asked) {
  if (s->messages / 100 == s->said_hundreds && !asked) return;
  s->said_hundreds = s->messages / 100;
  printf("{\"event\":%" PRId64 ",\"digest\":\"", (int64_t)s->next_offset - 1);
  print_digest(s);
  printf("\"}\n");
  fflush(stdout);
}

/* A snapshot set that a reader passes, being there already: its place is held, not its bytes. */
static void on_passed(steer *s, const lrm_frame *block) {
  if (block->offset != s->next_offset) return;
  hash_number(s, block->offset);
  hash_number(s, block->count);
  s->messages += block->count;
  s->next_offset = block->offset + block->count;
  tell_progress(s, false);
}

static void on_event(steer *s, const lrm_client_event *e) {
  if (e->offset != s->next_offset) printf("{\"jump\":%" PRIu64 "}\n", e->offset);
  s->next_offset = e->offset + 1;
  hash_number(s, e->offset);
  EVP_DigestUpdate(s->digest, e->raw.data, e->raw.bytes);
  s->messages++;
  tell_progress(s, false);
  if (e->event->body_case == REMOTE__V1__EVENT__BODY_ASK_OPENED && s->synced &&
      s->answer_after_ns == 0)
    answer_ask(s, e->event->ask_opened->ask);
}

static void on_command(steer *s, const lrm_id *id) {
  lrm_command command;
  if (lrm_client_command(s->client, id, &command) < 0) return;
  char name[LRM_ID_HEX_BYTES];
  hex(id, name);
  lrm_id *probe = probe_slot(s, id);
  if (probe == NULL && command.state == LRM_COMMAND_STORED) printf("{\"stored\":\"%s\"}\n", name);
  if (probe == NULL && command.state == LRM_COMMAND_DELIVERED)
    printf("{\"delivered\":\"%s\"}\n", name);
  if (command.state != LRM_COMMAND_DONE) return;
  printf("{\"outcome\":\"%s\",\"kind\":%u,\"code\":%u,\"t\":%" PRIu64 "}\n", name, command.outcome,
         command.code, now_ms());
  if (probe != NULL) memset(probe, 0, sizeof *probe);
}

static void drain(steer *s) {
  lrm_client_event e;
  while (lrm_client_next_event(s->client, &e)) {
    switch (e.type) {
      case LRM_CLIENT_EVENT:
        on_event(s, &e);
        break;
      case LRM_CLIENT_SYNCED:
        if (!s->synced) printf("{\"ready\":%" PRIu64 "}\n", s->next_offset);
        s->synced = true;
        if (s->answer_after_ns != 0) break;
        for (size_t i = 0, n = lrm_view_state(lrm_client_view(s->client))->n_asks; i < n; i++)
          answer_ask(s, lrm_view_state(lrm_client_view(s->client))->asks[i]);
        break;
      case LRM_CLIENT_SNAPSHOT:
        printf("{\"jump\":%" PRIu64 "}\n", e.offset);
        s->next_offset = e.offset;
        break;
      case LRM_CLIENT_COMMAND:
        on_command(s, &e.command_id);
        break;
      case LRM_CLIENT_CLOSED:
        if (e.problem && !lrm_code_reconnects(e.problem->code)) {
          fprintf(stderr, "steer: closed: %u %s\n", (unsigned)e.problem->code, e.problem->reason);
          stop(s, 3);
        }
        break;
      default:
        break;
    }
  }
  say_state(s);
  fflush(stdout);
}

static void link_event(void *user, lrm_link *link, const lrm_link_event *event) {
  steer *s = user;
  (void)link;
  if (event->type == LRM_LINK_EVENT_BLOCK && s->pause_ms && !s->paused_once) {
    s->paused_once = true;
    struct timespec t = {s->pause_ms / 1000, (long)(s->pause_ms % 1000) * 1000000};
    nanosleep(&t, NULL);
  }
  if (event->type == LRM_LINK_EVENT_REFUSED) {
    fprintf(stderr, "steer: refused: %s\n", event->problem->reason);
    if (!lrm_code_reconnects(event->problem->code)) stop(s, 3);
  }
  if (event->type == LRM_LINK_EVENT_WELCOME) printf("{\"up\":true,\"t\":%" PRIu64 "}\n", now_ms());
  lrm_frame block = event->frame;
  bool snapshot = event->type == LRM_LINK_EVENT_BLOCK && (block.flags & LRM_FLAG_SNAPSHOT) != 0;
  lrm_client_link_event(s->client, event, lrm_uv_now_ns(&s->loop));
  drain(s);
  if (snapshot) on_passed(s, &block);
  send_prompts(s);
}

static int fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)link;
  return lrm_client_fetch(((steer *)user)->client, want, frame);
}

static void link_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  steer *s = user;
  (void)link;
  printf("{\"down\":\"%s\",\"t\":%" PRIu64 "}\n", text ? "carrier" : "", now_ms());
  lrm_client_link_down(s->client);
  drain(s);
  if (retry_ns == UINT64_MAX) stop(s, 3);
}

static lrm_uv_settings settings = {.struct_bytes = sizeof settings, .kinds = lrm_uv_kinds};

static const lrm_uv_drive_ops drive_ops = {link_event, fetch, link_down};

static void on_timer(uv_timer_t *timer) {
  steer *s = timer->data;
  if (lrm_client_deadline(s->client) <= lrm_uv_now_ns(&s->loop))
    lrm_client_expire(s->client, lrm_uv_now_ns(&s->loop));
  if (lrm_uv_now_ns(&s->loop) > s->give_up_ns) stop(s, s->read_only ? 0 : 1);
  answer_later(s);
  send_probe(s);
  drain(s);
  send_prompts(s);
}

static void stopped(void *user) { uv_stop(&((steer *)user)->loop); }

static void stop(steer *s, int code) {
  if (s->stopping) return;
  s->stopping = true;
  s->exit_code = code;
  uv_timer_stop(&s->timer);
  lrm_uv_drive_stop(s->drive, 0, stopped, s);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  stop(handle->data, 0);
}

/* The handles are never closed: a signal that comes while the process ends must not end it in
 * another way. */
static void on_quiet(uv_signal_t *handle, int number) {
  steer *s = handle->data;
  s->quiet = number == SIGUSR1;
  printf("{\"quiet\":%s}\n", s->quiet ? "true" : "false");
  tell_progress(s, true);
}

static bool number(const char *text, uint32_t *out) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (errno || end == text || *end || value > UINT32_MAX) return false;
  *out = (uint32_t)value;
  return true;
}

static bool read_token(const char *path, char *token, size_t bytes) {
  FILE *f = fopen(path, "r");
  if (!f) return false;
  bool ok = fgets(token, (int)bytes, f) != NULL;
  fclose(f);
  token[strcspn(token, "\r\n")] = '\0';
  return ok;
}

int main(int argc, char **argv) {
  static const struct option names[] = {{"relay", 1, 0, 'r'},
                                        {"token-file", 1, 0, 't'},
                                        {"session", 1, 0, 's'},
                                        {"first", 1, 0, 'f'},
                                        {"count", 1, 0, 'c'},
                                        {"window", 1, 0, 'w'},
                                        {"prompt", 1, 0, 'p'},
                                        {"answer", 1, 0, 'a'},
                                        {"timeout", 1, 0, 'T'},
                                        {"read-only", 0, 0, 'R'},
                                        {"pause-ms", 1, 0, 'P'},
                                        {"ttl-ms", 1, 0, 'L'},
                                        {"fill", 1, 0, 'F'},
                                        {"every-ms", 1, 0, 'E'},
                                        {"probe-ms", 1, 0, 'B'},
                                        {"answer-after-ms", 1, 0, 'A'},
                                        {0}};
  static steer s = {.prompt = "SAY prompt-%u", .window = 32};
  const char *relay = NULL, *token_file = NULL;
  lrm_id session = {{0}};
  uint32_t first = 0, count = 0, timeout_s = 60, pause_ms = 0;
  uint32_t every_ms = 0, probe_ms = 0, answer_after_ms = 0;
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    bool ok = true;
    switch (c) {
      case 'r':
        relay = optarg;
        break;
      case 't':
        token_file = optarg;
        break;
      case 's':
        ok = lrm_id_parse(optarg, strlen(optarg), &session) == 0;
        break;
      case 'f':
        ok = number(optarg, &first);
        break;
      case 'c':
        ok = number(optarg, &count);
        break;
      case 'w':
        ok = number(optarg, &s.window);
        break;
      case 'p':
        s.prompt = optarg;
        break;
      case 'a':
        s.answer = !strcmp(optarg, "allow") ? 1 : !strcmp(optarg, "reject") ? 2 : 0;
        break;
      case 'T':
        ok = number(optarg, &timeout_s);
        break;
      case 'R':
        s.read_only = true;
        break;
      case 'P':
        ok = number(optarg, &pause_ms);
        break;
      case 'L':
        ok = number(optarg, &s.ttl_ms);
        break;
      case 'F':
        ok = number(optarg, &s.fill) && s.fill <= FILL_BYTES_MAX;
        break;
      case 'E':
        ok = number(optarg, &every_ms);
        break;
      case 'B':
        ok = number(optarg, &probe_ms);
        break;
      case 'A':
        ok = number(optarg, &answer_after_ms);
        break;
      default:
        ok = false;
    }
    if (!ok) return 2;
  }
  char token[160], error[256];
  lrm_url url;
  if (!relay || !token_file || lrm_id_none(&session) ||
      !read_token(token_file, token, sizeof token)) {
    fprintf(stderr, "steer: --relay, --token-file and --session are needed\n");
    return 2;
  }
  if (lrm_url_parse(relay, &url, error, sizeof error) < 0) {
    fprintf(stderr, "steer: %s\n", error);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN); /* libuv leaves this to programs */
  settings.trust.ca_file = getenv("REMOTE_TLS_CA"); /* who may sign relays */
  uv_loop_init(&s.loop);
  s.next_prompt = first;
  s.end_prompt = first + count;
  s.pause_ms = pause_ms;
  s.every_ns = (uint64_t)every_ms * 1000000;
  s.probe_every_ns = (uint64_t)probe_ms * 1000000;
  s.answer_after_ns = (uint64_t)answer_after_ms * 1000000;
  s.digest = EVP_MD_CTX_new();
  EVP_DigestInit_ex(s.digest, EVP_sha256(), NULL);
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .role = 2,
                            .token = token,
                            .agent = "remote-steer"};
  lrm_client_config client = {.struct_bytes = sizeof client,
                              .allocator = config.allocator,
                              .session_id = session,
                              .start = 3,
                              .publish = !s.read_only};
  RAND_bytes(config.link_id.bytes, sizeof config.link_id.bytes);
  RAND_bytes((unsigned char *)&config.seed, sizeof config.seed);
  RAND_bytes((unsigned char *)client.seed, sizeof client.seed);
  client.link_id = config.link_id;
  if (lrm_link_create(&config, &s.link) < 0) return 1;
  client.link = s.link;
  if (lrm_client_create(&client, &s.client) < 0) return 1;
  s.give_up_ns = lrm_uv_now_ns(&s.loop) + (uint64_t)timeout_s * 1000000000u;
  uv_timer_init(&s.loop, &s.timer);
  s.timer.data = &s;
  uv_timer_start(&s.timer, on_timer, 20, 20);
  uv_signal_init(&s.loop, &s.terminate);
  uv_signal_init(&s.loop, &s.quiet_on);
  uv_signal_init(&s.loop, &s.quiet_off);
  s.terminate.data = s.quiet_on.data = s.quiet_off.data = &s;
  uv_signal_start(&s.terminate, on_signal, SIGTERM);
  uv_signal_start(&s.quiet_on, on_quiet, SIGUSR1);
  uv_signal_start(&s.quiet_off, on_quiet, SIGUSR2);
  if (lrm_uv_drive_connect(&s.loop, &url, &settings, s.link, &drive_ops, &s, &s.drive) < 0)
    return 1;
  uv_run(&s.loop, UV_RUN_DEFAULT);

  char epoch[LRM_ID_HEX_BYTES];
  lrm_position position = lrm_client_position(s.client);
  hex(&position.epoch, epoch);
  printf("{\"end\":true,\"epoch\":\"%s\",\"next\":%" PRIu64 ",\"messages\":%" PRIu64
         ",\"digest\":\"",
         epoch, position.offset, s.messages);
  print_digest(&s);
  printf("\",\"pending\":%zu}\n", lrm_client_pending(s.client));
  fflush(stdout);
  return s.exit_code;
}

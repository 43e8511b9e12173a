/* A client for tests: reads a session from its beginning, sends numbered prompts with a bounded
 * number in flight, answers asks, and says on stdout, one JSON line at a time, what it knows, so
 * that a test can kill it or its peers at a chosen moment and compare what everybody held.
 *
 *   remote-steer --relay URL --token-file F --session HEX [--first I] [--count N] [--window W]
 *                [--prompt FORMAT] [--answer allow|reject|none] [--timeout S] [--read-only]
 *                [--pause-ms MS] [--ttl-ms MS]
 * FORMAT holds one %u. --pause-ms: stop reading for so long after the first event. Lines:
 *   {"ready":OFFSET} {"submitted":I,"id":HEX} {"stored":HEX} {"delivered":HEX}
 * {"outcome":HEX,"kind":K,"code":C}
 *   {"event":OFFSET} (every 100th) {"jump":OFFSET} and at the end
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

typedef struct steer {
  uv_loop_t loop;
  uv_timer_t timer;
  lrm_link *link;
  lrm_uv_drive *drive;
  lrm_client *client;
  const char *prompt;
  uint32_t next_prompt, end_prompt, window;
  int answer; /* 0 none, 1 allow, 2 reject */
  bool read_only, synced, stopping;
  unsigned pause_ms;
  uint32_t ttl_ms;
  bool paused_once;
  int exit_code;
  uint64_t give_up_ns;
  EVP_MD_CTX *digest;
  uint64_t messages, next_offset; /* held so far, passed snapshots included */
} steer;

static void hex(const lrm_id *id, char out[LRM_ID_HEX_BYTES]) { lrm_id_hex(id, out); }

static void stop(steer *s, int code);

static bool submit(steer *s, Remote__V1__Command *command, lrm_id *id) {
  int result = lrm_client_submit(s->client, command, s->ttl_ms, id, lrm_uv_now_ns(&s->loop));
  if (result < 0 && result != LRM_ERR_BUSY && result != LRM_ERR_STATE) {
    fprintf(stderr, "steer: submit: %s\n", lrm_error_text(result));
    stop(s, 1);
  }
  lrm_uv_drive_kick(s->drive);
  return result == 0;
}

static void send_prompts(steer *s) {
  if (s->read_only || !s->synced) return;
  while (s->next_prompt < s->end_prompt && lrm_client_pending(s->client) < s->window) {
    char text[512];
    const char *mark = strstr(s->prompt, "%u");
    snprintf(text, sizeof text, "%.*s%u%s", mark ? (int)(mark - s->prompt) : (int)strlen(s->prompt),
             s->prompt, s->next_prompt, mark ? mark + 2 : "");
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

static void hash_number(steer *s, uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  EVP_DigestUpdate(s->digest, bytes, sizeof bytes);
}

/* A snapshot set that a reader passes, being there already: its place is held, not its bytes. */
static void on_passed(steer *s, const lrm_frame *block) {
  if (block->offset != s->next_offset) return;
  hash_number(s, block->offset);
  hash_number(s, block->count);
  s->messages += block->count;
  s->next_offset = block->offset + block->count;
}

static void on_event(steer *s, const lrm_client_event *e) {
  if (e->offset != s->next_offset) printf("{\"jump\":%" PRIu64 "}\n", e->offset);
  s->next_offset = e->offset + 1;
  hash_number(s, e->offset);
  EVP_DigestUpdate(s->digest, e->raw.data, e->raw.bytes);
  s->messages++;
  if (s->messages % 100 == 0) printf("{\"event\":%" PRIu64 "}\n", e->offset);
  if (e->event->body_case == REMOTE__V1__EVENT__BODY_ASK_OPENED && s->synced)
    answer_ask(s, e->event->ask_opened->ask);
}

static void on_command(steer *s, const lrm_id *id) {
  lrm_command command;
  if (lrm_client_command(s->client, id, &command) < 0) return;
  char name[LRM_ID_HEX_BYTES];
  hex(id, name);
  if (command.state == LRM_COMMAND_STORED) printf("{\"stored\":\"%s\"}\n", name);
  if (command.state == LRM_COMMAND_DELIVERED) printf("{\"delivered\":\"%s\"}\n", name);
  if (command.state == LRM_COMMAND_DONE)
    printf("{\"outcome\":\"%s\",\"kind\":%u,\"code\":%u}\n", name, command.outcome, command.code);
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
  printf("{\"down\":\"%s\"}\n", text ? "carrier" : "");
  lrm_client_link_down(s->client);
  drain(s);
  if (retry_ns == UINT64_MAX) stop(s, 3);
}

static const lrm_uv_drive_ops drive_ops = {link_event, fetch, link_down};

static void on_timer(uv_timer_t *timer) {
  steer *s = timer->data;
  if (lrm_client_deadline(s->client) <= lrm_uv_now_ns(&s->loop))
    lrm_client_expire(s->client, lrm_uv_now_ns(&s->loop));
  if (lrm_uv_now_ns(&s->loop) > s->give_up_ns) stop(s, s->read_only ? 0 : 1);
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
                                        {0}};
  static steer s = {.prompt = "SAY prompt-%u", .window = 32};
  const char *relay = NULL, *token_file = NULL;
  lrm_id session = {{0}};
  uint32_t first = 0, count = 0, timeout_s = 60, pause_ms = 0;
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
  uv_loop_init(&s.loop);
  s.next_prompt = first;
  s.end_prompt = first + count;
  s.pause_ms = pause_ms;
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
  uv_signal_t terminate;
  uv_signal_init(&s.loop, &terminate);
  terminate.data = &s;
  uv_signal_start(&terminate, on_signal, SIGTERM);
  if (lrm_uv_drive_connect(&s.loop, &url, s.link, &drive_ops, &s, &s.drive) < 0) return 1;
  uv_run(&s.loop, UV_RUN_DEFAULT);

  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned sum_bytes = 0;
  EVP_DigestFinal_ex(s.digest, sum, &sum_bytes);
  char epoch[LRM_ID_HEX_BYTES];
  lrm_position position = lrm_client_position(s.client);
  hex(&position.epoch, epoch);
  printf("{\"end\":true,\"epoch\":\"%s\",\"next\":%" PRIu64 ",\"messages\":%" PRIu64
         ",\"digest\":\"",
         epoch, position.offset, s.messages);
  for (unsigned i = 0; i < sum_bytes; i++) printf("%02x", sum[i]);
  printf("\",\"pending\":%zu}\n", lrm_client_pending(s.client));
  fflush(stdout);
  return s.exit_code;
}

/* `remote watch`: a session's events as they come, for scripts. Comes back by itself. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "remote/block.h"
#include "remote/message.h"
#include "schema.h"

#include "commands.h"
#include "digest.h"
#include "json_event.h"
#include "outcome.h"
#include "remote_session.h"
#include "terminal_text.h"
#include "surface.h"
#include "transcript.h"
#include "watch_history.h"

typedef enum watch_until {
  UNTIL_NEVER = 0,
  UNTIL_IDLE,
  UNTIL_ASK,
  UNTIL_END,
  UNTIL_OFFSET
} watch_until;

typedef struct watching {
  connection_flags flags;
  const char *session_word;
  const char *from;
  const char *until_word;
  const char *last_word;
  uint64_t last; /* --last; 0: not given */
  bool json;
  bool want_digest;
  bool durable_only;
  watch_until until;
  uint64_t until_offset;
  connection connection;
  remote_session session;
  transcript transcript;
  digest *digest;
  lrm_block_reader *blocks;   /* for the digest */
  remote_v1_SessionInfo info; /* for what a view that began in the middle does not know */
  watch_progress progress;
  lrm_id epoch;
  uint64_t next;   /* offset of the next event to print */
  bool has_next;   /* `next` means something */
  bool reached;    /* what --until waits for has come */
  bool broken_out; /* standard output is gone */
  exit_code fault;
} watching;

static void write_out(void *user, const char *text, size_t bytes) {
  (void)user;
  fwrite(text, 1, bytes, stdout);
}

static json_t *id_json(const lrm_id *id) {
  char hex[LRM_ID_HEX_BYTES];
  lrm_id_hex(id, hex);
  return json_string(hex);
}

static void print(watching *w, json_t *object) {
  json_print_line(stdout, object);
  if (ferror(stdout)) w->broken_out = true;
}

/* ---- blocks ---- */

static void add_to_digest(watching *w, const lrm_link_event *event) {
  const lrm_frame *block = &event->frame;
  lrm_slice message;
  uint64_t offset = block->offset;
  /* A block that cannot be read is reported by the reader proper; the digest then has a hole. */
  if (lrm_block_reader_begin(w->blocks, block->flags, block->count, block->inflated_bytes,
                             block->payload))
    return;
  for (; lrm_block_reader_next(w->blocks, &message); offset++)
    if (offset >= block->offset + event->skip_messages) digest_add(w->digest, offset, message);
}

/* Parts of a snapshot that say what this reader knows already are no news, but they have their
 * offsets: a script that counts must see that nothing is missing. */
static void on_block(void *user, remote_session *s, const lrm_link_event *event) {
  watching *w = user;
  const lrm_frame *block = &event->frame;
  (void)s;
  if (w->digest) add_to_digest(w, event);
  if (!(block->flags & LRM_FLAG_SNAPSHOT) || !w->has_next || w->next != block->offset) return;
  w->next = block->offset + block->count;
  if (w->json)
    print(w, json_pack("{s:{s:I, s:i, s:i, s:i}}", "passed", "offset", (json_int_t)block->offset,
                       "count", (int)block->count, "part", (int)block->part, "parts",
                       (int)block->parts));
}

/* ---- events ---- */

static unsigned columns_of_output(void) {
  struct winsize size;
  bool terminal = isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
  return terminal ? size.ws_col : 0;
}

/* The terminal may have another width by now. */
static void show_event(watching *w, const Remote__V1__Event *event) {
  transcript_resize(&w->transcript, columns_of_output());
  transcript_event(&w->transcript, event);
}

static void take_event(watching *w, const lrm_client_event *event) {
  lrm_position position = lrm_client_position(w->session.client);
  bool same = w->has_next && lrm_id_equal(&position.epoch, &w->epoch);
  if (same && event->offset < w->next) return; /* printed already */
  if (w->until == UNTIL_OFFSET && event->offset >= w->until_offset) {
    w->reached = true;
    return;
  }
  watch_progress_at(&w->progress, event->offset, connection_now_ns(&w->connection));
  if (same && event->offset > w->next) {
    fprintf(stderr, "remote: events %" PRIu64 " to %" PRIu64 " are missing\n", w->next,
            event->offset - 1);
    w->fault = EXIT_CODE_FAILURE;
  }
  w->epoch = position.epoch;
  w->next = event->offset + 1;
  w->has_next = true;
  if (w->json)
    print(w, json_pack("{s:I, s:o, s:o}", "offset", (json_int_t)event->offset, "epoch",
                       id_json(&w->epoch), "event", json_from_message(&event->event->base)));
  else if (event->event->body_case != REMOTE__V1__EVENT__BODY_SESSION_STATE)
    show_event(w, event->event);
}

static void take_tail(watching *w, const lrm_client_event *event) {
  if (w->durable_only) return;
  if (w->json)
    print(w, json_pack("{s:b, s:o}", "tail", 1, "event", json_from_message(&event->event->base)));
  else
    show_event(w, event->event);
}

static void take_snapshot(watching *w, const lrm_client_event *event) {
  lrm_position position = lrm_client_position(w->session.client);
  w->epoch = position.epoch;
  w->next = position.offset; /* behind the snapshot */
  w->has_next = true;
  if (w->digest && event->reset) digest_restart(w->digest);
  const Remote__V1__SessionState *state = remote_session_state(&w->session);
  if (w->json) {
    print(w, json_pack("{s:{s:I, s:o, s:b, s:o}}", "snapshot", "offset", (json_int_t)event->offset,
                       "epoch", id_json(&position.epoch), "reset", (int)event->reset, "state",
                       json_from_message(&state->base)));
    return;
  }
  transcript_note(&w->transcript, "(%s: the state at %" PRIu64 ")",
                  event->reset ? "the log began anew" : "snapshot", event->offset);
  transcript_state(&w->transcript, state);
}

/* ---- facts ---- */

static void take_status(watching *w, const remote_v1_LogStatus *s) {
  if (!w->session.synced) {
    w->progress.first = s->events_first;
    w->progress.end = s->events_next;
  }
  if (w->json)
    print(w, json_pack("{s:{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I}}", "status",
                       "host_attached", (int)s->host_attached, "host_since_ms",
                       (json_int_t)s->host_since_ms, "host_heard_ms", (json_int_t)s->host_heard_ms,
                       "now_ms", (json_int_t)s->now_ms, "events_next", (json_int_t)s->events_next,
                       "events_first", (json_int_t)s->events_first, "commands_stored",
                       (json_int_t)s->commands_stored, "commands_delivered",
                       (json_int_t)s->commands_delivered, "ceiling",
                       s->ceiling == remote_v1_Ceiling_CEILING_CONTROL ? "control" : "view",
                       "attached_total", (json_int_t)s->attached_total));
}

static void take_closed(watching *w, const lrm_client_event *event) {
  if (!event->problem) return;
  if (w->json)
    print(w,
          json_pack("{s:{s:i, s:s, s:s}}", "closed", "code", (int)event->problem->code, "code_name",
                    lrm_code_name(event->problem->code), "reason", event->problem->reason));
}

/* The digest has a hole there, and what follows is counted from behind it. */
static void take_unreadable(watching *w, const lrm_client_event *event) {
  w->fault = EXIT_CODE_FAILURE;
  if (!w->has_next) {
    w->epoch = lrm_client_position(w->session.client).epoch;
    w->next = event->offset;
    w->has_next = true;
  }
  if (w->next == event->offset) w->next += event->count;
  if (w->json)
    print(w, json_pack("{s:{s:I, s:I, s:i, s:s}}", "unreadable", "offset",
                       (json_int_t)event->offset, "count", (json_int_t)event->count, "code",
                       (int)event->code, "code_name", lrm_code_name(event->code)));
  else
    fprintf(stderr,
            "remote: %" PRIu64 " event%s from %" PRIu64
            " on cannot be read (%s): what the host "
            "sent is broken\n",
            event->count, event->count == 1 ? "" : "s", event->offset, lrm_code_name(event->code));
}

static void take_info(watching *w, lrm_slice info) {
  remote_v1_SessionInfo said;
  if (lrm_message_decode_static(&lrm_schema_SessionInfo, remote_v1_SessionInfo_fields, info.data,
                                info.bytes, &said) == 0)
    w->info = said;
}

/* A view that began in the middle of the log knows no status before it changes: INFO does. */
static uint32_t status_now(const watching *w, const Remote__V1__SessionState *state) {
  return state->status ? (uint32_t)state->status : (uint32_t)w->info.status;
}

static void judge(watching *w) {
  const Remote__V1__SessionState *state = remote_session_state(&w->session);
  const remote_v1_LogStatus *status = lrm_client_status(w->session.client);
  if (!w->session.synced || !state) return;
  uint32_t doing = status_now(w, state);
  bool ended;
  switch (w->until) {
    case UNTIL_IDLE:
      /* A command on its way may still begin a turn; not in a session that has ended: it waits
       * until somebody resumes that, which may be never. */
      ended = state->ended || doing == REMOTE__V1__STATUS__STATUS_ENDED;
      w->reached = (ended || doing == REMOTE__V1__STATUS__STATUS_IDLE) && !state->turn_id[0] &&
                   state->n_queue == 0 && status &&
                   (ended || status->commands_delivered >= status->commands_stored);
      break;
    case UNTIL_ASK:
      w->reached = w->reached || state->n_asks > 0 ||
                   (!state->status && doing == REMOTE__V1__STATUS__STATUS_NEEDS_INPUT);
      break;
    case UNTIL_END:
      w->reached = state->ended || doing == REMOTE__V1__STATUS__STATUS_ENDED;
      break;
    case UNTIL_OFFSET:
      w->reached = w->reached || (w->has_next && w->next >= w->until_offset);
      break;
    default:
      break;
  }
}

static void on_event(void *user, remote_session *s, const lrm_client_event *event) {
  watching *w = user;
  (void)s;
  switch (event->type) {
    case LRM_CLIENT_EVENT:
      take_event(w, event);
      break;
    case LRM_CLIENT_TAIL:
      take_tail(w, event);
      break;
    case LRM_CLIENT_SNAPSHOT:
      take_snapshot(w, event);
      break;
    case LRM_CLIENT_INFO:
      take_info(w, event->info);
      break;
    case LRM_CLIENT_SYNCED:
      watch_progress_clear(&w->progress);
      w->progress.wanted = false;
      if (w->json)
        print(w, json_pack("{s:I}", "synced",
                           (json_int_t)lrm_client_position(w->session.client).offset));
      break;
    case LRM_CLIENT_STATUS:
      if (event->status) take_status(w, event->status);
      break;
    case LRM_CLIENT_CLOSED:
      take_closed(w, event);
      break;
    case LRM_CLIENT_UNREADABLE:
      take_unreadable(w, event);
      break;
    default:
      break;
  }
  judge(w);
  if (!w->json) fflush(stdout);
  if (ferror(stdout)) w->broken_out = true;
}

static void on_up(void *user, remote_session *s) {
  watching *w = user;
  (void)s;
  if (w->json)
    print(w, json_pack("{s:b}", "link_up", 1));
  else
    fputs("remote: connected again\n", stderr);
}

static void on_down(void *user, remote_session *s, const char *text, uint64_t retry_ns) {
  watching *w = user;
  char shown[256];
  if (s->connection->failed) return;
  uint64_t now_ns = connection_now_ns(s->connection);
  double seconds = retry_ns > now_ns ? (double)(retry_ns - now_ns) / 1e9 : 0;
  terminal_text_copy(shown, sizeof shown, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
  if (w->json)
    print(w, json_pack("{s:{s:s, s:f}}", "link_down", "reason", shown, "retry_s", seconds));
  else
    fprintf(stderr, "remote: connection lost (%s); again in %.1f s\n", shown, seconds);
}

static const remote_session_ops ops = {
    .event = on_event, .block = on_block, .up = on_up, .down = on_down};

/* ---- flags ---- */

/* OFFSET, EPOCH:OFFSET, start, snapshot, live. */
static int read_from(const watching *w, const remote_v1_SessionEntry *entry,
                     remote_session_config *config) {
  const char *text = w->from ? w->from : w->want_digest ? "start" : "snapshot";
  if (!strcmp(text, "start")) {
    config->start = remote_v1_Start_START_BEGINNING;
  } else if (!strcmp(text, "snapshot")) {
    config->start = remote_v1_Start_START_SNAPSHOT;
  } else if (!strcmp(text, "live")) {
    config->start = remote_v1_Start_START_LIVE;
  } else {
    const char *colon = strchr(text, ':');
    char *end = NULL;
    config->start = remote_v1_Start_START_RESUME;
    if (colon && lrm_id_parse(text, (size_t)(colon - text), &config->from.epoch)) return -1;
    if (!colon && entry &&
        lrm_id_from(entry->status.events_epoch.bytes, entry->status.events_epoch.size,
                    &config->from.epoch))
      return -1;
    if (colon) text = colon + 1;
    if (*text < '0' || *text > '9') return -1;
    config->from.offset = strtoull(text, &end, 10);
    if (*end || config->from.offset > LRM_OFFSET_MAX) return -1;
  }
  return 0;
}

static int read_until(watching *w) {
  static const char *const words[] = {"", "idle", "ask", "end"};
  char *end = NULL;
  if (!w->until_word) return 0;
  if (w->until_word[0] >= '0' && w->until_word[0] <= '9') {
    w->until = UNTIL_OFFSET;
    w->until_offset = strtoull(w->until_word, &end, 10);
    return *end || w->until_offset > LRM_OFFSET_MAX ? -1 : 0;
  }
  for (int i = 1; i < 4; i++)
    if (!strcmp(w->until_word, words[i])) w->until = (watch_until)i;
  return w->until ? 0 : -1;
}

static int read_last(watching *w) {
  char *end = NULL;
  if (!w->last_word) return 0;
  if (w->last_word[0] < '1' || w->last_word[0] > '9') return -1;
  w->last = strtoull(w->last_word, &end, 10);
  return *end || w->last > WATCH_LAST_MAX ? -1 : 0;
}

/* ---- the command ---- */

static bool is_over(void *user) {
  const watching *w = user;
  return w->reached || w->session.closed || w->broken_out;
}

static void print_digest(watching *w) {
  uint64_t first, count;
  char hex[65], epoch[LRM_ID_HEX_BYTES];
  digest_read(w->digest, &first, &count, hex);
  lrm_id_hex(&w->epoch, epoch);
  if (w->json)
    print(w, json_pack("{s:{s:s, s:I, s:I, s:s}}", "digest", "sha256", hex, "first",
                       (json_int_t)first, "count", (json_int_t)count, "epoch", epoch));
  else
    printf("digest %s first %" PRIu64 " count %" PRIu64 " epoch %s\n", hex, first, count, epoch);
}

static exit_code follow(watching *w) {
  uint64_t timeout_ms = w->connection.timeout_given ? w->connection.timeout_ms : CONNECTION_FOREVER;
  bool over = connection_wait(&w->connection, is_over, w, timeout_ms);
  exit_code result = EXIT_CODE_DONE;
  if (w->connection.interrupted || w->broken_out)
    result = EXIT_CODE_DONE; /* that is how a watch without --until ends */
  else if (w->session.closed || !over)
    result =
        over || w->connection.failed ? remote_session_explain(&w->session) : EXIT_CODE_UNREACHABLE;
  if (!over && w->connection.timed_out && w->until)
    fputs("remote: it did not come to that in time\n", stderr);
  else if (!over && w->connection.timed_out)
    result = EXIT_CODE_DONE;
  watch_progress_clear(&w->progress);
  if (w->digest) print_digest(w);
  fflush(stdout);
  return result ? result : w->fault;
}

/* Set for a terminal of its width; a log of plain lines everywhere else. Nothing is folded: there
 * is no keyboard to ask for it. */
static transcript_options look_of_output(const remote_config *configured) {
  const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
  bool dumb = !term || !term[0] || !strcmp(term, "dumb");
  unsigned columns = dumb ? 0 : columns_of_output();
  transcript_options look = transcript_options_for(
      columns, columns && !(no_colour && no_colour[0]),
      columns && surface_wants_screen_reader(false, config_get(configured, "screen_reader")));
  look.fold = 0;
  return look;
}

static exit_code watch(watching *w) {
  session_list list;
  size_t index = 0;
  remote_session_config config = {.watch_only = true, .ops = &ops, .user = w};
  exit_code result = connection_open(&w->connection, &w->flags);
  if (result) return result;
  transcript_options look = look_of_output(&w->connection.config);
  transcript_init(&w->transcript, write_out, w, &look);
  result = session_list_fetch(&w->connection, &list);
  if (!result) result = session_list_choose(&list, w->session_word, &index);
  if (!result) {
    (void)read_from(w, &list.entries[index], &config);
    if (w->last) {
      config.start = remote_v1_Start_START_RESUME;
      result = watch_find_last(&w->connection, &list.entries[index], w->last, &config.from);
    }
  }
  if (!result) {
    watch_progress_start(&w->progress);
    result = remote_session_open(&w->session, &w->connection, &list.entries[index], &config);
  }
  session_list_free(&list);
  if (!result) {
    result = follow(w);
    remote_session_close(&w->session);
  }
  connection_close(&w->connection);
  return result;
}

int command_watch(int argc, char **argv) {
  static watching w;
  const option options[] = {
      {"session", OPTION_VALUE, &w.session_word, "SESSION", "which session", NULL},
      {"json", OPTION_FLAG, &w.json, NULL, "one JSON object a line (docs/cli-json.md)", NULL},
      {"from", OPTION_VALUE, &w.from, "WHERE",
       "OFFSET or EPOCH:OFFSET, start, snapshot (the default) or live", NULL},
      {"until", OPTION_VALUE, &w.until_word, "WHAT",
       "idle: nothing runs or waits, or it has ended; ask: a person is wanted; end: the session "
       "has ended; a "
       "number: "
       "every event below this offset was printed",
       NULL},
      {"last", OPTION_VALUE, &w.last_word, "N", "begin with the last N events", NULL},
      {"durable", OPTION_FLAG, &w.durable_only, NULL, "leave out what is not stored (tails)", NULL},
      {"digest", OPTION_FLAG, &w.want_digest, NULL,
       "print a SHA-256 over all stored messages at the end; --from is start then", NULL},
      CONNECTION_OPTIONS(w.flags),
  };
  const option_usage usage = {
      "remote watch [SESSION] [--json] [--from WHERE] [--until WHAT]",
      "Prints a session's events as they come. Comes back by itself when the connection is lost.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  remote_session_config unused = {0};
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count > 1 || (words.count && w.session_word))
    return options_wrong(&usage, "too many words");
  if (words.count) w.session_word = words.words[0];
  if (read_until(&w)) return options_wrong(&usage, "--until takes idle, ask, end or an OFFSET");
  if (read_last(&w) || (w.last && w.from))
    return options_wrong(&usage, w.last && w.from ? "--last and --from exclude each other"
                                                  : "--last takes a number from 1 to 100000");
  if (read_from(&w, NULL, &unused))
    return options_wrong(&usage, "--from takes OFFSET, EPOCH:OFFSET, start, snapshot or live");
  lrm_allocator allocator = lrm_allocator_default();
  if (w.want_digest &&
      (!(w.digest = digest_create()) ||
       lrm_block_reader_create(&allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &w.blocks))) {
    fputs("remote: out of memory\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  exit_code result = watch(&w);
  transcript_free(&w.transcript);
  digest_destroy(w.digest);
  lrm_block_reader_destroy(w.blocks);
  return result;
}

/* `remote attach`: joins the terminal, the keyboard and the session. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "commands.h"

#define TICK_MS 250
#define INPUT_FILE_BYTES_MAX (1024 * 1024)

/* The keyboard: a terminal, a pipe, or a file that is read at once. */
typedef struct keyboard {
  attaching *attached;
  union {
    uv_tty_t tty;
    uv_pipe_t pipe;
    uv_stream_t stream;
    uv_handle_t handle;
  } in;
  bool open;
  bool raw;
  uv_timer_t tick;
  uv_signal_t resized;
  char buffer[4096];
  char line[LINE_BYTES_MAX]; /* not a terminal: what has no newline yet */
  size_t line_bytes;
  char *file; /* input that was read at once */
  size_t file_bytes;
} keyboard;

/* ---- input that is no terminal ---- */

static void take_plain(keyboard *k, const char *data, size_t bytes) {
  for (size_t i = 0; i < bytes && !k->attached->quit; i++) {
    if (data[i] != '\n') {
      if (data[i] && k->line_bytes + 1 < sizeof k->line) k->line[k->line_bytes++] = data[i];
      continue;
    }
    k->line[k->line_bytes] = 0;
    k->line_bytes = 0;
    attach_arm(k->attached);
    attach_line(k->attached, k->line);
  }
}

static void end_of_input(keyboard *k) {
  if (k->attached->input_over) return;
  if (k->line_bytes) take_plain(k, "\n", 1);
  k->attached->input_over = true;
}

/* ---- reading ---- */

static void give_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
  keyboard *k = handle->data;
  (void)wanted;
  *buffer = uv_buf_init(k->buffer, sizeof k->buffer);
}

static void suspend(keyboard *k) {
  screen_hide(&k->attached->screen);
  fflush(stdout);
  uv_tty_set_mode(&k->in.tty, UV_TTY_MODE_NORMAL);
  raise(SIGTSTP);
  uv_tty_set_mode(&k->in.tty, UV_TTY_MODE_RAW);
  screen_resize(&k->attached->screen);
  uv_update_time(&k->attached->connection.loop);
  lrm_link_probe(k->attached->connection.link, connection_now_ns(&k->attached->connection));
}

static void on_key(void *user, line_key key, const char *line) {
  keyboard *k = user;
  if (key == LINE_SUSPEND)
    suspend(k);
  else
    attach_key(k->attached, key, line);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  keyboard *k = stream->data;
  attaching *a = k->attached;
  if (count < 0) {
    if (k->raw) a->quit = true;
    uv_read_stop(stream);
    end_of_input(k);
  } else if (k->raw) {
    if (a->editor.bytes == 0) attach_arm(a);
    line_editor_feed(&a->editor, buffer->base, (size_t)count, on_key, k);
  } else {
    take_plain(k, buffer->base, (size_t)count);
  }
  attach_draw(a);
}

/* Time passes: the countdown, and input that was waiting until the session was read. */
static void on_tick(uv_timer_t *timer) {
  keyboard *k = timer->data;
  attaching *a = k->attached;
  if (a->begun_ns == 0 && k->file) {
    take_plain(k, k->file, k->file_bytes);
    free(k->file);
    k->file = NULL;
    end_of_input(k);
  }
  if (a->begun_ns == 0 && !k->raw && k->open && !a->input_over)
    uv_read_start(&k->in.stream, give_buffer, on_read);
  if (a->retry_ns || a->begun_ns) attach_draw(a);
  connection_wake(&a->connection);
}

static void on_resized(uv_signal_t *handle, int number) {
  keyboard *k = handle->data;
  (void)number;
  screen_hide(&k->attached->screen);
  screen_resize(&k->attached->screen);
  attach_draw(k->attached);
}

/* ---- opening and closing ---- */

static void read_file(keyboard *k) {
  k->file = malloc(INPUT_FILE_BYTES_MAX);
  while (k->file && k->file_bytes < INPUT_FILE_BYTES_MAX) {
    ssize_t n = read(STDIN_FILENO, k->file + k->file_bytes, INPUT_FILE_BYTES_MAX - k->file_bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    k->file_bytes += (size_t)n;
  }
}

static void open_keyboard(keyboard *k, attaching *a) {
  uv_loop_t *loop = &a->connection.loop;
  uv_handle_type type = uv_guess_handle(STDIN_FILENO);
  memset(k, 0, sizeof *k);
  k->attached = a;
  uv_timer_init(loop, &k->tick);
  uv_signal_init(loop, &k->resized);
  k->tick.data = k->resized.data = k;
  uv_timer_start(&k->tick, on_tick, 0, TICK_MS);
  uv_signal_start(&k->resized, on_resized, SIGWINCH);
  if (type == UV_TTY && a->screen.terminal && !uv_tty_init(loop, &k->in.tty, STDIN_FILENO, 1)) {
    k->open = k->raw = true;
    k->in.handle.data = k;
    uv_tty_set_mode(&k->in.tty, UV_TTY_MODE_RAW);
    fputs("\x1b[?2004h", stdout); /* pasted newlines do not send */
    uv_read_start(&k->in.stream, give_buffer, on_read);
  } else if ((type == UV_NAMED_PIPE || type == UV_TCP || type == UV_TTY) &&
             !uv_pipe_init(loop, &k->in.pipe, 0)) {
    k->open = true;
    k->in.handle.data = k;
    if (uv_pipe_open(&k->in.pipe, STDIN_FILENO)) a->input_over = true;
  } else {
    read_file(k);
  }
}

static void close_keyboard(keyboard *k) {
  screen_hide(&k->attached->screen);
  if (k->raw) {
    fputs("\x1b[?2004l", stdout);
    fflush(stdout);
    uv_tty_reset_mode();
  }
  uv_close((uv_handle_t *)&k->tick, NULL);
  uv_close((uv_handle_t *)&k->resized, NULL);
  if (k->open) uv_close(&k->in.handle, NULL);
  free(k->file);
}

/* ---- the command ---- */

/* Without a keyboard it ends when everything that was sent has its outcome. */
static bool is_over(void *user) {
  const attaching *a = user;
  if (a->quit || a->session.closed || ferror(a->screen.to)) return true;
  return a->input_over && a->begun_ns == 0 && lrm_client_pending(a->session.client) == 0;
}

static exit_code attach(attaching *a) {
  static keyboard k;
  remote_session_config config = {.ops = &attach_session_ops, .user = a};
  a->host_attached = -1;
  a->begun_ns = 1;
  exit_code result =
      remote_session_connect(&a->connection, &a->session, &a->flags, a->session_word, &config);
  if (result) return result;
  open_keyboard(&k, a);
  bool over = connection_wait(&a->connection, is_over, a, CONNECTION_FOREVER);
  size_t pending = lrm_client_pending(a->session.client);
  close_keyboard(&k);
  if (a->screen.column) fputs("\n", stdout);
  fflush(stdout);
  if (a->session.closed || (!over && a->connection.failed))
    result = remote_session_explain(&a->session);
  if (pending)
    fprintf(stderr,
            "remote: %zu command%s had no outcome yet; what is stored goes on without you\n",
            pending, pending == 1 ? "" : "s");
  remote_session_close(&a->session);
  connection_close(&a->connection);
  return result;
}

int command_attach(int argc, char **argv) {
  static attaching a;
  const option options[] = {
      {"session", OPTION_VALUE, &a.session_word, "SESSION", "which session", NULL},
      CONNECTION_OPTIONS(a.flags),
  };
  const option_usage usage = {"remote attach [SESSION]",
                              "Watches and steers a session in this terminal; /help there lists "
                              "what can be written.",
                              options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count > 1 || (words.count && a.session_word))
    return options_wrong(&usage, "too many words");
  if (words.count) a.session_word = words.words[0];
  screen_init(&a.screen, stdout);
  line_editor_init(&a.editor);
  transcript_options look =
      transcript_options_for(a.screen.terminal ? (unsigned)a.screen.columns : 0,
                             a.screen.terminal && !getenv("NO_COLOR"), false);
  look.terse = true;
  transcript_init(&a.transcript, attach_write, &a, &look);
  exit_code result = attach(&a);
  line_editor_free(&a.editor);
  transcript_free(&a.transcript);
  return result;
}

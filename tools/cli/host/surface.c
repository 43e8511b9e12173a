#include "surface.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "surface_internal.h"

#define LINE_BYTES_MAX 131072u

/* ---- output ---- */

typedef struct write_request {
  uv_write_t request;
  surface *owner;
  char *data;
  size_t bytes;
} write_request;

static void on_written(uv_write_t *request, int status) {
  write_request *w = (write_request *)request;
  (void)status; /* a terminal that is gone is told of by its input or a signal */
  w->owner->queued -= w->bytes;
  free(w->data);
  free(w);
}

static void write_sync(const char *data, size_t bytes) {
  while (bytes > 0) {
    ssize_t n = write(1, data, bytes);
    if (n < 0 && errno != EINTR) return;
    if (n > 0) {
      data += n;
      bytes -= (size_t)n;
    }
  }
}

static void flush(surface *s) {
  if (s->pending_bytes == 0) return;
  if (!s->out_async) {
    write_sync(s->pending, s->pending_bytes);
    s->pending_bytes = 0;
    return;
  }
  write_request *w = memory_zero(sizeof *w);
  w->owner = s;
  w->data = s->pending;
  w->bytes = s->pending_bytes;
  s->pending = NULL;
  s->pending_bytes = s->pending_room = 0;
  uv_buf_t buffer = uv_buf_init(w->data, (unsigned)w->bytes);
  s->queued += w->bytes;
  if (uv_write(&w->request, &s->out.stream, &buffer, 1, on_written) != 0)
    on_written(&w->request, -1);
}

static void on_flush(uv_prepare_t *prepare) { flush(prepare->data); }

bool surface_flushed(const surface *s) { return s->pending_bytes == 0 && s->queued == 0; }

void surface_put(surface *s, const char *text, size_t bytes) {
  if (bytes == 0) return;
  if (s->queued + s->pending_bytes + bytes > OUTPUT_QUEUE_BYTES_MAX) {
    s->left_out = true; /* nobody reads: the session does not wait for the terminal */
    return;
  }
  static const char gap[] = "\n[some output was left out: the terminal did not keep up]\n";
  size_t extra = s->left_out ? sizeof gap - 1 : 0;
  if (s->pending_bytes + bytes + extra > s->pending_room) {
    s->pending_room = (s->pending_bytes + bytes + extra) * 2 + 1024;
    s->pending = memory_grow(s->pending, s->pending_room);
  }
  if (extra > 0) memcpy(s->pending + s->pending_bytes, gap, extra);
  s->pending_bytes += extra;
  s->left_out = false;
  memcpy(s->pending + s->pending_bytes, text, bytes);
  s->pending_bytes += bytes;
  s->at_line_start = text[bytes - 1] == '\n';
  s->prompt_shown = false;
}

void surface_puts(surface *s, const char *text) { surface_put(s, text, strlen(text)); }

static const char *const codes[] = {"", "\033[2m", "\033[1m", "\033[32m", "\033[31m", "\033[33m"};

static void put_code(surface *s, const char *code) {
  bool start = s->at_line_start;
  surface_puts(s, code);
  s->at_line_start = start;
}

void surface_style_on(surface *s, surface_style style) {
  if (s->colour && style != STYLE_PLAIN) put_code(s, codes[style]);
}
void surface_style_off(surface *s, surface_style style) {
  if (s->colour && style != STYLE_PLAIN) put_code(s, "\033[0m");
}

static void put_clean(void *user, const char *text, size_t bytes) {
  surface_put(user, text, bytes);
}

void surface_fresh_line(surface *s) {
  if (s->stream_id[0] != '\0') {
    terminal_text_end(&s->clean, put_clean, s);
    if (s->stream_id[0] == 't') surface_style_off(s, STYLE_DIM);
    s->stream_id[0] = '\0';
  }
  if (!s->at_line_start || s->prompt_shown) surface_puts(s, s->prompt_shown ? "\r" : "\n");
  s->at_line_start = true;
}

unsigned surface_width(const surface *s) {
  struct winsize size;
  if (s->output_tty && ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return s->output_tty ? 80 : 10000;
}

void surface_line(surface *s, surface_style style, const char *lead, const char *text) {
  char shown[1024];
  size_t width = surface_width(s), used = terminal_text_columns(lead);
  terminal_text_copy(shown, sizeof shown, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
  terminal_text_fit(shown, width > used + 8 ? width - used : 8);
  surface_fresh_line(s);
  surface_style_on(s, style);
  surface_puts(s, lead);
  surface_puts(s, shown);
  surface_style_off(s, style);
  surface_puts(s, "\n");
}

typedef struct block_writer {
  surface *s;
  const char *lead;
  size_t lines, lines_max;
} block_writer;

static void block_put(void *user, const char *text, size_t bytes) {
  block_writer *w = user;
  for (size_t i = 0; i < bytes;) {
    if (w->lines >= w->lines_max) return;
    if (w->s->at_line_start) surface_puts(w->s, w->lead);
    const char *end = memchr(text + i, '\n', bytes - i);
    size_t n = end != NULL ? (size_t)(end - text) - i + 1 : bytes - i;
    surface_put(w->s, text + i, n);
    if (end != NULL) w->lines++;
    i += n;
  }
}

void surface_block(surface *s, surface_style style, const char *lead, const char *text,
                   size_t bytes, size_t lines_max) {
  terminal_text clean;
  block_writer writer = {s, lead, 0, lines_max};
  if (bytes == 0) return;
  surface_fresh_line(s);
  surface_style_on(s, style);
  terminal_text_init(&clean, TERMINAL_TEXT_STRIP);
  terminal_text_feed(&clean, text, bytes, block_put, &writer);
  terminal_text_end(&clean, block_put, &writer);
  if (!s->at_line_start) surface_puts(s, "\n");
  if (writer.lines >= lines_max) {
    surface_puts(s, lead);
    surface_puts(s, "…\n");
  }
  surface_style_off(s, style);
}

void surface_say(surface *s, const char *format, ...) {
  char text[4096], shown[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  terminal_text_copy(shown, sizeof shown, text, strlen(text), 0);
  surface_fresh_line(s);
  surface_style_on(s, STYLE_DIM);
  surface_puts(s, "· ");
  surface_puts(s, shown);
  surface_style_off(s, STYLE_DIM);
  surface_puts(s, "\n");
}

void surface_prompt(surface *s) {
  if (s->kind != SURFACE_TERMINAL || !s->input_tty || !s->output_tty) return;
  surface_fresh_line(s);
  surface_puts(s, "> ");
  s->at_line_start = true;
  s->prompt_shown = true;
}

/* ---- input ---- */

static void take_line(surface *s) {
  char *line = s->line != NULL ? s->line : memory_string("");
  size_t bytes = s->line_bytes;
  bool too_long = s->line_too_long;
  s->line = NULL;
  s->line_bytes = s->line_room = 0;
  s->line_too_long = false;
  line[bytes] = '\0';
  while (bytes > 0 && line[bytes - 1] == '\r') line[--bytes] = '\0';
  if (s->input_tty) {
    s->at_line_start = true; /* the terminal has echoed the newline */
    s->prompt_shown = false;
  }
  if (too_long)
    surface_say(s, "that line is over 128 KiB and was not taken");
  else if (strlen(line) == bytes)
    s->owner.line(s->user, line);
  free(line);
}

static void take_input(surface *s, const char *data, size_t bytes) {
  for (size_t i = 0; i < bytes && !s->destroyed; i++) {
    if (data[i] == '\n') {
      take_line(s);
      continue;
    }
    if (s->line_bytes + 1 >= s->line_room) {
      s->line_room = s->line_room * 2 + 256;
      s->line = memory_grow(s->line, s->line_room);
    }
    if (s->line_bytes < LINE_BYTES_MAX)
      s->line[s->line_bytes++] = data[i];
    else
      s->line_too_long = true;
  }
}

static void input_ended(surface *s) {
  if (!s->in_open) return;
  s->in_open = false;
  if (s->line_bytes > 0) take_line(s);
  if (!s->destroyed) s->owner.ended(s->user);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  surface *s = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(s->read_buffer, sizeof s->read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer) {
  surface *s = stream->data;
  if (bytes > 0) {
    take_input(s, buffer->base, (size_t)bytes);
  } else if (bytes < 0) {
    uv_read_stop(stream);
    input_ended(s);
  }
}

/* A file cannot be polled: it is read by the thread pool, a piece at a time. */
static void on_file(uv_fs_t *request) {
  surface *s = request->data;
  ssize_t n = request->result;
  uv_fs_req_cleanup(request);
  if (s->destroyed) {
    s->in_file = false;
    return;
  }
  if (n <= 0) {
    s->in_file = false;
    input_ended(s);
    return;
  }
  take_input(s, s->read_buffer, (size_t)n);
  uv_buf_t buffer = uv_buf_init(s->read_buffer, sizeof s->read_buffer);
  uv_fs_read(s->loop, &s->read_request, 0, &buffer, 1, -1, on_file);
}

static void open_input(surface *s) {
  uv_handle_type type = uv_guess_handle(0);
  s->input_tty = type == UV_TTY;
  if (s->kind != SURFACE_TERMINAL && !(s->kind == SURFACE_ONE_SHOT && s->input_tty)) return;
  s->in_open = true;
  if (type == UV_TTY && uv_tty_init(s->loop, &s->in.tty, 0, 1) == 0) {
    s->handles++;
  } else if (type == UV_NAMED_PIPE || type == UV_TCP) {
    uv_pipe_init(s->loop, &s->in.pipe, 0);
    s->handles++;
    uv_pipe_open(&s->in.pipe, 0);
  } else {
    s->in_file = true;
    s->read_request.data = s;
    uv_buf_t buffer = uv_buf_init(s->read_buffer, sizeof s->read_buffer);
    uv_fs_read(s->loop, &s->read_request, 0, &buffer, 1, -1, on_file);
    return;
  }
  s->in.handle.data = s;
  uv_read_start(&s->in.stream, on_alloc, on_read);
}

static void open_output(surface *s) {
  uv_handle_type type = uv_guess_handle(1);
  const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
  s->output_tty = type == UV_TTY;
  s->colour = s->output_tty && (no_colour == NULL || *no_colour == '\0') &&
              (term == NULL || strcmp(term, "dumb") != 0);
  if (type == UV_TTY && uv_tty_init(s->loop, &s->out.tty, 1, 0) == 0) {
    s->out_async = true;
  } else if (type == UV_NAMED_PIPE) {
    uv_pipe_init(s->loop, &s->out.pipe, 0);
    s->out_async = true;
    uv_pipe_open(&s->out.pipe, 1);
  }
  if (!s->out_async) return;
  s->out.handle.data = s;
  s->handles++;
}

surface *surface_create(uv_loop_t *loop, surface_kind kind, const surface_owner *owner,
                        void *user) {
  surface *s = memory_zero(sizeof *s);
  s->loop = loop;
  s->kind = kind;
  s->owner = *owner;
  s->user = user;
  s->at_line_start = true;
  uv_prepare_init(loop, &s->flush);
  s->flush.data = s;
  s->handles++;
  uv_prepare_start(&s->flush, on_flush);
  uv_unref((uv_handle_t *)&s->flush);
  open_output(s);
  open_input(s);
  return s;
}

bool surface_input_is_terminal(const surface *s) { return s->input_tty; }
bool surface_output_is_terminal(const surface *s) { return s->output_tty; }

static void on_closed(uv_handle_t *handle) {
  surface *s = handle->data;
  if (--s->handles > 0) return;
  free(s->line);
  free(s->pending);
  free(s);
}

void surface_destroy(surface *s) {
  if (s == NULL) return;
  surface_fresh_line(s);
  flush(s);
  s->destroyed = true;
  if (s->in_file) uv_cancel((uv_req_t *)&s->read_request);
  surface_asks_free(s);
  if (s->in.handle.data != NULL) uv_close(&s->in.handle, on_closed);
  if (s->out_async) uv_close(&s->out.handle, on_closed);
  uv_close((uv_handle_t *)&s->flush, on_closed);
}

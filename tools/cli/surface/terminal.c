#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "memory.h"

#define FRONT_MS 300

typedef union stream_handle {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tty_t tty;
  uv_pipe_t pipe;
} stream_handle;

struct terminal {
  uv_loop_t *loop;
  terminal_ops ops;
  void *user;
  stream_handle in, out;
  bool in_tty, out_tty;
  bool in_handle, out_handle; /* they are open on the loop */
  bool in_file;               /* input that is a file: read by the thread pool */
  bool file_reading, reading, ended, lost, closed;
  char buffer[16384];
  bool writing;  /* a write is on its way; what comes meanwhile waits in one piece: */
  char *waiting; /* small writes cost twenty times their bytes as requests of their own */
  size_t waiting_bytes, waiting_room;
  uv_fs_t read_request;
  uv_signal_t resize, stop, go_on;
  uv_timer_t front; /* runs in the background: is the terminal ours again? */
  int handles;
};

/* ---- restoring the terminal ----
 * In one place for the whole process, because a signal handler has to reach it. */

static struct {
  volatile sig_atomic_t raw; /* the terminal is in our mode */
  int fd;                    /* a descriptor of its own that never blocks; -1: none */
  bool have_modes;
  struct termios before, ours;
  const char *enter, *leave;
} modes = {.fd = -1};

/* Safe in a signal handler. */
static void leave_raw(void) {
  if (!modes.raw) return;
  modes.raw = 0;
  int fd = modes.fd >= 0 ? modes.fd : STDIN_FILENO;
  tcsetattr(fd, TCSANOW, &modes.before); /* not TCSADRAIN: output may be stopped for ever */
  if (modes.fd >= 0) (void)!write(modes.fd, modes.leave, strlen(modes.leave));
}

static bool in_foreground(void) {
  int fd = modes.fd >= 0 ? modes.fd : STDIN_FILENO;
  return tcgetpgrp(fd) == getpgrp();
}

/* False: in the background, or the terminal is gone. */
static bool enter_raw(void) {
  int fd = modes.fd >= 0 ? modes.fd : STDIN_FILENO;
  if (modes.raw) return true;
  if (!in_foreground() || tcsetattr(fd, TCSANOW, &modes.ours) != 0) return false;
  modes.raw = 1;
  return true;
}

static void on_crash(int number) {
  int before = errno;
  leave_raw();
  errno = before;
  raise(number); /* SA_RESETHAND: as it would have been without us */
}

/* Whatever ends the program and is handled by nobody else. */
static void guard(void) {
  static const int numbers[] = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL,
                                SIGFPE,  SIGTERM, SIGHUP,  SIGINT};
  struct sigaction now,
      wanted = {.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};
  sigemptyset(&wanted.sa_mask);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (sigaction(numbers[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
        now.sa_handler == SIG_DFL)
      sigaction(numbers[i], &wanted, NULL);
  static bool registered;
  if (!registered) atexit(leave_raw);
  registered = true;
}

bool terminal_raw(terminal *t, const char *enter, const char *leave) {
  if (!t->in_tty || !t->out_tty) return false;
  if (!modes.have_modes) {
    const char *name = ttyname(STDIN_FILENO);
    modes.fd = name != NULL ? open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (tcgetattr(STDIN_FILENO, &modes.before) != 0) return false;
    modes.have_modes = true;
    modes.ours = modes.before;
    modes.ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    /* IXON stays as it is: who stops output with ^S may do so here. */
    modes.ours.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | ISTRIP);
    modes.ours.c_cc[VMIN] = 1;
    modes.ours.c_cc[VTIME] = 0;
  }
  modes.enter = enter;
  modes.leave = leave;
  guard();
  if (!enter_raw()) return false;
  terminal_write(t, enter, strlen(enter));
  return true;
}

bool terminal_in_front(const terminal *t) {
  (void)t;
  return !modes.have_modes || modes.raw;
}

/* ---- stop and go on ---- */

static void on_front(uv_timer_t *timer);
static void on_continue(uv_signal_t *handle, int number);

static void go_on(terminal *t) {
  if (t->closed) return;
  if (modes.have_modes && modes.enter != NULL) {
    if (!enter_raw()) { /* `bg`: nothing is read or drawn until the shell's `fg` */
      terminal_pause(t);
      uv_timer_start(&t->front, on_front, FRONT_MS, FRONT_MS);
      return;
    }
    uv_timer_stop(&t->front);
    terminal_write(t, modes.enter, strlen(modes.enter));
  }
  terminal_read(t);
  if (t->ops.resumed != NULL) t->ops.resumed(t->user);
}

/* A shell does not tell a running program that it is in the foreground again. */
static void on_front(uv_timer_t *timer) {
  if (in_foreground()) go_on(timer->data);
}

void terminal_suspend(terminal *t) {
  struct sigaction plain = {.sa_handler = SIG_DFL}, before;
  leave_raw();
  uv_signal_stop(&t->go_on); /* `fg` is noticed below; twice would draw twice */
  /* The group stops as it would for the terminal's own ^Z; then this process for certain. */
  sigaction(SIGTSTP, &plain, &before);
  kill(0, SIGTSTP);
  sigaction(SIGTSTP, &before, NULL);
  uv_signal_start(&t->go_on, on_continue, SIGCONT);
  uv_update_time(t->loop);
  go_on(t);
}

static void on_stop(uv_signal_t *handle, int number) {
  (void)number;
  terminal_suspend(handle->data);
}

/* Somebody stopped us without asking (SIGSTOP): the shell has its own mode on the terminal now. */
static void on_continue(uv_signal_t *handle, int number) {
  terminal *t = handle->data;
  (void)number;
  if (modes.have_modes && in_foreground()) modes.raw = 0;
  go_on(t);
}

static void on_resize(uv_signal_t *handle, int number) {
  terminal *t = handle->data;
  (void)number;
  if (t->ops.resized != NULL) t->ops.resized(t->user);
}

bool terminal_size(const terminal *t, size_t *columns, size_t *rows) {
  struct winsize size;
  if (!t->out_tty || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return false;
  *columns = size.ws_col;
  *rows = size.ws_row > 0 ? size.ws_row : 24;
  return true;
}

static void terminal_free(terminal *t) {
  free(t->waiting);
  free(t);
}

/* ---- output ---- */

typedef struct write_request {
  uv_write_t request;
  terminal *owner;
  char *data;
} write_request;

static void lose(terminal *t) {
  if (t->lost) return;
  t->lost = true;
  if (t->ops.lost != NULL && !t->closed) t->ops.lost(t->user);
}

static void on_written(uv_write_t *request, int status);

/* As much as goes without waiting. */
static size_t try_write(terminal *t, const char *data, size_t bytes) {
  union {
    const char *in;
    char *out;
  } text = {.in = data};
  uv_buf_t buffer = uv_buf_init(text.out, (unsigned)bytes);
  int n = uv_try_write(&t->out.stream, &buffer, 1);
  if (n < 0 && n != UV_EAGAIN) lose(t);
  return n > 0 ? (size_t)n : 0;
}

/* Takes over `data`. */
static void begin_write(terminal *t, char *data, size_t bytes) {
  write_request *w = memory_zero(sizeof *w);
  uv_buf_t buffer = uv_buf_init(data, (unsigned)bytes);
  w->owner = t;
  w->data = data;
  t->writing = uv_write(&w->request, &t->out.stream, &buffer, 1, on_written) == 0;
  if (t->writing) return;
  free(data);
  free(w);
  lose(t);
}

static void on_written(uv_write_t *request, int status) {
  write_request *w = (write_request *)request;
  terminal *t = w->owner;
  free(w->data);
  free(w);
  t->writing = false;
  if (status != 0 && status != UV_ECANCELED) lose(t);
  if (t->closed || t->lost) return;
  if (t->waiting_bytes > 0) {
    char *data = t->waiting;
    size_t bytes = t->waiting_bytes;
    t->waiting = NULL;
    t->waiting_bytes = t->waiting_room = 0;
    begin_write(t, data, bytes);
  } else if (t->ops.drained != NULL) {
    t->ops.drained(t->user);
  }
}

static void wait_behind(terminal *t, const char *data, size_t bytes) {
  if (t->waiting_bytes + bytes > t->waiting_room) {
    t->waiting_room = (t->waiting_bytes + bytes) * 2 + 4096;
    t->waiting = memory_grow(t->waiting, t->waiting_room);
  }
  memcpy(t->waiting + t->waiting_bytes, data, bytes);
  t->waiting_bytes += bytes;
}

static void write_file(terminal *t, const char *data, size_t bytes) {
  while (bytes > 0) {
    ssize_t n = write(STDOUT_FILENO, data, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      lose(t);
      return;
    }
    data += n;
    bytes -= (size_t)n;
  }
}

void terminal_write(terminal *t, const char *data, size_t bytes) {
  if (bytes == 0 || t->lost || t->closed) return;
  if (!t->out_handle) {
    write_file(t, data, bytes);
    return;
  }
  size_t done = t->writing ? 0 : try_write(t, data, bytes);
  if (done == bytes || t->lost) return;
  if (t->writing)
    wait_behind(t, data, bytes);
  else
    begin_write(t, memory_text(data + done, bytes - done), bytes - done);
}

size_t terminal_backlog(const terminal *t) {
  if (!t->out_handle || t->closed) return 0;
  return uv_stream_get_write_queue_size(&t->out.stream) + t->waiting_bytes;
}

bool terminal_lost(const terminal *t) { return t->lost; }

/* ---- input ---- */

static void end_input(terminal *t) {
  if (t->ended) return;
  t->ended = true;
  t->reading = false;
  if (!t->closed) t->ops.ended(t->user);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer) {
  terminal *t = handle->data;
  (void)wanted;
  *buffer = uv_buf_init(t->buffer, sizeof t->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  terminal *t = stream->data;
  if (count > 0) {
    t->ops.input(t->user, buffer->base, (size_t)count);
  } else if (count < 0) {
    uv_read_stop(stream);
    end_input(t);
  }
}

static void read_file_more(terminal *t);

static void on_file(uv_fs_t *request) {
  terminal *t = request->data;
  ssize_t count = request->result;
  uv_fs_req_cleanup(request);
  t->file_reading = false;
  if (t->closed) {
    if (t->handles == 0) terminal_free(t);
    return;
  }
  if (count <= 0) {
    end_input(t);
    return;
  }
  t->ops.input(t->user, t->buffer, (size_t)count);
  if (t->reading && !t->closed) read_file_more(t);
}

/* A file cannot be polled: it is read by the thread pool, a piece at a time. */
static void read_file_more(terminal *t) {
  uv_buf_t buffer = uv_buf_init(t->buffer, sizeof t->buffer);
  if (t->file_reading) return;
  t->file_reading = true;
  t->read_request.data = t;
  if (uv_fs_read(t->loop, &t->read_request, STDIN_FILENO, &buffer, 1, -1, on_file) == 0) return;
  t->file_reading = false;
  end_input(t);
}

void terminal_read(terminal *t) {
  if (t->reading || t->ended || t->closed) return;
  t->reading = true;
  if (t->in_file)
    read_file_more(t);
  else if (t->in_handle)
    uv_read_start(&t->in.stream, on_alloc, on_read);
}

void terminal_pause(terminal *t) {
  if (!t->reading) return;
  t->reading = false;
  if (t->in_handle) uv_read_stop(&t->in.stream);
}

/* ---- opening and closing ---- */

static bool open_stream(terminal *t, stream_handle *handle, int fd, uv_handle_type type) {
  int result = UV_EINVAL;
  if (type == UV_TTY) {
    result = uv_tty_init(t->loop, &handle->tty, fd, fd == STDIN_FILENO);
  } else if (type == UV_NAMED_PIPE || type == UV_TCP) {
    result = uv_pipe_init(t->loop, &handle->pipe, 0);
    if (result == 0 && uv_pipe_open(&handle->pipe, fd) != 0) {
      uv_close(&handle->handle, NULL);
      return false;
    }
  }
  if (result != 0) return false;
  handle->handle.data = t;
  t->handles++;
  return true;
}

static void open_signal(terminal *t, uv_signal_t *handle, uv_signal_cb callback, int number) {
  uv_signal_init(t->loop, handle);
  handle->data = t;
  t->handles++;
  uv_signal_start(handle, callback, number);
  uv_unref((uv_handle_t *)handle);
}

terminal *terminal_create(uv_loop_t *loop, const terminal_ops *ops, void *user) {
  terminal *t = memory_zero(sizeof *t);
  uv_handle_type in = uv_guess_handle(STDIN_FILENO), out = uv_guess_handle(STDOUT_FILENO);
  t->loop = loop;
  t->ops = *ops;
  t->user = user;
  t->in_tty = in == UV_TTY;
  t->out_tty = out == UV_TTY;
  t->out_handle = open_stream(t, &t->out, STDOUT_FILENO, out);
  t->in_handle = open_stream(t, &t->in, STDIN_FILENO, in);
  t->in_file = !t->in_handle;
  open_signal(t, &t->resize, on_resize, SIGWINCH);
  uv_timer_init(loop, &t->front);
  uv_unref((uv_handle_t *)&t->front);
  t->front.data = t;
  t->handles++;
  if (t->in_tty && t->out_tty) {
    open_signal(t, &t->stop, on_stop, SIGTSTP);
    open_signal(t, &t->go_on, on_continue, SIGCONT);
  }
  return t;
}

bool terminal_input_is_tty(const terminal *t) { return t->in_tty; }
bool terminal_output_is_tty(const terminal *t) { return t->out_tty; }

static void on_closed(uv_handle_t *handle) {
  terminal *t = handle->data;
  if (--t->handles == 0 && !t->file_reading) terminal_free(t);
}

void terminal_destroy(terminal *t) {
  if (t == NULL) return;
  if (t->out_handle && t->waiting_bytes > 0 && !t->lost)
    (void)try_write(t, t->waiting, t->waiting_bytes);
  t->closed = true;
  leave_raw();
  if (modes.fd >= 0) close(modes.fd);
  modes.fd = -1;
  modes.have_modes = false;
  modes.enter = NULL;
  if (t->file_reading) uv_cancel((uv_req_t *)&t->read_request);
  if (t->in_handle) uv_close(&t->in.handle, on_closed);
  if (t->out_handle) uv_close(&t->out.handle, on_closed);
  uv_close((uv_handle_t *)&t->resize, on_closed);
  uv_close((uv_handle_t *)&t->front, on_closed);
  if (t->in_tty && t->out_tty) {
    uv_close((uv_handle_t *)&t->stop, on_closed);
    uv_close((uv_handle_t *)&t->go_on, on_closed);
  }
}

#include "agent_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent_guard.h"
#include "memory.h"

struct agent_process {
  agent_process_owner owner;
  void *user;
  uv_process_t process;
  uv_pipe_t in, out, err;
  uv_timer_t timer;
  int handles; /* that are not closed yet */
  pid_t group;
  agent_guard guard;
  bool spawned, exited, output_ended, log_ended, paused, stopping, told, killed, destroyed;
  int status, signal;
  char *buffer;
  char *log_path;
  int log;
  size_t log_bytes;
};

#define READ_BYTES 65536

typedef struct write_request {
  uv_write_t request;
  char *data;
} write_request;

/* ---- the end ---- */

static void process_free(agent_process *p) {
  if (p->log >= 0) close(p->log);
  free(p->log_path);
  free(p->buffer);
  free(p);
}

static void handle_closed(uv_handle_t *handle) {
  agent_process *p = handle->data;
  if (--p->handles == 0 && p->destroyed) process_free(p);
}

static void close_handle(uv_handle_t *handle) {
  if (!uv_is_closing(handle)) uv_close(handle, handle_closed);
}

static void close_all(agent_process *p) {
  close_handle((uv_handle_t *)&p->in);
  close_handle((uv_handle_t *)&p->out);
  close_handle((uv_handle_t *)&p->err);
  close_handle((uv_handle_t *)&p->timer);
  if (p->spawned) close_handle((uv_handle_t *)&p->process);
}

static void tell_ended(agent_process *p) {
  if (p->told || !p->exited || !p->output_ended || !p->log_ended) return;
  p->told = true;
  /* What it left behind in its group goes with it. */
  kill(-p->group, SIGKILL);
  agent_guard_stop(&p->guard);
  close_all(p);
  p->owner.ended(p->user, p->status, p->signal);
}

/* Its children may hold the pipe open: they get a moment, then the group is killed. */
static void on_drained(uv_timer_t *timer) {
  agent_process *p = timer->data;
  kill(-p->group, SIGKILL);
  p->output_ended = p->log_ended = true;
  tell_ended(p);
}

static void on_process_exit(uv_process_t *process, int64_t status, int signal) {
  agent_process *p = process->data;
  p->exited = true;
  p->status = signal != 0 ? 128 + signal : (int)status;
  p->signal = signal;
  if (!p->output_ended || !p->log_ended) uv_timer_start(&p->timer, on_drained, 300, 0);
  tell_ended(p);
}

static void on_too_late(uv_timer_t *timer) {
  agent_process *p = timer->data;
  if (p->exited) return;
  kill(-p->group, p->killed ? SIGKILL : SIGTERM);
  if (!p->killed) uv_timer_start(&p->timer, on_too_late, AGENT_TERM_MS, 0);
  p->killed = true;
}

void agent_process_stop(agent_process *p, bool now) {
  if (p->exited || (p->stopping && !now)) return;
  p->stopping = true;
  if (p->paused) agent_process_pause(p, false);
  close_handle((uv_handle_t *)&p->in);
  uv_timer_start(&p->timer, on_too_late, now ? 0 : AGENT_CLOSE_MS, 0);
}

bool agent_process_stopping(const agent_process *p) { return p->stopping; }
int agent_process_pid(const agent_process *p) { return p->group; }

void agent_process_destroy(agent_process *p) {
  if (p == NULL) return;
  p->destroyed = true;
  if (!p->exited && p->group > 0) kill(-p->group, SIGKILL);
  agent_guard_stop(&p->guard);
  close_all(p);
  if (p->handles == 0) process_free(p);
}

/* ---- bytes ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  agent_process *p = handle->data;
  (void)suggested;
  *buffer = uv_buf_init(p->buffer, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer) {
  agent_process *p = stream->data;
  if (bytes > 0) {
    p->owner.output(p->user, buffer->base, (size_t)bytes);
  } else if (bytes < 0) {
    uv_read_stop(stream);
    p->output_ended = true;
    tell_ended(p);
    /* Nothing more can come of it; one that stays is told to go. */
    if (!p->exited) agent_process_stop(p, false);
  }
}

static void open_log(agent_process *p) {
  p->log =
      p->log_path != NULL ? open(p->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  off_t end = p->log >= 0 ? lseek(p->log, 0, SEEK_END) : 0;
  p->log_bytes = end > 0 ? (size_t)end : 0;
}

static void turn_log(agent_process *p) {
  size_t bytes = strlen(p->log_path) + 3;
  char *old = memory_zero(bytes);
  snprintf(old, bytes, "%s.1", p->log_path);
  close(p->log);
  (void)rename(p->log_path, old);
  free(old);
  open_log(p);
}

/* A log that cannot be written is not worth ending the agent for. */
static void on_log(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer) {
  agent_process *p = stream->data;
  if (bytes < 0) {
    uv_read_stop(stream);
    p->log_ended = true;
    tell_ended(p);
    return;
  }
  if (bytes == 0 || p->log < 0) return;
  if (p->log_bytes + (size_t)bytes > AGENT_LOG_BYTES_MAX) turn_log(p);
  if (p->log >= 0 && write(p->log, buffer->base, (size_t)bytes) > 0) p->log_bytes += (size_t)bytes;
}

void agent_process_pause(agent_process *p, bool pause) {
  if (p->paused == pause || p->output_ended || uv_is_closing((uv_handle_t *)&p->out)) return;
  p->paused = pause;
  if (pause)
    uv_read_stop((uv_stream_t *)&p->out);
  else
    uv_read_start((uv_stream_t *)&p->out, on_alloc, on_read);
}

static void on_written(uv_write_t *request, int status) {
  write_request *w = (write_request *)request;
  (void)status; /* an agent that is gone is told of by on_process_exit */
  free(w->data);
  free(w);
}

void agent_process_write(agent_process *p, const char *data, size_t bytes) {
  if (p->exited || uv_is_closing((uv_handle_t *)&p->in)) return;
  if (uv_stream_get_write_queue_size((uv_stream_t *)&p->in) + bytes > AGENT_STDIN_BYTES_MAX) {
    agent_process_stop(p, true); /* it has not read 64 MiB: it never will */
    return;
  }
  write_request *w = memory_zero(sizeof *w);
  w->data = memory_text(data, bytes);
  uv_buf_t buffer = uv_buf_init(w->data, (unsigned)bytes);
  if (uv_write(&w->request, (uv_stream_t *)&p->in, &buffer, 1, on_written) != 0) {
    free(w->data);
    free(w);
  }
}

/* ---- start ---- */

static void start_error(char *error, size_t bytes, const char *name, int code) {
  if (code == UV_ENOENT)
    snprintf(error, bytes, "there is no program \"%s\"; is it installed and in PATH?", name);
  else if (code == UV_EACCES)
    snprintf(error, bytes, "\"%s\" cannot be run: it is not executable", name);
  else
    snprintf(error, bytes, "\"%s\" cannot be started: %s", name, uv_strerror(code));
}

static void init_handles(agent_process *p, uv_loop_t *loop) {
  uv_pipe_init(loop, &p->in, 0);
  uv_pipe_init(loop, &p->out, 0);
  uv_pipe_init(loop, &p->err, 0);
  uv_timer_init(loop, &p->timer);
  p->in.data = p->out.data = p->err.data = p->timer.data = p->process.data = p;
  p->handles = 4;
}

/* The host's environment but for the token: an agent that has it could answer its own questions.
 * The list is to be freed, its words are the host's. */
static char **environment_of_agent(void) {
  static const char token[] = "REMOTE_TOKEN=";
  size_t count = 0, kept = 0;
  while (environ[count] != NULL) count++;
  char **list = memory_zero((count + 1) * sizeof *list);
  for (size_t i = 0; i < count; i++)
    if (strncmp(environ[i], token, sizeof token - 1) != 0) list[kept++] = environ[i];
  return list;
}

int agent_process_start(uv_loop_t *loop, char *const *argv, const char *cwd, const char *log_path,
                        const agent_process_owner *owner, void *user, agent_process **out,
                        char *error, size_t error_bytes) {
  agent_process *p = memory_zero(sizeof *p);
  uv_stdio_container_t stdio[3];
  p->owner = *owner;
  p->user = user;
  p->buffer = memory_zero(READ_BYTES);
  p->log_path = log_path != NULL ? memory_string(log_path) : NULL;
  open_log(p);
  init_handles(p, loop);
  stdio[0].flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_READABLE_PIPE);
  stdio[0].data.stream = (uv_stream_t *)&p->in;
  stdio[1].flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
  stdio[1].data.stream = (uv_stream_t *)&p->out;
  stdio[2].flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
  stdio[2].data.stream = (uv_stream_t *)&p->err;
  char **words = (char **)(uintptr_t)argv; /* libuv does not write to them */
  uv_process_options_t options = {.exit_cb = on_process_exit,
                                  .file = argv[0],
                                  .args = words,
                                  .cwd = cwd,
                                  .env = environment_of_agent(),
                                  .flags = UV_PROCESS_DETACHED, /* its own session and group */
                                  .stdio_count = 3,
                                  .stdio = stdio};
  int code = uv_spawn(loop, &p->process, &options);
  free(options.env);
  p->spawned = true; /* the handle is initialised even then */
  p->handles++;
  if (code != 0) {
    start_error(error, error_bytes, argv[0], code);
    p->exited = true;
    agent_process_destroy(p);
    return code;
  }
  p->group = p->process.pid;
  agent_guard_start(&p->guard, p->group);
  uv_read_start((uv_stream_t *)&p->out, on_alloc, on_read);
  uv_read_start((uv_stream_t *)&p->err, on_alloc, on_log);
  *out = p;
  return 0;
}

#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "remote/envelope.h"

/* ---- the child ---- */

static void path_of(const program *p, const char *name, char *out, size_t bytes) {
  snprintf(out, bytes, "%s/%s", p->dir, name);
}

void program_make(program *p) {
  memset(p, 0, sizeof *p);
  snprintf(p->dir, sizeof p->dir, "/tmp/relay-test-XXXXXX");
  assert_non_null(mkdtemp(p->dir));
}

static void remove_files(const char *dir) {
  DIR *d = opendir(dir);
  if (d == NULL) return;
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    char path[600];
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    if (unlink(path) != 0) {
      remove_files(path);
      (void)rmdir(path);
    }
  }
  closedir(d);
}

void program_remove(program *p) {
  if (p->pid != 0) (void)program_stop(p, SIGKILL, NULL);
  remove_files(p->dir);
  (void)rmdir(p->dir);
}

static pid_t spawn(program *p, const char *const *args, const char *fault) {
  char output[256], data[256];
  path_of(p, "output", output, sizeof output);
  path_of(p, "data", data, sizeof data);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid != 0) return pid;
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no relay behind */
  int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) _exit(99);
  if (fault != NULL) {
    setenv("REMOTE_RELAY_FAULT", fault, 1);
  } else {
    unsetenv("REMOTE_RELAY_FAULT");
  }
  char *argv[24];
  int count = 0;
  argv[count++] = strdup(RELAY_BINARY);
  for (; *args != NULL && count < 23; args++) {
    argv[count++] = strdup(strcmp(*args, "@DATA") == 0 ? data : *args);
  }
  argv[count] = NULL;
  execv(RELAY_BINARY, argv);
  _exit(98);
}

int program_run(program *p, const char *const *args) {
  int status = 0;
  pid_t pid = spawn(p, args, NULL);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static bool listening(const program *p) {
  return strstr(program_output(p), "relay.started") != NULL;
}

void program_start(program *p, const char *fault) {
  const char *const first[] = {"serve", "--data", "@DATA", "--listen", "tcp://127.0.0.1:0", NULL};
  const char *const later[] = {"serve", "--data", "@DATA", "--listen", p->url, NULL};
  char output[256];
  path_of(p, "output", output, sizeof output);
  (void)unlink(output);
  p->pid = spawn(p, p->starts++ == 0 ? first : later, fault);
  for (unsigned i = 0; i < 60000 && !listening(p); i++) {
    int status = 0;
    if (program_exited(p, &status)) {
      print_error("the relay ended: %s\n", program_output(p));
      fail();
    }
    usleep(1000);
  }
  assert_true(listening(p));
  snprintf(p->url, sizeof p->url, "%s", program_file(p, "address"));
}

bool program_exited(program *p, int *status) {
  if (p->pid == 0 || waitpid(p->pid, status, WNOHANG) != p->pid) return false;
  p->pid = 0;
  return true;
}

int program_stop(program *p, int signal, unsigned *took_ms) {
  int status = 0;
  uint64_t before_ns = uv_hrtime();
  assert_true(p->pid != 0);
  (void)kill(p->pid, signal);
  pid_t pid = 0;
  for (unsigned i = 0; i < 60000 && (pid = waitpid(p->pid, &status, WNOHANG)) == 0; i++)
    usleep(1000);
  if (pid == 0) { /* it did not hear: its end is the test's, not the caller's patience */
    print_error("the relay does not end on signal %d: %s\n", signal, program_output(p));
    (void)kill(p->pid, SIGKILL);
    (void)waitpid(p->pid, &status, 0);
    p->pid = 0;
    fail();
  }
  assert_int_equal(pid, p->pid);
  p->pid = 0;
  if (took_ms != NULL) *took_ms = (unsigned)((uv_hrtime() - before_ns) / 1000000);
  return status;
}

static const char *read_file(const char *path) {
  static char text[64 * 1024];
  text[0] = '\0';
  int fd = open(path, O_RDONLY);
  if (fd < 0) return text;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  text[n > 0 ? n : 0] = '\0';
  return text;
}

const char *program_output(const program *p) {
  char path[256];
  path_of(p, "output", path, sizeof path);
  return read_file(path);
}

const char *program_file(const program *p, const char *name) {
  static char text[1024];
  char path[256], inside[64];
  snprintf(inside, sizeof inside, "data/%s", name);
  path_of(p, inside, path, sizeof path);
  snprintf(text, sizeof text, "%s", read_file(path));
  text[strcspn(text, "\n")] = '\0';
  return text;
}

/* ---- peers ---- */

static void set_id(pb_size_t *size, uint8_t *bytes, const lrm_id *id) {
  if (lrm_id_none(id)) return;
  *size = sizeof id->bytes;
  memcpy(bytes, id->bytes, sizeof id->bytes);
}

static uint32_t open_channel(actor *a, remote_v1_Open *open) {
  uint32_t channel = 0;
  set_id(&open->session_id.size, open->session_id.bytes, &a->session_id);
  assert_int_equal(lrm_link_open(a->link, open, 0, &channel, lrm_uv_now_ns(a->loop)), 0);
  return channel;
}

static void open_host(actor *a) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_PUBLISH;
  open.next = a->events_end;
  open.writer_generation = a->writer_generation;
  set_id(&open.epoch.size, open.epoch.bytes, &a->epoch);
  a->events = open_channel(a, &open);
  remote_v1_Open commands = remote_v1_Open_init_zero;
  commands.log = remote_v1_Log_LOG_COMMANDS;
  commands.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
  commands.next = a->commands_next;
  commands.writer_generation = a->writer_generation;
  set_id(&commands.epoch.size, commands.epoch.bytes, &a->commands_epoch);
  a->commands = open_channel(a, &commands);
}

static void open_client(actor *a) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.next = a->next;
  open.start = remote_v1_Start_START_RESUME;
  set_id(&open.epoch.size, open.epoch.bytes, &a->epoch);
  a->events = open_channel(a, &open);
  remote_v1_Open outbox = remote_v1_Open_init_zero;
  outbox.log = remote_v1_Log_LOG_COMMANDS;
  outbox.direction = remote_v1_Direction_DIRECTION_PUBLISH;
  outbox.next = a->outbox_end;
  set_id(&outbox.epoch.size, outbox.epoch.bytes, &a->link_id);
  a->commands = open_channel(a, &outbox);
}

static void extend(actor *a, uint32_t channel, uint64_t end) {
  if (channel == 0) return;
  if (lrm_link_extend(a->link, channel, end, 0, 0, lrm_uv_now_ns(a->loop)) != 0) return;
  lrm_uv_drive_kick(a->drive);
}

static void act(actor *a, const lrm_link_event *event) {
  size_t at = (event->frame.payload.data[0] & 0x80) != 0 ? 2 : 1;
  lrm_envelope envelope;
  assert_int_equal(lrm_envelope_decode(event->frame.payload.data + at,
                                       event->frame.payload.bytes - at, &envelope),
                   0);
  a->commands_next = event->frame.offset + 1;
  for (size_t i = 0; i < a->done_count; i++) {
    if (lrm_id_equal(&a->done[i], &envelope.command_id)) return; /* known: adds nothing */
  }
  assert_true(a->done_count < COMMANDS_MAX);
  a->done[a->done_count++] = envelope.command_id;
}

static void on_block(actor *a, const lrm_link_event *event) {
  uint64_t now_ns = lrm_uv_now_ns(a->loop);
  if (a->host) {
    act(a, event);
  } else {
    assert_int_equal(event->frame.offset, a->next); /* in order, without a gap, once */
    assert_true(a->next < EVENTS_MAX);
    snprintf(a->got[a->next], sizeof a->got[0], "%.*s", (int)event->frame.payload.bytes,
             (const char *)event->frame.payload.data);
    a->next++;
  }
  assert_int_equal(lrm_link_ack(a->link, event->channel, event->frame.offset + 1, now_ns), 0);
  assert_int_equal(lrm_link_consumed(a->link, event->channel, event->frame.payload.bytes, now_ns),
                   0);
}

static void on_opened(actor *a, const lrm_link_event *event) {
  const remote_v1_Opened *opened = event->opened;
  if (event->channel == a->events) {
    if (a->host) {
      assert_true(opened->next <= a->events_end);
      assert_true(opened->next >= a->events_acked); /* nothing acknowledged is lost */
      extend(a, a->events, a->events_end);
    } else {
      assert_true(lrm_id_none(&a->epoch) || opened->next == a->next);
      assert_int_equal(lrm_id_from(opened->epoch.bytes, opened->epoch.size, &a->epoch), 0);
    }
    return;
  }
  if (a->host) {
    assert_int_equal(lrm_id_from(opened->epoch.bytes, opened->epoch.size, &a->commands_epoch), 0);
    a->commands_next = opened->next;
  } else {
    a->outbox_open = true;
    assert_true(opened->next >= a->outbox_acked);
    extend(a, a->commands, a->outbox_end);
  }
}

static void on_acked(actor *a, const lrm_link_event *event) {
  if (a->host && event->channel == a->events) a->events_acked = event->frame.offset;
  if (!a->host && event->channel == a->commands) {
    a->outbox_acked = event->frame.offset;
    for (uint64_t i = 0; i < a->outbox_acked; i++) assert_true(a->receipts[i] > 0);
  }
}

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  actor *a = user;
  (void)link;
  switch (event->type) {
    case LRM_LINK_EVENT_WELCOME:
      a->live = true;
      a->welcomes++;
      if (a->host) {
        open_host(a);
      } else {
        open_client(a);
      }
      break;
    case LRM_LINK_EVENT_OPENED:
      on_opened(a, event);
      break;
    case LRM_LINK_EVENT_BLOCK:
      on_block(a, event);
      break;
    case LRM_LINK_EVENT_ACKED:
      on_acked(a, event);
      break;
    case LRM_LINK_EVENT_RECEIPT:
      assert_true(event->frame.offset < COMMANDS_MAX);
      assert_int_equal(event->receipt->which_result, remote_v1_Receipt_stored_tag);
      a->receipts[event->frame.offset]++;
      break;
    case LRM_LINK_EVENT_GOAWAY:
      a->goaway = event->problem->code;
      a->goaway_retry_ms = event->problem->retry_after_ms;
      break;
    case LRM_LINK_EVENT_REFUSED:
      a->refused = event->problem->code;
      break;
    case LRM_LINK_EVENT_CLOSED:
      /* Not there yet, or a slow store: as a program would, once more with the next connection. */
      if (event->channel == a->events) a->events = 0;
      if (event->channel == a->commands) a->commands = 0;
      break;
    default:
      break;
  }
}

static int fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  actor *a = user;
  (void)link;
  static uint8_t data[200];
  size_t bytes = 0;
  if (a->host) {
    bytes = (size_t)snprintf((char *)data, sizeof data, "event %u", (unsigned)want->offset);
  } else {
    lrm_envelope envelope = {.command_class = 2, .event_epoch = a->epoch};
    static const uint8_t body[] = "body";
    envelope.command = (lrm_slice){body, 4};
    envelope.command_id = a->link_id;
    envelope.command_id.bytes[15] = (uint8_t)(1 + want->offset);
    if (lrm_id_none(&envelope.event_epoch)) envelope.event_epoch = a->link_id;
    assert_int_equal(lrm_envelope_encode(&envelope, data + 1, sizeof data - 1, &bytes), 0);
    assert_true(bytes < 128);
    data[0] = (uint8_t)bytes++;
  }
  frame->offset = want->offset;
  frame->count = 1;
  frame->payload = (lrm_slice){data, bytes};
  return 0;
}

static void on_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  actor *a = user;
  (void)link;
  (void)text;
  (void)retry_ns;
  a->live = a->outbox_open = false;
  a->events = a->commands = 0;
}

static const lrm_uv_drive_ops ops = {.event = on_event, .fetch = fetch, .down = on_down};

void actor_start(actor *a, program *p, uv_loop_t *loop, const char *token, bool host,
                 const char *name) {
  memset(a, 0, sizeof *a);
  a->program = p;
  a->loop = loop;
  a->host = host;
  a->writer_generation = 1000;
  snprintf((char *)a->link_id.bytes, sizeof a->link_id.bytes, "%s", name);
  snprintf((char *)a->session_id.bytes, sizeof a->session_id.bytes, "the session");
  if (host) snprintf((char *)a->epoch.bytes, sizeof a->epoch.bytes, "the epoch");
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = 11,
                            .link_id = a->link_id,
                            .role = host ? remote_v1_Role_ROLE_HOST : remote_v1_Role_ROLE_CLIENT,
                            .token = token,
                            .agent = "test/1"};
  assert_int_equal(lrm_link_create(&config, &a->link), 0);
  lrm_url url;
  char error[200];
  assert_int_equal(lrm_url_parse(p->url, &url, error, sizeof error), 0);
  static const lrm_uv_settings settings = {.struct_bytes = sizeof settings, .kinds = lrm_uv_kinds};
  assert_int_equal(lrm_uv_drive_connect(loop, &url, &settings, a->link, &ops, a, &a->drive), 0);
}

void actor_emit(actor *a) {
  a->events_end++;
  extend(a, a->events, a->events_end);
}

void actor_send(actor *a) {
  a->outbox_end++;
  if (a->outbox_open) extend(a, a->commands, a->outbox_end);
}

static void on_stopped(void *user) {
  actor *a = user;
  a->stopped = true;
}

void actor_stop(actor *a) {
  lrm_uv_drive_stop(a->drive, LRM_CODE_NORMAL, on_stopped, a);
  while (!a->stopped) uv_run(a->loop, UV_RUN_ONCE);
  lrm_uv_drive_destroy(a->drive);
  uv_run(a->loop, UV_RUN_NOWAIT);
  uv_run(a->loop, UV_RUN_NOWAIT);
  lrm_link_destroy(a->link);
}

static void on_tick(uv_timer_t *timer) { (void)timer; }

bool run_until(actor *a, unsigned ms, bool (*done)(void *user), void *user) {
  uv_timer_t tick;
  uv_timer_init(a->loop, &tick);
  uv_timer_start(&tick, on_tick, 5, 5);
  uint64_t end_ns = uv_hrtime() + (uint64_t)ms * 1000000;
  bool is_done = false; /* as seen inside: the turn that closes the timer may change it again */
  while (!(is_done = done(user)) && uv_hrtime() < end_ns) {
    int status = 0;
    uv_run(a->loop, UV_RUN_ONCE);
    if (program_exited(a->program, &status)) program_start(a->program, NULL);
  }
  uv_close((uv_handle_t *)&tick, NULL);
  uv_run(a->loop, UV_RUN_NOWAIT);
  return is_done;
}

/* The life of `remote host`: open the journal, start the agent, run, end in order. */
#include "fault.h"
#include "host_app.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "command_host.h"
#include "mcp_config.h"

#define PENDING_BYTES_MAX (128u * 1024u * 1024u)
#define UNSETTLED_BYTES_MAX (4u * 1024u * 1024u) /* then the agent waits for the journal */
#define CLOSING_NS (5ull * 1000000000ull)
#define CANCEL_NS (2ull * 1000000000ull)
#define RETRY_MS 1000u
#define INTERRUPT_NS (2ull * 1000000000ull)

uint64_t app_now(const host_app *app) { return lrm_uv_now_ns(app->loop); }

void app_notice(host_app *app, Remote__V1__NoticeLevel level, const char *topic, const char *format,
                ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  notice.level = level;
  notice.text = text;
  notice.topic = app_borrow(topic);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_NOTICE;
  event.notice = &notice;
  app_emit(app, &event);
}

/* ---- journal ---- */

/* REMOTE_HOST_FAULT, see fault.h. */
static int on_fault(void *user, lrm_fault_point point) { return fault_point(user, (int)point); }

static void on_settled(void *user, int result) {
  host_app *app = user;
  app->link_touched = true;
  if (result == 0) {
    app->unsettled_bytes = 0;
    if (app->process != NULL && !app->agent_gone) agent_process_pause(app->process, false);
    if (app->store_trouble) surface_say(app->surface, "the journal takes entries again");
    app->store_trouble = false;
    if (app->host != NULL && lrm_host_settled(app->host, lrm_uv_wall_ms(), app_now(app)) != 0)
      surface_say(app->surface, "the journal's state is not clear");
    return;
  }
  if (app->host != NULL) lrm_host_store_failed(app->host, result);
  if (!app->store_trouble && result != LRM_ERR_FENCED)
    surface_say(app->surface,
                "the journal cannot be written (%s): remote control pauses, the local session "
                "goes on. Make room in %s",
                lrm_error_text(result), app->dir.path);
  app->store_trouble = true;
  if (app->process != NULL && !app->agent_gone) agent_process_pause(app->process, false);
  app->unsettled_bytes = 0;
}

static bool open_journal(host_app *app) {
  char path[PATH_BYTES_MAX], error[512];
  if (session_dir_file(&app->dir, "journal.db", path) != 0) return false;
  lrm_store_sqlite_config config = {.struct_bytes = sizeof config,
                                    .allocator = lrm_allocator_default(),
                                    .path = path,
                                    .pending_bytes_max = PENDING_BYTES_MAX,
                                    .fault = fault_set() ? on_fault : NULL};
  int result = lrm_store_sqlite_open(&config, &app->store, error, sizeof error);
  if (result != 0) {
    fprintf(stderr, "remote: the journal %s cannot be opened: %s\n", path, error);
    return false;
  }
  result = lrm_store_claim(app->store, lrm_uv_wall_ms(), &app->writer_generation);
  if (result == 0)
    result = lrm_uv_committer_create(app->loop, app->store, on_settled, app, &app->committer);
  if (result != 0) fprintf(stderr, "remote: the journal %s: %s\n", path, lrm_error_text(result));
  return result == 0;
}

/* ---- policy ---- */

static bool extra_word(void *user, const char *word) {
  const host_app *app = user;
  return config_has_word(&app->options->config, "elevating_modes", word);
}

/* Also of a plan's options, of which not all are modes. */
static bool on_elevates_mode(void *user, const char *mode_id) {
  const host_app *app = user;
  if (app->acp == NULL) return true;
  const elevation *e = acp_session_elevation(app->acp);
  return acp_session_knows_mode(app->acp, mode_id) ? elevation_mode(e, mode_id)
                                                   : elevation_word(e, mode_id);
}

static bool on_elevates_option(void *user, const char *option_id, const char *value) {
  const host_app *app = user;
  return app->acp == NULL ||
         elevation_option(acp_session_elevation(app->acp), option_id,
                          acp_session_option_category(app->acp, option_id), value);
}

static bool on_slash_known(void *user, const char *name) {
  const host_app *app = user;
  return app->acp != NULL && acp_session_knows_slash(app->acp, name);
}

static bool on_slash_allowed(void *user, const char *name) {
  const host_app *app = user;
  return config_has_word(&app->options->config, "remote_safe_slash_commands", name);
}

static bool on_answer_fits(void *user, const Remote__V1__Ask *ask,
                           const Remote__V1__AnswerContent *answer, char *reason,
                           size_t reason_bytes) {
  const host_app *app = user;
  lrm_id id;
  if (app->acp == NULL || ask->ask_id.len != sizeof id.bytes) return true;
  memcpy(id.bytes, ask->ask_id.data, sizeof id.bytes);
  return acp_session_answer_fits(app->acp, &id, answer, reason, reason_bytes);
}

/* ---- the session ---- */

/* The branch and the top folder of a Git work tree around cwd. */
static void find_repository(const char *cwd, char repository[128], char branch[128]) {
  char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX], head[512];
  repository[0] = branch[0] = '\0';
  snprintf(folder, sizeof folder, "%s", cwd);
  for (char *end; folder[0] != '\0'; *end = '\0') {
    end = strrchr(folder, '/');
    if (end == NULL) return;
    if (path_join(path, folder, ".git/HEAD") != 0 || path_read(path, head, sizeof head, NULL) != 0)
      continue;
    head[strcspn(head, "\n")] = '\0';
    snprintf(repository, 128, "%.127s", end + 1);
    const char *name = strncmp(head, "ref: refs/heads/", 16) == 0 ? head + 16 : "";
    snprintf(branch, 128, "%.127s", name);
    return;
  }
}

/* Valid UTF-8 within the schema's limit (capacity - 1). */
static void fit_text(char *out, size_t capacity, const char *text) {
  size_t n = 0, bytes = strlen(text);
  while (bytes > 0) {
    size_t letter = acp_letter((const unsigned char *)text, bytes);
    size_t step = letter > 0 ? letter : 1;
    if (n + step >= capacity) break;
    if (letter > 0)
      memcpy(out + n, text, letter);
    else
      out[n] = '?';
    n += step;
    text += step;
    bytes -= step;
  }
  out[n] = '\0';
}

typedef struct session_words {
  char agent[64], version[64], title[128], host[64], os[64], repository[128], branch[128];
} session_words;

static void describe(const host_app *app, const char *agent, const char *version, session_words *w,
                     Remote__V1__SessionStarted *out) {
  struct utsname system;
  char name[UV_MAXHOSTNAMESIZE] = "";
  size_t name_bytes = sizeof name;
  const char *base = strrchr(app->cwd, '/');
  const char *earlier = session_dir_text(&app->dir, "agent_session_id");
  const char *title = app->options->name != NULL        ? app->options->name
                      : base != NULL && base[1] != '\0' ? base + 1
                                                        : app->cwd;
  uv_os_gethostname(name, &name_bytes);
  fit_text(w->agent, sizeof w->agent, agent);
  fit_text(w->version, sizeof w->version, version);
  fit_text(w->title, sizeof w->title, title);
  fit_text(w->host, sizeof w->host, name);
  if (uname(&system) == 0) fit_text(w->os, sizeof w->os, system.sysname);
  char repository[128], branch[128];
  find_repository(app->cwd, repository, branch);
  fit_text(w->repository, sizeof w->repository, repository);
  fit_text(w->branch, sizeof w->branch, branch);
  remote__v1__session_started__init(out);
  out->interactive = app->options->prompt == NULL;
  out->headless = app->options->headless;
  out->agent = w->agent;
  out->agent_version = w->version;
  out->agent_protocol = app_borrow("acp/1");
  out->cwd.data = (uint8_t *)app_borrow(app->cwd);
  out->cwd.len = strlen(app->cwd);
  out->repository = w->repository;
  out->branch = w->branch;
  out->title = w->title;
  out->host = w->host;
  out->os = w->os;
  if (earlier != NULL && strlen(earlier) < 128) out->agent_session_id = app_borrow(earlier);
}

static void count_watchers(host_app *app, const Remote__V1__Event *event) {
  if (event->body_case == REMOTE__V1__EVENT__BODY_DEVICE_ATTACHED) app->watching++;
  if (event->body_case == REMOTE__V1__EVENT__BODY_DEVICE_DETACHED && app->watching > 0)
    app->watching--;
}

static void on_seen(void *user, const Remote__V1__Event *event, bool tail) {
  host_app *app = user;
  app->link_touched = true;
  (void)tail;
  count_watchers(app, event);
  surface_event(app->surface, event);
}

bool app_open_host(host_app *app, const char *agent, const char *version) {
  Remote__V1__SessionStarted session;
  session_words words = {{0}};
  if (app->host != NULL) return true;
  describe(app, agent, version, &words, &session);
  uint32_t wanted = app->remote_mode;
  if (wanted > REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF && !app_link_open(app))
    app->remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = lrm_allocator_default(),
                            .store = app->store,
                            .writer_generation = app->writer_generation,
                            .session_id = app->dir.id,
                            .session = &session,
                            .created_ms = lrm_uv_wall_ms(),
                            .remote_mode = app->remote_mode,
                            .resume = app->resumed,
                            .watch_only = app->managed.hosting == MANAGED_VIEW,
                            .elevates_mode = on_elevates_mode,
                            .elevates_option = on_elevates_option,
                            .slash_known = on_slash_known,
                            .slash_allowed = on_slash_allowed,
                            .redact = app_redact_event,
                            .user = app,
                            .answer_fits = on_answer_fits};
  if (uv_random(NULL, NULL, config.seed, sizeof config.seed, 0, NULL) != 0) return false;
  int result = lrm_host_create(&config, lrm_uv_wall_ms(), app_now(app), &app->host);
  if (result != 0) {
    surface_say(app->surface, "the session cannot be opened: %s", lrm_error_text(result));
    return false;
  }
  if (app->resumed)
    snprintf(app->mode_before, sizeof app->mode_before, "%s",
             lrm_host_state(app->host)->current_mode_id);
  /* Who comes back sees where the session was. */
  if (app->resumed && app->options->prompt == NULL && !app->options->headless &&
      surface_output_is_terminal(app->surface))
    surface_state(app->surface, lrm_host_state(app->host));
  lrm_host_on_event(app->host, on_seen, app);
  /* The session is in the journal before the relay hears of it. */
  on_settled(app, lrm_store_commit(app->store));
  if (app->link != NULL) lrm_host_attach_link(app->host, app->link);
  session_dir_set(&app->dir, "remote", json_string(host_remote_word(app->remote_mode)));
  /* And it can be found again by its id, should this process be killed now. */
  if (!session_dir_save(&app->dir))
    surface_say(app->surface, "%s/session.json cannot be written", app->dir.path);
  if (app->state == APP_STARTING) app->state = APP_RUNNING;
  return true;
}

/* ---- the agent ---- */

static void on_agent_output(void *user, const char *data, size_t bytes) {
  host_app *app = user;
  acp_session_feed(app->acp, data, bytes, app_now(app));
  app->unsettled_bytes += bytes;
  if (app->unsettled_bytes > UNSETTLED_BYTES_MAX && !app->store_trouble &&
      app->state == APP_RUNNING && lrm_store_dirty(app->store))
    agent_process_pause(app->process, true);
  app_pump(app);
}

/* The last line of the agent's log: often it says why. */
static void last_words(const host_app *app, char *out, size_t bytes) {
  char path[PATH_BYTES_MAX], text[1024];
  out[0] = '\0';
  if (session_dir_file(&app->dir, "agent.log", path) != 0) return;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  off_t end = lseek(fd, 0, SEEK_END);
  off_t from = end > (off_t)sizeof text - 1 ? end - ((off_t)sizeof text - 1) : 0;
  ssize_t n = pread(fd, text, sizeof text - 1, from);
  close(fd);
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r')) n--;
  text[n > 0 ? n : 0] = '\0';
  const char *line = strrchr(text, '\n');
  line = line != NULL ? line + 1 : text;
  if (*line != '\0') snprintf(out, bytes, "; it said: %.300s", line);
}

static void agent_end_text(const host_app *app, int status, int signal, char *out, size_t bytes) {
  char said[400];
  last_words(app, said, sizeof said);
  if (signal != 0)
    snprintf(out, bytes, "the agent was killed by signal %d (%s)%s", signal, strsignal(signal),
             said);
  else if (status == 0)
    snprintf(out, bytes, "the agent has exited%s", app->agent_ready ? "" : said);
  else
    snprintf(out, bytes, "the agent failed with exit code %d%s", status, said);
}

static void on_agent_ended(void *user, int status, int signal) {
  host_app *app = user;
  char text[900];
  bool busy = !app->agent_ready || acp_session_in_turn(app->acp);
  app->agent_gone = true;
  app->agent_ready = false;
  app->agent_status = status;
  agent_end_text(app, status, signal, text, sizeof text);
  bool by_itself = app->state < APP_ENDING;
  app_held_end(app, false);
  acp_session_gone(app->acp, by_itself ? text : "the session is being ended", app_now(app));
  if (app->host != NULL &&
      lrm_host_set_agent_ready(app->host, false, lrm_uv_wall_ms(), app_now(app)) != 0)
    surface_say(app->surface, "the end of the agent could not be recorded");
  if (by_itself) {
    bool good = status == 0 && !busy;
    app_end(app,
            status == 0 ? REMOTE__V1__END_REASON__END_REASON_AGENT_EXITED
                        : REMOTE__V1__END_REASON__END_REASON_AGENT_FAILED,
            good ? EXIT_CODE_DONE : EXIT_CODE_FAILURE, text);
  }
  app_pump(app);
}

static const agent_process_owner process_owner = {on_agent_output, on_agent_ended};

static void on_agent_send(void *user, const char *line, size_t bytes) {
  host_app *app = user;
  if (app->process != NULL && !app->agent_gone) agent_process_write(app->process, line, bytes);
}

/* REMOTE_AGENT_START_SECONDS: for agents that need longer, and for tests that have less time. */
static uint64_t start_limit_ns(void) {
  const char *text = getenv("REMOTE_AGENT_START_SECONDS");
  unsigned long seconds = text != NULL ? strtoul(text, NULL, 10) : 0;
  return seconds > 0 && seconds <= 3600 ? seconds * 1000000000ull : ACP_START_NS;
}

static bool start_agent(host_app *app) {
  char log[PATH_BYTES_MAX], error[512], token[32];
  if (session_dir_file(&app->dir, "agent.log", log) != 0) return false;
  if (agent_process_start(app->loop, app->argv, app->cwd, log, &process_owner, app, &app->process,
                          error, sizeof error) != 0) {
    surface_say(app->surface, "%s", error);
    return false;
  }
  snprintf(token, sizeof token, "%llx", (unsigned long long)app->writer_generation);
  acp_session_config config = {.sink = &host_sink,
                               .sink_user = app,
                               .send = on_agent_send,
                               .send_user = app,
                               .cwd = app->cwd,
                               .resume_id = session_dir_text(&app->dir, "agent_session_id"),
                               .history = app->history,
                               .id_token = token,
                               .version = REMOTE_VERSION,
                               .redact = app->redact,
                               .elevates = extra_word,
                               .slash_allowed = on_slash_allowed,
                               .policy_user = app,
                               .start_ns = start_limit_ns(),
                               .mcp_servers = app->mcp_servers,
                               .directories = json_object_get(app->dir.facts, "directories")};
  app->acp = acp_session_create(&config, app_now(app));
  return true;
}

/* ---- the end ---- */

static bool in_turn(const host_app *app) {
  return app->host != NULL && app->agent_ready &&
         (lrm_host_state(app->host)->turn_id[0] != '\0' || acp_session_in_turn(app->acp));
}

/* One that wants to hear of the end hears it before its standard input is closed. */
static void stop_agent(host_app *app, bool now) {
  if (!now && app->acp != NULL) acp_session_close(app->acp);
  agent_process_stop(app->process, now);
}

void app_end(host_app *app, Remote__V1__EndReason reason, exit_code code, const char *text) {
  if (app->state >= APP_ENDING) return;
  app->state = APP_ENDING;
  app->end_reason = reason;
  app->code = code;
  snprintf(app->end_text, sizeof app->end_text, "%s", text);
  bool failed = reason == REMOTE__V1__END_REASON__END_REASON_AGENT_FAILED;
  if (app->process == NULL || app->agent_gone) return;
  if (failed || !in_turn(app)) {
    stop_agent(app, failed);
    return;
  }
  /* The person's quit cancels the turn first, so that it is told as what it is. */
  if (lrm_host_cancel_local(app->host, lrm_uv_wall_ms(), app_now(app)) == 0)
    app->stop_ns = app_now(app) + CANCEL_NS;
  else
    stop_agent(app, false);
}

static void say_end(host_app *app) {
  Remote__V1__SessionEnded ended = REMOTE__V1__SESSION_ENDED__INIT;
  char text[1200];
  fit_text(text, sizeof text, app->end_text);
  ended.reason = app->end_reason;
  ended.text = text;
  ended.exit_code = (uint32_t)app->agent_status;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_SESSION_ENDED;
  event.session_ended = &ended;
  if (app->host != NULL)
    app_emit(app, &event);
  else if (app->end_text[0] != '\0')
    surface_say(app->surface, "%s", app->end_text);
  bool resumable = app->host != NULL && app->options->prompt == NULL &&
                   session_dir_text(&app->dir, "agent_session_id") != NULL;
  if (resumable && !app->options->headless)
    surface_say(app->surface, "go on with: remote host --resume %.8s", app->dir.hex);
  if (app->host != NULL) (void)session_dir_save(&app->dir);
}

/* Goes on with the end as far as it can now. */
static void work_on_end(host_app *app) {
  if (app->state == APP_ENDING && app->stop_ns != 0 && !app->agent_gone &&
      (!in_turn(app) || app_now(app) >= app->stop_ns)) {
    app->stop_ns = 0;
    stop_agent(app, false);
  }
  if (app->state == APP_ENDING && (app->agent_gone || app->process == NULL)) {
    app->state = APP_CLOSING;
    app->closing_ns = app_now(app) + CLOSING_NS;
    say_end(app);
    app_link_close(app, true, LRM_CODE_NORMAL);
  }
  if (app->state != APP_CLOSING) return;
  bool late = app_now(app) >= app->closing_ns;
  bool stored = app->store == NULL || !lrm_store_dirty(app->store) || app->store_trouble;
  if ((app->drive != NULL || !stored || !surface_flushed(app->surface)) && !late) return;
  app->state = APP_DONE;
  uv_stop(app->loop);
}

/* ---- the loop ---- */

static void on_timer(uv_timer_t *timer) { app_pump(timer->data); }

static void on_retry(uv_timer_t *timer) {
  host_app *app = timer->data;
  lrm_uv_committer_kick(app->committer);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void set_timer(host_app *app) {
  uint64_t due = UINT64_MAX, now = app_now(app);
  if (app->acp != NULL && !app->agent_gone) due = least(due, acp_session_deadline(app->acp));
  if (app->host != NULL) due = least(due, lrm_host_deadline(app->host));
  if (app->link_closing) due = least(due, app->link_close_ns);
  if (app->state == APP_CLOSING) due = least(due, app->closing_ns);
  due = least(due, app_keep_alive_due_ns(app));
  due = least(due, app_return_due_ns(app));
  if (app->stop_ns != 0) due = least(due, app->stop_ns);
  if (due == UINT64_MAX) {
    uv_timer_stop(&app->timer);
    return;
  }
  uint64_t ms = due > now ? (due - now) / 1000000 + 1 : 1;
  uv_timer_start(&app->timer, on_timer, ms < 3600000 ? ms : 3600000, 0);
}

static void expire(host_app *app) {
  uint64_t now = app_now(app);
  if (app->acp != NULL && !app->agent_gone && now >= acp_session_deadline(app->acp))
    acp_session_expire(app->acp, now);
  if (app->host != NULL && now >= lrm_host_deadline(app->host) &&
      lrm_host_expire(app->host, lrm_uv_wall_ms(), now) != 0)
    surface_say(app->surface, "the session's clock: an entry could not be made");
}

void app_pump(host_app *app) {
  if (app->pumping || app->state == APP_DONE) return;
  app->pumping = true;
  expire(app);
  app_take_actions(app);
  app_redact_work(app);
  app_keep_alive_work(app);
  bool answerless = app->options->prompt != NULL && !surface_input_is_terminal(app->surface);
  bool local_only = app->drive == NULL && app->input_ended;
  if (app->host != NULL && (answerless || local_only) && surface_open_asks(app->surface) > 0)
    app_reject_asks(app);
  app_link_work(app);
  app_return_work(app);
  work_on_end(app);
  if (app->store != NULL && lrm_store_dirty(app->store)) {
    if (!app->store_trouble)
      lrm_uv_committer_kick(app->committer);
    else if (!uv_is_active((uv_handle_t *)&app->retry))
      uv_timer_start(&app->retry, on_retry, RETRY_MS, 0);
  }
  /* Only when there is something to send: a kick is one more turn of the loop, and this runs in
   * every turn. */
  if (app->drive != NULL && (app->link_touched || lrm_link_has_outgoing(app->link)))
    lrm_uv_drive_kick(app->drive);
  app->link_touched = false;
  if (app->state != APP_DONE) set_timer(app);
  app->pumping = false;
}

static void on_prepare(uv_prepare_t *prepare) { app_pump(prepare->data); }

static void on_signal(uv_signal_t *handle, int number) {
  host_app *app = handle->data;
  uint64_t now = app_now(app);
  bool again = now - app->last_interrupt_ns < INTERRUPT_NS && app->last_interrupt_ns != 0;
  bool turn = app->acp != NULL && acp_session_in_turn(app->acp);
  app->last_interrupt_ns = now;
  if (number == SIGINT && turn && !again && app->host != NULL && app->options->prompt == NULL) {
    surface_say(app->surface, "cancelling the turn; again to quit");
    if (lrm_host_cancel_local(app->host, lrm_uv_wall_ms(), now) != 0)
      surface_say(app->surface, "no turn is running");
  } else if (number == SIGINT && !again && app->options->prompt == NULL &&
             !app->options->headless && app->state < APP_ENDING &&
             surface_input_is_terminal(app->surface)) {
    surface_say(app->surface, "^C again ends the session");
  } else if (app->state >= APP_ENDING) {
    if (app->process != NULL && !app->agent_gone) agent_process_stop(app->process, true);
  } else {
    bool once = app->options->prompt != NULL;
    app_end(app, REMOTE__V1__END_REASON__END_REASON_QUIT, once ? EXIT_CODE_FAILURE : EXIT_CODE_DONE,
            "");
  }
  app_pump(app);
}

static void init_handles(host_app *app) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  uv_prepare_init(app->loop, &app->prepare);
  uv_timer_init(app->loop, &app->timer);
  uv_timer_init(app->loop, &app->retry);
  app->prepare.data = app->timer.data = app->retry.data = app;
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    uv_signal_init(app->loop, &app->signals[i]);
    app->signals[i].data = app;
    uv_signal_start(&app->signals[i], on_signal, numbers[i]);
  }
}

static void close_handles(host_app *app) {
  uv_close((uv_handle_t *)&app->prepare, NULL);
  uv_close((uv_handle_t *)&app->timer, NULL);
  uv_close((uv_handle_t *)&app->retry, NULL);
  for (size_t i = 0; i < 3; i++) uv_close((uv_handle_t *)&app->signals[i], NULL);
}

/* ---- start ---- */

/* The agent's command line: as given, or as the resumed session had it. */
static bool find_agent(host_app *app) {
  if (app->options->agent != NULL) {
    app->argv = app->options->agent;
    json_t *words = json_array();
    for (char **word = app->argv; *word != NULL; word++)
      json_array_append_new(words, json_string(*word));
    session_dir_set(&app->dir, "argv", words);
    return true;
  }
  const json_t *words = json_object_get(app->dir.facts, "argv");
  size_t count = json_array_size(words);
  app->argv = memory_zero((count + 1) * sizeof *app->argv);
  app->argv_owned = true;
  for (size_t i = 0; i < count; i++) {
    const char *word = json_string_value(json_array_get(words, i));
    app->argv[i] = memory_string(word != NULL ? word : "");
  }
  if (count == 0) fputs("remote: which agent? Put it behind --\n", stderr);
  return count > 0;
}

/* What the agent is given besides its folder: as the flags say, else as the session had it. Of the
 * servers only the file's name is kept: there may be secrets in it. */
static exit_code find_extras(host_app *app) {
  const host_options *o = app->options;
  char path[PATH_MAX], error[1024];
  json_t *directories = json_array();
  for (size_t i = 0; i < o->directory_count; i++) {
    if (realpath(o->directories[i], path) == NULL) {
      fprintf(stderr, "remote: --add-dir %s: %s\n", o->directories[i], strerror(errno));
      json_decref(directories);
      return EXIT_CODE_USAGE;
    }
    json_array_append_new(directories, json_string(path));
  }
  if (o->directory_count > 0)
    session_dir_set(&app->dir, "directories", directories);
  else
    json_decref(directories);
  if (o->mcp_config != NULL)
    session_dir_set(&app->dir, "mcp_config",
                    json_string(realpath(o->mcp_config, path) != NULL ? path : o->mcp_config));
  const char *config = session_dir_text(&app->dir, "mcp_config");
  if (config == NULL) return EXIT_CODE_DONE;
  app->mcp_servers = mcp_config_load(config, error, sizeof error);
  if (app->mcp_servers != NULL) return EXIT_CODE_DONE;
  fprintf(stderr, "remote: --mcp-config: %s\n", error);
  return EXIT_CODE_USAGE;
}

static exit_code open_session(host_app *app) {
  const host_options *o = app->options;
  char error[1024];
  if (getcwd(app->cwd, sizeof app->cwd) == NULL) {
    fprintf(stderr, "remote: the working directory: %s\n", strerror(errno));
    return EXIT_CODE_FAILURE;
  }
  bool newest = o->resume == NULL || o->resume[0] == '\0';
  int result = o->resuming
                   ? session_dir_open(&app->dir, newest ? NULL : o->resume,
                                      o->resume == NULL ? app->cwd : NULL, error, sizeof error)
                   : session_dir_create(&app->dir, error, sizeof error);
  if (result != 0) {
    fprintf(stderr, "remote: %s\n", error);
    return result == -2 ? EXIT_CODE_NOT_FOUND : EXIT_CODE_FAILURE;
  }
  app->resumed = o->resuming;
  const char *cwd = session_dir_text(&app->dir, "cwd");
  if (app->resumed && cwd != NULL && strcmp(cwd, app->cwd) != 0) {
    if (chdir(cwd) != 0) {
      fprintf(stderr, "remote: the session's folder %s: %s\n", cwd, strerror(errno));
      return EXIT_CODE_FAILURE;
    }
    snprintf(app->cwd, sizeof app->cwd, "%s", cwd);
  }
  session_dir_set(&app->dir, "cwd", json_string(app->cwd));
  app->remote_mode = o->remote_mode;
  const char *before = session_dir_text(&app->dir, "remote");
  if (app->resumed && !o->remote_given && before != NULL)
    (void)host_remote_mode(before, &app->remote_mode);
  if (o->prompt != NULL) app->remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
  return EXIT_CODE_DONE;
}

static bool open_surface(host_app *app, surface_kind kind) {
  const remote_config *configured = &app->options->config;
  char history[PATH_BYTES_MAX];
  surface_config config = {
      .kind = kind,
      .screen_reader = surface_wants_screen_reader(app->options->screen_reader,
                                                   config_get(configured, "screen_reader"))};
  if (!surface_bell_from(config_get(configured, "bell"), &config.bell)) {
    fputs("remote: config.ini: bell is off, asks or all\n", stderr);
    return false;
  }
  if (path_state(history, "history") == 0) config.history = history;
  app->surface = surface_create(app->loop, &config, &host_surface_owner, app);
  return true;
}

static exit_code start(host_app *app) {
  exit_code code = open_session(app);
  if (code != EXIT_CODE_DONE) return code;
  if (!find_agent(app)) return EXIT_CODE_USAGE;
  code = find_extras(app);
  if (code != EXIT_CODE_DONE) return code;
  if (!app_redact_open(app) || !open_journal(app)) return EXIT_CODE_FAILURE;
  if (app->resumed) app->history = journal_history(app->store, &app->dir.id);
  surface_kind kind = app->options->headless         ? SURFACE_LOG
                      : app->options->prompt != NULL ? SURFACE_ONE_SHOT
                                                     : SURFACE_TERMINAL;
  init_handles(app);
  if (!open_surface(app, kind)) return EXIT_CODE_USAGE;
  /* The last one started runs first: what is said here is drawn in the same turn of the loop. */
  uv_prepare_start(&app->prepare, on_prepare);
  app_keep_alive_open(app);
  app->state = APP_STARTING;
  if (kind == SURFACE_TERMINAL) surface_say(app->surface, "starting %s …", app->argv[0]);
  if (start_agent(app)) return EXIT_CODE_DONE;
  app->state = APP_DONE;
  return EXIT_CODE_FAILURE;
}

static void free_all(host_app *app) {
  bool once = app->options->prompt != NULL && app->code == EXIT_CODE_DONE;
  bool empty = (!app->was_ready || once) && !app->resumed;
  if (app->acp != NULL) acp_session_destroy(app->acp);
  agent_process_destroy(app->process);
  if (app->drive != NULL) { /* the relay did not say goodbye in time */
    if (app->host != NULL) lrm_host_attach_link(app->host, NULL);
    lrm_uv_drive_destroy(app->drive);
    lrm_link_destroy(app->link);
  }
  if (app->committer != NULL) lrm_uv_committer_destroy(app->committer);
  app_keep_alive_close(app);
  if (app->surface != NULL) {
    surface_destroy(app->surface);
    close_handles(app);
  }
  uv_run(app->loop, UV_RUN_DEFAULT);
  lrm_host_destroy(app->host);
  if (app->store != NULL) lrm_store_close(app->store);
  acp_history_destroy(app->history);
  redactor_destroy(app->redact);
  json_decref(app->mcp_servers);
  for (size_t i = 0; app->argv_owned && app->argv[i] != NULL; i++) free(app->argv[i]);
  if (app->argv_owned) free(app->argv);
  if (empty && app->dir.lock >= 0) session_dir_remove(&app->dir);
  session_dir_close(&app->dir);
}

int host_app_run(const host_options *options) {
  host_app *app = memory_zero(sizeof *app);
  uv_loop_t loop;
  if (uv_loop_init(&loop) != 0) return EXIT_CODE_FAILURE;
  app->options = options;
  app->loop = &loop;
  app->dir.lock = -1;
  exit_code code = start(app);
  if (code == EXIT_CODE_DONE) {
    uv_run(&loop, UV_RUN_DEFAULT);
    code = app->code;
  }
  free_all(app);
  uv_loop_close(&loop);
  free(app);
  return code;
}

int command_host(int argc, char **argv) {
  host_options options;
  bool help;
  exit_code code = host_options_parse(argc, argv, &options, &help);
  if (code != EXIT_CODE_DONE || help) {
    config_free(&options.config);
    return code;
  }
  bool remote =
      options.remote_given && options.remote_mode != REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
  if (options.prompt != NULL && remote) {
    fputs(
        "remote: a one-shot prompt is never remote (NOT_INTERACTIVE): nobody could answer what "
        "the agent asks. Leave out --prompt, or --remote.\n",
        stderr);
    config_free(&options.config);
    return EXIT_CODE_NOT_ALLOWED;
  }
  char error[256];
  if (!fault_parse(getenv("REMOTE_HOST_FAULT"), error, sizeof error)) {
    fprintf(stderr, "remote: REMOTE_HOST_FAULT: %s\n", error);
    config_free(&options.config);
    return EXIT_CODE_USAGE;
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, not the end */
  code = capture_begin(options.capture, "remote host/" REMOTE_VERSION, &options.wire)
             ? (exit_code)host_app_run(&options)
             : EXIT_CODE_FAILURE;
  capture_close(options.wire);
  config_free(&options.config);
  return code;
}

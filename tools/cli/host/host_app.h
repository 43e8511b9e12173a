/* `remote host`: one session with one agent. host_app.c: its life; host_options.c: the command
 * line; host_sink.c: what the agent says goes to the host library; host_actions.c: what the host
 * library wants done; host_link.c: the relay;
 * host_sign_in.c: signing in to the agent; host_input.c: what the local person types; host_files.c:
 * files for prompts; journal_history.c: what the journal holds already. */
#ifndef REMOTE_CLI_HOST_APP_H
#define REMOTE_CLI_HOST_APP_H

#include <uv.h>

#include "acp_session.h"
#include "agent_process.h"
#include "capture.h"
#include "config.h"
#include "exit_code.h"
#include "relay_trust.h"
#include "keep_alive.h"
#include "keep_alive_lock.h"
#include "managed.h"
#include "memory.h"
#include "remote/carrier_uv.h"
#include "remote/host.h"
#include "remote/log_sqlite.h"
#include "relay_address.h"
#include "session_dir.h"
#include "surface.h"
#include "terminal_text.h"
#include "token.h"

typedef struct host_options {
  remote_config config;
  const char *relay, *name, *token_file, *prompt, *capture;
  trust_flags trust;
  const char *resume; /* a session id or its beginning; "": the newest */
  capture *wire;      /* where `capture` goes; NULL: nowhere */
  bool resuming, headless, remote_given, screen_reader;
  uint32_t remote_mode; /* RemoteMode */
  keep_alive_wish keep_alive;
  bool keep_alive_given;       /* by --keep-alive */
  const char *sign_in;         /* the way to sign in to the agent; NULL: asked */
  const char *mcp_config;      /* file; NULL: as the resumed session had it, or none */
  const char *directories[16]; /* further folders for the agent */
  size_t directory_count;
  char **agent; /* NULL-terminated; NULL: as the resumed session had it */
} host_options;

/* Parses and checks. EXIT_CODE_DONE: go on; else return it. *help: the usage was printed. */
exit_code host_options_parse(int argc, char **argv, host_options *out, bool *help);
/* off, view, control. False: none of them. */
bool host_remote_mode(const char *word, uint32_t *mode);
const char *host_remote_word(uint32_t mode);

typedef enum app_state {
  APP_STARTING = 1, /* the agent has not answered initialize */
  APP_RUNNING = 2,
  APP_ENDING = 3,  /* the agent is being ended */
  APP_CLOSING = 4, /* SessionEnded is on its way out */
  APP_DONE = 5
} app_state;

typedef struct host_held host_held; /* host_actions.c */

#define HOST_FILES_MAX 16

/* A file that goes with the next prompt. */
typedef struct host_file {
  lrm_id id;
  char text[256];
} host_file;

#define SECRET_ANSWERS_MAX 32

typedef struct host_app {
  const host_options *options;
  uv_loop_t *loop;
  app_state state;
  exit_code code;
  char cwd[PATH_BYTES_MAX];
  session_dir dir;
  json_t *mcp_servers; /* in ACP's form; NULL: none */
  bool sign_in_tried;
  char **argv; /* the agent's; owned when argv_owned */
  bool argv_owned;

  lrm_store *store;
  lrm_uv_committer *committer;
  uint64_t writer_generation;
  lrm_host *host;
  bool resumed;             /* the journal has a past */
  bool store_trouble;       /* said so */
  uint64_t unsettled_bytes; /* from the agent since the last settlement */

  agent_process *process;
  acp_session *acp;
  acp_history *history;
  redactor *redact;
  bool said_redacted;
  struct {
    lrm_id id;
    const char *kind; /* NULL: free */
  } secret_answers[SECRET_ANSWERS_MAX];
  size_t next_secret_answer;

  keep_alive_run awake;
  keep_alive_lock *awake_lock;
  uint64_t awake_until_ms, awake_published_until_ms;
  char awake_published[64];
  bool awake_compared, awake_trouble, awake_said_idle;

  bool agent_gone, agent_ready, was_ready;
  char mode_before[256]; /* of the session that is resumed */
  host_held *held;       /* modes and options that were set while the agent starts */
  acp_failure failure;   /* 0: none */
  char failure_text[1024];
  int agent_status;
  Remote__V1__EndReason end_reason;
  char end_text[1200];

  surface *surface;
  size_t watching; /* devices that are attached */
  host_file files[HOST_FILES_MAX];
  size_t files_count;
  bool input_ended, one_shot_sent, one_shot_failed;
  uint64_t last_interrupt_ns;

  uint32_t remote_mode;
  managed_rules managed; /* of this machine, as read with the newest connection */
  lrm_id link_id;        /* kept when remote control goes off and on again */
  uint64_t link_generation;
  lrm_link *link;
  lrm_uv_settings settings; /* of its carriers */
  lrm_uv_drive *drive;
  bool link_touched; /* an event was made, or became durable, since the last kick */
  bool link_live, link_closing, link_said_down;
  bool device_is_new;  /* the relay has this session as another device's */
  struct {             /* host_return.c */
    bool awaits_token; /* another one than `used` */
    bool awaits_close; /* of the connection; then as a new session */
    bool by_itself;    /* nobody has asked for this connection */
    bool same_owner;   /* account and relay are those that the session was first shared with */
    uint64_t look_ns;
    uint8_t used[32];    /* SHA-256 of the token of the newest connection */
    uint8_t renewed[32]; /* and of that with which the session became a new one */
    char owner[RELAY_ADDRESS_BYTES_MAX + 128];
  } back;
  uint64_t link_close_ns; /* give up waiting for what is not published yet */
  char relay[RELAY_ADDRESS_BYTES_MAX];

  uv_prepare_t prepare;
  uv_timer_t timer, retry;
  uv_signal_t signals[4];
  uint64_t stop_ns, closing_ns; /* 0: not set */
  bool pumping;
} host_app;

/* The generated structs want writable texts; nobody writes to them. */
static inline char *app_borrow(const char *text) {
  union {
    const char *in;
    char *out;
  } both = {.in = text};
  return both.out;
}

uint64_t app_now(const host_app *app);
/* Emits through the host; says so once when the journal does not take it. */
void app_emit(host_app *app, const Remote__V1__Event *event);
void app_notice(host_app *app, Remote__V1__NoticeLevel level, const char *topic, const char *format,
                ...) __attribute__((format(printf, 4, 5)));
/* Begins the end of the session; the first reason counts. */
void app_end(host_app *app, Remote__V1__EndReason reason, exit_code code, const char *text);
/* Something happened: actions, commits, timers. Safe to call at any time. */
void app_pump(host_app *app);

/* host_sink.c */
extern const acp_sink host_sink;
/* Opens the host library's session; the agent has told its name, or has failed. False: it cannot
 * be opened (said). */
bool app_open_host(host_app *app, const char *agent, const char *version);

/* host_return.c */
void app_return_uses(host_app *app, const char *token);
/* Before anything of the session leaves. False: it is not taken up for this account (said). */
bool app_return_welcome(host_app *app, const char *account);
void app_return_renewed(host_app *app);
/* False: not this host; a person at it says when. */
bool app_return_when_signed_in(host_app *app);
bool app_return_as_new(host_app *app);
uint64_t app_return_due_ns(const host_app *app);
void app_return_work(host_app *app);

/* host_sign_in.c */
bool app_sign_in(void *user, const char *why);       /* acp_sink.sign_in */
void app_sign_in_line(void *user, const char *rest); /* /sign-in [WAY] */

/* host_actions.c */
void app_take_actions(host_app *app);
/* What was set while the agent started is given to it, or ends as not done. */
void app_held_end(host_app *app, bool give);

/* host_link.c */
/* Opens the link for app->remote_mode. False: it cannot be (said: what to do). */
bool app_link_open(host_app *app);
/* Ends it, when `flush` after everything is published. */
void app_link_close(host_app *app, bool flush, uint32_t code);
/* Called from the pump: goes on with a close that waits. */
void app_link_work(host_app *app);
void app_remote_set(host_app *app, uint32_t mode, const char *reason);
void app_remote_status(host_app *app);

/* host_input.c */
extern const surface_owner host_surface_owner;
/* After a turn: is the work of pipes or of --prompt done? */
void app_idle(host_app *app);
/* Nobody can answer: the open asks are rejected by their kind. */
void app_reject_asks(host_app *app);

/* keep_alive_host.c */
void app_keep_alive_open(host_app *app);
void app_keep_alive_work(host_app *app);
/* When work has something to do; UINT64_MAX: never. */
uint64_t app_keep_alive_due_ns(const host_app *app);
void app_keep_alive_close(host_app *app);
void app_keep_alive_status(host_app *app, char *out, size_t bytes);
/* "/keep-alive", its words in `rest`. */
void app_keep_alive_line(void *user, const char *rest);

/* redact_host.c */
bool app_redact_open(host_app *app);
void app_redact_event(void *user, Remote__V1__Event *event, lrm_arena *arena);
/* Says once that something was removed. */
void app_redact_work(host_app *app);
/* What was removed so far; empty: nothing. */
void app_redact_status(host_app *app, char *out, size_t bytes);

/* host_files.c */
void app_attach_file(void *user, const char *rest);
void app_file_rows(host_app *app, void (*row)(void *to, const char *text), void *to);
/* A prompt of the local person, with the files that go along. As lrm_host_prompt_local. */
int app_submit(host_app *app, const char *text, bool steer);

/* journal_history.c */
acp_history *journal_history(lrm_store *store, const lrm_id *session_id);

int host_app_run(const host_options *options);

#endif

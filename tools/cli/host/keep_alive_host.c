/* /keep-alive in `remote host`: the wish, its lock, and telling both. */
#include <stdio.h>
#include <time.h>

#include "host_app.h"

#define LOOK_AGAIN_NS (30ull * 1000000000ull) /* the loop's clock stands still while we sleep */

static uint64_t boot_ns(void) {
  struct timespec now;
#ifdef CLOCK_BOOTTIME
  clock_gettime(CLOCK_BOOTTIME, &now);
#else
  clock_gettime(CLOCK_MONOTONIC, &now);
#endif
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void on_lock(void *user) {
  host_app *app = user; /* looked at in the next turn of the loop, which prepare begins */
  app->link_touched = true;
}

/* Kept with the session, so that resuming it goes on with it. */
static void save(host_app *app) {
  const keep_alive_wish *wish = &app->awake.wish;
  uint64_t until = wish->mode == KEEP_ALIVE_FOR
                       ? lrm_uv_wall_ms() + keep_alive_left_ms(&app->awake, boot_ns())
                       : 0;
  app->awake_until_ms = until;
  session_dir_set(&app->dir, "keep_alive", json_string(wish->word));
  session_dir_set(&app->dir, "keep_alive_until_ms", json_integer((json_int_t)until));
  if (app->host != NULL) (void)session_dir_save(&app->dir);
}

static void set_wish(host_app *app, const keep_alive_wish *wish) {
  keep_alive_set(&app->awake, wish, boot_ns());
  save(app);
}

/* What the session had; of a duration, what is left of it. False: nothing. */
static bool earlier(const host_app *app, keep_alive_wish *wish) {
  const char *word = session_dir_text(&app->dir, "keep_alive");
  if (!app->resumed || word == NULL || !keep_alive_parse(word, wish)) return false;
  if (wish->mode != KEEP_ALIVE_FOR) return true;
  uint64_t now = lrm_uv_wall_ms();
  json_int_t until = json_integer_value(json_object_get(app->dir.facts, "keep_alive_until_ms"));
  uint64_t left = until > 0 && (uint64_t)until > now ? (uint64_t)until - now : 0;
  if (left < wish->ms) wish->ms = left; /* a clock that was set back gives no more than there was */
  if (left == 0) (void)keep_alive_parse("off", wish);
  return true;
}

void app_keep_alive_open(host_app *app) {
  keep_alive_wish wish;
  app->awake_lock = keep_alive_lock_create(app->loop, on_lock, app);
  snprintf(app->awake_published, sizeof app->awake_published, "off");
  if (app->options->keep_alive_given || !earlier(app, &wish)) wish = app->options->keep_alive;
  set_wish(app, &wish);
}

/* ---- telling ---- */

static void publish(host_app *app) {
  const char *word = app->awake.wish.word;
  if (app->host == NULL || app->state >= APP_CLOSING) return;
  if (!app->awake_compared) { /* what the journal of a resumed session says */
    const char *before = lrm_host_state(app->host)->keep_alive;
    if (before != NULL && before[0] != '\0')
      snprintf(app->awake_published, sizeof app->awake_published, "%.*s",
               (int)sizeof app->awake_published - 1, before);
    app->awake_compared = true;
  }
  if (strcmp(word, app->awake_published) == 0 &&
      app->awake_until_ms == app->awake_published_until_ms)
    return;
  snprintf(app->awake_published, sizeof app->awake_published, "%s", word);
  app->awake_published_until_ms = app->awake_until_ms;
  Remote__V1__Actor by = REMOTE__V1__ACTOR__INIT;
  by.local = true;
  Remote__V1__KeepAliveChanged changed = REMOTE__V1__KEEP_ALIVE_CHANGED__INIT;
  changed.mode = app_borrow(word);
  changed.until_ms = app->awake_until_ms;
  changed.by = &by;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_KEEP_ALIVE_CHANGED;
  event.keep_alive_changed = &changed;
  app_emit(app, &event);
}

static void tell(host_app *app, Remote__V1__NoticeLevel level, const char *text) {
  if (app->host != NULL)
    app_notice(app, level, "keep-alive", "%s", text);
  else
    surface_say(app->surface, "%s", text);
}

/* What became of the lock since it was last looked at. */
static void follow_lock(host_app *app) {
  char text[600];
  keep_alive_lock_state now = keep_alive_lock_now(app->awake_lock);
  const char *why = keep_alive_lock_text(app->awake_lock);
  if (now == KEEP_ALIVE_LOCK_REFUSED) {
    keep_alive_wish off;
    (void)keep_alive_parse("off", &off);
    snprintf(text, sizeof text, "This machine is not kept awake: %s. The session goes on", why);
    set_wish(app, &off);
    keep_alive_lock_release(app->awake_lock);
    tell(app, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, text);
  } else if (now == KEEP_ALIVE_LOCK_ASKED && why[0] != '\0' && !app->awake_trouble) {
    app->awake_trouble = true;
    snprintf(text, sizeof text, "This machine is not kept awake at the moment: %s", why);
    tell(app, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, text);
  } else if (now == KEEP_ALIVE_LOCK_IDLE && !app->awake_said_idle) {
    app->awake_said_idle = true;
    snprintf(text, sizeof text, "Keeping this machine awake works in part: %s", why);
    tell(app, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, text);
  }
  bool held = now == KEEP_ALIVE_LOCK_HELD || now == KEEP_ALIVE_LOCK_IDLE;
  if (held && app->awake_trouble) {
    app->awake_trouble = false;
    tell(app, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_INFO, "This machine is kept awake again");
  }
}

/* ---- the loop ---- */

static bool is_busy(const host_app *app) {
  if (app->agent_gone || app->host == NULL) return false;
  Remote__V1__Status status = lrm_host_state(app->host)->status;
  return status == REMOTE__V1__STATUS__STATUS_WORKING ||
         status == REMOTE__V1__STATUS__STATUS_NEEDS_INPUT ||
         (app->acp != NULL && acp_session_in_turn(app->acp));
}

void app_keep_alive_work(host_app *app) {
  uint64_t now = boot_ns();
  if (app->awake_lock == NULL || app->surface == NULL) return;
  keep_alive_busy(&app->awake, is_busy(app), now);
  if (keep_alive_expire(&app->awake, now)) save(app);
  bool ending = app->state >= APP_CLOSING;
  if (!ending && keep_alive_wants(&app->awake, now))
    keep_alive_lock_take(app->awake_lock);
  else
    keep_alive_lock_release(app->awake_lock);
  follow_lock(app);
  publish(app);
}

uint64_t app_keep_alive_due_ns(const host_app *app) {
  uint64_t now = boot_ns(), due = keep_alive_due_ns(&app->awake, now);
  if (due == UINT64_MAX) return UINT64_MAX;
  uint64_t left = due > now ? due - now : 0;
  return app_now(app) + (left < LOOK_AGAIN_NS ? left : LOOK_AGAIN_NS);
}

void app_keep_alive_close(host_app *app) {
  if (app->awake_lock != NULL) keep_alive_lock_destroy(app->awake_lock);
  app->awake_lock = NULL;
}

/* ---- the person ---- */

void app_keep_alive_status(host_app *app, char *out, size_t bytes) {
  static const char *const states[] = {[KEEP_ALIVE_LOCK_FREE] = "this machine may sleep now",
                                       [KEEP_ALIVE_LOCK_ASKED] = "not kept awake yet",
                                       [KEEP_ALIVE_LOCK_HELD] = "this machine is kept awake now",
                                       [KEEP_ALIVE_LOCK_IDLE] = "idling is blocked now",
                                       [KEEP_ALIVE_LOCK_REFUSED] = "not kept awake"};
  const keep_alive_wish *wish = &app->awake.wish;
  char left[48], more[80] = "";
  if (wish->mode == KEEP_ALIVE_OFF) {
    snprintf(out, bytes, "keep-alive: off, this machine may sleep");
    return;
  }
  if (wish->mode == KEEP_ALIVE_FOR) {
    keep_alive_time(keep_alive_left_ms(&app->awake, boot_ns()), left);
    snprintf(more, sizeof more, ", %s left", left);
  }
  const char *why = keep_alive_lock_text(app->awake_lock);
  snprintf(out, bytes, "keep-alive: %s%s; %s%s%s", wish->word, more,
           states[keep_alive_lock_now(app->awake_lock)], why[0] != '\0' ? ": " : "", why);
}

void app_keep_alive_line(void *user, const char *rest) {
  host_app *app = user;
  keep_alive_wish wish;
  char text[600];
  if (*rest == '\0') {
    app_keep_alive_status(app, text, sizeof text);
    surface_say(app->surface, "%s", text);
  } else if (!keep_alive_parse(rest, &wish)) {
    surface_say(app->surface, "/keep-alive takes " KEEP_ALIVE_VALUES);
  } else {
    set_wish(app, &wish);
    app_keep_alive_work(app);
  }
  app_pump(app);
}

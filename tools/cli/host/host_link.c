/* The relay: the link, its driver, and what the person at the terminal should know of it. */
#include <stdio.h>
#include <sys/random.h>

#include "host_app.h"

#define PUBLISH_NS (3ull * 1000000000ull) /* wait this long for what is not published */

static void problem(host_app *app, const remote_v1_Problem *p) {
  switch (p->code) {
    case LRM_CODE_NORMAL:
      return;
    case LRM_CODE_UNAUTHENTICATED:
    case LRM_CODE_REVOKED:
      surface_say(app->surface,
                  "remote control is off: %s does not accept this device's token (%s). Sign in "
                  "again with `remote login`%s. The local session goes on",
                  app->relay, p->reason,
                  app_return_when_signed_in(app) ? "; it is on again then" : ", then /remote on");
      app_link_close(app, false, LRM_CODE_NORMAL); /* /remote on makes one with the token of then */
      break;
    case LRM_CODE_POLICY:
      surface_say(app->surface,
                  "remote control is not allowed by policy: %s. The local session goes on",
                  p->reason);
      break;
    case LRM_CODE_SUPERSEDED:
      surface_say(app->surface,
                  "this connection was replaced by a newer one; remote control ends "
                  "here");
      break;
    default:
      surface_say(app->surface, "relay %s: %u %s%s%s", app->relay, p->code, lrm_code_name(p->code),
                  p->reason[0] != '\0' ? ": " : "", p->reason);
      break;
  }
}

/* As the relay knows it: after a deletion it is not the one of its folder any more. */
static const char *session_hex(const host_app *app, char out[LRM_ID_HEX_BYTES]) {
  if (app->host == NULL) return app->dir.hex;
  lrm_id id = lrm_host_session_id(app->host);
  lrm_id_hex(&id, out);
  return out;
}

static void welcome(host_app *app, const remote_v1_Welcome *w) {
  app->link_live = true;
  app->link_said_down = false;
  surface_touch(app->surface, false);
  if (!w->has_principal) {
    surface_say(app->surface,
                "remote control is off: %s does not know this device. Sign in with "
                "`remote login`%s. The local session goes on",
                app->relay, app_return_when_signed_in(app) ? "; it is on again then" : "");
    app_link_close(app, false, LRM_CODE_NORMAL);
    return;
  }
  surface_say(app->surface,
              "remote control (%s) through %s as %.63s on %.63s; watch with: "
              "remote attach %.8s",
              host_remote_word(app->remote_mode), app->relay, w->principal.account,
              w->principal.device, session_hex(app, (char[LRM_ID_HEX_BYTES]){0}));
}

/* Before anything of the session leaves: the rules of this machine, as they are now, and whose
 * account it is. */
static bool pass_managed(host_app *app, const remote_v1_Welcome *w) {
  char text[700];
  managed_load(&app->managed);
  const char *why = managed_refuses(&app->managed, w->has_principal ? w->principal.account : NULL,
                                    text, sizeof text);
  if (why != NULL) {
    surface_say(app->surface,
                "remote control is off: %s; decided by the device's rules, its administrator can "
                "change them. The local session goes on",
                why);
    app_link_close(app, false, LRM_CODE_NORMAL);
    return false;
  }
  bool view = app->managed.hosting == MANAGED_VIEW;
  int result = app->host == NULL
                   ? 0
                   : lrm_host_set_watch_only(app->host, view, lrm_uv_wall_ms(), app_now(app));
  if (result != 0) surface_say(app->surface, "remote: %s", lrm_error_text(result));
  if (view)
    surface_say(app->surface,
                "the rules of this machine (%s) allow watching only: nobody steers from afar",
                app->managed.path);
  return true;
}

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  host_app *app = user;
  (void)link;
  if (event->type == LRM_LINK_EVENT_WELCOME && event->welcome != NULL &&
      (!pass_managed(app, event->welcome) ||
       (event->welcome->has_principal &&
        !app_return_welcome(app, event->welcome->principal.account))))
    return;
  if (event->type == LRM_LINK_EVENT_REFUSED || event->type == LRM_LINK_EVENT_GOAWAY ||
      event->type == LRM_LINK_EVENT_GOAWAY_SENT)
    if (!app->link_closing && event->problem != NULL) problem(app, event->problem);
  if (app->host != NULL) {
    int result = lrm_host_link_event(app->host, event, lrm_uv_wall_ms(), app_now(app));
    if (result != 0 && lrm_error_class(result) != LRM_ERROR_PEER)
      surface_say(app->surface, "relay: %s", lrm_error_text(result));
  }
  if (event->type == LRM_LINK_EVENT_WELCOME && event->welcome != NULL) welcome(app, event->welcome);
}

static int on_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  host_app *app = user;
  (void)link;
  return app->host != NULL ? lrm_host_fetch(app->host, want, frame) : LRM_ERR_STATE;
}

static void on_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  host_app *app = user;
  (void)link;
  app->link_live = false;
  surface_touch(app->surface, false);
  if (app->host != NULL) lrm_host_link_down(app->host);
  if (app->link_closing) return;
  if (retry_ns == UINT64_MAX) {
    surface_say(app->surface, "the connection to %s has ended: %s", app->relay,
                text != NULL && text[0] != '\0' ? text : "closed");
  } else if (!app->link_said_down) {
    app->link_said_down = true;
    surface_say(app->surface, "no connection to %s (%s); trying again. The local session goes on",
                app->relay, text != NULL && text[0] != '\0' ? text : "closed");
  }
}

static const lrm_uv_drive_ops drive_ops = {on_event, on_fetch, on_down};

static bool find_token(host_app *app, const lrm_url *url, device_token *token) {
  char error[1024];
  exit_code code = token_find(app->options->token_file, &app->options->config, app->relay,
                              lrm_url_local(url), token, error, sizeof error);
  if (code == EXIT_CODE_DONE) return true;
  surface_say(app->surface, "remote control is off: %s. The local session goes on", error);
  return false;
}

/* The link's id is the process': to the relay another id would be another writer, and the same
 * writer generation from another link is fenced. */
static bool make_link(host_app *app, const char *token) {
  if (lrm_id_none(&app->link_id) && getrandom(app->link_id.bytes, sizeof app->link_id.bytes, 0) < 0)
    return false;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .grease = true,
                            .link_id = app->link_id,
                            .generation = app->link_generation,
                            .role = remote_v1_Role_ROLE_HOST,
                            .token = token,
                            .agent = "remote/" REMOTE_VERSION};
  if (getrandom(&config.seed, sizeof config.seed, 0) < 0) return false;
  int result = lrm_link_create(&config, &app->link);
  if (result != 0) surface_say(app->surface, "remote control is off: %s", lrm_error_text(result));
  return result == 0;
}

bool app_link_open(host_app *app) {
  lrm_url url;
  char error[1024];
  device_token token;
  if (app->drive != NULL) return true;
  char text[700];
  managed_load(&app->managed);
  const char *why = managed_refuses(&app->managed, NULL, text, sizeof text);
  if (why != NULL) {
    surface_say(app->surface,
                "remote control is off: %s; decided by the device's rules, its administrator can "
                "change them. The local session goes on",
                why);
    return false;
  }
  relay_address_find(app->options->relay, &app->options->config, app->relay);
  if (lrm_url_parse(app->relay, &url, error, sizeof error) != 0) {
    surface_say(app->surface, "remote control is off: %s. The local session goes on", error);
    return false;
  }
  if (!relay_trust_find(&app->options->trust, &app->options->config, &url, &app->settings, error,
                        sizeof error)) {
    surface_say(app->surface, "remote control is off: %s. The local session goes on", error);
    return false;
  }
  if (!find_token(app, &url, &token)) return false;
  app_return_uses(app, token.text);
  if (!make_link(app, token.text)) return false;
  explicit_bzero(&token, sizeof token);
  if (app->host != NULL) lrm_host_attach_link(app->host, app->link);
  app->link_closing = app->link_said_down = false;
  int result = lrm_uv_drive_connect(app->loop, &url, &app->settings, app->link, &drive_ops, app,
                                    &app->drive);
  if (result == 0) capture_attach(app->options->wire, app->drive);
  if (result == 0) return true;
  surface_say(app->surface, "remote control is off: %s", lrm_error_text(result));
  if (app->host != NULL) lrm_host_attach_link(app->host, NULL);
  lrm_link_destroy(app->link);
  app->link = NULL;
  return false;
}

static void on_stopped(void *user) {
  host_app *app = user;
  lrm_uv_drive *drive = app->drive;
  lrm_link *link = app->link;
  if (app->host != NULL) lrm_host_attach_link(app->host, NULL);
  app->link_generation = lrm_link_generation(link);
  app->drive = NULL;
  app->link = NULL;
  app->link_closing = app->link_live = false;
  surface_touch(app->surface, false);
  lrm_uv_drive_destroy(drive);
  lrm_link_destroy(link);
}

void app_link_close(host_app *app, bool flush, uint32_t code) {
  (void)code;
  if (app->drive == NULL || app->link_closing) return;
  app->link_closing = true;
  app->link_close_ns = app_now(app) + (flush && app->link_live ? PUBLISH_NS : 0);
}

/* Everything is out, or it has waited long enough. */
void app_link_work(host_app *app) {
  if (!app->link_closing || app->link_close_ns == UINT64_MAX) return;
  bool out = app->host == NULL || lrm_host_published(app->host) || !app->link_live;
  if (!out && app_now(app) < app->link_close_ns) return;
  app->link_close_ns = UINT64_MAX;
  lrm_uv_drive_stop(app->drive, LRM_CODE_NORMAL, on_stopped, app);
}

/* Deleted at the relay is deleted there for good, and what another device made stays that device's:
 * remote control goes on as another session. */
static bool renew(host_app *app) {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  if (getrandom(id.bytes, sizeof id.bytes, 0) != (ssize_t)sizeof id.bytes) return false;
  int result = lrm_host_renew(app->host, &id, lrm_uv_wall_ms(), app_now(app));
  if (result != 0) {
    surface_say(app->surface, "remote: %s", lrm_error_text(result));
    return false;
  }
  lrm_id_hex(&id, hex);
  session_dir_set(&app->dir, "relay_session_id", json_string(hex));
  surface_say(app->surface,
              "the session %s %s; it goes on there as a new one, %.8s, with its history",
              app->device_is_new ? "is of a device that was signed out at" : "was deleted at",
              app->relay, hex);
  app->device_is_new = false;
  app_return_renewed(app);
  return true;
}

void app_remote_set(host_app *app, uint32_t mode, const char *reason) {
  bool off = mode == REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
  if (app->host == NULL) return;
  if (!off && app->link_closing) {
    surface_say(app->surface, "remote control is being turned off; try again in a moment");
    return;
  }
  if (!off && app->link != NULL && lrm_link_state_now(app->link) == LRM_LINK_DEAD) {
    app_link_close(app, false, LRM_CODE_NORMAL); /* a new one, with the token of now */
    app_link_work(app);
    surface_say(app->surface, "the old connection is being closed; try again in a moment");
    return;
  }
  if (!off && !app_link_open(app)) return;
  if (!off && (lrm_host_deleted(app->host) || app->device_is_new) && !renew(app)) return;
  app->remote_mode = mode;
  int result = lrm_host_set_remote_mode(app->host, mode, reason, lrm_uv_wall_ms(), app_now(app));
  if (result != 0) surface_say(app->surface, "remote: %s", lrm_error_text(result));
  session_dir_set(&app->dir, "remote", json_string(host_remote_word(mode)));
  (void)session_dir_save(&app->dir);
  if (off) app_link_close(app, true, LRM_CODE_NORMAL);
}

/* What else somebody far away would like to know of this machine. */
static void more_status(host_app *app) {
  char text[800];
  app_keep_alive_status(app, text, sizeof text);
  surface_say(app->surface, "%s", text);
  app_redact_status(app, text, sizeof text);
  if (text[0] != '\0') surface_say(app->surface, "%s", text);
}

void app_remote_status(host_app *app) {
  if (app->drive == NULL) {
    surface_say(app->surface, "remote control is off; /remote on turns it on");
    more_status(app);
    return;
  }
  surface_say(app->surface, "remote control: %s through %s, %s. Watch with: remote attach %.8s",
              host_remote_word(app->remote_mode), app->relay,
              app->link_live ? "connected" : "not connected, trying again",
              session_hex(app, (char[LRM_ID_HEX_BYTES]){0}));
  more_status(app);
}

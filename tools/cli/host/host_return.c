/* A host at which nobody sits (--headless) takes remote control up again by itself: nobody could
 * type /remote on. It looks now and then whether this device was signed in anew. */
#include <openssl/crypto.h>
#include <string.h>

#include "host_app.h"
#include "remote/sha256.h"

#define LOOK_NS (5ull * 1000000000ull)

static void hash_of(const char *token, uint8_t out[LRM_SHA256_BYTES]) {
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, (const uint8_t *)token, strlen(token));
  lrm_sha256_end(&sum, out);
}

void app_return_uses(host_app *app, const char *token) { hash_of(token, app->back.used); }

bool app_return_welcome(host_app *app, const char *account) {
  bool by_itself = app->back.by_itself;
  char owner[sizeof app->back.owner];
  const char *before = json_string_value(json_object_get(app->dir.facts, "owner"));
  snprintf(owner, sizeof owner, "%s at %s", account, app->relay);
  app->back.same_owner = before != NULL && strcmp(before, owner) == 0;
  snprintf(app->back.owner, sizeof app->back.owner, "%s", owner);
  app->back.by_itself = false;
  if (before == NULL) app_return_renewed(app);
  if (before == NULL || app->back.same_owner || !by_itself) return true;
  surface_say(app->surface,
              "remote control is off: this machine is signed in as %.63s now, and the session was "
              "shared as another. /remote on, in a terminal with `remote host --resume`, shares it "
              "there. The local session goes on",
              account);
  app_link_close(app, false, LRM_CODE_NORMAL);
  return false;
}

void app_return_renewed(host_app *app) {
  session_dir_set(&app->dir, "owner", json_string(app->back.owner));
  (void)session_dir_save(&app->dir);
}

bool app_return_when_signed_in(host_app *app) {
  if (!app->options->headless) return false;
  app->back.awaits_token = true;
  app->back.look_ns = app_now(app) + LOOK_NS;
  return true;
}

bool app_return_as_new(host_app *app) {
  bool again = CRYPTO_memcmp(app->back.renewed, app->back.used, sizeof app->back.used) == 0;
  if (!app->options->headless || !app->back.same_owner || again) return false;
  memcpy(app->back.renewed, app->back.used, sizeof app->back.used);
  app->back.awaits_close = true;
  app->back.look_ns = app_now(app);
  return true;
}

uint64_t app_return_due_ns(const host_app *app) {
  bool waits = app->back.awaits_token || (app->back.awaits_close && app->drive == NULL);
  return waits && app->state < APP_ENDING ? app->back.look_ns : UINT64_MAX;
}

static bool signed_in_anew(host_app *app) {
  lrm_url url;
  char error[1024];
  device_token token;
  uint8_t hash[LRM_SHA256_BYTES];
  if (lrm_url_parse(app->relay, &url, error, sizeof error) != 0 ||
      token_find(app->options->token_file, &app->options->config, app->relay, lrm_url_local(&url),
                 &token, error, sizeof error) != EXIT_CODE_DONE)
    return false;
  hash_of(token.text, hash);
  explicit_bzero(&token, sizeof token);
  return CRYPTO_memcmp(hash, app->back.used, sizeof hash) != 0;
}

void app_return_work(host_app *app) {
  if (app_now(app) < app_return_due_ns(app)) return;
  app->back.look_ns = app_now(app) + LOOK_NS;
  if (app->drive != NULL || (app->back.awaits_token && !signed_in_anew(app))) return;
  app->back.by_itself = true;
  app->back.awaits_token = app->back.awaits_close = false;
  app_remote_set(app, app->remote_mode, "");
}

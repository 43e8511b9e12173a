/* Whom the relay tells when a session needs an answer: the flags, the key for push services. */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"
#ifdef REMOTE_WITH_NOTIFY
#include "notifier.h"

enum { KEY_FILE_BYTES_MAX = 4096 };
static const char key_name[] = "push-key";

/* ---- flags ---- */

static bool take_events(const char *text, uint8_t *wants) {
  static const struct {
    const char *name;
    uint8_t bit;
  } events[] = {
      {"asks", RELAY_WANTS_ASKS}, {"done", RELAY_WANTS_DONE}, {"errors", RELAY_WANTS_ERRORS}};
  *wants = 0;
  for (const char *at = text; *at != '\0';) {
    size_t bytes = strcspn(at, ","), i = 0;
    while (i < 3 && (strlen(events[i].name) != bytes || memcmp(events[i].name, at, bytes) != 0))
      i++;
    if (i == 3) return server_complain("--notify-events is asks, done, errors, with commas");
    *wants |= events[i].bit;
    at += bytes + (at[bytes] == ',');
  }
  return *wants != 0 || server_complain("--notify-events is asks, done, errors, with commas");
}

static bool take_format(const char *text, bool *ntfy) {
  *ntfy = text != NULL && strcmp(text, "ntfy") == 0;
  return text == NULL || *ntfy || strcmp(text, "json") == 0 ||
         server_complain("--notify-format is json or ntfy");
}

/* Goes into links, headers and JSON. */
static bool plain(const char *text) {
  for (; *text != '\0'; text++)
    if (*text <= ' ' || *text > '~' || *text == '"' || *text == '\\') return false;
  return true;
}

static bool take_page(server *s) {
  const program_options *o = s->options;
  const char *page = o->public_url;
  if (page == NULL && o->origins_count > 0) page = o->origins[0];
  if (page == NULL) return true;
  size_t bytes = strlen(page);
  while (bytes > 0 && page[bytes - 1] == '/') bytes--;
  bool web = strncmp(page, "https://", 8) == 0 || strncmp(page, "http://", 7) == 0;
  if (!web || bytes >= sizeof s->page || !plain(page) || strpbrk(page, "?#") != NULL)
    return server_complain("--public-url is https://HOST[:PORT][/PATH]");
  memcpy(s->page, page, bytes);
  s->page[bytes] = '\0';
  return true;
}

/* Push services want somebody to write to; some refuse addresses that are none. */
static bool take_contact(server *s) {
  const char *contact = s->options->push_contact;
  char host[200] = "";
  if (contact == NULL && strncmp(s->page, "https://", 8) == 0) contact = s->page;
  if (contact == NULL) {
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0' || !plain(host))
      snprintf(host, sizeof host, "localhost");
    snprintf(s->contact, sizeof s->contact, "mailto:postmaster@%s", host);
    return true;
  }
  bool good = strncmp(contact, "mailto:", 7) == 0 || strncmp(contact, "https://", 8) == 0;
  if (!good || !plain(contact) || strlen(contact) >= sizeof s->contact)
    return server_complain("--push-contact is mailto:SOMEBODY@HOST or https://HOST/PATH");
  snprintf(s->contact, sizeof s->contact, "%s", contact);
  return true;
}

/* ---- the key ---- */

static web_push_key *make_key(server *s) {
  char text[KEY_FILE_BYTES_MAX], error[600] = "OpenSSL failed";
  web_push_key *key = web_push_key_make();
  bool written = key != NULL && web_push_key_write(key, text, sizeof text) &&
                 data_dir_write(&s->dir, key_name, text, error, sizeof error);
  OPENSSL_cleanse(text, sizeof text);
  if (written) return key;
  (void)server_complain(error);
  web_push_key_free(key);
  return NULL;
}

static web_push_key *read_key(server *s) {
  char path[PATH_TEXT_BYTES + 64], text[KEY_FILE_BYTES_MAX] = "";
  struct stat facts;
  if (!data_dir_path(&s->dir, key_name, path, sizeof path)) return NULL;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t bytes = -1;
  bool closed = fd >= 0 && fstat(fd, &facts) == 0 && (facts.st_mode & 077) == 0;
  if (closed) bytes = read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (fd >= 0 && !closed) {
    (void)server_complain(
        "others can read the file push-key in the data directory: chmod 600 it, "
        "or delete it (browsers have to turn notifications on again then)");
    return NULL;
  }
  web_push_key *key = bytes > 0 ? web_push_key_read(text) : NULL;
  OPENSSL_cleanse(text, sizeof text);
  if (key == NULL)
    (void)server_complain(
        "the file push-key in the data directory is not a key of P-256; put it "
        "back, or delete it (browsers have to turn notifications on again then)");
  return key;
}

/* ---- opening ---- */

static bool may_push(void *user, const char *endpoint) {
  const server *s = user;
  return notifier_may_push(s->notifier, endpoint);
}

bool server_open_messages(server *s, relay_config *config) {
  const program_options *o = s->options;
  char error[500] = "out of memory";
  notifier_settings settings = {.urls_count = o->notify_urls_count,
                                .url_file = o->notify_url_file,
                                .secret_file = o->notify_secret_file,
                                .token_file = o->notify_token_file,
                                .ca_file = o->notify_ca,
                                .insecure = o->insecure,
                                .push_here = o->push_here};
  for (size_t i = 0; i < o->notify_urls_count; i++) settings.urls[i] = o->notify_urls[i];
  if (!take_events(o->notify_events != NULL ? o->notify_events : "asks", &settings.wants) ||
      !take_format(o->notify_format, &settings.ntfy) || !take_page(s) || !take_contact(s)) {
    return false;
  }
  if (o->notify_text) settings.wants |= RELAY_WANTS_TEXT;
  settings.page = s->page[0] != '\0' ? s->page : NULL;
  settings.contact = s->contact;
  web_push_key *key = data_dir_has(&s->dir, key_name) ? read_key(s) : make_key(s);
  if (key == NULL) return false;
  if (!notifier_open(&s->notifier, &s->loop, &settings, key, error, sizeof error)) {
    web_push_key_free(key);
    return server_complain(error);
  }
  notifier_configure(s->notifier, config);
  config->push_allowed = may_push;
  return true;
}

void server_serve_messages(server *s) { notifier_serve(s->notifier, s->state.relay); }

/* What is not on its way when the relay stops is sent by the next one. */
void server_send_messages(server *s) {
  if (s->draining == DRAIN_NONE) notifier_pump(s->notifier);
}

bool server_sends_messages(const server *s) { return notifier_busy(s->notifier); }
void server_close_messages(server *s) { notifier_close(s->notifier); }

#else

bool server_open_messages(server *s, relay_config *config) {
  (void)config;
  return s->options->notify_urls_count == 0 && s->options->notify_url_file == NULL
             ? true
             : server_complain("this build sends no messages (it was made without libcurl)");
}
void server_serve_messages(server *s) { (void)s; }
void server_send_messages(server *s) { (void)s; }
bool server_sends_messages(const server *s) {
  (void)s;
  return false;
}
void server_close_messages(server *s) { (void)s; }
#endif

/* Sends what the core wants to be said: to webhooks, ntfy topics and browsers. One at a time is
 * asked for by notifier_pump as long as there is room; nothing here waits. */
#ifndef RELAY_NOTIFIER_H
#define RELAY_NOTIFIER_H

#include <uv.h>

#include "notifications.h"
#include "web_push.h"

typedef struct notifier notifier;

typedef struct notifier_settings {
  const char *urls[RELAY_HOOKS_MAX];
  size_t urls_count;
  const char *url_file;    /* more of them, one a line; NULL: none */
  bool ntfy;               /* what an address without a prefix speaks */
  const char *secret_file; /* what webhooks are signed with; NULL: they are not */
  const char *token_file;  /* of ntfy; NULL: none */
  const char *ca_file;     /* whom to trust; NULL: as the system does */
  uint8_t wants;           /* of all webhooks: RELAY_WANTS_… */
  bool insecure;           /* http to other machines */
  const char *page;    /* where people open the page, without a slash at the end; NULL: unknown */
  const char *contact; /* of whoever runs this relay, for push services */
  bool push_here;      /* push services may be on this machine and in private networks */
} notifier_settings;

/* Takes the key. False: `error` says why. */
bool notifier_open(notifier **out, uv_loop_t *loop, const notifier_settings *settings,
                   web_push_key *key, char *error, size_t error_bytes);
/* Says whom the core may tell; before relay_open. */
void notifier_configure(const notifier *n, relay_config *config);
void notifier_serve(notifier *n, relay *r);
bool notifier_may_push(const notifier *n, const char *endpoint);
/* Starts what may go. To be called once a turn. */
void notifier_pump(notifier *n);
/* Something is being sent. */
bool notifier_busy(const notifier *n);
/* Ends what is being sent: it is sent again after the next start. NULL: nothing. */
void notifier_close(notifier *n);

#endif

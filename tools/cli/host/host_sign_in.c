/* Signing in to the agent: at its own machine only, by the person who is there. Nothing of it goes
 * out; what the agent opens for it (a page, a form) is an ask like any other. */
#include <ctype.h>
#include <stdio.h>

#include "host_app.h"

#define METHODS_MAX 16

static void list_methods(host_app *app, const char *why) {
  acp_sign_in_method methods[METHODS_MAX];
  size_t count = acp_session_sign_in_methods(app->acp, methods, METHODS_MAX);
  surface_say(app->surface, "%s%s", why, count > 0 ? ":" : "; it does not say how");
  for (size_t i = 0; i < count; i++) {
    const acp_sign_in_method *m = &methods[i];
    surface_say(app->surface, "  %zu  %.100s%s%.300s", i + 1, m->name,
                m->description != NULL ? " - " : "", m->description != NULL ? m->description : "");
    if (m->variable != NULL)
      surface_say(app->surface, "     set %.100s, then start again", m->variable);
    else if (!m->by_agent)
      surface_say(app->surface, "     do it in another terminal, then: /sign-in");
  }
  surface_say(app->surface, "/sign-in N signs in that way; /sign-in asks the agent again; /quit");
}

/* The method that a number, an id or a name means; NULL: none. */
static const char *method_named(const host_app *app, const char *word) {
  acp_sign_in_method methods[METHODS_MAX];
  size_t count = acp_session_sign_in_methods(app->acp, methods, METHODS_MAX);
  char *end;
  unsigned long number = strtoul(word, &end, 10);
  if (end != word && *end == '\0')
    return number >= 1 && number <= count ? methods[number - 1].id : NULL;
  for (size_t i = 0; i < count; i++)
    if (strcmp(methods[i].id, word) == 0 || strcasecmp(methods[i].name, word) == 0)
      return methods[i].id;
  return NULL;
}

bool app_sign_in(void *user, const char *why) {
  host_app *app = user;
  const char *wanted = app->options->sign_in;
  if (wanted != NULL && !app->sign_in_tried) {
    app->sign_in_tried = true;
    const char *method = method_named(app, wanted);
    if (method != NULL && acp_session_sign_in(app->acp, method, app_now(app))) {
      surface_say(app->surface, "signing in to the agent (%.100s) …", method);
      return true;
    }
    surface_say(app->surface, "the agent has no way \"%.100s\" to sign in", wanted);
  }
  if (!surface_input_is_terminal(app->surface) || app->options->headless) return false;
  list_methods(app, why);
  return true;
}

void app_sign_in_line(void *user, const char *rest) {
  host_app *app = user;
  if (app->acp == NULL) {
    surface_say(app->surface, "the agent is not there");
  } else if (*rest != '\0') {
    const char *method = method_named(app, rest);
    if (method == NULL)
      list_methods(app, "there is no such way to sign in");
    else if (acp_session_sign_in(app->acp, method, app_now(app)))
      surface_say(app->surface, "signing in …");
    else
      surface_say(app->surface, "the agent cannot be told now; it is still starting");
  } else if (!acp_session_sign_in_again(app->acp, app_now(app))) {
    list_methods(app, acp_session_ready(app->acp) ? "ways to sign in to this agent"
                                                  : "the agent is still starting");
  }
  app_pump(app);
}

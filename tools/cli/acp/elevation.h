/* Which modes and option values reduce asking, and so are not to be chosen from afar. One table of
 * words, one of agents whose modes are known; pure. */
#ifndef REMOTE_CLI_ELEVATION_H
#define REMOTE_CLI_ELEVATION_H

#include <stdbool.h>

/* Words of the configuration's elevating_modes; may be NULL. */
typedef bool (*elevation_extra)(void *user, const char *word);

typedef struct elevation {
  const char *agent; /* name the agent gave; NULL: not known yet */
  elevation_extra extra;
  void *user;
} elevation;

bool elevation_mode(const elevation *elevation, const char *mode_id);
/* By its words alone, whatever the agent: for ids that are no mode of it as far as it has told. */
bool elevation_word(const elevation *elevation, const char *id);
/* `category` of the option may be NULL. A boolean's value is "true" or "false". */
bool elevation_option(const elevation *elevation, const char *option_id, const char *category,
                      const char *value);

#endif

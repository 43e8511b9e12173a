/* `remote devices invite`: a link that signs a browser in. */
#ifndef REMOTE_CLI_DEVICES_INVITE_H
#define REMOTE_CLI_DEVICES_INVITE_H

#include "act.h"

exit_code devices_invite(connection *c, bool json);
exit_code devices_invitations(connection *c, bool json);
/* `word`: the beginning of its id. */
exit_code devices_uninvite(connection *c, const char *word, bool json);

#endif

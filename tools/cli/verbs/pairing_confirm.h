/* Confirming the code that another device shows: `remote devices confirm`, `remote login
 * --confirm`.
 */
#ifndef REMOTE_CLI_PAIRING_CONFIRM_H
#define REMOTE_CLI_PAIRING_CONFIRM_H

#include "connection.h"

/* Shows which device it is and asks the person, unless `yes`; then confirms. `deny`: refuses it. */
exit_code pairing_confirm(connection *c, const char *code, bool deny, bool yes, bool json);

#endif

/* How a pairing code is shown to the person who is to confirm it. */
#ifndef REMOTE_CLI_LOGIN_CODE_H
#define REMOTE_CLI_LOGIN_CODE_H

#include <stdio.h>

/* Draws `text` as a QR code with half blocks, dark modules as spaces on white; nothing when it does
 * not fit `columns`, or when this build has no QR codes. */
void login_code_draw(FILE *to, const char *text, int columns);

#endif

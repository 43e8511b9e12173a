/* Asks for people: what is asked, with everything that is needed to decide, and finding an option.
 * Foreign text is cleaned with every control character made visible. */
#ifndef REMOTE_CLI_ASK_TEXT_H
#define REMOTE_CLI_ASK_TEXT_H

#include <stdio.h>

#include "remote/types.h"
#include "remote/v1/session.pb-c.h"

#include "exit_code.h"

/* "permission", "question", "plan", "form", "open_url", "limit", "unknown". Static. */
const char *ask_kind_name(const Remote__V1__Ask *ask);
/* The same for people: "page to open". Static. */
const char *ask_kind_words(const Remote__V1__Ask *ask);
/* "allow_once" … Static. */
const char *ask_option_kind_name(Remote__V1__AskOptionKind kind);
/* What is asked, as it was said: to be cleaned. */
const char *ask_plain_title(const Remote__V1__Ask *ask);
/* One line. */
void ask_title(const Remote__V1__Ask *ask, char *out, size_t capacity);
/* First 8 digits of the id, and the terminator. */
void ask_short_id(const Remote__V1__Ask *ask, char out[9]);

/* The card of the transcript as plain text. `number` 0: none in front of the title. */
void ask_print(FILE *to, const Remote__V1__Ask *ask, unsigned number);

/* The open ask that `word` means: the beginning of its id. NULL: the only one.
 * EXIT_CODE_NOT_FOUND; EXIT_CODE_USAGE: several. What is wrong is printed, with the asks. */
exit_code ask_choose(const Remote__V1__SessionState *state, const char *word,
                     const Remote__V1__Ask **out);

/* The one option that says yes (or no) once, by its kind. NULL: there is none, or several. */
const Remote__V1__AskOption *ask_once_option(const Remote__V1__Ask *ask, int yes);
/* The option with this id; else the only one whose label begins so (case does not matter); else,
 * when `numbers`, the one with this number in ask_print. NULL: none, or several. */
const Remote__V1__AskOption *ask_find_option(const Remote__V1__Ask *ask, const char *word,
                                             int numbers);
/* Prints the options, one a line. */
void ask_print_options(FILE *to, const Remote__V1__Ask *ask);

#endif

/* Finding the one thing of a list that a word means. Never a guess: a word that fits more than one
 * is refused, with everything that it fits. */
#ifndef REMOTE_CLI_PICK_H
#define REMOTE_CLI_PICK_H

#include <stdbool.h>
#include <stddef.h>

#include "exit_code.h"

typedef struct pick_list {
  const char *what; /* "mode", for messages */
  size_t count;
  const void *items;
  const char *(*id)(const void *items, size_t index);
  const char *(*label)(const void *items, size_t index); /* for people; may be NULL */
} pick_list;

/* The whole of an id beats the whole of a label (case does not matter), and both the beginning of
 * one of either. EXIT_CODE_DONE and *index; NOT_FOUND; USAGE: several. Prints nothing. */
exit_code pick_find(const pick_list *list, const char *word, size_t *index);
/* As above; what is wrong is printed, with what there is or what the word fits. */
exit_code pick_choose(const pick_list *list, const char *word, size_t *index);

/* Asks on the terminal; false: no, or nobody can be asked. */
bool pick_confirm(const char *question);

#endif

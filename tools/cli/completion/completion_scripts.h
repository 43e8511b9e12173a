/* The scripts of completion/, built into the program (completion_scripts.c is made by cmake). */
#ifndef REMOTE_CLI_COMPLETION_SCRIPTS_H
#define REMOTE_CLI_COMPLETION_SCRIPTS_H

#include <stddef.h>

typedef struct completion_script {
  const char *shell;
  const unsigned char *text;
  size_t bytes;
} completion_script;

extern const completion_script completion_scripts[];
extern const size_t completion_scripts_count;

#endif

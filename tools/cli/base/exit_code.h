/* Exit codes of `remote`, the same for every command (docs/cli-json.md lists them for scripts). */
#ifndef REMOTE_CLI_EXIT_CODE_H
#define REMOTE_CLI_EXIT_CODE_H

typedef enum exit_code {
  EXIT_CODE_DONE = 0,
  EXIT_CODE_FAILURE = 1,     /* something failed here: a file, memory, a bug */
  EXIT_CODE_USAGE = 2,       /* the command line is wrong, or names more than one thing */
  EXIT_CODE_UNREACHABLE = 3, /* the relay, or within the given time the host */
  EXIT_CODE_NOT_ALLOWED = 4, /* not signed in, or policy forbids it */
  EXIT_CODE_NOT_FOUND = 5,   /* no such session, ask, command, device */
  EXIT_CODE_REJECTED = 6,    /* the command's outcome is REJECTED or SUPERSEDED */
  EXIT_CODE_EXPIRED = 7,     /* EXPIRED or WITHDRAWN */
  EXIT_CODE_UNKNOWN = 8      /* UNKNOWN: nobody can tell whether it was done */
} exit_code;

#endif

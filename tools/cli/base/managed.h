/* The rules of a managed machine: who may steer the sessions that it hosts. Its administrator puts
 * them into /etc/remote/managed.ini; nobody on the machine can lift them with a flag, a setting or
 * the environment. */
#ifndef REMOTE_CLI_MANAGED_H
#define REMOTE_CLI_MANAGED_H

#include <stdbool.h>
#include <stddef.h>

#define MANAGED_FILE "/etc/remote/managed.ini"
/* Read instead when there is no MANAGED_FILE: for tests. */
#define MANAGED_FILE_VARIABLE "REMOTE_MANAGED_FILE"
#define MANAGED_ACCOUNTS_MAX 64
#define MANAGED_NAME_BYTES_MAX 63

typedef enum managed_hosting {
  MANAGED_CONTROL = 0, /* no limit */
  MANAGED_VIEW = 1,
  MANAGED_FORBIDDEN = 2
} managed_hosting;

typedef struct managed_rules {
  bool there;  /* a file says something */
  bool broken; /* it cannot be understood: nothing is allowed */
  managed_hosting hosting;
  size_t accounts_count; /* 0: every account */
  char accounts[MANAGED_ACCOUNTS_MAX][MANAGED_NAME_BYTES_MAX + 1];
  char path[512];
  char error[256]; /* broken: why */
} managed_rules;

/* Reads the file of this machine. */
void managed_load(managed_rules *out);
/* The same from a file that need not be there; for tests. */
void managed_load_from(managed_rules *out, const char *path);
/* NULL: sessions of this account may be hosted, for viewing at least; else why not. */
const char *managed_refuses(const managed_rules *rules, const char *account, char *text,
                            size_t bytes);

#endif

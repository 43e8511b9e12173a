/* The sub-commands that set policy and read the audit log; argv behind their names. */
#ifndef RELAY_POLICY_VERBS_H
#define RELAY_POLICY_VERBS_H

#include "program.h"

int run_organization(int argc, char **argv);
int run_policy(int argc, char **argv);
int run_audit(int argc, char **argv);

#endif

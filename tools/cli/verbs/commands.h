/* The sub-commands: each takes its own argv (argv[0] is its name) and returns an exit code. */
#ifndef REMOTE_CLI_COMMANDS_H
#define REMOTE_CLI_COMMANDS_H

int command_ls(int argc, char **argv);
int command_attach(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_send(int argc, char **argv);
int command_asks(int argc, char **argv);
int command_approve(int argc, char **argv);
int command_deny(int argc, char **argv);
int command_answer(int argc, char **argv);
int command_mode(int argc, char **argv);
int command_config(int argc, char **argv);
int command_slash(int argc, char **argv);
int command_rename(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_probe(int argc, char **argv);
int command_withdraw(int argc, char **argv);
int command_asset(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_login(int argc, char **argv);
int command_logout(int argc, char **argv);
int command_devices(int argc, char **argv);
int command_policy(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_rm(int argc, char **argv);
int command_completion(int argc, char **argv);
/* `remote __complete WORD...`: what may stand at the end of these words; for the shells. */
int command_complete(int argc, char **argv);

/* main.c: what runs a sub-command; NULL: there is none of this name. */
int (*command_find(const char *name))(int argc, char **argv);
/* main.c: every sub-command in the order of the help. */
void commands_each(void (*take)(void *user, const char *name, const char *summary), void *user);

#endif

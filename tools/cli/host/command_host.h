/* `remote host … -- AGENT [ARGS…]` */
#ifndef REMOTE_CLI_COMMAND_HOST_H
#define REMOTE_CLI_COMMAND_HOST_H

int command_host(int argc, char **argv);

#endif

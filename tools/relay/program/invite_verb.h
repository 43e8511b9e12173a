/* The sub-command that makes links which sign a browser in; argv behind its name. */
#ifndef RELAY_INVITE_VERB_H
#define RELAY_INVITE_VERB_H

int run_invite(int argc, char **argv);

#endif

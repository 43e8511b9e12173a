/* What a service manager is told (sd_notify(3): lines in a datagram to $NOTIFY_SOCKET), and the
 * watchdog. Without $NOTIFY_SOCKET nothing is said. */
#ifndef RELAY_NOTIFY_H
#define RELAY_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads $NOTIFY_SOCKET and $WATCHDOG_USEC, and takes them out of the environment. */
void notify_init(void);
/* "READY=1\nSTATUS=…": the lines of one message. */
void notify_say(const char *lines);
/* Reading settings again began: READY=1 must follow. */
void notify_reloading(void);
/* How long the manager waits for WATCHDOG=1; 0: it does not. */
uint64_t notify_watchdog_ns(void);

#endif

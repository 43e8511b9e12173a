/* Standard input and output on the loop: a terminal, pipes or files. Writing never blocks: what the
 * other side has not taken yet waits here, and its owner looks at how much that is. A terminal that
 * was put into another mode is restored however the program ends, but for SIGKILL. One a process.
 */
#ifndef REMOTE_CLI_SURFACE_TERMINAL_H
#define REMOTE_CLI_SURFACE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

typedef struct terminal terminal;

/* Called from inside the loop. */
typedef struct terminal_ops {
  void (*input)(void *user, const char *data, size_t bytes);
  void (*ended)(void *user);   /* no more input will come */
  void (*resized)(void *user); /* also after a stop: nobody knows what is on the screen */
  void (*resumed)(void *user); /* back in the foreground, in the mode it had */
  void (*drained)(void *user); /* everything that waited has been taken */
  void (*lost)(void *user);    /* output can no longer be written */
} terminal_ops;

terminal *terminal_create(uv_loop_t *loop, const terminal_ops *ops, void *user);
/* Writes what it can without waiting, restores the mode and closes; freed once the loop has run. */
void terminal_destroy(terminal *t);

bool terminal_input_is_tty(const terminal *t);
bool terminal_output_is_tty(const terminal *t);
/* What is known of the size; false: nothing. */
bool terminal_size(const terminal *t, size_t *columns, size_t *rows);

/* Begins to read; does nothing when it reads already. */
void terminal_read(terminal *t);
/* Stops reading for now: what is typed stays with the terminal. */
void terminal_pause(terminal *t);

/* Keys one by one, without echo; `enter` is written now and after each stop, `leave` before each
 * stop and at the end. Static texts. False: the terminal does not take it. */
bool terminal_raw(terminal *t, const char *enter, const char *leave);
/* The terminal is ours to draw on: not when this program was sent to the background. */
bool terminal_in_front(const terminal *t);
/* Stops this program as ^Z does; ops->resumed when it goes on. */
void terminal_suspend(terminal *t);

/* Takes a copy. */
void terminal_write(terminal *t, const char *data, size_t bytes);
/* Bytes that were written and not taken yet. */
size_t terminal_backlog(const terminal *t);
bool terminal_lost(const terminal *t);

#endif

/* A terminal that scrolls, with a line at its bottom where a person writes. Text may stop in the
 * middle of a line and go on later: the prompt is then drawn below it and taken away again. When
 * it is no terminal, text passes through and there is no prompt. */
#ifndef REMOTE_CLI_SCREEN_H
#define REMOTE_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct screen {
  FILE *to;
  bool terminal;
  size_t columns;
  size_t column; /* of the text; 0: at a line's beginning */
  bool shown;    /* the prompt is drawn */
  bool below;    /* … one line below a line that is not finished */
} screen;

void screen_init(screen *s, FILE *to);
/* Reads the terminal's width again. */
void screen_resize(screen *s);
/* Clean text; escape sequences of colours (ESC [ … m) may be in it. */
void screen_write(screen *s, const char *text, size_t bytes);
/* Draws the prompt, or draws it again. */
void screen_prompt(screen *s, const char *line, size_t column);
/* Takes the prompt away. */
void screen_hide(screen *s);

#endif

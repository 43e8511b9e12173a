/* The asks that are open, each with its number, and what a person writes as their answers. It knows
 * what a line was begun for: a bare number answers only the ask that was open then, so that an ask
 * that changes under the thumb is never answered by accident. No I/O, no clock. */
#ifndef REMOTE_CLI_SURFACE_ASK_DESK_H
#define REMOTE_CLI_SURFACE_ASK_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "remote/types.h"
#include "remote/v1/event.pb-c.h"

#define ASK_DESK_MAX 64
#define ASK_DESK_TEXT_BYTES_MAX 32768
#define ASK_DESK_MORE_MAX 32

typedef struct desk_ask {
  unsigned number;
  lrm_id id;
  Remote__V1__Ask *ask; /* a copy */
} desk_ask;

/* An answer; texts are borrowed until the desk's next call. */
typedef struct ask_answer {
  lrm_id ask_id;
  Remote__V1__AnswerContent content;
} ask_answer;

typedef enum desk_reading {
  DESK_NOT_ASK = 0, /* the line is no answer */
  DESK_ANSWER = 1,
  DESK_SAID = 2 /* it was meant as one: `said` tells what is wrong, or what comes next */
} desk_reading;

typedef struct ask_desk {
  bool local;                  /* the host's own terminal: who answers there is us */
  desk_ask asks[ASK_DESK_MAX]; /* in the order they were opened */
  size_t count;
  lrm_id armed;           /* the only open ask when the line was begun; none: no or several */
  bool begun;             /* a line has been begun */
  lrm_id focus;           /* the ask that the keys choose for; none: the oldest */
  size_t choice;          /* the option they are on, from 1; 0: none */
  unsigned closed_number; /* the one that was closed last … */
  uint64_t closed_ns;     /* … when, 0: none … */
  char closed_by[192];    /* … and by whom; "": by us, or by nobody */
  /* a form that is being filled in field by field */
  lrm_id form;
  size_t form_field;
  json_t *form_values;
  char text[ASK_DESK_TEXT_BYTES_MAX];
  char word[256];
  char *more[ASK_DESK_MORE_MAX];
  char said[1024];
} ask_desk;

void ask_desk_init(ask_desk *d);
void ask_desk_free(ask_desk *d);
/* The number is the surface's (transcript_ask_number). */
void ask_desk_opened(ask_desk *d, const Remote__V1__Ask *ask, unsigned number);
void ask_desk_resolved(ask_desk *d, const Remote__V1__AskResolved *resolved, uint64_t now_ns);
/* The open asks are these now: others are forgotten. `number` gives each its number. */
void ask_desk_sync(ask_desk *d, Remote__V1__Ask *const *asks, size_t count,
                   unsigned (*number)(void *user, const Remote__V1__Ask *ask), void *user);

const desk_ask *ask_desk_by_number(const ask_desk *d, unsigned number);
/* The only open one; NULL: none, or several. */
const desk_ask *ask_desk_only(const ask_desk *d);
/* The one that keys choose for; NULL: none is open. */
const desk_ask *ask_desk_focused(const ask_desk *d);

/* A line is begun: what is open now is what a bare number will mean. */
void ask_desk_begin(ask_desk *d);
/* The line was finished or given up. */
void ask_desk_end(ask_desk *d);
/* Reads a line as an answer: "2", "y", "n", "1,3", "#3 2", "#3 2 a comment", "#3 words", "#3 {…}",
 * "#3" (begins a form), and the values of a form that was begun. */
desk_reading ask_desk_read(ask_desk *d, const char *line, uint64_t now_ns, ask_answer *out);
/* Yes or no, once: the ask with this number, or (0) the only one. */
desk_reading ask_desk_judge(ask_desk *d, unsigned number, bool yes, ask_answer *out);

/* How many options keys can choose from, and their labels; borrowed. */
size_t ask_option_count(const Remote__V1__Ask *ask);
const char *ask_option_label(const Remote__V1__Ask *ask, size_t index);
/* Keys: another option (step 1 or -1), another ask, and the answer they stand for. */
bool ask_desk_step(ask_desk *d, int step);
bool ask_desk_next(ask_desk *d, int step);
bool ask_desk_chosen(ask_desk *d, ask_answer *out);
/* The choice and a form that was begun are given up. False: there was nothing. */
bool ask_desk_give_up(ask_desk *d);
/* What the next line is for, when a form is being filled in; NULL: none is. */
const char *ask_desk_form_text(ask_desk *d);

/* The option that says no once, else always; "": there is none, so declining is the answer. */
const char *ask_rejection(const Remote__V1__Ask *ask);

#endif

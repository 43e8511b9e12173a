/* See fault.h. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <stdio.h>

#include "fault.h"
#include "remote/log_sqlite.h"

enum { FAULTS_MAX = 8 };

typedef enum fault_action { FAULT_KILL = 1, FAULT_HOLD = 2, FAULT_FULL = 3 } fault_action;

typedef struct fault {
  int point;
  unsigned long at; /* 0: over */
  bool always;      /* N is "*": every time */
  fault_action action;
  unsigned long argument;
  unsigned long done;    /* FULL: how often */
  struct timespec until; /* HOLD at before_settle: when it is over */
  bool holding;
} fault;

static fault faults[FAULTS_MAX];
static size_t faults_count;
static unsigned long passed[LRM_FAULT_BEFORE_SETTLE + 1];

static const char *const point_names[] = {"", "received", "before_commit", "after_commit",
                                          "before_settle"};

static bool parse_action(fault *f, const char *text) {
  char *end = NULL;
  if (strcmp(text, "kill") == 0) {
    f->action = FAULT_KILL;
    return true;
  }
  if (strncmp(text, "hold=", 5) == 0) f->action = FAULT_HOLD;
  if (strncmp(text, "full=", 5) == 0) f->action = FAULT_FULL;
  if (f->action == 0) return false;
  f->argument = strtoul(text + 5, &end, 10);
  return end != text + 5 && *end == '\0' && f->argument <= 600000;
}

static bool parse_one(char *text) {
  char *save = NULL, *end = NULL;
  const char *point = strtok_r(text, ":", &save);
  const char *number = strtok_r(NULL, ":", &save);
  const char *action = strtok_r(NULL, "", &save);
  if (point == NULL || number == NULL || action == NULL || faults_count == FAULTS_MAX) return false;
  fault *f = &faults[faults_count];
  memset(f, 0, sizeof *f);
  for (int i = LRM_FAULT_RECEIVED; i <= LRM_FAULT_BEFORE_SETTLE; i++) {
    if (strcmp(point, point_names[i]) == 0) f->point = i;
  }
  f->always = strcmp(number, "*") == 0;
  f->at = f->always ? 1 : strtoul(number, &end, 10);
  if (f->point == 0 || f->at == 0 || (end != NULL && *end != '\0') || !parse_action(f, action))
    return false;
  faults_count++;
  return true;
}

bool fault_parse(const char *text, char *error, size_t error_bytes) {
  if (text == NULL || *text == '\0') return true;
  char copy[512];
  snprintf(copy, sizeof copy, "%s", text);
  char *save = NULL;
  for (char *part = strtok_r(copy, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save)) {
    if (parse_one(part)) continue;
    snprintf(error, error_bytes,
             "not POINT:N:ACTION with POINT received, before_commit, after_commit or "
             "before_settle, N a number or *, and ACTION kill, hold=MS or full=COUNT");
    return false;
  }
  return true;
}

bool fault_set(void) { return faults_count > 0; }

/* On the loop's thread nothing may sleep: the store is asked to come again. */
static int hold_on_loop(fault *f) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (!f->holding) {
    f->holding = true;
    f->until = now;
    f->until.tv_sec += (time_t)(f->argument / 1000);
    f->until.tv_nsec += (long)(f->argument % 1000) * 1000000;
    if (f->until.tv_nsec >= 1000000000) {
      f->until.tv_sec++;
      f->until.tv_nsec -= 1000000000;
    }
  }
  bool over = now.tv_sec > f->until.tv_sec ||
              (now.tv_sec == f->until.tv_sec && now.tv_nsec >= f->until.tv_nsec);
  if (over) f->at = 0;
  return over ? 0 : LRM_ERR_BUSY;
}

static int act(fault *f) {
  switch (f->action) {
    case FAULT_KILL:
      (void)raise(SIGKILL);
      return 0;
    case FAULT_FULL:
      if (++f->done >= f->argument) {
        f->at = 0;
      } else {
        f->at++; /* the next time again */
      }
      return LRM_ERR_DISK_FULL;
    case FAULT_HOLD: {
      struct timespec wait = {(time_t)(f->argument / 1000), (long)(f->argument % 1000) * 1000000};
      (void)nanosleep(&wait, NULL);
      return 0;
    }
  }
  return 0;
}

int fault_point(void *user, int point) {
  (void)user;
  for (size_t i = 0; i < faults_count; i++) {
    if (faults[i].point == point && faults[i].holding && faults[i].at != 0) {
      return hold_on_loop(&faults[i]);
    }
  }
  unsigned long number = ++passed[point];
  for (size_t i = 0; i < faults_count; i++) {
    fault *f = &faults[i];
    if (f->point != point || f->at == 0 || (f->at != number && !f->always)) continue;
    if (f->action == FAULT_HOLD && point == LRM_FAULT_BEFORE_SETTLE) return hold_on_loop(f);
    return act(f);
  }
  return 0;
}

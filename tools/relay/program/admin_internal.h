/* What the files that answer requests of the operator share. */
#ifndef RELAY_ADMIN_INTERNAL_H
#define RELAY_ADMIN_INTERNAL_H

#include "program.h"

typedef struct answer {
  char *out;
  size_t bytes, used;
} answer;

__attribute__((format(printf, 2, 3))) void admin_say(answer *a, const char *format, ...);
/* A string of JSON, whatever the text holds. */
void admin_say_json(answer *a, const char *text);
/* What a line of a terminal may show of a text from outside. */
void admin_say_text(answer *a, const char *text);

typedef struct admin_request {
  const char *name;
  int fields;   /* with the name */
  bool changes; /* something that must be durable before it is said */
  void (*run)(program_state *state, char *const *field, uint64_t now_ns, answer *a);
} admin_request;

/* Ended by one without a name. */
extern const admin_request admin_policy_requests[], admin_audit_requests[];

#endif

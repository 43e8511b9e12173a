/* Writes random messages, whole and damaged, with the preflight's verdict and protobuf-c's
 * encoding, one a line, for a judge in another language (python_test.py):
 *   full name, input in hex, verdict (0: accepted), encoding in hex
 * Empty hex is "-". */
#include <stdio.h>

#include "schema/agreement.h"
#include "schema/random_message.h"
#include "schema/shapes_subjects.h"

enum { ROUNDS = 30 };

static void print_hex(const uint8_t *data, size_t count) {
  putchar(' ');
  if (count == 0) putchar('-');
  for (size_t i = 0; i < count; i++) printf("%02x", data[i]);
}

static int print_vector(const subject *s, const bytes *input) {
  agreement a;
  const char *fault = agreement_check(s, input->data, input->count, &a);
  if (fault) fprintf(stderr, "%s: %s\n", s->type->name, fault);
  printf("%s", s->descriptor->name);
  print_hex(input->data, input->count);
  printf(" %d", a.verdict);
  print_hex(a.canonical, a.canonical_bytes);
  putchar('\n');
  agreement_free(&a);
  return fault != NULL;
}

int main(void) {
  random_state r = {20240608};
  int faults = 0;
  for (size_t n = 0; n < LRM_SCHEMA_MESSAGES + SHAPE_SCHEMA_MESSAGES; n++) {
    subject s = n < LRM_SCHEMA_MESSAGES ? subject_at(n) : shape_at(n - LRM_SCHEMA_MESSAGES);
    for (int round = 0; round < ROUNDS; round++) {
      bytes input = {0};
      random_message(&r, s.type, round % 8 ? 300 : 5000, &input);
      bytes_put(&input, "", 0);
      faults += print_vector(&s, &input);
      random_damage(&r, s.type, &input);
      faults += print_vector(&s, &input);
      bytes_free(&input);
    }
  }
  return faults != 0;
}

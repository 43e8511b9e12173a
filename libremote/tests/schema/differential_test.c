/* Random messages of every type, whole and damaged, against protobuf-c and nanopb. The seed is
 * printed; LRM_SEED=n runs another one, LRM_ROUNDS=n more of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "schema/agreement.h"
#include "schema/random_message.h"
#include "schema/shapes_subjects.h"

enum { ROUNDS = 200, DAMAGED = 8, SMALL_BUDGET = 400, LARGE_BUDGET = 20000 };

static uint64_t number_from_environment(const char *name, uint64_t otherwise) {
  const char *text = getenv(name);
  return text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t seed(void) { return number_from_environment("LRM_SEED", 20240607); }
static uint64_t rounds(void) { return number_from_environment("LRM_ROUNDS", ROUNDS); }

static void explain(const subject *s, const char *fault, const bytes *input, uint64_t round) {
  fprintf(stderr, "%s, seed %llu, round %llu: %s\n", s->type->name, (unsigned long long)seed(),
          (unsigned long long)round, fault);
  for (size_t i = 0; i < input->count; i++) fprintf(stderr, "%02x", input->data[i]);
  fprintf(stderr, "\n");
}

static random_state state_for(const subject *s, uint64_t round) {
  random_state r = {seed() * 1000003 + round * 7919 + s->type->index * 104729 + 1};
  for (int i = 0; i < 8; i++) random_next(&r);
  return r;
}

static subject nth_subject(size_t n) {
  return n < LRM_SCHEMA_MESSAGES ? subject_at(n) : shape_at(n - LRM_SCHEMA_MESSAGES);
}
enum { SUBJECTS = LRM_SCHEMA_MESSAGES + SHAPE_SCHEMA_MESSAGES };

static bytes random_input(random_state *r, const subject *s, uint64_t round) {
  bytes input = {0};
  random_message(r, s->type, round % 4 ? SMALL_BUDGET : LARGE_BUDGET, &input);
  bytes_put(&input, "", 0);
  return input;
}

/* Valid messages pass and come back byte-equal; the estimate is not only enough but exact. */
static void valid_messages_round_trip(void **state) {
  (void)state;
  uint64_t accepted = 0, total = 0;
  for (size_t n = 0; n < SUBJECTS; n++) {
    subject s = nth_subject(n);
    for (uint64_t round = 0; round < rounds(); round++) {
      random_state r = state_for(&s, round);
      bytes input = random_input(&r, &s, round);
      agreement a;
      const char *fault = agreement_check(&s, input.data, input.count, &a);
      if (!fault && a.verdict && a.verdict != LRM_ERR_LIMIT) fault = a.report.error_text;
      if (!fault && !a.verdict && a.asked_bytes != a.report.decode_bytes)
        fault = "the estimate is not exact";
      if (!fault && !a.verdict &&
          (a.canonical_bytes != input.count || memcmp(a.canonical, input.data, input.count) != 0))
        fault = "does not come back byte-equal";
      if (fault) explain(&s, fault, &input, round);
      total++;
      accepted += a.verdict == 0;
      agreement_free(&a);
      bytes_free(&input);
      assert_null(fault);
    }
  }
  print_message("valid: %llu messages, %llu within the memory limit, seed %llu\n",
                (unsigned long long)total, (unsigned long long)accepted,
                (unsigned long long)seed());
  assert_true(accepted * 100 >= total * 95);
}

static void damaged_messages_agree(void **state) {
  (void)state;
  uint64_t accepted = 0, total = 0;
  for (size_t n = 0; n < SUBJECTS; n++) {
    subject s = nth_subject(n);
    for (uint64_t round = 0; round < rounds() * DAMAGED; round++) {
      random_state r = state_for(&s, round / DAMAGED);
      bytes input = random_input(&r, &s, 1 + round);
      r = state_for(&s, ~round);
      random_damage(&r, s.type, &input);
      agreement a;
      const char *fault = agreement_check(&s, input.data, input.count, &a);
      if (!fault && !a.verdict && a.asked_bytes != a.report.decode_bytes)
        fault = "the estimate is not exact";
      if (fault) explain(&s, fault, &input, round);
      total++;
      accepted += a.verdict == 0;
      agreement_free(&a);
      bytes_free(&input);
      assert_null(fault);
    }
  }
  print_message("damaged: %llu messages, %llu accepted\n", (unsigned long long)total,
                (unsigned long long)accepted);
  assert_true(accepted * 10 > total && accepted * 10 < total * 9); /* both sides are met */
}

/* Ends of the fields of a valid message: where it may be cut and stay one. */
static int is_boundary(const bytes *message, size_t cut) {
  size_t at = 0;
  while (at < cut) {
    uint64_t words[2] = {0};
    for (int k = 0; k < 2; k++) { /* tag, then value or length */
      unsigned wire = (unsigned)(words[0] & 7);
      if (k == 1 && (wire == 1 || wire == 5)) {
        at += wire == 1 ? 8 : 4;
        break;
      }
      for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = message->data[at++];
        words[k] |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) break;
      }
      if (k == 1 && wire == 2) at += (size_t)words[1];
    }
  }
  return at == cut;
}

static void truncation_at_every_byte(void **state) {
  (void)state;
  for (size_t n = 0; n < SUBJECTS; n++) {
    subject s = nth_subject(n);
    for (uint64_t round = 1; round < 3; round++) {
      random_state r = state_for(&s, round + 1000);
      bytes input = random_input(&r, &s, round);
      for (size_t cut = 0; cut <= input.count; cut++) {
        bytes exact = {0}; /* memory of its own size, for the sanitizer */
        exact.data = malloc(cut ? cut : 1);
        exact.count = cut;
        memcpy(exact.data, input.data, cut);
        agreement a;
        const char *fault = agreement_check(&s, exact.data, cut, &a);
        if (!fault && (a.verdict == 0) != is_boundary(&input, cut))
          fault = a.verdict ? "a whole message is refused" : "a cut message is accepted";
        if (!fault && a.verdict && a.verdict != LRM_ERR_DECODE) fault = "another error";
        if (fault) explain(&s, fault, &exact, round);
        agreement_free(&a);
        bytes_free(&exact);
        assert_null(fault);
      }
      bytes_free(&input);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(valid_messages_round_trip),
      cmocka_unit_test(damaged_messages_agree),
      cmocka_unit_test(truncation_at_every_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

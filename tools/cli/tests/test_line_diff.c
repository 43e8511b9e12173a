/* Edits give both texts back, and are no more than needed: compared with the plain table of the
 * longest common subsequence. The seed is printed; REMOTE_TEST_SEED repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "line_diff.h"

static unsigned seed;

static unsigned below(unsigned bound) { return (unsigned)rand_r(&seed) % bound; }

static void make_text(char *out, size_t lines, unsigned letters) {
  size_t used = 0;
  for (size_t i = 0; i < lines; i++) {
    out[used++] = (char)('a' + below(letters));
    if (below(4) == 0) out[used++] = 'x';
    if (i + 1 < lines || below(2)) out[used++] = '\n';
  }
  out[used] = 0;
}

/* Lines in common, at most; without regard to newlines at the end. */
static size_t common(const line_diff *d) {
  static size_t table[64][64];
  memset(table, 0, sizeof table);
  for (size_t i = d->old_count; i-- > 0;)
    for (size_t k = d->new_count; k-- > 0;) {
      const diff_line *a = &d->old_lines[i], *b = &d->new_lines[k];
      bool both_last = i + 1 == d->old_count && k + 1 == d->new_count;
      bool same = a->bytes == b->bytes && !memcmp(a->text, b->text, a->bytes) &&
                  !(both_last && d->old_newline != d->new_newline);
      size_t skip = table[i + 1][k] > table[i][k + 1] ? table[i + 1][k] : table[i][k + 1];
      table[i][k] = same && table[i + 1][k + 1] + 1 > skip ? table[i + 1][k + 1] + 1 : skip;
    }
  return table[0][0];
}

/* Walks the edits: each line of both texts once and in order. Returns the lines they share. */
static size_t check_edits(const line_diff *d) {
  size_t old_line = 0, new_line = 0, shared = 0, added = 0, removed = 0;
  for (size_t i = 0; i < d->edits_count; i++) {
    const diff_edit *e = &d->edits[i];
    if (e->sign != '+') assert_int_equal(old_line++, e->old_line);
    if (e->sign != '-') assert_int_equal(new_line++, e->new_line);
    if (e->sign == ' ') {
      const diff_line *a = &d->old_lines[e->old_line], *b = &d->new_lines[e->new_line];
      assert_int_equal(a->bytes, b->bytes);
      assert_memory_equal(a->text, b->text, a->bytes);
      shared++;
    }
    added += e->sign == '+';
    removed += e->sign == '-';
    /* What goes stands in front of what comes. */
    if (i && e->sign == '-') assert_int_not_equal('+', d->edits[i - 1].sign);
  }
  assert_int_equal(d->old_count, old_line);
  assert_int_equal(d->new_count, new_line);
  assert_int_equal(d->added, added);
  assert_int_equal(d->removed, removed);
  return shared;
}

static void finds_the_fewest_edits(void **state) {
  (void)state;
  const char *given = getenv("REMOTE_TEST_SEED");
  seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
  print_message("REMOTE_TEST_SEED=%u\n", seed);
  for (int round = 0; round < 3000; round++) {
    char old_text[256], new_text[256];
    line_diff d;
    unsigned letters = 1 + below(6);
    make_text(old_text, below(50), letters);
    make_text(new_text, below(50), letters);
    assert_true(line_diff_make(&d, old_text, new_text));
    assert_int_equal(common(&d), check_edits(&d));
    line_diff_free(&d);
  }
}

static void bounds_what_it_looks_for(void **state) {
  (void)state;
  enum { LINES = 30000 };
  char *old_text = malloc(LINES * 8), *new_text = malloc(LINES * 8);
  size_t a = 0, b = 0;
  line_diff d;
  assert_non_null(old_text);
  assert_non_null(new_text);
  for (int i = 0; i < LINES; i++) {
    a += (size_t)snprintf(old_text + a, 8, "o%05d\n", i);
    b += (size_t)snprintf(new_text + b, 8, "n%05d\n", i);
  }
  assert_true(line_diff_make(&d, old_text, new_text));
  assert_true(d.cut);
  assert_int_equal(LINE_DIFF_LINES_MAX, d.added);
  assert_int_equal(0, check_edits(&d));
  line_diff_free(&d);
  assert_true(line_diff_make(&d, "", ""));
  assert_int_equal(0, d.edits_count);
  line_diff_free(&d);
  free(old_text);
  free(new_text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_the_fewest_edits),
      cmocka_unit_test(bounds_what_it_looks_for),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

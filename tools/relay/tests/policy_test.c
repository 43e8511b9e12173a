/* What policy comes to: every combination of the layers against a second formulation that knows
 * nothing of the first one's order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "policy.h"

/* In the words of docs/spec.md 10.1: first the policy, then the least, then who said it. */
static policy_decision naive(const policy_facts *f) {
  int says[6] = {0}; /* by layer; 0: nothing */
  if (f->in_organization) {
    int policy = f->enterprise_decides ? (int)f->enterprise : (int)f->organization;
    says[f->enterprise_decides ? 1 : 2] = policy == 0 ? 1 : policy;
  }
  says[3] = (int)f->account;
  says[4] = (int)f->session;
  says[5] = (int)f->device;
  int least = 3;
  for (int layer = 1; layer <= 5; layer++) {
    if (says[layer] != 0 && says[layer] < least) least = says[layer];
  }
  policy_decision decision = {(policy_value)least, POLICY_LAYER_NONE};
  if (least == 3) return decision;
  for (int layer = 5; layer >= 1; layer--) {
    if (says[layer] == least) decision.layer = (policy_layer)layer;
  }
  return decision;
}

static void every_combination(void **state) {
  (void)state;
  unsigned count = 0;
  for (unsigned bits = 0; bits < 4 * 1024; bits++) {
    policy_facts facts = {.in_organization = (bits & 1) != 0,
                          .enterprise_decides = (bits & 2) != 0,
                          .enterprise = (policy_value)(bits >> 2 & 3),
                          .organization = (policy_value)(bits >> 4 & 3),
                          .account = (policy_value)(bits >> 6 & 3),
                          .session = (policy_value)(bits >> 8 & 3),
                          .device = (policy_value)(bits >> 10 & 3),
                          .enterprise_name = "everything",
                          .organization_name = "one part"};
    policy_decision got = policy_decide(&facts), wanted = naive(&facts);
    assert_int_equal(got.value, wanted.value);
    assert_int_equal(got.layer, wanted.layer);
    assert_true(got.value >= POLICY_DISABLED && got.value <= POLICY_CONTROL);
    assert_true((got.layer == POLICY_LAYER_NONE) == (got.value == POLICY_CONTROL));
    char text[POLICY_TEXT_BYTES];
    policy_explain(&facts, &got, text);
    assert_true(strlen(text) > 10);
    if (got.layer == POLICY_LAYER_ENTERPRISE) assert_non_null(strstr(text, "everything"));
    if (got.layer == POLICY_LAYER_ORGANIZATION) assert_non_null(strstr(text, "one part"));
    count++;
  }
  assert_int_equal(count, 4096);
}

/* What people are promised, each in one line. */
static void said_in_words(void **state) {
  (void)state;
  policy_facts facts = {.account = POLICY_CONTROL};
  assert_int_equal(policy_decide(&facts).value, POLICY_CONTROL); /* in no organization */
  facts.enterprise_decides = true;
  facts.enterprise = POLICY_DISABLED;
  assert_int_equal(policy_decide(&facts).value, POLICY_CONTROL); /* nor in the enterprise */
  facts.in_organization = true;
  assert_int_equal(policy_decide(&facts).layer, POLICY_LAYER_ENTERPRISE);
  facts.enterprise_decides = false;
  assert_int_equal(policy_decide(&facts).value, POLICY_DISABLED); /* not configured */
  assert_int_equal(policy_decide(&facts).layer, POLICY_LAYER_ORGANIZATION);
  facts.organization = POLICY_CONTROL;
  facts.device = POLICY_VIEW;
  assert_int_equal(policy_decide(&facts).value, POLICY_VIEW);
  assert_int_equal(policy_decide(&facts).layer, POLICY_LAYER_DEVICE);
  facts.enterprise_decides = true;
  facts.enterprise = POLICY_VIEW; /* the outermost of equals is named */
  assert_int_equal(policy_decide(&facts).layer, POLICY_LAYER_ENTERPRISE);
}

static void long_names_fit(void **state) {
  (void)state;
  char name[64], text[POLICY_TEXT_BYTES];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  policy_facts facts = {
      .in_organization = true, .organization_name = name, .enterprise_name = name};
  policy_decision decision = policy_decide(&facts);
  policy_explain(&facts, &decision, text);
  assert_non_null(strstr(text, "can allow it"));
  facts.enterprise_decides = true;
  decision = policy_decide(&facts);
  policy_explain(&facts, &decision, text);
  assert_non_null(strstr(text, "can change that"));
}

static void words_of_values(void **state) {
  (void)state;
  for (int i = 0; i <= 3; i++) {
    policy_value value;
    assert_true(policy_value_parse(policy_value_name((policy_value)i), &value));
    assert_int_equal(value, i);
  }
  policy_value value = POLICY_UNSET;
  assert_true(policy_value_parse("control", &value));
  assert_int_equal(value, POLICY_CONTROL);
  assert_false(policy_value_parse("Control", &value));
  assert_false(policy_value_parse("", &value));
  assert_string_equal(policy_value_name((policy_value)99), "disabled");
  assert_string_equal(policy_layer_name((policy_layer)99), "none");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_combination), cmocka_unit_test(said_in_words),
      cmocka_unit_test(long_names_fit), cmocka_unit_test(words_of_values)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

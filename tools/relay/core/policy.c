/* The one place where layers become a decision, and its words. */
#include "policy.h"

#include <stdio.h>
#include <string.h>

static const char *const value_names[] = {"unconfigured", "disabled", "view", "view_and_control"};
static const char *const layer_names[] = {"none",    "enterprise", "organization",
                                          "account", "session",    "device"};

const char *policy_value_name(policy_value value) {
  return (unsigned)value < sizeof value_names / sizeof *value_names ? value_names[value]
                                                                    : value_names[POLICY_DISABLED];
}

bool policy_value_parse(const char *text, policy_value *out) {
  for (unsigned i = 0; i < sizeof value_names / sizeof *value_names; i++) {
    if (strcmp(text, value_names[i]) != 0) continue;
    *out = (policy_value)i;
    return true;
  }
  if (strcmp(text, "control") != 0) return false;
  *out = POLICY_CONTROL;
  return true;
}

const char *policy_layer_name(policy_layer layer) {
  return (unsigned)layer < sizeof layer_names / sizeof *layer_names ? layer_names[layer]
                                                                    : layer_names[0];
}

/* What a value that must be there comes to. */
static policy_value or_disabled(policy_value value) {
  return value == POLICY_UNSET ? POLICY_DISABLED : value;
}

/* What a layer that need not say anything comes to. */
static policy_value or_control(policy_value value) {
  return value == POLICY_UNSET ? POLICY_CONTROL : value;
}

policy_decision policy_decide(const policy_facts *facts) {
  bool enterprise = facts->in_organization && facts->enterprise_decides;
  bool organization = facts->in_organization && !facts->enterprise_decides;
  /* The outermost first: only what says less takes the decision away. */
  const struct {
    policy_layer layer;
    policy_value value;
  } rows[] = {
      {POLICY_LAYER_ENTERPRISE, enterprise ? or_disabled(facts->enterprise) : POLICY_CONTROL},
      {POLICY_LAYER_ORGANIZATION, organization ? or_disabled(facts->organization) : POLICY_CONTROL},
      {POLICY_LAYER_ACCOUNT, or_control(facts->account)},
      {POLICY_LAYER_SESSION, or_control(facts->session)},
      {POLICY_LAYER_DEVICE, or_control(facts->device)}};
  policy_decision decision = {POLICY_CONTROL, POLICY_LAYER_NONE};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].value >= decision.value) continue;
    decision = (policy_decision){rows[i].value, rows[i].layer};
  }
  return decision;
}

/* What a value lets people do, as the end of a sentence. */
static const char *effect_of(policy_value value) {
  if (value == POLICY_VIEW) return "allows watching, not steering";
  return value == POLICY_CONTROL ? "allows watching and steering"
                                 : "has switched remote control off";
}

void policy_explain(const policy_facts *facts, const policy_decision *decision,
                    char out[POLICY_TEXT_BYTES]) {
  const char *enterprise = facts->enterprise_name != NULL ? facts->enterprise_name : "";
  const char *organization = facts->organization_name != NULL ? facts->organization_name : "";
  const char *effect = effect_of(decision->value);
  switch (decision->layer) {
    case POLICY_LAYER_ENTERPRISE:
      snprintf(out, POLICY_TEXT_BYTES,
               "the enterprise %s %s in all its organizations; its administrators can change that",
               enterprise, effect);
      return;
    case POLICY_LAYER_ORGANIZATION:
      if (facts->organization == POLICY_UNSET)
        snprintf(out, POLICY_TEXT_BYTES,
                 "the organization %s has not configured remote control, which counts as disabled; "
                 "its administrators can allow it",
                 organization);
      else
        snprintf(out, POLICY_TEXT_BYTES,
                 "the organization %s %s; its administrators can change that", organization,
                 effect);
      return;
    case POLICY_LAYER_ACCOUNT:
      snprintf(out, POLICY_TEXT_BYTES, "the relay's operator %s for this account", effect);
      return;
    case POLICY_LAYER_SESSION:
      snprintf(out, POLICY_TEXT_BYTES, "the session's own mode %s; its host can change that",
               effect);
      return;
    case POLICY_LAYER_DEVICE:
      snprintf(out, POLICY_TEXT_BYTES,
               "the rules of the managed machine that hosts the session: it %s", effect);
      return;
    case POLICY_LAYER_NONE:
      break;
  }
  snprintf(out, POLICY_TEXT_BYTES, "no layer limits watching and steering");
}

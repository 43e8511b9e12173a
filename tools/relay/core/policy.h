/* What policy comes to: a pure function of what the layers say (spec section 10). Enterprise,
 * organization and account are the relay's layers, session and device those of the host; each asks
 * with what it knows. */
#ifndef RELAY_POLICY_H
#define RELAY_POLICY_H

#include <stdbool.h>
#include <stddef.h>

/* As remote.v1.PolicyValue. */
typedef enum policy_value {
  POLICY_UNSET = 0, /* in an organization: disabled; in a layer that need not exist: no limit */
  POLICY_DISABLED = 1,
  POLICY_VIEW = 2,
  POLICY_CONTROL = 3
} policy_value;

/* As remote.v1.Layer. */
typedef enum policy_layer {
  POLICY_LAYER_NONE = 0,
  POLICY_LAYER_ENTERPRISE = 1,
  POLICY_LAYER_ORGANIZATION = 2,
  POLICY_LAYER_ACCOUNT = 3,
  POLICY_LAYER_SESSION = 4,
  POLICY_LAYER_DEVICE = 5
} policy_layer;

#define POLICY_TEXT_BYTES 256 /* an explanation with its end */

typedef struct policy_facts {
  bool in_organization;    /* an organization grants the account's seat */
  bool enterprise_decides; /* the enterprise enforces its value; counts in organizations only */
  policy_value enterprise, organization;
  policy_value account, session, device; /* POLICY_UNSET: says nothing */
  /* For the explanation; NULL: not named. */
  const char *enterprise_name, *organization_name;
} policy_facts;

typedef struct policy_decision {
  policy_value value; /* never POLICY_UNSET */
  policy_layer layer; /* that decided; POLICY_LAYER_NONE: nothing is limited */
} policy_decision;

/* The least of all layers. Of several that say the same the outermost is named: changing another
 * one would not help. */
policy_decision policy_decide(const policy_facts *facts);
/* Why, and who could change it, for people. */
void policy_explain(const policy_facts *facts, const policy_decision *decision,
                    char out[POLICY_TEXT_BYTES]);
/* "disabled", "view", "view_and_control"; POLICY_UNSET: "unconfigured". */
const char *policy_value_name(policy_value value);
/* The same words, and "control" for short. False: none of them. */
bool policy_value_parse(const char *text, policy_value *out);
const char *policy_layer_name(policy_layer layer);

#endif

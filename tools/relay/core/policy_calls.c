/* GetPolicy and SetPolicy: rules out one by one, and a rule in, from those who may set it (spec
 * 10.4). */
#include <string.h>

#include "core.h"

static void fill_enterprise(const relay *r, remote_v1_PolicyRule *rule) {
  const relay_enterprise *e = &r->enterprise;
  rule->layer = remote_v1_Layer_LAYER_ENTERPRISE;
  relay_text(rule->name, sizeof rule->name, e->name);
  rule->value = (remote_v1_PolicyValue)e->value;
  rule->mode = e->enforces ? remote_v1_EnterpriseMode_ENTERPRISE_MODE_ENFORCE
                           : remote_v1_EnterpriseMode_ENTERPRISE_MODE_DELEGATE;
  rule->changed_ms = e->changed_ms;
  relay_text(rule->changed_by, sizeof rule->changed_by, e->changed_by);
}

static void fill_organization(const relay_organization *o, remote_v1_PolicyRule *rule) {
  rule->layer = remote_v1_Layer_LAYER_ORGANIZATION;
  relay_text(rule->name, sizeof rule->name, o->name);
  rule->value = (remote_v1_PolicyValue)o->value;
  rule->changed_ms = o->changed_ms;
  relay_text(rule->changed_by, sizeof rule->changed_by, o->changed_by);
}

/* The layers that hold for the account, the outermost first; `seen` counts them. */
static bool next_own(const relay_connection *c, relay_call *call, remote_v1_PolicyRule *rule) {
  const relay *r = c->relay;
  const relay_account *account = c->account;
  for (; call->seen < 3;) {
    switch (call->seen++) {
      case 0:
        if (account->organization == NULL || !r->enterprise.exists) continue;
        fill_enterprise(r, rule);
        return true;
      case 1:
        if (account->organization == NULL) continue;
        fill_organization(account->organization, rule);
        return true;
      default:
        rule->layer = remote_v1_Layer_LAYER_ACCOUNT;
        relay_text(rule->name, sizeof rule->name, account->name);
        rule->value = (remote_v1_PolicyValue)(account->ceiling + 1);
        return true;
    }
  }
  return false;
}

/* The enterprise, then organizations in the order of their rows; `seen` is 1 behind the first, and
 * the row of the last one plus 1 from there on. */
static bool next_administered(const relay_connection *c, relay_call *call,
                              remote_v1_PolicyRule *rule) {
  relay *r = c->relay;
  if (call->seen == 0) {
    call->seen = 1;
    if (r->enterprise.exists && relay_administers(r, c->account, NULL)) {
      fill_enterprise(r, rule);
      return true;
    }
  }
  const relay_organization *found = NULL;
  for (const relay_organization *o = r->organizations; o != NULL; o = o->next) {
    if (o->row + 1 <= call->seen || (found != NULL && o->row > found->row)) continue;
    if (relay_administers(r, c->account, o)) found = o;
  }
  if (found == NULL) return false;
  call->seen = found->row + 1;
  fill_organization(found, rule);
  return true;
}

bool relay_next_rule(relay_connection *c, relay_call *call, remote_v1_PolicyRule *rule) {
  *rule = (remote_v1_PolicyRule)remote_v1_PolicyRule_init_zero;
  return call->kind == CALL_POLICY ? next_own(c, call, rule) : next_administered(c, call, rule);
}

/* ---- setting ---- */

static uint32_t refuse(remote_v1_Problem *problem, uint32_t code, remote_v1_Layer layer,
                       const char *reason) {
  *problem = relay_problem(code, reason);
  problem->layer = layer;
  return code;
}

static uint32_t set_enterprise(relay_connection *c, const remote_v1_PolicyRule *rule,
                               uint64_t now_ns, uint64_t wall_ms, remote_v1_Problem *problem) {
  relay *r = c->relay;
  if (!r->enterprise.exists || !relay_administers(r, c->account, NULL) ||
      (rule->name[0] != '\0' && strcmp(rule->name, r->enterprise.name) != 0))
    return refuse(problem, LRM_CODE_FORBIDDEN, rule->layer,
                  "only administrators of the enterprise set its policy");
  bool enforces = rule->mode == remote_v1_EnterpriseMode_ENTERPRISE_MODE_ENFORCE;
  if (!enforces && rule->mode != remote_v1_EnterpriseMode_ENTERPRISE_MODE_DELEGATE)
    return refuse(problem, LRM_CODE_PROTOCOL, rule->layer,
                  "an enterprise enforces its value, or its organizations decide");
  if (relay_enterprise_set(r, NULL, enforces, (relay_policy)rule->value, now_ns, wall_ms) != 0)
    return refuse(problem, LRM_CODE_PROTOCOL, rule->layer, "there is no value to enforce");
  return 0;
}

static uint32_t set_organization(relay_connection *c, const remote_v1_PolicyRule *rule,
                                 uint64_t now_ns, uint64_t wall_ms, remote_v1_Problem *problem) {
  relay *r = c->relay;
  const relay_organization *o = relay_organization_find(r, rule->name);
  /* One that does not exist is told like one of others. */
  if (o == NULL || !relay_administers(r, c->account, o))
    return refuse(problem, LRM_CODE_FORBIDDEN, rule->layer,
                  "only administrators of an organization set its policy");
  if (relay_organization_set(r, rule->name, (relay_policy)rule->value, now_ns, wall_ms) != 0)
    return refuse(problem, LRM_CODE_INTERNAL, rule->layer, "the relay failed; try again");
  return 0;
}

uint32_t relay_set_policy(relay_connection *c, const remote_v1_PolicyRule *rule, uint64_t now_ns,
                          uint64_t wall_ms, remote_v1_Problem *problem) {
  if ((unsigned)rule->value > POLICY_CONTROL)
    return refuse(problem, LRM_CODE_PROTOCOL, rule->layer, "this value is not known here");
  if (!relay_audit_has_reserve(c->relay))
    return refuse(problem, LRM_CODE_SLOW_DOWN, rule->layer,
                  "the relay's audit log is full; its operator must make room");
  switch (rule->layer) {
    case remote_v1_Layer_LAYER_ENTERPRISE:
      return set_enterprise(c, rule, now_ns, wall_ms, problem);
    case remote_v1_Layer_LAYER_ORGANIZATION:
      return set_organization(c, rule, now_ns, wall_ms, problem);
    case remote_v1_Layer_LAYER_ACCOUNT:
      return refuse(problem, LRM_CODE_FORBIDDEN, rule->layer,
                    "what an account may do is set by the relay's operator");
    case remote_v1_Layer_LAYER_SESSION:
    case remote_v1_Layer_LAYER_DEVICE:
      return refuse(problem, LRM_CODE_FORBIDDEN, rule->layer,
                    "this layer is set at the machine that hosts the session");
    default:
      return refuse(problem, LRM_CODE_PROTOCOL, remote_v1_Layer_LAYER_UNSPECIFIED,
                    "a rule needs its layer");
  }
}

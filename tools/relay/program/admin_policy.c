/* Requests of `remote-relay org`, `policy` and `account --delete`. */
#include <string.h>

#include "admin_internal.h"
#include "policy.h"
#include "remote/carrier_uv.h"

static const char *why_not(int result) {
  switch (result) {
    case LRM_ERR_USAGE:
      return "a name is 1 to 63 bytes without control characters";
    case LRM_ERR_NOT_FOUND:
      return "no such account or organization; `remote-relay account` and `remote-relay org` list "
             "them";
    case LRM_ERR_STATE:
      return "it has members, who would be without its policy; move them first: `remote-relay org "
             "NAME --remove ACCOUNT`";
    default:
      return lrm_error_text(result);
  }
}

static void conclude(answer *a, int result, const char *done) {
  if (result != 0)
    admin_say(a, "error\t%s\n", why_not(result));
  else
    admin_say(a, "ok\n%s\n", done);
}

static const char *value_name(relay_policy value) { return policy_value_name((policy_value)value); }

/* ---- accounts ---- */

static void do_account_delete(program_state *state, char *const *field, uint64_t now_ns,
                              answer *a) {
  int result = relay_account_delete(state->relay, field[1], now_ns, lrm_uv_wall_ms());
  conclude(a, result, "deleted, with its sessions, devices and tokens");
}

/* ---- organizations ---- */

static void list_organization(void *user, const relay_organization_facts *facts) {
  admin_say(user, "organization %s  policy %s  members %u  set by %s\n", facts->name,
            value_name(facts->value), facts->members, facts->changed_by);
}

static void list_administrator(void *user, const char *organization, const char *account) {
  admin_say(user, "administrator %s  of %s%s\n", account,
            organization != NULL ? "organization " : "the enterprise",
            organization != NULL ? organization : "");
}

static void list_member(void *user, const char *name, relay_ceiling ceiling, uint32_t devices,
                        uint32_t sessions) {
  const struct {
    program_state *state;
    answer *a;
  } *listing = user;
  relay_account_facts facts;
  (void)ceiling;
  (void)devices;
  (void)sessions;
  if (relay_account_policy(listing->state->relay, name, &facts) != 0) return;
  admin_say(listing->a, "account %s  of %s  may %s  decided by %s\n", name,
            facts.organization != NULL ? facts.organization : "no organization", facts.value,
            facts.layer);
}

static void do_list(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)field;
  (void)now_ns;
  relay_enterprise_facts enterprise;
  struct {
    program_state *state;
    answer *a;
  } listing = {state, a};
  admin_say(a, "ok\n");
  if (relay_enterprise_now(state->relay, &enterprise))
    admin_say(a, "enterprise %s  policy %s%s  set by %s\n", enterprise.name,
              enterprise.enforces ? "enforced: " : "organizations decide",
              enterprise.enforces ? value_name(enterprise.value) : "", enterprise.changed_by);
  relay_each_organization(state->relay, list_organization, a);
  relay_each_administrator(state->relay, list_administrator, a);
  relay_each_account(state->relay, list_member, &listing);
}

static void do_organization(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  relay *r = state->relay;
  const char *name = field[1], *action = field[2], *account = field[3];
  uint64_t wall_ms = lrm_uv_wall_ms();
  if (strcmp(action, "make") == 0)
    conclude(a, relay_organization_add(r, name, wall_ms), "the organization is there");
  else if (strcmp(action, "delete") == 0)
    conclude(a, relay_organization_delete(r, name, wall_ms), "deleted");
  else if (strcmp(action, "add") == 0)
    conclude(a, relay_account_join(r, account, name, now_ns, wall_ms), "its policy holds now");
  else if (strcmp(action, "remove") == 0) {
    relay_account_facts facts;
    int result = relay_account_policy(r, account, &facts);
    if (result == 0 && (facts.organization == NULL || strcmp(facts.organization, name) != 0))
      result = LRM_ERR_NOT_FOUND;
    if (result == 0) result = relay_account_join(r, account, NULL, now_ns, wall_ms);
    conclude(a, result, "removed; no policy of an organization holds any more");
  } else if (strcmp(action, "admin") == 0) {
    conclude(a, relay_administrator_set(r, account, name, true, wall_ms),
             "may set the organization's policy and read its audit records");
  } else if (strcmp(action, "no-admin") == 0) {
    conclude(a, relay_administrator_set(r, account, name, false, wall_ms), "no longer");
  } else {
    admin_say(a, "error\tthis relay does not know that; is it of another version?\n");
  }
}

/* ---- policy ---- */

static bool parse_value(const char *text, answer *a, relay_policy *out) {
  policy_value value;
  if (policy_value_parse(text, &value)) {
    *out = (relay_policy)value;
    return true;
  }
  admin_say(a, "error\ta value is disabled, view, view_and_control or unconfigured\n");
  return false;
}

static void do_policy_organization(program_state *state, char *const *field, uint64_t now_ns,
                                   answer *a) {
  relay_policy value;
  if (!parse_value(field[2], a, &value)) return;
  conclude(a, relay_organization_set(state->relay, field[1], value, now_ns, lrm_uv_wall_ms()),
           "it holds now");
}

static void do_policy_enterprise(program_state *state, char *const *field, uint64_t now_ns,
                                 answer *a) {
  relay_policy value = RELAY_POLICY_UNSET;
  bool enforces = strcmp(field[2], "-") != 0;
  if (enforces && !parse_value(field[2], a, &value)) return;
  if (enforces && value == RELAY_POLICY_UNSET) {
    admin_say(a, "error\tan enterprise enforces disabled, view or view_and_control\n");
    return;
  }
  conclude(a,
           relay_enterprise_set(state->relay, field[1], enforces, value, now_ns, lrm_uv_wall_ms()),
           enforces ? "it holds in all organizations now" : "organizations decide now");
}

static void do_policy_administrator(program_state *state, char *const *field, uint64_t now_ns,
                                    answer *a) {
  (void)now_ns;
  bool is = strcmp(field[2], "admin") == 0;
  conclude(a, relay_administrator_set(state->relay, field[1], NULL, is, lrm_uv_wall_ms()),
           is ? "may set the enterprise's policy and read the audit records of its organizations"
              : "no longer");
}

static void do_explain(program_state *state, char *const *field, uint64_t now_ns, answer *a) {
  (void)now_ns;
  relay_account_facts facts;
  int result = relay_account_policy(state->relay, field[1], &facts);
  if (result != 0) {
    admin_say(a, "error\t%s\n", why_not(result));
    return;
  }
  admin_say(a, "ok\naccount %s  of %s  may %s  decided by %s\n%s\n", field[1],
            facts.organization != NULL ? facts.organization : "no organization", facts.value,
            facts.layer, facts.explanation);
}

const admin_request admin_policy_requests[] = {
    {"account-delete", 2, true, do_account_delete},
    {"policy-list", 1, false, do_list},
    {"organization", 4, true, do_organization},
    {"policy-organization", 3, true, do_policy_organization},
    {"policy-enterprise", 3, true, do_policy_enterprise},
    {"policy-administrator", 3, true, do_policy_administrator},
    {"policy-explain", 2, false, do_explain},
    {NULL, 0, false, NULL}};

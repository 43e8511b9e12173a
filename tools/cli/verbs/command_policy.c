/* `remote policy`: what may be done, which layer decided, and setting a layer that one
 * administers. */
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "commands.h"
#include "json_event.h"
#include "managed.h"
#include "terminal_text.h"

static const char *value_name(remote_v1_PolicyValue value) {
  static const char *const names[] = {"unconfigured", "disabled", "view", "view_and_control"};
  return (unsigned)value < sizeof names / sizeof *names ? names[value] : "disabled";
}

static bool parse_value(const char *word, remote_v1_PolicyValue *out) {
  for (int i = 0; i < 4; i++) {
    if (strcmp(word, value_name((remote_v1_PolicyValue)i)) != 0) continue;
    *out = (remote_v1_PolicyValue)i;
    return true;
  }
  if (strcmp(word, "control") != 0) return false;
  *out = remote_v1_PolicyValue_POLICY_VALUE_VIEW_AND_CONTROL;
  return true;
}

static const char *layer_word(remote_v1_Layer layer) {
  static const char *const names[] = {"none",    "enterprise", "organization",
                                      "account", "session",    "device"};
  return (unsigned)layer < sizeof names / sizeof *names ? names[layer] : "none";
}

typedef struct listing {
  bool json, explain;
  size_t printed;
} listing;

/* ---- rules ---- */

static void print_rule(const remote_v1_PolicyRule *rule, bool json) {
  bool enterprise = rule->layer == remote_v1_Layer_LAYER_ENTERPRISE;
  bool enforces = rule->mode == remote_v1_EnterpriseMode_ENTERPRISE_MODE_ENFORCE;
  if (json) {
    json_t *line = json_pack("{s:s, s:s, s:s, s:I, s:s}", "layer", layer_word(rule->layer), "name",
                             rule->name, "value", value_name(rule->value), "changed_ms",
                             (json_int_t)rule->changed_ms, "changed_by", rule->changed_by);
    if (line != NULL && enterprise)
      json_object_set_new(line, "mode", json_string(enforces ? "enforce" : "delegate"));
    json_print_line(stdout, line);
    return;
  }
  printf("%-13s", layer_word(rule->layer));
  terminal_text_puts(stdout, rule->name, TERMINAL_TEXT_ONE_LINE);
  printf(": %s", enterprise && !enforces ? "organizations decide" : value_name(rule->value));
  if (rule->changed_by[0] != '\0') {
    fputs(", set by ", stdout);
    terminal_text_puts(stdout, rule->changed_by, TERMINAL_TEXT_ONE_LINE);
  }
  putchar('\n');
}

static void print_effective(const remote_v1_EffectivePolicy *effective, bool json) {
  if (json) {
    json_print_line(stdout, json_pack("{s:s, s:s, s:s}", "value", value_name(effective->value),
                                      "decided_by", layer_word(effective->decided_by),
                                      "explanation", effective->explanation));
    return;
  }
  printf("in all       %s: ", value_name(effective->value));
  terminal_text_puts(stdout, effective->explanation, TERMINAL_TEXT_ONE_LINE);
  putchar('\n');
}

static void take_policy(void *user, const remote_v1_Reply *reply) {
  listing *l = user;
  if (reply == NULL || reply->which_result != remote_v1_Reply_policy_tag) return;
  const remote_v1_PolicyReply *policy = &reply->result.policy;
  if (policy->has_rule && !l->explain) print_rule(&policy->rule, l->json);
  if (policy->has_effective) print_effective(&policy->effective, l->json);
  l->printed++;
}

/* What this machine's own rules say of sessions hosted here. */
static void print_device(bool json) {
  static const char *const values[] = {"view_and_control", "view", "disabled"};
  managed_rules rules;
  managed_load(&rules);
  if (!rules.there) return;
  const char *value = rules.broken ? "disabled" : values[rules.hosting];
  if (json) {
    json_t *accounts = json_array();
    for (size_t i = 0; i < rules.accounts_count; i++)
      json_array_append_new(accounts, json_string(rules.accounts[i]));
    json_print_line(stdout, json_pack("{s:s, s:s, s:s, s:o}", "layer", "device", "name", rules.path,
                                      "value", value, "accounts", accounts));
    return;
  }
  printf("%-13s%s: %s for sessions hosted here", "device", rules.path, value);
  for (size_t i = 0; i < rules.accounts_count; i++) {
    fputs(i == 0 ? ", of the accounts " : ", ", stdout);
    terminal_text_puts(stdout, rules.accounts[i], TERMINAL_TEXT_ONE_LINE);
  }
  if (rules.broken) printf(" (%s)", rules.error);
  putchar('\n');
}

static exit_code get(connection *c, bool administered, bool explain, bool json) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  listing l = {.json = json, .explain = explain};
  request.which_call = remote_v1_Request_get_policy_tag;
  request.call.get_policy.administered = administered;
  exit_code result = connection_call(c, &request, take_policy, &l);
  if (result != EXIT_CODE_DONE) return result;
  if (administered && l.printed == 0 && !json)
    puts("this account administers nothing");
  else if (!administered && !explain)
    print_device(json);
  return EXIT_CODE_DONE;
}

/* ---- setting ---- */

/* The words behind `set`. False: they make no sense. */
static bool parse_rule(const option_words *words, remote_v1_PolicyRule *rule) {
  const char *const *word = words->words + 1;
  size_t count = words->count - 1;
  if (count == 3 && strcmp(word[0], "organization") == 0) {
    rule->layer = remote_v1_Layer_LAYER_ORGANIZATION;
    if (strlen(word[1]) >= sizeof rule->name) return false;
    snprintf(rule->name, sizeof rule->name, "%s", word[1]);
    return parse_value(word[2], &rule->value);
  }
  if (count != 2 || strcmp(word[0], "enterprise") != 0) return false;
  rule->layer = remote_v1_Layer_LAYER_ENTERPRISE;
  rule->mode = remote_v1_EnterpriseMode_ENTERPRISE_MODE_DELEGATE;
  if (strcmp(word[1], "delegate") == 0) return true;
  rule->mode = remote_v1_EnterpriseMode_ENTERPRISE_MODE_ENFORCE;
  return parse_value(word[1], &rule->value) && rule->value != 0;
}

static exit_code set(connection *c, const remote_v1_PolicyRule *rule, bool json) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_set_policy_tag;
  request.call.set_policy.has_rule = true;
  request.call.set_policy.rule = *rule;
  exit_code result = connection_call(c, &request, NULL, NULL);
  if (result != EXIT_CODE_DONE) return result;
  if (json)
    json_print_line(stdout, json_pack("{s:s, s:s, s:b}", "layer", layer_word(rule->layer), "value",
                                      value_name(rule->value), "set", 1));
  else
    puts("set; it holds on live connections now");
  return EXIT_CODE_DONE;
}

int command_policy(int argc, char **argv) {
  connection_flags flags = {0};
  bool json = false, administered = false;
  const option options[] = {
      {"administered", OPTION_FLAG, &administered, NULL,
       "the rules that this account may set, instead of those that hold for it", NULL},
      {"json", OPTION_FLAG, &json, NULL, "one JSON object a line", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {
      "remote policy [get|explain|set LAYER…]",
      "Shows what may be done with this account's sessions and which layer decided, or sets a\n"
      "layer that this account administers: set organization NAME VALUE, set enterprise VALUE,\n"
      "set enterprise delegate. VALUE is disabled, view, view_and_control or unconfigured.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  connection c;
  remote_v1_PolicyRule rule = remote_v1_PolicyRule_init_zero;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  const char *verb = words.count > 0 ? words.words[0] : "get";
  bool setting = strcmp(verb, "set") == 0, explaining = strcmp(verb, "explain") == 0;
  if (!setting && (words.count > 1 || (!explaining && strcmp(verb, "get") != 0)))
    return options_wrong(&usage, "expected get, explain or set");
  if (setting && !parse_rule(&words, &rule))
    return options_wrong(&usage,
                         "expected `set organization NAME VALUE`, `set enterprise VALUE` "
                         "or `set enterprise delegate`; VALUE is disabled, view, "
                         "view_and_control or unconfigured");
  if (administered && (setting || explaining))
    return options_wrong(&usage, "--administered is for `remote policy get`");
  exit_code result = connection_open(&c, &flags);
  if (result) return result;
  result = setting ? set(&c, &rule, json) : get(&c, administered, explaining, json);
  connection_close(&c);
  return result;
}

/* The agent and the people at the host: what they do (acts), and what the agent is told. */
#include <string.h>

#include "parts_host.h"
#include "parts_json.h"
#include "remote/v1/event.pb-c.h"

static uint64_t wall(const host_testee *h) { return parts_wall_ms(h->p); }

/* ---- the agent as configured ---- */

static json_t *find(json_t *list, const char *member, const char *value) {
  for (size_t i = 0; i < json_array_size(list); i++) {
    json_t *entry = json_array_get(list, i);
    if (strcmp(parts_text(entry, member, ""), value) == 0) return entry;
  }
  return NULL;
}

bool host_elevates_mode(void *user, const char *mode_id) {
  host_testee *h = user;
  return parts_flag(find(json_object_get(h->p->config, "modes"), "id", mode_id), "elevates", false);
}

bool host_slash_known(void *user, const char *name) {
  host_testee *h = user;
  return find(json_object_get(h->p->config, "slash"), "name", name) != NULL;
}

bool host_slash_allowed(void *user, const char *name) {
  host_testee *h = user;
  return parts_flag(find(json_object_get(h->p->config, "slash"), "name", name), "remote", false);
}

/* A message made of what an act holds. Never NULL; free it. */
static ProtobufCMessage *made(const ProtobufCMessageDescriptor *type, json_t *json) {
  char error[200] = "";
  ProtobufCMessage *message = json_to_message(type, json, error, sizeof error);
  if (message == NULL) parts_die("the case's %s cannot be made: %s", type->short_name, error);
  return message;
}

static int emit_json(host_testee *h, json_t *json, bool delta) {
  ProtobufCMessage *message = made(&remote__v1__event__descriptor, json);
  const Remote__V1__Event *event = (const Remote__V1__Event *)message;
  int result = delta ? lrm_host_delta(h->host, event, wall(h), h->p->now_ns)
                     : lrm_host_emit(h->host, event, wall(h), h->p->now_ns);
  protobuf_c_message_free_unpacked(message, NULL);
  return result;
}

void host_announce(host_testee *h) {
  json_t *modes = json_object_get(h->p->config, "modes");
  json_t *slash = json_object_get(h->p->config, "slash");
  json_t *list = json_array();
  for (size_t i = 0; i < json_array_size(modes); i++) {
    json_t *mode = json_array_get(modes, i);
    json_array_append_new(list, json_pack("{ssssso}", "mode_id", parts_text(mode, "id", ""), "name",
                                          parts_text(mode, "id", ""), "elevating",
                                          json_boolean(parts_flag(mode, "elevates", false))));
  }
  if (json_array_size(list) > 0) {
    const char *first = parts_text(json_array_get(modes, 0), "id", "");
    json_t *event =
        json_pack("{s{sOss}}", "modes_changed", "modes", list, "current_mode_id", first);
    PARTS_MUST(emit_json(h, event, false));
    json_decref(event);
  }
  json_array_clear(list);
  for (size_t i = 0; i < json_array_size(slash); i++) {
    json_t *command = json_array_get(slash, i);
    json_array_append_new(
        list, json_pack("{ssso}", "name", parts_text(command, "name", ""), "remote_allowed",
                        json_boolean(parts_flag(command, "remote", false))));
  }
  if (json_array_size(list) > 0) {
    json_t *event = json_pack("{s{sO}}", "slash_commands_changed", "commands", list);
    PARTS_MUST(emit_json(h, event, false));
    json_decref(event);
  }
  json_decref(list);
}

/* ---- what the agent is told ---- */

static void put_text(json_t *object, const char *name, const char *text) {
  if (text != NULL && text[0] != '\0') json_object_set_new(object, name, json_string(text));
}

static void put_id(json_t *object, const char *name, const lrm_id *id) {
  if (!lrm_id_none(id)) json_object_set_new(object, name, parts_id_json(id));
}

/* NULL: an action that is not told as one. */
static const char *kind_of(lrm_host_action_type type) {
  static const char *const names[] = {
      [LRM_ACTION_PROMPT] = "PROMPT",     [LRM_ACTION_STEER] = "STEER",
      [LRM_ACTION_ANSWER] = "ANSWER",     [LRM_ACTION_CANCEL] = "CANCEL",
      [LRM_ACTION_SET_MODE] = "SET_MODE", [LRM_ACTION_SET_OPTION] = "SET_OPTION",
      [LRM_ACTION_SLASH] = "SLASH",       [LRM_ACTION_END_REMOTE] = "END_REMOTE",
      [LRM_ACTION_SET_TITLE] = NULL,      [LRM_ACTION_RESTART_LINK] = NULL};
  return (size_t)type < sizeof names / sizeof *names ? names[type] : NULL;
}

static json_t *action_json(const lrm_host_action *action) {
  json_t *told = json_object();
  json_object_set_new(told, "kind", json_string(kind_of(action->type)));
  put_id(told, "command", &action->command_id);
  put_id(told, "ask", &action->ask_id);
  switch (action->type) {
    case LRM_ACTION_ANSWER:
      if (action->resolution == NULL || action->resolution->answer == NULL) break;
      put_text(told, "option", action->resolution->answer->option_id);
      put_text(told, "text", action->resolution->answer->text);
      break;
    case LRM_ACTION_SET_OPTION:
      put_text(told, "option", action->text);
      put_text(told, "text", action->value);
      break;
    case LRM_ACTION_SLASH: {
      char text[20000];
      const char *arguments = action->value != NULL ? action->value : "";
      snprintf(text, sizeof text, "%s%s%s", action->text, arguments[0] != '\0' ? " " : "",
               arguments);
      put_text(told, "text", text);
      break;
    }
    default:
      put_text(told, "text", action->text);
      break;
  }
  return told;
}

/* True for what the agent must take or refuse: remote ones, but answers and the end of remote
 * control, which have their outcome already. */
static bool wants_word(const lrm_host_action *action) {
  return !lrm_id_none(&action->command_id) && action->type != LRM_ACTION_ANSWER &&
         action->type != LRM_ACTION_END_REMOTE && action->type != LRM_ACTION_SET_TITLE;
}

static void take(host_testee *h, const lrm_host_action *action) {
  if (kind_of(action->type) != NULL) parts_tell(h->p, "action", action_json(action));
  if (action->type == LRM_ACTION_RESTART_LINK) {
    uint32_t code = action->code != 0 ? action->code : (uint32_t)LRM_CODE_FENCED;
    parts_tell(h->p, "stopped", json_pack("{sI}", "code", (json_int_t)code));
    /* After 3007 the host tries again by itself when the policy may have changed. */
    if (code != LRM_CODE_POLICY) host_link_close(h);
  } else if (action->type == LRM_ACTION_END_REMOTE) {
    host_link_close(h);
  } else if (wants_word(action) && h->auto_finish) {
    lrm_id id = action->command_id;
    int result = lrm_host_finish(h->host, &id, 0, "", wall(h), h->p->now_ns);
    if (result != LRM_ERR_NOT_FOUND) PARTS_MUST(result);
  }
}

bool host_take_actions(host_testee *h) {
  lrm_host_action action;
  bool any = false;
  while (lrm_host_next_action(h->host, &action)) {
    any = true;
    take(h, &action);
  }
  return any;
}

/* ---- acts ---- */

static void act_ask(host_testee *h, json_t *value) {
  ProtobufCMessage *message = made(&remote__v1__ask__descriptor, json_object_get(value, "ask"));
  lrm_id id;
  PARTS_MUST(lrm_host_ask(h->host, (const Remote__V1__Ask *)message, &id, wall(h), h->p->now_ns));
  protobuf_c_message_free_unpacked(message, NULL);
  parts_tell(h->p, "asked", json_pack("{so}", "ask", parts_id_json(&id)));
}

static void act_end_ask(host_testee *h, json_t *value) {
  lrm_id id = parts_id(value, "ask");
  json_t *text = json_object_get(value, "outcome");
  int outcome = text == NULL ? REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN
                             : json_enum(&remote__v1__ask_outcome__descriptor, text);
  if (outcome < 0) parts_die("no such outcome of an ask");
  int result = lrm_host_end_ask(h->host, &id, (Remote__V1__AskOutcome)outcome,
                                parts_text(value, "reason", ""), wall(h), h->p->now_ns);
  if (result != LRM_ERR_NOT_FOUND) PARTS_MUST(result); /* resolved already: it stays so */
}

static void act_answer(host_testee *h, json_t *value) {
  lrm_id id = parts_id(value, "ask");
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  char option[256], text[4096];
  snprintf(option, sizeof option, "%s", parts_text(value, "option", ""));
  snprintf(text, sizeof text, "%s", parts_text(value, "text", ""));
  answer.option_id = option;
  answer.text = text;
  answer.declined = parts_flag(value, "declined", false);
  int result = lrm_host_answer_local(h->host, &id, &answer, wall(h), h->p->now_ns);
  if (result != LRM_ERR_NOT_FOUND) PARTS_MUST(result); /* somebody was first */
}

static void act_turn_ended(host_testee *h, json_t *value) {
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  char reason[256];
  snprintf(reason, sizeof reason, "%s", parts_text(value, "stop_reason", "end_turn"));
  ended.stop_reason = reason;
  PARTS_MUST(lrm_host_turn_ended(h->host, &ended, wall(h), h->p->now_ns));
}

static void act_finish(host_testee *h, json_t *value) {
  lrm_id id = parts_id(value, "command");
  int result = lrm_host_finish(h->host, &id, (uint32_t)parts_number(value, "code", 0),
                               parts_text(value, "reason", ""), wall(h), h->p->now_ns);
  if (result != LRM_ERR_NOT_FOUND) PARTS_MUST(result); /* its epoch ended meanwhile */
}

static void act_remote(host_testee *h, json_t *value) {
  int mode = json_enum(&remote__v1__remote_mode__descriptor, json_object_get(value, "mode"));
  if (mode < 0) parts_die("no such remote mode");
  bool off = mode == REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
  if (!off) host_link_open(h);
  PARTS_MUST(lrm_host_set_remote_mode(h->host, (uint32_t)mode, "", wall(h), h->p->now_ns));
  if (off) host_link_close(h);
}

static parts_acted act_emit(host_testee *h, json_t *value) {
  int result = emit_json(h, json_object_get(value, "event"), false);
  if (result == LRM_ERR_TOO_LARGE) {
    parts_refuse(h->p, "a host of this library cuts large values before it emits them");
    return PARTS_UNSUPPORTED;
  }
  PARTS_MUST(result);
  return PARTS_DONE;
}

static void act_delta(host_testee *h, json_t *value) {
  PARTS_MUST(emit_json(h, json_object_get(value, "event"), true));
}

static void act_complete_stream(host_testee *h, json_t *value) {
  PARTS_MUST(lrm_host_complete_stream(h->host, parts_text(value, "message_id", ""), wall(h),
                                      h->p->now_ns));
}

static void act_prompt(host_testee *h, json_t *value) {
  PARTS_MUST(lrm_host_submit_local(h->host, parts_text(value, "text", ""),
                                   parts_flag(value, "steer", false), wall(h), h->p->now_ns));
}

static void act_cancel(host_testee *h, json_t *value) {
  (void)value;
  PARTS_MUST(lrm_host_cancel_local(h->host, wall(h), h->p->now_ns));
}

static void act_withdraw(host_testee *h, json_t *value) {
  int result =
      lrm_host_withdraw_local(h->host, parts_text(value, "prompt", ""), wall(h), h->p->now_ns);
  if (result != LRM_ERR_NOT_FOUND) PARTS_MUST(result); /* the agent has it already */
}

static void act_auto_finish(host_testee *h, json_t *value) {
  h->auto_finish = parts_flag(value, "on", true);
}

static void act_ready(host_testee *h, json_t *value) {
  PARTS_MUST(
      lrm_host_set_agent_ready(h->host, parts_flag(value, "on", true), wall(h), h->p->now_ns));
}

static void act_mode(host_testee *h, json_t *value) {
  PARTS_MUST(
      lrm_host_set_mode_local(h->host, parts_text(value, "value", ""), wall(h), h->p->now_ns));
}

static void act_hold_commits(host_testee *h, json_t *value) {
  h->held = parts_flag(value, "on", true);
}

static void act_restart_history(host_testee *h, json_t *value) {
  PARTS_MUST(lrm_host_restart_history(h->host, parts_text(value, "why", "another history"), wall(h),
                                      h->p->now_ns));
}

parts_acted host_act(void *self, const char *name, json_t *value) {
  static const struct {
    const char *name;
    void (*act)(host_testee *h, json_t *value);
  } acts[] = {{"delta", act_delta},
              {"complete_stream", act_complete_stream},
              {"ask", act_ask},
              {"end_ask", act_end_ask},
              {"turn_ended", act_turn_ended},
              {"prompt", act_prompt},
              {"answer", act_answer},
              {"cancel", act_cancel},
              {"withdraw", act_withdraw},
              {"finish", act_finish},
              {"auto_finish", act_auto_finish},
              {"ready", act_ready},
              {"mode", act_mode},
              {"remote", act_remote},
              {"hold_commits", act_hold_commits},
              {"restart_history", act_restart_history}};
  host_testee *h = self;
  if (strcmp(name, "emit") == 0) return act_emit(h, value);
  for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
    if (strcmp(acts[i].name, name) != 0) continue;
    acts[i].act(h, value);
    return PARTS_DONE;
  }
  parts_refuse(h->p, "a host has no act %s", name);
  return PARTS_UNSUPPORTED;
}

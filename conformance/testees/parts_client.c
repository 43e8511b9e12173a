/* Role CLIENT: lrm_client on a link, driven as tools/cli drives it. */
#include <string.h>

#include <pb_encode.h>

#include "parts.h"
#include "parts_json.h"
#include "remote/client.h"
#include "remote/v1/command.pb-c.h"
#include "remote/v1/link.pb-c.h"

typedef struct client_testee {
  parts *p;
  lrm_link *link;
  lrm_client *client;
  wire *wire;
  bool visible;
  bool synced; /* what the configuration has submitted can go now */
} client_testee;

/* ---- telling ---- */

static void tell_status(client_testee *c, const remote_v1_LogStatus *status) {
  uint8_t data[LRM_CONTROL_BYTES_MAX + 256];
  pb_ostream_t stream = pb_ostream_from_buffer(data, sizeof data);
  if (!pb_encode(&stream, remote_v1_LogStatus_fields, status)) parts_die("a LogStatus");
  Remote__V1__LogStatus *message = remote__v1__log_status__unpack(NULL, stream.bytes_written, data);
  if (message == NULL) parts_die("a LogStatus");
  parts_tell(c->p, "status", json_of_message(&message->base));
  remote__v1__log_status__free_unpacked(message, NULL);
}

static void tell_command(client_testee *c, const lrm_id *id) {
  static const char *const states[] = {[LRM_COMMAND_COMPOSED] = "COMPOSED",
                                       [LRM_COMMAND_SENT] = "SENT",
                                       [LRM_COMMAND_STORED] = "STORED",
                                       [LRM_COMMAND_DELIVERED] = "DELIVERED",
                                       [LRM_COMMAND_DONE] = "DONE"};
  static const char *const outcomes[] = {"",        "APPLIED",   "REJECTED", "SUPERSEDED",
                                         "EXPIRED", "WITHDRAWN", "UNKNOWN"};
  lrm_command command;
  if (lrm_client_command(c->client, id, &command) != 0 || command.state == LRM_COMMAND_COMPOSED)
    return;
  json_t *told = json_pack("{soss}", "command", parts_id_json(id), "state", states[command.state]);
  if (command.outcome != 0 && command.outcome < sizeof outcomes / sizeof *outcomes)
    json_object_set_new(told, "outcome", json_string(outcomes[command.outcome]));
  if (command.code != 0) json_object_set_new(told, "code", json_integer(command.code));
  parts_tell(c->p, "command", told);
}

static json_t *offset_json(uint64_t offset) {
  return json_pack("{sI}", "offset", (json_int_t)offset);
}

static void tell_event(client_testee *c, const lrm_client_event *event) {
  json_t *told;
  switch (event->type) {
    case LRM_CLIENT_EVENT:
      told = offset_json(event->offset);
      json_object_set_new(told, "event", json_of_message(&event->event->base));
      parts_tell(c->p, "event", told);
      break;
    case LRM_CLIENT_TAIL:
      parts_tell(c->p, "tail", json_of_message(&event->event->base));
      break;
    case LRM_CLIENT_SNAPSHOT:
      told = offset_json(event->offset);
      json_object_set_new(told, "reset", json_boolean(event->reset));
      parts_tell(c->p, "snapshot", told);
      break;
    case LRM_CLIENT_SYNCED:
      c->synced = true;
      parts_tell(c->p, "synced", offset_json(event->offset));
      break;
    case LRM_CLIENT_STATUS:
      tell_status(c, event->status);
      break;
    case LRM_CLIENT_COMMAND:
      tell_command(c, &event->command_id);
      break;
    case LRM_CLIENT_CLOSED:
      parts_tell(c->p, "closed",
                 json_pack("{sI}", "code",
                           (json_int_t)(event->problem != NULL ? event->problem->code : 0)));
      break;
    case LRM_CLIENT_DONE:
      parts_tell(c->p, "done", json_object());
      break;
    case LRM_CLIENT_INFO:         /* for lists and notifications, of which there are none here */
    case LRM_CLIENT_UNREADABLE:   /* seen in what it asks for */
    case LRM_CLIENT_TAIL_CLEARED: /* the library's view has done it */
      break;
  }
}

static bool drain(client_testee *c) {
  lrm_client_event event;
  bool any = false;
  while (lrm_client_next_event(c->client, &event)) {
    any = true;
    tell_event(c, &event);
  }
  return any;
}

/* ---- link ---- */

static void on_event(void *user, const lrm_link_event *event) {
  client_testee *c = user;
  bool over = event->type == LRM_LINK_EVENT_REFUSED || event->type == LRM_LINK_EVENT_GOAWAY ||
              event->type == LRM_LINK_EVENT_GOAWAY_SENT;
  (void)lrm_client_link_event(c->client, event, c->p->now_ns);
  if (event->type == LRM_LINK_EVENT_WELCOME && c->visible)
    lrm_link_watch(c->link, true, c->p->now_ns);
  drain(c);
  if (over && event->problem != NULL && !lrm_code_reconnects(event->problem->code))
    parts_tell(c->p, "closed", json_pack("{sI}", "code", (json_int_t)event->problem->code));
}

static int on_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  client_testee *c = user;
  return lrm_client_fetch(c->client, want, frame);
}

static void on_down(void *user) {
  client_testee *c = user;
  lrm_client_link_down(c->client);
  drain(c);
}

static const wire_ops ops = {on_event, on_fetch, NULL, on_down};

/* ---- life ---- */

static void *begin(parts *p) {
  client_testee *c = calloc(1, sizeof *c);
  if (c == NULL) parts_die("no memory");
  c->p = p;
  lrm_link_config link = {
      .struct_bytes = sizeof link,
      .side = LRM_SIDE_CONNECTING,
      .allocator = lrm_allocator_default(),
      .seed = parts_random(p),
      .grease = true,
      .credit_window_bytes = (uint32_t)parts_number(p->config, "window_bytes", 0),
      .role = remote_v1_Role_ROLE_CLIENT,
      .token = parts_text(p->config, "token", ""),
      .agent = "testee-parts"};
  parts_random_id(p, link.link_id.bytes);
  PARTS_MUST(lrm_link_create(&link, &c->link));
  lrm_client_config config = {.struct_bytes = sizeof config,
                              .allocator = lrm_allocator_default(),
                              .link = c->link,
                              .link_id = link.link_id,
                              .session_id = parts_id(p->config, "session_id"),
                              .seed = {parts_random(p), parts_random(p)},
                              .until = parts_number(p->config, "until", 0),
                              .publish = parts_flag(p->config, "publish", true)};
  json_t *start = json_object_get(p->config, "start"), *from = json_object_get(p->config, "from");
  if (start != NULL) {
    int value = json_enum(&remote__v1__start__descriptor, start);
    if (value < 0) parts_die("no such start");
    config.start = (uint32_t)value;
  }
  if (from != NULL)
    config.from = (lrm_position){parts_id(from, "epoch"), parts_number(from, "offset", 0)};
  PARTS_MUST(lrm_client_create(&config, &c->client));
  c->wire = wire_make(p, c->link, true, &ops, c);
  return c;
}

static void die(void *self) {
  client_testee *c = self;
  wire_destroy(c->wire);
  lrm_client_destroy(c->client);
  lrm_link_destroy(c->link);
  free(c);
}

/* ---- commands ---- */

static void act_submit(client_testee *c, json_t *value) {
  char error[200] = "";
  ProtobufCMessage *message = json_to_message(
      &remote__v1__command__descriptor, json_object_get(value, "command"), error, sizeof error);
  if (message == NULL) parts_die("the case's command cannot be made: %s", error);
  lrm_id id;
  int result = lrm_client_submit(c->client, (const Remote__V1__Command *)message,
                                 parts_number(value, "ttl_ms", 0), &id, c->p->now_ns);
  protobuf_c_message_free_unpacked(message, NULL);
  json_t *told = json_object();
  if (result == 0)
    json_object_set_new(told, "command", parts_id_json(&id));
  else
    json_object_set_new(told, "refused", json_string(lrm_error_text(result)));
  parts_tell(c->p, "submitted", told);
}

/* What the configuration has: as soon as it can be submitted. */
static bool submit_waiting(client_testee *c) {
  json_t *list = json_object_get(c->p->config, "submit");
  if (!c->synced || json_array_size(list) == 0) return false;
  for (size_t i = 0; i < json_array_size(list); i++) act_submit(c, json_array_get(list, i));
  json_array_clear(list);
  return true;
}

/* ---- a turn ---- */

static bool turn(void *self) {
  client_testee *c = self;
  bool any = wire_turn(c->wire);
  any = drain(c) || any;
  return submit_waiting(c) || any;
}

static uint64_t deadline(void *self) {
  client_testee *c = self;
  uint64_t due_ns = lrm_client_deadline(c->client);
  return wire_deadline(c->wire) < due_ns ? wire_deadline(c->wire) : due_ns;
}

static void expire(void *self) {
  client_testee *c = self;
  wire_expire(c->wire);
  if (lrm_client_deadline(c->client) <= c->p->now_ns) lrm_client_expire(c->client, c->p->now_ns);
}

/* ---- acts ---- */

static parts_acted act(void *self, const char *name, json_t *value) {
  client_testee *c = self;
  if (strcmp(name, "submit") == 0) {
    act_submit(c, value);
  } else if (strcmp(name, "visible") == 0) {
    c->visible = parts_flag(value, "on", true);
    lrm_link_watch(c->link, c->visible, c->p->now_ns);
  } else if (strcmp(name, "act_now") == 0) {
    lrm_link_probe(c->link, c->p->now_ns);
  } else if (strcmp(name, "detach") == 0) {
    lrm_client_detach(c->client);
  } else {
    parts_refuse(c->p, "a client has no act %s", name);
    return PARTS_UNSUPPORTED;
  }
  return PARTS_DONE;
}

const parts_role parts_client = {.number = 6,
                                 .connects = true,
                                 .begin = begin,
                                 .die = die,
                                 .turn = turn,
                                 .deadline = deadline,
                                 .expire = expire,
                                 .act = act};

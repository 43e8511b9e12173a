/* What the owner of a link does when a case says so: README.md, "Roles". */
#include <stdlib.h>
#include <string.h>

#include "link_testee.h"
#include "remote/v1/relay.pb-c.h"

/* ---- members of an act ---- */

static uint64_t number_of(const json_t *members, const char *key, uint64_t fallback) {
  const json_t *value = json_object_get(members, key);
  return json_is_integer(value) ? (uint64_t)json_integer_value(value) : fallback;
}

typedef struct named {
  const char *name;
  uint32_t number;
} named;

/* A number, or a name of the table. */
static uint32_t value_of(const json_t *members, const char *key, const named *table,
                         uint32_t fallback) {
  const json_t *value = json_object_get(members, key);
  if (json_is_integer(value)) return (uint32_t)json_integer_value(value);
  if (!json_is_string(value)) return fallback;
  for (; table->name != NULL; table++)
    if (strcmp(table->name, json_string_value(value)) == 0) return table->number;
  say_broken("%s: unknown value %s", key, json_string_value(value));
  return fallback;
}

static const named directions[] = {{"PUBLISH", 1}, {"SUBSCRIBE", 2}, {NULL, 0}};
static const named logs[] = {{"EVENTS", 1}, {"COMMANDS", 2}, {NULL, 0}};
static const named starts[] = {
    {"RESUME", 1}, {"SNAPSHOT", 2}, {"BEGINNING", 3}, {"LIVE", 4}, {NULL, 0}};
static const named outcomes[] = {
    {"CONTINUED", 1}, {"SNAPSHOT", 2}, {"RESET", 3}, {"EMPTY", 4}, {NULL, 0}};
static const named roles[] = {{"HOST", 1}, {"CLIENT", 2}, {NULL, 0}};
static const named flag_bits[] = {
    {"COMPRESSED", 1}, {"SEALED", 2}, {"SNAPSHOT", 4}, {"CLEARS_TAIL", 8}, {NULL, 0}};

static uint32_t flags_of(const json_t *members) {
  const json_t *value = json_object_get(members, "flags");
  uint32_t flags = (uint32_t)number_of(members, "flags", 0);
  size_t i;
  json_t *name;
  json_array_foreach(value, i, name) {
    json_t *one = json_pack("{s:O}", "flag", name);
    flags |= value_of(one, "flag", flag_bits, 0);
    json_decref(one);
  }
  return flags;
}

/* 16 bytes in hex; 16 times `fallback` when there is none, nothing when it is empty. */
static size_t id_of(const json_t *members, const char *key, uint8_t fallback, uint8_t out[16]) {
  const char *hex = json_string_value(json_object_get(members, key));
  lrm_id id;
  memset(out, fallback, 16);
  if (hex == NULL) return 16;
  if (hex[0] == '\0') return 0;
  if (lrm_id_parse(hex, strlen(hex), &id) != 0)
    say_broken("%s is no id", key);
  else
    memcpy(out, id.bytes, 16);
  return 16;
}

static uint32_t channel_of(const json_t *members) {
  return (uint32_t)number_of(members, "channel", 0);
}

static remote_v1_Problem problem_of(const json_t *members) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = (uint32_t)number_of(members, "code", 0);
  problem.retry_after_ms = number_of(members, "retry_after_ms", 0);
  problem.stored_generation = number_of(members, "stored_generation", 0);
  return problem;
}

/* ---- configuration ---- */

static void *heap_alloc(void *user, size_t bytes) {
  (void)user;
  return malloc(bytes);
}

static void heap_free(void *user, void *memory) {
  (void)user;
  free(memory);
}

static char token[256];
static lrm_link_config config;

void owner_config(json_t *json) {
  const char *said = json_string_value(json_object_get(json, "token"));
  size_t length = said != NULL ? strlen(said) : 0;
  memset(&config, 0, sizeof config);
  memset(token, 0, sizeof token);
  if (length >= sizeof token) {
    say_broken("the token is too long");
    return;
  }
  if (length > 0) memcpy(token, said, length);
  config.struct_bytes = sizeof config;
  config.side = the_owner.side;
  config.allocator = (lrm_allocator){heap_alloc, heap_free, NULL};
  config.seed = number_of(json, "seed", 1);
  config.agent = "conformance";
  config.token = token;
  config.role = value_of(json, "role", roles, remote_v1_Role_ROLE_CLIENT);
  config.generation = number_of(json, "generation", 0);
  config.channels_max = (uint32_t)number_of(json, "channels_max", 0);
  config.credit_window_bytes = (uint32_t)number_of(json, "credit_window_bytes", 0);
  config.grease = json_is_true(json_object_get(json, "grease"));
  (void)id_of(json, "link_id", 0x22, config.link_id.bytes);
}

bool owner_make_link(void) {
  lrm_link_destroy(the_owner.link);
  the_owner.link = NULL;
  int error = lrm_link_create(&config, &the_owner.link);
  if (error != 0) say_broken("the link cannot be made (%d)", error);
  return error == 0;
}

/* ---- acts ---- */

typedef int (*action)(owner *o, const json_t *members);

static int do_accept(owner *o, const json_t *m) {
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  bool without = json_is_false(json_object_get(m, "principal"));
  memcpy(principal.account, "home", 5);
  principal.device_id.size = 16;
  memset(principal.device_id.bytes, 0x55, 16);
  int result = lrm_link_accept(o->link, without ? NULL : &principal, 1, "conformance", o->now_ns);
  return result == LRM_ERR_PROTOCOL ? 0 : result; /* no common version: seen in the frames */
}

static int do_refuse(owner *o, const json_t *m) {
  remote_v1_Problem problem = problem_of(m);
  return lrm_link_refuse(o->link, &problem, o->now_ns);
}

static int do_open(owner *o, const json_t *m) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  uint32_t channel = 0;
  open.session_id.size = (pb_size_t)id_of(m, "session_id", 0x11, open.session_id.bytes);
  if (json_object_get(m, "epoch") != NULL)
    open.epoch.size = (pb_size_t)id_of(m, "epoch", 0, open.epoch.bytes);
  open.direction = (remote_v1_Direction)value_of(m, "direction", directions, 0);
  open.log = (remote_v1_Log)value_of(m, "log", logs, 0);
  open.start = (remote_v1_Start)value_of(m, "start", starts, 0);
  open.next = number_of(m, "next", 0);
  open.until = number_of(m, "until", 0);
  open.first_retained = number_of(m, "first_retained", 0);
  open.writer_generation = number_of(m, "writer_generation", 0);
  return lrm_link_open(o->link, &open, number_of(m, "held", 0), &channel, o->now_ns);
}

static int do_opened(owner *o, const json_t *m) {
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  opened.epoch.size = (pb_size_t)id_of(m, "epoch", 0x33, opened.epoch.bytes);
  opened.next = number_of(m, "next", 0);
  opened.watermark = number_of(m, "watermark", opened.next);
  opened.outcome = (remote_v1_OpenOutcome)value_of(m, "outcome", outcomes, 1);
  return lrm_link_opened(o->link, channel_of(m), &opened, number_of(m, "held", 0), o->now_ns);
}

static int do_ack(owner *o, const json_t *m) {
  return lrm_link_ack(o->link, channel_of(m), number_of(m, "next", 0), o->now_ns);
}

static int do_consumed(owner *o, const json_t *m) {
  return lrm_link_consumed(o->link, channel_of(m), number_of(m, "bytes", 0), o->now_ns);
}

static int do_extend(owner *o, const json_t *m) {
  return lrm_link_extend(o->link, channel_of(m), number_of(m, "end", 0), 0, 0, o->now_ns);
}

/* The owner has these messages; the link sends them when it may. */
static stock *add_stock(owner *o, const json_t *m, bool tail) {
  stock *s = must_alloc(sizeof *s);
  size_t bytes = (size_t)number_of(m, "bytes", 4);
  s->channel = channel_of(m);
  s->tail = tail;
  s->payload = must_alloc(bytes);
  s->frame.offset = number_of(m, "offset", 0);
  s->frame.count = (uint32_t)number_of(m, tail ? "index" : "count", tail ? 0 : 1);
  s->frame.type = tail ? LRM_FRAME_TAIL : LRM_FRAME_BLOCK;
  s->frame.flags = flags_of(m);
  s->frame.part = (uint32_t)number_of(m, "part", 0);
  s->frame.parts = (uint32_t)number_of(m, "parts", 0);
  s->frame.payload = (lrm_slice){s->payload, bytes};
  stock **last = &o->stocks;
  while (*last != NULL) last = &(*last)->next;
  *last = s;
  return s;
}

static uint64_t end_of(const owner *o, uint32_t channel, uint64_t at_least) {
  lrm_link_channel facts;
  if (lrm_link_channel_facts(o->link, channel, &facts) == 0 && facts.end > at_least)
    return facts.end;
  return at_least;
}

static int do_block(owner *o, const json_t *m) {
  const stock *s = add_stock(o, m, false);
  uint64_t end = end_of(o, s->channel, s->frame.offset + s->frame.count);
  return lrm_link_extend(o->link, s->channel, end, 0, 0, o->now_ns);
}

static int do_tail(owner *o, const json_t *m) {
  const stock *s = add_stock(o, m, true);
  uint64_t end = end_of(o, s->channel, s->frame.offset);
  return lrm_link_extend(o->link, s->channel, end, s->frame.offset, s->frame.count + 1, o->now_ns);
}

static int do_close(owner *o, const json_t *m) {
  remote_v1_Problem problem = problem_of(m);
  return lrm_link_close(o->link, channel_of(m), &problem, number_of(m, "offset", 0), o->now_ns);
}

static int do_goaway(owner *o, const json_t *m) {
  remote_v1_Problem problem = problem_of(m);
  return lrm_link_goaway(o->link, &problem, o->now_ns);
}

static int do_request(owner *o, const json_t *m) {
  Remote__V1__Request request = REMOTE__V1__REQUEST__INIT;
  Remote__V1__ListSessions list = REMOTE__V1__LIST_SESSIONS__INIT;
  uint8_t data[64];
  request.id = (uint32_t)number_of(m, "id", 1);
  request.call_case = REMOTE__V1__REQUEST__CALL_LIST_SESSIONS;
  request.list_sessions = &list;
  return lrm_link_send_request(o->link, data, remote__v1__request__pack(&request, data), request.id,
                               o->now_ns);
}

static int do_reply(owner *o, const json_t *m) {
  Remote__V1__Reply reply = REMOTE__V1__REPLY__INIT;
  Remote__V1__Done done = REMOTE__V1__DONE__INIT;
  uint8_t data[64];
  reply.id = (uint32_t)number_of(m, "id", 1);
  reply.more = json_is_true(json_object_get(m, "more"));
  reply.result_case = REMOTE__V1__REPLY__RESULT_DONE;
  reply.done = &done;
  return lrm_link_send_reply(o->link, data, remote__v1__reply__pack(&reply, data), reply.id,
                             reply.more, o->now_ns);
}

static int do_probe(owner *o, const json_t *m) {
  (void)m;
  lrm_link_probe(o->link, o->now_ns);
  return 0;
}

static int do_watch(owner *o, const json_t *m) {
  lrm_link_watch(o->link, !json_is_false(json_object_get(m, "on")), o->now_ns);
  return 0;
}

static int do_info(owner *o, const json_t *m) {
  /* SessionInfo.activity, again as a field that nobody knows when it must be longer. */
  uint8_t data[LRM_INFO_BYTES_MAX + 64];
  size_t bytes = (size_t)number_of(m, "bytes", 4);
  if (bytes < 4 || bytes > sizeof data) return LRM_ERR_TOO_LARGE;
  memset(data, 'i', sizeof data);
  size_t head = bytes < 131 ? 2 : 4;
  if (head == 2) {
    data[0] = 0x0a;
    data[1] = (uint8_t)(bytes - 2);
  } else {
    data[0] = 0xfa; /* field 31 */
    data[1] = 0x01;
    data[2] = (uint8_t)((bytes - head) & 0x7f) | 0x80;
    data[3] = (uint8_t)((bytes - head) >> 7);
  }
  return lrm_link_send_info(o->link, channel_of(m), data, bytes, o->now_ns);
}

static int do_status(owner *o, const json_t *m) {
  remote_v1_LogStatus status = remote_v1_LogStatus_init_zero;
  status.host_attached = true;
  status.events_next = number_of(m, "events_next", 0);
  return lrm_link_send_log_status(o->link, channel_of(m), &status, o->now_ns);
}

static int do_receipt(owner *o, const json_t *m) {
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = (pb_size_t)id_of(m, "command", 0x77, receipt.command_id.bytes);
  receipt.which_result = remote_v1_Receipt_stored_tag;
  receipt.result.stored.epoch.size =
      (pb_size_t)id_of(m, "epoch", 0x33, receipt.result.stored.epoch.bytes);
  return lrm_link_send_receipt(o->link, channel_of(m), number_of(m, "offset", 0), &receipt,
                               o->now_ns);
}

static const struct {
  const char *name;
  action act;
} actions[] = {
    {"accept", do_accept}, {"refuse", do_refuse}, {"open", do_open},
    {"opened", do_opened}, {"ack", do_ack},       {"consumed", do_consumed},
    {"extend", do_extend}, {"block", do_block},   {"tail", do_tail},
    {"close", do_close},   {"goaway", do_goaway}, {"request", do_request},
    {"reply", do_reply},   {"probe", do_probe},   {"watch", do_watch},
    {"info", do_info},     {"status", do_status}, {"receipt", do_receipt},
};

void act_do(const char *name, json_t *members) {
  for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
    if (strcmp(actions[i].name, name) != 0) continue;
    int result = actions[i].act(&the_owner, members);
    if (result != 0) say_broken("%s returned %d", name, result);
    return;
  }
  say_unsupported("no act %s", name);
}

/* What is said to people who do not look, when, and how often: in virtual time, over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notifications.h"
#include "testbed.h"

static const relay_hook hooks[] = {
    {.key = {1}, .wants = RELAY_WANTS_ASKS | RELAY_WANTS_DONE | RELAY_WANTS_ERRORS},
    {.key = {2}, .wants = RELAY_WANTS_ASKS | RELAY_WANTS_TEXT}};

/* A host whose INFO is written by hand. */
typedef struct told {
  testbed *bed;
  peer *host;
  uint32_t channel;
  remote_v1_SessionInfo info;
} told;

static void open_host(told *t, const char *session) {
  t->host = peer_connect(t->bed, token_alice, session, 1, true);
  t->channel = open_publish(t->host, session, "e1", 0, 10);
  t->info = (remote_v1_SessionInfo)remote_v1_SessionInfo_init_zero;
  t->info.status = remote_v1_Status_STATUS_IDLE;
  t->info.remote_mode = 3;
  snprintf(t->info.title, sizeof t->info.title, "a title");
}

static void say(told *t) {
  uint8_t data[LRM_INFO_BYTES_MAX];
  pb_ostream_t stream = pb_ostream_from_buffer(data, sizeof data);
  assert_true(pb_encode(&stream, remote_v1_SessionInfo_fields, &t->info));
  assert_int_equal(
      lrm_link_send_info(t->host->link, t->channel, data, stream.bytes_written, t->bed->now_ns), 0);
  testbed_run(t->bed);
}

/* Asks with these numbers are open. */
static void say_asks(told *t, const char *numbers) {
  t->info.asks_count = t->info.asks_total = 0;
  for (; *numbers != '\0'; numbers++) {
    remote_v1_OpenAskInfo *ask = &t->info.asks[t->info.asks_count++];
    t->info.asks_total++;
    ask->ask_id.size = 16;
    memset(ask->ask_id.bytes, *numbers, 16);
    snprintf(ask->text, sizeof ask->text, "question %c", *numbers);
  }
  t->info.status = t->info.asks_count > 0 ? remote_v1_Status_STATUS_NEEDS_INPUT
                                          : remote_v1_Status_STATUS_WORKING;
  say(t);
}

static testbed *bed_with(size_t hooks_count) {
  testbed *bed = testbed_open();
  bed->config.hooks = hooks;
  bed->config.hooks_count = hooks_count;
  testbed_restart(bed, false);
  return bed;
}

static void pass(testbed *bed, uint64_t ms) {
  testbed_pass(bed, ms);
  relay_second(bed->relay, bed->now_ns, bed->wall_ms);
  testbed_run(bed);
}

static bool take(testbed *bed, relay_message *m) {
  testbed_run(bed);
  return relay_message_take(bed->relay, bed->now_ns, bed->wall_ms, m);
}

static void done(testbed *bed, const relay_message *m, relay_message_end end) {
  relay_message_done(bed->relay, m->ticket, end, 0, bed->now_ns, bed->wall_ms);
  testbed_run(bed);
}

/* Takes and sends all; how many, the last one in *m. */
static unsigned send_all(testbed *bed, relay_message *m) {
  unsigned count = 0;
  while (take(bed, m)) {
    done(bed, m, RELAY_MESSAGE_SENT);
    count++;
  }
  return count;
}

static void one_an_ask_and_its_end(void **state) {
  (void)state;
  testbed *bed = bed_with(2);
  told t = {.bed = bed};
  relay_message m, other;
  open_host(&t, "s1");
  say(&t);
  assert_false(take(bed, &m));
  say_asks(&t, "a");
  assert_true(take(bed, &m));
  assert_int_equal(m.kind, RELAY_NOTICE_ASK);
  assert_int_equal(m.hook, 0);
  assert_false(m.withdrawn || m.with_text);
  assert_string_equal(m.title, "");
  assert_true(take(bed, &other));
  assert_int_equal(other.hook, 1);
  assert_string_equal(other.title, "a title");
  assert_string_equal(other.text, "question a");
  assert_string_equal(m.tag, other.tag);
  done(bed, &m, RELAY_MESSAGE_SENT);
  done(bed, &m, RELAY_MESSAGE_SENT); /* said twice: it is gone */
  done(bed, &other, RELAY_MESSAGE_SENT);
  say_asks(&t, "a"); /* the same INFO, and more asks */
  assert_false(take(bed, &m));
  say_asks(&t, "ab");
  assert_int_equal(send_all(bed, &m), 2);
  say_asks(&t, "b");
  assert_int_equal(send_all(bed, &m), 2);
  assert_true(m.withdrawn);
  assert_string_equal(m.tag, other.tag);
  assert_string_equal(m.text, "");
  testbed_free(bed);
}

static void nothing_leaves_before_its_commit(void **state) {
  (void)state;
  testbed *bed = bed_with(1);
  told t = {.bed = bed};
  relay_message m;
  open_host(&t, "s1");
  say(&t);
  bed->commits = false;
  say_asks(&t, "a");
  assert_false(take(bed, &m));
  lrm_batch *batch = testbed_freeze(bed);
  assert_false(take(bed, &m));
  testbed_settle(bed, batch);
  assert_true(take(bed, &m));
  testbed_free(bed);
}

static void a_restart_says_nothing_twice(void **state) {
  (void)state;
  testbed *bed = bed_with(1);
  told t = {.bed = bed};
  relay_message m;
  open_host(&t, "s1");
  say_asks(&t, "a");
  assert_int_equal(send_all(bed, &m), 1);
  testbed_restart(bed, true);
  assert_false(take(bed, &m));
  /* One that was out when the relay died is sent again, under the same name. */
  peer_reconnect(t.host);
  t.channel = open_publish(t.host, "s1", "e1", 0, 10);
  say_asks(&t, "ab");
  assert_true(take(bed, &m));
  relay_message first = m;
  testbed_restart(bed, true);
  assert_true(take(bed, &m));
  assert_string_equal(m.tag, first.tag);
  assert_true(m.created_ms == first.created_ms);
  assert_false(take(bed, &m));
  done(bed, &first, RELAY_MESSAGE_SENT);
  /* What was answered while the relay was away is withdrawn when the host is back. */
  peer_reconnect(t.host);
  t.channel = open_publish(t.host, "s1", "e1", 0, 10);
  say_asks(&t, "");
  assert_int_equal(send_all(bed, &m), 2);
  assert_true(m.withdrawn);
  testbed_free(bed);
}

static void what_is_answered_before_it_left_is_not_said(void **state) {
  (void)state;
  testbed *bed = bed_with(1);
  told t = {.bed = bed};
  relay_message m, late;
  open_host(&t, "s1");
  say_asks(&t, "a");
  say_asks(&t, "");
  assert_false(take(bed, &m));
  /* On its way: its end follows it, not before. */
  say_asks(&t, "b");
  assert_true(take(bed, &m));
  say_asks(&t, "");
  assert_false(take(bed, &late));
  done(bed, &m, RELAY_MESSAGE_LATER); /* perhaps it came */
  pass(bed, 2000);
  assert_true(take(bed, &late));
  assert_true(late.withdrawn);
  assert_string_equal(late.tag, m.tag);
  done(bed, &late, RELAY_MESSAGE_SENT);
  assert_false(take(bed, &m));
  testbed_free(bed);
}

static void tried_again_for_an_hour(void **state) {
  (void)state;
  testbed *bed = bed_with(1);
  told t = {.bed = bed};
  relay_message m;
  unsigned attempts = 0;
  open_host(&t, "s1");
  say_asks(&t, "a");
  uint64_t began_ms = bed->wall_ms;
  while (relay_notices_now(bed->relay).waiting > 0) {
    if (take(bed, &m)) {
      attempts++;
      done(bed, &m, RELAY_MESSAGE_LATER);
      assert_false(take(bed, &m)); /* not at once */
    }
    pass(bed, 1000);
    assert_true(bed->wall_ms < began_ms + 2 * 3600 * 1000);
  }
  assert_in_range(attempts, 10, 24);
  assert_int_equal(relay_notices_now(bed->relay).dropped, 1);
  pass(bed, 400000); /* the place is left alone for a while */
  /* What is refused is not tried again; Retry-After is waited for. */
  say_asks(&t, "ab");
  assert_true(take(bed, &m));
  relay_message_done(bed->relay, m.ticket, RELAY_MESSAGE_LATER, 100000, bed->now_ns, bed->wall_ms);
  pass(bed, 99000);
  assert_false(take(bed, &m));
  pass(bed, 2000);
  assert_true(take(bed, &m));
  done(bed, &m, RELAY_MESSAGE_REFUSED);
  assert_int_equal(relay_notices_now(bed->relay).waiting, 0);
  testbed_free(bed);
}

static void not_while_the_terminal_is_used(void **state) {
  (void)state;
  testbed *bed = bed_with(1);
  told t = {.bed = bed};
  relay_message m;
  open_host(&t, "s1");
  say(&t);
  t.info.local_input_ms = 12345; /* by a clock that is far behind */
  say_asks(&t, "a");
  pass(bed, 59000);
  assert_false(take(bed, &m));
  pass(bed, 2000);
  assert_true(take(bed, &m));
  done(bed, &m, RELAY_MESSAGE_SENT);
  /* Used again and again: the minute begins anew; answered meanwhile, nothing is said. */
  for (unsigned i = 1; i < 10; i++) {
    t.info.local_input_ms += 30000;
    say_asks(&t, "ab");
    pass(bed, 30000);
    assert_false(take(bed, &m));
  }
  say_asks(&t, "");
  assert_int_equal(relay_notices_now(bed->relay).held, 1);
  assert_int_equal(send_all(bed, &m), 1); /* the end of the first */
  pass(bed, 120000);
  assert_int_equal(send_all(bed, &m), 0);
  testbed_free(bed);
}

static void turns_end_and_agents_fail(void **state) {
  (void)state;
  testbed *bed = bed_with(2);
  told t = {.bed = bed};
  relay_message m;
  open_host(&t, "s1");
  say(&t);
  t.info.status = remote_v1_Status_STATUS_WORKING;
  say(&t);
  t.info.status = remote_v1_Status_STATUS_IDLE;
  t.info.status_since_ms = 1000;
  say(&t);
  assert_int_equal(send_all(bed, &m), 1); /* the second one wants asks alone */
  assert_int_equal(m.kind, RELAY_NOTICE_DONE);
  t.info.status_since_ms = 2000; /* a turn passed between two INFOs */
  say(&t);
  assert_int_equal(send_all(bed, &m), 1);
  assert_false(m.withdrawn);
  t.info.status = remote_v1_Status_STATUS_ERROR;
  say(&t);
  assert_int_equal(send_all(bed, &m), 1);
  assert_int_equal(m.kind, RELAY_NOTICE_ERROR);
  t.info.status = remote_v1_Status_STATUS_WORKING;
  say(&t);
  assert_int_equal(send_all(bed, &m), 2);
  assert_true(m.withdrawn);
  testbed_free(bed);
}

static void a_storm_is_counted(void **state) {
  (void)state;
  testbed *bed = bed_with(1);
  told t[9];
  relay_message m;
  unsigned asks = 0, many = 0;
  for (unsigned i = 0; i < 9; i++) {
    char name[4];
    snprintf(name, sizeof name, "s%u", i);
    t[i] = (told){.bed = bed};
    open_host(&t[i], name);
    say_asks(&t[i], (const char[]){(char)('a' + (int)i), '\0'});
  }
  while (take(bed, &m)) {
    asks += m.kind == RELAY_NOTICE_ASK;
    many += m.kind == RELAY_NOTICE_MANY;
    if (m.kind == RELAY_NOTICE_MANY) assert_int_equal(m.count, 9);
    done(bed, &m, RELAY_MESSAGE_SENT);
  }
  assert_int_equal(asks, RELAY_NOTICES_MINUTE);
  assert_int_equal(many, 1);
  pass(bed, 61000);
  assert_int_equal(send_all(bed, &m), 1); /* of the two that came after it */
  assert_int_equal(m.kind, RELAY_NOTICE_MANY);
  testbed_restart(bed, true);
  for (unsigned i = 0; i < 9; i++) {
    peer_reconnect(t[i].host);
    char name[4];
    snprintf(name, sizeof name, "s%u", i);
    t[i].channel = open_publish(t[i].host, name, "e1", 0, 10);
    say_asks(&t[i], "");
  }
  unsigned ends = 0;
  many = 0;
  while (take(bed, &m)) {
    assert_true(m.withdrawn);
    ends += m.kind == RELAY_NOTICE_ASK;
    many += m.kind == RELAY_NOTICE_MANY;
    done(bed, &m, RELAY_MESSAGE_SENT);
  }
  assert_int_equal(ends, RELAY_NOTICES_MINUTE);
  assert_int_equal(many, 1);
  testbed_free(bed);
}

/* Ends of turns that nobody wants to hear of do not make asks one message. */
static void only_what_is_told_is_counted(void **state) {
  (void)state;
  static const relay_hook asks_only[] = {{.key = {3}, .wants = RELAY_WANTS_ASKS}};
  testbed *bed = testbed_open();
  bed->config.hooks = asks_only;
  bed->config.hooks_count = 1;
  testbed_restart(bed, false);
  told t = {.bed = bed};
  relay_message m;
  open_host(&t, "s1");
  for (unsigned i = 0; i < RELAY_NOTICES_MINUTE; i++) {
    say_asks(&t, (const char[]){(char)('a' + (int)i), '\0'});
    assert_true(take(bed, &m));
    assert_int_equal(m.kind, RELAY_NOTICE_ASK);
    done(bed, &m, RELAY_MESSAGE_SENT);
    t.info.asks_count = t.info.asks_total = 0;
    t.info.status = remote_v1_Status_STATUS_IDLE;
    t.info.status_since_ms = 1000 * (i + 1);
    say(&t);
    assert_int_equal(send_all(bed, &m), 1); /* its end */
    assert_true(m.withdrawn);
  }
  assert_int_equal(relay_notices_now(bed->relay).counted, 0);
  testbed_free(bed);
}

/* The place is down, and more asks come than an account may have waiting. */
static void no_more_than_there_is_room_for(void **state) {
  (void)state;
  enum { SESSIONS = RELAY_MESSAGES_ACCOUNT_MAX / 3 + 2 };
  testbed *bed = bed_with(1);
  relay_message m;
  uint64_t most = 0;
  for (unsigned i = 0; i < SESSIONS; i++) {
    char name[8];
    told t = {.bed = bed};
    snprintf(name, sizeof name, "s%u", i);
    open_host(&t, name);
    say_asks(&t, "abc");
    while (take(bed, &m)) done(bed, &m, RELAY_MESSAGE_LATER);
    pass(bed, 31000);
    if (relay_notices_now(bed->relay).waiting > most) most = relay_notices_now(bed->relay).waiting;
  }
  assert_int_equal(most, RELAY_MESSAGES_ACCOUNT_MAX);
  assert_int_equal(relay_notices_now(bed->relay).dropped,
                   SESSIONS * 3 - RELAY_MESSAGES_ACCOUNT_MAX);
  testbed_free(bed);
}

static void a_deleted_session_is_withdrawn(void **state) {
  (void)state;
  testbed *bed = bed_with(1);
  told t = {.bed = bed};
  relay_message m;
  open_host(&t, "s1");
  say_asks(&t, "a");
  assert_int_equal(send_all(bed, &m), 1);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 1;
  request.which_call = remote_v1_Request_delete_session_tag;
  lrm_id id = id_of("s1");
  request.call.delete_session.session_id.size = 16;
  memcpy(request.call.delete_session.session_id.bytes, id.bytes, 16);
  peer_request(phone, &request);
  assert_int_equal(send_all(bed, &m), 1);
  assert_true(m.withdrawn);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_an_ask_and_its_end),
      cmocka_unit_test(nothing_leaves_before_its_commit),
      cmocka_unit_test(a_restart_says_nothing_twice),
      cmocka_unit_test(what_is_answered_before_it_left_is_not_said),
      cmocka_unit_test(tried_again_for_an_hour),
      cmocka_unit_test(not_while_the_terminal_is_used),
      cmocka_unit_test(turns_end_and_agents_fail),
      cmocka_unit_test(a_storm_is_counted),
      cmocka_unit_test(only_what_is_told_is_counted),
      cmocka_unit_test(no_more_than_there_is_room_for),
      cmocka_unit_test(a_deleted_session_is_withdrawn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

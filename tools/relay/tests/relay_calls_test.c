/* Presence, INFO, lists, deleting, devices: docs/spec.md sections 9 and 14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed.h"

static void presence_states_facts(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  uint64_t attached_ms = bed->wall_ms;
  testbed_pass(bed, 5000);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  const remote_v1_LogStatus *status = &STATUS(phone, reader)->status;
  assert_true(status->host_attached);
  assert_int_equal(status->host_since_ms, attached_ms);
  assert_true(status->host_heard_ms <= bed->wall_ms && status->host_heard_ms >= attached_ms);
  assert_int_equal(status->attached_total, 2);
  assert_int_equal(status->ceiling, remote_v1_Ceiling_CEILING_CONTROL);
  /* The host sees who watches. */
  assert_int_equal(STATUS(host, events)->status.attached_total, 2);
  bool found = false;
  for (pb_size_t i = 0; i < STATUS(host, events)->status.attached_count; i++) {
    const remote_v1_AttachedDevice *device = &STATUS(host, events)->status.attached[i];
    if (strcmp(device->name, "phone") == 0) {
      found = true;
      assert_int_equal(device->role, remote_v1_Role_ROLE_CLIENT);
    }
  }
  assert_true(found);
  peer_forget(phone);
  testbed_pass(bed, 1000);
  uint64_t left_ms = bed->wall_ms;
  peer_cut(host);
  testbed_run(bed);
  assert_false(STATUS(phone, reader)->status.host_attached);
  assert_int_equal(STATUS(phone, reader)->status.host_since_ms, left_ms);
  assert_int_equal(STATUS(phone, reader)->status.attached_total, 1);
  testbed_free(bed);
}

static void a_silent_host_is_found_out_sooner_while_watched(void **state) {
  (void)state;
  for (int watched = 0; watched < 2; watched++) {
    testbed *bed = testbed_open();
    peer *host = peer_connect(bed, token_alice, "host", 1, true);
    open_publish(host, "s1", "e1", 0, 10);
    if (watched != 0) {
      peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
      open_read(phone, "s1");
    }
    /* Its bytes do not arrive any more, in either direction. */
    lrm_link *link = relay_connection_link(host->connection);
    unsigned seconds = 0;
    for (bool silent = false; !silent && seconds < 60; seconds++) {
      bed->now_ns += 1000000000;
      bed->wall_ms += 1000;
      lrm_link_expire(link, bed->now_ns);
      uint8_t sink[8192];
      size_t written = 0;
      assert_int_equal(lrm_link_outgoing(link, sink, sizeof sink, &written, bed->now_ns), 0);
      lrm_link_event event;
      while (lrm_link_next_event(link, &event)) {
        silent = silent || event.type == LRM_LINK_EVENT_SILENT;
        relay_event(host->connection, &event, bed->now_ns, bed->wall_ms);
      }
    }
    assert_in_range(seconds, watched != 0 ? 9 : 24, watched != 0 ? 12 : 28);
    testbed_free(bed);
  }
}

static lrm_slice send_info(peer *host, uint32_t channel, const char *title) {
  static uint8_t info[64];
  info[0] = 0x0a;
  info[1] = (uint8_t)strlen(title);
  memcpy(info + 2, title, strlen(title));
  lrm_slice slice = {info, 2 + strlen(title)};
  assert_int_equal(
      lrm_link_send_info(host->link, channel, slice.data, slice.bytes, host->bed->now_ns), 0);
  testbed_run(host->bed);
  return slice;
}

static remote_v1_Reply *reply_of(const seen *s) {
  static remote_v1_Reply reply;
  memset(&reply, 0, sizeof reply);
  pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
  assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
  return &reply;
}

static void info_is_kept_and_forwarded(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_INFO, reader), 0);
  lrm_slice info = send_info(host, events, "first");
  info = send_info(host, events, "second");
  const seen *got = peer_seen(phone, LRM_LINK_EVENT_INFO, reader, -1);
  assert_int_equal(got->payload_bytes, info.bytes);
  assert_memory_equal(got->payload, info.data, info.bytes);
  testbed_restart(bed, true);
  peer_reconnect(phone);
  reader = open_read(phone, "s1");
  assert_memory_equal(peer_seen(phone, LRM_LINK_EVENT_INFO, reader, 0)->payload, info.data,
                      info.bytes);
  testbed_free(bed);
}

static void lists_newest_activity_first_and_watches(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  static const char *const names[] = {"s1", "s2", "s3"};
  uint32_t channels[3];
  for (int i = 0; i < 3; i++) {
    channels[i] = open_publish(host, names[i], "e1", 0, 10);
    testbed_pass(bed, 10000);
  }
  peer_publish(host, channels[0], 0, 1, 0, "activity");
  testbed_run(bed);
  peer *bobs = peer_connect(bed, token_bob, "bobs", 1, true);
  open_publish(bobs, "b1", "e1", 0, 1);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 5;
  request.which_call = remote_v1_Request_list_sessions_tag;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 4);
  static const char *const order[] = {"s1", "s3", "s2"};
  for (int i = 0; i < 3; i++) {
    remote_v1_Reply *reply = reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, i));
    lrm_id id = id_of(order[i]);
    assert_true(reply->more);
    assert_memory_equal(reply->result.session.session_id.bytes, id.bytes, 16);
    assert_true(reply->result.session.has_description);
    assert_true(reply->result.session.status.host_attached);
  }
  assert_false(reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 3))->more);
  /* A watch goes on. */
  peer_forget(phone);
  request.id = 6;
  request.which_call = remote_v1_Request_watch_sessions_tag;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 4);
  remote_v1_Reply *reply = reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 3));
  assert_int_equal(reply->which_result, remote_v1_Reply_done_tag);
  assert_true(reply->more);
  send_info(host, channels[1], "a new title");
  reply = reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, -1));
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 5);
  assert_string_equal(reply->result.session.info.title, "a new title");
  peer_cut(host);
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 8);
  assert_false(
      reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, -1))->result.session.status.host_attached);
  /* A new session of bob's is none of her business. */
  open_publish(bobs, "b2", "e1", 0, 1);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 8);
  request.id = 7;
  request.which_call = remote_v1_Request_cancel_tag;
  request.call.cancel.request_id = 6;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 10);
  testbed_free(bed);
}

static void long_lists_wait_for_room(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  for (int i = 0; i < 60; i++) {
    char name[16];
    snprintf(name, sizeof name, "session-%d", i);
    open_publish(host, name, "e1", 0, 10);
    testbed_pass(bed, 1000);
  }
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 1;
  request.which_call = remote_v1_Request_list_sessions_tag;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 61);
  request.id = 2;
  request.call.list_sessions.limit = 10;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 72);
  testbed_free(bed);
}

static void deleting_leaves_a_tombstone(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer_publish(host, events, 0, 1, 0, "a");
  testbed_run(bed);
  remote_v1_Request request = remote_v1_Request_init_zero;
  lrm_id id = id_of("s1");
  request.id = 1;
  request.which_call = remote_v1_Request_delete_session_tag;
  request.call.delete_session.session_id.size = 16;
  memcpy(request.call.delete_session.session_id.bytes, id.bytes, 16);
  /* Not by another account. */
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  peer_request(bob, &request);
  assert_int_equal(reply_of(peer_seen(bob, LRM_LINK_EVENT_REPLY, 0, 0))->result.problem.code,
                   LRM_CODE_NOT_FOUND);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  bed->commits = false;
  peer_request(phone, &request);
  assert_closed(host, events, LRM_CODE_NOT_FOUND);
  assert_closed(phone, reader, LRM_CODE_NOT_FOUND);
  assert_null(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 0)); /* not before it is committed */
  bed->commits = true;
  testbed_run(bed);
  assert_int_equal(reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 0))->which_result,
                   remote_v1_Reply_done_tag);
  assert_closed(host, open_publish(host, "s1", "e1", 1, 11), LRM_CODE_NOT_FOUND);
  testbed_restart(bed, true);
  peer_reconnect(host);
  assert_closed(host, open_publish(host, "s1", "e1", 1, 11), LRM_CODE_NOT_FOUND);
  assert_open(host, open_publish(host, "s2", "e1", 0, 11));
  testbed_free(bed);
}

static void devices_are_listed_and_revoked_by_call(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 1;
  request.which_call = remote_v1_Request_list_devices_tag;
  peer_request(laptop, &request);
  assert_int_equal(peer_count(laptop, LRM_LINK_EVENT_REPLY, 0), 3);
  request.id = 2;
  request.which_call = remote_v1_Request_revoke_device_tag;
  request.call.revoke_device.device_id.size = 16;
  memcpy(request.call.revoke_device.device_id.bytes, device_bob.bytes, 16);
  peer_request(laptop, &request); /* not hers */
  assert_int_equal(reply_of(peer_seen(laptop, LRM_LINK_EVENT_REPLY, 0, -1))->result.problem.code,
                   LRM_CODE_NOT_FOUND);
  request.id = 3;
  memcpy(request.call.revoke_device.device_id.bytes, device_alice_phone.bytes, 16);
  peer_request(laptop, &request);
  assert_null(phone->connection);
  assert_int_equal(reply_of(peer_seen(laptop, LRM_LINK_EVENT_REPLY, 0, -1))->which_result,
                   remote_v1_Reply_done_tag);
  testbed_free(bed);
}

static void a_request_that_cannot_be_decoded_ends_the_carrier(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, true);
  static const uint8_t request[] = {0x08, 0x01, 0x12, 0x01, 0x08}; /* its limit is cut short */
  assert_int_equal(lrm_link_send_request(laptop->link, request, sizeof request, 1, bed->now_ns), 0);
  testbed_run(bed);
  assert_int_equal(peer_seen(laptop, LRM_LINK_EVENT_GOAWAY, 0, 0)->code, LRM_CODE_PROTOCOL);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(presence_states_facts),
      cmocka_unit_test(a_silent_host_is_found_out_sooner_while_watched),
      cmocka_unit_test(info_is_kept_and_forwarded),
      cmocka_unit_test(lists_newest_activity_first_and_watches),
      cmocka_unit_test(long_lists_wait_for_room),
      cmocka_unit_test(deleting_leaves_a_tombstone),
      cmocka_unit_test(devices_are_listed_and_revoked_by_call),
      cmocka_unit_test(a_request_that_cannot_be_decoded_ends_the_carrier),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

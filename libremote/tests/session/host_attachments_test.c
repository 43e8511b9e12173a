/* What people send along with a prompt: pieces that must fit, limits in number, bytes and time,
 * what the journal keeps of them and for how long. */
#include "host_kit.h"

#include <stdio.h>
#include <string.h>

#include "remote/asset.h"

static host_kit kit;

static int start(void **state) {
  (void)state;
  kit_start(&kit, MODE(CONTROL));
  kit_confirm(&kit);
  kit_forget(&kit);
  return 0;
}

static int end(void **state) {
  (void)state;
  kit_end(&kit);
  return 0;
}

static bool count_record(void *user, lrm_slice key, lrm_slice value) {
  size_t *count = user;
  (void)key;
  (void)value;
  (*count)++;
  return true;
}

/* What the journal keeps of attachments: one head each, and the chunks. */
static size_t attachment_records(void) {
  size_t count = 0;
  assert_int_equal(lrm_store_each(kit.store, LRM__SPACE_ATTACHMENTS, count_record, &count), 0);
  return count;
}

static uint8_t data[128 * 1024];
static uint8_t digest[LRM_SHA256_BYTES]; /* that chunks carry, unless `undigested` */
static bool undigested;

static void digest_of(size_t bytes) {
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, data, bytes);
  lrm_sha256_end(&sum, digest);
}

static lrm_id chunk(uint8_t of, uint64_t position, uint64_t total, size_t bytes) {
  lrm_id id = kit_id(of);
  if (of == 0) memset(&id, 0, sizeof id);
  Remote__V1__AttachmentChunk message = REMOTE__V1__ATTACHMENT_CHUNK__INIT;
  message.attachment_id = (ProtobufCBinaryData){sizeof id.bytes, id.bytes};
  message.position = position;
  message.total = total;
  message.name = lrm__text("a.png");
  message.data = (ProtobufCBinaryData){bytes, data};
  if (!undigested) message.sha256 = (ProtobufCBinaryData){sizeof digest, digest};
  return kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_ATTACHMENT_CHUNK, &message);
}

static void chunks_must_fit(void **state) {
  (void)state;
  memset(data, 7, sizeof data);
  digest_of(100);
  const struct {
    uint8_t of;
    uint64_t position, total;
    size_t bytes;
  } bad[] = {{0, 0, 100, 10},  {1, 0, 0, 10},    {1, 0, 100, 0},  {1, 101, 100, 10},
             {1, 95, 100, 10}, {1, 50, 100, 10}, {2, 0, 100, 10}, {2, 9, 100, 10},
             {2, 11, 100, 10}, {2, 10, 101, 10}};
  lrm_id id = chunk(2, 0, 100, 10);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    id = chunk(bad[i].of, bad[i].position, bad[i].total, bad[i].bytes);
    kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  }
  undigested = true;
  id = chunk(3, 0, 100, 10);
  undigested = false;
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  digest[0]++;
  id = chunk(2, 10, 100, 90);
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  digest[0]--;
  id = chunk(2, 10, 100, 90);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  lrm_host_attachment_info info;
  lrm_id whole = kit_id(2);
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), 0);
  assert_int_equal(info.bytes, 100);
}

static void pass_ms(uint64_t ms) {
  kit.wall_ms += ms;
  kit.now_ns += ms * NS_PER_MS;
}

static void attachments_are_limited_in_number_and_time(void **state) {
  (void)state;
  memset(data, 7, sizeof data);
  digest_of(100);
  for (uint8_t i = 1; i <= LRM__ATTACHMENTS_MAX; i++) {
    lrm_id id = chunk(i, 0, 100, 10);
    kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  }
  lrm_id many = chunk(99, 0, 100, 10);
  kit_expect_outcome(&kit, &many, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
  pass_ms(LRM_ATTACHMENT_MS_MAX - 1);
  many = chunk(99, 0, 100, 10);
  kit_expect_outcome(&kit, &many, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
  pass_ms(1);
  lrm_id late = chunk(1, 10, 100, 90);
  kit_expect_outcome(&kit, &late, OUTCOME(REJECTED), LRM_CODE_INVALID);
  lrm_id now = chunk(99, 0, 100, 10);
  kit_expect_outcome(&kit, &now, OUTCOME(APPLIED), 0);
  /* Their records went with them. */
  kit_commit(&kit);
  kit_restart(&kit, true);
  kit_confirm(&kit);
  late = chunk(1, 10, 100, 90);
  kit_expect_outcome(&kit, &late, OUTCOME(REJECTED), LRM_CODE_INVALID);
  now = chunk(99, 10, 100, 90);
  kit_expect_outcome(&kit, &now, OUTCOME(APPLIED), 0);
}

/* What is announced is what counts: nobody sends for minutes what has no room in the end. */
static void attachments_are_limited_in_bytes(void **state) {
  (void)state;
  const uint64_t total = LRM_ATTACHMENT_BYTES_MAX;
  uint8_t of = 1;
  for (; of * total <= LRM__ATTACHMENTS_BYTES_MAX; of++) {
    lrm_id first = chunk(of, 0, total, 10);
    kit_expect_outcome(&kit, &first, OUTCOME(APPLIED), 0);
  }
  lrm_id more = chunk(of, 0, total, 10);
  kit_expect_outcome(&kit, &more, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
  more = chunk(of, 0, LRM__ATTACHMENTS_BYTES_MAX % total, 10);
  kit_expect_outcome(&kit, &more, OUTCOME(APPLIED), 0);
}

/* The largest one: its bytes lie in the journal only, and come out as they went in. */
static void the_largest_attachment_lies_in_the_journal(void **state) {
  (void)state;
  const uint64_t total = LRM_ATTACHMENT_BYTES_MAX;
  lrm_id whole = kit_id(1), last;
  lrm_sha256 sum, back;
  lrm_sha256_begin(&sum);
  for (uint64_t at = 0; at < total; at += sizeof data) {
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)((at / sizeof data) * 31 + i * 7);
    lrm_sha256_add(&sum, data, sizeof data);
  }
  lrm_sha256_end(&sum, digest);
  for (uint64_t at = 0; at < total; at += sizeof data) {
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)((at / sizeof data) * 31 + i * 7);
    last = chunk(1, at, total, sizeof data);
    kit_expect_outcome(&kit, &last, OUTCOME(APPLIED), 0);
    kit_commit(&kit);
    /* A process that dies in the middle: the next one goes on where it was. */
    if (at != total / 2) continue;
    kit_restart(&kit, true);
    kit_confirm(&kit);
  }
  lrm_host_attachment_info info;
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), 0);
  assert_int_equal(info.bytes, total);
  uint8_t got[32];
  lrm_sha256_begin(&back);
  for (uint64_t at = 0; at < total;) {
    lrm_slice piece;
    assert_int_equal(lrm_host_attachment_read(kit.host, &whole, at, &piece), 0);
    assert_true(piece.bytes != 0);
    lrm_sha256_add(&back, piece.data, piece.bytes);
    at += piece.bytes;
  }
  lrm_slice end;
  assert_int_equal(lrm_host_attachment_read(kit.host, &whole, total, &end), 0);
  assert_int_equal(end.bytes, 0);
  assert_int_equal(lrm_host_attachment_read(kit.host, &whole, total + 1, &end), LRM_ERR_USAGE);
  assert_int_equal(lrm_host_attachment_read(kit.host, &whole, 1, &end), LRM_ERR_NOT_FOUND);
  lrm_sha256_end(&back, got);
  assert_memory_equal(got, digest, sizeof got);
}

static void damaged_attachments_are_refused(void **state) {
  (void)state;
  memset(data, 7, 100);
  digest_of(100);
  lrm_id id = chunk(1, 0, 100, 60), whole = kit_id(1);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  data[7]++;
  id = chunk(1, 60, 100, 40); /* bytes 60 to 99 are others now */
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  lrm_host_attachment_info info;
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), LRM_ERR_NOT_FOUND);
  assert_int_equal(attachment_records(), 0);
  data[7]--;
  id = chunk(1, 0, 100, 60);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  id = chunk(1, 60, 100, 40);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), 0);
}

/* The hour is that of the first chunk, whatever process is there; a clock that was set back does
 * not make it longer. */
static void the_hour_goes_on_over_a_restart(void **state) {
  (void)state;
  memset(data, 7, sizeof data);
  digest_of(100);
  lrm_id id = chunk(1, 0, 100, 60), whole = kit_id(1);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  kit_commit(&kit);
  pass_ms(LRM_ATTACHMENT_MS_MAX / 2);
  kit_restart(&kit, true);
  kit_confirm(&kit);
  id = chunk(1, 60, 100, 40);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  lrm_host_attachment_info info;
  pass_ms(LRM_ATTACHMENT_MS_MAX / 2 - 1000 - 1); /* a restart takes a second */
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), 0);
  assert_int_equal(lrm_host_deadline(kit.host), kit.now_ns + NS_PER_MS);
  kit.wall_ms -= LRM_ATTACHMENT_MS_MAX;
  kit.now_ns += NS_PER_MS;
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), LRM_ERR_NOT_FOUND);
  assert_int_equal(attachment_records(), 0);
  kit.wall_ms += LRM_ATTACHMENT_MS_MAX;
}

static void one_that_was_over_while_nobody_ran_is_removed(void **state) {
  (void)state;
  lrm_id id = chunk(1, 0, 100, 60);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  kit_commit(&kit);
  assert_int_equal(attachment_records(), 2);
  pass_ms(LRM_ATTACHMENT_MS_MAX);
  kit_restart(&kit, true);
  assert_int_equal(attachment_records(), 0);
}

static lrm_id prompt_with(const char *text, const lrm_id *attachment) {
  Remote__V1__SubmitPrompt message = REMOTE__V1__SUBMIT_PROMPT__INIT;
  ProtobufCBinaryData ids[] = {lrm__id_data(attachment)};
  message.text = lrm__text(text);
  message.attachment_ids = ids;
  message.n_attachment_ids = 1;
  return kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT, &message);
}

static void finish_prompt(const lrm_id *id) {
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_PROMPT);
  lrm_host_attachment_info info;
  lrm_id whole = kit_id(1);
  assert_int_equal(kit.action.attachments_count, 1);
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), 0);
  assert_int_equal(lrm_host_finish(kit.host, id, 0, "", kit.wall_ms, kit.now_ns), 0);
  kit_expect_outcome(&kit, id, OUTCOME(APPLIED), 0);
}

/* A prompt that was taken keeps what it named, however long it waits, and over a restart. */
static void a_waiting_prompt_keeps_its_attachments(void **state) {
  (void)state;
  memset(data, 7, sizeof data);
  digest_of(100);
  lrm_id whole = kit_id(1), id = chunk(1, 0, 100, 100);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  lrm_id running = kit_prompt(&kit, "run");
  assert_true(kit_act(&kit));
  assert_int_equal(lrm_host_finish(kit.host, &running, 0, "", kit.wall_ms, kit.now_ns), 0);
  lrm_id first = prompt_with("look", &whole), second = prompt_with("look again", &whole);
  pass_ms(2 * LRM_ATTACHMENT_MS_MAX);
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  kit_restart(&kit, true);
  kit_confirm(&kit);
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  finish_prompt(&first);
  kit_turn_ended(&kit, "end_turn");
  /* The second one still needs it; then it goes. */
  finish_prompt(&second);
  lrm_host_attachment_info info;
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), LRM_ERR_NOT_FOUND);
  assert_int_equal(attachment_records(), 0);
}

static void a_session_that_ends_keeps_no_attachments(void **state) {
  (void)state;
  memset(data, 7, sizeof data);
  digest_of(100);
  lrm_id id = chunk(1, 0, 100, 100);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  Remote__V1__SessionEnded ended = REMOTE__V1__SESSION_ENDED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_SESSION_ENDED;
  event.session_ended = &ended;
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(attachment_records(), 0);
}

/* Of a name the last part stays, without what a terminal or a folder would take amiss. */
static void names_are_made_harmless(void **state) {
  (void)state;
  static const struct {
    const char *name, *kept;
  } names[] = {
      {"a.png", "a.png"},
      {"../../etc/passwd", "passwd"},
      {"C:\\Users\\x\\photo one.jpg", "photo one.jpg"},
      {"..", "attachment"},
      {"", "attachment"},
      {"dir/", "attachment"},
      {"\x1b]0;owned\x07.txt", "]0;owned.txt"},
      {"\xc2\x9b"
       "31m.txt",
       "31m.txt"},
      {"\xe2\x80\xae"
       "gpj.exe",
       "gpj.exe"},
      {"\xe2\x81\xa6"
       "x",
       "x"},
      {"\xe5\x9b\xbe.png", "\xe5\x9b\xbe.png"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lrm_id id;
    lrm_host_local_attachment local = {names[i].name, "image/png", {data, 10}};
    assert_int_equal(lrm_host_attach_local(kit.host, &local, &id, kit.wall_ms, kit.now_ns), 0);
    lrm_host_attachment_info info;
    assert_int_equal(lrm_host_attachment(kit.host, &id, &info), 0);
    assert_string_equal(info.name, names[i].kept);
    assert_string_equal(info.media_type, "image/png");
  }
  lrm_id id;
  lrm_host_local_attachment odd = {"a", "text/pl\x1b[31main", {data, 10}};
  assert_int_equal(lrm_host_attach_local(kit.host, &odd, &id, kit.wall_ms, kit.now_ns), 0);
  lrm_host_attachment_info info;
  assert_int_equal(lrm_host_attachment(kit.host, &id, &info), 0);
  assert_string_equal(info.media_type, "");
}

/* At the host's own terminal: the same limits, the same life. */
static void a_local_prompt_takes_files_too(void **state) {
  (void)state;
  static uint8_t large[LRM_ATTACHMENT_BYTES_MAX + 1];
  for (size_t i = 0; i < sizeof large; i++) large[i] = (uint8_t)(i * 13 + i / 256);
  lrm_id id, nobody = kit_id(200);
  lrm_host_local_attachment local = {"big.bin", NULL, {large, sizeof large}};
  assert_int_equal(lrm_host_attach_local(kit.host, &local, &id, kit.wall_ms, kit.now_ns),
                   LRM_ERR_TOO_LARGE);
  local.data.bytes = 0;
  assert_int_equal(lrm_host_attach_local(kit.host, &local, &id, kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  local.data.bytes = sizeof large - 1;
  assert_int_equal(lrm_host_attach_local(kit.host, &local, &id, kit.wall_ms, kit.now_ns), 0);
  lrm_host_local_prompt prompt = {"look", false, &nobody, 1};
  assert_int_equal(lrm_host_prompt_local(kit.host, &prompt, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  prompt.attachment_ids = &id;
  assert_int_equal(lrm_host_prompt_local(kit.host, &prompt, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(kit.said->n_attachments, 1);
  assert_string_equal(kit.said->attachments[0]->name, "big.bin");
  assert_int_equal(kit.said->attachments[0]->size, sizeof large - 1);
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.attachments_count, 1);
  uint64_t at = 0;
  for (lrm_slice piece; at < sizeof large - 1; at += piece.bytes) {
    assert_int_equal(lrm_host_attachment_read(kit.host, &id, at, &piece), 0);
    assert_true(piece.bytes != 0);
    assert_memory_equal(piece.data, large + at, piece.bytes);
  }
  assert_false(kit_act(&kit));
  assert_int_equal(attachment_records(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(chunks_must_fit),
      TEST(attachments_are_limited_in_number_and_time),
      TEST(attachments_are_limited_in_bytes),
      TEST(damaged_attachments_are_refused),
      TEST(the_largest_attachment_lies_in_the_journal),
      TEST(the_hour_goes_on_over_a_restart),
      TEST(one_that_was_over_while_nobody_ran_is_removed),
      TEST(a_waiting_prompt_keeps_its_attachments),
      TEST(a_session_that_ends_keeps_no_attachments),
      TEST(names_are_made_harmless),
      TEST(a_local_prompt_takes_files_too),
  };
  return cmocka_run_group_tests_name("host_attachments", tests, NULL, NULL);
}

/* What the host refuses: too many, too long, not offered, not of this turn, and a journal that
 * cannot be read. */
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

static int emit(Remote__V1__Event *event) {
  return lrm_host_emit(kit.host, event, kit.wall_ms, kit.now_ns);
}

static void expect_outcome(const lrm_id *id, uint32_t outcome, uint32_t code) {
  assert_int_equal(kit_outcome(&kit, id), outcome);
  assert_int_equal(lrm__inbox_find(kit.host->inbox, id)->code, code);
}

static lrm_id command(Remote__V1__Command__BodyCase body, void *message) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = body;
  command.submit_prompt = message; /* all of the oneof are pointers */
  return kit_command(&kit, &command, 0);
}

static void end_session(void) {
  Remote__V1__SessionEnded ended = REMOTE__V1__SESSION_ENDED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(SESSION_ENDED);
  event.session_ended = &ended;
  assert_int_equal(emit(&event), 0);
}

static void begin_turn(void) {
  kit_prompt(&kit, "go");
  assert_true(kit_act(&kit));
  assert_int_equal(
      lrm_host_finish(kit.host, &kit.action.command_id, 0, "", kit.wall_ms, kit.now_ns), 0);
}

/* ---- creation ---- */

static void what_makes_no_host(void **state) {
  (void)state;
  lrm_host *host;
  assert_int_equal(lrm_host_create(NULL, kit.wall_ms, kit.now_ns, &host), LRM_ERR_USAGE);
  lrm_host_config configs[5];
  for (size_t i = 0; i < 5; i++) configs[i] = kit.config;
  configs[0].struct_bytes = 0;
  configs[1].allocator.alloc = NULL;
  configs[2].store = NULL;
  configs[3].session = NULL;
  memset(&configs[4].session_id, 0, sizeof configs[4].session_id);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(lrm_host_create(&configs[i], kit.wall_ms, kit.now_ns, &host), LRM_ERR_USAGE);
    assert_null(host);
  }
}

/* Of what other versions write only the known part counts; what is missing has its default. */
static void a_shorter_configuration_means_defaults(void **state) {
  (void)state;
  lrm_host_destroy(kit.host);
  assert_int_equal(lrm_store_commit(kit.store), 0);
  kit.config.struct_bytes = offsetof(lrm_host_config, remote_mode);
  assert_int_equal(lrm_host_create(&kit.config, kit.wall_ms, kit.now_ns, &kit.host), 0);
  assert_int_equal(lrm_host_state(kit.host)->remote_mode, MODE(OFF));
  assert_int_equal(kit.host->config.journal_bytes_max, LRM_JOURNAL_BYTES_MAX);
}

/* ---- asks ---- */

static int ask_with(size_t options, lrm_id *id) {
  static Remote__V1__AskOption option[40];
  static Remote__V1__AskOption *list[40];
  static char names[40][8];
  Remote__V1__PlanAsk plan = REMOTE__V1__PLAN_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  for (size_t i = 0; i < options; i++) {
    remote__v1__ask_option__init(&option[i]);
    snprintf(names[i], sizeof names[i], "%zu", i);
    option[i].option_id = i == 1 ? lrm__text("yolo") : names[i];
    list[i] = &option[i];
  }
  ask.options = list;
  ask.n_options = options;
  ask.kind_case = REMOTE__V1__ASK__KIND_PLAN;
  ask.plan = &plan;
  return lrm_host_ask(kit.host, &ask, id, kit.wall_ms, kit.now_ns);
}

static void asks_are_limited(void **state) {
  (void)state;
  lrm_id id;
  assert_int_equal(ask_with(33, &id), LRM_ERR_TOO_LARGE);
  assert_true(lrm_id_none(&id));
  for (unsigned i = 0; i < LRM_ASKS_OPEN_MAX; i++) assert_int_equal(ask_with(2, &id), 0);
  assert_int_equal(ask_with(2, &id), LRM_ERR_BUSY);
  assert_int_equal(lrm_host_state(kit.host)->n_asks, LRM_ASKS_OPEN_MAX);
  end_session();
  assert_int_equal(lrm_host_state(kit.host)->n_asks, 0);
  assert_int_equal(ask_with(2, &id), LRM_ERR_STATE);
}

static void answers_must_fit(void **state) {
  (void)state;
  lrm_id id = kit_ask(&kit, "yes", "no");
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  answer.ask_id = lrm__id_data(&id);
  lrm_id empty = command(REMOTE__V1__COMMAND__BODY_ANSWER_ASK, &answer);
  assert_int_equal(kit_outcome(&kit, &empty), OUTCOME(REJECTED));
  answer.answer = &content;
  content.option_id = lrm__text("yes");
  content.text = lrm__text("and more");
  lrm_id words = command(REMOTE__V1__COMMAND__BODY_ANSWER_ASK, &answer);
  expect_outcome(&words, OUTCOME(REJECTED), LRM_CODE_INVALID);
  assert_int_equal(lrm_host_answer_local(kit.host, &id, &content, kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  content.text = lrm__text("");
  assert_int_equal(lrm_host_answer_local(kit.host, &id, &content, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(
      lrm_host_end_ask(kit.host, &id, ASK_OUTCOME(WITHDRAWN), "late", kit.wall_ms, kit.now_ns),
      LRM_ERR_NOT_FOUND);
}

static void a_plan_is_accepted_with_a_mode_that_asks_less_only_here(void **state) {
  (void)state;
  Remote__V1__Mode yolo = REMOTE__V1__MODE__INIT;
  Remote__V1__Mode *modes[] = {&yolo};
  Remote__V1__ModesChanged changed = REMOTE__V1__MODES_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  yolo.mode_id = lrm__text("yolo");
  changed.modes = modes;
  changed.n_modes = 1;
  event.body_case = EVENT_BODY(MODES_CHANGED);
  event.modes_changed = &changed;
  assert_int_equal(emit(&event), 0);
  lrm_id id;
  assert_int_equal(ask_with(2, &id), 0);
  lrm_id afar = kit_answer(&kit, &id, "yolo");
  expect_outcome(&afar, OUTCOME(REJECTED), LRM_CODE_ELEVATION);
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = lrm__text("yolo");
  assert_int_equal(lrm_host_answer_local(kit.host, &id, &content, kit.wall_ms, kit.now_ns), 0);
}

static void the_end_of_a_turn_ends_its_asks_and_no_other(void **state) {
  (void)state;
  lrm_id before, during;
  assert_int_equal(ask_with(2, &before), 0);
  begin_turn();
  assert_int_equal(ask_with(2, &during), 0);
  kit_turn_ended(&kit, "end_turn");
  assert_int_equal(lrm_host_resolution(kit.host, &during)->outcome, ASK_OUTCOME(WITHDRAWN));
  assert_null(lrm_host_resolution(kit.host, &before));
  assert_int_equal(lrm_host_state(kit.host)->n_asks, 1);
}

static void the_last_4096_resolutions_are_remembered(void **state) {
  (void)state;
  static lrm_id ids[LRM__RESOLUTIONS_MAX + 2];
  for (size_t i = 0; i < LRM__RESOLUTIONS_MAX + 2; i++) {
    assert_int_equal(ask_with(2, &ids[i]), 0);
    assert_int_equal(
        lrm_host_end_ask(kit.host, &ids[i], ASK_OUTCOME(WITHDRAWN), "", kit.wall_ms, kit.now_ns),
        0);
    if (i % 64 == 0) kit_commit(&kit);
  }
  kit_commit(&kit);
  kit_restart(&kit, true);
  assert_int_equal(kit.host->resolutions_count, LRM__RESOLUTIONS_MAX);
  assert_null(lrm_host_resolution(kit.host, &ids[1]));
  assert_non_null(lrm_host_resolution(kit.host, &ids[2]));
  assert_non_null(lrm_host_resolution(kit.host, &ids[LRM__RESOLUTIONS_MAX + 1]));
  /* The next one lets go of the oldest: the order was kept. */
  lrm_id next;
  assert_int_equal(ask_with(2, &next), 0);
  assert_int_equal(
      lrm_host_end_ask(kit.host, &next, ASK_OUTCOME(WITHDRAWN), "", kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  kit_restart(&kit, true);
  assert_null(lrm_host_resolution(kit.host, &ids[2]));
  assert_non_null(lrm_host_resolution(kit.host, &ids[3]));
  assert_non_null(lrm_host_resolution(kit.host, &next));
}

/* ---- attachments ---- */

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
  return command(REMOTE__V1__COMMAND__BODY_ATTACHMENT_CHUNK, &message);
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
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    id = chunk(bad[i].of, bad[i].position, bad[i].total, bad[i].bytes);
    expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  }
  undigested = true;
  id = chunk(3, 0, 100, 10);
  undigested = false;
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  digest[0]++;
  id = chunk(2, 10, 100, 90);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  digest[0]--;
  id = chunk(2, 10, 100, 90);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
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
    expect_outcome(&id, OUTCOME(APPLIED), 0);
  }
  lrm_id many = chunk(99, 0, 100, 10);
  expect_outcome(&many, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
  pass_ms(LRM_ATTACHMENT_MS_MAX - 1);
  many = chunk(99, 0, 100, 10);
  expect_outcome(&many, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
  pass_ms(1);
  lrm_id late = chunk(1, 10, 100, 90);
  expect_outcome(&late, OUTCOME(REJECTED), LRM_CODE_INVALID);
  lrm_id now = chunk(99, 0, 100, 10);
  expect_outcome(&now, OUTCOME(APPLIED), 0);
  /* Their records went with them. */
  kit_commit(&kit);
  kit_restart(&kit, true);
  kit_confirm(&kit);
  late = chunk(1, 10, 100, 90);
  expect_outcome(&late, OUTCOME(REJECTED), LRM_CODE_INVALID);
  now = chunk(99, 10, 100, 90);
  expect_outcome(&now, OUTCOME(APPLIED), 0);
}

/* What is announced is what counts: nobody sends for minutes what has no room in the end. */
static void attachments_are_limited_in_bytes(void **state) {
  (void)state;
  const uint64_t total = LRM_ATTACHMENT_BYTES_MAX;
  uint8_t of = 1;
  for (; of * total <= LRM__ATTACHMENTS_BYTES_MAX; of++) {
    lrm_id first = chunk(of, 0, total, 10);
    expect_outcome(&first, OUTCOME(APPLIED), 0);
  }
  lrm_id more = chunk(of, 0, total, 10);
  expect_outcome(&more, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
  more = chunk(of, 0, LRM__ATTACHMENTS_BYTES_MAX % total, 10);
  expect_outcome(&more, OUTCOME(APPLIED), 0);
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
    expect_outcome(&last, OUTCOME(APPLIED), 0);
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
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  data[7]++;
  id = chunk(1, 60, 100, 40); /* bytes 60 to 99 are others now */
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  lrm_host_attachment_info info;
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), LRM_ERR_NOT_FOUND);
  assert_int_equal(attachment_records(), 0);
  data[7]--;
  id = chunk(1, 0, 100, 60);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  id = chunk(1, 60, 100, 40);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), 0);
}

/* The hour is that of the first chunk, whatever process is there; a clock that was set back does
 * not make it longer. */
static void the_hour_goes_on_over_a_restart(void **state) {
  (void)state;
  memset(data, 7, sizeof data);
  digest_of(100);
  lrm_id id = chunk(1, 0, 100, 60), whole = kit_id(1);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  kit_commit(&kit);
  pass_ms(LRM_ATTACHMENT_MS_MAX / 2);
  kit_restart(&kit, true);
  kit_confirm(&kit);
  id = chunk(1, 60, 100, 40);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
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
  expect_outcome(&id, OUTCOME(APPLIED), 0);
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
  return command(REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT, &message);
}

static void finish_prompt(const lrm_id *id) {
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_PROMPT);
  lrm_host_attachment_info info;
  lrm_id whole = kit_id(1);
  assert_int_equal(kit.action.attachments_count, 1);
  assert_int_equal(lrm_host_attachment(kit.host, &whole, &info), 0);
  assert_int_equal(lrm_host_finish(kit.host, id, 0, "", kit.wall_ms, kit.now_ns), 0);
  expect_outcome(id, OUTCOME(APPLIED), 0);
}

/* A prompt that was taken keeps what it named, however long it waits, and over a restart. */
static void a_waiting_prompt_keeps_its_attachments(void **state) {
  (void)state;
  memset(data, 7, sizeof data);
  digest_of(100);
  lrm_id whole = kit_id(1), id = chunk(1, 0, 100, 100);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
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
  expect_outcome(&id, OUTCOME(APPLIED), 0);
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

/* ---- commands ---- */

static void no_more_commands_wait_than_there_is_room_for(void **state) {
  (void)state;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command message = REMOTE__V1__COMMAND__INIT;
  lrm_id epoch = lrm_host_position(kit.host).epoch, id;
  message.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  message.probe = &probe;
  id = kit_command_as(&kit, &message, 1, &epoch, 0, kit.wall_ms);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  kit.host->synced = false;
  lrm_inbox_item *item;
  for (uint32_t i = 0; i < LRM__INBOX_PENDING_MAX; i++) {
    lrm_id waits = {{7, (uint8_t)(i >> 8), (uint8_t)i}};
    assert_int_equal(
        lrm__inbox_receive(kit.host->inbox, &waits, (lrm_slice){data, 1}, kit.wall_ms, &item), 0);
  }
  id = kit_command_as(&kit, &message, 1, &epoch, 0, kit.wall_ms);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
}

static void settings_are_checked(void **state) {
  (void)state;
  Remote__V1__ConfigValue all = REMOTE__V1__CONFIG_VALUE__INIT, some = all, risky = all;
  Remote__V1__ConfigValue *values[] = {&all, &some, &risky};
  Remote__V1__ConfigOption approve = REMOTE__V1__CONFIG_OPTION__INIT, quiet = approve;
  Remote__V1__ConfigOption *list[] = {&approve, &quiet};
  Remote__V1__ConfigOptionsChanged changed = REMOTE__V1__CONFIG_OPTIONS_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  all.value = lrm__text("all");
  some.value = lrm__text("some");
  risky.value = lrm__text("risky");
  risky.elevating = true;
  approve.option_id = lrm__text("approve");
  approve.values = values;
  approve.n_values = 3;
  quiet.option_id = lrm__text("quiet");
  quiet.boolean = true;
  changed.options = list;
  changed.n_options = 2;
  event.body_case = EVENT_BODY(CONFIG_OPTIONS_CHANGED);
  event.config_options_changed = &changed;
  assert_int_equal(emit(&event), 0);
  const struct {
    const char *option, *value;
    uint32_t code; /* 0: the application gets it */
  } cases[] = {{"approve", "all", LRM_CODE_ELEVATION},
               {"approve", "risky", LRM_CODE_ELEVATION},
               {"approve", "none", LRM_CODE_INVALID},
               {"loud", "true", LRM_CODE_INVALID},
               {"quiet", "maybe", LRM_CODE_INVALID},
               {"quiet", "true", 0},
               {"quiet", "false", 0},
               {"approve", "some", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Remote__V1__SetConfigOption set = REMOTE__V1__SET_CONFIG_OPTION__INIT;
    set.option_id = lrm__text(cases[i].option);
    set.value = lrm__text(cases[i].value);
    lrm_id id = command(REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION, &set);
    if (cases[i].code != 0) {
      expect_outcome(&id, OUTCOME(REJECTED), cases[i].code);
      continue;
    }
    assert_true(kit_act(&kit));
    assert_int_equal(kit.action.type, LRM_ACTION_SET_OPTION);
    assert_string_equal(kit.action.value, cases[i].value);
    assert_int_equal(
        lrm_host_finish(kit.host, &kit.action.command_id, 0, "", kit.wall_ms, kit.now_ns), 0);
    expect_outcome(&id, OUTCOME(APPLIED), 0);
  }
  assert_string_equal(lrm_host_state(kit.host)->options[0]->current_value, "some");
  assert_string_equal(lrm_host_state(kit.host)->options[1]->current_value, "false");
  assert_int_equal(lrm_host_set_option_local(kit.host, "approve", "all", kit.wall_ms, kit.now_ns),
                   0);
  assert_true(kit_act(&kit));
  assert_string_equal(kit.action.value, "all"); /* at the host everything may be chosen */
  assert_true(lrm_id_none(&kit.action.command_id));
}

static void slash_commands_are_checked(void **state) {
  (void)state;
  static const char *refused[] = {"", "login", "nowhere"};
  Remote__V1__RunSlashCommand run = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  for (size_t i = 0; i < 3; i++) {
    run.name = lrm__text(refused[i]);
    lrm_id id = command(REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND, &run);
    expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
  }
  kit_commit(&kit);
  kit.config.slash_allowed = NULL;
  kit_restart(&kit, false);
  kit_confirm(&kit);
  run.name = lrm__text("plan");
  lrm_id id = command(REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND, &run);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
  id = kit_prompt(&kit, "/plan\tit");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
}

static void only_what_waits_can_be_taken_back(void **state) {
  (void)state;
  Remote__V1__WithdrawCommand withdraw = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  lrm_id self = kit_id((uint8_t)(kit.next_id + 1)), nobody = kit_id(250);
  withdraw.command_id = lrm__id_data(&self);
  lrm_id id = command(REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND, &withdraw);
  assert_true(lrm_id_equal(&id, &self));
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_TOO_LATE);
  withdraw.command_id = lrm__id_data(&nobody);
  id = command(REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND, &withdraw);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_TOO_LATE);
  assert_int_equal(lrm_host_withdraw_local(kit.host, "no id", kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  assert_int_equal(lrm_host_withdraw_local(kit.host, NULL, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  char text[LRM_ID_HEX_BYTES];
  lrm_id_hex(&nobody, text);
  assert_int_equal(lrm_host_withdraw_local(kit.host, text, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
}

static void local_prompts_are_checked(void **state) {
  (void)state;
  static char text[128 * 1024 + 2];
  memset(text, 'x', sizeof text - 1);
  const char *bad[] = {NULL, "", " \t\r\n "};
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(lrm_host_submit_local(kit.host, bad[i], false, kit.wall_ms, kit.now_ns),
                     LRM_ERR_USAGE);
  assert_int_equal(lrm_host_submit_local(kit.host, "\xff", false, kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  assert_int_equal(lrm_host_submit_local(kit.host, text, false, kit.wall_ms, kit.now_ns),
                   LRM_ERR_TOO_LARGE);
  text[128 * 1024] = '\0';
  assert_int_equal(lrm_host_submit_local(kit.host, text, false, kit.wall_ms, kit.now_ns), 0);
  end_session();
  assert_int_equal(lrm_host_submit_local(kit.host, "late", false, kit.wall_ms, kit.now_ns),
                   LRM_ERR_STATE);
}

/* ---- what the agent says ---- */

static int output(const char *id) {
  Remote__V1__ToolOutput tool = REMOTE__V1__TOOL_OUTPUT__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  tool.tool_call_id = lrm__text(id);
  tool.data = (ProtobufCBinaryData){1, (uint8_t *)lrm__text("x")};
  event.body_case = EVENT_BODY(TOOL_OUTPUT);
  event.tool_output = &tool;
  return lrm_host_delta(kit.host, &event, kit.wall_ms, kit.now_ns);
}

static int said(const char *id, const char *text) {
  Remote__V1__AssistantDelta delta = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  delta.message_id = lrm__text(id);
  delta.text = lrm__text(text);
  event.body_case = EVENT_BODY(ASSISTANT_DELTA);
  event.assistant_delta = &delta;
  return lrm_host_delta(kit.host, &event, kit.wall_ms, kit.now_ns);
}

/* Outputs that are durable give way; messages never do. */
static void streams_are_limited(void **state) {
  (void)state;
  char id[16];
  for (unsigned i = 0; i < LRM__STREAMS_MAX; i++) {
    snprintf(id, sizeof id, "tool%u", i);
    assert_int_equal(output(id), 0);
  }
  assert_int_equal(said("m", "too many"), LRM_ERR_BUSY);
  kit.now_ns += 60 * 1000 * NS_PER_MS;
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(kit.host->pending_bytes, 0);
  for (unsigned i = 0; i < LRM__STREAMS_MAX; i++) {
    snprintf(id, sizeof id, "message%u", i);
    assert_int_equal(said(id, "word"), 0);
  }
  assert_int_equal(output("tool0"), LRM_ERR_BUSY);
  assert_int_equal(said("more", "word"), LRM_ERR_BUSY);
  assert_int_equal(lrm_host_complete_stream(kit.host, "message7", kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(said("more", "word"), 0);
}

static void what_is_no_delta(void **state) {
  (void)state;
  Remote__V1__TitleChanged title = REMOTE__V1__TITLE_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(TITLE_CHANGED);
  event.title_changed = &title;
  lrm_position before = lrm_host_position(kit.host);
  assert_int_equal(lrm_host_delta(kit.host, &event, kit.wall_ms, kit.now_ns), LRM_ERR_USAGE);
  assert_int_equal(lrm_host_tail(kit.host, &event, kit.wall_ms, kit.now_ns), LRM_ERR_USAGE);
  assert_int_equal(said("", "nameless"), LRM_ERR_USAGE);
  assert_int_equal(said("m", "\xc3"), LRM_ERR_USAGE);
  assert_int_equal(said("m", ""), 0); /* says nothing */
  assert_int_equal(lrm_host_position(kit.host).offset, before.offset);
  assert_int_equal(kit.tails, 0);
  assert_int_equal(lrm_host_set_remote_mode(kit.host, 0, "", kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  assert_int_equal(lrm_host_set_remote_mode(kit.host, 4, "", kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
}

static void hide(void *user, Remote__V1__Event *event, lrm_arena *arena) {
  (void)user;
  (void)arena;
  char *text = event->body_case == EVENT_BODY(ASSISTANT_DELTA) ? event->assistant_delta->text
               : event->body_case == EVENT_BODY(TITLE_CHANGED) ? event->title_changed->title
                                                               : NULL;
  char *at = text == NULL ? NULL : strstr(text, "secret");
  if (at != NULL) memcpy(at, "......", 6);
  if (event->body_case != EVENT_BODY(ASSET)) return;
  /* Of a long prompt the text gets shorter. */
  ProtobufCBinaryData *all = &event->asset->data;
  for (size_t i = 0; i + 6 <= all->len; i++) {
    if (memcmp(all->data + i, "secret", 6) != 0) continue;
    all->len -= 3;
    memcpy(all->data + i, "...", 3);
    memmove(all->data + i + 3, all->data + i + 6, all->len - i - 3);
  }
}

/* The only asset in the journal, whole; how many chunks it has comes out. */
static size_t find_asset(lrm_asset *asset) {
  lrm_log_facts facts = lrm_log_facts_now(kit.host->events);
  size_t chunks = 0;
  for (uint64_t at = facts.first; at < facts.end;) {
    lrm_block block;
    lrm_slice message;
    assert_int_equal(lrm_log_read(kit.host->events, at, &block), 0);
    assert_int_equal(lrm_block_reader_begin(kit.host->reader, block.flags, block.count,
                                            block.inflated_bytes, block.payload),
                     0);
    while (lrm_block_reader_next(kit.host->reader, &message)) {
      Remote__V1__Event *event = remote__v1__event__unpack(NULL, message.bytes, message.data);
      if (event->body_case == EVENT_BODY(ASSET)) {
        assert_int_equal(lrm_asset_add(asset, event->asset), 0);
        chunks++;
      }
      remote__v1__event__free_unpacked(event, NULL);
    }
    at = block.offset + block.count;
  }
  return chunks;
}

/* Also where the message is cut, and in what follows it. */
static void a_long_prompt_is_hidden_whole(void **state) {
  (void)state;
  char id[LRM_ID_HEX_BYTES + 8];
  static char text[100001];
  lrm_allocator allocator = lrm_allocator_default();
  lrm_asset *asset;
  lrm_slice whole;
  kit_commit(&kit);
  kit.config.redact = hide;
  kit_restart(&kit, false);
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  memset(text, 'a', 100000);
  memcpy(text + 65533, "secret", 6);
  memcpy(text + 99990, "secret", 6);
  assert_int_equal(lrm_host_submit_local(kit.host, text, false, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  assert_null(strstr(kit.said->text, "sec"));
  assert_int_equal(strlen(kit.said->text), 65536);
  snprintf(id, sizeof id, "%s", kit.said->asset_id);
  assert_int_equal(lrm_asset_create(&allocator, id, 0, &asset), 0);
  assert_int_equal(find_asset(asset), 1);
  lrm_asset_info info = lrm_asset_info_now(asset);
  assert_int_equal(info.state, LRM_ASSET_VERIFIED);
  assert_int_equal(info.total, 100000 - 6);
  assert_true(lrm_asset_piece(asset, 0, &whole));
  for (size_t i = 0; i + 6 <= whole.bytes; i++)
    assert_int_not_equal(memcmp(whole.data + i, "secret", 6), 0);
  assert_memory_equal(whole.data, kit.said->text, 65536);
  lrm_asset_destroy(asset);
}

static void secrets_are_hidden_before_anybody_sees_them(void **state) {
  (void)state;
  kit_commit(&kit);
  kit.config.redact = hide;
  kit_restart(&kit, false);
  Remote__V1__TitleChanged title = REMOTE__V1__TITLE_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  title.title = lrm__text("my secret plan");
  event.body_case = EVENT_BODY(TITLE_CHANGED);
  event.title_changed = &title;
  assert_int_equal(emit(&event), 0);
  assert_string_equal(lrm_host_state(kit.host)->title, "my ...... plan");
  assert_string_equal(title.title, "my secret plan"); /* the caller's is its own */
  assert_int_equal(said("m", "the secret is"), 0);
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  kit_restart(&kit, true);
  const Remote__V1__SessionState *now = lrm_host_state(kit.host);
  assert_string_equal(now->title, "my ...... plan");
  assert_int_equal(now->n_history, 1);
  assert_string_equal(now->history[0]->assistant->text, "the ...... is");
  title.title = lrm__text("\xff");
  assert_int_equal(emit(&event), LRM_ERR_USAGE);
}

/* ---- the store ---- */

static void another_process_ends_remote_control(void **state) {
  (void)state;
  kit_prompt(&kit, "go");
  lrm_host_store_failed(kit.host, LRM_ERR_FENCED);
  lrm_host_store_failed(kit.host, LRM_ERR_FENCED); /* said once */
  assert_true(lrm_host_next_action(kit.host, &kit.action));
  assert_int_equal(kit.action.type, LRM_ACTION_RESTART_LINK);
  assert_int_equal(kit.action.code, 0);
  assert_int_equal(lrm_host_settled(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_false(lrm_host_next_action(kit.host, &kit.action)); /* the remote prompt is not begun */
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
}

static void all_is_published_when_the_relay_has_all(void **state) {
  (void)state;
  kit_commit(&kit);
  assert_false(lrm_host_published(kit.host));
  kit.host->acknowledged = lrm_host_position(kit.host).offset;
  assert_true(lrm_host_published(kit.host));
  assert_int_equal(said("m", "more"), 0);
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
  assert_false(lrm_host_published(kit.host));
  lrm_host_local_input(kit.host, 5);
  assert_int_equal(kit.host->local_input_ms, 5);
}

static void a_journal_that_cannot_be_read_is_told(void **state) {
  (void)state;
  static const uint8_t id[16] = {1}, junk[40] = {0xff};
  const struct {
    uint32_t space;
    lrm_slice key, value;
  } bad[] = {{LRM__SPACE_ASKS, {id, 15}, {junk, 40}},
             {LRM__SPACE_ASKS, {id, 16}, {junk, 7}},
             {LRM__SPACE_ASKS, {id, 16}, {junk, 40}},
             {LRM__SPACE_COMMANDS, {id, 15}, {junk, 40}},
             {LRM__SPACE_COMMANDS, {id, 16}, {junk, 3}},
             {LRM__SPACE_COMMANDS, {id, 16}, {junk, 40}},
             {LRM__SPACE_META, {(const uint8_t *)"commands", 8}, {junk, 23}}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kit_end(&kit);
    kit_start(&kit, MODE(CONTROL));
    assert_int_equal(lrm_store_put(kit.store, bad[i].space, bad[i].key, bad[i].value), 0);
    kit_commit(&kit);
    lrm_host_destroy(kit.host);
    kit.host = NULL;
    int result = lrm_host_create(&kit.config, kit.wall_ms, kit.now_ns, &kit.host);
    if (result != LRM_ERR_CORRUPT) fail_msg("record %zu: %d", i, result);
    assert_null(kit.host);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_makes_no_host),
      TEST(a_shorter_configuration_means_defaults),
      TEST(asks_are_limited),
      TEST(answers_must_fit),
      TEST(a_plan_is_accepted_with_a_mode_that_asks_less_only_here),
      TEST(the_end_of_a_turn_ends_its_asks_and_no_other),
      TEST(the_last_4096_resolutions_are_remembered),
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
      TEST(no_more_commands_wait_than_there_is_room_for),
      TEST(settings_are_checked),
      TEST(slash_commands_are_checked),
      TEST(only_what_waits_can_be_taken_back),
      TEST(local_prompts_are_checked),
      TEST(streams_are_limited),
      TEST(what_is_no_delta),
      TEST(secrets_are_hidden_before_anybody_sees_them),
      TEST(a_long_prompt_is_hidden_whole),
      TEST(another_process_ends_remote_control),
      TEST(all_is_published_when_the_relay_has_all),
      TEST(a_journal_that_cannot_be_read_is_told),
  };
  return cmocka_run_group_tests_name("host_limits", tests, NULL, NULL);
}

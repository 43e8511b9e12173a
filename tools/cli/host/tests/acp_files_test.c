/* Files with prompts in the form that an agent takes, and images, files and long texts of an agent
 * as assets: digests, limits, the same bytes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "acp_internal.h"
#include "recorder.h"
#include "remote/asset.h"

#define BODY(x) REMOTE__V1__EVENT__BODY_##x
#define MIB (1024u * 1024u)

static recorder rec;
static acp_sink sink;
static lrm_id epoch;

static lrm_id on_epoch(void *user) {
  (void)user;
  return epoch;
}

static void start(const char *capabilities) {
  char answer[512];
  recorder_init(&rec);
  sink = recorder_sink;
  sink.epoch = on_epoch;
  memset(&epoch, 1, sizeof epoch);
  recorder_start(&rec, NULL, NULL);
  rec.session->sink = &sink;
  snprintf(answer, sizeof answer,
           "{\"protocolVersion\":1,\"agentCapabilities\":{\"promptCapabilities\":{%s}}}",
           capabilities);
  agent_answers(&rec, "initialize", answer);
  agent_answers(&rec, "session/new", "{\"sessionId\":\"s1\"}");
  assert_true(rec.ready);
}

static int begin(void **state) {
  (void)state;
  start("\"image\":true,\"audio\":true,\"embeddedContext\":true");
  return 0;
}

static int end(void **state) {
  (void)state;
  assert_int_equal(rec.bad, 0);
  recorder_free(&rec);
  return 0;
}

/* ---- with a prompt ---- */

static acp_form form_of(const char *media_type, const void *data, size_t bytes, size_t before) {
  const acp_attachment a = {.name = "a", .media_type = media_type, .data = data, .bytes = bytes};
  return acp_attachment_form(rec.session, &a, before);
}

static void each_in_the_form_that_is_taken(void **state) {
  (void)state;
  assert_int_equal(form_of("image/png", "x", 1, 0), ACP_FORM_IMAGE);
  assert_int_equal(form_of("image/heic", "x", 1, 0), ACP_FORM_LINK);
  assert_int_equal(form_of("audio/wav", "x", 1, 0), ACP_FORM_AUDIO);
  assert_int_equal(form_of("text/markdown", "x", 1, 0), ACP_FORM_TEXT);
  assert_int_equal(form_of("application/json", "{}", 2, 0), ACP_FORM_TEXT);
  assert_int_equal(form_of("text/plain", "\xff", 1, 0), ACP_FORM_LINK);
  assert_int_equal(form_of("text/plain", "a\0b", 3, 0), ACP_FORM_LINK);
  assert_int_equal(form_of("application/pdf", "x", 1, 0), ACP_FORM_LINK);
  char *long_text = memory_zero(300000);
  memset(long_text, 'a', 300000);
  assert_int_equal(form_of("text/plain", long_text, 256 * 1024, 0), ACP_FORM_TEXT);
  assert_int_equal(form_of("text/plain", long_text, 256 * 1024 + 1, 0), ACP_FORM_LINK);
  free(long_text);
}

static void a_line_is_not_made_too_long(void **state) {
  (void)state;
  assert_int_equal(form_of("image/png", "x", 10 * MIB, 6 * MIB), ACP_FORM_IMAGE);
  assert_int_equal(form_of("image/png", "x", 10 * MIB, 6 * MIB + 1), ACP_FORM_LINK);
  assert_int_equal(form_of("image/png", "x", 1, SIZE_MAX), ACP_FORM_LINK);
}

static void an_agent_without_capabilities_gets_links(void **state) {
  (void)state;
  recorder_free(&rec);
  start("");
  assert_int_equal(form_of("image/png", "x", 1, 0), ACP_FORM_LINK);
  assert_int_equal(form_of("audio/wav", "x", 1, 0), ACP_FORM_LINK);
  assert_int_equal(form_of("text/plain", "x", 1, 0), ACP_FORM_LINK);
}

static const char *word(const json_t *block, const char *key) {
  return json_string_value(json_object_get(block, key));
}

static void blocks_are_what_acp_says(void **state) {
  (void)state;
  const uint8_t bytes[] = {0, 1, 2, 255};
  const acp_attachment all[] = {
      {"i.png", "image/png", bytes, 4, "", ACP_FORM_IMAGE},
      {"s.wav", "audio/wav", bytes, 3, "", ACP_FORM_AUDIO},
      {"n.md", "text/markdown", (const uint8_t *)"# N\n", 4, "file:///s/n.md", ACP_FORM_TEXT},
      {"b.bin", "", NULL, 12345, "file:///s/b.bin", ACP_FORM_LINK},
  };
  assert_true(acp_session_prompt(rec.session, "t1", "look", all, 4, NULL, rec.now_ns));
  json_t *blocks =
      json_object_get(json_object_get(sent_method(&rec, "session/prompt"), "params"), "prompt");
  assert_int_equal(json_array_size(blocks), 5);
  assert_string_equal(word(json_array_get(blocks, 1), "type"), "image");
  assert_string_equal(word(json_array_get(blocks, 1), "data"), "AAEC/w==");
  assert_string_equal(word(json_array_get(blocks, 2), "type"), "audio");
  assert_string_equal(word(json_array_get(blocks, 2), "data"), "AAEC");
  const json_t *resource = json_object_get(json_array_get(blocks, 3), "resource");
  assert_string_equal(word(resource, "text"), "# N\n");
  assert_string_equal(word(resource, "uri"), "file:///s/n.md");
  const json_t *link = json_array_get(blocks, 4);
  assert_string_equal(word(link, "type"), "resource_link");
  assert_string_equal(word(link, "name"), "b.bin");
  assert_int_equal(json_integer_value(json_object_get(link, "size")), 12345);
  assert_null(json_object_get(link, "mimeType"));
}

/* ---- of the agent ---- */

/* A chunk of the agent's message with `count` letters A (three zero bytes in four). */
static void shows(const char *type, const char *media_type, size_t count) {
  char *letters = memory_zero(count + 1), *line;
  memset(letters, 'A', count);
  assert_true(asprintf(&line,
                       "{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{"
                       "\"sessionId\":\"s1\",\"update\":{\"sessionUpdate\":"
                       "\"agent_message_chunk\",\"content\":{\"type\":\"%s\",\"mimeType\":"
                       "\"%s\",\"data\":\"%s\"}}}}",
                       type, media_type, letters) >= 0);
  agent_says_raw(&rec, line);
  free(line);
  free(letters);
}

static const Remote__V1__Attachment *shown(void) {
  return last_body(&rec, BODY(ASSISTANT_MESSAGE))->assistant_message->attachments[0];
}

static lrm_asset_state put_together(const char *id) {
  lrm_asset *asset;
  lrm_allocator allocator = lrm_allocator_default();
  assert_int_equal(lrm_asset_create(&allocator, id, 0, &asset), 0);
  for (size_t i = 0; i < rec.count; i++)
    if (rec.events[i].event->body_case == BODY(ASSET))
      assert_int_equal(lrm_asset_add(asset, rec.events[i].event->asset), 0);
  lrm_asset_state state = lrm_asset_info_now(asset).state;
  lrm_asset_destroy(asset);
  return state;
}

static void prompt(const char *turn) {
  assert_true(acp_session_prompt(rec.session, turn, "go", NULL, 0, NULL, rec.now_ns));
}

static void chunks_have_the_digest_of_the_whole(void **state) {
  (void)state;
  prompt("t1");
  shows("image", "image/png", 400000);
  assert_true(count_body(&rec, BODY(ASSET)) > 2);
  assert_int_equal(shown()->size, 300000);
  assert_int_equal(put_together(shown()->asset_id), LRM_ASSET_VERIFIED);
}

static void the_same_bytes_are_sent_once(void **state) {
  (void)state;
  char first[128];
  prompt("t1");
  shows("image", "image/png", 400);
  snprintf(first, sizeof first, "%s", shown()->asset_id);
  size_t sent = count_body(&rec, BODY(ASSET));
  shows("image", "image/png", 400);
  assert_string_equal(shown()->asset_id, first);
  assert_int_equal(count_body(&rec, BODY(ASSET)), sent);
  shows("image", "image/gif", 400); /* another kind is another asset */
  assert_string_not_equal(shown()->asset_id, first);
  sent = count_body(&rec, BODY(ASSET));
  /* Another history has nothing of the former one. */
  memset(&epoch, 2, sizeof epoch);
  shows("image", "image/png", 400);
  assert_string_not_equal(shown()->asset_id, first);
  assert_int_equal(count_body(&rec, BODY(ASSET)), sent + 1);
  /* After an hour the log may have let it go. */
  snprintf(first, sizeof first, "%s", shown()->asset_id);
  rec.now_ns += 3601ull * 1000000000ull;
  shows("image", "image/png", 400);
  assert_string_not_equal(shown()->asset_id, first);
}

static void what_is_too_large_is_named(void **state) {
  (void)state;
  prompt("t1");
  shows("image", "image/png", 14u * MIB); /* 10.5 MiB */
  assert_int_equal(count_body(&rec, BODY(ASSET)), 0);
  assert_string_equal(shown()->asset_id, "");
  assert_int_equal(shown()->size, 14u * MIB / 4 * 3);
  assert_non_null(strstr(last_body(&rec, BODY(NOTICE))->notice->text, "over 10 MiB"));
  assert_null(last_extension(&rec, "content"));
}

static void a_turn_has_a_limit(void **state) {
  (void)state;
  prompt("t1");
  for (unsigned i = 0; i < 7; i++) shows("image", "image/png", 13u * MIB - 4 * i); /* 9.75 MiB */
  assert_string_equal(shown()->asset_id, "");
  size_t notices = count_body(&rec, BODY(NOTICE));
  assert_int_equal(notices, 1);
  assert_non_null(strstr(last_body(&rec, BODY(NOTICE))->notice->text, "64 MiB"));
  agent_answers(&rec, "session/prompt", "{\"stopReason\":\"end_turn\"}");
  prompt("t2");
  shows("image", "image/png", 12u * MIB);
  assert_string_not_equal(shown()->asset_id, "");
}

static void resources_are_assets_in_messages_and_in_tools(void **state) {
  (void)state;
  prompt("t1");
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'resource','resource':"
                "{'uri':'file:///w/a.txt','mimeType':'text/x-c','text':'int x;'}}}");
  assert_string_equal(shown()->name, "file:///w/a.txt");
  assert_int_equal(shown()->size, 6);
  const Remote__V1__Asset *asset = last_body(&rec, BODY(ASSET))->asset;
  assert_memory_equal(asset->data.data, "int x;", 6);
  assert_string_equal(asset->media_type, "text/x-c");
  agent_updates(&rec,
                "{'sessionUpdate':'tool_call','toolCallId':'c','title':'t','status':'completed',"
                "'content':[{'type':'content','content':{'type':'resource','resource':"
                "{'uri':'file:///w/b.bin','blob':'AAEC'}}}]}");
  const Remote__V1__ToolContent *content =
      last_body(&rec, BODY(TOOL_ENDED))->tool_ended->content[0];
  assert_int_equal(content->content_case, REMOTE__V1__TOOL_CONTENT__CONTENT_RESOURCE);
  assert_string_equal(content->resource->name, "file:///w/b.bin");
  assert_int_equal(put_together(content->resource->asset_id), LRM_ASSET_VERIFIED);
}

static void what_is_no_base64_is_kept_as_it_was_said(void **state) {
  (void)state;
  prompt("t1");
  agent_updates(&rec,
                "{'sessionUpdate':'agent_message_chunk','content':{'type':'image','mimeType':"
                "'image/png','data':'***'}}");
  assert_int_equal(count_body(&rec, BODY(ASSET)), 0);
  assert_non_null(last_extension(&rec, "content"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(each_in_the_form_that_is_taken),
      TEST(a_line_is_not_made_too_long),
      TEST(an_agent_without_capabilities_gets_links),
      TEST(blocks_are_what_acp_says),
      TEST(chunks_have_the_digest_of_the_whole),
      TEST(the_same_bytes_are_sent_once),
      TEST(what_is_too_large_is_named),
      TEST(a_turn_has_a_limit),
      TEST(resources_are_assets_in_messages_and_in_tools),
      TEST(what_is_no_base64_is_kept_as_it_was_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

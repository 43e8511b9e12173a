/* Web Push held against what its standards print: RFC 8291's example, a VAPID token whose signature
 * is verified by another path than the one that made it; the words of messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_push.h"
#include "wording.h"

static size_t from_base64url(const char *text, uint8_t *out) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint32_t word = 0;
  unsigned bits = 0;
  size_t bytes = 0;
  for (; *text != '\0'; text++) {
    const char *at = strchr(letters, *text);
    assert_non_null(at);
    word = word << 6 | (uint32_t)(at - letters);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[bytes++] = (uint8_t)(word >> bits);
    }
  }
  return bytes;
}

/* RFC 8291, section 5 and appendix A. */
static void the_example_of_the_standard(void **state) {
  static const char text[] = "When I grow up, I want to be a watermelon";
  uint8_t auth[16], own_secret[32], own_point[65], point[65], salt[16], expected[256];
  uint8_t body[WEB_PUSH_BODY_BYTES_MAX];
  size_t bytes = 0;
  (void)state;
  assert_int_equal(from_base64url("BTBZMqHH6r4Tts7J_aSIgg", auth), 16);
  assert_int_equal(
      from_base64url("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SR"
                     "pkNtoIAiw4",
                     point),
      65);
  assert_int_equal(from_base64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", own_secret), 32);
  assert_int_equal(
      from_base64url("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6"
                     "PBru3jl7A8",
                     own_point),
      65);
  assert_int_equal(from_base64url("DGv6ra1nlYgDCS1FRnbzlw", salt), 16);
  size_t expected_bytes = from_base64url(
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS"
      "6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qu"
      "lcy4a-fN",
      expected);
  web_push_key *own = web_push_key_of(own_secret, own_point);
  assert_non_null(own);
  assert_true(web_push_encrypt(point, auth, own, salt, text, strlen(text), 0, body, &bytes));
  assert_int_equal(bytes, expected_bytes);
  assert_memory_equal(body, expected, bytes);
  /* Padding hides how long it is, and no more than a record is taken. */
  assert_true(web_push_encrypt(point, auth, own, salt, text, strlen(text), 256, body, &bytes));
  assert_int_equal(bytes, WEB_PUSH_HEAD_BYTES + 256 + 1 + 16);
  assert_false(web_push_encrypt(point, auth, own, salt, text, 1, 4000, body, &bytes));
  point[10] ^= 1; /* not on the curve */
  assert_false(web_push_encrypt(point, auth, own, salt, text, strlen(text), 0, body, &bytes));
  web_push_key_free(own);
}

static bool verify(const uint8_t point[65], const char *text, size_t bytes,
                   const uint8_t signature[64]) {
  uint8_t der_key[91], der[80], *at = der;
  static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
  memcpy(der_key, head, sizeof head);
  memcpy(der_key + sizeof head, point, 65);
  const uint8_t *in = der_key;
  EVP_PKEY *key = d2i_PUBKEY(NULL, &in, sizeof der_key);
  ECDSA_SIG *parts = ECDSA_SIG_new();
  assert_int_equal(
      ECDSA_SIG_set0(parts, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)),
      1);
  int der_bytes = i2d_ECDSA_SIG(parts, &at);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(context, der, (size_t)der_bytes, (const uint8_t *)text, bytes) == 1;
  EVP_MD_CTX_free(context);
  ECDSA_SIG_free(parts);
  EVP_PKEY_free(key);
  return good;
}

static void a_token_that_others_verify(void **state) {
  char pem[2000], value[1600], expected[100];
  uint8_t point[65], signature[100], claims[300];
  (void)state;
  web_push_key *made = web_push_key_make();
  assert_non_null(made);
  assert_true(web_push_key_write(made, pem, sizeof pem));
  assert_false(web_push_key_write(made, pem, 20));
  web_push_key *key = web_push_key_read(pem); /* as after a restart */
  assert_non_null(key);
  web_push_key_public(made, point);
  web_push_key_free(made);
  assert_true(web_push_authorization(key, "https://push.example.net", "mailto:ada@example.org",
                                     1767225600, value, sizeof value));
  assert_memory_equal(value, "vapid t=", 8);
  char *k = strstr(value, ", k=");
  assert_non_null(k);
  assert_true(web_push_base64url(point, 65, expected, sizeof expected));
  assert_string_equal(k + 4, expected);
  *k = '\0';
  char *token = value + 8, *dot = strrchr(token, '.');
  assert_int_equal(from_base64url(dot + 1, signature), 64);
  assert_true(verify(point, token, (size_t)(dot - token), signature));
  signature[5] ^= 1;
  assert_false(verify(point, token, (size_t)(dot - token), signature));
  *dot = '\0';
  claims[from_base64url(strchr(token, '.') + 1, claims)] = '\0';
  assert_string_equal((const char *)claims,
                      "{\"aud\":\"https://push.example.net\",\"exp\":1767225600,\"sub\":"
                      "\"mailto:ada@example.org\"}");
  /* What could break out of the JSON is not signed. */
  assert_false(web_push_authorization(key, "https://a\"b", "mailto:a@b", 1, value, sizeof value));
  assert_false(web_push_authorization(key, "https://a", "mailto:\\", 1, value, sizeof value));
  web_push_key_free(key);
  assert_null(web_push_key_read("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  assert_null(web_push_key_read(""));
}

static relay_message example(void) {
  relay_message m = {.kind = RELAY_NOTICE_ASK, .account = "ada", .created_ms = 5, .hook = 0};
  memset(m.session.bytes, 0x11, 16);
  memset(m.ask.bytes, 0x22, 16);
  snprintf(m.tag, sizeof m.tag, "ask-1");
  snprintf(m.title, sizeof m.title, "fix \"it\"\n");
  snprintf(m.text, sizeof m.text, "rm -rf / ?");
  return m;
}

static void contents_only_for_who_wants_them(void **state) {
  char out[WORDING_JSON_BYTES_MAX];
  (void)state;
  relay_message m = example();
  assert_true(wording_webhook(&m, "https://r.example", out, sizeof out) > 0);
  assert_null(strstr(out, "rm -rf"));
  assert_null(strstr(out, "fix"));
  assert_non_null(strstr(out, "\"title\":\"A session needs an answer\""));
  assert_non_null(strstr(out,
                         "\"url\":\"https://r.example/#/s/11111111111111111111111111111111/ask/"
                         "22222222222222222222222222222222\""));
  assert_true(wording_push(&m, out, sizeof out) > 0);
  assert_null(strstr(out, "rm -rf"));
  assert_null(strstr(out, "title"));
  assert_null(strstr(out, "ada"));
  m.with_text = true;
  assert_true(wording_push(&m, out, sizeof out) > 0);
  assert_non_null(strstr(out, "\"title\":\"fix \\\"it\\\"\\u000a\",\"text\":\"rm -rf / ?\""));
  m.withdrawn = true;
  assert_true(wording_webhook(&m, NULL, out, sizeof out) > 0);
  assert_non_null(strstr(out, "\"event\":\"withdrawn\",\"of\":\"ask\""));
  assert_null(strstr(out, "rm -rf"));
  assert_null(strstr(out, "url"));
  m = (relay_message){.kind = RELAY_NOTICE_MANY, .count = 9, .account = "ada"};
  wording_title(&m, out, sizeof out);
  assert_string_equal(out, "9 sessions need answers");
  assert_int_equal(wording_webhook(&m, NULL, out, 40), 0);
}

static void headers_are_one_line_of_ascii(void **state) {
  char out[WORDING_HEADER_BYTES_MAX];
  (void)state;
  wording_header("plain\r\nX-Evil: 1", out, sizeof out);
  assert_string_equal(out, "plain  X-Evil: 1");
  wording_header("\xc3\xa4", out, sizeof out);
  assert_string_equal(out, "=?UTF-8?B?w6Q=?=");
  char text[128];
  for (unsigned i = 0; i + 2 < sizeof text; i += 2) memcpy(text + i, "\xc3\xa4", 2);
  text[126] = '\0';
  wording_header(text, out, sizeof out);
  for (const char *at = out; *at != '\0'; at++) assert_true(*at >= ' ' && *at <= '~');
  assert_true(strlen(out) > 126);
}

/* The example of Standard Webhooks. */
static void a_signature_as_others_make_it(void **state) {
  static const char body[] = "{\"test\": 2432232314}";
  uint8_t secret[24];
  char out[100];
  (void)state;
  assert_int_equal(EVP_DecodeBlock(secret, (const uint8_t *)"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 32),
                   24);
  assert_true(
      wording_sign(secret, 24, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, out, sizeof out));
  assert_string_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_example_of_the_standard),
      cmocka_unit_test(a_token_that_others_verify),
      cmocka_unit_test(contents_only_for_who_wants_them),
      cmocka_unit_test(headers_are_one_line_of_ascii),
      cmocka_unit_test(a_signature_as_others_make_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

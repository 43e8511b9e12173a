/* Bytes of keyboards and what they mean; any cut gives the same keys; rubbish gives none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keys.h"
#include "random.h"

typedef struct record {
  char text[65536];
  size_t bytes;
} record;

static void note(void *user, const key_press *key) {
  static const char *const names[] = {"",        "text",      "paste",      "paste-end", "enter",
                                      "newline", "tab",       "back-tab",   "esc",       "backsp",
                                      "delete",  "left",      "right",      "up",        "down",
                                      "home",    "end",       "pgup",       "pgdn",      "wleft",
                                      "wright",  "kill-left", "kill-right", "ctrl",      "alt"};
  record *r = user;
  assert_in_range(key->name, KEY_TEXT, KEY_ALT);
  /* Text that comes in pieces is one text. */
  char head[16];
  snprintf(head, sizeof head, "%s:", names[key->name]);
  bool texts = key->name == KEY_TEXT || key->name == KEY_PASTE;
  char *last = strrchr(r->text, '|');
  bool joins = texts && r->bytes > 0 && last != NULL && strncmp(last + 1, head, strlen(head)) == 0;
  if (!joins)
    r->bytes += (size_t)snprintf(r->text + r->bytes, sizeof r->text - r->bytes, "|%s",
                                 texts ? head : names[key->name]);
  if (key->letter != '\0')
    r->bytes += (size_t)snprintf(r->text + r->bytes, sizeof r->text - r->bytes, "%c", key->letter);
  if (texts)
    r->bytes += (size_t)snprintf(r->text + r->bytes, sizeof r->text - r->bytes, "%.*s",
                                 (int)key->bytes, key->text);
}

static void check(const char *bytes, size_t count, const char *expected) {
  for (size_t piece = 1; piece <= count; piece++) {
    keys k;
    static record r;
    memset(&r, 0, sizeof r);
    keys_init(&k);
    for (size_t at = 0; at < count; at += piece)
      keys_feed(&k, bytes + at, at + piece < count ? piece : count - at, note, &r);
    keys_flush(&k, note, &r);
    assert_string_equal(r.text, expected);
  }
}
#define CHECK(bytes, expected) check(bytes, sizeof(bytes) - 1, expected)

static void plain_and_controls(void **state) {
  (void)state;
  CHECK("ab\r", "|text:ab|enter");
  CHECK("a\nb", "|text:a|newline|text:b");
  CHECK("\x01\x05\x1c\x1f\t\x7f\x08", "|ctrla|ctrle|ctrl\\|ctrl_|tab|backsp|backsp");
  CHECK("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xf0\x9f\x98\x80",
        "|text:gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xf0\x9f\x98\x80");
}

static void sequences(void **state) {
  (void)state;
  CHECK("\x1b[A\x1b[B\x1bOC\x1bOD", "|up|down|right|left");
  CHECK("\x1b[1;5C\x1b[1;3D\x1b[1;5A", "|wright|wleft|up");
  CHECK("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1bOH\x1bOF",
        "|home|end|home|end|home|end|home|end");
  CHECK("\x1b[3~\x1b[3;5~\x1b[5~\x1b[6~\x1b[Z", "|delete|kill-right|pgup|pgdn|back-tab");
  CHECK(
      "\x1b\r\x1b\n\x1b\x7f\x1b"
      "b\x1b"
      "f\x1b"
      "d\x1b<",
      "|newline|newline|kill-left|wleft|wright|kill-right|alt<");
  CHECK("\x1b[13;2u\x1b[27;2;13~\x1b[13u\x1b[27;5;99~\x1b[99;5u",
        "|newline|newline|enter|ctrlc|ctrlc");
  CHECK("\x1b", "|esc");
  CHECK("\x1b\x1b[A", "|esc|up");
  CHECK("\x1b[\x1b[A", "|up");
}

static void pastes(void **state) {
  (void)state;
  CHECK("\x1b[200~one\rtwo\r\nthree\n\tfour\x1b[201~\r",
        "|paste:one\ntwo\nthree\n\tfour|paste-end|enter");
  /* What is pasted cannot press keys: neither controls nor sequences. */
  CHECK(
      "\x1b[200~a\x03\x04\x1b[Ab\x1b]0;x\x07"
      "c\x1b[20\x1b[201~d",
      "|paste:a[Ab]0;xc[20|paste-end|text:d");
  CHECK("\x1b[201~x", "|text:x");
}

static void rubbish(void **state) {
  (void)state;
  CHECK(
      "\xff\xfe\xc0\xaf"
      "a\xed\xa0\x80\xf4\x90\x80\x80",
      "|text:a");
  CHECK(
      "\xc2\x9b"
      "31mx",
      "|text:31mx"); /* CSI of 8 bits is no text */
  CHECK("\x1b[1234567890123456789012345678901234567890Ax", "|text:x");
  CHECK("\x1b[99999999999;7Hx\x1b[?1;2cy", "|home|text:xy");
  CHECK("\x1b[<0;1;2M\x1b[12;34Rz", "|text:z");
}

static void random_bytes_are_bounded(void **state) {
  static const char pieces[] = "\x1b[]O0159;?~uABabc\r\n\t\x03\x7f\xc3\xbc\xff\x9b";
  (void)state;
  random_seed(20261123);
  for (int round = 0; round < 3000; round++) {
    keys k;
    static record r;
    memset(&r, 0, sizeof r);
    keys_init(&k);
    for (int i = 0; i < 200; i++) {
      char byte = random_next() % 3 ? pieces[(size_t)random_next() % (sizeof pieces - 1)]
                                    : (char)random_next();
      keys_feed(&k, &byte, 1, note, &r);
      assert_true(k.sequence_bytes <= sizeof k.sequence && k.pending_bytes <= 4);
      for (size_t at = 0; at < r.bytes; at++)
        assert_true((uint8_t)r.text[at] >= 0x20 || r.text[at] == '\n' || r.text[at] == '\t');
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_and_controls), cmocka_unit_test(sequences), cmocka_unit_test(pastes),
      cmocka_unit_test(rubbish), cmocka_unit_test(random_bytes_are_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

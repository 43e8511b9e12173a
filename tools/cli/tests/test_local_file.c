/* Files to be attached: what is refused and in which words, names, kinds by content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "local_file.h"
#include "media_type.h"

static char folder[] = "/tmp/remote-local-file-XXXXXX";

static int begin(void **state) {
  (void)state;
  return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int end(void **state) {
  (void)state;
  static const char *const made[] = {"small", "empty", "large", "fifo", "folder", "a b.txt"};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) (void)remove(made[i]);
  return rmdir(folder);
}

static void write_file(const char *name, const void *data, size_t bytes) {
  FILE *file = fopen(name, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, bytes, file), bytes);
  fclose(file);
}

static void refused(const char *path, const char *words) {
  char error[300];
  local_file file;
  assert_false(local_file_check(path, error, sizeof error));
  assert_non_null(strstr(error, words));
  assert_false(local_file_read(&file, path, error, sizeof error));
  assert_non_null(strstr(error, words));
}

static void what_cannot_be_sent_is_said(void **state) {
  (void)state;
  write_file("empty", "", 0);
  write_file("large", "", 0);
  assert_int_equal(truncate("large", 10 * 1024 * 1024 + 1), 0);
  assert_int_equal(mkfifo("fifo", 0600), 0);
  assert_int_equal(mkdir("folder", 0700), 0);
  refused("missing", "is not there");
  refused("empty", "is empty");
  refused("large", "(10485761 bytes); at most 10 MiB");
  refused("fifo", "is no file");
  refused("folder", "is a folder");
  refused("/dev/zero", "is no file");
  refused("missing/\x1b[31m", "is not there");
  assert_int_equal(truncate("large", 10 * 1024 * 1024), 0);
  char error[300];
  assert_true(local_file_check("large", error, sizeof error));
}

static void what_is_read_is_the_file(void **state) {
  (void)state;
  char error[300];
  local_file file;
  write_file("small", "abc", 3);
  assert_true(local_file_read(&file, "./small", error, sizeof error));
  assert_string_equal(file.name, "small");
  assert_string_equal(file.media_type, "text/plain");
  assert_int_equal(file.bytes, 3);
  assert_memory_equal(file.data, "abc", 3);
  assert_int_equal(file.sha256[0], 0xba);
  assert_int_equal(file.sha256[31], 0xad);
  local_file_free(&file);
}

static void kinds_are_told_by_content(void **state) {
  (void)state;
  static const struct {
    const char *data;
    size_t bytes;
    const char *name, *claimed, *is;
  } known[] = {
      {"\x89PNG\r\n\x1a\n....", 12, "x.txt", "text/plain", "image/png"},
      {"\xff\xd8\xff\xe0....", 8, "", "", "image/jpeg"},
      {"GIF89a....", 10, "", "", "image/gif"},
      {"RIFF....WEBP", 12, "", "", "image/webp"},
      {"RIFF....WAVE", 12, "", "", "audio/wav"},
      {"%PDF-1.7", 8, "x", "", "application/pdf"},
      {"BMW is a car", 12, "x", "", "text/plain"},
      {"{}", 2, "a.JSON", "", "application/json"},
      {"# a", 3, "a.md", NULL, "text/markdown"},
      {"int x;", 6, "x.c", "text/x-c++", "text/x-c++"},
      {"a\0b", 3, "a.md", "text/markdown", "application/octet-stream"},
      {"\xff\xfe", 2, "a.png", "image/png", "application/octet-stream"},
      {"\0\1\2\3", 4, "a.xyz", "chemical/x-xyz", "chemical/x-xyz"},
      {"plain", 5, "a.png", "image/png", "text/plain"},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_string_equal(media_type_of((const uint8_t *)known[i].data, known[i].bytes, known[i].name,
                                      known[i].claimed),
                        known[i].is);
  assert_string_equal(media_type_ending("image/png"), ".png");
  assert_string_equal(media_type_ending("text/markdown; charset=utf-8"), ".md");
  assert_string_equal(media_type_ending("x/y"), "");
}

static void paths_as_they_are_dropped_into_a_terminal(void **state) {
  (void)state;
  static const struct {
    const char *typed, *path;
  } known[] = {
      {"plain.txt", "plain.txt"},
      {"a\\ b.txt", "a b.txt"},
      {"'a b.txt' ", "a b.txt"},
      {"\"c \\\"d\\\"\"", "c \"d\""},
      {"'it\\s'", "it\\s"},
      {"~/x", "/home/ada/x"},
      {"~", "/home/ada"},
      {"~user/x", "~user/x"},
      {"x~", "x~"},
  };
  char path[200];
  setenv("HOME", "/home/ada", 1);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    local_file_typed(known[i].typed, path, sizeof path);
    assert_string_equal(path, known[i].path);
  }
  write_file("a b.txt", "x", 1);
  local_file_typed("a b.txt", path, sizeof path);
  assert_string_equal(path, "a b.txt");
}

static void sizes_are_said_shortly(void **state) {
  (void)state;
  static const struct {
    uint64_t bytes;
    const char *text;
  } known[] = {{0, "0 bytes"},    {1, "1 byte"},        {1023, "1023 bytes"},  {1024, "1 KiB"},
               {34816, "34 KiB"}, {1048576, "1.0 MiB"}, {10485760, "10.0 MiB"}};
  char text[32];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    file_size_text(known[i].bytes, text, sizeof text);
    assert_string_equal(text, known[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_cannot_be_sent_is_said),
      cmocka_unit_test(what_is_read_is_the_file),
      cmocka_unit_test(kinds_are_told_by_content),
      cmocka_unit_test(paths_as_they_are_dropped_into_a_terminal),
      cmocka_unit_test(sizes_are_said_shortly),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

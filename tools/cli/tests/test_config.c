/* config.ini: keys, lists, warnings, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "paths.h"

static char warned[512];
static char error[256];

static void remember(void *user, const char *line) {
  (void)user;
  snprintf(warned, sizeof warned, "%s", line);
}

static int parse(remote_config *out, const char *text) {
  warned[0] = error[0] = 0;
  return config_parse(out, text, strlen(text), "file", remember, NULL, error, sizeof error);
}

static void takes_values(void **state) {
  (void)state;
  remote_config c;
  assert_int_equal(0, parse(&c,
                            "# comment\n; other\n\n relay = tcp://h:1 \r\nname = \" a b \"\n"
                            "relay=unix:///x"));
  assert_string_equal("unix:///x", config_get(&c, "relay"));
  assert_string_equal(" a b ", config_get(&c, "name"));
  assert_null(config_get(&c, "token_file"));
  assert_string_equal("", warned);
  config_free(&c);
}

static void takes_lists(void **state) {
  (void)state;
  remote_config c;
  assert_int_equal(0, parse(&c,
                            "redact = a=b\nredact = c\n"
                            "remote_safe_slash_commands = help, init\n"
                            "remote_safe_slash_commands = cost"));
  assert_string_equal("a=b", config_item(&c, "redact", 0));
  assert_string_equal("c", config_item(&c, "redact", 1));
  assert_null(config_item(&c, "redact", 2));
  assert_true(config_has_word(&c, "remote_safe_slash_commands", "init"));
  assert_true(config_has_word(&c, "remote_safe_slash_commands", "cost"));
  assert_false(config_has_word(&c, "remote_safe_slash_commands", "ini"));
  assert_false(config_has_word(&c, "remote_safe_slash_commands", ""));
  config_free(&c);
}

static void names_unknown_keys(void **state) {
  (void)state;
  remote_config c;
  assert_int_equal(0, parse(&c, "relya = x\x1b[31m\nname = n\n"));
  assert_string_equal("file line 1: unknown key \"relya\" is ignored", warned);
  assert_string_equal("n", config_get(&c, "name"));
  config_free(&c);
  assert_int_equal(0, parse(&c, "[section\x07]\n"));
  assert_non_null(strstr(warned, "[section\xE2\x90\x87]"));
  config_free(&c);
}

static void refuses_bad_files(void **state) {
  (void)state;
  remote_config c;
  assert_int_equal(-1, parse(&c, "name\n"));
  assert_string_equal("file line 1: expected `key = value`", error);
  assert_int_equal(-1, config_parse(&c, "a\0b", 3, "file", NULL, NULL, error, sizeof error));
  size_t bytes = CONFIG_FILE_BYTES_MAX + 1;
  char *large = malloc(bytes);
  memset(large, '\n', bytes);
  assert_int_equal(-1, config_parse(&c, large, bytes, "file", NULL, NULL, error, sizeof error));
  assert_int_equal(0, config_parse(&c, large, bytes - 1, "file", NULL, NULL, error, sizeof error));
  config_free(&c);
  char *at = large;
  for (int i = 0; i <= CONFIG_ENTRIES_MAX; i++) {
    memcpy(at, "redact=x\n", sizeof "redact=x\n");
    at += 9;
  }
  assert_int_equal(-1, parse(&c, large));
  assert_non_null(strstr(error, "more than 256 entries"));
  at[-9] = 0;
  assert_int_equal(0, parse(&c, large));
  config_free(&c);
  free(large);
}

static void loads_files(void **state) {
  (void)state;
  remote_config c;
  char directory[] = "/tmp/remote-config-XXXXXX", path[PATH_BYTES_MAX];
  assert_non_null(mkdtemp(directory));
  setenv("XDG_CONFIG_HOME", directory, 1);
  assert_int_equal(0, config_load(&c, NULL, remember, NULL, error, sizeof error));
  assert_int_equal(0, c.count);
  assert_int_equal(0, path_config_file(path));
  assert_int_equal(-1, config_load(&c, path, remember, NULL, error, sizeof error));
  assert_non_null(strstr(error, "cannot read"));
  path[strlen(path) - strlen("/config.ini")] = 0;
  assert_int_equal(0, path_create(path));
  assert_int_equal(0, path_config_file(path));
  FILE *file = fopen(path, "w");
  fputs("name=n\n", file);
  fclose(file);
  assert_int_equal(0, config_load(&c, NULL, remember, NULL, error, sizeof error));
  assert_string_equal("n", config_get(&c, "name"));
  config_free(&c);
  unlink(path);
  path[strlen(path) - strlen("/config.ini")] = 0;
  rmdir(path);
  rmdir(directory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_values),       cmocka_unit_test(takes_lists),
      cmocka_unit_test(names_unknown_keys), cmocka_unit_test(refuses_bad_files),
      cmocka_unit_test(loads_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

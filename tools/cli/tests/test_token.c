/* Token sources: their order, private files only, never another machine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "paths.h"
#include "token.h"

static char directory[] = "/tmp/remote-token-XXXXXX";
static char error[512];

static const char *put(const char *name, const char *text, mode_t mode) {
  static char path[4][PATH_BYTES_MAX];
  static unsigned turn;
  char *out = path[turn++ % 4];
  assert_int_equal(0, path_join(out, directory, name));
  char parent[PATH_BYTES_MAX];
  snprintf(parent, sizeof parent, "%s", out);
  *strrchr(parent, '/') = 0;
  assert_int_equal(0, path_create(parent));
  FILE *file = fopen(out, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  assert_int_equal(0, chmod(out, mode));
  return out;
}

static void goes_through_the_sources_in_order(void **state) {
  (void)state;
  device_token t;
  remote_config c = {0};
  unsetenv("REMOTE_TOKEN");
  unsetenv("REMOTE_TOKEN_FILE");
  assert_int_equal(EXIT_CODE_NOT_ALLOWED,
                   token_find(NULL, &c, NULL, true, &t, error, sizeof error));
  assert_non_null(strstr(error, "not signed in"));
  put("remote-relay/token", "local\n", 0600);
  assert_int_equal(EXIT_CODE_NOT_ALLOWED,
                   token_find(NULL, &c, NULL, false, &t, error, sizeof error));
  assert_int_equal(0, token_find(NULL, &c, NULL, true, &t, error, sizeof error));
  assert_string_equal("local", t.text);
  put("remote/token", " state \n", 0600);
  assert_int_equal(0, token_find(NULL, &c, NULL, true, &t, error, sizeof error));
  assert_string_equal("state", t.text);
  char text[PATH_BYTES_MAX + 32];
  snprintf(text, sizeof text, "token_file = %s\n", put("configured", "configured", 0600));
  assert_int_equal(0, config_parse(&c, text, strlen(text), "c", NULL, NULL, error, sizeof error));
  assert_int_equal(0, token_find(NULL, &c, NULL, true, &t, error, sizeof error));
  assert_string_equal("configured", t.text);
  setenv("REMOTE_TOKEN", "environment", 1);
  assert_int_equal(0, token_find(NULL, &c, NULL, true, &t, error, sizeof error));
  assert_string_equal("environment", t.text);
  setenv("REMOTE_TOKEN_FILE", put("named", "named", 0600), 1);
  assert_int_equal(0, token_find(NULL, &c, NULL, true, &t, error, sizeof error));
  assert_string_equal("named", t.text);
  assert_int_equal(0,
                   token_find(put("flag", "flag", 0400), &c, NULL, true, &t, error, sizeof error));
  assert_string_equal("flag", t.text);
  config_free(&c);
}

static void refuses_files_that_others_can_read(void **state) {
  (void)state;
  device_token t;
  static const mode_t modes[] = {0640, 0604, 0620, 0601};
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    assert_int_equal(EXIT_CODE_FAILURE,
                     token_read(put("open", "secret", modes[i]), &t, NULL, error, sizeof error));
    assert_non_null(strstr(error, "chmod 600"));
    assert_null(strstr(error, "secret"));
    assert_string_equal("", t.text);
  }
}

static void refuses_what_is_no_token(void **state) {
  (void)state;
  device_token t;
  char longest[TOKEN_BYTES_MAX + 2];
  memset(longest, 'x', sizeof longest);
  longest[TOKEN_BYTES_MAX + 1] = 0;
  const char *bad[] = {"", " \n", "two words", "a\x01", longest};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(EXIT_CODE_FAILURE,
                     token_read(put("bad", bad[i], 0600), &t, NULL, error, sizeof error));
  longest[TOKEN_BYTES_MAX] = 0;
  assert_int_equal(0, token_read(put("good", longest, 0600), &t, NULL, error, sizeof error));
  bool missing = false;
  assert_int_equal(EXIT_CODE_FAILURE,
                   token_read("/nonexistent/token", &t, &missing, error, sizeof error));
  assert_true(missing);
  assert_int_equal(EXIT_CODE_FAILURE, token_read(directory, &t, &missing, error, sizeof error));
  assert_false(missing);
}

static int begin(void **state) {
  (void)state;
  if (!mkdtemp(directory)) return -1;
  return setenv("XDG_STATE_HOME", directory, 1);
}

static int end(void **state) {
  (void)state;
  static const char *const files[] = {"remote-relay/token",
                                      "remote/token",
                                      "configured",
                                      "named",
                                      "flag",
                                      "open",
                                      "bad",
                                      "good",
                                      "remote-relay",
                                      "remote",
                                      ""};
  char path[PATH_BYTES_MAX];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (!path_join(path, directory, files[i])) remove(path);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goes_through_the_sources_in_order),
      cmocka_unit_test(refuses_files_that_others_can_read),
      cmocka_unit_test(refuses_what_is_no_token),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

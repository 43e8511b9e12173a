/* Runs the cases of this folder (README.md) against the C library's view.
 *   view_conformance FOLDER
 * At every line it also restores a snapshot and checks, at the end of the case, that the rest of
 * the case gave it the same durable state. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/limits.h"
#include "remote/view.h"

#define LINES_MAX 512

struct bytes {
  uint8_t *data;
  size_t length, capacity;
};

static void push(struct bytes *bytes, const uint8_t *data, size_t length) {
  if (bytes->length + length > bytes->capacity) {
    bytes->capacity = 2 * (bytes->length + length) + 64;
    bytes->data = realloc(bytes->data, bytes->capacity);
    if (bytes->data == NULL) abort();
  }
  if (length != 0) memcpy(bytes->data + bytes->length, data, length);
  bytes->length += length;
}

/* ---- reading ---- */

static int digit(char c) {
  const char *digits = "0123456789abcdef", *at = c == '\0' ? NULL : strchr(digits, c);
  return at == NULL ? -1 : (int)(at - digits);
}

/* Pairs of digits and runs "(61*1000)". False: it is neither. */
static bool from_hex(const char *text, struct bytes *out) {
  out->length = 0;
  while (*text != '\0') {
    bool run = *text == '(';
    text += run;
    int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
    if (low < 0) return false;
    uint8_t byte = (uint8_t)(high << 4 | low);
    unsigned long count = 1;
    text += 2;
    if (run) {
      char *end;
      if (*text != '*') return false;
      count = strtoul(text + 1, &end, 10);
      if (*end != ')' || count > LRM_BLOCK_INFLATED_BYTES_MAX) return false;
      text = end + 1;
    }
    while (count-- > 0) push(out, &byte, 1);
  }
  return true;
}

/* ---- views ---- */

static lrm_view *new_view(void) {
  lrm_allocator allocator = lrm_allocator_default();
  lrm_view *view;
  if (lrm_view_create(&allocator, &view) != 0) abort();
  return view;
}

static void apply(lrm_view *view, const struct bytes *packed, bool begins, bool tail) {
  Remote__V1__Event *event = remote__v1__event__unpack(NULL, packed->length, packed->data);
  if (event == NULL) abort();
  if ((tail ? lrm_view_apply_tail(view, event) : lrm_view_apply(view, event, begins)) != 0) abort();
  remote__v1__event__free_unpacked(event, NULL);
}

static int restore_part(void *user, const uint8_t *event, size_t length) {
  lrm_view **fresh = user;
  struct bytes packed = {0};
  bool begins = *fresh == NULL;
  if (begins) *fresh = new_view();
  push(&packed, event, length);
  apply(*fresh, &packed, begins, false);
  free(packed.data);
  return 0;
}

static lrm_view *restored(const lrm_view *view) {
  lrm_view *fresh = NULL;
  if (lrm_view_snapshot(view, 1, restore_part, &fresh) != 0) abort();
  return fresh;
}

static int collect_part(void *user, const uint8_t *event, size_t length) {
  push(user, event, length);
  return 0;
}

static bool same_durable(const lrm_view *a, const lrm_view *b) {
  struct bytes x = {0}, y = {0};
  if (lrm_view_snapshot(a, 1, collect_part, &x) != 0) abort();
  if (lrm_view_snapshot(b, 1, collect_part, &y) != 0) abort();
  bool same = x.length == y.length && memcmp(x.data, y.data, x.length) == 0;
  free(x.data);
  free(y.data);
  return same;
}

/* ---- a case ---- */

struct run {
  const char *name;
  lrm_view *view;
  lrm_view *late[LINES_MAX]; /* restored at each line */
  unsigned late_line[LINES_MAX];
  size_t late_count;
  unsigned line, expects;
  bool failed;
};

static void fail(struct run *run, const char *what) {
  printf("%s:%u: %s\n", run->name, run->line, what);
  run->failed = true;
}

static void print_state(const char *what, const uint8_t *data, size_t length) {
  printf("  %s %zu bytes:", what, length);
  for (size_t i = 0; i < length && i < 400; i++) printf("%s%02x", i == 0 ? " " : "", data[i]);
  printf("%s\n", length > 400 ? "..." : "");
}

static void expect(struct run *run, const struct bytes *wanted) {
  const Remote__V1__SessionState *state = lrm_view_state(run->view);
  size_t length = remote__v1__session_state__get_packed_size(state);
  uint8_t *packed = malloc(length + 1);
  if (packed == NULL) abort();
  remote__v1__session_state__pack(state, packed);
  run->expects++;
  if (length != wanted->length || memcmp(packed, wanted->data, length) != 0) {
    fail(run, "another state was expected");
    print_state("expected", wanted->data, wanted->length);
    print_state("got     ", packed, length);
  }
  free(packed);
}

static void to_all(struct run *run, const struct bytes *packed, bool begins) {
  apply(run->view, packed, begins, false);
  for (size_t i = 0; i < run->late_count; i++) apply(run->late[i], packed, begins, false);
  if (run->late_count == LINES_MAX) return;
  run->late_line[run->late_count] = run->line;
  run->late[run->late_count++] = restored(run->view);
}

static void jump(struct run *run) {
  lrm_view *fresh = restored(run->view);
  lrm_view_destroy(run->view);
  run->view = fresh;
}

static void do_line(struct run *run, char *line, struct bytes *bytes) {
  line[strcspn(line, "\n")] = '\0';
  if (line[0] == '#' || line[0] == '\0') return;
  char *hex = strchr(line, ' ');
  if (hex != NULL) *hex++ = '\0';
  if (!from_hex(hex == NULL ? "" : hex, bytes)) {
    fail(run, "bad hex");
  } else if (strcmp(line, "durable") == 0 || strcmp(line, "begin") == 0) {
    to_all(run, bytes, line[0] == 'b');
  } else if (strcmp(line, "tail") == 0) {
    apply(run->view, bytes, false, true);
  } else if (strcmp(line, "clear") == 0) {
    lrm_view_clear_tail(run->view);
  } else if (strcmp(line, "jump") == 0) {
    jump(run);
  } else if (strcmp(line, "expect") == 0) {
    expect(run, bytes);
  } else {
    fail(run, "unknown word");
  }
}

static bool run_case(const char *folder, const char *name) {
  struct run *run = calloc(1, sizeof *run);
  struct bytes bytes = {0};
  char path[4096], *line = NULL;
  size_t capacity = 0;
  if (run == NULL) abort();
  push(&bytes, NULL, 0);
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) abort();
  run->name = name;
  run->view = new_view();
  while (getline(&line, &capacity, file) >= 0) {
    run->line++;
    do_line(run, line, &bytes);
  }
  fclose(file);
  for (size_t i = 0; i < run->late_count; i++) {
    if (!same_durable(run->view, run->late[i])) {
      printf("%s: restored at line %u, the rest gives another state\n", name, run->late_line[i]);
      run->failed = true;
    }
    lrm_view_destroy(run->late[i]);
  }
  if (run->expects == 0) fail(run, "expects nothing");
  bool passed = !run->failed;
  lrm_view_destroy(run->view);
  free(run);
  free(line);
  free(bytes.data);
  return passed;
}

int main(int argc, char **argv) {
  struct dirent **entries;
  unsigned cases = 0, failed = 0;
  if (argc != 2) {
    fprintf(stderr, "usage: view_conformance FOLDER\n");
    return 2;
  }
  int count = scandir(argv[1], &entries, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    const char *dot = strrchr(entries[i]->d_name, '.');
    if (dot != NULL && strcmp(dot, ".case") == 0) {
      cases++;
      failed += !run_case(argv[1], entries[i]->d_name);
    }
    free(entries[i]);
  }
  if (count >= 0) free(entries);
  printf("%u cases, %u failed\n", cases, failed);
  return cases == 0 || failed > 0;
}

/* What scenes look like: each line of screens/NAME.events is an event as `remote watch --json`
 * prints it (or {"note": TEXT}, {"expand": NUMBER}, {"state": SessionState}); screens/NAME.txt is
 * what a terminal shows then, cell by cell as libvterm sees it, at three widths, and what a log and
 * a screen reader get.
 *
 *   transcript_screens DIR             compares
 *   transcript_screens DIR --update    writes what is to be compared with; read the difference
 *   transcript_screens DIR --show NAME COLUMNS    prints a scene as it is, with colours
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <vterm.h>

#include "event_from_json.h"
#include "output_grammar.h"
#include "transcript.h"

#define ROWS_MAX 1000
#define SCENES_MAX 64

typedef struct text {
  char *data;
  size_t bytes;
} text;

static void append(void *user, const char *data, size_t bytes) {
  text *t = user;
  char *more = realloc(t->data, t->bytes + bytes + 1);
  if (more == NULL) abort();
  t->data = more;
  memcpy(t->data + t->bytes, data, bytes);
  t->bytes += bytes;
  t->data[t->bytes] = 0;
}

static void append_text(text *t, const char *data) { append(t, data, strlen(data)); }

/* ---- a scene ---- */

static bool play_line(transcript *t, const char *line) {
  json_error_t error;
  json_t *object = json_loads(line, 0, &error);
  const json_t *inner = json_object_get(object, "event");
  const json_t *state = json_object_get(object, "state");
  if (object == NULL) {
    fprintf(stderr, "no JSON: %s: %s\n", error.text, line);
    return false;
  }
  bool good = true;
  if (json_object_get(object, "note")) {
    transcript_note(t, "%s", json_string_value(json_object_get(object, "note")));
  } else if (json_object_get(object, "expand")) {
    transcript_expand(t, (unsigned)json_integer_value(json_object_get(object, "expand")));
  } else {
    const ProtobufCMessageDescriptor *type =
        state ? &remote__v1__session_state__descriptor : &remote__v1__event__descriptor;
    ProtobufCMessage *message = message_from_json(type, state ? state : inner ? inner : object);
    good = message != NULL;
    if (good && state)
      transcript_state(t, (const Remote__V1__SessionState *)message);
    else if (good)
      transcript_event(t, (const Remote__V1__Event *)message);
    if (good) protobuf_c_message_free_unpacked(message, NULL);
  }
  json_decref(object);
  return good;
}

static bool play(const char *path, const transcript_options *look, text *out) {
  transcript *t = calloc(1, sizeof *t);
  FILE *file = fopen(path, "r");
  char *line = NULL;
  size_t capacity = 0;
  bool good = file != NULL && t != NULL;
  transcript_init(t, append, out, look);
  while (good && getline(&line, &capacity, file) > 0)
    if (line[0] != '#' && line[0] != '\n') good = play_line(t, line);
  transcript_break(t);
  transcript_free(t);
  free(t);
  free(line);
  if (file) fclose(file);
  if (!good) fprintf(stderr, "%s cannot be played\n", path);
  return good;
}

/* ---- what a terminal makes of it ---- */

static void append_cell(text *out, const VTermScreenCell *cell) {
  for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i]; i++) {
    uint32_t c = cell->chars[i];
    char bytes[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t k = n; k-- > 1; c >>= 6) bytes[k] = (char)(0x80 | (c & 0x3F));
    bytes[0] = n == 1 ? (char)c : (char)((0xF00 >> n & 0xF0) | c);
    append(out, bytes, n);
  }
  if (!cell->chars[0]) append(out, " ", 1);
}

static void append_screen(text *out, const text *written, int columns) {
  VTerm *vt = vterm_new(ROWS_MAX, columns);
  VTermScreen *screen = vterm_obtain_screen(vt);
  VTermPos at, cursor;
  vterm_set_utf8(vt, 1);
  vterm_screen_reset(screen, 1);
  for (size_t i = 0; i < written->bytes; i++) {
    if (written->data[i] == '\n') vterm_input_write(vt, "\r", 1);
    vterm_input_write(vt, written->data + i, 1);
  }
  vterm_state_get_cursorpos(vterm_obtain_state(vt), &cursor);
  for (at.row = 0; at.row < cursor.row; at.row++) {
    size_t end = out->bytes;
    for (at.col = 0; at.col < columns;) {
      VTermScreenCell cell;
      vterm_screen_get_cell(screen, at, &cell);
      append_cell(out, &cell);
      if (cell.chars[0] && cell.chars[0] != ' ') end = out->bytes;
      at.col += cell.width > 0 ? cell.width : 1;
    }
    out->bytes = end;
    append(out, "\n", 1);
  }
  vterm_free(vt);
}

/* ---- the looks ---- */

static bool check_grammar(const char *path, const text *out, bool colour, bool tabs) {
  output_grammar g = {.colour = colour, .tabs = tabs};
  grammar_take(&g, out->data ? out->data : "", out->bytes);
  if (g.why) fprintf(stderr, "%s: %s was written\n", path, g.why);
  return !g.why;
}

static bool make(const char *path, text *out) {
  static const unsigned widths[] = {80, 40, 20};
  char title[64];
  for (size_t i = 0; i < 5; i++) {
    text written = {0};
    bool terminal = i < 3;
    transcript_options look = transcript_options_for(terminal ? widths[i]
                                                     : i == 3 ? 0
                                                              : 60,
                                                     terminal, i == 4);
    look.answers = terminal;
    if (!play(path, &look, &written) || !check_grammar(path, &written, terminal, i == 3))
      return false;
    if (terminal)
      snprintf(title, sizeof title, "==== %u columns\n", widths[i]);
    else
      snprintf(title, sizeof title, i == 3 ? "==== a log\n" : "==== a screen reader\n");
    append_text(out, title);
    if (terminal)
      append_screen(out, &written, (int)widths[i]);
    else if (written.bytes)
      append(out, written.data, written.bytes);
    free(written.data);
  }
  return true;
}

static text read_file(const char *path) {
  text t = {0};
  char part[4096];
  size_t n;
  FILE *file = fopen(path, "r");
  while (file && (n = fread(part, 1, sizeof part, file)) > 0) append(&t, part, n);
  if (file) fclose(file);
  return t;
}

static bool write_file(const char *path, const text *t) {
  FILE *file = fopen(path, "w");
  bool good = file && fwrite(t->data, 1, t->bytes, file) == t->bytes;
  if (file) good = fclose(file) == 0 && good;
  return good;
}

static void show_difference(const char *path, const text *want, const text *have) {
  size_t line = 1, at = 0, begin = 0;
  while (at < want->bytes && at < have->bytes && want->data[at] == have->data[at]) {
    if (want->data[at++] != '\n') continue;
    line++;
    begin = at;
  }
  fprintf(stderr, "%s:%zu is different (--update writes it anew)\n  was: %.*s\n  is:  %.*s\n", path,
          line, want->data ? (int)strcspn(want->data + begin, "\n") : 0,
          want->data ? want->data + begin : "", (int)strcspn(have->data + begin, "\n"),
          have->data + begin);
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv) {
  char path[1024], *names[SCENES_MAX];
  size_t count = 0, bad = 0;
  if (argc == 5 && !strcmp(argv[2], "--show")) {
    text out = {0};
    unsigned columns = (unsigned)strtoul(argv[4], NULL, 10);
    transcript_options look = transcript_options_for(columns, columns != 0, false);
    snprintf(path, sizeof path, "%s/%s.events", argv[1], argv[3]);
    bool good = play(path, &look, &out);
    fwrite(out.data, 1, out.bytes, stdout);
    free(out.data);
    return !good;
  }
  bool update = argc == 3 && !strcmp(argv[2], "--update");
  DIR *folder = argc == 2 || update ? opendir(argv[1]) : NULL;
  if (!folder) {
    fprintf(stderr, "usage: transcript_screens DIR [--update | --show NAME COLUMNS]\n");
    return 2;
  }
  for (struct dirent *entry; (entry = readdir(folder)) && count < SCENES_MAX;) {
    char *end = strstr(entry->d_name, ".events");
    if (end && !end[7]) names[count++] = strndup(entry->d_name, (size_t)(end - entry->d_name));
  }
  closedir(folder);
  qsort(names, count, sizeof *names, by_name);
  for (size_t i = 0; i < count; i++) {
    text have = {0};
    snprintf(path, sizeof path, "%s/%s.events", argv[1], names[i]);
    bool good = make(path, &have);
    snprintf(path, sizeof path, "%s/%s.txt", argv[1], names[i]);
    text want = read_file(path);
    if (good && update) {
      good = write_file(path, &have);
    } else if (good && (want.bytes != have.bytes || memcmp(want.data, have.data, have.bytes))) {
      show_difference(path, &want, &have);
      good = false;
    }
    bad += !good;
    free(have.data);
    free(want.data);
    free(names[i]);
  }
  printf("%zu scenes, %zu bad\n", count, bad);
  return bad || !count;
}

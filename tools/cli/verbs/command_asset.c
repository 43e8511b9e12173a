/* `remote asset`: an image, file or long text of a session, read back out of its history, held
 * against its digest, and written; or the list of what there is. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/asset.h"

#include "act.h"
#include "commands.h"
#include "local_file.h"
#include "media_type.h"
#include "terminal_text.h"

enum { PAGE_OFFSETS_MIN = 256, PAGE_OFFSETS_MAX = 4096, LISTED_MAX = 4096 };

/* The first chunk of an asset, as the list shows it. */
typedef struct listed {
  char id[128], media_type[128], name[1025];
  uint64_t bytes, offset;
} listed;

typedef struct fetching {
  connection_flags flags;
  const char *session_word, *output, *asset_id;
  bool list, force, json;
  connection connection;
  remote_session session;
  lrm_position before; /* the next page ends here */
  uint64_t page_offsets;
  lrm_asset *asset;
  listed *found;
  size_t found_count;
  bool done, failed;
  int error;
  remote_v1_Problem problem;
} fetching;

/* ---- reading back ---- */

static void note(fetching *f, const Remote__V1__Asset *chunk, uint64_t offset) {
  if (chunk->position != 0 || f->found_count == LISTED_MAX) return;
  listed *l = &f->found[f->found_count++];
  snprintf(l->id, sizeof l->id, "%s", chunk->asset_id);
  snprintf(l->media_type, sizeof l->media_type, "%s", chunk->media_type);
  snprintf(l->name, sizeof l->name, "%s", chunk->name);
  l->bytes = chunk->total;
  l->offset = offset;
}

static void take_event(fetching *f, const lrm_history_event *event) {
  if (event->event->body_case != REMOTE__V1__EVENT__BODY_ASSET) return;
  if (f->list) note(f, event->event->asset, event->offset);
  if (f->list || f->error != 0) return;
  f->error = lrm_asset_add(f->asset, event->event->asset);
}

static void end_page(fetching *f, const lrm_history_event *event) {
  f->before.offset = event->offset;
  f->done = event->first || f->error != 0 || (f->list && f->found_count == LISTED_MAX);
  if (!f->list && lrm_asset_info_now(f->asset).state >= LRM_ASSET_WHOLE) f->done = true;
  if (f->page_offsets < PAGE_OFFSETS_MAX) f->page_offsets *= 2;
}

static void on_page(void *user, remote_session *s, const lrm_history_event *event) {
  fetching *f = user;
  (void)s;
  if (event->type == LRM_HISTORY_EVENT) take_event(f, event);
  if (event->type == LRM_HISTORY_DONE) end_page(f, event);
  if (event->type != LRM_HISTORY_FAILED) return;
  f->done = f->failed = true;
  f->problem = *event->problem;
}

/* A page is asked for outside of the callback that ends the one before. */
static bool is_over(void *user) {
  fetching *f = user;
  if (!f->done && !remote_session_paging(&f->session) &&
      remote_session_page(&f->session, f->before, f->page_offsets))
    f->done = f->failed = true;
  return f->done || f->session.closed;
}

static exit_code read_back(fetching *f) {
  connection *c = &f->connection;
  f->before = lrm_client_position(f->session.client);
  f->page_offsets = PAGE_OFFSETS_MIN;
  if (lrm_id_none(&f->before.epoch)) return EXIT_CODE_DONE; /* nothing was ever said */
  bool in_time =
      connection_wait(c, is_over, f, c->timeout_given ? c->timeout_ms : CONNECTION_FOREVER);
  if (!in_time || f->session.closed) return remote_session_explain(&f->session);
  if (f->error != 0) {
    fprintf(stderr, "remote: %s: %s\n", f->asset_id, lrm_error_text(f->error));
    return EXIT_CODE_FAILURE;
  }
  if (!f->failed) return EXIT_CODE_DONE;
  if (f->problem.code) connection_print_problem("the history cannot be read", &f->problem);
  return f->problem.code ? connection_problem_exit(f->problem.code) : EXIT_CODE_FAILURE;
}

/* ---- writing ---- */

static bool write_pieces(int fd, const lrm_asset *asset) {
  lrm_slice piece;
  for (size_t i = 0; lrm_asset_piece(asset, i, &piece); i++)
    while (piece.bytes > 0) {
      ssize_t n = write(fd, piece.data, piece.bytes);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      piece.data += n;
      piece.bytes -= (size_t)n;
    }
  return true;
}

/* What a terminal would show as it is: UTF-8 without controls but for tabs and line ends. A piece
 * may end inside a character. */
static bool is_plain(const lrm_asset *asset) {
  lrm_slice piece;
  uint8_t lead = 0;
  unsigned left = 0; /* bytes that the character still needs */
  for (size_t i = 0; lrm_asset_piece(asset, i, &piece); i++)
    for (size_t at = 0; at < piece.bytes; at++) {
      uint8_t c = piece.data[at];
      if (left > 0) {
        bool control = lead == 0xc2 && c < 0xa0;
        if ((c & 0xc0) != 0x80 || control) return false;
        left--;
        lead = 0;
        continue;
      }
      if (c == 0x7f || (c < 0x20 && c != '\n' && c != '\t')) return false;
      if (c < 0x80) continue;
      if (c < 0xc2 || c > 0xf4) return false;
      left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
      lead = c;
    }
  return left == 0;
}

static exit_code write_out(const fetching *f) {
  if (isatty(STDOUT_FILENO) && !is_plain(f->asset)) {
    fputs(
        "remote: that is no plain text, and is not written to a terminal; use -o FILE or a pipe\n",
        stderr);
    return EXIT_CODE_USAGE;
  }
  if (write_pieces(STDOUT_FILENO, f->asset)) return EXIT_CODE_DONE;
  fprintf(stderr, "remote: standard output: %s\n", strerror(errno));
  return EXIT_CODE_FAILURE;
}

/* A name for a folder: the last part of what the agent called it, in harmless letters, with the
 * ending of its kind. */
static void file_name(const fetching *f, const lrm_asset_info *info, char *out, size_t capacity) {
  const char *last = strrchr(info->name, '/');
  const char *name = last != NULL ? last + 1 : info->name;
  const char *ending = media_type_ending(info->media_type);
  size_t n = 0;
  if (*name == '\0' || *name == '.') name = f->asset_id;
  for (; *name != '\0' && n + 16 < capacity && n < 120; name++) {
    unsigned char c = (unsigned char)*name;
    bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                strchr("._-+", c) != NULL;
    out[n++] = good ? (char)c : '_';
  }
  out[n] = '\0';
  if (strchr(out, '.') == NULL) snprintf(out + n, capacity - n, "%s", ending);
}

static bool target_path(const fetching *f, const lrm_asset_info *info, char *out, size_t capacity) {
  char name[160];
  struct stat facts;
  if (stat(f->output, &facts) != 0 || !S_ISDIR(facts.st_mode))
    return snprintf(out, capacity, "%s", f->output) < (int)capacity;
  file_name(f, info, name, sizeof name);
  return snprintf(out, capacity, "%s/%s", f->output, name) < (int)capacity;
}

/* Whole or not at all: under another name first. */
static int write_file(const fetching *f, const char *path) {
  char fresh[4300];
  struct stat facts;
  if (!f->force && lstat(path, &facts) == 0) return EEXIST;
  if (snprintf(fresh, sizeof fresh, "%s.%ld.part", path, (long)getpid()) >= (int)sizeof fresh)
    return ENAMETOOLONG;
  int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return errno;
  int why = write_pieces(fd, f->asset) && fsync(fd) == 0 ? 0 : errno;
  if (close(fd) != 0 && why == 0) why = errno;
  /* link() does not replace what came meanwhile; where there are no links, rename() does. */
  if (why == 0 && (f->force || link(fresh, path) != 0))
    why = !f->force && errno == EEXIST ? EEXIST : rename(fresh, path) == 0 ? 0 : errno;
  (void)unlink(fresh);
  return why;
}

static void print_saved(const fetching *f, const lrm_asset_info *info, const char *path) {
  char size[32], media[160], shown[600], hex[2 * LRM_SHA256_BYTES + 1];
  if (f->json) {
    for (size_t i = 0; i < sizeof info->sha256; i++)
      snprintf(hex + 2 * i, 3, "%02x", info->sha256[i]);
    json_print_line(stdout, json_pack("{s:s, s:{s:s, s:s, s:s, s:I, s:s, s:b, s:s}}", "session_id",
                                      f->session.hex, "asset", "asset_id", f->asset_id,
                                      "media_type", info->media_type, "name", info->name, "bytes",
                                      (json_int_t)info->total, "sha256", hex, "verified",
                                      (int)(info->state == LRM_ASSET_VERIFIED), "file", path));
    return;
  }
  file_size_text(info->total, size, sizeof size);
  terminal_text_copy(media, sizeof media, info->media_type, strlen(info->media_type),
                     TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(shown, sizeof shown, path, strlen(path), TERMINAL_TEXT_ONE_LINE);
  printf("%s: %s, %s%s\n", shown, media, size,
         info->state == LRM_ASSET_VERIFIED ? "" : " (its sender told no digest)");
}

static exit_code save(const fetching *f, const lrm_asset_info *info) {
  char path[4200], shown[4200];
  if (f->output == NULL || strcmp(f->output, "-") == 0) return write_out(f);
  int why = target_path(f, info, path, sizeof path) ? write_file(f, path) : ENAMETOOLONG;
  terminal_text_copy(shown, sizeof shown, path, strlen(path), TERMINAL_TEXT_ONE_LINE);
  if (why == 0)
    print_saved(f, info, path);
  else
    fprintf(stderr, "remote: %s: %s%s\n", shown, strerror(why),
            why == EEXIST ? "; --force replaces it" : "");
  return why == 0 ? EXIT_CODE_DONE : EXIT_CODE_FAILURE;
}

static exit_code give(const fetching *f) {
  char shown[160];
  lrm_asset_info info = lrm_asset_info_now(f->asset);
  terminal_text_copy(shown, sizeof shown, f->asset_id, strlen(f->asset_id), TERMINAL_TEXT_ONE_LINE);
  switch (info.state) {
    case LRM_ASSET_WHOLE:
    case LRM_ASSET_VERIFIED:
      return save(f, &info);
    case LRM_ASSET_DAMAGED:
      fprintf(stderr, "remote: %s does not have the digest that its host told; it is not written\n",
              shown);
      return EXIT_CODE_FAILURE;
    case LRM_ASSET_INCOMPLETE:
      fprintf(stderr, "remote: only %llu of %llu bytes of %s are still in the session's log\n",
              (unsigned long long)info.have, (unsigned long long)info.total, shown);
      return EXIT_CODE_NOT_FOUND;
    default:
      fprintf(stderr,
              "remote: there is no asset %s in the session's log (any more); `remote asset --list` "
              "shows what there is\n",
              shown);
      return EXIT_CODE_NOT_FOUND;
  }
}

/* ---- the list ---- */

static int newest_first(const void *a, const void *b) {
  uint64_t x = ((const listed *)a)->offset, y = ((const listed *)b)->offset;
  return x < y ? 1 : x > y ? -1 : 0;
}

static void print_listed(const fetching *f, const listed *l) {
  char id[160], media[160], name[256], size[32];
  if (f->json) {
    json_print_line(
        stdout, json_pack("{s:s, s:{s:s, s:s, s:s, s:I, s:I}}", "session_id", f->session.hex,
                          "asset", "asset_id", l->id, "media_type", l->media_type, "name", l->name,
                          "bytes", (json_int_t)l->bytes, "offset", (json_int_t)l->offset));
    return;
  }
  terminal_text_copy(id, sizeof id, l->id, strlen(l->id), TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(media, sizeof media, l->media_type, strlen(l->media_type),
                     TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(name, sizeof name, l->name, strlen(l->name), TERMINAL_TEXT_ONE_LINE);
  file_size_text(l->bytes, size, sizeof size);
  printf("%s  %s  %s  %s\n", id, media, size, name);
}

static exit_code print_list(fetching *f) {
  qsort(f->found, f->found_count, sizeof *f->found, newest_first);
  for (size_t i = 0; i < f->found_count; i++) print_listed(f, &f->found[i]);
  if (f->found_count == 0 && !f->json) fputs("remote: the session's log holds no assets\n", stderr);
  if (f->found_count == LISTED_MAX)
    fprintf(stderr, "remote: the newest %d; there may be more\n", LISTED_MAX);
  return EXIT_CODE_DONE;
}

/* ---- the command ---- */

static exit_code fetch(fetching *f) {
  static const remote_session_ops ops = {.page = on_page};
  const remote_session_config config = {
      .start = remote_v1_Start_START_LIVE, .watch_only = true, .ops = &ops, .user = f};
  exit_code result =
      remote_session_connect(&f->connection, &f->session, &f->flags, f->session_word, &config);
  if (result) return result;
  result = remote_session_wait_synced(&f->session);
  if (!result) result = read_back(f);
  if (!result) result = f->list ? print_list(f) : give(f);
  remote_session_close(&f->session);
  connection_close(&f->connection);
  return result;
}

static exit_code prepare(fetching *f) {
  lrm_allocator allocator = lrm_allocator_default();
  int result = 0;
  if (f->list)
    f->found = calloc(LISTED_MAX, sizeof *f->found);
  else
    result = lrm_asset_create(&allocator, f->asset_id, 0, &f->asset);
  if (result == LRM_ERR_USAGE) {
    fputs("remote: that is no asset's id\n", stderr);
    return EXIT_CODE_USAGE;
  }
  if (result == 0 && (f->asset != NULL || f->found != NULL)) return EXIT_CODE_DONE;
  fputs("remote: out of memory\n", stderr);
  return EXIT_CODE_FAILURE;
}

static int take_words(fetching *f, const option_usage *usage, const option_words *words) {
  size_t sessions = f->session_word ? 0 : 1, ids = f->list ? 0 : 1;
  if (words->count > sessions + ids) return options_wrong(usage, "too many words");
  if (words->count < ids) return options_wrong(usage, "which asset? --list shows them");
  if (words->count > ids) f->session_word = words->words[0];
  if (ids) f->asset_id = words->words[words->count - 1];
  if (f->list && (f->output || f->force))
    return options_wrong(usage, "--list writes no file; leave out --output and --force");
  return EXIT_CODE_DONE;
}

int command_asset(int argc, char **argv) {
  static fetching f;
  const option options[] = {
      {"session", OPTION_VALUE, &f.session_word, "SESSION",
       "which session: an id or title, or the beginning of one", NULL},
      {"output", OPTION_VALUE, &f.output, "FILE",
       "write it there (-o FILE for short); into a folder under its own name; - is standard "
       "output, the default",
       NULL},
      {"force", OPTION_FLAG, &f.force, NULL, "replace a file that is there", NULL},
      {"list", OPTION_FLAG, &f.list, NULL, "list what there is, the newest first", NULL},
      {"json", OPTION_FLAG, &f.json, NULL, "one JSON object a line", NULL},
      CONNECTION_OPTIONS(f.flags),
  };
  const option_usage usage = {
      "remote asset [SESSION] ID [-o FILE] | --list [SESSION]",
      "Writes an image, sound, file or long text that a session's messages and tools name by its\n"
      "id, once all of it is there and has its digest. It is to be had as long as the session's\n"
      "log holds it, whether its host is connected or not.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  char long_output[] = "--output";
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
    if (strcmp(argv[i], "-o") == 0) argv[i] = long_output;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  int result = take_words(&f, &usage, &words);
  if (!result) result = prepare(&f);
  if (!result) result = fetch(&f);
  lrm_asset_destroy(f.asset);
  free(f.found);
  return result;
}

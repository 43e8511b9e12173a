#include "invite_verb.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "login_code.h"
#include "program.h"

enum { WORDS_MAX = 16, LINK_BYTES_MAX = 512 };

typedef struct wishes {
  const char *page; /* NULL: as the relay says */
  const char *end;  /* id; NULL: none */
  bool list;
  char *rest[WORDS_MAX]; /* for options_parse */
  int rest_count;
} wishes;

static int wrong_use(const char *text) {
  fprintf(stderr, "remote-relay: %s; see remote-relay --help\n", text);
  return PROGRAM_USAGE;
}

static bool take_value(const char *name, int argc, char **argv, int *at, const char **out) {
  size_t bytes = strlen(name);
  if (strncmp(argv[*at], name, bytes) != 0) return false;
  if (argv[*at][bytes] == '=') {
    *out = argv[*at] + bytes + 1;
    return true;
  }
  if (argv[*at][bytes] != '\0' || *at + 1 >= argc) return false;
  *out = argv[++*at];
  return true;
}

static bool read_wishes(int argc, char **argv, wishes *w) {
  memset(w, 0, sizeof *w);
  for (int at = 0; at < argc; at++) {
    if (take_value("--page", argc, argv, &at, &w->page) ||
        take_value("--end", argc, argv, &at, &w->end))
      continue;
    if (strcmp(argv[at], "--list") == 0) {
      w->list = true;
    } else if (w->rest_count == WORDS_MAX) {
      return false;
    } else {
      w->rest[w->rest_count++] = argv[at];
    }
  }
  return true;
}

static bool plain(const char *text) {
  return strpbrk(text, "\t\r\n") == NULL && strlen(text) < 200;
}

/* The text behind the page's address is a fragment: no server and no proxy sees it. */
static void write_link(char *out, size_t bytes, const char *page, const char *invite) {
  size_t length = strcspn(page, "#");
  bool slash = length > 0 && page[length - 1] == '/';
  snprintf(out, bytes, "%.*s%s#/sign-in/%s", (int)length, page, slash || length == 0 ? "" : "/",
           invite);
}

static void show(const program_options *options, const char *account, const char *link,
                 bool complete) {
  struct winsize size;
  if (options->json) {
    printf("{\"link\":\"%s\",\"complete\":%s}\n", link, complete ? "true" : "false");
    return;
  }
  printf("%s\n", link);
  if (!complete) {
    fputs(
        "remote-relay: this relay serves no page (serve --web DIR), or does not run: write the "
        "page's address before it, or say --page URL\n",
        stderr);
    return;
  }
  if (isatty(STDOUT_FILENO) == 0) return;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) login_code_draw(stdout, link, size.ws_col);
  printf(
      "Signs one browser in to account %s, once, within 10 minutes. Whoever opens it sees and\n"
      "steers its sessions: give it to nobody else. `remote-relay invite --list` lists, --end\n"
      "takes back.\n",
      account);
}

static int invite(const program_options *options, const wishes *w) {
  char line[300], link[LINK_BYTES_MAX];
  const char *account = options->account != NULL ? options->account : "owner";
  if (!plain(account)) return wrong_use("a name is 1 to 63 bytes without control characters");
  snprintf(line, sizeof line, "invite\t%s", account);
  char *reply = program_ask(options, false, line);
  if (reply == NULL) return PROGRAM_FAILED;
  char *page = reply + 3, *text = strchr(page, '\n');
  if (text == NULL) {
    free(reply);
    return PROGRAM_FAILED;
  }
  *text++ = '\0';
  text[strcspn(text, "\n")] = '\0';
  if (w->page != NULL) page = (char *)(uintptr_t)w->page;
  write_link(link, sizeof link, page, text);
  show(options, account, link, page[0] != '\0');
  explicit_bzero(link, sizeof link);
  explicit_bzero(text, strlen(text));
  free(reply);
  return PROGRAM_DONE;
}

int run_invite(int argc, char **argv) {
  program_options options;
  wishes w;
  char line[300];
  if (!read_wishes(argc, argv, &w)) return wrong_use("too many words");
  if (!options_parse(&options, w.rest_count, w.rest, "daj")) return PROGRAM_USAGE;
  if (w.page != NULL &&
      (!plain(w.page) || strpbrk(w.page, "\"\\ ") != NULL ||
       (strncmp(w.page, "http://", 7) != 0 && strncmp(w.page, "https://", 8) != 0)))
    return wrong_use("--page is the address of the page, like https://relay.example.org/");
  if (!w.list && w.end == NULL) return invite(&options, &w);
  if (w.end != NULL && !plain(w.end)) return wrong_use("that is not the id of an invitation");
  snprintf(line, sizeof line, w.list ? "invitations" : "uninvite\t%s", w.end);
  char *reply = program_ask(&options, false, line);
  if (reply == NULL) return PROGRAM_FAILED;
  fputs(reply + 3, stdout);
  free(reply);
  return PROGRAM_DONE;
}

/* Prints the link's states and what may arrive in them, from the tables, as ARCHITECTURE.md has
 * them. print_states --check FILE: the file holds exactly that between its markers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/link_internal.h"

enum { STATES = 6, TYPES = 22, TEXT_BYTES = 16384, FILE_BYTES = 262144 };

static const char *const frame_names[TYPES] = {[LRM_FRAME_HELLO] = "HELLO",
                                               [LRM_FRAME_WELCOME] = "WELCOME",
                                               [LRM_FRAME_REFUSE] = "REFUSE",
                                               [LRM_FRAME_GOAWAY] = "GOAWAY",
                                               [LRM_FRAME_PING] = "PING",
                                               [LRM_FRAME_PONG] = "PONG",
                                               [LRM_FRAME_OPEN] = "OPEN",
                                               [LRM_FRAME_OPENED] = "OPENED",
                                               [LRM_FRAME_CLOSE] = "CLOSE",
                                               [LRM_FRAME_INFO] = "INFO",
                                               [LRM_FRAME_BLOCK] = "BLOCK",
                                               [LRM_FRAME_TAIL] = "TAIL",
                                               [LRM_FRAME_ACK] = "ACK",
                                               [LRM_FRAME_SYNCED] = "SYNCED",
                                               [LRM_FRAME_LOG_STATUS] = "LOG_STATUS",
                                               [LRM_FRAME_RECEIPT] = "RECEIPT",
                                               [LRM_FRAME_REQUEST] = "REQUEST",
                                               [LRM_FRAME_REPLY] = "REPLY"};

static char text[TEXT_BYTES];
static size_t used;

static void put(const char *piece) {
  size_t bytes = strlen(piece);
  if (used + bytes >= sizeof text) abort();
  memcpy(text + used, piece, bytes + 1);
  used += bytes;
}

static void put_moves(void) {
  put("```\n");
  for (int from = 0; from < STATES; from++) {
    char line[32];
    snprintf(line, sizeof line, "%-9s->", lrm_link_state_name((lrm_link_state)from));
    put(line);
    for (int to = 0; to < STATES; to++) {
      if (!lrm__link_may_enter((lrm_link_state)from, (lrm_link_state)to)) continue;
      put(" ");
      put(lrm_link_state_name((lrm_link_state)to));
    }
    put("\n");
  }
  put("```\n");
}

static void put_cell(lrm_link_side side, lrm_link_state state, uint32_t type) {
  put(*lrm__link_cell(side, state, type) != '\0' ? " taken |" : " |");
}

static void put_frames(void) {
  put("| frame | connecting, GREETING | connecting, LIVE | accepting, GREETING | accepting, LIVE "
      "|\n"
      "|---|---|---|---|---|\n");
  for (uint32_t type = 0; type < TYPES; type++) {
    if (frame_names[type] == NULL) continue;
    put("| ");
    put(frame_names[type]);
    put(" |");
    put_cell(LRM_SIDE_CONNECTING, LRM_LINK_GREETING, type);
    put_cell(LRM_SIDE_CONNECTING, LRM_LINK_LIVE, type);
    put_cell(LRM_SIDE_ACCEPTING, LRM_LINK_GREETING, type);
    put_cell(LRM_SIDE_ACCEPTING, LRM_LINK_LIVE, type);
    put("\n");
  }
}

int main(int argc, char **argv) {
  put_moves();
  put_frames();
  if (argc != 3 || strcmp(argv[1], "--check") != 0) {
    fputs(text, stdout);
    return 0;
  }
  static char file[FILE_BYTES];
  FILE *f = fopen(argv[2], "r");
  if (f == NULL) return 1;
  file[fread(file, 1, sizeof file - 1, f)] = '\0';
  fclose(f);
  const char *begin = strstr(file, "<!-- link states -->\n");
  const char *end = begin != NULL ? strstr(begin, "<!-- end -->") : NULL;
  if (end == NULL) {
    fputs("no markers\n", stderr);
    return 1;
  }
  begin += strlen("<!-- link states -->\n");
  if ((size_t)(end - begin) == used && memcmp(begin, text, used) == 0) return 0;
  fprintf(stderr, "%s is stale; between its markers belongs:\n%s", argv[2], text);
  return 1;
}

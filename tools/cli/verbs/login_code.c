#include "login_code.h"

#ifdef REMOTE_HAVE_QRENCODE
#include <qrencode.h>
#include <stdbool.h>

enum { QUIET = 2 }; /* light modules around it, without which cameras do not find it */

static bool dark(const QRcode *code, int x, int y) {
  if (x < 0 || y < 0 || x >= code->width || y >= code->width) return false;
  return (code->data[y * code->width + x] & 1) != 0;
}

/* Two rows of modules a line. Colours are set, so that it is the same on dark and light screens. */
static void draw(FILE *to, const QRcode *code) {
  for (int y = -QUIET; y < code->width + QUIET; y += 2) {
    fputs("  \033[30;107m", to);
    for (int x = -QUIET; x < code->width + QUIET; x++) {
      bool upper = dark(code, x, y), lower = dark(code, x, y + 1);
      fputs(upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ", to);
    }
    fputs("\033[0m\n", to);
  }
}

void login_code_draw(FILE *to, const char *text, int columns) {
  QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
  if (!code) return;
  if (code->width + 2 * QUIET + 2 <= columns) draw(to, code);
  QRcode_free(code);
}
#else
void login_code_draw(FILE *to, const char *text, int columns) {
  (void)to;
  (void)text;
  (void)columns;
}
#endif

/* Changes of files, and long documents: what is shown of them, and what is kept for /expand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line_diff.h"
#include "transcript_internal.h"
#include "unicode_text.h"

#define CONTEXT_LINES 3
#define DIFF_LINE_BYTES_MAX 4000 /* of one line; the rest is counted */
#define FOLDED_LINES_MAX 24      /* of a change that was made */
#define ASKED_LINES_MAX 400      /* of a change that is to be decided on */
#define EXPANDED_LINES_MAX 5000  /* of /expand, and in logs */
#define DOCUMENT_LINES_MAX 30
#define BINARY_SAMPLE_BYTES 4096

/* ---- what was shown before ---- */

static uint64_t hash_of(const Remote__V1__Diff *diff) {
  uint64_t hash = transcript_hash(TRANSCRIPT_HASH_START, diff->path.data, diff->path.len);
  hash = transcript_hash(hash, diff->old_text, strlen(diff->old_text) + 1);
  return transcript_hash(hash, diff->new_text, strlen(diff->new_text) + 1);
}

bool transcript_diff_seen(transcript *t, const Remote__V1__Diff *diff) {
  uint64_t hash = hash_of(diff);
  for (size_t i = 0; i < sizeof t->seen_diffs / sizeof *t->seen_diffs; i++) {
    if (t->seen_diffs[i] != hash) continue;
    t->seen_diffs[i] = 0;
    return true;
  }
  return false;
}

/* ---- folds ---- */

static void fold_free(transcript_fold *fold) {
  free(fold->path);
  free(fold->old_text);
  free(fold->new_text);
  *fold = (transcript_fold){0};
}

void transcript_folds_free(transcript *t) {
  for (size_t i = 0; i < TRANSCRIPT_FOLDS_MAX; i++) fold_free(&t->folds[i]);
}

static transcript_fold *keep_fold(transcript *t, unsigned number, const char *path,
                                  const char *old_text, const char *new_text) {
  transcript_fold *fold = &t->folds[t->folds_next++ % TRANSCRIPT_FOLDS_MAX];
  fold_free(fold);
  fold->path = strdup(path);
  fold->old_text = strdup(old_text);
  fold->new_text = strdup(new_text);
  if (fold->path && fold->old_text && fold->new_text)
    fold->number = number;
  else
    fold_free(fold);
  return fold;
}

/* ---- lines of a diff ---- */

typedef struct diff_view {
  transcript *t;
  const line_diff *diff;
  unsigned first_line;     /* number of the first line */
  unsigned number_columns; /* 0: there is no room for numbers */
  unsigned flags;          /* of terminal_text */
  bool returns;            /* "\r\n" is part of the change */
  size_t left;             /* lines that may be written */
  size_t changes_left;     /* changed lines that were not written yet */
  size_t line_bytes_max;
} diff_view;

static void put_part(const diff_view *v, unsigned style, const char *text, size_t bytes) {
  transcript_foreign(v->t, style, text, bytes, v->flags);
}

static bool sign_of_change(char sign) { return sign != ' '; }

/* The beginning of the character that `at` lies in. */
static size_t character_at(const char *text, size_t at) {
  while (at && ((unsigned char)text[at] & 0xC0) == 0x80) at--;
  return at;
}

/* The part in the middle that differs stands out. `from`, `to`: none when equal. */
static void put_line(const diff_view *v, char sign, unsigned number, const diff_line *line,
                     size_t from, size_t to) {
  transcript *t = v->t;
  char lead[32];
  unsigned style = sign == '+' ? STYLE_GREEN : sign == '-' ? STYLE_RED : STYLE_DIM;
  size_t bytes = line->bytes, cut = 0;
  bool ends_in_return = bytes && line->text[bytes - 1] == '\r';
  if (ends_in_return) bytes--;
  size_t begin = 0, most = v->line_bytes_max;
  if (to > bytes || !sign_of_change(sign)) from = to = 0;
  if (bytes > most) {
    /* What has changed is to be seen, wherever in the line it is. */
    if (from > most / 2) begin = character_at(line->text, from - most / 4);
    cut = bytes - begin > most ? bytes - character_at(line->text, begin + most) : 0;
    bytes -= cut;
    if (to > bytes) to = bytes;
  }
  bool marked = v->t->options.colour;
  if (!marked) from = to = begin;
  if (from < begin) from = to = begin;
  t->out.hard = true;
  if (v->number_columns) {
    snprintf(lead, sizeof lead, "%*u ", (int)v->number_columns, number);
    transcript_put(t, STYLE_DIM, lead);
  }
  if (t->options.screen_reader)
    snprintf(lead, sizeof lead, "%s %u: ",
             sign == '+'   ? "Added line"
             : sign == '-' ? "Removed line"
                           : "Line",
             number);
  else
    snprintf(lead, sizeof lead, "%c ", sign);
  transcript_put(t, style, lead);
  wrap_hang(&t->out, v->number_columns + (v->number_columns ? 3 : 2));
  if (begin)
    transcript_printf(t, STYLE_DIM, "%s%zu bytes ", transcript_mark_text(t, MARK_GAP), begin);
  put_part(v, style, line->text + begin, from - begin);
  put_part(v, style | STYLE_REVERSE, line->text + from, to - from);
  put_part(v, style, line->text + to, bytes - to);
  if (cut)
    transcript_printf(t, STYLE_DIM, " %s%zu more bytes", transcript_mark_text(t, MARK_GAP), cut);
  if (ends_in_return && v->returns) transcript_put(t, style, t->options.symbols ? "␍" : "\\r");
  transcript_end_line(t);
}

static void put_gap(const diff_view *v, size_t lines) {
  transcript *t = v->t;
  const char *gap = t->options.symbols ? "…" : "...";
  if (t->options.screen_reader)
    transcript_printf(t, STYLE_DIM, "%zu unchanged lines left out\n", lines);
  else
    transcript_printf(t, STYLE_DIM, "%s %zu line%s %s\n", gap, lines, lines == 1 ? "" : "s", gap);
}

/* What two lines have in common at both ends; whole characters. */
static void find_middle(const diff_line *a, const diff_line *b, size_t *from, size_t *a_to,
                        size_t *b_to) {
  size_t least = a->bytes < b->bytes ? a->bytes : b->bytes, head = 0, tail = 0;
  while (head < least && a->text[head] == b->text[head]) head++;
  while (head && head < a->bytes && ((unsigned char)a->text[head] & 0xC0) == 0x80) head--;
  while (head && head < b->bytes && ((unsigned char)b->text[head] & 0xC0) == 0x80) head--;
  while (tail < least - head && a->text[a->bytes - 1 - tail] == b->text[b->bytes - 1 - tail])
    tail++;
  while (tail && ((unsigned char)a->text[a->bytes - tail] & 0xC0) == 0x80) tail--;
  *from = head;
  *a_to = a->bytes - tail;
  *b_to = b->bytes - tail;
  /* Lines with little in common are two lines. */
  if ((head + tail) * 3 < a->bytes || (head + tail) * 3 < b->bytes) *from = *a_to = *b_to = 0;
}

/* A run of changes: removed lines, then added ones. As many of both are pairs. */
static void put_changes(diff_view *v, const diff_edit *edits, size_t count) {
  const line_diff *d = v->diff;
  size_t removed = 0;
  while (removed < count && edits[removed].sign == '-') removed++;
  bool pairs = removed && removed == count - removed;
  for (size_t i = 0; i < count && v->left; i++, v->left--, v->changes_left--) {
    const diff_edit *e = &edits[i];
    bool old = e->sign == '-';
    const diff_line *line = old ? &d->old_lines[e->old_line] : &d->new_lines[e->new_line];
    size_t from = 0, old_to = 0, new_to = 0;
    if (pairs) {
      const diff_edit *was = &edits[old ? i : i - removed], *is = &edits[old ? i + removed : i];
      find_middle(&d->old_lines[was->old_line], &d->new_lines[is->new_line], &from, &old_to,
                  &new_to);
    }
    unsigned number = v->first_line + (old ? e->old_line : e->new_line);
    put_line(v, e->sign, number, line, from, old ? old_to : new_to);
    bool last = old ? e->old_line + 1 == d->old_count : e->new_line + 1 == d->new_count;
    if (last && d->old_newline != d->new_newline && !(old ? d->old_newline : d->new_newline))
      transcript_put(v->t, STYLE_DIM, "\\ no newline at end of file\n");
  }
}

static void put_context(diff_view *v, const diff_edit *edits, size_t count, bool first, bool last) {
  size_t head = first ? 0 : CONTEXT_LINES, tail = last ? 0 : CONTEXT_LINES;
  if (count <= head + tail + 1) head = count, tail = 0;
  for (size_t i = 0; i < count && v->left; i++) {
    if (i == head && tail + head < count) {
      put_gap(v, count - head - tail);
      i = count - tail;
      if (i == count) break;
    }
    put_line(v, ' ', v->first_line + edits[i].new_line, &v->diff->new_lines[edits[i].new_line], 0,
             0);
    v->left--;
  }
}

static void put_edits(diff_view *v) {
  const line_diff *d = v->diff;
  for (size_t at = 0, end; at < d->edits_count && v->left; at = end) {
    bool same = d->edits[at].sign == ' ';
    for (end = at; end < d->edits_count && (d->edits[end].sign == ' ') == same;) end++;
    if (same)
      put_context(v, d->edits + at, end - at, at == 0, end == d->edits_count);
    else
      put_changes(v, d->edits + at, end - at);
  }
}

/* ---- a diff ---- */

static bool is_binary(const char *text) {
  size_t bytes = strnlen(text, BINARY_SAMPLE_BYTES), strange = 0;
  for (size_t i = 0; i < bytes; i++)
    strange +=
        ((unsigned char)text[i] < 0x20 && !strchr("\n\r\t\f\x1b", text[i])) || text[i] == 0x7F;
  return strange * 20 > bytes;
}

static void put_head(transcript *t, const char *what, const char *path, const line_diff *d) {
  if (t->options.screen_reader) {
    transcript_printf(t, STYLE_BOLD, "%s %s: %zu line%s added, %zu removed", what, path, d->added,
                      d->added == 1 ? "" : "s", d->removed);
  } else {
    transcript_printf(t, STYLE_DIM, "%s ", what);
    transcript_put(t, STYLE_BOLD, path);
    transcript_printf(t, STYLE_GREEN, "  +%zu", d->added);
    transcript_printf(t, STYLE_RED, " -%zu", d->removed);
  }
  transcript_end_line(t);
}

static unsigned digits(size_t number) {
  unsigned n = 1;
  while (number >= 10) number /= 10, n++;
  return n;
}

typedef struct diff_text {
  const char *path, *old_text, *new_text;
  bool new_file, cut;
  unsigned first_line;
} diff_text;

static void show_diff(transcript *t, const diff_text *text, unsigned number, size_t lines_max,
                      unsigned flags) {
  line_diff d;
  const char *what = text->new_file                            ? "new file"
                     : text->old_text[0] && !text->new_text[0] ? "all removed from"
                                                               : "change";
  if (is_binary(text->old_text) || is_binary(text->new_text)) {
    transcript_printf(t, STYLE_PLAIN, "%s %s: binary, %zu bytes before, %zu after\n", what,
                      text->path, strlen(text->old_text), strlen(text->new_text));
    return;
  }
  if (!line_diff_make(&d, text->old_text, text->new_text)) {
    transcript_printf(t, STYLE_YELLOW, "%s %s: too large to compare\n", what, text->path);
    return;
  }
  bool old_returns = strstr(text->old_text, "\r\n"), new_returns = strstr(text->new_text, "\r\n");
  size_t most = d.old_count > d.new_count ? d.old_count : d.new_count;
  diff_view v = {.t = t,
                 .diff = &d,
                 .first_line = 1,
                 .flags = TERMINAL_TEXT_ONE_LINE | flags,
                 .returns = old_returns != new_returns && text->old_text[0],
                 .left = lines_max,
                 .changes_left = d.added + d.removed,
                 .line_bytes_max = DIFF_LINE_BYTES_MAX};
  /* Some agents give a piece of the file and where it begins. */
  if (text->first_line > d.old_count) v.first_line = text->first_line;
  if (wrap_room(&t->out) >= 30 && !t->options.screen_reader)
    v.number_columns = digits(v.first_line + most);
  if (number && !flags && wrap_room(&t->out) < DIFF_LINE_BYTES_MAX / 3)
    v.line_bytes_max = 3 * wrap_room(&t->out) + 20;
  put_head(t, what, text->path, &d);
  put_edits(&v);
  size_t left = v.changes_left;
  if (left && number)
    transcript_printf(t, STYLE_DIM | STYLE_ITALIC, "%s%zu more changed lines (/expand %u)\n",
                      transcript_mark_text(t, MARK_GAP), left, number);
  else if (left)
    transcript_printf(t, STYLE_YELLOW, "%s%zu more changed lines\n",
                      transcript_mark_text(t, MARK_GAP), left);
  if (left && number) keep_fold(t, number, text->path, text->old_text, text->new_text);
  if (text->cut || d.cut) transcript_put(t, STYLE_YELLOW, "(cut here; the whole text is longer)\n");
  line_diff_free(&d);
}

static void put_whole(transcript *t, const char *what, const char *asset_id) {
  if (!asset_id[0]) return;
  transcript_put(t, STYLE_DIM, what);
  transcript_fetch_words(t, asset_id);
  transcript_end_line(t);
}

void transcript_diff(transcript *t, const Remote__V1__Diff *diff, unsigned first_line,
                     unsigned number, bool whole) {
  char path[600];
  terminal_text_copy(path, sizeof path, diff->path.data, diff->path.len,
                     TERMINAL_TEXT_ONE_LINE | TERMINAL_TEXT_NAMED);
  diff_text text = {path,
                    diff->old_text,
                    diff->new_text,
                    diff->new_file,
                    diff->old_asset_id[0] || diff->new_asset_id[0],
                    first_line};
  if (whole)
    t->seen_diffs[t->seen_diffs_next++ % (sizeof t->seen_diffs / sizeof *t->seen_diffs)] =
        hash_of(diff);
  if (!t->options.fold)
    show_diff(t, &text, 0, EXPANDED_LINES_MAX, whole ? TERMINAL_TEXT_NAMED : 0);
  else
    show_diff(t, &text, number, whole ? ASKED_LINES_MAX : FOLDED_LINES_MAX,
              whole ? TERMINAL_TEXT_NAMED : 0);
  put_whole(t, "the whole old text", diff->old_asset_id);
  put_whole(t, "the whole new text", diff->new_asset_id);
}

/* ---- documents ---- */

/* Where `lines` lines end; the end of the text when it has no more. */
static size_t cut_at(const char *text, size_t lines) {
  const char *at = text;
  while (lines && *at) {
    at += strcspn(at, "\n");
    if (*at) at++;
    lines--;
  }
  return (size_t)(at - text);
}

void transcript_head_of(transcript *t, const char *text, size_t lines, unsigned style) {
  size_t first = cut_at(text, lines), left = 0;
  transcript_foreign(t, style, text, first, 0);
  transcript_end_line(t);
  for (const char *at = text + first; *at; left++) at += cut_at(at, 1);
  if (!left) return;
  keep_fold(t, ++t->numbers, "", "", text)->as_it_is = true;
  transcript_printf(t, STYLE_DIM | STYLE_ITALIC, "%s%zu more lines (/expand %u)",
                    transcript_mark_text(t, MARK_GAP), left, t->numbers);
}

size_t transcript_lines(const char *text) {
  size_t lines = 0;
  for (; *text; lines++) text += cut_at(text, 1);
  return lines;
}

void transcript_document(transcript *t, const char *text) {
  size_t first = t->options.fold ? cut_at(text, DOCUMENT_LINES_MAX) : strlen(text);
  if (!text[first]) {
    transcript_markdown(t, STYLE_PLAIN, text);
    return;
  }
  char *beginning = strndup(text, first);
  size_t left = 0;
  for (const char *at = text + first; *at; left++) at += cut_at(at, 1);
  if (beginning) transcript_markdown(t, STYLE_PLAIN, beginning);
  free(beginning);
  keep_fold(t, ++t->numbers, "", "", text);
  transcript_printf(t, STYLE_DIM | STYLE_ITALIC, "%s%zu more lines (/expand %u)\n",
                    transcript_mark_text(t, MARK_GAP), left, t->numbers);
}

/* ---- /expand ---- */

bool transcript_folds_expand(transcript *t, unsigned number) {
  bool found = false;
  for (size_t i = 0; i < TRANSCRIPT_FOLDS_MAX; i++) {
    const transcript_fold *fold = &t->folds[i];
    if (fold->number != number) continue;
    found = true;
    transcript_block(t, BLOCK_NOTE, "", STYLE_PLAIN, "", STYLE_PLAIN);
    diff_text text = {fold->path, fold->old_text, fold->new_text, !fold->old_text[0], false, 0};
    if (fold->as_it_is)
      transcript_foreign(t, STYLE_PLAIN, fold->new_text, strlen(fold->new_text), 0);
    else if (fold->path[0])
      show_diff(t, &text, 0, EXPANDED_LINES_MAX, 0);
    else
      transcript_markdown(t, STYLE_PLAIN, fold->new_text);
    transcript_break(t);
  }
  return found;
}

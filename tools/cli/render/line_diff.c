/* Myers' greedy algorithm over lines, after what both texts begin and end with is taken off. */
#include "line_diff.h"

#include <stdlib.h>
#include <string.h>

/* ---- lines ---- */

static bool split(const char *text, diff_line **lines, size_t *count, bool *newline, bool *cut) {
  size_t capacity = 1;
  for (const char *at = strchr(text, '\n'); at && capacity < LINE_DIFF_LINES_MAX;
       at = strchr(at + 1, '\n'))
    capacity++;
  *lines = malloc(capacity * sizeof **lines);
  if (!*lines) return false;
  *count = 0;
  *newline = true;
  while (*text && *count < capacity) {
    size_t bytes = strcspn(text, "\n");
    (*lines)[(*count)++] = (diff_line){text, bytes};
    *newline = text[bytes] == '\n';
    text += bytes + *newline;
  }
  *cut = *cut || *text;
  return true;
}

static bool same(const line_diff *d, size_t old_line, size_t new_line) {
  const diff_line *a = &d->old_lines[old_line], *b = &d->new_lines[new_line];
  bool both_last = old_line + 1 == d->old_count && new_line + 1 == d->new_count;
  if (both_last && d->old_newline != d->new_newline) return false;
  return a->bytes == b->bytes && !memcmp(a->text, b->text, a->bytes);
}

/* ---- edits ---- */

static void add(line_diff *d, char sign, size_t old_line, size_t new_line) {
  d->edits[d->edits_count++] = (diff_edit){sign, (unsigned)old_line, (unsigned)new_line};
  d->added += sign == '+';
  d->removed += sign == '-';
}

typedef struct middle {
  size_t old_first, old_count, new_first, new_count;
} middle;

static void replace(line_diff *d, const middle *m) {
  for (size_t i = 0; i < m->old_count; i++) add(d, '-', m->old_first + i, m->new_first);
  for (size_t i = 0; i < m->new_count; i++)
    add(d, '+', m->old_first + m->old_count, m->new_first + i);
}

/* How far each diagonal came with each number of edits: rows of a triangle. */
static int *row_of(int *rows, int edits) { return rows + edits * (edits + 1); }

/* The number of edits, or -1: more than are looked for. */
static int search(const line_diff *d, const middle *m, int *rows) {
  int n = (int)m->old_count, k_max = (int)m->new_count;
  for (int edits = 0; edits <= LINE_DIFF_EDITS_MAX; edits++) {
    int *row = row_of(rows, edits), *last = edits ? row_of(rows, edits - 1) : NULL;
    for (int k = -edits; k <= edits; k += 2) {
      int x = 0;
      if (edits) {
        bool down = k == -edits || (k != edits && last[k - 1] < last[k + 1]);
        x = down ? last[k + 1] : last[k - 1] + 1;
      }
      int y = x - k;
      while (x < n && y < k_max && x >= 0 && y >= 0 &&
             same(d, m->old_first + (size_t)x, m->new_first + (size_t)y))
        x++, y++;
      row[k] = x;
      if (x >= n && y >= k_max) return edits;
    }
  }
  return -1;
}

/* Walks back from the end; the edits come out in reverse. */
static void walk_back(line_diff *d, const middle *m, int *rows, int edits) {
  int x = (int)m->old_count, y = (int)m->new_count;
  size_t first = d->edits_count;
  for (; edits >= 0; edits--) {
    int k = x - y, before_x = 0, before_y = 0;
    if (edits) {
      int *last = row_of(rows, edits - 1);
      bool down = k == -edits || (k != edits && last[k - 1] < last[k + 1]);
      before_x = down ? last[k + 1] : last[k - 1];
      before_y = before_x - (down ? k + 1 : k - 1);
    }
    while (x > before_x && y > before_y) {
      x--, y--;
      add(d, ' ', m->old_first + (size_t)x, m->new_first + (size_t)y);
    }
    if (!edits) break;
    bool down = x == before_x;
    if (down)
      add(d, '+', m->old_first + (size_t)x, m->new_first + (size_t)before_y);
    else
      add(d, '-', m->old_first + (size_t)before_x, m->new_first + (size_t)y);
    x = before_x;
    y = before_y;
  }
  for (size_t a = first, b = d->edits_count; a + 1 < b; a++) {
    diff_edit edit = d->edits[a];
    d->edits[a] = d->edits[--b];
    d->edits[b] = edit;
  }
}

/* In a run of changes what goes stands in front of what comes. */
static bool order(line_diff *d) {
  diff_edit *sorted = malloc((d->edits_count + 1) * sizeof *sorted);
  if (!sorted) return false;
  for (size_t at = 0; at < d->edits_count;) {
    size_t end = at, out = at;
    while (end < d->edits_count && d->edits[end].sign != ' ') end++;
    for (size_t i = at; i < end; i++)
      if (d->edits[i].sign == '-') sorted[out++] = d->edits[i];
    for (size_t i = at; i < end; i++)
      if (d->edits[i].sign == '+') sorted[out++] = d->edits[i];
    if (end < d->edits_count) sorted[out] = d->edits[end++];
    at = end;
  }
  free(d->edits);
  d->edits = sorted;
  return true;
}

static bool compare(line_diff *d) {
  size_t least = d->old_count < d->new_count ? d->old_count : d->new_count, head = 0, tail = 0;
  while (head < least && same(d, head, head)) head++;
  while (tail < least - head && same(d, d->old_count - 1 - tail, d->new_count - 1 - tail)) tail++;
  middle m = {head, d->old_count - head - tail, head, d->new_count - head - tail};
  d->edits = malloc((d->old_count + d->new_count + 1) * sizeof *d->edits);
  if (!d->edits) return false;
  for (size_t i = 0; i < head; i++) add(d, ' ', i, i);
  int edits = -1;
  int *rows = NULL;
  if (m.old_count && m.new_count) {
    rows = malloc((size_t)(LINE_DIFF_EDITS_MAX + 2) * (LINE_DIFF_EDITS_MAX + 2) * sizeof *rows);
    if (rows) edits = search(d, &m, rows);
  }
  if (edits >= 0)
    walk_back(d, &m, rows, edits);
  else
    replace(d, &m);
  free(rows);
  for (size_t i = 0; i < tail; i++)
    add(d, ' ', m.old_first + m.old_count + i, m.new_first + m.new_count + i);
  return order(d);
}

bool line_diff_make(line_diff *d, const char *old_text, const char *new_text) {
  memset(d, 0, sizeof *d);
  if (split(old_text, &d->old_lines, &d->old_count, &d->old_newline, &d->cut) &&
      split(new_text, &d->new_lines, &d->new_count, &d->new_newline, &d->cut) && compare(d))
    return true;
  line_diff_free(d);
  return false;
}

void line_diff_free(line_diff *d) {
  free(d->old_lines);
  free(d->new_lines);
  free(d->edits);
  memset(d, 0, sizeof *d);
}

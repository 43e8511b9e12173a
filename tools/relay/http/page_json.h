/* The JSON of the relay's own page: an object of strings, numbers and truths in, the same out.
 * Nothing is allocated. Threads: any. */
#ifndef RELAY_HTTP_PAGE_JSON_H
#define RELAY_HTTP_PAGE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is read of a member: into `text` when it is a string, into `truth` when it is true or false.
 */
typedef struct page_member {
  const char *name;
  char *text;
  size_t text_bytes;
  bool *truth;
} page_member;

/* Reads an object without objects and lists in it; members that are not asked for are passed over.
 * NULL: read; else what is wrong with it, for people. */
const char *page_json_read(const uint8_t *data, size_t bytes, const page_member *members,
                           size_t count);

/* An object that is being written. */
typedef struct page_json {
  char text[2048];
  size_t bytes;
} page_json;
void page_json_begin(page_json *json);
void page_json_text(page_json *json, const char *name, const char *value);
void page_json_number(page_json *json, const char *name, uint64_t value);
void page_json_truth(page_json *json, const char *name, bool value);
void page_json_end(page_json *json);

#endif

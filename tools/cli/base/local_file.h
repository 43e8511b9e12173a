/* A file of this machine that goes along with a prompt: looked at before anything is sent, then
 * read at once, so that what is sent is one state of it. */
#ifndef REMOTE_CLI_LOCAL_FILE_H
#define REMOTE_CLI_LOCAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/sha256.h"

typedef struct local_file {
  char name[256];         /* the path's last part as UTF-8, at most 255 bytes; for people */
  const char *media_type; /* told by its content; static */
  uint8_t *data;
  size_t bytes;
  uint8_t sha256[LRM_SHA256_BYTES];
} local_file;

/* Could it be sent? False: `error` says what is wrong with it, in words of a person: not there, not
 * to be read, a folder, no file but a device, empty, over 10 MiB. */
bool local_file_check(const char *path, char *error, size_t error_bytes);
/* Reads it. False: as above, or it changed meanwhile. */
bool local_file_read(local_file *file, const char *path, char *error, size_t error_bytes);
void local_file_free(local_file *file);

/* A path as a person writes or drops it into a terminal: `~/`, quotes around it, and backslashes
 * are taken away, unless there is a file of exactly that name. */
void local_file_typed(const char *text, char *out, size_t capacity);

/* "812 bytes", "34 KiB", "1.2 MiB". */
void file_size_text(uint64_t bytes, char *out, size_t capacity);

#endif

/* UTF-8 and the columns that characters take on a terminal. */
#ifndef REMOTE_CLI_UNICODE_TEXT_H
#define REMOTE_CLI_UNICODE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNICODE_REPLACEMENT 0xFFFDu

/* Bytes of the character that `first` begins; 0: none does. */
size_t unicode_bytes(uint8_t first);
/* `byte` may follow the `bytes` that are pending: excludes over-long forms, surrogates and what is
 * too large. */
bool unicode_continues(const uint8_t *pending, size_t bytes, uint8_t byte);
/* A whole character. */
uint32_t unicode_decode(const uint8_t *text, size_t bytes);
size_t unicode_encode(uint32_t c, char out[4]);
/* The character at the beginning of `text`, and its bytes (at least 1 of `bytes`, which is not 0).
 * What is no character is U+FFFD, one byte long. */
size_t unicode_next(const char *text, size_t bytes, uint32_t *c);

/* Columns: 0, 1 or 2. Control characters: 0. A guess where terminals differ (sequences of emoji are
 * counted part by part), so that nothing is ever wider than was thought. */
unsigned unicode_columns(uint32_t c);

#endif

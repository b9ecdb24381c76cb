/* tools/text.h - what people read: escaped, with units, in UTC. */
#ifndef ENVELOPE_TOOLS_TEXT_H
#define ENVELOPE_TOOLS_TEXT_H
#include "pool.h"
#include <envelope/key.h>
#include <stdbool.h>

/* Control characters, characters that turn the direction of writing, and bytes that are not UTF-8
 * as \xNN: a label or a key name must not be able to write to the terminal. NULL is "-". */
const char *text_printable(struct pool *pool, const char *text);
bool text_is_utf8(const char *text);
const char *text_hex(struct pool *pool, const uint8_t *bytes, size_t len);
bool text_unhex(uint8_t *bytes, size_t len, const char *hex); /* lower case only */
const char *text_time(struct pool *pool, int64_t ms);         /* 2026-04-11T22:15:03Z */
const char *text_size(struct pool *pool, uint64_t bytes);     /* "12.4 MiB" */
const char *text_plural(uint64_t n);                          /* "" or "s" */
/* Decimal digits only, 0 to max. */
bool text_number(const char *text, uint64_t max, uint64_t *out);

/* "lab/vm version 2", "password ops", "escrow key board" */
const char *text_key(struct pool *pool, const envelope_key_ref *key);
/* The same with key id and fingerprint: all that somebody needs who has to find it. */
const char *text_key_exact(struct pool *pool, const envelope_key_ref *key);
#endif

/* format/attributes.h - x (u8 length | name | u16 length | value), names strictly rising,
 * [a-z0-9._-]{1,64}. In the box (known at begin) and before the footer (final). Both together at
 * most ENV_ATTRIBUTES_MAX bytes. Names beginning with '.' are ours. */
#ifndef ENV_FORMAT_ATTRIBUTES_H
#define ENV_FORMAT_ATTRIBUTES_H
#include "base/bytes.h"
#include <envelope/base.h>
#include <stdbool.h>

enum { ENV_ATTRIBUTES_MAX = 8192, ENV_ATTRIBUTE_NAME_MAX = 64 };
#define ENV_ATTRIBUTE_LABEL  ".label"  /* UTF-8, at most ENVELOPE_KEY_NAME_MAX bytes */
#define ENV_ATTRIBUTE_NUMBER ".number" /* u64, the number expected when the point was begun */
#define ENV_ATTRIBUTE_BEGUN  ".begun"  /* i64, ms */

/* E_FORMAT: not well formed, or ours with a wrong length or text. */
envelope_status env_attributes_check(struct env_bytes attributes, envelope_error *err);
/* false: not there. The value is borrowed. attributes were checked. */
bool env_attributes_find(struct env_bytes attributes, const char *name, struct env_bytes *value);
/* May a caller give this name (not ours)? */
bool env_attribute_name_valid(const char *name);
/* Inserts or replaces in its place; buf holds *len bytes and has room for cap. E_LIMIT. */
envelope_status env_attributes_set(uint8_t *buf, size_t cap, size_t *len, const char *name,
                                   const void *value, size_t value_len, envelope_error *err);
#endif

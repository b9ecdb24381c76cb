/* base/bytes.h - a reader that cannot leave its slice, a writer that cannot leave its buffer. All
 * integers are big-endian. Both are sticky: after the first failure everything reads as zero or is
 * dropped, so a parser checks once, at the end. */
#ifndef ENV_BASE_BYTES_H
#define ENV_BASE_BYTES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed piece of memory. */
struct env_bytes {
    const void *p;
    size_t len;
};
#define ENV_BYTES(ptr, length) ((struct env_bytes){(ptr), (length)})

struct env_cursor {
    const uint8_t *p;
    size_t left;
    bool bad; /* something was asked that was not there */
};
struct env_cursor env_cursor_over(const void *p, size_t len);
uint8_t env_get_u8(struct env_cursor *c);
uint16_t env_get_u16(struct env_cursor *c);
uint32_t env_get_u32(struct env_cursor *c);
uint64_t env_get_u64(struct env_cursor *c);
int64_t env_get_i64(struct env_cursor *c);
/* Borrowed, NULL if there are fewer than len. */
const uint8_t *env_get_slice(struct env_cursor *c, size_t len);
/* out is zeroed when there are fewer than len. */
void env_get_copy(struct env_cursor *c, void *out, size_t len);
/* Skips len bytes and makes the cursor bad unless they are all zero. */
void env_get_zeros(struct env_cursor *c, size_t len);
bool env_all_zero(const void *p, size_t len);
/* Nothing went wrong and nothing is left. */
bool env_cursor_done(const struct env_cursor *c);

struct env_out {
    uint8_t *p;
    size_t cap;
    size_t len;
    bool full; /* something did not fit */
};
struct env_out env_out_over(void *p, size_t cap);
void env_put_u8(struct env_out *o, uint8_t v);
void env_put_u16(struct env_out *o, uint16_t v);
void env_put_u32(struct env_out *o, uint32_t v);
void env_put_u64(struct env_out *o, uint64_t v);
void env_put_i64(struct env_out *o, int64_t v);
void env_put_bytes(struct env_out *o, const void *p, size_t len);
void env_put_zeros(struct env_out *o, size_t len);

/* Without branches on content; for anything that depends on a secret. */
bool env_equal_secret(const void *a, const void *b, size_t len);
/* Not removed by the compiler. NULL is allowed with len 0. */
void env_wipe(void *p, size_t len);
#endif

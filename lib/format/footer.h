/* format/footer.h - the last 128 bytes of a payload's plaintext. Offsets count from its beginning.
 */
#ifndef ENV_FORMAT_FOOTER_H
#define ENV_FORMAT_FOOTER_H
#include "base/bytes.h"
#include <envelope/base.h>

enum { ENV_FOOTER_BYTES = 128 };
struct env_footer {
    uint8_t content;
    uint8_t block_log2;   /* image */
    uint8_t segment_log2; /* image */
    uint8_t reserved[5];
    uint64_t bytes; /* as read back; metadata: 0 */
    uint64_t attributes_at;
    uint64_t attributes_len;
    uint64_t table_at; /* image: directory; metadata: rows */
    uint64_t table_count;
    uint64_t second_at;    /* image: object table; metadata: strings */
    uint64_t second_count; /* entries; metadata: length */
    uint64_t stored_blocks;
    int64_t begun_ms;
    int64_t ended_ms;
};
void env_footer_put(const struct env_footer *footer, uint8_t out[ENV_FOOTER_BYTES]);
/* content is what ID says (0 for metadata); plain_len is the payload's plaintext length, footer
 * included: every offset and length is checked against it, and the parts must follow each other
 * without gaps (docs/format.md). E_FORMAT. */
envelope_status env_footer_get(const uint8_t in[ENV_FOOTER_BYTES], uint8_t content,
                               uint64_t plain_len, struct env_footer *out, envelope_error *err);
#endif

/* Target functions: env_footer_get, env_footer_put */
#include "format/image.h"
#include "format/row.h"
#include "fuzz.h"
#include <string.h>

/* A footer, then u64 length of the plaintext. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct env_cursor c = env_cursor_over(data, size);
    const uint8_t *in = env_get_slice(&c, ENV_FOOTER_BYTES);
    uint64_t plain_len = env_get_u64(&c);
    struct env_footer f;
    uint8_t out[ENV_FOOTER_BYTES];
    if (c.bad || env_footer_get(in, in[1], plain_len, &f, NULL)) {
        return 0;
    }
    bool image = f.content == ENV_CONTENT_IMAGE;
    uint64_t parts = image ? f.table_count * ENV_DIRECTORY_BYTES + f.second_count * ENV_LINK_BYTES +
                                 (f.stored_blocks << f.block_log2)
                           : f.bytes + f.table_count * ENV_ROW_BYTES + f.second_count;
    fuzz_must(parts + f.attributes_len <= plain_len - ENV_FOOTER_BYTES,
              "its parts are in the payload");
    env_footer_put(&f, out);
    fuzz_must(!memcmp(in, out, sizeof out), "what was read is written");
    return 0;
}

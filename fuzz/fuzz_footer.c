/* Target functions: env_footer_get, env_footer_put */
#include "format/footer.h"
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
    uint64_t parts = f.bytes + f.attributes_len + f.table_count * ENV_ROW_BYTES + f.second_count;
    fuzz_must(parts <= plain_len - ENV_FOOTER_BYTES, "its parts are in the payload");
    env_footer_put(&f, out);
    fuzz_must(!memcmp(in, out, sizeof out), "what was read is written");
    return 0;
}

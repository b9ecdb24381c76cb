/* Target functions: env_row_get, env_row_put, env_row_id */
#include "format/row.h"
#include "fuzz.h"
#include <string.h>

/* A row, then what is known beside it: u64 number of the row before, u64 length of the strings, u32
 * count of key sets. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t chain_id[ENV_CHAIN_ID_BYTES] = {0};
    struct env_cursor c = env_cursor_over(data, size);
    const uint8_t *in = env_get_slice(&c, ENV_ROW_BYTES);
    uint64_t previous = env_get_u64(&c);
    uint64_t strings_len = env_get_u64(&c);
    uint32_t key_sets = env_get_u32(&c);
    struct env_row row;
    uint8_t out[ENV_ROW_BYTES];
    uint8_t id[ENV_ID_SHORT_BYTES];
    if (c.bad || env_row_get(in, previous, strings_len, key_sets, &row, NULL)) {
        return 0;
    }
    fuzz_must(row.number > previous && row.key_set < key_sets, "it is in range");
    fuzz_must((uint64_t)row.label_at + row.label_len <= strings_len &&
                  (uint64_t)row.attributes_at + row.attributes_len <= strings_len,
              "its strings are in range");
    env_row_put(&row, out);
    fuzz_must(!memcmp(in, out, sizeof out), "what was read is written");
    env_row_id(&row, chain_id, id);
    return 0;
}

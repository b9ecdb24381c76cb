/* Target functions: env_tail_get, env_tail_put */
#include "format/crc32c.h"
#include "format/tail.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

static void parse(const uint8_t in[ENV_TAIL_BYTES])
{
    struct env_tail tail;
    uint8_t out[ENV_TAIL_BYTES];
    if (!env_tail_get(in, &tail, NULL)) {
        env_tail_put(&tail, out);
        fuzz_must(!memcmp(in, out, sizeof out), "what was read is written");
    }
}

/* As it came, and with the CRC made right. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size != ENV_TAIL_BYTES) {
        return 0;
    }
    uint8_t *copy = fuzz_copy(data, size);
    parse(copy);
    struct env_out o = env_out_over(copy + 60, 4);
    env_put_u32(&o, env_crc32c(copy, 60));
    parse(copy);
    free(copy);
    return 0;
}

/* Target functions: env_box_get, env_box_put */
#include "format/box.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

/* The first byte: 1 foreign. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct env_box box;
    if (size < 1 || env_box_get(data + 1, size - 1, data[0] & 1, &box, NULL)) {
        return 0;
    }
    size_t len = env_box_bytes(&box);
    uint8_t *out = malloc(len);
    fuzz_must(out && len == size - 1, "the length is the one that was read");
    env_box_put(&box, out, len);
    fuzz_must(!memcmp(out, data + 1, len), "what was read is written");
    free(out);
    return 0;
}

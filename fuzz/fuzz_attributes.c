/* Target functions: env_attributes_check, env_attributes_find, env_attributes_set */
#include "format/attributes.h"
#include "fuzz.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {ENV_ATTRIBUTE_LABEL, "job", "zz"};
    uint8_t buf[ENV_ATTRIBUTES_MAX];
    size_t len = size;
    struct env_bytes value;
    if (env_attributes_check(ENV_BYTES(data, size), NULL)) {
        return 0;
    }
    fuzz_must(size <= sizeof buf, "the limit holds");
    if (size) {
        memcpy(buf, data, size);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (env_attributes_set(buf, sizeof buf, &len, names[i], "value", 5, NULL)) {
            continue; /* full */
        }
        fuzz_must(!env_attributes_check(ENV_BYTES(buf, len), NULL), "still in order");
        fuzz_must(env_attributes_find(ENV_BYTES(buf, len), names[i], &value) && value.len == 5,
                  "what was set is found");
    }
    return 0;
}

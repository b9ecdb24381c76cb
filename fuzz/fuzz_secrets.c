/* Target functions: env_secrets_check, env_secrets_generation, env_secrets_gs */
#include "format/secrets.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    uint32_t before = 0;
    if (env_secrets_check(data, size, &count, NULL)) {
        fuzz_must(count == 0, "nothing is told of what was refused");
        return 0;
    }
    fuzz_must(count >= 1 && count <= ENV_GENERATIONS_LIMIT, "a count in range");
    for (size_t i = 0; i < count; i++) {
        uint32_t g = env_secrets_generation(data, i);
        const uint8_t *gs = env_secrets_gs(data, i);
        fuzz_must(g > before && gs >= data && gs + 32 <= data + size, "an entry in range");
        before = g;
    }
    return 0;
}

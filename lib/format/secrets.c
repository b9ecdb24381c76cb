#include "format/secrets.h"
#include "base/error.h"
#include "format/id.h"

uint32_t env_secrets_generation(const uint8_t *secrets, size_t i)
{
    struct env_cursor c = env_cursor_over(secrets + ENV_ROOT_BYTES + i * ENV_SECRET_ENTRY_BYTES, 4);
    return env_get_u32(&c);
}

const uint8_t *env_secrets_gs(const uint8_t *secrets, size_t i)
{
    return secrets + ENV_ROOT_BYTES + i * ENV_SECRET_ENTRY_BYTES + 4;
}

envelope_status env_secrets_check(const void *secrets, size_t len, size_t *count,
                                  envelope_error *err)
{
    *count = 0;
    size_t entries = len < ENV_ROOT_BYTES ? 0 : (len - ENV_ROOT_BYTES) / ENV_SECRET_ENTRY_BYTES;
    if (entries == 0 || entries > ENV_GENERATIONS_LIMIT ||
        len != ENV_ROOT_BYTES + entries * ENV_SECRET_ENTRY_BYTES) {
        return env_fail(err, ENVELOPE_E_FORMAT, "SECRETS: a length of %zu is not possible", len);
    }
    uint32_t before = 0;
    for (size_t i = 0; i < entries; i++) {
        uint32_t g = env_secrets_generation(secrets, i);
        if (g <= before || g >= ENV_GENERATION_LIMIT) {
            return env_fail(err, ENVELOPE_E_FORMAT, "SECRETS: generations do not rise");
        }
        before = g;
    }
    *count = entries;
    return ENVELOPE_OK;
}

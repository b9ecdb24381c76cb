/* Target functions: env_location_get, env_location_put, env_directory_get, env_directory_put */
#include "format/image.h"
#include "fuzz.h"
#include "fuzz_image_read.h"
#include <string.h>

static void in_range(const struct env_location *at, uint64_t objects, uint64_t align)
{
    fuzz_must(at->kind <= ENV_AT_OBJECT && at->offset % align == 0, "its kind, and its offset");
    fuzz_must(at->kind == ENV_AT_OBJECT ? at->object < objects : at->object == 0,
              "its object is one of them");
    fuzz_must(at->kind != ENV_AT_ZERO || at->offset == 0, "nowhere has no offset");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct env_cursor c = env_cursor_over(data, size);
    uint64_t objects = env_get_u64(&c);
    const uint8_t *location = env_get_slice(&c, ENV_LOCATION_BYTES);
    const uint8_t *entry = env_get_slice(&c, ENV_DIRECTORY_BYTES);
    uint8_t out[ENV_DIRECTORY_BYTES];
    struct env_location at;
    if (c.bad) {
        return 0;
    }
    if (env_location_get(location, objects, &at)) {
        in_range(&at, objects, ENV_LOCATION_UNIT);
        env_location_put(&at, out);
        fuzz_must(!memcmp(location, out, ENV_LOCATION_BYTES), "what was read is written");
    }
    if (env_directory_get(entry, objects, &at)) {
        in_range(&at, objects, ENV_PART_ALIGN);
        env_directory_put(&at, out);
        fuzz_must(!memcmp(entry, out, ENV_DIRECTORY_BYTES), "what was read is written");
    }
    return 0;
}

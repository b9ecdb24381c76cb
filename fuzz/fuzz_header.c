/* Target functions: env_copy_parse, env_id_get */
#include "format/crc32c.h"
#include "format/header.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

static bool inside(struct env_bytes part, const uint8_t *copy, size_t len)
{
    const uint8_t *p = part.p;
    return part.len == 0 ||
           (p >= copy && part.len <= len && p - copy <= (ptrdiff_t)(len - part.len));
}

static void parse(const uint8_t *copy, size_t len, uint8_t role)
{
    struct env_copy c;
    uint8_t id[ENV_ID_BYTES];
    if (env_copy_parse(copy, len, role, &c, NULL)) {
        return;
    }
    fuzz_must(c.capacity <= len && c.whole.p == copy, "the copy is in the input");
    fuzz_must(inside(c.core, copy, c.capacity) && inside(c.mut, copy, c.capacity) &&
                  inside(c.box, copy, c.capacity) && inside(c.context, copy, c.capacity) &&
                  inside(c.slots, copy, c.capacity),
              "its parts are in the copy");
    env_id_put(&c.id, id);
    fuzz_must(!memcmp(id, c.id_bytes, sizeof id), "ID is what was read");
}

/* As it came, and with the CRC made right: nothing gets past the CRC by chance. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    uint8_t role = size > 10 ? copy[10] % 3 : 0;
    parse(copy, size, role);
    struct env_cursor c = env_cursor_over(copy, size);
    (void)env_get_slice(&c, 20);
    uint32_t capacity = env_get_u32(&c);
    if (!c.bad && capacity >= 4 && capacity <= size) {
        struct env_out o = env_out_over(copy + capacity - 4, 4);
        env_put_u32(&o, env_crc32c(copy, capacity - 4));
        parse(copy, size, role);
    }
    free(copy);
    return 0;
}

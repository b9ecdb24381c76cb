#include "format/tail.h"
#include "base/error.h"
#include "format/crc32c.h"
#include <string.h>

static const uint8_t magic[8] = {0x89, 0x45, 0x4e, 0x44, 0x0d, 0x0a, 0x1a, 0x0a};
enum { VERSION = 1, CRC_AT = 60 };

void env_tail_put(const struct env_tail *tail, uint8_t out[ENV_TAIL_BYTES])
{
    struct env_out o = env_out_over(out, ENV_TAIL_BYTES);
    env_put_bytes(&o, magic, sizeof magic);
    env_put_u16(&o, VERSION);
    env_put_u16(&o, 0);
    env_put_zeros(&o, 4);
    env_put_bytes(&o, tail->object_id, sizeof tail->object_id);
    env_put_u64(&o, tail->payload_bytes);
    env_put_bytes(&o, tail->link, sizeof tail->link);
    env_put_zeros(&o, 4);
    env_put_u32(&o, env_crc32c(out, CRC_AT));
}

envelope_status env_tail_get(const uint8_t in[ENV_TAIL_BYTES], struct env_tail *out,
                             envelope_error *err)
{
    struct env_cursor c = env_cursor_over(in, ENV_TAIL_BYTES);
    memset(out, 0, sizeof *out);
    if (memcmp(env_get_slice(&c, sizeof magic), magic, sizeof magic)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "tail: no tail is there (the object is cut)");
    }
    struct env_tail tail;
    uint16_t version = env_get_u16(&c);
    env_get_zeros(&c, 2 + 4);
    bool zeros = !c.bad;
    c = env_cursor_over(in + 16, ENV_TAIL_BYTES - 16);
    env_get_copy(&c, tail.object_id, sizeof tail.object_id);
    tail.payload_bytes = env_get_u64(&c);
    env_get_copy(&c, tail.link, sizeof tail.link);
    zeros = zeros && env_get_u32(&c) == 0;
    if (env_get_u32(&c) != env_crc32c(in, CRC_AT)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "tail: damaged (CRC)");
    }
    if (version != VERSION || !zeros) {
        return env_fail(err, ENVELOPE_E_FORMAT, "tail: unknown version, or flags are set");
    }
    *out = tail;
    return ENVELOPE_OK;
}

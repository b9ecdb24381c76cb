/* Target functions: env_headers_read, env_object_unlock_with */
#include "format/crc32c.h"
#include "fuzz.h"
#include "object.h"
#include "object/open.h"
#include <stdlib.h>
#include <string.h>

struct memory {
    const uint8_t *p;
    size_t len;
};

static envelope_status read_memory(void *user, uint64_t offset, void *buf, size_t len,
                                   envelope_error *err)
{
    const struct memory *m = user;
    (void)err;
    fuzz_must(offset <= m->len && len <= m->len - offset, "what is read is there");
    if (len) {
        memcpy(buf, m->p + offset, len);
    }
    return ENVELOPE_OK;
}

static void check(const struct env_headers *h)
{
    fuzz_must(h->whole[h->first], "the first one is whole");
    for (int i = 0; i < 2; i++) {
        fuzz_must(h->whole[i] == (h->slots[i] != NULL), "a whole copy has slots");
        fuzz_must(h->whole[i] == (h->damage[i][0] == 0), "and a damaged one a reason");
    }
    fuzz_must(env_headers_id(h)->kind != ENV_KIND_FOREIGN, "it is of a chain");
}

static void parse(const uint8_t *object, size_t len)
{
    envelope_ctx *ctx = fuzz_ctx();
    struct memory m = {object, len};
    struct env_headers *h;
    if (env_headers_read(ctx, read_memory, &m, len, &h, NULL)) {
        fuzz_must(!h, "no handle of a failure");
        return;
    }
    check(h);
    envelope_dek *dek = object_dek(ctx);
    struct env_object *o;
    fuzz_must(env_object_unlock_with(h, dek, &o, NULL) == ENVELOPE_E_AUTH && !o,
              "nobody makes a TAG without the DEK");
    envelope_dek_free(dek);
}

/* begin of a copy, zeros, and a CRC that is right: nothing gets past it by chance. */
static void put_copy(uint8_t *copy, size_t capacity, const uint8_t *begin, size_t len)
{
    if (len) {
        memcpy(copy, begin, len < capacity - 4 ? len : capacity - 4);
    }
    uint32_t crc = env_crc32c(copy, capacity - 4);
    struct env_out o = env_out_over(copy + capacity - 4, 4);
    env_put_u32(&o, crc);
}

/* k and length of A, then the beginnings of both copies; or, marked so, an object as it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < OBJECT_BEGIN || data[0] & OBJECT_RAW) {
        parse(data + (size > 0), size > 0 ? size - 1 : 0);
        return 0;
    }
    size_t capacity = (size_t)ENV_CAPACITY_MIN << (data[0] & 3);
    size_t a = (size_t)data[1] << 8 | data[2];
    a = a < size - OBJECT_BEGIN ? a : size - OBJECT_BEGIN;
    uint8_t *object = calloc(2, capacity);
    fuzz_must(object, "memory");
    put_copy(object, capacity, data + OBJECT_BEGIN, a);
    put_copy(object + capacity, capacity, data + OBJECT_BEGIN + a, size - OBJECT_BEGIN - a);
    parse(object, 2 * capacity);
    free(object);
    return 0;
}

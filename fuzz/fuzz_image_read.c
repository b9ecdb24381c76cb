/* Target functions: env_image_open, env_image_pread, env_image_extent, env_image_segment,
 * env_payload_footer */
#include "fuzz_image_read.h"
#include "base/context.h"
#include "fuzz.h"
#include "image/image.h"
#include "object.h"
#include <stdlib.h>
#include <string.h>

enum {
    CHUNKS_MAX = 8,
    PLAIN_MAX = CHUNKS_MAX * ENV_PART_ALIGN + 255 + ENV_FOOTER_BYTES,
    BLOCKS_READ = 48,
    STEPS = 64,
    ROOM = 4 << 20 /* a block of 1 MiB, chunks that are kept, lanes */
};

/* What is allocated, at once and at most. */
struct meter {
    size_t live;
    size_t most;
};

static void *take(void *user, size_t size)
{
    struct meter *m = user;
    size_t *p = malloc(sizeof(max_align_t) + size);
    fuzz_must(p, "memory");
    *p = size;
    m->live += size;
    m->most = m->live > m->most ? m->live : m->most;
    return (uint8_t *)p + sizeof(max_align_t);
}

static void give(void *user, void *p)
{
    struct meter *m = user;
    if (p) {
        uint8_t *begin = (uint8_t *)p - sizeof(max_align_t);
        m->live -= *(size_t *)begin;
        free(begin);
    }
}

static struct meter meter;

static envelope_ctx *metered(void)
{
    static envelope_ctx *ctx;
    const envelope_ctx_options o = {
        .size = sizeof o, .alloc = take, .release = give, .user = &meter};
    if (!ctx) {
        fuzz_must(!envelope_ctx_new(&o, &ctx, NULL), "a context");
    }
    return ctx;
}

/* The point, and every object of its table: one payload is all of them. */
struct world {
    envelope_ctx *ctx;
    envelope_dek *dek;
    uint8_t *sealed;
    size_t len;
    uint8_t id[ENV_ID_SHORT_BYTES];
    bool believed;
};

static envelope_status read_sealed(void *user, uint64_t offset, void *buf, size_t len,
                                   envelope_error *err)
{
    const struct world *w = user;
    (void)err;
    fuzz_must(offset <= w->len && len <= w->len - offset, "a read within the object");
    memcpy(buf, w->sealed + offset, len);
    return ENVELOPE_OK;
}

static envelope_status open_source(void *user, const uint8_t link[ENV_LINK_BYTES],
                                   struct env_image_source *out, envelope_error *err)
{
    struct world *w = user;
    const struct env_payload_place place = {0, w->len};
    (void)link;
    memset(out, 0, sizeof *out);
    envelope_status st = env_payload_reader_new(w->ctx, w->dek, w->id, NULL, place, read_sealed, w,
                                                false, &out->payload, err);
    fuzz_must(!st, "what was sealed opens");
    st = env_payload_footer(out->payload, ENV_CONTENT_IMAGE, &out->footer, err);
    out->same_generation = w->believed;
    if (st) {
        env_payload_reader_free(out->payload);
    }
    return st;
}

static void close_source(void *user, struct env_image_source *source)
{
    (void)user;
    env_payload_reader_free(source->payload);
}

static size_t lay_out(const uint8_t *data, size_t size, uint8_t *plain)
{
    size_t len = data[1] % CHUNKS_MAX * (size_t)ENV_PART_ALIGN + data[2];
    struct env_cursor c = env_cursor_over(data + 3, size - 3 - ENV_FOOTER_BYTES);
    memset(plain, 0, len);
    while (!c.bad && c.left) {
        size_t at = env_get_u8(&c) * (size_t)ENV_PART_ALIGN;
        at += env_get_u16(&c);
        size_t n = env_get_u8(&c);
        const uint8_t *p = env_get_slice(&c, n);
        if (!c.bad && at <= len && n <= len - at) {
            memcpy(plain + at, p, n);
        }
    }
    memcpy(plain + len, data + size - ENV_FOOTER_BYTES, ENV_FOOTER_BYTES);
    return len + ENV_FOOTER_BYTES;
}

static void read_some(struct env_image *image, uint64_t at, size_t len)
{
    struct env_image_fault fault;
    uint64_t bytes = env_image_geometry(image)->bytes;
    len = len < bytes - at ? len : (size_t)(bytes - at);
    uint8_t *buf = malloc(len + 1);
    fuzz_must(buf, "memory");
    memset(buf, 0x55, len);
    envelope_status st = env_image_pread(image, at, buf, len, &fault, NULL);
    fuzz_must(!st || env_all_zero(buf, len), "what cannot be read is wiped");
    free(buf);
}

static void walk_extents(struct env_image *image)
{
    struct env_image_fault fault;
    const struct env_geometry *g = env_image_geometry(image);
    uint64_t at = 0;
    for (int i = 0; i < STEPS && at < g->bytes; i++) {
        uint64_t n;
        bool zero;
        if (env_image_extent(image, at, &n, &zero, &fault, NULL)) {
            n = g->block_bytes;
        }
        fuzz_must(n > 0, "an extent has a length");
        at += n;
    }
}

static void everywhere(struct env_image *image)
{
    const struct env_geometry *g = env_image_geometry(image);
    struct env_image_fault fault;
    struct env_segment *segment = malloc(sizeof *segment);
    fuzz_must(segment, "memory");
    for (uint64_t i = 0; i < BLOCKS_READ && i < g->blocks; i++) {
        uint64_t block = i < BLOCKS_READ / 2 ? i : g->blocks - 1 - (i - BLOCKS_READ / 2);
        uint64_t at = block << g->block_log2;
        read_some(image, at, g->block_bytes);
        read_some(image, at + env_geometry_block(g, block) / 2, 3);
    }
    for (uint64_t s = 0; s < g->segments && s < 4; s++) {
        (void)env_image_segment(image, s, segment, &fault, NULL);
        (void)env_image_segment(image, g->segments - 1 - s, segment, &fault, NULL);
    }
    free(segment);
    walk_extents(image);
}

static void run(struct world *w)
{
    static const uint8_t key[32];
    const struct env_image_opener opener = {w, open_source, close_source};
    struct env_image_source own;
    struct env_image *image;
    if (open_source(w, NULL, &own, NULL)) {
        return;
    }
    if (!env_image_open(w->ctx, &own, key, &opener, &image, NULL)) {
        everywhere(image);
        env_image_close(image);
    }
    env_payload_reader_free(own.payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 + ENV_FOOTER_BYTES) {
        return 0;
    }
    struct world w = {.ctx = metered(), .believed = data[0] & IMAGE_READ_BELIEVED};
    size_t live = meter.live;
    uint8_t *plain = malloc(PLAIN_MAX);
    fuzz_must(plain, "memory");
    size_t len = lay_out(data, size, plain);
    w.dek = object_dek(w.ctx);
    w.sealed = malloc(object_disk_bytes(len));
    fuzz_must(w.sealed, "memory");
    w.len = object_disk(w.ctx, plain, len, w.sealed, w.id);
    meter.most = meter.live;
    run(&w);
    fuzz_must(meter.most - live < ROOM + 64 * len, "memory as the input has it");
    free(w.sealed);
    free(plain);
    envelope_dek_free(w.dek);
    fuzz_must(meter.live == live, "all is given back");
    return 0;
}

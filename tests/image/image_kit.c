#include "image_kit.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MUST(call)                                                                                 \
    do {                                                                                           \
        envelope_error must_err = ENVELOPE_ERROR_INIT;                                             \
        envelope_error *err = &must_err;                                                           \
        envelope_status must_st = (call);                                                          \
        ck_assert_msg(!must_st, "%s: %s", #call, must_err.message);                                \
    } while (0)

static void hash_key(const struct disk_chain *c, uint8_t generation, uint8_t out[32])
{
    memset(out, generation, 32);
    if (c->hash_key) {
        memcpy(out, c->hash_key, 32);
    }
}

void disk_chain_begin(struct disk_chain *c, uint8_t block_log2)
{
    memset(c, 0, sizeof *c);
    c->block_log2 = block_log2;
    c->missing = SIZE_MAX;
    MUST(envelope_ctx_new(NULL, &c->ctx, err));
}

void disk_chain_end(struct disk_chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        memory_free(&c->point[i].object);
        envelope_dek_free(c->point[i].dek);
    }
    envelope_ctx_free(c->ctx);
}

static envelope_status source_of(struct disk_chain *c, size_t i, struct env_image_source *out,
                                 envelope_error *err)
{
    struct disk_point *p = &c->point[i];
    struct env_payload_place place = {2 * (uint64_t)ENV_CAPACITY_MIN,
                                      p->object.len - 2 * (uint64_t)ENV_CAPACITY_MIN - 64};
    memset(out, 0, sizeof *out);
    envelope_status st = env_payload_reader_new(c->ctx, p->dek, p->id_short, NULL, place,
                                                memory_read, &p->object, false, &out->payload, err);
    st = st ? st : env_payload_footer(out->payload, ENV_CONTENT_IMAGE, &out->footer, err);
    if (st) {
        env_payload_reader_free(out->payload);
    }
    out->same_generation = p->generation == c->reading;
    return st;
}

static envelope_status open_link(void *user, const uint8_t link[ENV_LINK_BYTES],
                                 struct env_image_source *out, envelope_error *err)
{
    struct disk_chain *c = user;
    for (size_t i = 0; i < c->count; i++) {
        if (!memcmp(c->point[i].link, link, ENV_LINK_BYTES) && i != c->missing) {
            c->opened++;
            return source_of(c, i, out, err);
        }
    }
    return envelope_error_set(err, ENVELOPE_E_NOT_FOUND, 0, "no such object");
}

static void close_source(void *user, struct env_image_source *source)
{
    (void)user;
    env_payload_reader_free(source->payload);
}

envelope_status disk_try(struct disk_chain *c, size_t i, struct env_image_source *source,
                         struct env_image **image, envelope_error *err)
{
    const struct env_image_opener opener = {c, open_link, close_source};
    uint8_t key[32];
    *image = NULL;
    c->reading = c->point[i].generation;
    hash_key(c, c->point[i].generation, key);
    envelope_status st = source_of(c, i, source, err);
    if (st) {
        return st;
    }
    st = env_image_open(c->ctx, source, key, &opener, image, err);
    if (st) {
        env_payload_reader_free(source->payload);
    }
    return st;
}

struct env_image *disk_open(struct disk_chain *c, size_t i, struct env_image_source *source)
{
    struct env_image *image;
    MUST(disk_try(c, i, source, &image, err));
    return image;
}

void disk_close(struct env_image *image, struct env_image_source *source)
{
    env_image_close(image);
    env_payload_reader_free(source->payload);
}

static void damaged(void *user, const struct env_image_fault *fault, envelope_status status,
                    const char *why)
{
    struct disk_point *p = user;
    ck_assert_int_ne(status, ENVELOPE_OK);
    ck_assert_str_ne(why, "");
    (void)fault;
    p->damages++;
}

static struct env_object_writer *begin_object(struct disk_chain *c, struct disk_point *p,
                                              const uint8_t *parent_link)
{
    struct kit_plan plan = kit_plan(c->ctx, p->dek);
    struct env_object_writer *w;
    uint8_t id[ENV_ID_BYTES];
    plan.id.content = ENV_CONTENT_IMAGE;
    plan.id.kind = parent_link ? ENV_KIND_INCREMENT : ENV_KIND_FULL;
    if (parent_link) {
        memcpy(plan.id.parent, parent_link, ENV_LINK_BYTES);
    }
    env_id_put(&plan.id, id);
    memcpy(p->id_short, id, sizeof p->id_short);
    w = kit_begin(c->ctx, &plan, &p->object);
    memcpy(p->link, env_object_link(w), ENV_LINK_BYTES);
    return w;
}

void disk_begin(struct disk_chain *c, size_t parent, uint8_t generation, struct disk_writing *w)
{
    struct disk_point *p = &c->point[c->count];
    uint8_t own[32];
    uint8_t parents[32];
    struct env_image_plan plan = {
        .block_log2 = c->block_log2, .hash_key = own, .damaged = damaged, .user = p};
    ck_assert_uint_lt(c->count, KIT_POINTS_MAX);
    memset(w, 0, sizeof *w);
    w->chain = c;
    p->generation = generation;
    p->dek = kit_dek(c->ctx);
    hash_key(c, generation, own);
    if (parent != SIZE_MAX) {
        w->parent = disk_open(c, parent, &w->parent_source);
        plan.parent = w->parent;
        plan.parent_link = c->point[parent].link;
        plan.must_read = c->point[parent].generation != generation;
        hash_key(c, c->point[parent].generation, parents);
        plan.parent_hash_key = plan.must_read ? parents : NULL;
    }
    w->object = begin_object(c, p, plan.parent_link);
    plan.to = w->object;
    MUST(env_image_writer_new(c->ctx, &plan, &w->image, err));
}

size_t disk_end(struct disk_writing *w)
{
    struct disk_chain *c = w->chain;
    uint8_t raw[ENV_FOOTER_BYTES];
    uint64_t bytes;
    struct env_footer *f = &c->point[c->count].footer;
    f->content = ENV_CONTENT_IMAGE;
    MUST(env_image_finish(w->image, f, err));
    env_footer_put(f, raw);
    MUST(env_object_append(w->object, raw, sizeof raw, err));
    MUST(env_object_finish(w->object, &bytes, err));
    env_image_writer_free(w->image);
    env_object_writer_free(w->object);
    if (w->parent) {
        disk_close(w->parent, &w->parent_source);
    }
    return c->count++;
}

size_t disk_write(struct disk_chain *c, size_t parent, uint8_t generation, const uint8_t *data,
                  size_t len, size_t step)
{
    struct disk_writing w;
    disk_begin(c, parent, generation, &w);
    for (size_t at = 0; at < len; at += step) {
        MUST(env_image_write(w.image, data + at, len - at < step ? len - at : step, err));
    }
    return disk_end(&w);
}

static void expect_at(struct env_image *image, const uint8_t *data, uint64_t offset, size_t len)
{
    struct env_image_fault fault;
    uint8_t *buf = malloc(len + 1);
    MUST(env_image_pread(image, offset, buf, len, &fault, err));
    ck_assert_msg(!memcmp(buf, data + offset, len), "%zu bytes at %llu differ", len,
                  (unsigned long long)offset);
    free(buf);
}

void disk_expect(struct disk_chain *c, size_t i, const uint8_t *data, size_t len)
{
    struct env_image_source source;
    struct env_image *image = disk_open(c, i, &source);
    const size_t step = (size_t)3 << c->block_log2;
    ck_assert_uint_eq(env_image_geometry(image)->bytes, len);
    for (size_t at = 0; at < len; at += step) {
        expect_at(image, data, at, len - at < step ? len - at : step);
    }
    for (size_t n = 0; n < 64 && len; n++) {
        size_t at = (size_t)rand() % len;
        size_t most = len - at < step ? len - at : step;
        expect_at(image, data, at, (size_t)rand() % (most + 1));
    }
    disk_close(image, &source);
}

#include "base/error.h"
#include "image/parts.h"
#include <string.h>

static envelope_status take_table(struct env_image *image, const struct env_image_source *own,
                                  envelope_error *err)
{
    size_t count = image->count - 1;
    if (!count) {
        return ENVELOPE_OK;
    }
    uint8_t *links = env_alloc_array(image->ctx, count, ENV_LINK_BYTES);
    envelope_status st = links ? env_payload_read(own->payload, own->footer.second_at, links,
                                                  count * ENV_LINK_BYTES, NULL, err)
                               : env_nomem(err);
    for (size_t i = 0; !st && i < count; i++) {
        memcpy(image->object[i + 1].link, links + i * ENV_LINK_BYTES, ENV_LINK_BYTES);
    }
    env_free(image->ctx, links);
    return st;
}

/* Two entries for one object would make a location ambiguous. */
static envelope_status check_table(const struct env_image *image, envelope_error *err)
{
    for (size_t i = 1; i < image->count; i++) {
        for (size_t k = 1; k < i; k++) {
            if (!memcmp(image->object[i].link, image->object[k].link, ENV_LINK_BYTES)) {
                return env_fail(err, ENVELOPE_E_FORMAT,
                                "image: an object stands twice in its table");
            }
        }
    }
    return ENVELOPE_OK;
}

static envelope_status fill(struct env_image *image, const struct env_image_source *own,
                            const uint8_t hash_key[32], envelope_error *err)
{
    image->count = (size_t)own->footer.second_count + 1;
    image->object = env_alloc_array(image->ctx, image->count, sizeof *image->object);
    if (!image->object) {
        return env_nomem(err);
    }
    image->object[0].open = true;
    image->object[0].source = *own;
    envelope_status st =
        env_geometry_of(own->footer.bytes, own->footer.block_log2, &image->geometry, err);
    st = st ? st : env_block_hash_new(image->ctx, hash_key, ENV_AEAD_LANES, &image->hash, err);
    st = st ? st : take_table(image, own, err);
    return st ? st : check_table(image, err);
}

envelope_status env_image_open(envelope_ctx *ctx, const struct env_image_source *own,
                               const uint8_t hash_key[32], const struct env_image_opener *opener,
                               struct env_image **out, envelope_error *err)
{
    *out = NULL;
    struct env_image *image = env_alloc(ctx, sizeof *image);
    if (!image) {
        return env_nomem(err);
    }
    image->ctx = env_ctx_retain(ctx);
    image->opener = *opener;
    pthread_mutex_init(&image->lock, NULL);
    for (size_t i = 0; i < ENV_IMAGE_CACHED; i++) {
        image->chunk[i].object = SIZE_MAX;
    }
    envelope_status st = fill(image, own, hash_key, err);
    if (st) {
        env_image_close(image);
        return st;
    }
    *out = image;
    return ENVELOPE_OK;
}

void env_image_close(struct env_image *image)
{
    if (!image) {
        return;
    }
    envelope_ctx *ctx = image->ctx;
    for (size_t i = 0; image->object && i < image->count; i++) {
        struct env_image_object *o = &image->object[i];
        if (i > 0 && o->open) {
            image->opener.close(image->opener.user, &o->source);
        }
        env_free(ctx, o->map);
    }
    env_free(ctx, image->object);
    env_image_cache_free(image);
    env_block_hash_free(image->hash);
    pthread_mutex_destroy(&image->lock);
    env_free(ctx, image);
    env_ctx_release(ctx);
}

envelope_ctx *env_image_ctx(const struct env_image *image)
{
    return image->ctx;
}

const struct env_geometry *env_image_geometry(const struct env_image *image)
{
    return &image->geometry;
}

size_t env_image_objects(const struct env_image *image)
{
    return image->count - 1;
}

const uint8_t *env_image_link(const struct env_image *image, size_t i)
{
    return image->object[i + 1].link;
}

#include "base/error.h"
#include "image/parts.h"
#include <string.h>

void env_image_cache_free(struct env_image *image)
{
    for (size_t i = 0; i < ENV_IMAGE_CACHED; i++) {
        if (image->chunk[i].bytes) {
            env_wipe(image->chunk[i].bytes, ENV_PART_ALIGN);
        }
        env_free(image->ctx, image->chunk[i].bytes);
    }
}

/* Under the lock. */
static struct env_image_chunk *look(struct env_image *image, size_t object, uint64_t at)
{
    for (size_t i = 0; i < ENV_IMAGE_CACHED; i++) {
        struct env_image_chunk *c = &image->chunk[i];
        if (c->object == object && c->at == at) {
            c->used = ++image->clock;
            return c;
        }
    }
    return NULL;
}

static struct env_image_chunk *oldest(struct env_image *image)
{
    struct env_image_chunk *best = &image->chunk[0];
    for (size_t i = 1; i < ENV_IMAGE_CACHED; i++) {
        best = image->chunk[i].used < best->used ? &image->chunk[i] : best;
    }
    return best;
}

/* Gives what was in its place back. */
static uint8_t *keep(struct env_image *image, size_t object, uint64_t at, uint8_t *bytes)
{
    pthread_mutex_lock(&image->lock);
    struct env_image_chunk *c = look(image, object, at);
    uint8_t *old = bytes;
    if (!c) {
        c = oldest(image);
        old = c->bytes;
        *c = (struct env_image_chunk){object, at, ++image->clock, bytes};
    }
    pthread_mutex_unlock(&image->lock);
    return old;
}

/* The chunk, or as much of it as there is before the payload ends. */
static envelope_status load(const struct env_image_object *o, uint64_t at, uint8_t *bytes,
                            envelope_error *err)
{
    uint64_t plain = env_payload_reader_bytes(o->source.payload);
    uint64_t left = at < plain ? plain - at : 0;
    size_t len = left < ENV_PART_ALIGN ? (size_t)left : ENV_PART_ALIGN;
    return env_payload_read(o->source.payload, at, bytes, len, NULL, err);
}

bool env_image_within(const struct env_image_object *o, uint64_t offset, uint64_t len)
{
    uint64_t bytes = env_payload_reader_bytes(o->source.payload);
    return offset <= bytes && len <= bytes - offset;
}

envelope_status env_image_cached(struct env_image *image, struct env_image_object *o,
                                 uint64_t offset, void *out, size_t len, envelope_error *err)
{
    size_t object = (size_t)(o - image->object);
    uint64_t at = offset / ENV_PART_ALIGN * ENV_PART_ALIGN;
    /* offsets of a directory are whatever 64 bits stand there */
    if (offset - at + len > ENV_PART_ALIGN || !env_image_within(o, offset, len)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "image: a part lies outside its object");
    }
    pthread_mutex_lock(&image->lock);
    const struct env_image_chunk *c = look(image, object, at);
    if (c) {
        memcpy(out, c->bytes + (offset - at), len);
    }
    pthread_mutex_unlock(&image->lock);
    if (c) {
        return ENVELOPE_OK;
    }
    uint8_t *chunk = env_alloc(image->ctx, ENV_PART_ALIGN);
    envelope_status st = chunk ? load(o, at, chunk, err) : env_nomem(err);
    if (!st) {
        memcpy(out, chunk + (offset - at), len);
        chunk = keep(image, object, at, chunk);
    }
    if (chunk) {
        env_wipe(chunk, ENV_PART_ALIGN);
    }
    env_free(image->ctx, chunk);
    return st;
}

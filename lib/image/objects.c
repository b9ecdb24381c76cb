/* The objects that a disk's blocks lie in, opened when the first block of theirs is wanted: opening
 * an image must not cost more the deeper it is. */
#include "base/error.h"
#include "image/parts.h"
#include <string.h>

static size_t find(const struct env_image *image, const uint8_t link[ENV_LINK_BYTES])
{
    for (size_t i = 1; i < image->count; i++) {
        if (!memcmp(image->object[i].link, link, ENV_LINK_BYTES)) {
            return i;
        }
    }
    return 0;
}

/* Its own table in terms of ours: what it inherits from, we inherit from. 0: not ours, which is
 * told when a location names it. */
static envelope_status make_map(const struct env_image *image,
                                const struct env_image_source *source, uint16_t **out,
                                envelope_error *err)
{
    size_t count = (size_t)source->footer.second_count;
    *out = NULL;
    if (!count) {
        return ENVELOPE_OK;
    }
    uint8_t *links = env_alloc_array(image->ctx, count, ENV_LINK_BYTES);
    uint16_t *map = env_alloc_array(image->ctx, count, sizeof *map);
    envelope_status st = links && map ? env_payload_read(source->payload, source->footer.second_at,
                                                         links, count * ENV_LINK_BYTES, NULL, err)
                                      : env_nomem(err);
    for (size_t i = 0; !st && i < count; i++) {
        map[i] = (uint16_t)find(image, links + i * ENV_LINK_BYTES);
    }
    env_free(image->ctx, links);
    if (st) {
        env_free(image->ctx, map);
        return st;
    }
    *out = map;
    return ENVELOPE_OK;
}

static envelope_status check(const struct env_image *image, const struct env_footer *f,
                             envelope_error *err)
{
    if (f->content != ENV_CONTENT_IMAGE || f->block_log2 != image->geometry.block_log2) {
        return env_fail(err, ENVELOPE_E_FORMAT,
                        "an object that blocks are inherited from is no image of the same blocks");
    }
    return ENVELOPE_OK;
}

/* Another thread may have been quicker: then its result is taken, and ours goes. */
static void publish(struct env_image *image, struct env_image_object *o,
                    struct env_image_source *source, uint16_t *map)
{
    pthread_mutex_lock(&image->lock);
    bool lost = o->open;
    if (!lost) {
        o->source = *source;
        o->map = map;
        o->open = true;
    }
    pthread_mutex_unlock(&image->lock);
    if (lost) {
        image->opener.close(image->opener.user, source);
        env_free(image->ctx, map);
    }
}

envelope_status env_image_object(struct env_image *image, size_t i, struct env_image_object **out,
                                 envelope_error *err)
{
    struct env_image_object *o = &image->object[i];
    struct env_image_source source = {0};
    uint16_t *map = NULL;
    *out = o;
    pthread_mutex_lock(&image->lock);
    bool open = o->open;
    pthread_mutex_unlock(&image->lock);
    if (open) {
        return ENVELOPE_OK;
    }
    envelope_status st = image->opener.open(image->opener.user, o->link, &source, err);
    if (st) {
        return st;
    }
    st = check(image, &source.footer, err);
    st = st ? st : make_map(image, &source, &map, err);
    if (st) {
        image->opener.close(image->opener.user, &source);
        return st;
    }
    publish(image, o, &source, map);
    return ENVELOPE_OK;
}

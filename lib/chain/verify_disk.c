#include "chain/verify_disk.h"
#include "base/error.h"

enum { STEP = 1 << 20 };

struct walk {
    struct env_disk *disk;
    struct env_image *image;
    const struct env_geometry *geometry;
    uint8_t *buf; /* STEP */
    env_block_fault fault;
    envelope_status (*stop)(void *user, uint64_t more, envelope_error *err);
    void *user;
};

/* All but what says something about this process: no header that somebody puts there may end the
 * verification of the rest. */
static bool is_damage(envelope_status st)
{
    return st && st != ENVELOPE_E_NOMEM && st != ENVELOPE_E_CRYPTO && st != ENVELOPE_E_CANCELLED &&
           st != ENVELOPE_E_INVALID && st != ENVELOPE_E_CALLBACK;
}

static envelope_status tell(struct walk *w, const struct env_image_fault *at, envelope_status st,
                            const envelope_error *why, envelope_error *err)
{
    char name[ENV_NAME_MAX + 1];
    if (!is_damage(st)) {
        return env_error_pass(err, st, why);
    }
    w->fault(w->user, env_disk_object_name(w->disk, at->object, name), at->offset, st,
             why->message);
    return ENVELOPE_OK;
}

/* One block after the other, so that each bad one is named. */
static envelope_status by_blocks(struct walk *w, uint64_t offset, size_t len, envelope_error *err)
{
    const uint32_t block = w->geometry->block_bytes;
    envelope_status st = ENVELOPE_OK;
    for (size_t done = 0; !st && done < len;) {
        envelope_error why = ENVELOPE_ERROR_INIT;
        struct env_image_fault at = {0, offset + done};
        size_t n = len - done < block ? len - done : block;
        st = env_image_pread(w->image, offset + done, w->buf, n, &at, &why);
        st = st ? tell(w, &at, st, &why, err) : st;
        done += n;
    }
    return st;
}

static envelope_status check_data(struct walk *w, uint64_t offset, uint64_t len,
                                  envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (uint64_t done = 0; !st && done < len;) {
        envelope_error why = ENVELOPE_ERROR_INIT;
        struct env_image_fault at;
        size_t n = len - done < STEP ? (size_t)(len - done) : STEP;
        st = env_image_pread(w->image, offset + done, w->buf, n, &at, &why);
        if (st && is_damage(st)) {
            st = by_blocks(w, offset + done, n, err);
        } else if (st) {
            return env_error_pass(err, st, &why);
        }
        st = st ? st : w->stop(w->user, n, err);
        done += n;
    }
    return st;
}

/* A map that cannot be read hides its segment. */
static envelope_status skip_segment(struct walk *w, uint64_t offset,
                                    const struct env_image_fault *at, envelope_status st,
                                    const envelope_error *why, uint64_t *len, envelope_error *err)
{
    const uint64_t segment = (uint64_t)w->geometry->block_bytes << ENV_SEGMENT_LOG2;
    uint64_t left = w->geometry->bytes - offset;
    uint64_t rest = segment - offset % segment;
    *len = rest < left ? rest : left;
    return tell(w, at, st, why, err);
}

static envelope_status walk(struct walk *w, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    for (uint64_t at = 0; !st && at < w->geometry->bytes;) {
        envelope_error why = ENVELOPE_ERROR_INIT;
        struct env_image_fault fault = {0, at};
        uint64_t len = 0;
        bool zero = false;
        st = env_image_extent(w->image, at, &len, &zero, &fault, &why);
        if (st) {
            st = skip_segment(w, at, &fault, st, &why, &len, err);
            zero = true;
        }
        st = st ? st : zero ? w->stop(w->user, len, err) : check_data(w, at, len, err);
        at += len;
    }
    return st;
}

envelope_status env_verify_disk(struct env_disk *disk, env_block_fault fault,
                                envelope_status (*stop)(void *user, uint64_t more,
                                                        envelope_error *err),
                                void *user, envelope_error *err)
{
    struct env_image *image = env_disk_image(disk);
    envelope_ctx *ctx = env_image_ctx(image);
    struct walk w = {.disk = disk,
                     .image = image,
                     .geometry = env_image_geometry(image),
                     .buf = env_alloc(ctx, STEP),
                     .fault = fault,
                     .stop = stop,
                     .user = user};
    envelope_status st = w.buf ? walk(&w, err) : env_nomem(err);
    if (w.buf) {
        env_wipe(w.buf, STEP);
    }
    env_free(ctx, w.buf);
    return st;
}

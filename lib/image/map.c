/* From a block's number to where it lies: the directory says where the segment's index is, the
 * index says where the block is; each in terms of the object that it stands in. */
#include "base/error.h"
#include "image/parts.h"
#include <string.h>

static envelope_status no_such(const struct env_image_fault *fault, const char *what,
                               envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_FORMAT, "image: %s for byte %llu points nowhere", what,
                    (unsigned long long)fault->offset);
}

/* at, as it stands in object `in`, as an object of this image. */
static envelope_status resolve(struct env_image *image, size_t in, const struct env_location *at,
                               struct env_place_at *out, const struct env_image_fault *fault,
                               envelope_error *err)
{
    *out =
        (struct env_place_at){at->kind == ENV_AT_ZERO ? ENV_AT_ZERO : ENV_AT_HERE, in, at->offset};
    if (at->kind == ENV_AT_ZERO) {
        out->object = 0;
    }
    if (at->kind == ENV_AT_OBJECT) {
        const struct env_image_object *o = &image->object[in];
        out->object = in == 0 ? (size_t)at->object + 1 : o->map[at->object];
        if (out->object == 0) {
            return no_such(fault, "an index", err);
        }
    }
    return ENVELOPE_OK;
}

envelope_status env_image_directory(struct env_image *image, uint64_t segment,
                                    struct env_place_at *out, struct env_image_fault *fault,
                                    envelope_error *err)
{
    uint8_t entry[ENV_DIRECTORY_BYTES];
    struct env_location at;
    struct env_image_object *own = &image->object[0];
    *fault =
        (struct env_image_fault){0, (segment << ENV_SEGMENT_LOG2) << image->geometry.block_log2};
    envelope_status st =
        env_image_cached(image, own, own->source.footer.table_at + segment * ENV_DIRECTORY_BYTES,
                         entry, sizeof entry, err);
    if (st) {
        return st;
    }
    if (!env_directory_get(entry, image->count - 1, &at)) {
        return no_such(fault, "the directory", err);
    }
    return resolve(image, 0, &at, out, fault, err);
}

/* The object that holds an index. One of another generation could have been written anew by whoever
 * was removed since: what it says of blocks is not believed (crypto.md, W10). */
static envelope_status index_object(struct env_image *image, const struct env_place_at *index,
                                    struct env_image_object **out, struct env_image_fault *fault,
                                    envelope_error *err)
{
    fault->object = index->object;
    envelope_status st = env_image_object(image, index->object, out, err);
    if (!st && index->object != 0 && !(*out)->source.same_generation) {
        st = env_fail(err, ENVELOPE_E_AUTH,
                      "image: the index for byte %llu lies in an object of another generation",
                      (unsigned long long)fault->offset);
    }
    if (!st && !env_image_within(*out, index->offset, ENV_INDEX_BYTES)) {
        return no_such(fault, "the directory", err);
    }
    return st;
}

envelope_status env_image_location(struct env_image *image, const struct env_place_at *index,
                                   uint64_t block, struct env_place_at *out,
                                   struct env_image_fault *fault, envelope_error *err)
{
    uint8_t entry[ENV_LOCATION_BYTES];
    struct env_location at;
    struct env_image_object *o;
    uint64_t i = block % ENV_SEGMENT_BLOCKS;
    *fault = (struct env_image_fault){0, block << image->geometry.block_log2};
    if (index->kind == ENV_AT_ZERO) {
        *out = (struct env_place_at){ENV_AT_ZERO, 0, 0};
        return ENVELOPE_OK;
    }
    envelope_status st = index_object(image, index, &o, fault, err);
    st = st ? st
            : env_image_cached(image, o, index->offset + i * ENV_LOCATION_BYTES, entry,
                               sizeof entry, err);
    if (st) {
        return st;
    }
    if (!env_location_get(entry, o->source.footer.second_count, &at)) {
        return no_such(fault, "an index", err);
    }
    return resolve(image, index->object, &at, out, fault, err);
}

envelope_status env_image_hash(struct env_image *image, const struct env_place_at *index,
                               uint64_t block, uint8_t out[ENV_BLOCK_HASH_BYTES],
                               struct env_image_fault *fault, envelope_error *err)
{
    struct env_image_object *o;
    uint64_t i = block % ENV_SEGMENT_BLOCKS;
    *fault = (struct env_image_fault){0, block << image->geometry.block_log2};
    envelope_status st = index_object(image, index, &o, fault, err);
    return st ? st
              : env_image_cached(image, o,
                                 index->offset + ENV_INDEX_LOCATIONS + i * ENV_BLOCK_HASH_BYTES,
                                 out, ENV_BLOCK_HASH_BYTES, err);
}

envelope_status env_image_segment(struct env_image *image, uint64_t segment,
                                  struct env_segment *out, struct env_image_fault *fault,
                                  envelope_error *err)
{
    struct env_place_at index;
    struct env_place_at at;
    memset(out, 0, sizeof *out);
    envelope_status st = env_image_directory(image, segment, &index, fault, err);
    if (st || index.kind == ENV_AT_ZERO) {
        return st;
    }
    out->directory = (struct env_location){ENV_AT_HERE, (uint16_t)index.object, index.offset};
    uint64_t first = segment << ENV_SEGMENT_LOG2;
    for (size_t i = 0; !st && i < ENV_SEGMENT_BLOCKS; i++) {
        st = env_image_location(image, &index, first + i, &at, fault, err);
        st = st ? st : env_image_hash(image, &index, first + i, out->hash[i], fault, err);
        out->location[i] = (struct env_location){at.kind, (uint16_t)at.object, at.offset};
    }
    return st;
}

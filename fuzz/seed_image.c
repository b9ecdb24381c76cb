/* Disks as fuzz_image_read takes them. */
#include "seed_image.h"
#include "format/box.h"
#include "format/id.h"
#include "format/image.h"
#include "fuzz_image_read.h"
#include "seed.h"

enum { AT_BLOCK = 0, AT_INDEX = 1, AT_DIRECTORY = 4, AT_TABLE = 5 };

static void one_map(const char *name, uint64_t objects, const struct env_location *at)
{
    uint8_t b[IMAGE_MAP_BYTES];
    struct env_out o = env_out_over(b, sizeof b);
    env_put_u64(&o, objects);
    env_location_put(at, b + o.len);
    env_directory_put(at, b + o.len + ENV_LOCATION_BYTES);
    seed_save((struct seed){"image_map", name, .body = {b, sizeof b}});
}

/* A record: chunk, place in it, length, bytes. */
static void record(struct env_out *o, uint8_t chunk, uint16_t at, const void *p, uint8_t len)
{
    env_put_u8(o, chunk);
    env_put_u16(o, at);
    env_put_u8(o, len);
    env_put_bytes(o, p, len);
}

static void entry(struct env_out *o, uint8_t chunk, const struct env_location *at)
{
    uint8_t b[ENV_DIRECTORY_BYTES];
    env_directory_put(at, b);
    record(o, chunk, 0, b, sizeof b);
}

static void location(struct env_out *o, uint16_t block, const struct env_location *at)
{
    uint8_t b[ENV_LOCATION_BYTES];
    env_location_put(at, b);
    record(o, AT_INDEX, (uint16_t)(block * ENV_LOCATION_BYTES), b, sizeof b);
}

/* objects: 0 or 1, which is the payload itself again. */
static void disk(const char *name, uint8_t flags, uint64_t objects, const struct env_location *at)
{
    uint8_t b[512];
    uint8_t footer[ENV_FOOTER_BYTES];
    struct env_out o = env_out_over(b, sizeof b);
    const struct env_footer f = {.content = ENV_CONTENT_IMAGE,
                                 .block_log2 = ENV_BLOCK_LOG2_MIN,
                                 .segment_log2 = ENV_SEGMENT_LOG2,
                                 .bytes = 5 * 4096 - 7,
                                 .table_at = (uint64_t)AT_DIRECTORY * ENV_PART_ALIGN,
                                 .table_count = 1,
                                 .second_at = objects * AT_TABLE * ENV_PART_ALIGN,
                                 .second_count = objects,
                                 .stored_blocks = 1};
    const struct env_location index = {ENV_AT_HERE, 0, (uint64_t)AT_INDEX * ENV_PART_ALIGN};
    env_put_u8(&o, flags);
    env_put_u8(&o, objects ? AT_TABLE : AT_DIRECTORY);
    env_put_u8(&o, objects ? ENV_LINK_BYTES : ENV_DIRECTORY_BYTES);
    record(&o, AT_BLOCK, 0, "a block", 7);
    location(&o, 0, &index);
    location(&o, 1, at);
    entry(&o, AT_DIRECTORY, &index);
    record(&o, AT_TABLE, 0, "the LINK of some object, 32 bytes", objects ? 32 : 0);
    env_footer_put(&f, footer);
    env_put_bytes(&o, footer, sizeof footer);
    seed_save((struct seed){"image_read", name, .body = {b, o.len}});
}

void seed_image(void)
{
    const struct env_location zero = {ENV_AT_ZERO, 0, 0};
    const struct env_location here = {ENV_AT_HERE, 0, 0};
    const struct env_location there = {ENV_AT_OBJECT, 0, 0};
    one_map("zero", 0, &zero);
    one_map("here", 0, &here);
    one_map("object", 1, &there);
    one_map("too-far", 0, &there);
    disk("full", 0, 0, &here);
    disk("holes", 0, 0, &zero);
    disk("increment", IMAGE_READ_BELIEVED, 1, &there);
    disk("older", 0, 1, &there);
}

/* Writes the seeds of every target below a folder: make_corpus DIR. The same bytes each time, so
 * that what is committed can be made again after a change of the format. */
#include "fuzz.h"
#include "object.h"
#include "samples.h"
#include "seed.h"
#include "seed_image.h"
#include "seed_kmip.h"
#include <stdlib.h>
#include <string.h>

static void headers(envelope_ctx *ctx)
{
    static const struct {
        const char *name;
        uint8_t kind;
        uint8_t role;
    } all[] = {{"full-a", ENV_KIND_FULL, ENV_ROLE_A},
               {"increment-b", ENV_KIND_INCREMENT, ENV_ROLE_B},
               {"metadata-a", ENV_KIND_METADATA, ENV_ROLE_A},
               {"foreign", ENV_KIND_FOREIGN, ENV_ROLE_FOREIGN}};
    uint8_t *copy = malloc(ENV_CAPACITY_MAX);
    fuzz_must(copy, "memory");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t len = sample_copy(ctx, all[i].kind, all[i].role, copy);
        seed_save((struct seed){"header", all[i].name, .body = {copy, len}});
        seed_save((struct seed){"header", "cut", .body = {copy, 40}});
    }
    free(copy);
}

static void messages(envelope_ctx *ctx)
{
    struct env_slots slots;
    struct env_head head;
    struct env_pin pin;
    uint8_t *b;
    size_t n;
    sample_slots(&slots);
    sample_head(ctx, &head);
    sample_pin(ctx, &pin);
    fuzz_must(!env_slots_encode(ctx, &slots, &b, &n, NULL), "slots");
    seed_save((struct seed){"slots", "five", .prefix = {"\0", 1}, .body = {b, n}});
    seed_save((struct seed){"slots", "newer", {"\1", 1}, {b, n}, {"\x50\1", 2}});
    env_free(ctx, b);
    slots.count = 1;
    fuzz_must(!env_slots_encode(ctx, &slots, &b, &n, NULL), "slots");
    seed_save((struct seed){"slots", "one", .prefix = {"\0", 1}, .body = {b, n}});
    env_free(ctx, b);
    fuzz_must(!env_head_encode(ctx, &head, &b, &n, NULL), "head");
    seed_save((struct seed){"head", "all", .prefix = {"\0", 1}, .body = {b, n}});
    seed_save((struct seed){"head", "newer", {"\1", 1}, {b, n}, {"\x52\3new", 5}});
    seed_save((struct seed){"head", "twice", {"\0", 1}, {b, n}, {"\x30\1", 2}});
    env_free(ctx, b);
    fuzz_must(!env_pin_encode(ctx, &pin, &b, &n, NULL), "pin");
    seed_save((struct seed){"pin", "all", .body = {b, n}});
    seed_save((struct seed){"pin", "cut", .body = {b, n / 2}});
    env_free(ctx, b);
    env_head_free(ctx, &head);
    env_pin_free(ctx, &pin);
}

static void rows_and_footers(void)
{
    static const uint8_t beside[20] = {[7] = 41, [15] = 35, [19] = 2};
    static const uint8_t lengths[2][8] = {
        {[6] = SAMPLE_METADATA_BYTES >> 8, [7] = SAMPLE_METADATA_BYTES & 0xff},
        {[6] = SAMPLE_STREAM_BYTES >> 8, [7] = SAMPLE_STREAM_BYTES & 0xff}};
    struct env_row row;
    struct env_footer footer;
    struct env_tail tail;
    uint8_t b[ENV_ROW_BYTES];
    sample_row(&row);
    env_row_put(&row, b);
    seed_save(
        (struct seed){"row", "increment", .body = {b, ENV_ROW_BYTES}, .suffix = {beside, 20}});
    row.kind = ENV_KIND_FULL;
    row.parent = 0;
    row.flags = ENV_ROW_DEK_UNKNOWN;
    memset(row.dek, 0, sizeof row.dek);
    env_row_put(&row, b);
    seed_save((struct seed){"row", "unknown", .body = {b, ENV_ROW_BYTES}, .suffix = {beside, 20}});
    for (uint8_t content = 0; content < 2; content++) {
        sample_footer(&footer, content);
        env_footer_put(&footer, b);
        seed_save((struct seed){"footer", content ? "stream" : "metadata",
                                .body = {b, ENV_FOOTER_BYTES}, .suffix = {lengths[content], 8}});
    }
    sample_tail(&tail);
    env_tail_put(&tail, b);
    seed_save((struct seed){"tail", "tail", .body = {b, ENV_TAIL_BYTES}});
}

static void boxes(void)
{
    const struct env_box foreign = {.attributes = {"\xff sealed bytes", 14}};
    uint8_t b[SAMPLE_BOX_BYTES];
    uint8_t secrets[SAMPLE_SECRETS_BYTES];
    uint8_t attributes[SAMPLE_ATTRIBUTES_MAX];
    sample_box(b);
    seed_save((struct seed){"box", "point", .prefix = {"\0", 1}, .body = {b, sizeof b}});
    env_box_put(&foreign, b, sizeof b);
    seed_save((struct seed){"box", "foreign", .prefix = {"\1", 1}, .body = {b, sizeof b}});
    sample_secrets(secrets);
    seed_save((struct seed){"secrets", "two", .body = {secrets, sizeof secrets}});
    size_t len = sample_attributes(attributes);
    seed_save((struct seed){"attributes", "ours", .body = {attributes, len}});
    seed_save((struct seed){"attributes", "cut", .body = {attributes, len - 1}});
}

static void keystore(envelope_ctx *ctx)
{
    struct env_keystore_file file;
    uint8_t *b;
    size_t n;
    sample_keystore(ctx, &file);
    fuzz_must(!env_keystore_encode(ctx, &file, &b, &n, NULL), "keystore");
    seed_save((struct seed){"keystore", "four", .body = {b, n}});
    env_free(ctx, b);
    env_keystore_file_free(ctx, &file);
}

static void names(void)
{
    static const char *const all[][2] = {
        {"folder", "chains/web01-4041424344454647/"},
        {"metadata", "chains/web01-4041424344454647/meta/00000000000000000012.env"},
        {"point", "chains/a-b-4041424344454647/points/"
                  "20260411T221503Z-full-101112131415161718191a1b1c1d1e1f.env"},
        {"keys", "points/20260411T221503Z-keys-101112131415161718191a1b1c1d1e1f.env"},
        {"other", "README.txt"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        seed_save((struct seed){"names", all[i][0], .body = {all[i][1], strlen(all[i][1])}});
    }
}

/* Both copies as fuzz_object_headers takes them: k, length of A, A, B, without the zeros. */
static void pair(const char *name, uint8_t k, struct env_bytes a, struct env_bytes b)
{
    uint8_t begin[OBJECT_BEGIN] = {k, (uint8_t)(a.len >> 8), (uint8_t)a.len};
    uint8_t both[2 * 16384];
    struct env_out o = env_out_over(both, sizeof both);
    env_put_bytes(&o, a.p, a.len);
    env_put_bytes(&o, b.p, b.len);
    fuzz_must(!o.full, name);
    seed_save((struct seed){"object_headers", name, {begin, sizeof begin}, {both, o.len}});
}

/* Without the zeros behind MUT, TAG and CRC. */
static size_t used(const uint8_t *copy, size_t capacity)
{
    size_t len = capacity - 36;
    while (len > 0 && copy[len - 1] == 0) {
        len--;
    }
    return len;
}

static void objects(envelope_ctx *ctx)
{
    static const struct {
        const char *name;
        uint8_t kind;
    } all[] = {{"full", ENV_KIND_FULL}, {"metadata", ENV_KIND_METADATA}};
    uint8_t *a = malloc(ENV_CAPACITY_MAX);
    uint8_t *b = malloc(ENV_CAPACITY_MAX);
    fuzz_must(a && b, "memory");
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        size_t capacity = sample_copy(ctx, all[i].kind, ENV_ROLE_A, a);
        (void)sample_copy(ctx, all[i].kind, ENV_ROLE_B, b);
        pair(all[i].name, 0, ENV_BYTES(a, used(a, capacity)), ENV_BYTES(b, used(b, capacity)));
        pair("b-alone", 0, ENV_BYTES("", 0), ENV_BYTES(b, used(b, capacity)));
    }
    size_t capacity = sample_copy(ctx, ENV_KIND_FULL, ENV_ROLE_A, a);
    size_t role = sample_copy(ctx, ENV_KIND_METADATA, ENV_ROLE_B, b);
    pair("of-two-objects", 0, ENV_BYTES(a, used(a, capacity)), ENV_BYTES(b, used(b, role)));
    const uint8_t raw = OBJECT_RAW;
    seed_save((struct seed){"object_headers", "raw", {&raw, 1}, {a, capacity}});
    free(b);
    free(a);
}

/* A foreign header, and payloads under it. */
static void foreign(envelope_ctx *ctx)
{
    uint8_t header[OBJECT_FOREIGN_MAX];
    uint8_t sealed[3 * ENVELOPE_SEALED_CHUNK];
    size_t len = object_foreign(ctx, header);
    seed_save((struct seed){"foreign_header", "genuine", .body = {header, len}});
    seed_save((struct seed){"foreign_header", "cut", .body = {header, len / 2}});
    len = object_payload(ctx, 0, sealed);
    seed_save((struct seed){"payload_open", "empty", {"\0", 1}, {sealed, len}});
    len = object_payload(ctx, 100, sealed);
    seed_save((struct seed){"payload_open", "short", {"\0", 1}, {sealed, len}});
    seed_save((struct seed){"payload_open", "moved", {"\1", 1}, {sealed, len}});
    seed_save((struct seed){"payload_open", "cut", {"\0", 1}, {sealed, len - 1}});
    len = object_payload(ctx, ENVELOPE_CHUNK + 5, sealed);
    seed_save((struct seed){"payload_open", "two", {"\0", 1}, {sealed, len}});
}

int main(int argc, char **argv)
{
    fuzz_must(argc == 2, "usage: make_corpus DIR");
    seed_root(argv[1]);
    headers(fuzz_ctx());
    messages(fuzz_ctx());
    rows_and_footers();
    boxes();
    keystore(fuzz_ctx());
    names();
    objects(fuzz_ctx());
    foreign(fuzz_ctx());
    seed_image();
    seed_kmip();
    envelope_ctx_free(fuzz_ctx());
    return 0;
}

/* Writes the seeds of every target below a folder: make_corpus DIR. The same bytes each time, so
 * that what is committed can be made again after a change of the format. */
#include "fuzz.h"
#include "samples.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *root;

/* prefix: bytes that a target wants in front of, suffix behind, what is parsed. */
struct seed {
    const char *target;
    const char *name;
    struct env_bytes prefix;
    struct env_bytes body;
    struct env_bytes suffix;
};

static bool put(FILE *f, struct env_bytes b)
{
    return b.len == 0 || fwrite(b.p, 1, b.len, f) == b.len;
}

static void make_folder(const char *path)
{
    fuzz_must(!mkdir(path, 0777) || errno == EEXIST, path);
}

static void save(struct seed s)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, s.target);
    make_folder(path);
    snprintf(path, sizeof path, "%s/%s/%s", root, s.target, s.name);
    FILE *f = fopen(path, "wb");
    fuzz_must(f, path);
    fuzz_must(put(f, s.prefix) && put(f, s.body) && put(f, s.suffix), path);
    fuzz_must(!fclose(f), path);
}

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
        save((struct seed){"header", all[i].name, .body = {copy, len}});
        save((struct seed){"header", "cut", .body = {copy, 40}});
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
    save((struct seed){"slots", "five", .prefix = {"\0", 1}, .body = {b, n}});
    save((struct seed){"slots", "newer", {"\1", 1}, {b, n}, {"\x50\1", 2}});
    env_free(ctx, b);
    slots.count = 1;
    fuzz_must(!env_slots_encode(ctx, &slots, &b, &n, NULL), "slots");
    save((struct seed){"slots", "one", .prefix = {"\0", 1}, .body = {b, n}});
    env_free(ctx, b);
    fuzz_must(!env_head_encode(ctx, &head, &b, &n, NULL), "head");
    save((struct seed){"head", "all", .prefix = {"\0", 1}, .body = {b, n}});
    save((struct seed){"head", "newer", {"\1", 1}, {b, n}, {"\x52\3new", 5}});
    save((struct seed){"head", "twice", {"\0", 1}, {b, n}, {"\x30\1", 2}});
    env_free(ctx, b);
    fuzz_must(!env_pin_encode(ctx, &pin, &b, &n, NULL), "pin");
    save((struct seed){"pin", "all", .body = {b, n}});
    save((struct seed){"pin", "cut", .body = {b, n / 2}});
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
    save((struct seed){"row", "increment", .body = {b, ENV_ROW_BYTES}, .suffix = {beside, 20}});
    row.kind = ENV_KIND_FULL;
    row.parent = 0;
    row.flags = ENV_ROW_DEK_UNKNOWN;
    memset(row.dek, 0, sizeof row.dek);
    env_row_put(&row, b);
    save((struct seed){"row", "unknown", .body = {b, ENV_ROW_BYTES}, .suffix = {beside, 20}});
    for (uint8_t content = 0; content < 2; content++) {
        sample_footer(&footer, content);
        env_footer_put(&footer, b);
        save((struct seed){"footer", content ? "stream" : "metadata", .body = {b, ENV_FOOTER_BYTES},
                           .suffix = {lengths[content], 8}});
    }
    sample_tail(&tail);
    env_tail_put(&tail, b);
    save((struct seed){"tail", "tail", .body = {b, ENV_TAIL_BYTES}});
}

static void boxes(void)
{
    const struct env_box foreign = {.attributes = {"\xff sealed bytes", 14}};
    uint8_t b[SAMPLE_BOX_BYTES];
    uint8_t secrets[SAMPLE_SECRETS_BYTES];
    uint8_t attributes[SAMPLE_ATTRIBUTES_MAX];
    sample_box(b);
    save((struct seed){"box", "point", .prefix = {"\0", 1}, .body = {b, sizeof b}});
    env_box_put(&foreign, b, sizeof b);
    save((struct seed){"box", "foreign", .prefix = {"\1", 1}, .body = {b, sizeof b}});
    sample_secrets(secrets);
    save((struct seed){"secrets", "two", .body = {secrets, sizeof secrets}});
    size_t len = sample_attributes(attributes);
    save((struct seed){"attributes", "ours", .body = {attributes, len}});
    save((struct seed){"attributes", "cut", .body = {attributes, len - 1}});
}

static void keystore(envelope_ctx *ctx)
{
    struct env_keystore_file file;
    uint8_t *b;
    size_t n;
    sample_keystore(ctx, &file);
    fuzz_must(!env_keystore_encode(ctx, &file, &b, &n, NULL), "keystore");
    save((struct seed){"keystore", "four", .body = {b, n}});
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
        save((struct seed){"names", all[i][0], .body = {all[i][1], strlen(all[i][1])}});
    }
}

int main(int argc, char **argv)
{
    fuzz_must(argc == 2, "usage: make_corpus DIR");
    root = argv[1];
    make_folder(root);
    headers(fuzz_ctx());
    messages(fuzz_ctx());
    rows_and_footers();
    boxes();
    keystore(fuzz_ctx());
    names();
    envelope_ctx_free(fuzz_ctx());
    return 0;
}

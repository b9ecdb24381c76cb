/* The disk of docs/format.md, 15.7, written by the library: the same bytes. */
#include "base/text.h"
#include "check_main.h"
#include "image_kit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096, LEN = 9000, LABEL = 14, HEX_MAX = 1024 };

/* Hex behind a label of one example, with the lines that continue it. */
static void documented(const char *example, const char *label, char hex[HEX_MAX])
{
    char line[256];
    char mark[64];
    bool in = false;
    bool found = false;
    FILE *f = fopen(getenv("FORMAT_MD"), "r");
    ck_assert_ptr_nonnull(f);
    snprintf(mark, sizeof mark, "<!-- example: %s -->\n", example);
    hex[0] = 0;
    while (fgets(line, sizeof line, f)) {
        in = in ? strncmp(line, "<!-- ", 5) != 0 : !strcmp(line, mark);
        size_t len = strcspn(line, "\n");
        bool note = len > LABEL && line[LABEL] == '(';
        bool more = line[0] == ' ' && len > LABEL;
        found = more ? found : in && !strncmp(line, label, strlen(label));
        if (in && found && !note && len > LABEL) {
            line[len] = 0;
            ck_assert_uint_lt(strlen(hex) + len, HEX_MAX);
            memcpy(hex + strlen(hex), line + LABEL, len - LABEL + 1);
        }
    }
    fclose(f);
    ck_assert_str_ne(hex, "");
}

static void bytes_of(const char *example, const char *label, uint8_t *out, size_t len)
{
    char hex[HEX_MAX];
    documented(example, label, hex);
    ck_assert_msg(env_unhex(out, len, hex), "%s: %s", label, hex);
}

static void expect(const char *label, const uint8_t *p, size_t len)
{
    char hex[HEX_MAX];
    char have[HEX_MAX];
    documented("image", label, hex);
    ck_assert_uint_lt(2 * len, sizeof have);
    ck_assert_str_eq(env_hex(have, p, len), hex);
}

static void write_both(struct disk_chain *c)
{
    uint8_t disk[LEN] = {0};
    memset(disk, 1, BLOCK);
    memset(disk + (size_t)2 * BLOCK, 2, LEN - 2 * BLOCK);
    disk_write(c, SIZE_MAX, 1, disk, LEN, LEN);
    bytes_of("object", "LINK", c->point[0].link, ENV_LINK_BYTES);
    memset(disk, 3, BLOCK);
    c->point[1].footer.begun_ms = 1775945703000;
    c->point[1].footer.ended_ms = 1775945704500;
    disk_write(c, 0, 1, disk, LEN, LEN);
}

START_TEST(the_library_writes_the_worked_example)
{
    static struct disk_chain c;
    struct env_image_source source;
    uint8_t key[32];
    bytes_of("derivations", "BK_2", key, sizeof key);
    disk_chain_begin(&c, 12);
    c.hash_key = key;
    write_both(&c);
    struct env_image *image = disk_open(&c, 1, &source);
    size_t len = (size_t)env_payload_reader_bytes(source.payload);
    uint8_t *plain = malloc(len);
    ck_assert_int_eq(env_payload_read(source.payload, 0, plain, len, NULL, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(len, 5 * ENV_PART_ALIGN + ENV_LINK_BYTES + ENV_FOOTER_BYTES);
    const uint8_t *index = plain + ENV_PART_ALIGN;
    expect("location", index, 3 * ENV_LOCATION_BYTES);
    expect("hash", index + ENV_INDEX_LOCATIONS, 3 * ENV_BLOCK_HASH_BYTES);
    expect("directory", plain + (size_t)4 * ENV_PART_ALIGN, ENV_DIRECTORY_BYTES);
    expect("object table", plain + (size_t)5 * ENV_PART_ALIGN, ENV_LINK_BYTES);
    expect("footer", plain + len - ENV_FOOTER_BYTES, ENV_FOOTER_BYTES);
    free(plain);
    disk_close(image, &source);
    disk_chain_end(&c);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {the_library_writes_the_worked_example, NULL};
    return suite_of("example", 60, tests);
}

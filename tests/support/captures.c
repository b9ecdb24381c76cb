#include "captures.h"
#include "check_main.h"
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder(void)
{
    const char *dir = getenv("KMIP_CAPTURES");
    return dir && *dir ? dir : NULL;
}

bool captures_there(void)
{
    if (!folder()) {
        skip_all("no recorded exchanges: name their folder in the option kmip_captures");
        return false;
    }
    return true;
}

static int digit(FILE *f)
{
    int c;
    do {
        c = fgetc(f);
    } while (c != EOF && isspace(c));
    const char *digits = "0123456789abcdef";
    const char *at = c == EOF ? NULL : strchr(digits, c);
    ck_assert_msg(c == EOF || at, "a digit that is none: %c", c);
    return at ? (int)(at - digits) : EOF;
}

static size_t read_hex(FILE *f, uint8_t *out, size_t cap)
{
    size_t len = 0;
    for (int high = digit(f); high != EOF; high = digit(f)) {
        int low = digit(f);
        ck_assert(low != EOF && len < cap);
        out[len++] = (uint8_t)(high << 4 | low);
    }
    return len;
}

struct capture capture_read(const char *file)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.hex", folder(), file);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s is not there", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size_t cap = (size_t)ftell(f) / 2 + 1;
    rewind(f);
    uint8_t *room = malloc(cap);
    ck_assert_ptr_nonnull(room);
    size_t len = read_hex(f, room, cap);
    fclose(f);
    uint8_t *bytes = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, room, len);
    free(room);
    return (struct capture){file, strstr(file, ".resp") != NULL, bytes, len};
}

void capture_free(struct capture *capture)
{
    free(capture->bytes);
    *capture = (struct capture){0};
}

static int is_capture(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && !strcmp(entry->d_name + len - 4, ".hex");
}

size_t captures_each(void (*fn)(void *user, const struct capture *capture), void *user)
{
    struct dirent **entries;
    int count = scandir(folder(), &entries, is_capture, alphasort);
    ck_assert_msg(count > 0, "nothing in %s", folder());
    for (int i = 0; i < count; i++) {
        char *name = entries[i]->d_name;
        name[strlen(name) - 4] = 0;
        struct capture c = capture_read(name);
        fn(user, &c);
        capture_free(&c);
        free(entries[i]);
    }
    free(entries);
    return (size_t)count;
}

#include "exchange.h"
#include "kms/kmip/ttlv.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void words_value(const char *words, const char *start, char *out, size_t cap)
{
    const char *at = strstr(words, start);
    at = at ? at + strlen(start) : "\n";
    ck_assert_uint_lt(strcspn(at, "\n"), cap);
    snprintf(out, cap, "%.*s", (int)strcspn(at, "\n"), at);
}

char *words_replace(const char *words, const char *from, const char *to)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(f);
    for (const char *at; (at = strstr(words, from)); words = at + strlen(from)) {
        fprintf(f, "%.*s%s", (int)(at - words), words, to);
    }
    fprintf(f, "%s", words);
    fclose(f);
    return text;
}

static int number(const char *words, const char *start)
{
    char value[16];
    words_value(words, start, value, sizeof value);
    return *value ? (int)strtol(value, NULL, 10) : -1;
}

struct each {
    void (*fn)(void *user, const struct exchange *exchange);
    void *user;
    int apart;
};

static void describe(struct exchange *e)
{
    const int major = number(e->words, "ProtocolVersionMajor i ");
    const int minor = number(e->words, "ProtocolVersionMinor i ");
    e->minor = major == 1 && minor <= 4 ? minor : -1;
    e->operation = (uint32_t)number(e->words, "\n  Operation e ");
    words_value(e->words, "\n   UniqueIdentifier t ", e->uid, sizeof e->uid);
    if (!*e->uid) {
        words_value(e->words, "\n   PrivateKeyUniqueIdentifier t ", e->uid, sizeof e->uid);
    }
}

static void one(void *user, const struct capture *answer)
{
    struct each *all = user;
    struct exchange e = {0};
    if (!answer->response) {
        return;
    }
    snprintf(e.name, sizeof e.name, "%.*s", (int)(strlen(answer->file) - strlen(".resp")),
             answer->file);
    char file[160];
    snprintf(file, sizeof file, "%s.req", e.name);
    struct capture asked = capture_read(file);
    const bool whole = env_ttlv_whole(asked.bytes, asked.len, NULL) && !strstr(e.name, "malformed");
    if (whole) {
        e.words = tree_text(asked.bytes, asked.len);
        e.request = (struct tree){asked.bytes, asked.len};
        e.response = (struct tree){answer->bytes, answer->len};
        describe(&e);
    }
    if (whole && number(e.words, "BatchCount i ") == 1) {
        all->fn(all->user, &e);
    } else {
        all->apart++;
    }
    free(e.words);
    capture_free(&asked);
}

int exchanges_each(void (*fn)(void *user, const struct exchange *exchange), void *user)
{
    struct each all = {fn, user, 0};
    ck_assert_uint_gt(captures_each(one, &all), 0);
    return all.apart;
}

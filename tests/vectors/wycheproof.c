#include "wycheproof.h"
#include "check_main.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder(void)
{
    const char *dir = getenv("WYCHEPROOF");
    return dir && *dir ? dir : NULL;
}

bool wycheproof_there(void)
{
    if (!folder()) {
        skip_all("no Wycheproof files: name their folder in the option wycheproof");
        return false;
    }
    return true;
}

static json_t *load(const char *file)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", folder(), file);
    json_t *root = json_load_file(path, 0, &error);
    ck_assert_msg(root != NULL, "%s: %s", path, error.text);
    return root;
}

static void report(const struct tally *t)
{
    tap_note("%s: %d valid and %d invalid cases right, %d wrong, %d apart", t->file, t->valid,
             t->invalid, t->wrong, t->apart);
    for (int i = 0; i < REASONS && t->reason[i].why; i++) {
        tap_note("%s: apart: %s: %d", t->file, t->reason[i].why, t->reason[i].count);
    }
}

void walk(const char *file, one_case fn, void *user)
{
    struct tally t = {.file = file, .user = user};
    json_t *root = load(file);
    size_t i;
    size_t k;
    json_t *group;
    json_t *test;
    json_array_foreach(json_object_get(root, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), k, test)
        {
            fn(&t, group, test);
        }
    }
    report(&t);
    ck_assert_int_eq(t.wrong, 0);
    ck_assert_int_gt(t.valid + t.invalid, 0);
    ck_assert_int_eq(t.valid + t.invalid + t.apart, number_of(root, "numberOfTests"));
    json_decref(root);
}

void verdict(struct tally *t, const json_t *test, bool right)
{
    if (!right) {
        tap_note("%s: case %d is %s, and the library says otherwise", t->file,
                 (int)number_of(test, "tcId"), text_of(test, "result"));
        t->wrong++;
    } else if (is_invalid(test)) {
        t->invalid++;
    } else {
        t->valid++;
    }
}

void apart(struct tally *t, const char *why)
{
    int i = 0;
    while (i < REASONS && t->reason[i].why && strcmp(t->reason[i].why, why) != 0) {
        i++;
    }
    ck_assert_int_lt(i, REASONS);
    t->reason[i].why = why;
    t->reason[i].count++;
    t->apart++;
}

static unsigned digit(char c)
{
    const char *all = "0123456789abcdef";
    const char *at = c ? strchr(all, c) : NULL;
    ck_assert_ptr_nonnull(at);
    return (unsigned)(at - all);
}

struct octets octets_of(const json_t *object, const char *member)
{
    const char *text = text_of(object, member);
    struct octets o = {NULL, strlen(text) / 2};
    ck_assert_uint_eq(strlen(text) % 2, 0);
    o.p = malloc(o.len + 1);
    ck_assert_ptr_nonnull(o.p);
    for (size_t i = 0; i < o.len; i++) {
        o.p[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    }
    return o;
}

const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    ck_assert_msg(text != NULL, "no text member %s", member);
    return text;
}

int64_t number_of(const json_t *object, const char *member)
{
    json_t *value = json_object_get(object, member);
    ck_assert_msg(json_is_integer(value), "no number member %s", member);
    return json_integer_value(value);
}

bool is_invalid(const json_t *test)
{
    return strcmp(text_of(test, "result"), "invalid") == 0;
}

bool has_flag(const json_t *test, const char *flag)
{
    size_t i;
    json_t *value;
    json_array_foreach(json_object_get(test, "flags"), i, value)
    {
        if (strcmp(json_string_value(value), flag) == 0) {
            return true;
        }
    }
    return false;
}

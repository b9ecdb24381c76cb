#include "config_kms.h"
#include "text.h"
#include <string.h>

const char config_id_rule[] = "a KMS id is 1 to 64 of [A-Za-z0-9._-]";

bool config_id_valid(const char *id)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(id);
    return len >= 1 && len <= ENVELOPE_KMS_ID_MAX && strspn(id, allowed) == len;
}

const struct kms_kind *kms_kind_find(const char *name, size_t len)
{
    static const struct kms_kind *const kinds[] = {&kms_keystore, &kms_kmip};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i]->name) == len && !memcmp(kinds[i]->name, name, len)) {
            return kinds[i];
        }
    }
    return NULL;
}

/* Place of word among "first|second", from 1; 0: not there. */
static int32_t place_of(const char *words, const char *word)
{
    size_t len = strlen(word);
    int32_t place = 1;
    for (const char *at = words; at; place++) {
        const char *end = strchr(at, '|');
        size_t here = end ? (size_t)(end - at) : strlen(at);
        if (here == len && !memcmp(at, word, len)) {
            return place;
        }
        at = end ? end + 1 : NULL;
    }
    return 0;
}

static const struct part_rule *rule_of(const struct kms_kind *kind, const char *name)
{
    for (const struct part_rule *rule = kind->rule; rule->name; rule++) {
        if (!strcmp(rule->name, name)) {
            return rule;
        }
    }
    return NULL;
}

static bool refuse(const char **why, const char *reason)
{
    *why = reason;
    return false;
}

bool config_kms_add(struct pool *pool, struct config_kms *kms, const struct config_part *part,
                    const char **why)
{
    const struct part_rule *rule = rule_of(kms->kind, part->name);
    if (!rule) {
        return refuse(why, "unknown key");
    }
    if (!(rule->flags & PART_MANY) && config_kms_part(kms, part->name)) {
        return refuse(why, "given twice");
    }
    if (!*part->value) {
        return refuse(why, "has no value");
    }
    if (rule->words && !place_of(rule->words, part->value)) {
        return refuse(why, pool_format(pool, "is one of %s", rule->words));
    }
    const char *wrong = rule->check ? rule->check(part->value) : NULL;
    if (wrong) {
        return refuse(why, wrong);
    }
    kms->part = pool_grow(pool, kms->part, kms->part_count, sizeof *part);
    kms->part[kms->part_count++] = *part;
    return true;
}

const char *config_kms_lacks(const struct config_kms *kms)
{
    for (const struct part_rule *rule = kms->kind->rule; rule->name; rule++) {
        if ((rule->flags & PART_NEEDED) && !config_kms_part(kms, rule->name)) {
            return rule->name;
        }
    }
    return NULL;
}

/* The nth of a name, from 0. */
static const struct config_part *nth(const struct config_kms *kms, const char *name, size_t n)
{
    for (size_t i = 0; i < kms->part_count; i++) {
        if (!strcmp(kms->part[i].name, name) && n-- == 0) {
            return &kms->part[i];
        }
    }
    return NULL;
}

const struct config_part *config_kms_part(const struct config_kms *kms, const char *name)
{
    return nth(kms, name, 0);
}

const char *config_kms_value(const struct config_kms *kms, const char *name)
{
    const struct config_part *part = config_kms_part(kms, name);
    return part ? part->value : NULL;
}

int32_t config_kms_choice(const struct config_kms *kms, const char *name)
{
    const char *value = config_kms_value(kms, name);
    return value ? place_of(rule_of(kms->kind, name)->words, value) : 1;
}

const char *config_kms_joined(struct pool *pool, const struct config_kms *kms, const char *name,
                              const char *divider)
{
    const char *all = NULL;
    const struct config_part *part;
    for (size_t n = 0; (part = nth(kms, name, n)); n++) {
        all = all ? pool_format(pool, "%s%s%s", all, divider, part->value) : part->value;
    }
    return all;
}

bool config_kms_is_file(const struct config_kms *kms, const char *name)
{
    return (rule_of(kms->kind, name)->flags & PART_FILE) != 0;
}

static bool same_part(const struct config_kms *a, const struct config_kms *b,
                      const struct part_rule *rule)
{
    if (rule->words) {
        return config_kms_choice(a, rule->name) == config_kms_choice(b, rule->name);
    }
    for (size_t n = 0;; n++) {
        const struct config_part *left = nth(a, rule->name, n);
        const struct config_part *right = nth(b, rule->name, n);
        if (!left || !right) {
            return left == right;
        }
        if (strcmp(left->value, right->value) != 0) {
            return false;
        }
    }
}

bool config_kms_same(const struct config_kms *a, const struct config_kms *b)
{
    bool same = a->kind == b->kind;
    for (const struct part_rule *rule = a->kind->rule; same && rule->name; rule++) {
        same = same_part(a, b, rule);
    }
    return same;
}

/* Behind a comma: how long is the name before an equals sign? 0: this comma does not divide. */
static size_t name_ahead(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return text[len] == '=' ? len : 0;
}

/* The comma that ends the value at text, or the end. */
static const char *end_of_value(const char *text)
{
    const char *comma = strchr(text, ',');
    while (comma && !name_ahead(comma + 1)) {
        comma = strchr(comma + 1, ',');
    }
    return comma ? comma : text + strlen(text);
}

static bool split_parts(struct pool *pool, const char *text, struct config_kms *out,
                        const char **why)
{
    struct config_part part = {.name = out->kind->rule[0].name, .where = "--kms"};
    for (;;) {
        const char *end = end_of_value(text);
        part.value = pool_copy(pool, text, (size_t)(end - text));
        if (!config_kms_add(pool, out, &part, why)) {
            return refuse(why, pool_format(pool, "%s: %s; it is %s",
                                           text_printable(pool, part.name), *why, out->kind->form));
        }
        if (!*end) {
            return true;
        }
        size_t len = name_ahead(end + 1);
        part.name = pool_copy(pool, end + 1, len);
        text = end + 1 + len + 1;
    }
}

bool config_split_kms(struct pool *pool, const char *value, struct config_kms *out,
                      const char **why)
{
    const char *equals = strchr(value, '=');
    const char *type = equals ? equals + 1 : NULL;
    const char *colon = type ? strchr(type, ':') : NULL;
    *out = (struct config_kms){.where = "--kms"};
    out->kind = colon ? kms_kind_find(type, (size_t)(colon - type)) : NULL;
    if (!out->kind) {
        return refuse(why, pool_format(pool, "is %s, or %s", kms_keystore.form, kms_kmip.form));
    }
    out->id = pool_copy(pool, value, (size_t)(equals - value));
    if (!config_id_valid(out->id)) {
        return refuse(why, config_id_rule);
    }
    if (!split_parts(pool, colon + 1, out, why)) {
        return false;
    }
    const char *lacking = config_kms_lacks(out);
    return !lacking ||
           refuse(why, pool_format(pool, "lacks %s; it is %s", lacking, out->kind->form));
}

const char *config_kms_section(struct pool *pool, const struct config_kms *kms)
{
    const char *text = pool_format(pool, "[kms.%s]\ntype = %s\n", kms->id, kms->kind->name);
    for (const struct part_rule *rule = kms->kind->rule; rule->name; rule++) {
        const struct config_part *part;
        for (size_t n = 0; (part = nth(kms, rule->name, n)); n++) {
            text = pool_format(pool, "%s%s = %s\n", text, part->name, part->value);
        }
    }
    return text;
}

const char *config_kms_place(struct pool *pool, const struct config_kms *kms)
{
    return text_printable(pool, config_kms_joined(pool, kms, kms->kind->rule[0].name, ", "));
}

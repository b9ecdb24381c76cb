#include "base/error.h"
#include "kms/kmip/op_parts.h"
#include <string.h>

static const char what[] = "Get Attributes";

/* Attributes that stand once, and where they go. */
static const struct single {
    const char *name;
    uint8_t type;
    size_t at;
    size_t has; /* of a date: where it is noted; else 0 */
} singles[] = {
#define FIELD(member) offsetof(struct env_kmip_attributes, member)
    {"Object Type", ENV_TTLV_ENUM, FIELD(object_type), 0},
    {"Cryptographic Algorithm", ENV_TTLV_ENUM, FIELD(algorithm), 0},
    {"Cryptographic Length", ENV_TTLV_INTEGER, FIELD(bits), 0},
    {"Cryptographic Usage Mask", ENV_TTLV_INTEGER, FIELD(usage), 0},
    {"State", ENV_TTLV_ENUM, FIELD(state), 0},
    {"Initial Date", ENV_TTLV_DATE, FIELD(initial_date), FIELD(has_initial_date)},
    {"Activation Date", ENV_TTLV_DATE, FIELD(activation_date), FIELD(has_activation_date)},
#undef FIELD
};
enum { SINGLES = sizeof singles / sizeof singles[0] };
static const char generation[] = "x-rotate-generation";

void env_kmip_put_get_attributes(struct env_ttlv_out *o, const char *uid, bool with_links)
{
    env_ttlv_put_text(o, ENV_TAG_UNIQUE_IDENTIFIER, uid);
    for (size_t i = 0; i < SINGLES; i++) {
        env_ttlv_put_text(o, ENV_TAG_ATTRIBUTE_NAME, singles[i].name);
    }
    env_ttlv_put_text(o, ENV_TAG_ATTRIBUTE_NAME, "Name");
    env_ttlv_put_text(o, ENV_TAG_ATTRIBUTE_NAME, "Object Group");
    env_ttlv_put_text(o, ENV_TAG_ATTRIBUTE_NAME, generation);
    if (with_links) {
        env_ttlv_put_text(o, ENV_TAG_ATTRIBUTE_NAME, "Link");
    }
}

static envelope_status wrong(const char *name, const char *why, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_FORMAT, "%s: %s %s", what, name, why);
}

static envelope_status take_number(const struct single *rule, const struct env_ttlv_item *value,
                                   struct env_kmip_attributes *out, envelope_error *err)
{
    uint32_t n = rule->type == ENV_TTLV_ENUM ? env_ttlv_enum(value) : (uint32_t)env_ttlv_int(value);
    bool mask = rule->at == offsetof(struct env_kmip_attributes, usage);
    if (!mask && (n == 0 || (rule->type == ENV_TTLV_INTEGER && n > INT32_MAX))) {
        return wrong(rule->name, "is zero or negative (K-OP-14)", err);
    }
    memcpy((uint8_t *)out + rule->at, &n, sizeof n);
    return ENVELOPE_OK;
}

static envelope_status take_single(size_t i, const struct env_ttlv_item *value, uint32_t *seen,
                                   struct env_kmip_attributes *out, envelope_error *err)
{
    const struct single *rule = &singles[i];
    if (value->type != rule->type) {
        return wrong(rule->name, "has another type than the specification says (K-OP-15)", err);
    }
    if (*seen & UINT32_C(1) << i) {
        return wrong(rule->name, "stands twice (K-OP-16)", err);
    }
    *seen |= UINT32_C(1) << i;
    if (rule->type != ENV_TTLV_DATE) {
        return take_number(rule, value, out, err);
    }
    const int64_t date = env_ttlv_long(value);
    const bool yes = true;
    memcpy((uint8_t *)out + rule->at, &date, sizeof date);
    memcpy((uint8_t *)out + rule->has, &yes, sizeof yes);
    return ENVELOPE_OK;
}

/* A name of another length is not one that this client could mean. */
static envelope_status add(const struct env_ttlv_item *text, env_kmip_text *list, size_t *count,
                           size_t max, envelope_error *err)
{
    if (text->len < 1 || text->len >= ENV_KMIP_TEXT_MAX) {
        return ENVELOPE_OK;
    }
    if (*count == max) {
        return env_fail(err, ENVELOPE_E_LIMIT, "%s: more than %zu names or groups (K-OP-17)", what,
                        max);
    }
    return env_kmip_take_text(text, list[(*count)++], what, err);
}

static envelope_status take_name(const struct env_ttlv_item *value, struct env_kmip_attributes *out,
                                 envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_NAME_VALUE, ENV_TTLV_TEXT, true, false},
        {ENV_TAG_NAME_TYPE, ENV_TTLV_ENUM, true, false},
    };
    struct env_ttlv_item got[2];
    if (value->type != ENV_TTLV_STRUCTURE) {
        return wrong("Name", "is no structure (K-OP-15)", err);
    }
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(value), fields, 2, got, "Get Attributes, Name", err);
    if (st || env_ttlv_enum(&got[1]) != ENV_NAME_TEXT) {
        return st;
    }
    return add(&got[0], out->name, &out->names, ENV_KMIP_NAMES_MAX, err);
}

static envelope_status take_group(const struct env_ttlv_item *value,
                                  struct env_kmip_attributes *out, envelope_error *err)
{
    if (value->type != ENV_TTLV_TEXT) {
        return wrong("Object Group", "is no text (K-OP-15)", err);
    }
    return add(value, out->group, &out->groups, ENV_KMIP_GROUPS_MAX, err);
}

static char *link_of(struct env_kmip_attributes *out, uint32_t type)
{
    return type == ENV_LINK_PUBLIC_KEY    ? out->public_key
           : type == ENV_LINK_PRIVATE_KEY ? out->private_key
           : type == ENV_LINK_REPLACEMENT ? out->replacement
           : type == ENV_LINK_REPLACED    ? out->replaced
                                          : NULL;
}

static envelope_status take_link(const struct env_ttlv_item *value, struct env_kmip_attributes *out,
                                 envelope_error *err)
{
    static const struct env_ttlv_field fields[] = {
        {ENV_TAG_LINK_TYPE, ENV_TTLV_ENUM, true, false},
        {ENV_TAG_LINKED_OBJECT_IDENTIFIER, 0, true, false},
    };
    struct env_ttlv_item got[2];
    if (value->type != ENV_TTLV_STRUCTURE) {
        return wrong("Link", "is no structure (K-OP-15)", err);
    }
    envelope_status st =
        env_ttlv_fields(env_ttlv_inside(value), fields, 2, got, "Get Attributes, Link", err);
    char *to = st ? NULL : link_of(out, env_ttlv_enum(&got[0]));
    if (!to) {
        return st;
    }
    if (*to) {
        return wrong("Link", "of one type stands twice (K-OP-18)", err);
    }
    if (got[1].type != ENV_TTLV_TEXT) {
        return wrong("Link", "leads to something that is no text (K-OP-19)", err);
    }
    return env_kmip_take_text(&got[1], to, "Get Attributes, Link", err);
}

/* A vendor's attribute: of whatever type the vendor likes. */
static envelope_status take_generation(const struct env_ttlv_item *value,
                                       struct env_kmip_attributes *out, envelope_error *err)
{
    if (value->type != ENV_TTLV_INTEGER && value->type != ENV_TTLV_LONG) {
        return ENVELOPE_OK;
    }
    if (out->has_generation) {
        return wrong(generation, "stands twice (K-OP-16)", err);
    }
    out->has_generation = true;
    out->generation =
        value->type == ENV_TTLV_LONG ? env_ttlv_long(value) : (int64_t)env_ttlv_int(value);
    return ENVELOPE_OK;
}

static envelope_status take_uid(const struct env_ttlv_item *value, struct env_kmip_attributes *out,
                                envelope_error *err)
{
    if (value->type != ENV_TTLV_TEXT) {
        return wrong("Unique Identifier", "is no text (K-OP-15)", err);
    }
    return env_kmip_same_uid(value, out->uid, what, err);
}

static envelope_status take_value(const struct env_ttlv_item *name,
                                  const struct env_ttlv_item *value, uint32_t *seen,
                                  struct env_kmip_attributes *out, envelope_error *err)
{
    static const struct {
        const char *name;
        envelope_status (*take)(const struct env_ttlv_item *value, struct env_kmip_attributes *out,
                                envelope_error *err);
    } others[] = {{"Name", take_name},
                  {"Object Group", take_group},
                  {"Link", take_link},
                  {"Unique Identifier", take_uid},
                  {generation, take_generation}};
    for (size_t i = 0; i < SINGLES; i++) {
        if (env_ttlv_text_is(name, singles[i].name)) {
            return take_single(i, value, seen, out, err);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (env_ttlv_text_is(name, others[i].name)) {
            return others[i].take(value, out, err);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status take_attribute(const struct env_ttlv_item *attribute, uint32_t *seen,
                                      struct env_kmip_attributes *out, envelope_error *err)
{
    enum { NAME, INDEX, VALUE, FIELDS };
    static const struct env_ttlv_field fields[FIELDS] = {
        {ENV_TAG_ATTRIBUTE_NAME, ENV_TTLV_TEXT, true, false},
        {ENV_TAG_ATTRIBUTE_INDEX, ENV_TTLV_INTEGER, false, false},
        {ENV_TAG_ATTRIBUTE_VALUE, 0, true, false},
    };
    struct env_ttlv_item got[FIELDS];
    envelope_status st = env_ttlv_fields(env_ttlv_inside(attribute), fields, FIELDS, got,
                                         "Get Attributes, attribute", err);
    return st ? st : take_value(&got[NAME], &got[VALUE], seen, out, err);
}

envelope_status env_kmip_take_get_attributes(struct env_ttlv payload,
                                             struct env_kmip_attributes *out, envelope_error *err)
{
    enum { UID, ATTRIBUTE, FIELDS };
    static const struct env_ttlv_field fields[FIELDS] = {
        {ENV_TAG_UNIQUE_IDENTIFIER, ENV_TTLV_TEXT, true, false},
        {ENV_TAG_ATTRIBUTE, ENV_TTLV_STRUCTURE, false, true},
    };
    struct env_ttlv_item got[FIELDS];
    uint32_t seen = 0;
    memset(out, 0, sizeof *out);
    envelope_status st = env_ttlv_fields(payload, fields, FIELDS, got, what, err);
    st = st ? st : env_kmip_take_text(&got[UID], out->uid, what, err);
    bool more = !st && got[ATTRIBUTE].tag;
    for (; !st && more; more = env_ttlv_again(payload, &got[ATTRIBUTE])) {
        st = take_attribute(&got[ATTRIBUTE], &seen, out, err);
    }
    if (st) {
        memset(out, 0, sizeof *out);
    }
    return st;
}

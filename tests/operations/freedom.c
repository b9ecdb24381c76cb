#include "freedom.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which keys of a view a leaf feeds, by its tag and, for an Attribute Value and what is in it, by
 * the name of the attribute. "*": all that there is, since a status makes a success a failure. What
 * is not named feeds nothing: time stamps, indexes, the fields and attributes of servers. */
static const struct feed {
    const char *tag;
    const char *attribute; /* NULL: outside of attributes */
    const char *keys;
} feeds[] = {
    {"ProtocolVersionMajor", NULL, "version offers"},
    {"ProtocolVersionMinor", NULL, "version offers"},
    {"ResultStatus", NULL, "*"},
    {"ResultReason", NULL, "reason"},
    {"ResultMessage", NULL, "message"},
    {"Operation", NULL, "operations"},
    {"ObjectType", NULL, "objects"},
    {"VendorIdentification", NULL, "vendor"},
    {"LocatedItems", NULL, "total"},
    {"UniqueIdentifier", NULL, "uid total"},
    {"PrivateKeyUniqueIdentifier", NULL, "private"},
    {"PublicKeyUniqueIdentifier", NULL, "public"},
    {"KeyFormatType", NULL, "format"},
    {"KeyMaterial", NULL, "material"},
    {"Key", NULL, "material"},
    {"Modulus", NULL, "modulus"},
    {"PublicExponent", NULL, "exponent"},
    {"CryptographicAlgorithm", NULL, "algorithm"},
    {"CryptographicLength", NULL, "bits"},
    {"Data", NULL, "data"},
    {"", "Object Type", "type"},
    {"", "Cryptographic Algorithm", "algorithm"},
    {"", "Cryptographic Length", "bits"},
    {"", "Cryptographic Usage Mask", "usage"},
    {"", "State", "state"},
    {"", "Initial Date", "initial"},
    {"", "Activation Date", "activation"},
    {"", "Name", "name"},
    {"", "Object Group", "group"},
    {"", "Link", "public private replacement replaced"},
    {"", "x-rotate-generation", "generation"},
};

struct judge {
    const struct tree *message;
    const struct part *part;
    int count;
    char allowed[1024]; /* " key key" */
};

static bool is(const struct part *p, const char *name)
{
    return p->tag == tree_tag(name);
}

/* The name of the attribute that the part is in, if it is in one of the payload itself. */
static bool attribute_of(const struct judge *j, int i, char out[64])
{
    while (i >= 0 && !is(&j->part[i], "Attribute")) {
        i = j->part[i].parent;
    }
    if (i < 0) {
        return false;
    }
    const struct part *name = &j->part[i + 1];
    snprintf(out, 64, "%.*s", (int)name->len, (const char *)j->message->p + name->at + 8);
    return true;
}

/* In Key Value and Template-Attribute attributes are passed over. */
static bool passed_over(const struct judge *j, int i)
{
    bool attribute = false;
    for (; i >= 0; i = j->part[i].parent) {
        attribute = attribute || is(&j->part[i], "Attribute");
        if (is(&j->part[i], "PublicKeyTemplateAttribute") ||
            (attribute && is(&j->part[i], "KeyValue"))) {
            return true;
        }
    }
    return false;
}

static const char *feeds_of(const struct judge *j, int i)
{
    char attribute[64];
    const bool in_one = attribute_of(j, i, attribute);
    if (passed_over(j, i) || is(&j->part[i], "AttributeIndex")) {
        return NULL;
    }
    for (size_t k = 0; k < sizeof feeds / sizeof feeds[0]; k++) {
        const struct feed *f = &feeds[k];
        if (in_one ? f->attribute && !strcmp(f->attribute, attribute)
                   : !f->attribute && is(&j->part[i], f->tag)) {
            return f->keys;
        }
    }
    return NULL;
}

/* All that the part and what is in it feeds. */
static void allow(struct judge *j, int part)
{
    const size_t end = j->part[part].at + j->part[part].size;
    for (int i = part; i < j->count && j->part[i].at < end; i++) {
        const char *keys = j->part[i].type == 1 ? NULL : feeds_of(j, i);
        size_t n = strlen(j->allowed);
        if (keys && n + strlen(keys) + 2 < sizeof j->allowed && !strstr(j->allowed, keys)) {
            snprintf(j->allowed + n, sizeof j->allowed - n, " %s ", keys);
        }
    }
}

/* With another length an item takes in what follows it, and is well-formed all the same. */
static void allow_swallowed(struct judge *j, const struct mutation *m)
{
    const struct part *p = &j->part[m->part];
    const uint8_t *len = m->bytes.p + p->at + 4;
    const size_t end =
        p->at + 8 + ((size_t)len[0] << 24 | (size_t)len[1] << 16 | (size_t)len[2] << 8 | len[3]);
    for (int i = m->part + 1; i < j->count; i++) {
        if (j->part[i].parent == p->parent && j->part[i].at < end) {
            allow(j, i);
        }
    }
}

static bool allowed(const struct judge *j, const char *key, size_t len)
{
    char word[40];
    snprintf(word, sizeof word, " %.*s ", (int)len, key);
    return strchr(j->allowed, '*') || strstr(j->allowed, word);
}

/* How often that line stands in the view. */
static int occurs(const char *view, const char *line, size_t len)
{
    int n = 0;
    for (; *view; view += strcspn(view, "\n") + 1) {
        n += strcspn(view, "\n") == len && !strncmp(view, line, len);
    }
    return n;
}

/* A line of a that b has not as often, of a key that may not differ. */
static const char *differs(const struct judge *j, const char *a, const char *b)
{
    for (const char *line = a; *line; line += strcspn(line, "\n") + 1) {
        size_t len = strcspn(line, "\n");
        if (occurs(a, line, len) != occurs(b, line, len) &&
            !allowed(j, line, strcspn(line, "=\n"))) {
            return line;
        }
    }
    return NULL;
}

/* What is read changes with every bit of it: nothing that is fed is looked at in part. */
static bool must_change(const struct judge *j, const struct mutation *m)
{
    const struct part *p = &j->part[m->part];
    return m->kind == MUTATE_FLIP && m->in_value && p->type != 1 && feeds_of(j, m->part) &&
           !is(p, "NameType") && !is(p, "LinkType") && !is(p, "Operation") &&
           !is(p, "LinkedObjectIdentifier") && !is(p, "NameValue") && !is(p, "AttributeName");
}

static int refused(const char *view)
{
    return !strncmp(view, "E_", 2);
}

const char *freedom_judge(const struct tree *message, const struct part *parts, int count,
                          const struct mutation *m, const char *before, const char *after)
{
    struct judge j = {.message = message, .part = parts, .count = count};
    if (refused(after)) {
        return NULL;
    }
    if (m->kind == MUTATE_CUT_OFF) {
        return "part of a message was read";
    }
    allow(&j, m->part);
    if ((m->kind == MUTATE_FLIP && !m->in_value) || m->kind == MUTATE_LENGTH) {
        allow_swallowed(&j, m);
    }
    if (m->kind == MUTATE_REORDER) {
        allow(&j, (int)m->detail);
    }
    if (must_change(&j, m) && !strcmp(before, after)) {
        return "a change of what is read was not seen";
    }
    const char *line = differs(&j, before, after);
    line = line ? line : differs(&j, after, before);
    return line ? line : NULL;
}

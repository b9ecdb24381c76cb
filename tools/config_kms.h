/* tools/config_kms.h - one KMS, as [kms.ID] of the configuration or --kms names it: the same parts
 * under the same names in both. */
#ifndef ENVELOPE_TOOLS_CONFIG_KMS_H
#define ENVELOPE_TOOLS_CONFIG_KMS_H
#include "pool.h"
#include <envelope/kms.h>
#include <stdbool.h>

struct config_part {
    const char *name;
    const char *value;
    const char *where; /* "FILE:LINE" or "--kms" */
};

enum {
    PART_NEEDED = 1u << 0,
    PART_MANY = 1u << 1, /* repeatable */
    PART_FILE = 1u << 2  /* a path: made absolute where it is recorded */
};
struct part_rule {
    const char *name;
    unsigned flags;
    const char *words; /* "first|second": all it may be; the first, where not given */
    const char *(*check)(const char *value); /* NULL, or what it is to be */
};

struct keys_request;
struct config_kms;
/* What kinds of KMS there are: one file each, kms_keystore.c and so on. */
struct kms_kind {
    const char *name;             /* of type = */
    const char *noun;             /* for messages */
    const char *form;             /* of --kms */
    const struct part_rule *rule; /* the first is what follows "TYPE:"; ends with name NULL */
    /* As kms_open (kms_open.h). */
    int (*open)(const struct keys_request *request, const struct config_kms *kms,
                envelope_kms **out, const char **why);
};
extern const struct kms_kind kms_keystore, kms_kmip;
const struct kms_kind *kms_kind_find(const char *name, size_t len); /* NULL: no such kind */

struct config_kms {
    const char *id;
    const char *where;
    const struct kms_kind *kind;
    struct config_part *part;
    size_t part_count;
};

/* 1 to 64 of [A-Za-z0-9._-]: KMS ids, and names of keys in a keystore. */
bool config_id_valid(const char *id);
extern const char config_id_rule[]; /* the same for people */

/* One more part: false, with *why, for an unknown name, a second value, or a wrong one. */
bool config_kms_add(struct pool *pool, struct config_kms *kms, const struct config_part *part,
                    const char **why);
/* Name of a part that is needed and not there, or NULL. */
const char *config_kms_lacks(const struct config_kms *kms);

/* NULL: not given. */
const struct config_part *config_kms_part(const struct config_kms *kms, const char *name);
const char *config_kms_value(const struct config_kms *kms, const char *name);
/* Place of its word among those it may be, from 1. */
int32_t config_kms_choice(const struct config_kms *kms, const char *name);
/* All values of a repeatable part, with divider between them. */
const char *config_kms_joined(struct pool *pool, const struct config_kms *kms, const char *name,
                              const char *divider);
bool config_kms_is_file(const struct config_kms *kms, const char *name);
/* The same KMS, used in the same way? */
bool config_kms_same(const struct config_kms *a, const struct config_kms *b);

/* ID=TYPE:VALUE[,NAME=VALUE...]. A comma divides only where a name and an equals sign follow. */
bool config_split_kms(struct pool *pool, const char *value, struct config_kms *out,
                      const char **why);
/* The section for init, lines as they will stand. */
const char *config_kms_section(struct pool *pool, const struct config_kms *kms);
/* Where it is: the directory, the endpoints. */
const char *config_kms_place(struct pool *pool, const struct config_kms *kms);
#endif

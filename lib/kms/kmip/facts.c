#include "kms/kmip/jobs.h"
#include <string.h>

static bool names(const struct env_kmip_known_pair *pair, const char *uid)
{
    return *uid && (strcmp(pair->public_key, uid) == 0 || strcmp(pair->private_key, uid) == 0);
}

struct env_kmip_known_pair *env_kmip_known(struct env_kmip_facts *facts, const char *uid)
{
    for (size_t i = 0; i < facts->pairs; i++) {
        if (names(&facts->pair[i], uid)) {
            return &facts->pair[i];
        }
    }
    return NULL;
}

static void drop(struct env_kmip_facts *facts, size_t i)
{
    facts->pairs--;
    memmove(&facts->pair[i], &facts->pair[i + 1], (facts->pairs - i) * sizeof facts->pair[0]);
}

void env_kmip_forget(struct env_kmip_facts *facts, const char *uid)
{
    for (size_t i = facts->pairs; i-- > 0;) {
        if (names(&facts->pair[i], uid)) {
            drop(facts, i);
        }
    }
}

static bool same(const struct env_kmip_known_pair *pair, const char *public_key,
                 const char *private_key, const uint8_t *fingerprint)
{
    return strcmp(pair->private_key, private_key) == 0 &&
           (!*public_key || !*pair->public_key || strcmp(pair->public_key, public_key) == 0) &&
           memcmp(pair->fingerprint, fingerprint, sizeof pair->fingerprint) == 0;
}

struct env_kmip_known_pair *env_kmip_learn(struct env_kmip_facts *facts, const char *public_key,
                                           const char *private_key, const uint8_t fingerprint[32])
{
    struct env_kmip_known_pair *known = env_kmip_known(facts, private_key);
    if (known && same(known, public_key, private_key, fingerprint)) {
        if (*public_key) {
            env_text_copy(known->public_key, sizeof known->public_key, public_key);
        }
        return known;
    }
    env_kmip_forget(facts, private_key);
    env_kmip_forget(facts, public_key);
    if (facts->pairs == ENV_KMIP_PAIRS_MAX) {
        drop(facts, 0);
    }
    known = &facts->pair[facts->pairs++];
    memset(known, 0, sizeof *known);
    env_text_copy(known->public_key, sizeof known->public_key, public_key);
    env_text_copy(known->private_key, sizeof known->private_key, private_key);
    memcpy(known->fingerprint, fingerprint, sizeof known->fingerprint);
    return known;
}

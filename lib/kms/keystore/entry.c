#include "keys/ref.h"
#include "kms/keystore/keystore.h"
#include <stdio.h>
#include <string.h>

char *env_ks_key_id(char out[ENV_KS_ID_MAX], const char *name, uint32_t version)
{
    snprintf(out, ENV_KS_ID_MAX, "%s/%u", name, version);
    return out;
}

envelope_key_ref env_ks_ref(const struct env_keystore_entry *entry, const char *id)
{
    envelope_key_ref ref = {.size = sizeof ref,
                            .key_name = entry->name,
                            .key_id = id,
                            .version = entry->version,
                            .has_fingerprint = 1};
    memcpy(ref.fingerprint, entry->fingerprint, sizeof ref.fingerprint);
    return ref;
}

const struct env_keystore_entry *env_ks_find(const struct env_keystore_file *file, const char *name,
                                             uint32_t version)
{
    const struct env_keystore_entry *found = NULL;
    for (size_t i = 0; i < file->count; i++) {
        const struct env_keystore_entry *e = &file->entry[i];
        if (strcmp(e->name, name) == 0 && (!version || e->version == version)) {
            found = e; /* they rise, so the last one is the newest */
        }
    }
    return found;
}

static bool is(const struct env_keystore_entry *e, const envelope_key_ref *ref)
{
    char id[ENV_KS_ID_MAX];
    if (ref->key_name && strcmp(ref->key_name, e->name) != 0) {
        return false;
    }
    if (ref->has_fingerprint) {
        return memcmp(ref->fingerprint, e->fingerprint, sizeof e->fingerprint) == 0;
    }
    return ref->key_id && strcmp(ref->key_id, env_ks_key_id(id, e->name, e->version)) == 0;
}

const struct env_keystore_entry *env_ks_find_ref(const struct env_keystore_file *file,
                                                 const envelope_key_ref *ref)
{
    envelope_key_ref view = env_ref_view(ref);
    for (size_t i = 0; i < file->count; i++) {
        if (is(&file->entry[i], &view)) {
            return &file->entry[i];
        }
    }
    return NULL;
}

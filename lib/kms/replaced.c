/* W3's evidence over several rotations: a host that did not run for a while meets version 3, which
 * names version 2, and has recorded version 1. */
#include "base/error.h"
#include "kms/handle.h"
#include <string.h>

enum { HOPS_MAX = 64 }; /* also ends a loop */

static const char *replaced_by(const envelope_key_list *list, const char *key_id)
{
    for (size_t i = 0; i < envelope_key_list_count(list); i++) {
        const envelope_key_ref *ref = envelope_key_list_at(list, i)->ref;
        if (!strcmp(ref->key_id, key_id)) {
            return ref->replaces;
        }
    }
    return NULL;
}

envelope_status env_kms_replaces(envelope_kms *kms, const char *key_name, const char *replaces,
                                 const char *key_id, bool *yes, envelope_error *err)
{
    envelope_key_list *list;
    *yes = replaces && !strcmp(replaces, key_id);
    if (*yes || !replaces || !kms->ops.list) {
        return ENVELOPE_OK;
    }
    envelope_status st = envelope_kms_list(kms, key_name, &list, err);
    if (st) {
        return st;
    }
    const char *at = replaces;
    for (int hop = 1; hop < HOPS_MAX && at && !*yes; hop++) {
        at = replaced_by(list, at);
        *yes = at && !strcmp(at, key_id);
    }
    envelope_key_list_free(list);
    return ENVELOPE_OK;
}

#include "base/error.h"
#include "chain/source.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct env_file_ref *)a)->object_id,
                  ((const struct env_file_ref *)b)->object_id, ENV_OBJECT_ID_BYTES);
}

envelope_status env_files_list(envelope_chain *chain, struct env_files *out, envelope_error *err)
{
    char prefix[ENV_NAME_MAX + 16];
    memset(out, 0, sizeof *out);
    snprintf(prefix, sizeof prefix, "%spoints/", chain->folder);
    envelope_status st = env_store_list(chain->store, prefix, &out->names, err);
    if (st) {
        return st;
    }
    out->item = env_alloc_array(chain->ctx, out->names.count, sizeof *out->item);
    if (!out->item) {
        env_files_free(chain, out);
        return env_nomem(err);
    }
    for (size_t i = 0; i < out->names.count; i++) {
        const char *rest = out->names.item[i].name + strlen(chain->folder);
        struct env_file_ref *ref = &out->item[out->count];
        if (env_name_is_object(rest) && !env_name_is_keys_copy(rest) &&
            env_name_object_id(rest, ref->object_id)) {
            ref->name = &out->names.item[i];
            out->count++;
        }
    }
    if (out->count) {
        qsort(out->item, out->count, sizeof *out->item, by_id);
    }
    return ENVELOPE_OK;
}

const struct env_name *env_files_find(const struct env_files *files,
                                      const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    struct env_file_ref key = {.name = NULL};
    memcpy(key.object_id, object_id, ENV_OBJECT_ID_BYTES);
    const struct env_file_ref *hit =
        files->count ? bsearch(&key, files->item, files->count, sizeof key, by_id) : NULL;
    return hit ? hit->name : NULL;
}

void env_files_free(envelope_chain *chain, struct env_files *files)
{
    env_free(chain->ctx, files->item);
    env_names_free(&files->names);
    memset(files, 0, sizeof *files);
}

#include "keys/list.h"
#include "base/error.h"
#include "keys/ref.h"
#include <string.h>

struct envelope_key_list {
    envelope_ctx *ctx; /* retained */
    size_t count;
    size_t room;
    envelope_key_info *item; /* ref and spki are ours */
};

envelope_status env_key_list_new(envelope_ctx *ctx, envelope_key_list **out, envelope_error *err)
{
    *out = env_alloc(ctx, sizeof **out);
    if (!*out) {
        return env_nomem(err);
    }
    (*out)->ctx = env_ctx_retain(ctx);
    return ENVELOPE_OK;
}

static bool grow(envelope_key_list *list)
{
    if (list->count < list->room) {
        return true;
    }
    size_t room = list->room ? 2 * list->room : 8;
    envelope_key_info *item = env_alloc_array(list->ctx, room, sizeof *item);
    if (!item) {
        return false;
    }
    if (list->count) {
        memcpy(item, list->item, list->count * sizeof *item);
    }
    env_free(list->ctx, list->item);
    list->item = item;
    list->room = room;
    return true;
}

static void info_free(envelope_ctx *ctx, envelope_key_info *info)
{
    env_free(ctx, (void *)info->ref);
    env_free(ctx, (void *)info->spki);
}

envelope_status env_key_list_add(envelope_key_list *list, const envelope_key_info *info,
                                 envelope_error *err)
{
    if (!grow(list)) {
        return env_nomem(err);
    }
    envelope_key_info copy = *info;
    copy.size = sizeof copy;
    copy.ref = env_ref_copy(list->ctx, info->ref);
    copy.spki = info->spki ? env_alloc(list->ctx, info->spki_len) : NULL;
    if (!copy.ref || (info->spki && !copy.spki)) {
        info_free(list->ctx, &copy);
        return env_nomem(err);
    }
    if (copy.spki) {
        memcpy((void *)copy.spki, info->spki, info->spki_len);
    }
    list->item[list->count++] = copy;
    return ENVELOPE_OK;
}

envelope_key_info *env_key_list_edit(envelope_key_list *list, size_t i)
{
    return i < list->count ? &list->item[i] : NULL;
}

size_t envelope_key_list_count(const envelope_key_list *list)
{
    return list ? list->count : 0;
}

const envelope_key_info *envelope_key_list_at(const envelope_key_list *list, size_t i)
{
    return list && i < list->count ? &list->item[i] : NULL;
}

void envelope_key_list_free(envelope_key_list *list)
{
    if (!list) {
        return;
    }
    envelope_ctx *ctx = list->ctx;
    for (size_t i = 0; i < list->count; i++) {
        info_free(ctx, &list->item[i]);
    }
    env_free(ctx, list->item);
    env_free(ctx, list);
    env_ctx_release(ctx);
}

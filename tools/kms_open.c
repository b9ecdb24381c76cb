#include "kms_open.h"
#include "text.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

int kms_open(const struct keys_request *request, const struct config_kms *kms, envelope_kms **out,
             const char **why)
{
    *out = NULL;
    *why = NULL;
    return kms->kind->open(request, kms, out, why);
}

const char *kms_missing_file(const struct keys_request *request, const char *what, const char *path)
{
    struct pool *pool = &request->report->pool;
    if (!path || !keys_by_hand(request->options) || access(path, R_OK) == 0) {
        return NULL;
    }
    return pool_format(pool, "its %s %s: %s", what, text_printable(pool, path), strerror(errno));
}

const char *kms_called(struct pool *pool, const struct config_kms *kms)
{
    return pool_format(pool, "%s %s", kms->kind->noun, kms->id);
}

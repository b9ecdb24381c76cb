/* Writes the samples below a folder as the corpora of the readers' fuzz targets: export_samples DIR
 */
#include "kms/kmip/names.h"
#include "samples_ops.h"
#include "tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *reader_of(uint32_t operation)
{
    switch (operation) {
    case ENV_KMIP_DISCOVER_VERSIONS:
        return "discover";
    case ENV_KMIP_QUERY:
        return "query";
    case ENV_KMIP_LOCATE:
        return "locate";
    case ENV_KMIP_GET:
        return "get";
    case ENV_KMIP_GET_ATTRIBUTES:
        return "attributes";
    case ENV_KMIP_CREATE_KEY_PAIR:
    case ENV_KMIP_REKEY_KEY_PAIR:
        return "pair";
    case ENV_KMIP_CREATE:
        return "create";
    case ENV_KMIP_REGISTER:
        return "register";
    case ENV_KMIP_ACTIVATE:
    case ENV_KMIP_REVOKE:
        return "done";
    default:
        return "data";
    }
}

static void save(const char *folder, const char *reader, const char *name, struct tree t)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/kmip_%s", folder, reader);
    (void)mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/kmip_%s/%s", folder, reader, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(t.p, 1, t.len, f) != t.len || fclose(f)) {
        perror(path);
        exit(1);
    }
    free(t.p);
}

#define DECRYPTED(id)                                                                              \
    "BatchItem\n Operation e 32\n UniqueBatchItemID y " id                                         \
    "\n ResultStatus e 0\n ResponsePayload\n  UniqueIdentifier t 41\n  Data y 07\n"
#define REFUSED "BatchItem\n Operation e 32\n UniqueBatchItemID y 00000001\n ResultStatus e 1\n"

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    for (unsigned i = 0; i < ops_sample_count; i++) {
        const struct ops_sample *s = &ops_samples[i];
        save(argv[1], reader_of(s->operation), s->name, ops_sample_bytes(s));
    }
    save(argv[1], "batch", "whole", tree_response(0, 1, "BatchItem\n ResultStatus e 1\n"));
    save(argv[1], "batch", "fewer", tree_response(4, 2, DECRYPTED("00000000") REFUSED));
    save(argv[1], "batch", "four",
         tree_response(4, 4,
                       DECRYPTED("00000003") DECRYPTED("00000000") REFUSED DECRYPTED("00000002")));
    return 0;
}

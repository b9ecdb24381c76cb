/* One line about several endpoints: an operator who reads that a certificate was refused must not
 * have to guess where. */
#include "base/error.h"
#include "base/text.h"
#include "kms/kmip/failover.h"
#include <stdio.h>
#include <string.h>

/* A refusal is for somebody to mend, a wrong answer is from a wrong server, silence may pass. */
static int telling(envelope_status st)
{
    switch (st) {
    case ENVELOPE_E_REFUSED:
        return 2;
    case ENVELOPE_E_FORMAT:
        return 1;
    default:
        return 0;
    }
}

static size_t most_telling(const struct env_kmip_failures *failures)
{
    size_t best = 0;
    for (size_t i = 1; i < failures->count; i++) {
        if (telling(failures->item[i].said.status) > telling(failures->item[best].said.status)) {
            best = i;
        }
    }
    return best;
}

static size_t append(char *line, size_t cap, size_t used, const char *text, size_t most)
{
    size_t room = cap - used - 1;
    size_t n = env_utf8_prefix(text, most < room ? most : room);
    memcpy(line + used, text, n);
    line[used + n] = 0;
    return used + n;
}

static size_t append_one(char *line, size_t cap, size_t used, const struct env_kmip_failure *f,
                         size_t share)
{
    char name[sizeof f->at->host + sizeof f->at->port + 4];
    bool six = strchr(f->at->host, ':') != NULL;
    snprintf(name, sizeof name, six ? "[%s]:%s: " : "%s:%s: ", f->at->host, f->at->port);
    size_t start = used;
    used = append(line, cap, used, name, share);
    size_t taken = used - start;
    return append(line, cap, used, f->said.message, share > taken ? share - taken : 0);
}

envelope_status env_kmip_failures_tell(struct env_kmip_failures *failures, envelope_error *err)
{
    static const char several[] = "no endpoint of the KMS could be used: ";
    char line[sizeof err->message];
    size_t best = most_telling(failures);
    struct env_kmip_failure first = failures->item[best];
    failures->item[best] = failures->item[0];
    failures->item[0] = first;
    size_t used = 0;
    line[0] = 0;
    if (failures->count > 1) {
        used = append(line, sizeof line, used, several, sizeof several - 1);
    }
    for (size_t i = 0; i < failures->count; i++) {
        used = append(line, sizeof line, used, "; ", i ? 2 : 0);
        /* What the earlier ones did not need is left for the later ones. */
        size_t share = (sizeof line - used) / (failures->count - i);
        used = append_one(line, sizeof line, used, &failures->item[i], share > 2 ? share - 2 : 0);
    }
    env_fail(err, first.said.status, "%s", line);
    env_error_origin(err, first.said.origin, first.said.native);
    return first.said.status;
}

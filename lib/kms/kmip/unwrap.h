/* kms/kmip/unwrap.h - one thing to unwrap, for unwrap.c and unwrap_many.c. */
#ifndef ENV_KMIP_UNWRAP_H
#define ENV_KMIP_UNWRAP_H
#include "kms/kmip/jobs.h"

struct env_kmip_unwrap {
    const envelope_key_ref *key; /* a view: all members may be read */
    int32_t algorithm;
    struct env_bytes in;
    void *out;
    size_t cap;
};
envelope_status env_kmip_unwrap_one(struct env_kmip_job *job, const struct env_kmip_unwrap *u,
                                    size_t *len, envelope_error *err);
/* One Decrypt will do: everything else about this key is known. NULL: not so. */
const struct env_kmip_known_pair *env_kmip_known_way(const struct env_kmip_job *job,
                                                     const struct env_kmip_unwrap *u);
#endif

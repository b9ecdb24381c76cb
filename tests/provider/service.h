/* service.h - a key service of somebody else's, in this process: names, versions, identities that
 * may or may not decrypt. It knows nothing of the library. */
#ifndef TESTS_PROVIDER_SERVICE_H
#define TESTS_PROVIDER_SERVICE_H
#include <openssl/evp.h>
#include <stddef.h>

enum { SERVICE_KEYS = 8 };
struct service_key {
    char name[32];
    char id[48];
    EVP_PKEY *pair;
};
struct service {
    size_t count;
    struct service_key key[SERVICE_KEYS]; /* the last of a name is its newest */
    int down;                             /* answers nothing */
    int may_decrypt;
    int requests;
};
/* As an HTTP service would answer. */
enum {
    SERVICE_OK = 200,
    SERVICE_BAD = 400,
    SERVICE_FORBIDDEN = 403,
    SERVICE_GONE = 404,
    SERVICE_TIMEOUT = 504
};

/* A new version of name: pair N of the pool in tests/keys. */
void service_add(struct service *s, const char *name, int pool);
/* *found is borrowed. */
int service_newest(struct service *s, const char *name, const struct service_key **found);
/* hash: "SHA256" or "SHA1", for OAEP and its MGF. */
int service_decrypt(struct service *s, const char *id, const char *hash, const void *in,
                    size_t in_len, void *out, size_t *out_len);
void service_end(struct service *s);
#endif

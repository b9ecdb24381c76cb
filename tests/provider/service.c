#include "service.h"
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void service_add(struct service *s, const char *name, int pool)
{
    char path[4096];
    const char *dir = getenv("TEST_KEYS");
    struct service_key *k = &s->key[s->count++];
    int version = 1;
    for (size_t i = 0; i + 1 < s->count; i++) {
        version += strcmp(s->key[i].name, name) == 0;
    }
    snprintf(k->name, sizeof k->name, "%s", name);
    snprintf(k->id, sizeof k->id, "uuid-%s-%d", name, version);
    snprintf(path, sizeof path, "%s/pool-%02d.pem", dir ? dir : "tests/keys", pool);
    BIO *bio = BIO_new_file(path, "r");
    k->pair = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!k->pair) {
        printf("Bail out! the service cannot read %s\n", path);
        exit(1);
    }
}

int service_newest(struct service *s, const char *name, const struct service_key **found)
{
    s->requests++;
    for (size_t i = s->count; i-- > 0 && !s->down;) {
        if (strcmp(s->key[i].name, name) == 0) {
            *found = &s->key[i];
            return SERVICE_OK;
        }
    }
    return s->down ? SERVICE_TIMEOUT : SERVICE_GONE;
}

static int decrypt(EVP_PKEY *pair, const char *hash, const void *in, size_t in_len, void *out,
                   size_t *out_len)
{
    const EVP_MD *md = strcmp(hash, "SHA1") == 0 ? EVP_sha1() : EVP_sha256();
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pair, NULL);
    int ok = c && EVP_PKEY_decrypt_init(c) > 0 &&
             EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_oaep_md(c, md) > 0 && EVP_PKEY_CTX_set_rsa_mgf1_md(c, md) > 0 &&
             EVP_PKEY_decrypt(c, out, out_len, in, in_len) > 0;
    EVP_PKEY_CTX_free(c);
    return ok ? SERVICE_OK : SERVICE_BAD;
}

int service_decrypt(struct service *s, const char *id, const char *hash, const void *in,
                    size_t in_len, void *out, size_t *out_len)
{
    s->requests++;
    if (s->down) {
        return SERVICE_TIMEOUT;
    }
    if (!s->may_decrypt) {
        return SERVICE_FORBIDDEN;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->key[i].id, id) == 0) {
            return decrypt(s->key[i].pair, hash, in, in_len, out, out_len);
        }
    }
    return SERVICE_GONE;
}

void service_end(struct service *s)
{
    for (size_t i = 0; i < s->count; i++) {
        EVP_PKEY_free(s->key[i].pair);
    }
    s->count = 0;
}

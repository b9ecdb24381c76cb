#include "keys.h"
#include "crypto/rsa.h"
#include <stdio.h>
#include <stdlib.h>

size_t test_key_pem(int number, char out[TEST_KEY_PEM_MAX])
{
    const char *dir = getenv("TEST_KEYS");
    char path[4096];
    snprintf(path, sizeof path, "%s/pool-%02d.pem", dir ? dir : "tests/keys", number);
    FILE *f = fopen(path, "re");
    if (!f) {
        printf("Bail out! cannot read %s\n", path);
        exit(1);
    }
    size_t len = fread(out, 1, TEST_KEY_PEM_MAX - 1, f);
    out[len] = 0;
    fclose(f);
    return len;
}

size_t test_key_public_pem(envelope_ctx *ctx, int number, char out[TEST_KEY_PEM_MAX])
{
    char pem[TEST_KEY_PEM_MAX];
    struct env_rsa_private *pair = NULL;
    size_t len = test_key_pem(number, pem);
    size_t out_len = 0;
    if (env_rsa_private_parse(ctx, pem, len, NULL, 0, &pair, NULL) ||
        env_rsa_public_pem(env_rsa_private_public(pair), out, TEST_KEY_PEM_MAX, &out_len, NULL)) {
        abort();
    }
    env_rsa_private_free(pair);
    return out_len;
}

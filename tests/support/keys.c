#include "keys.h"
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

/* keystore_steps ROOT PEM...: a keystore ROOT/ks is made unless it is there, and each private key
 * becomes the next version of "vm" in it. Says of each step how it went, so that the journal has it
 * in its place. */
#include <envelope/kms.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static envelope_error err = ENVELOPE_ERROR_INIT;

static void say(const char *what, int n, envelope_status st)
{
    char line[128];
    int len = snprintf(line, sizeof line, "%s %d %s\n", what, n, envelope_status_name(st));
    if (write(STDOUT_FILENO, line, (size_t)len) != len) {
        exit(3);
    }
}

static envelope_status import(envelope_kms *kms, const char *path)
{
    static char pem[8192];
    FILE *f = fopen(path, "r");
    size_t len = f ? fread(pem, 1, sizeof pem, f) : 0;
    if (f) {
        fclose(f);
    }
    return envelope_kms_import_key(kms, "vm", pem, len, NULL, 0, &err);
}

int main(int argc, char **argv)
{
    envelope_ctx *ctx = NULL;
    envelope_kms *kms = NULL;
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/ks", argc > 1 ? argv[1] : "");
    envelope_status st = argc < 2 ? ENVELOPE_E_INVALID : envelope_ctx_new(NULL, &ctx, &err);
    if (!st) {
        st = envelope_keystore_open(ctx, dir, "pass", 4, ENVELOPE_KEYSTORE_CREATE, &kms, &err);
        if (st == ENVELOPE_E_EXISTS) {
            st = envelope_keystore_open(ctx, dir, "pass", 4, 0, &kms, &err);
        }
        say("open", 0, st);
    }
    for (int i = 2; !st && i < argc; i++) {
        st = import(kms, argv[i]);
        say("import", i - 1, st);
    }
    if (st) {
        fprintf(stderr, "%s: %s\n", envelope_status_name(st), err.message);
    }
    envelope_kms_free(kms);
    envelope_ctx_free(ctx);
    return st != ENVELOPE_OK;
}

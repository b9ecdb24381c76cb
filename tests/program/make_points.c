/* make_points REPO PIN KEYSTORE PASSPHRASE POINTS: adds points to the chain that `envelope init`
 * has made for the key vm of the KMS lab, which is this keystore. Its host's configuration must say
 * serial 3 afterwards: meanwhile there is a second recipient, whose KMS unwraps in microseconds,
 * since listing opens every point. Then it is taken out again, as an operator would do it. */
#include "many.h"
#include "quick_kms.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_pin(struct many_host *h, const char *name)
{
    FILE *f = fopen(name, "rb");
    h->pin_len = f ? fread(h->pin, 1, sizeof h->pin, f) : 0;
    if (!h->pin_len || fclose(f)) {
        fprintf(stderr, "no pin %s\n", name);
        exit(1);
    }
}

static void write_pin(const struct many_host *h, const char *name)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(h->pin, 1, h->pin_len, f) != h->pin_len || fclose(f)) {
        fprintf(stderr, "%s is not written\n", name);
        exit(1);
    }
}

/* quick NULL: without it. */
static void recipients(struct many_host *h, envelope_kms *lab, envelope_kms *quick)
{
    const uint32_t use = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP | ENVELOPE_USE_NAMES_EXCLUSIVE;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_keyring_free(h->ring);
    MANY_MUST(envelope_keyring_new(h->ctx, NULL, &h->ring, &err));
    MANY_MUST(envelope_keyring_add_kms(h->ring, "lab", lab, use, 1, &err));
    MANY_MUST(envelope_keyring_wrap_for(h->ring, "lab", "vm", &err));
    if (quick) {
        MANY_MUST(envelope_keyring_add_kms(h->ring, "quick", quick, use, 0, &err));
        MANY_MUST(envelope_keyring_wrap_for(h->ring, "quick", "vm", &err));
    }
    h->serial++;
}

static void refresh(struct many_host *h, envelope_store *store)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(h, store);
    MANY_MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    envelope_chain_free(chain);
}

int main(int argc, char **argv)
{
    static struct many_host h = {.serial = 1};
    struct quick_kms kms;
    envelope_kms *lab;
    envelope_store *store;
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (argc != 6) {
        fputs("usage: make_points REPO PIN KEYSTORE PASSPHRASE POINTS\n", stderr);
        return 1;
    }
    read_pin(&h, argv[2]);
    MANY_MUST(envelope_ctx_new(NULL, &h.ctx, &err));
    MANY_MUST(envelope_store_dir(h.ctx, argv[1], 0, &store, &err));
    MANY_MUST(envelope_keystore_open(h.ctx, argv[3], argv[4], strlen(argv[4]), 0, &lab, &err));
    envelope_kms *quick = quick_kms_open(h.ctx, &kms);
    recipients(&h, lab, quick);
    refresh(&h, store);
    many_add(&h, store, strtoul(argv[5], NULL, 10));
    recipients(&h, lab, NULL);
    refresh(&h, store);
    write_pin(&h, argv[2]);
    envelope_kms_free(quick);
    envelope_kms_free(lab);
    envelope_store_free(store);
    envelope_keyring_free(h.ring);
    envelope_ctx_free(h.ctx);
    return 0;
}

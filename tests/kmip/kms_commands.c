#include "kms_commands.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, WRAPPED = 1024, FINGERPRINT = 32 };

static envelope_kms *kms;

void kms_open(envelope_ctx *ctx, const envelope_kmip_options *options)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    kms_close();
    put_status(envelope_kmip_new(ctx, options, &kms, &err), &err);
}

void kms_close(void)
{
    envelope_kms_free(kms);
    kms = NULL;
}

static bool all_right(const envelope_unwrap *item, size_t count, envelope_error *err)
{
    uint8_t dek[32];
    memset(dek, 0x5a, sizeof dek);
    for (size_t i = 0; i < count; i++) {
        bool wrong = !item[i].status &&
                     (item[i].len != sizeof dek || memcmp(item[i].out, dek, sizeof dek) != 0);
        if (wrong || item[i].status) {
            envelope_error_set(err, wrong ? ENVELOPE_E_CRYPTO : item[i].status, 0,
                               wrong ? "another DEK" : "of one");
            return false;
        }
    }
    return true;
}

static void unwrap(const char *wrapped, const char *fingerprint, size_t count)
{
    static envelope_unwrap item[MOST];
    static uint8_t out[MOST][32];
    static uint8_t in[WRAPPED];
    size_t len = strlen(wrapped) / 2;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_key_ref key = {.size = sizeof key, .key_name = "vm", .key_id = "1-priv"};
    key.has_fingerprint = 1;
    if (len > sizeof in || count > MOST || !env_unhex(in, len, wrapped) ||
        !env_unhex(key.fingerprint, FINGERPRINT, fingerprint)) {
        exit(2);
    }
    for (size_t i = 0; i < count; i++) {
        item[i] = (envelope_unwrap){.size = sizeof item[i],
                                    .key = &key,
                                    .algorithm = ENVELOPE_RSA_OAEP_SHA256,
                                    .in = in,
                                    .in_len = len,
                                    .out = out[i],
                                    .cap = sizeof out[i]};
    }
    envelope_status st = envelope_kms_unwrap_many(kms, item, count, &err);
    if (!st && !all_right(item, count, &err)) {
        st = err.status;
    }
    put_status(st, &err);
}

bool kms_command(char **word)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    if (!strcmp(word[0], "unwrap")) {
        unwrap(word[1], word[2], strtoul(word[3], NULL, 10));
    } else if (!strcmp(word[0], "create")) {
        put_status(envelope_kms_create_key(kms, word[1], 0, &err), &err);
    } else if (!strcmp(word[0], "close")) {
        kms_close();
        put_status(ENVELOPE_OK, NULL);
    } else {
        return false;
    }
    return true;
}

#include "base/error.h"
#include "crypto/context.h"
#include "crypto/digest.h"
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

enum {
    INFO_PARTS_MAX = 8,
    HKDF_BYTES_MAX = 255 * 64,
    PARTS_MAX = 4, /* behind a label */
    LABELLED_MAX = PARTS_MAX + 2
};

static OSSL_PARAM octets(const char *name, const void *p, size_t len)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)p, len);
}

envelope_status env_hkdf_expand(envelope_ctx *ctx, const void *prk, size_t prk_len,
                                const struct env_bytes *info, size_t count, void *out, size_t len,
                                envelope_error *err)
{
    if (prk_len == 0 || count > INFO_PARTS_MAX || len == 0 || len > HKDF_BYTES_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "HKDF: lengths out of range");
    }
    char digest[] = "SHA512";
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[INFO_PARTS_MAX + 4];
    size_t n = 0;
    params[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    params[n++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode);
    params[n++] = octets(OSSL_KDF_PARAM_KEY, prk, prk_len);
    for (size_t i = 0; i < count; i++) { /* several infos are put behind each other */
        params[n++] = octets(OSSL_KDF_PARAM_INFO, info[i].p, info[i].len);
    }
    params[n] = OSSL_PARAM_construct_end();
    env_crypto_mark();
    EVP_KDF_CTX *c = EVP_KDF_CTX_new(ctx->crypto->hkdf);
    bool ok = c && EVP_KDF_derive(c, out, len, params) > 0;
    envelope_status st = ok ? ENVELOPE_OK : env_crypto_failed(err, "HKDF-Expand-SHA-512");
    EVP_KDF_CTX_free(c);
    env_crypto_unmark();
    if (st) {
        env_wipe(out, len);
    }
    return st;
}

/* "libenvelope/1 " | label | 00 | parts */
static envelope_status labelled(struct env_bytes all[LABELLED_MAX], const char *label,
                                const struct env_bytes *parts, size_t count, envelope_error *err)
{
    static const char prefix[] = "libenvelope/1 ";
    if (count > PARTS_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "%s: too many parts", label);
    }
    all[0] = ENV_BYTES(prefix, sizeof prefix - 1);
    all[1] = ENV_BYTES(label, strlen(label) + 1);
    for (size_t i = 0; i < count; i++) {
        all[2 + i] = parts[i];
    }
    return ENVELOPE_OK;
}

envelope_status env_hash(envelope_ctx *ctx, const char *label, const struct env_bytes *parts,
                         size_t count, uint8_t out[ENV_HASH_BYTES], envelope_error *err)
{
    struct env_bytes all[LABELLED_MAX];
    envelope_status st = labelled(all, label, parts, count, err);
    return st ? st : env_sha256(ctx, all, count + 2, out, err);
}

envelope_status env_mac(envelope_ctx *ctx, const uint8_t key[ENV_KEY_BYTES], const char *label,
                        const struct env_bytes *parts, size_t count, uint8_t out[ENV_HASH_BYTES],
                        envelope_error *err)
{
    struct env_bytes all[LABELLED_MAX];
    envelope_status st = labelled(all, label, parts, count, err);
    return st ? st : env_hmac_sha256(ctx, key, ENV_KEY_BYTES, all, count + 2, out, err);
}

envelope_status env_derive(envelope_ctx *ctx, const uint8_t key[ENV_KEY_BYTES], const char *label,
                           const struct env_bytes *parts, size_t count, uint8_t out[ENV_KEY_BYTES],
                           envelope_error *err)
{
    struct env_bytes all[LABELLED_MAX];
    envelope_status st = labelled(all, label, parts, count, err);
    return st ? st
              : env_hkdf_expand(ctx, key, ENV_KEY_BYTES, all, count + 2, out, ENV_KEY_BYTES, err);
}

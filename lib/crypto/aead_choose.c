#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/aead.h"
#include <string.h>

/* Test case 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega): key, nonce and message
 * are zeros. */
enum { KNOWN_BYTES = 16 };
static const uint8_t known[KNOWN_BYTES + ENV_TAG_BYTES] = {
    0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
    0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19,
};
/* Test case 13 of the same: nothing is sealed, so its tag is GMAC of nothing. */
static const uint8_t known_mac[ENV_TAG_BYTES] = {0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9,
                                                 0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b};

/* One lane serves both directions in turn, so that is what is tried; a false tag must be refused,
 * and must not spoil what comes after it. */
static bool lane_works(const struct env_aead_engine *engine, void *lane)
{
    static const uint8_t nonce[ENV_NONCE_BYTES];
    static const uint8_t zeros[KNOWN_BYTES];
    uint8_t sealed[sizeof known];
    uint8_t plain[KNOWN_BYTES];
    bool ok = true;
    for (int round = 0; ok && round < 2; round++) {
        ok = !engine->mac(lane, nonce, NULL, 0, 0, sealed, NULL) &&
             memcmp(sealed, known_mac, sizeof known_mac) == 0 &&
             !engine->seal(lane, nonce, zeros, KNOWN_BYTES, sealed, NULL) &&
             memcmp(sealed, known, sizeof known) == 0 &&
             !engine->open(lane, nonce, known, sizeof known, plain, NULL) &&
             memcmp(plain, zeros, sizeof zeros) == 0;
        sealed[sizeof known - 1] ^= 1;
        ok =
            ok && engine->open(lane, nonce, sealed, sizeof sealed, sealed, NULL) == ENVELOPE_E_AUTH;
    }
    return ok;
}

static envelope_status self_test(envelope_ctx *ctx, const struct env_aead_engine *engine,
                                 envelope_error *err)
{
    static const uint8_t key[32];
    void *lane;
    envelope_status st = engine->lane_new(ctx, key, &lane, err);
    if (st) {
        return st;
    }
    if (!lane_works(engine, lane)) {
        st = env_fail(err, ENVELOPE_E_CRYPTO, "the engine %s fails its self-test", engine->name);
    }
    engine->lane_free(ctx, lane);
    return st;
}

envelope_status env_aead_choose(envelope_ctx *ctx, const char *name,
                                const struct env_aead_engine **out, envelope_error *err)
{
    static const struct env_aead_engine *const engines[] = {&env_aead_openssl};
    *out = NULL;
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        if (!name || strcmp(name, engines[i]->name) == 0) {
            envelope_status st = self_test(ctx, engines[i], err);
            *out = st ? NULL : engines[i];
            return st;
        }
    }
    char safe[ENV_PRINTABLE_MAX];
    return env_fail(err, ENVELOPE_E_UNSUPPORTED,
                    "ctx_options.engine: \"%s\" is not built in; there is \"openssl\"",
                    env_printable(safe, name));
}

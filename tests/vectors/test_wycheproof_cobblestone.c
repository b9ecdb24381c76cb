/* Wycheproof: Cobblestone-256, through crypto/chunked.h: as a whole, chunk by chunk, from the end,
 * and at random offsets. */
#include "base/bytes.h"
#include "check_main.h"
#include "crypto/chunked.h"
#include "failing.h"
#include "wycheproof.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { OFFSETS = 300, MESSAGE_MAX = 64 << 20 };

struct message {
    envelope_ctx *ctx;
    struct octets key;
    struct octets context;
    struct octets ct;
    uint8_t *plain; /* as long as ct */
    struct env_bytes part;
};

/* In the files ct is compressed by zlib. */
static struct octets inflated(const json_t *test, const char *member)
{
    struct octets in = octets_of(test, member);
    struct octets out = {malloc(MESSAGE_MAX), 0};
    uLongf len = MESSAGE_MAX;
    ck_assert_int_eq(uncompress(out.p, &len, in.p, in.len), Z_OK);
    out.len = len;
    out.p = realloc(out.p, len + 1);
    free(in.p);
    return out;
}

static struct message message_of(envelope_ctx *ctx, const json_t *test)
{
    struct message m = {.ctx = ctx,
                        .key = octets_of(test, "key"),
                        .context = octets_of(test, "ctx"),
                        .ct = inflated(test, "ct")};
    m.plain = calloc(1, m.ct.len + 1);
    m.part = ENV_BYTES(m.context.p, m.context.len);
    return m;
}

static void message_free(struct message *m)
{
    free(m->key.p);
    free(m->context.p);
    free(m->ct.p);
    free(m->plain);
}

static uint64_t chunk_count(const struct message *m)
{
    return (m->ct.len - ENV_PREFIX_BYTES) / ENV_SEALED_CHUNK_BYTES + 1;
}

static size_t chunk_len(const struct message *m, uint64_t number)
{
    size_t at = ENV_PREFIX_BYTES + (size_t)number * ENV_SEALED_CHUNK_BYTES;
    size_t left = m->ct.len - at;
    return left < ENV_SEALED_CHUNK_BYTES ? left : ENV_SEALED_CHUNK_BYTES;
}

static bool chunk_opens(const struct message *m, struct env_chunked *c, uint64_t number,
                        uint8_t *out)
{
    const uint8_t *at = m->ct.p + ENV_PREFIX_BYTES + number * ENV_SEALED_CHUNK_BYTES;
    return env_chunked_open(c, number, at, chunk_len(m, number), out, NULL) == ENVELOPE_OK;
}

/* plain: room for every chunk at its place. Length of what opens in front of the first failure. */
static size_t open_in_order(const struct message *m, struct env_chunked *c)
{
    size_t done = 0;
    for (uint64_t i = 0; i < chunk_count(m); i++) {
        if (!chunk_opens(m, c, i, m->plain + i * ENV_CHUNK_BYTES)) {
            break;
        }
        done += chunk_len(m, i) - 16;
    }
    return done;
}

static bool sha512_is(const void *p, size_t len, const json_t *test)
{
    struct octets expected = octets_of(test, "msgSha512");
    uint8_t digest[64];
    ck_assert(EVP_Digest(p, len, digest, NULL, EVP_sha512(), NULL));
    bool same = expected.len == sizeof digest && memcmp(digest, expected.p, sizeof digest) == 0;
    free(expected.p);
    return same;
}

/* What the file says of the message, or of its longest valid beginning. */
static bool beginning_right(const struct message *m, struct env_chunked *c, const json_t *test)
{
    size_t done = open_in_order(m, c);
    if (!json_object_get(test, "msgLength")) {
        return done == 0;
    }
    return done == (size_t)number_of(test, "msgLength") && sha512_is(m->plain, done, test);
}

/* The last chunk proves the length of the message to whoever seeks. */
static bool end_right(const struct message *m, struct env_chunked *c, const json_t *test)
{
    uint8_t out[ENV_CHUNK_BYTES];
    uint64_t plain;
    bool opens =
        env_chunked_plain_len(m->ct.len, &plain) && chunk_opens(m, c, chunk_count(m) - 1, out);
    return opens == (!is_invalid(test) || has_flag(test, "ValidFinalChunk"));
}

/* Pieces read by opening only the chunks that they touch. */
static bool offsets_right(const struct message *m, struct env_chunked *c, size_t len,
                          unsigned *seed)
{
    uint8_t out[ENV_CHUNK_BYTES];
    for (int i = 0; i < OFFSETS && len > 0; i++) {
        size_t at = (size_t)(rand_r(seed) % (int)len);
        size_t want = 1 + (size_t)rand_r(seed) % (3 * ENV_CHUNK_BYTES);
        size_t end = want < len - at ? at + want : len;
        for (uint64_t k = at / ENV_CHUNK_BYTES; k * ENV_CHUNK_BYTES < end; k++) {
            size_t from = k * ENV_CHUNK_BYTES > at ? 0 : at - k * ENV_CHUNK_BYTES;
            size_t rest = end - k * ENV_CHUNK_BYTES;
            size_t to = rest < ENV_CHUNK_BYTES ? rest : ENV_CHUNK_BYTES;
            if (!chunk_opens(m, c, k, out) ||
                memcmp(out + from, m->plain + k * ENV_CHUNK_BYTES + from, to - from) != 0) {
                return false;
            }
        }
    }
    return true;
}

/* Sealed again with the same salt it is the same message. */
static bool sealing_right(const struct message *m, size_t len)
{
    uint8_t commitment[ENV_COMMITMENT_BYTES];
    uint8_t out[ENV_SEALED_CHUNK_BYTES];
    struct env_chunked *c;
    ck_assert_int_eq(
        env_chunked_new(m->ctx, m->key.p, NULL, &m->part, 1, m->ct.p, 1, commitment, &c, NULL),
        ENVELOPE_OK);
    bool ok = memcmp(commitment, m->ct.p + ENV_SALT_BYTES, sizeof commitment) == 0 &&
              env_chunked_sealed_len(len) == m->ct.len;
    for (uint64_t i = 0; ok && i < chunk_count(m); i++) {
        size_t sealed = chunk_len(m, i);
        ok = !env_chunked_seal(c, i, m->plain + i * ENV_CHUNK_BYTES, sealed - 16, out, NULL) &&
             memcmp(out, m->ct.p + ENV_PREFIX_BYTES + i * ENV_SEALED_CHUNK_BYTES, sealed) == 0;
    }
    env_chunked_free(c);
    return ok;
}

static bool whole_right(const struct message *m, const json_t *test)
{
    memset(m->plain, 0xff, m->ct.len);
    envelope_status st = env_chunked_open_whole(m->ctx, m->key.p, NULL, &m->part, 1, m->ct.p,
                                                m->ct.len, m->plain, NULL);
    if (is_invalid(test)) {
        return st == ENVELOPE_E_AUTH;
    }
    return !st && sha512_is(m->plain, (size_t)number_of(test, "msgLength"), test);
}

static bool by_chunks_right(const struct message *m, const json_t *test, unsigned *seed)
{
    struct env_chunked *c = NULL;
    bool header = m->ct.len >= ENV_PREFIX_BYTES &&
                  env_chunked_open_prefix(m->ctx, m->key.p, NULL, &m->part, 1, m->ct.p, 1, &c,
                                          NULL) == ENVELOPE_OK;
    if (!header || has_flag(test, "HeaderFailure")) {
        env_chunked_free(c);
        return !header && has_flag(test, "HeaderFailure");
    }
    memset(m->plain, 0, m->ct.len);
    bool ok = beginning_right(m, c, test) && end_right(m, c, test);
    if (ok && !is_invalid(test)) {
        size_t len = (size_t)number_of(test, "msgLength");
        ok = offsets_right(m, c, len, seed) && sealing_right(m, len);
    }
    env_chunked_free(c);
    return ok;
}

struct state {
    envelope_ctx *ctx;
    unsigned seed;
};

static void one(struct tally *t, const json_t *group, const json_t *test)
{
    (void)group;
    struct state *s = t->user;
    struct message m = message_of(s->ctx, test);
    if (m.key.len != 32) {
        apart(t, "keys of other sizes than 256 bits");
    } else {
        verdict(t, test, whole_right(&m, test) && by_chunks_right(&m, test, &s->seed));
    }
    message_free(&m);
}

START_TEST(cobblestone_256)
{
    struct state s = {test_ctx(), 20240607};
    tap_note("seed %u, %d pieces at random offsets for each valid message", s.seed, OFFSETS);
    walk("c2sp_chunked_encryption_aes_256_gcm_test.json", one, &s);
    envelope_ctx_free(s.ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {cobblestone_256, NULL};
    return wycheproof_there() ? suite_of("wycheproof cobblestone", 120, all) : NULL;
}

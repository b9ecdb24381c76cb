/* bench_chunks [MIB [AT-LEAST]]: sealing and opening by envelope_payload_seal and _open beside bare
 * EVP calls, on the same buffers, in the same pieces, by one thread. The two take turns in one
 * process, so that whatever the machine does to one it does to the other; medians are compared.
 * Fails when a ratio is below AT-LEAST. */
#include <envelope/envelope.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, SPAN = 64, TAG = 16, NONCE = 12 }; /* SPAN: chunks in one call */

struct bench {
    envelope_ctx *ctx;
    envelope_keyring *keyring;
    envelope_dek *dek;
    envelope_header *header;
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *evp;
    size_t chunks;
    uint8_t *plain;
    uint8_t *sealed;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench_chunks: %s failed\n", what);
        exit(1);
    }
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* what others do to the machine is not ours */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nonce_of(size_t chunk, uint8_t nonce[NONCE])
{
    memset(nonce, 0, NONCE);
    for (size_t i = 0; i < 8; i++) {
        nonce[NONCE - 1 - i] = (uint8_t)(chunk >> 8 * i);
    }
}

static bool evp_seal_chunk(struct bench *b, size_t i)
{
    uint8_t nonce[NONCE];
    uint8_t *out = b->sealed + i * ENVELOPE_SEALED_CHUNK;
    int n;
    nonce_of(i, nonce);
    return EVP_EncryptInit_ex2(b->evp, NULL, NULL, nonce, NULL) &&
           EVP_EncryptUpdate(b->evp, out, &n, b->plain + i * ENVELOPE_CHUNK, ENVELOPE_CHUNK) &&
           EVP_EncryptFinal_ex(b->evp, out + ENVELOPE_CHUNK, &n) &&
           EVP_CIPHER_CTX_ctrl(b->evp, EVP_CTRL_AEAD_GET_TAG, TAG, out + ENVELOPE_CHUNK);
}

static bool evp_open_chunk(struct bench *b, size_t i)
{
    uint8_t nonce[NONCE];
    uint8_t *in = b->sealed + i * ENVELOPE_SEALED_CHUNK;
    uint8_t *out = b->plain + i * ENVELOPE_CHUNK;
    int n;
    nonce_of(i, nonce);
    return EVP_DecryptInit_ex2(b->evp, NULL, NULL, nonce, NULL) &&
           EVP_CIPHER_CTX_ctrl(b->evp, EVP_CTRL_AEAD_SET_TAG, TAG, in + ENVELOPE_CHUNK) &&
           EVP_DecryptUpdate(b->evp, out, &n, in, ENVELOPE_CHUNK) &&
           EVP_DecryptFinal_ex(b->evp, out + ENVELOPE_CHUNK, &n);
}

enum { EVP, LIBRARY, SIDES };
enum { SEAL, OPEN, WAYS };

/* Payloads of the library's, for half a round: a chunk number is sealed once. */
struct payload {
    envelope_payload *seal;
    envelope_payload *open;
};

static void evp_span(struct bench *b, size_t first, size_t n, int way)
{
    for (size_t i = first; i < first + n; i++) {
        must(way == SEAL ? evp_seal_chunk(b, i) : evp_open_chunk(b, i), "EVP");
    }
}

static void library_span(struct bench *b, const struct payload *p, size_t first, size_t n, int way)
{
    uint8_t *plain = b->plain + first * ENVELOPE_CHUNK;
    uint8_t *sealed = b->sealed + first * ENVELOPE_SEALED_CHUNK;
    size_t plain_len = n * ENVELOPE_CHUNK;
    size_t sealed_len = n * ENVELOPE_SEALED_CHUNK;
    size_t len;
    int32_t last;
    must(!(way == SEAL ? envelope_payload_seal(p->seal, first, plain, plain_len, 0, sealed,
                                               sealed_len, &len, NULL)
                       : envelope_payload_open(p->open, first, sealed, sealed_len, plain, plain_len,
                                               &len, &last, NULL)),
         "a payload call");
}

/* One side seals a span and opens it again. */
static void time_span(struct bench *b, const struct payload *p, size_t first, int side,
                      double spent[WAYS])
{
    size_t n = b->chunks - first < SPAN ? b->chunks - first : SPAN;
    for (int way = 0; way < WAYS; way++) {
        double from = now();
        if (side == EVP) {
            evp_span(b, first, n, way);
        } else {
            library_span(b, p, first, n, way);
        }
        spent[way] += now() - from;
    }
}

/* Who comes second finds the buffers in the cache, so a round goes over them twice. */
static void time_half(struct bench *b, int half, double spent[SIDES][WAYS])
{
    struct payload p;
    uint8_t prefix[ENVELOPE_PREFIX];
    must(!envelope_payload_seal_new(b->header, b->dek, 0, prefix, &p.seal, NULL), "seal_new");
    must(!envelope_payload_open_new(b->header, b->dek, 0, prefix, &p.open, NULL), "open_new");
    for (size_t first = 0; first < b->chunks; first += SPAN) {
        for (int turn = 0; turn < SIDES; turn++) {
            int side = (turn + half) % SIDES;
            time_span(b, &p, first, side, spent[side]);
        }
    }
    envelope_payload_free(p.open);
    envelope_payload_free(p.seal);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, by_size);
    return times[ROUNDS / 2];
}

static void begin(struct bench *b, size_t mib)
{
    static const uint8_t key[32] = {1};
    b->chunks = mib * 1048576 / ENVELOPE_CHUNK;
    b->plain = malloc(b->chunks * ENVELOPE_CHUNK + TAG);
    b->sealed = malloc(b->chunks * ENVELOPE_SEALED_CHUNK);
    must(b->chunks && b->plain && b->sealed, "memory");
    for (size_t i = 0; i < b->chunks * ENVELOPE_CHUNK; i++) {
        b->plain[i] = (uint8_t)(i * 31 >> 3);
    }
    must(!envelope_ctx_new(NULL, &b->ctx, NULL), "ctx_new");
    must(!envelope_keyring_new(b->ctx, NULL, &b->keyring, NULL), "keyring_new");
    must(!envelope_keyring_add_password(b->keyring, "bench", "word", 4, ENVELOPE_USE_WRAP, NULL),
         "add_password");
    must(!envelope_dek_generate(b->ctx, &b->dek, NULL), "dek_generate");
    must(!envelope_header_new(b->keyring, b->dek, NULL, &b->header, NULL), "header_new");
    b->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    b->evp = EVP_CIPHER_CTX_new();
    must(b->gcm && b->evp && EVP_EncryptInit_ex2(b->evp, b->gcm, key, NULL, NULL), "EVP");
}

static void end(struct bench *b)
{
    EVP_CIPHER_CTX_free(b->evp);
    EVP_CIPHER_free(b->gcm);
    envelope_header_free(b->header);
    envelope_dek_free(b->dek);
    envelope_keyring_free(b->keyring);
    envelope_ctx_free(b->ctx);
    free(b->sealed);
    free(b->plain);
}

/* Medians over the rounds. */
struct result {
    double ratio;
    double library; /* seconds */
    double evp;
};

static void measure(struct bench *b, struct result result[WAYS])
{
    double times[WAYS][3][ROUNDS];
    for (int i = -1; i < ROUNDS; i++) { /* the first touches all memory, and is not counted */
        double spent[SIDES][WAYS] = {{0, 0}, {0, 0}};
        time_half(b, 0, spent);
        time_half(b, 1, spent);
        for (int way = 0; i >= 0 && way < WAYS; way++) {
            times[way][0][i] = spent[EVP][way] / spent[LIBRARY][way];
            times[way][1][i] = spent[LIBRARY][way];
            times[way][2][i] = spent[EVP][way];
        }
    }
    for (int way = 0; way < WAYS; way++) {
        result[way] =
            (struct result){median(times[way][0]), median(times[way][1]), median(times[way][2])};
    }
}

int main(int argc, char **argv)
{
    size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 64;
    double at_least = argc > 2 ? strtod(argv[2], NULL) : 0;
    struct result r[WAYS];
    struct bench b;
    begin(&b, mib);
    measure(&b, r);
    double gb = 2 * (double)(b.chunks * ENVELOPE_CHUNK) / 1e9;
    printf("chunks, %zu MiB, one thread: seal %.2f of EVP (%.2f of %.2f GB/s), open %.2f of EVP "
           "(%.2f of %.2f GB/s)\n",
           mib, r[SEAL].ratio, gb / r[SEAL].library, gb / r[SEAL].evp, r[OPEN].ratio,
           gb / r[OPEN].library, gb / r[OPEN].evp);
    end(&b);
    return r[SEAL].ratio < at_least || r[OPEN].ratio < at_least;
}

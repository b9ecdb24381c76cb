/* paper_stdio: the KMS on paper (tests/jobs) behind standard input and output, one message after
 * the other, for a responder that breaks off in between. First it writes a line: 32 bytes of 5a
 * wrapped for its key "1-priv" named vm, and the fingerprint of that, in hex. */
#include "failing.h"
#include "paper.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL = 1, ROOM = 1 << 20 };

static void put_hex(const uint8_t *p, size_t len, char end)
{
    for (size_t i = 0; i < len; i++) {
        printf("%02x", p[i]);
    }
    putchar(end);
}

static size_t request(uint8_t *in)
{
    if (fread(in, 1, 8, stdin) != 8) {
        return 0;
    }
    size_t len = (size_t)in[4] << 24 | (size_t)in[5] << 16 | (size_t)in[6] << 8 | in[7];
    return len <= ROOM - 8 && fread(in + 8, 1, len, stdin) == len ? len + 8 : 0;
}

int main(void)
{
    struct paper *p = calloc(1, sizeof *p);
    uint8_t *in = malloc(ROOM);
    uint8_t *out = malloc(ROOM);
    uint8_t dek[32];
    uint8_t wrapped[1024];
    uint8_t fingerprint[32];
    if (!p || !in || !out) {
        return 1;
    }
    envelope_ctx *ctx = test_ctx();
    paper_new(p, ctx);
    paper_pair(p, "1", "vm", POOL, 1000, true);
    memset(dek, 0x5a, sizeof dek);
    put_hex(wrapped, paper_wrap(p, POOL, ENVELOPE_RSA_OAEP_SHA256, dek, wrapped), ' ');
    paper_fingerprint(p, POOL, fingerprint);
    put_hex(fingerprint, sizeof fingerprint, '\n');
    fflush(stdout);
    for (size_t len = request(in); len; len = request(in)) {
        size_t n = paper_answer(p, in, len, out, ROOM);
        fwrite(out, 1, n, stdout);
        fflush(stdout);
    }
    envelope_ctx_free(ctx);
    free(p);
    free(in);
    free(out);
    return 0;
}

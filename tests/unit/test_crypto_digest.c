/* The known answers of docs/format.md, chapter "Notation": X over fixed secrets. */
#include "base/text.h"
#include "check_main.h"
#include "crypto/digest.h"
#include "crypto/siphash.h"
#include "failing.h"
#include <string.h>

static void fill(uint8_t *p, uint8_t first)
{
    for (int i = 0; i < 32; i++) {
        p[i] = (uint8_t)(first + i);
    }
}

static const uint8_t generation_2[4] = {0, 0, 0, 2};

/* X(key, label, parts) is the text */
static void expect_derived(const uint8_t *key, const char *label, const struct env_bytes *parts,
                           size_t count, const char *expected)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t out[32];
    char hex[65];
    ck_assert_int_eq(env_derive(ctx, key, label, parts, count, out, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, out, sizeof out), expected);
    envelope_ctx_free(ctx);
}

START_TEST(dek_derivations)
{
    uint8_t dek[32];
    fill(dek, 0);
    expect_derived(dek, "payload", NULL, 0,
                   "67d5d3dd533cb528aa3b9e0a3feb07e27226d727818f42b8f657e89d700c25f2");
    expect_derived(dek, "box", NULL, 0,
                   "295265ae6a8fd058922a4a6b845fbe83f7e9cc5f4ae8bd96e779f2b4691afc13");
    expect_derived(dek, "header", NULL, 0,
                   "360ebec8f3565d15dcf48c48b14e9123e51645997d3d2688d5c30394650fae8f");
    expect_derived(dek, "block hash", NULL, 0,
                   "ddfcd0d927ca5e3e35cfccd8aab1df4e82219f32128f676c32fd7411de0e08e2");
}
END_TEST

START_TEST(chain_derivations)
{
    uint8_t root[32];
    uint8_t secret[32];
    uint8_t chain_id[32];
    fill(root, 0x20);
    fill(secret, 0x60);
    const char *id = "a1a7e9ff37648771c7a29118710bf75b852743fc5818ef4814c5b955be842f8f";
    expect_derived(root, "chain id", NULL, 0, id);
    ck_assert(env_unhex(chain_id, sizeof chain_id, id));
    const struct env_bytes parts[] = {{chain_id, sizeof chain_id}, {generation_2, 4}};
    expect_derived(secret, "attest", parts, 2,
                   "1741449efc2b55069fbfdbb52da026563718937de3e185b820819d057169c8ba");
    expect_derived(secret, "block hash", parts, 2,
                   "2e5a991afa81c71bb6672a42ba5c7b2466a38152cac9e0f0f3a9bf8c0c86517c");
    expect_derived(secret, "pin", parts, 2,
                   "3f15fa69d315aaaa84970bfc59707c8ab735a2f4050227728a4af9be3a6faaf5");
}
END_TEST

/* Computed with Python's hashlib and hmac. */
START_TEST(labelled_hash_and_mac)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t key[32];
    uint8_t out[32];
    char hex[65];
    fill(key, 0);
    const struct env_bytes parts[] = {{"core", 4}, {"att", 3}};
    ck_assert_int_eq(env_hash(ctx, "link", parts, 2, out, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, out, sizeof out),
                     "bb01c605d84d31d3071dc475174b3f61236ef64449b71c3c7a3fcd2ea74fa040");
    ck_assert_int_eq(env_mac(ctx, key, "attest", parts, 2, out, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, out, sizeof out),
                     "98f21e97e8bafc17814444d52a72bf452b1b38fdcbd267c61b72f210b5ceef29");
    envelope_ctx_free(ctx);
}
END_TEST

START_TEST(expand_joins_its_parts)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t key[32];
    uint8_t out[76];
    char hex[153];
    fill(key, 0);
    const char *expected =
        "21be06b84e4a1a450b9816bcf09097117fd64481b944e72a3555a5d6a86528dc04bff3f17390e5939b56a6ae4c"
        "77f972b3f5abedc3242b9c8d3a0bfd23348eeb3a6d18659b2efe2530ea2a06";
    const struct env_bytes two[] = {{"info of ", 8}, {NULL, 0}, {"two parts", 9}};
    ck_assert_int_eq(env_hkdf_expand(ctx, key, 32, two, 3, out, sizeof out, NULL), ENVELOPE_OK);
    ck_assert_str_eq(env_hex(hex, out, sizeof out), expected);
    envelope_ctx_free(ctx);
}
END_TEST

/* Appendix A of the paper: key 00 01 .. 0f, 15 bytes 00 01 .. 0e. */
START_TEST(siphash)
{
    uint8_t key[16];
    uint8_t in[15];
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = i;
    }
    memcpy(in, key, sizeof in);
    ck_assert(env_siphash(key, in, sizeof in) == 0xa129ca6149be45e5u);
    key[15] ^= 1;
    ck_assert(env_siphash(key, in, sizeof in) != 0xa129ca6149be45e5u);
}
END_TEST

START_TEST(limits)
{
    envelope_ctx *ctx = test_ctx();
    uint8_t key[32] = {0};
    uint8_t out[64];
    static uint8_t longest[255 * 64 + 1];
    const struct env_bytes part = {"x", 1};
    const struct env_bytes five[5] = {part, part, part, part, part};
    ck_assert_int_eq(env_hmac_sha256(ctx, key, 0, &part, 1, out, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_derive(ctx, key, "label", five, 5, out, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_mac(ctx, key, "label", five, 5, out, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_hkdf_expand(ctx, key, 32, &part, 1, longest, sizeof longest - 1, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(env_hkdf_expand(ctx, key, 32, &part, 1, longest, sizeof longest, NULL),
                     ENVELOPE_E_INVALID);
    ck_assert_int_eq(env_hkdf_expand(ctx, key, 32, &part, 1, out, 0, NULL), ENVELOPE_E_INVALID);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {dek_derivations,
                                chain_derivations,
                                labelled_hash_and_mac,
                                expand_joins_its_parts,
                                siphash,
                                limits,
                                NULL};
    return suite_of("crypto digest", 20, all);
}

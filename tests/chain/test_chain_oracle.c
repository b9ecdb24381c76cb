/* T12 of crypto.md, section 8: 500 distinct invalid OAEP slots of every class, planted in metadata
 * that a host is made to open with a private key, and through a KMS. Status, text and audit trail
 * are those of one case. */
#include "chain_kit.h"
#include "crypto/rsa_key.h"
#include "format/crc32c.h"
#include "oaep_block.h"
#include "object/headers.h"
#include <stdlib.h>
#include <string.h>

enum { CASES = 500, K = 512, CLASSES = 10 };

struct verdict {
    envelope_status status;
    char text[512];
    char audit[8192];
};

static struct host h;
static struct test_kms kms;
static struct memory_store mem;
static struct memory_file *meta;
static size_t slot_at[2]; /* where the wrapped DEK stands in both copies */

/* A different value for every number: distinct ciphertexts in every class. */
static void spoil(int number, uint8_t c[K])
{
    const struct env_rsa_public *key = env_rsa_private_public(kms.pair[1]);
    const EVP_MD *md = EVP_sha256();
    uint8_t em[K];
    uint8_t masked[K];
    size_t n = (size_t)(number / CLASSES);
    oaep_block_compose(em, K, md, 32);
    em[1 + n % 32] = (uint8_t)(n + 1); /* seed */
    em[5] = (uint8_t)number;
    switch (number % CLASSES) {
    case 0: /* Y */
        em[0] = 1;
        break;
    case 1: /* lHash */
        em[33 + n % 32] ^= (uint8_t)(1 + n);
        break;
    case 2: /* a byte among the zeros */
        em[65 + n % 300] = (uint8_t)(2 + n);
        break;
    case 3: /* no 01 */
        em[K - 33] = 0;
        break;
    case 4: /* an earlier 01: a longer message */
        em[100 + n] = 1;
        break;
    case 5: /* another length */
        oaep_block_compose(em, K, md, n < 32 ? n : n + 1);
        em[1 + n % 32] = (uint8_t)(n + 1);
        break;
    case 6: /* another byte in the place of the 01 */
        em[K - 33] = (uint8_t)(2 + n);
        break;
    case 7: /* well formed, another DEK */
        em[K - 1 - n % 32] ^= (uint8_t)(1 + n);
        break;
    case 8: /* the modulus and above: no ciphertext at all */
        memset(c, 0xff, K);
        c[K - 1] = (uint8_t)number;
        c[K - 2] = (uint8_t)(number >> 8);
        return;
    default: /* garbage */
        fill_bytes(c, (uint64_t)number, K);
        c[0] = 0;
        return;
    }
    oaep_block_mask(masked, em, K, md);
    oaep_block_encrypt(key, masked, K, c);
}

static void plant(const uint8_t c[K])
{
    for (int copy = 0; copy < 2; copy++) {
        uint8_t *start = meta->data + copy * 16384;
        memcpy(meta->data + slot_at[copy], c, K);
        uint32_t crc = env_crc32c(start, 16380);
        for (int i = 0; i < 4; i++) {
            start[16380 + i] = (uint8_t)(crc >> (8 * (3 - i)));
        }
    }
}

static void look(struct verdict *v)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_store *store = memory_store_open(h.ctx, &mem);
    envelope_keyring *ring = host_keyring(&h);
    envelope_chain_options o = {.size = sizeof o};
    envelope_chain *chain;
    memset(v, 0, sizeof *v);
    h.events = 0;
    v->status = envelope_chain_open(store, ring, &o, &chain, &err);
    strcpy(v->text, err.message);
    for (size_t i = 0; i < h.events; i++) {
        size_t used = strlen(v->audit);
        snprintf(v->audit + used, sizeof v->audit - used, "%d %d %s %s\n", h.event[i].kind,
                 h.event[i].status, h.event[i].object, h.event[i].message);
    }
    envelope_chain_free(chain);
    envelope_keyring_free(ring);
    envelope_store_free(store);
}

static envelope_status read_meta(void *user, uint64_t offset, void *buf, size_t len,
                                 envelope_error *err)
{
    (void)user;
    (void)err;
    memcpy(buf, meta->data + offset, len);
    return ENVELOPE_OK;
}

static void find_slot(void)
{
    struct env_headers *headers;
    ck_assert(!env_headers_read(h.ctx, read_meta, NULL, meta->len, &headers, NULL));
    ck_assert_uint_eq(headers->slots[0]->count, 1);
    const struct env_slot *slot = &headers->slots[0]->slot[0];
    ck_assert_uint_eq(slot->wrapped_len, K);
    for (int copy = 0; copy < 2; copy++) {
        uint8_t *hit = memmem(meta->data + copy * 16384, 16384, slot->wrapped, K);
        ck_assert_ptr_nonnull(hit);
        slot_at[copy] = (size_t)(hit - meta->data);
    }
    env_headers_free(headers);
}

START_TEST(t12_no_oracle)
{
    struct verdict first;
    struct verdict v;
    uint8_t c[K];
    memset(&kms, 0, sizeof kms);
    memset(&mem, 0, sizeof mem);
    host_begin(&h, &kms, 1, 1);
    envelope_chain_free(host_create(&h, &mem, "vm"));
    remove_all(&mem, "-keys-");
    meta = memory_next(&mem, "/meta/", &(size_t){0});
    find_slot();
    if (_i == 0) {
        h.no_kms = true;
        h.private_key = 1;
    }
    look(&v);
    ck_assert_int_eq(v.status, ENVELOPE_OK); /* undamaged: the control */
    for (int number = 0; number < CASES; number++) {
        spoil(number, c);
        plant(c);
        look(number ? &v : &first);
        if (number) {
            ck_assert_int_eq(v.status, first.status);
            ck_assert_str_eq(v.text, first.text);
            ck_assert_str_eq(v.audit, first.audit);
        }
    }
    ck_assert_int_eq(first.status, ENVELOPE_E_AUTH);
    ck_assert_uint_gt(strlen(first.audit), 10);
    tap_note("%d slots of %d classes: %s", CASES, CLASSES, first.text);
    host_end(&h);
    memory_store_clear(&mem);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_oracle");
    TCase *t = tcase_create("oracle");
    tcase_set_timeout(t, 600);
    tcase_add_loop_test(t, t12_no_oracle, 0, 2);
    suite_add_tcase(s, t);
    return s;
}

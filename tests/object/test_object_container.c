/* The header of a foreign container through the public API. */
#include "check_main.h"
#include "failing.h"
#include "fake_kms.h"
#include "object_kit.h"
#include <stdlib.h>
#include <string.h>

struct scene {
    envelope_ctx *ctx;
    envelope_dek *dek;
    envelope_keyring *wrap;
    envelope_keyring *open;
    envelope_header *header;
};

static const char context[] = "vm-42/disk-0";
static const char sealed[] = "{\"guest\":\"db01\"}";
static const char password[] = "correct horse";

static envelope_header_options about(void)
{
    return (envelope_header_options){.size = sizeof(envelope_header_options),
                                     .context = context,
                                     .context_len = strlen(context),
                                     .sealed = sealed,
                                     .sealed_len = strlen(sealed)};
}

static struct scene begin_in(envelope_ctx *ctx)
{
    struct scene s = {.ctx = ctx};
    s.dek = kit_dek(s.ctx);
    s.wrap = kit_escrow(s.ctx, KIT_KEY);
    s.open = kit_keyring(s.ctx, KIT_KEY);
    const envelope_header_options o = about();
    ck_assert_int_eq(envelope_header_new(s.wrap, s.dek, &o, &s.header, NULL), ENVELOPE_OK);
    return s;
}

static struct scene begin(void)
{
    return begin_in(test_ctx());
}

static void end(struct scene *s)
{
    envelope_header_free(s->header);
    envelope_keyring_free(s->open);
    envelope_keyring_free(s->wrap);
    envelope_dek_free(s->dek);
    envelope_ctx_free(s->ctx);
}

static envelope_header *parse_again(struct scene *s, const envelope_header *header)
{
    size_t len;
    const void *bytes = envelope_header_bytes(header, &len);
    envelope_header *again;
    ck_assert_int_eq(envelope_header_parse(s->ctx, bytes, len, &again, NULL), ENVELOPE_OK);
    return again;
}

static void expect_sealed(const envelope_header *header, const envelope_dek *dek)
{
    char buf[64];
    size_t len;
    ck_assert_int_eq(envelope_header_sealed(header, dek, buf, sizeof buf, &len, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(len, strlen(sealed));
    ck_assert_mem_eq(buf, sealed, len);
}

static void expect_opens(struct scene *s, const envelope_header *header, envelope_keyring *keyring,
                         size_t slot)
{
    envelope_dek *dek;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_msg(!envelope_header_open(header, keyring, slot, &dek, &err), "%s", err.message);
    ck_assert_mem_eq(envelope_dek_reveal(dek), envelope_dek_reveal(s->dek), 32);
    expect_sealed(header, dek);
    envelope_dek_free(dek);
}

START_TEST(round_trip)
{
    struct scene s = begin();
    envelope_header *h = parse_again(&s, s.header);
    size_t len;
    const void *p = envelope_header_context(h, &len);
    ck_assert_uint_eq(len, strlen(context));
    ck_assert_mem_eq(p, context, len);
    ck_assert_uint_eq(envelope_header_slot_count(h), 1);
    const envelope_slot *slot = envelope_header_slot(h, 0);
    ck_assert_uint_eq(slot->size, sizeof *slot);
    ck_assert_int_eq(slot->algorithm, ENVELOPE_RSA_OAEP_SHA256);
    ck_assert_uint_eq(slot->wrapped_len, 512);
    ck_assert_str_eq(slot->key->key_name, "board");
    ck_assert_ptr_null(slot->key->kms_id);
    ck_assert_ptr_null(envelope_header_slot(h, 1));
    expect_opens(&s, h, s.open, ENVELOPE_ANY_SLOT);
    expect_opens(&s, h, s.open, 0);
    ck_assert_int_eq(envelope_header_verify(h, s.dek, NULL), ENVELOPE_OK);
    envelope_header_free(h);
    end(&s);
}
END_TEST

START_TEST(empty)
{
    struct scene s = begin();
    envelope_header *h;
    ck_assert_int_eq(envelope_header_new(s.wrap, s.dek, NULL, &h, NULL), ENVELOPE_OK);
    size_t len = 9;
    (void)envelope_header_context(h, &len);
    ck_assert_uint_eq(len, 0);
    len = 9;
    ck_assert_int_eq(envelope_header_sealed(h, s.dek, NULL, 0, &len, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(len, 0);
    envelope_header_free(h);
    end(&s);
}
END_TEST

START_TEST(largest)
{
    struct scene s = begin();
    uint8_t *data = kit_data(8193);
    envelope_header_options o = {
        .size = sizeof o, .context = data, .context_len = 1024, .sealed = data, .sealed_len = 8192};
    envelope_header *h;
    ck_assert_int_eq(envelope_header_new(s.wrap, s.dek, &o, &h, NULL), ENVELOPE_OK);
    envelope_header *again = parse_again(&s, h);
    uint8_t *buf = malloc(8192);
    size_t len;
    ck_assert_ptr_nonnull(buf);
    ck_assert_int_eq(envelope_header_sealed(again, s.dek, buf, 8191, &len, NULL), ENVELOPE_E_RANGE);
    ck_assert_uint_eq(len, 8192);
    ck_assert_int_eq(envelope_header_sealed(again, s.dek, buf, 8192, &len, NULL), ENVELOPE_OK);
    ck_assert(memcmp(buf, data, 8192) == 0);
    free(buf);
    envelope_header_free(again);
    envelope_header_free(h);
    o.context_len = 1025;
    ck_assert_int_eq(envelope_header_new(s.wrap, s.dek, &o, &h, NULL), ENVELOPE_E_LIMIT);
    ck_assert_ptr_null(h);
    o.context_len = 0;
    o.sealed_len = 8193;
    ck_assert_int_eq(envelope_header_new(s.wrap, s.dek, &o, &h, NULL), ENVELOPE_E_LIMIT);
    o = (envelope_header_options){.size = sizeof o, .context_len = 1};
    ck_assert_int_eq(envelope_header_new(s.wrap, s.dek, &o, &h, NULL), ENVELOPE_E_INVALID);
    free(data);
    end(&s);
}
END_TEST

START_TEST(wrong_keys)
{
    struct scene s = begin();
    envelope_dek *other = kit_dek(s.ctx);
    envelope_keyring *stranger = kit_keyring(s.ctx, KIT_OTHER_KEY);
    envelope_dek *dek;
    char buf[64];
    size_t len;
    ck_assert_int_eq(envelope_header_verify(s.header, other, NULL), ENVELOPE_E_AUTH);
    ck_assert_int_eq(envelope_header_sealed(s.header, other, buf, sizeof buf, &len, NULL),
                     ENVELOPE_E_AUTH);
    ck_assert_int_eq(envelope_header_open(s.header, stranger, ENVELOPE_ANY_SLOT, &dek, NULL),
                     ENVELOPE_E_NO_KEY);
    ck_assert_ptr_null(dek);
    ck_assert_int_eq(envelope_header_open(s.header, s.open, 1, &dek, NULL), ENVELOPE_E_INVALID);
    envelope_header *h;
    ck_assert_int_eq(envelope_header_rewrap(s.header, other, s.wrap, &h, NULL), ENVELOPE_E_AUTH);
    ck_assert_ptr_null(h);
    envelope_keyring_free(stranger);
    envelope_dek_free(other);
    end(&s);
}
END_TEST

/* Slots made anew: same object id, context, sealed bytes and payloads; the old key is out. */
START_TEST(rewrap)
{
    struct scene s = begin();
    uint8_t prefix[ENVELOPE_PREFIX];
    envelope_payload *p;
    ck_assert_int_eq(envelope_payload_seal_new(s.header, s.dek, 0, prefix, &p, NULL), ENVELOPE_OK);
    envelope_payload_free(p);
    envelope_keyring *wrap = kit_escrow(s.ctx, KIT_OTHER_KEY);
    envelope_keyring *open = kit_keyring(s.ctx, KIT_OTHER_KEY);
    ck_assert_int_eq(envelope_keyring_add_password(wrap, "ops", password, strlen(password),
                                                   ENVELOPE_USE_WRAP, NULL),
                     ENVELOPE_OK);
    envelope_header *made;
    ck_assert_int_eq(envelope_header_rewrap(s.header, s.dek, wrap, &made, NULL), ENVELOPE_OK);
    envelope_header *h = parse_again(&s, made);
    ck_assert_uint_eq(envelope_header_slot_count(h), 2);
    expect_opens(&s, h, open, ENVELOPE_ANY_SLOT);
    envelope_dek *dek;
    ck_assert_int_eq(envelope_header_open(h, s.open, ENVELOPE_ANY_SLOT, &dek, NULL),
                     ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(envelope_payload_open_new(h, s.dek, 0, prefix, &p, NULL), ENVELOPE_OK);
    envelope_payload_free(p);
    envelope_keyring *ops;
    ck_assert_int_eq(envelope_keyring_new(s.ctx, NULL, &ops, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_password(ops, "ops", password, strlen(password),
                                                   ENVELOPE_USE_UNWRAP, NULL),
                     ENVELOPE_OK);
    expect_opens(&s, h, ops, ENVELOPE_ANY_SLOT);
    envelope_keyring_free(ops);
    envelope_header_free(h);
    envelope_header_free(made);
    envelope_keyring_free(open);
    envelope_keyring_free(wrap);
    end(&s);
}
END_TEST

/* Every bit; without the CRC mended nothing parses, with it nothing verifies or opens. */
static void flip_bits(bool mend)
{
    struct scene s = begin();
    size_t len;
    const void *bytes = envelope_header_bytes(s.header, &len);
    uint8_t *copy = malloc(len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    long parsed = 0;
    for (size_t bit = 0; bit < 8 * (len - (mend ? 4 : 0)); bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (mend) {
            kit_mend_crc(copy, len);
        }
        envelope_header *h = NULL;
        envelope_status st = envelope_header_parse(s.ctx, copy, len, &h, NULL);
        ck_assert(!st || st == ENVELOPE_E_FORMAT || (mend && st == ENVELOPE_E_UNSUPPORTED));
        if (h) {
            parsed++;
            ck_assert_int_eq(envelope_header_verify(h, s.dek, NULL), ENVELOPE_E_AUTH);
        }
        envelope_header_free(h);
        memcpy(copy, bytes, len);
    }
    ck_assert(mend ? parsed > 1000 : parsed == 0);
    free(copy);
    end(&s);
}

START_TEST(flipped)
{
    flip_bits(_i);
}
END_TEST

/* A forged header costs its slots, and gives nothing: E_AUTH whatever was altered. */
START_TEST(flipped_opens_nothing)
{
    struct scene s = begin();
    size_t len;
    const void *bytes = envelope_header_bytes(s.header, &len);
    uint8_t *copy = malloc(len);
    ck_assert_ptr_nonnull(copy);
    for (size_t at = 56; at < len - 4; at += 13) {
        memcpy(copy, bytes, len);
        copy[at] ^= 1;
        kit_mend_crc(copy, len);
        envelope_header *h;
        if (envelope_header_parse(s.ctx, copy, len, &h, NULL)) {
            continue;
        }
        envelope_dek *dek;
        envelope_status st = envelope_header_open(h, s.open, ENVELOPE_ANY_SLOT, &dek, NULL);
        ck_assert(st == ENVELOPE_E_AUTH || st == ENVELOPE_E_NO_KEY); /* the fingerprint's bytes */
        ck_assert_ptr_null(dek);
        envelope_header_free(h);
    }
    free(copy);
    end(&s);
}
END_TEST

START_TEST(cut)
{
    struct scene s = begin();
    size_t len;
    const void *bytes = envelope_header_bytes(s.header, &len);
    uint8_t *longer = calloc(1, len + 1);
    ck_assert_ptr_nonnull(longer);
    memcpy(longer, bytes, len);
    envelope_header *h;
    for (size_t n = 0; n < len; n++) {
        ck_assert_int_eq(envelope_header_parse(s.ctx, longer, n, &h, NULL), ENVELOPE_E_FORMAT);
        ck_assert_ptr_null(h);
    }
    ck_assert_int_eq(envelope_header_parse(s.ctx, longer, len + 1, &h, NULL), ENVELOPE_E_FORMAT);
    ck_assert_int_eq(envelope_header_parse(s.ctx, NULL, 1, &h, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_header_parse(NULL, longer, len, &h, NULL), ENVELOPE_E_INVALID);
    free(longer);
    end(&s);
}
END_TEST

/* Objects of a chain are refused before any slot is tried. */
START_TEST(of_a_chain)
{
    struct scene s = begin();
    const struct kit_plan plan = kit_plan(s.ctx, s.dek);
    struct memory m = kit_object(s.ctx, &plan, "x", 1);
    envelope_header *h;
    ck_assert_int_eq(envelope_header_parse(s.ctx, m.p, 16384, &h, NULL), ENVELOPE_E_FORMAT);
    m.p[10] = 0; /* role foreign */
    kit_mend_crc(m.p, 16384);
    ck_assert_int_eq(envelope_header_parse(s.ctx, m.p, 16384, &h, NULL), ENVELOPE_E_FORMAT);
    ck_assert_ptr_null(h);
    memory_free(&m);
    end(&s);
}
END_TEST

START_TEST(no_recipient)
{
    struct scene s = begin();
    envelope_header *h;
    ck_assert_int_eq(envelope_header_new(s.open, s.dek, NULL, &h, NULL), ENVELOPE_E_INVALID);
    ck_assert_ptr_null(h);
    ck_assert_int_eq(envelope_header_new(NULL, s.dek, NULL, &h, NULL), ENVELOPE_E_INVALID);
    ck_assert_int_eq(envelope_header_new(s.wrap, NULL, NULL, &h, NULL), ENVELOPE_E_INVALID);
    end(&s);
}
END_TEST

static envelope_keyring *at_kms(envelope_ctx *ctx, struct fake_kms *fake, uint32_t use)
{
    envelope_kms *kms = fake_kms_new(fake);
    envelope_keyring *keyring;
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, &keyring, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(keyring, "lab", kms, use, 0, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(keyring, "lab", "vm", NULL), ENVELOPE_OK);
    envelope_kms_free(kms);
    return keyring;
}

enum { BOTH_WAYS = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP };

/* The provider's number of a version, or 1 where it gives none; after a rotation the new one. */
START_TEST(versions)
{
    struct scene s = begin();
    struct fake_kms fake = {.ctx = s.ctx};
    fake_kms_add(&fake, "vm", _i ? 7 : 0, KIT_KEY);
    envelope_keyring *keyring = at_kms(s.ctx, &fake, BOTH_WAYS);
    envelope_header *h;
    envelope_header *newer;
    ck_assert_int_eq(envelope_header_new(keyring, s.dek, NULL, &h, NULL), ENVELOPE_OK);
    ck_assert_int_eq(fake.newest_calls, 1);
    ck_assert_int_eq(fake.unwrap_calls, 1); /* possession: a value of our own, not the DEK */
    ck_assert_uint_eq(envelope_header_slot(h, 0)->key->version, _i ? 7 : 1);
    ck_assert_str_eq(envelope_header_slot(h, 0)->key->kms_id, "lab");
    fake_kms_add(&fake, "vm", 8, KIT_OTHER_KEY);
    ck_assert_int_eq(envelope_header_rewrap(h, s.dek, keyring, &newer, NULL), ENVELOPE_OK);
    ck_assert_str_eq(envelope_header_slot(newer, 0)->key->key_id, "vm-8");
    envelope_dek *dek;
    ck_assert_int_eq(envelope_header_open(newer, keyring, ENVELOPE_ANY_SLOT, &dek, NULL),
                     ENVELOPE_OK);
    ck_assert_mem_eq(envelope_dek_reveal(dek), envelope_dek_reveal(s.dek), 32);
    envelope_dek_free(dek);
    envelope_header_free(newer);
    envelope_header_free(h);
    envelope_keyring_free(keyring);
    fake_kms_done(&fake);
    end(&s);
}
END_TEST

/* Nothing is sealed for a key that the KMS does not hold; who may not unwrap cannot ask. */
START_TEST(possession)
{
    static const envelope_status answer[] = {ENVELOPE_E_AUTH, ENVELOPE_E_KMS_UNREACHED};
    static const envelope_status expected[] = {ENVELOPE_E_REFUSED, ENVELOPE_E_KMS_UNREACHED};
    struct scene s = begin();
    struct fake_kms fake = {.ctx = s.ctx, .unwrap_status = answer[_i], .said = "no"};
    fake_kms_add(&fake, "vm", 1, KIT_KEY);
    envelope_keyring *keyring = at_kms(s.ctx, &fake, BOTH_WAYS);
    envelope_header *h;
    ck_assert_int_eq(envelope_header_new(keyring, s.dek, NULL, &h, NULL), expected[_i]);
    ck_assert_ptr_null(h);
    ck_assert_int_eq(envelope_header_rewrap(s.header, s.dek, keyring, &h, NULL), expected[_i]);
    ck_assert_ptr_null(h);
    envelope_keyring_free(keyring);
    fake.unwrap_calls = 0;
    keyring = at_kms(s.ctx, &fake, ENVELOPE_USE_WRAP);
    ck_assert_int_eq(envelope_header_new(keyring, s.dek, NULL, &h, NULL), ENVELOPE_OK);
    ck_assert_int_eq(fake.unwrap_calls, 0);
    envelope_header_free(h);
    envelope_keyring_free(keyring);
    fake_kms_done(&fake);
    end(&s);
}
END_TEST

static envelope_status all_calls(struct scene *s)
{
    const envelope_header_options o = about();
    envelope_header *h = NULL;
    envelope_header *again = NULL;
    envelope_dek *dek = NULL;
    char buf[64];
    size_t len;
    envelope_status st = envelope_header_new(s->wrap, s->dek, &o, &h, NULL);
    st = st ? st : envelope_header_rewrap(h, s->dek, s->wrap, &again, NULL);
    st = st ? st : envelope_header_open(again, s->open, ENVELOPE_ANY_SLOT, &dek, NULL);
    st = st ? st : envelope_header_sealed(again, dek, buf, sizeof buf, &len, NULL);
    envelope_dek_free(dek);
    envelope_header_free(again);
    envelope_header_free(h);
    return st;
}

START_TEST(no_memory)
{
    struct failing f = {0};
    envelope_ctx_options options = failing_options(&f);
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    struct scene s = begin_in(ctx);
    long before = f.live;
    long failed = 0;
    for (long n = 1; n < 400; n++) {
        f.calls = 0;
        f.fail_at = n;
        envelope_status st = all_calls(&s);
        long calls = f.calls;
        f.fail_at = 0;
        ck_assert(st == ENVELOPE_E_NOMEM || (!st && calls < n));
        failed += st == ENVELOPE_E_NOMEM;
        ck_assert_int_eq(f.live, before);
        if (!st) {
            break;
        }
    }
    ck_assert_int_gt(failed, 20);
    ck_assert_int_lt(failed, 390);
    end(&s);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_container");
    TCase *t = tcase_create("container");
    tcase_set_timeout(t, 120);
    tcase_add_test(t, round_trip);
    tcase_add_test(t, empty);
    tcase_add_test(t, largest);
    tcase_add_test(t, wrong_keys);
    tcase_add_test(t, rewrap);
    tcase_add_loop_test(t, flipped, 0, 2);
    tcase_add_test(t, flipped_opens_nothing);
    tcase_add_test(t, cut);
    tcase_add_test(t, of_a_chain);
    tcase_add_test(t, no_recipient);
    tcase_add_loop_test(t, versions, 0, 2);
    tcase_add_loop_test(t, possession, 0, 2);
    tcase_add_test(t, no_memory);
    suite_add_tcase(s, t);
    return s;
}

/* An old full point of a disk, rewritten under its own DEK by whoever once had a key: what stands
 * on it after the rotation does not restore his bytes, it says which block is not the one that was
 * backed up (T7, T18). */
#include "attacker.h"
#include "chain/chain.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "object/tag.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 16, LEN = 5 * BLOCK, FRONT = 2 * 16384, HIS_BLOCK = 2 };

static struct test_kms kms;
static struct memory_store mem;
static struct host h;
static uint8_t disk[LEN];

static void back_up_disk(envelope_chain *chain)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_point_options o = {.size = sizeof o, .content = ENVELOPE_IMAGE};
    envelope_writer *w;
    uint64_t number;
    MUST(envelope_writer_new(chain, &o, &w, &err));
    MUST(envelope_writer_write(w, disk, LEN, &err));
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
}

/* A full under version 1; a point after the rotation, of which no block is stored anew. */
static void setup(void)
{
    memset(&kms, 0, sizeof kms);
    memset(&mem, 0, sizeof mem);
    fill_bytes(disk, 7, LEN);
    host_begin(&h, &kms, 1, 2);
    h.keeps = true;
    kms.newest = 1;
    envelope_chain *chain = host_create(&h, &mem, "vm");
    back_up_disk(chain);
    kms.newest = 2;
    back_up_disk(chain);
    envelope_chain_free(chain);
    h.events = 0;
}

static void teardown(void)
{
    host_end(&h);
    memory_store_clear(&mem);
}

static void change_chunk(struct env_chunked *payload, struct memory_file *f, uint64_t number)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint8_t plain[ENV_CHUNK_BYTES];
    uint8_t *sealed = f->data + FRONT + ENV_PREFIX_BYTES + number * ENV_SEALED_CHUNK_BYTES;
    MUST(env_chunked_open(payload, number, sealed, ENV_SEALED_CHUNK_BYTES, plain, &err));
    ck_assert_mem_eq(plain, disk + number * ENV_CHUNK_BYTES, sizeof plain);
    plain[5] ^= 1;
    MUST(env_chunked_seal(payload, number, plain, sizeof plain, sealed, &err));
}

/* With what version 1 opens, and nothing else; headers stay as they are. */
static void rewrite_full(void)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const int pool[] = {1, 0};
    struct attacker a;
    envelope_dek *dek;
    uint8_t key[32];
    uint8_t id[ENV_ID_SHORT_BYTES];
    struct env_chunked *payload;
    attacker_begin(&a, pool, NULL);
    attacker_learn(&a, &mem);
    ck_assert_ptr_nonnull(a.newest);
    MUST(env_row_dek(a.newest, 0, &dek, &err));
    MUST(env_key_payload(a.ctx, env_dek_key(dek), key, &err));
    env_row_id(&a.newest->rows[0], a.chain_id, id);
    const struct env_bytes context = ENV_BYTES(id, sizeof id);
    struct memory_file *f = memory_next(&mem, "-full-", &(size_t){0});
    MUST(env_chunked_open_prefix(a.ctx, key, "payload", &context, 1, f->data + FRONT, 1, &payload,
                                 &err));
    change_chunk(payload, f, HIS_BLOCK * (BLOCK / ENV_CHUNK_BYTES) + 1);
    env_chunked_free(payload);
    envelope_dek_free(dek);
    attacker_end(&a);
}

static void names_the_block(envelope_chain *chain)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    static uint8_t buf[LEN];
    envelope_reader *r;
    size_t got;
    MUST(envelope_reader_new(chain, 2, &r, &err));
    MUST(envelope_reader_pread(r, 0, buf, HIS_BLOCK * BLOCK, &got, &err));
    ck_assert_mem_eq(buf, disk, HIS_BLOCK * BLOCK);
    ck_assert_int_eq(envelope_reader_pread(r, 0, buf, LEN, &got, &err), ENVELOPE_E_AUTH);
    ck_assert_msg(strstr(err.message, "131072") != NULL, "%s", err.message);
    /* a part of the block that he did not touch */
    ck_assert_int_eq(envelope_reader_pread(r, HIS_BLOCK * BLOCK, buf, 100, &got, &err),
                     ENVELOPE_E_AUTH);
    MUST(envelope_reader_pread(r, (HIS_BLOCK + 1) * BLOCK, buf, 2 * BLOCK, &got, &err));
    ck_assert_mem_eq(buf, disk + (HIS_BLOCK + 1) * BLOCK, 2 * BLOCK);
    envelope_reader_free(r);
}

START_TEST(t7_with_metadata)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    rewrite_full();
    envelope_chain *chain = host_open(&h, &mem, NULL);
    names_the_block(chain);
    const envelope_verify_options o = {.size = sizeof o, .point = 2};
    ck_assert_int_eq(envelope_chain_verify(chain, &o, &err), ENVELOPE_E_AUTH);
    ck_assert_msg(strstr(err.message, "block: byte 131072") != NULL, "%s", err.message);
    envelope_chain_free(chain);
}
END_TEST

START_TEST(t18_point_and_key_alone)
{
    struct test_kms none = {0};
    struct host fresh;
    rewrite_full();
    remove_all(&mem, "/meta/");
    remove_all(&mem, "-keys-");
    host_begin(&fresh, &none, 2, 1);
    fresh.no_kms = true;
    fresh.private_key = 2;
    envelope_chain *chain = host_open(&fresh, &mem, NULL);
    names_the_block(chain);
    envelope_chain_free(chain);
    host_end(&fresh);
}
END_TEST

/* The next backup compares with the hashes of its parent, not with the bytes that lie there: what
 * he wrote is neither believed nor carried on. */
START_TEST(the_next_backup_does_not_carry_it_on)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    rewrite_full();
    envelope_chain *chain = host_open(&h, &mem, NULL);
    back_up_disk(chain);
    const envelope_verify_options o = {.size = sizeof o, .point = 3};
    ck_assert_int_eq(envelope_chain_verify(chain, &o, &err), ENVELOPE_E_AUTH);
    const envelope_point_options full = {
        .size = sizeof full, .kind = ENVELOPE_FULL, .content = ENVELOPE_IMAGE};
    envelope_writer *w;
    uint64_t number;
    MUST(envelope_writer_new(chain, &full, &w, &err));
    MUST(envelope_writer_write(w, disk, LEN, &err));
    MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    const envelope_verify_options last = {.size = sizeof last, .point = number};
    MUST(envelope_chain_verify(chain, &last, &err));
    envelope_chain_free(chain);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("rewritten");
    TCase *tc = tcase_create("rewritten");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, t7_with_metadata);
    tcase_add_test(tc, t18_point_and_key_alone);
    tcase_add_test(tc, the_next_backup_does_not_carry_it_on);
    suite_add_tcase(s, tc);
    return s;
}

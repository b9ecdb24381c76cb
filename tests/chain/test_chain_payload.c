/* Metadata made by hand, under the DEK and the slots of metadata that is there: each rule of its
 * payload broken in turn (crypto.md 4.6; storage.md, section 4). And how it lies in memory. */
#include "chain/chain.h"
#include "chain/generation.h"
#include "chain/newest.h"
#include "chain_kit.h"
#include "format/footer.h"
#include "object/writer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memory_store mem;
static struct test_kms kms;
static struct host h;

/* What is other than it should be. */
struct forged {
    bool old_generation; /* of ID, and ATT under its key */
    bool other_serial;
    bool other_root;
    bool wrong_att;
    size_t before_rows; /* bytes that belong to no part */
    size_t before_strings;
    size_t before_footer;
    bool begun_before_ended;
    envelope_status want;
};

static const struct forged cases[] = {
    {.want = ENVELOPE_OK},
    {.old_generation = true, .want = ENVELOPE_E_AUTH},
    {.other_root = true, .want = ENVELOPE_E_AUTH},
    {.wrong_att = true, .want = ENVELOPE_E_AUTH},
    {.other_serial = true, .want = ENVELOPE_E_FORMAT},
    {.before_rows = 3, .want = ENVELOPE_E_FORMAT},
    {.before_strings = 3, .want = ENVELOPE_E_FORMAT},
    {.before_footer = 3, .want = ENVELOPE_E_FORMAT},
    {.begun_before_ended = true, .want = ENVELOPE_E_FORMAT},
};

struct growing {
    uint8_t *p;
    size_t len;
};

static envelope_status grow(void *user, const void *data, size_t len, envelope_error *err)
{
    struct growing *g = user;
    (void)err;
    g->p = realloc(g->p, g->len + len);
    memcpy(g->p + g->len, data, len);
    g->len += len;
    return ENVELOPE_OK;
}

static void put(struct env_object_writer *w, const void *data, size_t len)
{
    ck_assert(!env_object_append(w, data, len, NULL));
}

static void put_u32(struct env_object_writer *w, size_t value)
{
    const uint8_t raw[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                            (uint8_t)value};
    put(w, raw, sizeof raw);
}

static void put_secrets(const struct env_catalogue *c, const struct forged *what,
                        struct env_object_writer *w)
{
    uint8_t *secrets;
    ck_assert(!env_catalogue_secrets(c, &secrets, NULL));
    secrets[0] ^= what->other_root;
    put_u32(w, c->secrets_len);
    put(w, secrets, c->secrets_len);
    env_secret_free(c->ctx, secrets, c->secrets_len);
}

static void put_parts(const struct env_catalogue *c, const struct forged *what,
                      struct env_object_writer *w)
{
    static const uint8_t gap[8];
    uint8_t raw[ENV_ROW_BYTES];
    uint8_t footer[ENV_FOOTER_BYTES];
    uint8_t *head;
    size_t len;
    struct env_footer f = {.begun_ms = 5, .ended_ms = 5 + what->begun_before_ended};
    put_secrets(c, what, w);
    ck_assert(!env_head_encode(c->ctx, &c->head, &head, &len, NULL));
    put_u32(w, len);
    put(w, head, len);
    env_free(c->ctx, head);
    put(w, gap, what->before_rows);
    f.table_at = env_object_appended(w);
    f.table_count = c->row_count;
    for (size_t i = 0; i < c->row_count; i++) {
        env_row_put(&c->rows[i], raw);
        ck_assert(!env_catalogue_dek(c, i, raw + ENV_ROW_DEK_AT, NULL));
        put(w, raw, sizeof raw);
    }
    put(w, gap, what->before_strings);
    f.second_at = env_object_appended(w);
    f.second_count = c->strings_len;
    put(w, c->strings, c->strings_len);
    put(w, gap, what->before_footer);
    env_footer_put(&f, footer);
    put(w, footer, sizeof footer);
}

/* Under the id that his root gives, so that ATT verifies with what SECRETS hold. */
static void attest_key(envelope_chain *chain, const struct forged *what, uint32_t generation,
                       uint8_t ak[32])
{
    const struct env_catalogue *c = chain->catalogue;
    uint8_t root[32];
    uint8_t chain_id[ENV_CHAIN_ID_BYTES];
    bool found;
    ck_assert(!env_catalogue_root(c, root, NULL));
    root[0] ^= what->other_root;
    ck_assert(!env_chain_id_of(c->ctx, root, chain_id, NULL));
    ck_assert(!env_catalogue_generation_key(c, generation, "attest", chain_id, ak, &found, NULL));
    ck_assert(found);
    ak[0] ^= what->wrong_att;
}

static const char *seal(envelope_chain *chain, const struct forged *what)
{
    static char name[300];
    static const uint8_t zeros[32];
    envelope_error err = ENVELOPE_ERROR_INIT;
    const struct env_catalogue *c = chain->catalogue;
    struct growing g = {NULL, 0};
    struct env_object_writer *w;
    struct env_id id = c->id;
    uint8_t ak[32];
    uint64_t bytes;
    id.number++;
    memcpy(id.parent, c->link, ENV_LINK_BYTES);
    id.object_id[0] ^= 1;
    id.generation -= what->old_generation;
    id.serial += what->other_serial;
    attest_key(chain, what, id.generation, ak);
    const struct env_box box = {.root = zeros, .block_hash = zeros};
    const struct env_object_plan plan = {&id, &box, ak, c->slots, c->dek, true};
    MUST(env_object_writer_new(h.ctx, &plan, grow, &g, &w, &err));
    put_parts(c, what, w);
    MUST(env_object_finish(w, &bytes, &err));
    env_object_writer_free(w);
    snprintf(name, sizeof name, "%smeta/%020llu.env", chain->folder, (unsigned long long)id.number);
    memory_put(&mem, name, g.p, g.len);
    free(g.p);
    return name;
}

static envelope_chain *begin(void)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    memset(&mem, 0, sizeof mem);
    memset(&kms, 0, sizeof kms);
    host_begin(&h, &kms, 1, 1);
    envelope_chain *chain = host_create(&h, &mem, "vm");
    MUST(envelope_chain_refresh(chain, ENVELOPE_REFRESH_NEW_GENERATION, NULL, &err));
    back_up(chain, 1, 100);
    return chain;
}

static void end(envelope_chain *chain)
{
    envelope_chain_free(chain);
    host_end(&h);
    memory_store_clear(&mem);
}

START_TEST(by_hand)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_catalogue *c = NULL;
    envelope_chain *chain = begin();
    const struct env_listener events = ENV_LISTENER(h.ctx);
    struct env_opening opening = env_opening_begin(chain->keyring, &events);
    const char *name = seal(chain, &cases[_i]);
    envelope_status st = env_metadata_open(chain, name, &opening, &c, &err);
    ck_assert_msg(st == cases[_i].want, "%s: %s", envelope_status_name(st), err.message);
    ck_assert_int_eq(c != NULL, !st);
    env_catalogue_release(c);
    end(chain);
}
END_TEST

/* storage.md, section 4: no row's DEK and no secret of the chain lies there in plain. */
START_TEST(in_memory)
{
    uint8_t dek[32];
    uint8_t *secrets;
    envelope_chain *made = begin();
    envelope_chain *loaded = host_open(&h, &mem, NULL);
    for (int i = 0; i < 2; i++) {
        const struct env_catalogue *c = i ? loaded->catalogue : made->catalogue;
        ck_assert(!env_catalogue_dek(c, 0, dek, NULL));
        ck_assert(memcmp(c->rows[0].dek, dek, 32) != 0);
        ck_assert(!env_catalogue_secrets(c, &secrets, NULL));
        for (size_t at = 0; at + 32 <= c->secrets_len; at += 4) {
            ck_assert(!memmem(c->secrets, c->secrets_len, secrets + at, 32));
        }
        env_secret_free(h.ctx, secrets, c->secrets_len);
    }
    envelope_chain_free(loaded);
    end(made);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("chain_payload");
    TCase *t = tcase_create("payload");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, by_hand, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(t, in_memory);
    suite_add_tcase(s, t);
    return s;
}

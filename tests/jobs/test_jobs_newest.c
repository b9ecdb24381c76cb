/* Which key is the newest, and what counts as evidence that it replaces another (docs/kmip.md). */
#include "check_main.h"
#include "kms/sink.h"
#include "paper.h"
#include <stdio.h>
#include <string.h>

static struct bench *b;

static void set_up(void)
{
    b = bench_new();
}

static void tear_down(void)
{
    bench_free(b);
}

START_TEST(only_one)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_pair(&b->paper, "x", "db", 2, 200, true);
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    ck_assert_str_eq(bench_newest(b, "none"), "E_NO_KEY");
    ck_assert_ptr_nonnull(strstr(b->err.message, "none"));
}
END_TEST

START_TEST(material_in_every_format)
{
    static const uint32_t formats[] = {ENV_FORMAT_PKCS1, ENV_FORMAT_X509,
                                       ENV_FORMAT_TRANSPARENT_RSA_PUBLIC};
    uint8_t fingerprint[32];
    paper_fingerprint(&b->paper, 1, fingerprint);
    for (size_t i = 0; i < 3; i++) {
        struct paper_object *o = paper_pair(&b->paper, "a", "vm", 1, 100, true);
        o->format = formats[i];
        ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
        ck_assert_mem_eq(b->facts.pair[0].fingerprint, fingerprint, 32);
        b->paper.count = 0;
        b->facts.pairs = 0;
    }
}
END_TEST

/* One thing wrong with the only key. */
START_TEST(dropped)
{
    struct paper_object *o = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    static const uint32_t states[] = {ENV_STATE_PRE_ACTIVE, ENV_STATE_DEACTIVATED,
                                      ENV_STATE_COMPROMISED, ENV_STATE_DESTROYED,
                                      ENV_STATE_DESTROYED_COMPROMISED};
    for (size_t i = 0; i < 5; i++) {
        o->state = states[i];
        ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    }
    o->state = ENV_STATE_ACTIVE;
    o->algorithm = 6;
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    o->algorithm = ENV_ALGORITHM_RSA;
    o->bits = 1024;
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    o->bits = 4096;
    o->usage = 2; /* verify */
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    o->usage = ENV_USAGE_WRAP;
    o->activation = 1000001; /* the bench's now is 1,000,000 */
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "later"));
    o->activation = 1000000;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
}
END_TEST

/* The filter of Locate is a wish; what a server ignored is filtered here. */
START_TEST(filters_ignored)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_pair(&b->paper, "x", "db", 2, 200, true);
    paper_aes(&b->paper, "k", "db", 300);
    b->paper.ignores_name = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    b->paper.ignores_type = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    b->policy.exclusive = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    b->policy.selector = ENVELOPE_SELECT_GROUP;
    ck_assert_str_eq(bench_newest(b, "g-vm"), "a-priv");
    ck_assert_str_eq(bench_newest(b, "vm"), "E_NO_KEY");
}
END_TEST

START_TEST(locate_says_no_more_than_it_must)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    ck_assert_str_eq(b->paper.log, "Discover Versions;Locate;Get Attributes a-pub;Locate;"
                                   "Get a-pub;Get Attributes a-priv;Get Attributes a-priv;");
}
END_TEST

/* -- order */

struct aged {
    int64_t generation;
    int64_t activation;
    int64_t initial;
};

static void make(const struct aged *keys, const int *order, int count)
{
    b->paper.count = 0;
    b->facts.pairs = 0;
    for (int i = 0; i < count; i++) {
        char id[8];
        snprintf(id, sizeof id, "k%d", order[i]);
        struct paper_object *o =
            paper_pair(&b->paper, id, "vm", 1 + order[i], keys[order[i]].initial, true);
        o->activation = keys[order[i]].activation;
        o->generation = keys[order[i]].generation;
    }
}

/* The same answer in every order in which three keys can stand, both ways round. */
static void expect_newest(const struct aged *keys, int count, const char *expected)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int i = 0; i < 6; i++) {
        if (count == 2 && (orders[i][2] != 2)) {
            continue;
        }
        for (int way = 0; way < 2; way++) {
            make(keys, orders[i], count);
            b->paper.backwards = way;
            ck_assert_str_eq(bench_newest(b, "vm"), expected);
        }
    }
}

START_TEST(ordered)
{
    b->policy.exclusive = true;
    expect_newest((struct aged[]){{0, 0, 10}, {0, 0, 20}}, 2, "k1-priv");
    expect_newest((struct aged[]){{0, 0, 20}, {0, 0, 10}}, 2, "k0-priv");
    expect_newest((struct aged[]){{0, 0, 10}, {0, 0, 30}, {0, 0, 20}}, 3, "k1-priv");
    /* activation above creation, where all have one */
    expect_newest((struct aged[]){{0, 90, 10}, {0, 80, 20}}, 2, "k0-priv");
    expect_newest((struct aged[]){{0, 90, 10}, {0, 0, 20}}, 2, "k1-priv");
    /* generation above both */
    expect_newest((struct aged[]){{2, 10, 10}, {1, 90, 90}}, 2, "k0-priv");
    expect_newest((struct aged[]){{2, 10, 10}, {0, 90, 90}}, 2, "k1-priv");
    expect_newest((struct aged[]){{3, 0, 1}, {3, 0, 2}, {1, 0, 9}}, 3, "k1-priv");
    expect_newest((struct aged[]){{0, 50, 1}, {0, 50, 2}, {0, 40, 9}}, 3, "k1-priv");
}
END_TEST

START_TEST(ties_are_not_broken)
{
    b->policy.exclusive = true;
    expect_newest((struct aged[]){{0, 0, 10}, {0, 0, 10}}, 2, "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "k0-pub"));
    ck_assert_ptr_nonnull(strstr(b->err.message, "k1-pub"));
    expect_newest((struct aged[]){{0, 0, 10}, {0, 0, 10}, {0, 0, 5}}, 3, "E_REFUSED");
    ck_assert_ptr_null(strstr(b->err.message, "k2-pub"));
    expect_newest((struct aged[]){{0, 0, 10}, {0, 0, 10}, {0, 0, 15}}, 3, "k2-priv");
    expect_newest((struct aged[]){{2, 0, 10}, {2, 0, 10}, {1, 0, 15}}, 3, "E_REFUSED");
}
END_TEST

START_TEST(several_without_exclusive)
{
    expect_newest((struct aged[]){{0, 0, 10}, {0, 0, 20}}, 2, "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "k0-priv"));
    ck_assert_ptr_nonnull(strstr(b->err.message, "k1-priv"));
    ck_assert_ptr_nonnull(strstr(b->err.message, "names=exclusive"));
    /* the old one retired, as an administrator's rotation does */
    make((struct aged[]){{0, 0, 10}, {0, 0, 20}}, (int[]){0, 1}, 2);
    paper_find(&b->paper, "k0-pub")->state = ENV_STATE_DEACTIVATED;
    ck_assert_str_eq(bench_newest(b, "vm"), "k1-priv");
}
END_TEST

/* -- evidence */

START_TEST(replaced_with_links)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_pair(&b->paper, "b", "vm", 2, 200, true);
    paper_replace(&b->paper, "a", "b");
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv replaces a-priv");
    paper_pair(&b->paper, "c", "vm", 3, 300, true);
    paper_replace(&b->paper, "b", "c");
    ck_assert_str_eq(bench_newest(b, "vm"), "c-priv replaces b-priv");
    ck_assert_str_eq(bench_list(b, "vm"), "a-priv b-priv<a-priv c-priv<b-priv");
    ck_assert_str_eq(bench_list(b, NULL), "a-priv b-priv<a-priv c-priv<b-priv");
}
END_TEST

/* The name was not moved: the old key still bears it, and leads to the new one. */
START_TEST(followed)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_pair(&b->paper, "b", "", 2, 200, true);
    paper_pair(&b->paper, "c", "", 3, 300, true);
    paper_replace(&b->paper, "a", "b");
    paper_replace(&b->paper, "b", "c");
    strcpy(paper_find(&b->paper, "a-pub")->name, "vm");
    ck_assert_str_eq(bench_newest(b, "vm"), "c-priv replaces b-priv");
    b->policy.selector = ENVELOPE_SELECT_ID;
    ck_assert_str_eq(bench_newest(b, "a-pub"), "c-priv replaces b-priv");
    ck_assert_str_eq(bench_newest(b, "a-priv"), "c-priv replaces b-priv");
    ck_assert_str_eq(bench_newest(b, "c-pub"), "c-priv replaces b-priv");
    ck_assert_str_eq(bench_newest(b, "nothing"), "E_NO_KEY");
}
END_TEST

START_TEST(replacement_not_there)
{
    struct paper_object *o = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    strcpy(o->replacement, "gone");
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "replaced"));
    strcpy(o->replacement, "a-priv"); /* no public key */
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
}
END_TEST

START_TEST(loops)
{
    struct paper_object *a = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    struct paper_object *c = paper_pair(&b->paper, "c", "", 2, 100, true);
    strcpy(a->replacement, "a-pub");
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "circle"));
    strcpy(a->replacement, "c-pub");
    strcpy(c->replacement, "a-pub");
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    strcpy(c->replacement, "c-pub");
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    ck_assert_uint_lt(b->paper.requests, 10);
}
END_TEST

static void chain_of(int hops)
{
    b->paper.count = 0;
    b->facts.pairs = 0;
    for (int i = 0; i <= hops; i++) {
        char id[16];
        snprintf(id, sizeof id, "h%d", i);
        struct paper_object *o = paper_pair(&b->paper, id, i ? "" : "vm", 1 + i % 12, i, true);
        if (i < hops) {
            snprintf(o->replacement, sizeof o->replacement, "h%d-pub", i + 1);
        }
    }
}

START_TEST(at_most_64_hops)
{
    chain_of(64);
    ck_assert_str_eq(bench_newest(b, "vm"), "h64-priv replaces h63-priv");
    chain_of(65);
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    ck_assert_ptr_nonnull(strstr(b->err.message, "64"));
}
END_TEST

/* All of them are given, whole: who knows an older version can tell his own. A neighbour's key that
 * cannot be had, or leads nowhere, stops nobody. */
START_TEST(several_are_given)
{
    paper_pair(&b->paper, "a", "", 1, 100, true);
    paper_pair(&b->paper, "b", "vm", 2, 200, true);
    paper_replace(&b->paper, "a", "b");
    struct paper_object *his = paper_pair(&b->paper, "n", "vm", 3, 300, true);
    struct envelope_key_sink sink;
    for (int way = 0; way < 3; way++) {
        his->not_exported = way == 1;
        strcpy(his->replacement, way == 2 ? "n-pub" : "");
        bench_job(b);
        ck_assert_int_eq(env_sink_begin(b->paper.ctx, "vm", &sink, NULL), ENVELOPE_OK);
        ck_assert_int_eq(env_kmip_newest(&b->job, "vm", &sink, NULL), ENVELOPE_OK);
        ck_assert_uint_eq(envelope_key_list_count(sink.list), way == 2 ? 1 : 2);
        const envelope_key_info *ours = envelope_key_list_at(sink.list, 0);
        ck_assert_str_eq(ours->ref->key_id, "b-priv");
        ck_assert_str_eq(ours->ref->replaces, "a-priv");
        ck_assert(ours->ref->has_fingerprint && ours->spki);
        env_sink_end(&sink);
    }
    ck_assert_int_eq(b->events[ENVELOPE_EVENT_EXPORT], 0);
}
END_TEST

START_TEST(too_many_are_refused)
{
    for (int i = 0; i < 17; i++) {
        char id[8];
        snprintf(id, sizeof id, "k%d", i);
        paper_pair(&b->paper, id, "vm", 1 + i % 12, i, true);
        ck_assert_str_eq(bench_newest(b, "vm"), i ? "E_REFUSED" : "k0-priv");
        ck_assert_uint_eq(b->given, i < 16 ? (size_t)i + 1 : 0);
    }
}
END_TEST

/* A neighbour makes a key of our name and says whatever he likes on it. */
START_TEST(neighbours_link_is_no_evidence)
{
    struct paper_object *ours = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    struct paper_object *his = paper_pair(&b->paper, "n", "vm", 2, 200, true);
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    ours->state = ENV_STATE_DEACTIVATED;
    ck_assert_str_eq(bench_newest(b, "vm"), "n-priv");
    strcpy(his->replaced, "a-pub");
    strcpy(his[1].replaced, "a-priv");
    ck_assert_str_eq(bench_newest(b, "vm"), "n-priv");
    ck_assert_str_eq(bench_list(b, "vm"), "a-priv n-priv");
}
END_TEST

/* Old and new are both his, and his old one claims our private key as its half. */
START_TEST(neighbours_chain_is_no_evidence)
{
    paper_pair(&b->paper, "a", "", 1, 100, true);
    struct paper_object *old = paper_pair(&b->paper, "m", "", 2, 150, true);
    paper_pair(&b->paper, "n", "vm", 3, 200, true);
    paper_replace(&b->paper, "m", "n");
    strcpy(old->private_key, "a-priv");
    ck_assert_str_eq(bench_newest(b, "vm"), "n-priv replaces m-priv");
    paper_find(&b->paper, "a-priv")->not_shown = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "n-priv replaces m-priv");
    ck_assert_ptr_null(strstr(bench_list(b, "vm"), "a-priv"));
}
END_TEST

/* Public keys are everybody's to read. His old object holds a copy of ours, so that our private
 * key, which links to no public one, decrypts for it; what it says of its replacement is his word.
 */
START_TEST(neighbours_copy_is_no_evidence)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, false)->state = ENV_STATE_DEACTIVATED;
    struct paper_object *copy = paper_pair(&b->paper, "x", "vm", 1, 100, true);
    paper_pair(&b->paper, "n", "vm", 3, 200, true);
    paper_replace(&b->paper, "x", "n");
    strcpy(copy->name, "vm");
    copy->private_key[0] = 0;
    copy[1].not_shown = true;
    ck_assert_ptr_null(strstr(bench_list(b, "vm"), "<a-priv"));
    ck_assert_str_eq(bench_newest(b, "vm"), "n-priv replaces x-pub");
}
END_TEST

/* He names our new key as the replacement of his: ours is still seen to replace our old one. */
START_TEST(neighbours_claim_hides_no_evidence)
{
    strcpy(paper_pair(&b->paper, "x", "vm", 3, 50, true)->replacement, "b-pub");
    paper_pair(&b->paper, "a", "", 1, 100, true);
    paper_pair(&b->paper, "b", "vm", 2, 200, true);
    paper_replace(&b->paper, "a", "b");
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv replaces a-priv");
    ck_assert_ptr_nonnull(strstr(bench_list(b, "vm"), "b-priv<a-priv"));
}
END_TEST

/* Ours were brought in, without links between their halves, and then replaced by the KMS. */
START_TEST(evidence_without_links_of_halves)
{
    paper_pair(&b->paper, "a", "", 1, 100, false);
    paper_pair(&b->paper, "b", "vm", 2, 200, false);
    strcpy(paper_find(&b->paper, "a-priv")->name, "vm");
    paper_replace(&b->paper, "a", "b");
    strcpy(paper_find(&b->paper, "a-priv")->name, "vm");
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv replaces a-priv");
    ck_assert_ptr_nonnull(strstr(bench_list(b, "vm"), "b-priv<a-priv"));
}
END_TEST

/* His new key claims our private key: it is not believed to be ours. */
START_TEST(neighbours_half_is_not_ours)
{
    paper_pair(&b->paper, "a", "", 1, 100, true);
    struct paper_object *his = paper_pair(&b->paper, "n", "vm", 2, 200, true);
    strcpy(his->private_key, "a-priv");
    strcpy(his->replaced, "a-pub");
    his[1].not_shown = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "n-pub");
}
END_TEST

/* Only the private halves are linked. */
START_TEST(evidence_on_private_halves)
{
    paper_pair(&b->paper, "a", "", 1, 100, true);
    paper_pair(&b->paper, "b", "vm", 2, 200, true);
    strcpy(paper_find(&b->paper, "a-priv")->replacement, "b-priv");
    strcpy(paper_find(&b->paper, "b-priv")->replaced, "a-priv");
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv replaces a-priv");
    strcpy(paper_find(&b->paper, "a-priv")->replacement, "c-priv");
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv");
}
END_TEST

/* A host that only writes sees public halves: keys are known by those, old and new alike. */
START_TEST(write_only)
{
    struct paper_object *a = paper_pair(&b->paper, "a", "vm", 1, 100, true);
    struct paper_object *c = paper_pair(&b->paper, "b", "vm", 2, 200, true);
    a[1].not_shown = true;
    c[1].not_shown = true;
    paper_replace(&b->paper, "a", "b");
    ck_assert_str_eq(bench_newest(b, "vm"), "b-pub replaces a-pub");
    ck_assert_str_eq(bench_list(b, "vm"), "a-pub b-pub<a-pub");
}
END_TEST

START_TEST(aes)
{
    paper_aes(&b->paper, "k1", "vm", 100);
    ck_assert_str_eq(bench_newest(b, "vm"), "k1");
    paper_aes(&b->paper, "k2", "vm", 200);
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
    b->policy.exclusive = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "k2");
    b->policy.exclusive = false;
    paper_replace(&b->paper, "k1", "k2");
    ck_assert_str_eq(bench_newest(b, "vm"), "k2 replaces k1");
    paper_find(&b->paper, "k2")->bits = 128;
    ck_assert_str_eq(bench_newest(b, "vm"), "E_REFUSED");
}
END_TEST

/* -- the private half, without links */

START_TEST(half_proven_by_decrypt)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, false)->state = ENV_STATE_DEACTIVATED;
    paper_pair(&b->paper, "b", "vm", 2, 200, false);
    paper_pair(&b->paper, "c", "vm", 3, 150, false)->state = ENV_STATE_DEACTIVATED;
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv");
    ck_assert(b->facts.pair[0].proven && b->facts.pair[0].has_oaep);
    /* the same, where age misleads */
    b->facts.pairs = 0;
    paper_find(&b->paper, "b-priv")->initial = 900;
    paper_find(&b->paper, "a-priv")->initial = 200;
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv");
    ck_assert_int_eq(b->events[ENVELOPE_EVENT_EXPORT], 0);
}
END_TEST

START_TEST(half_of_another_key)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, false);
    paper_find(&b->paper, "a-priv")->pool = 2;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-pub");
    b->paper.padding_is_random = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-pub");
}
END_TEST

START_TEST(half_the_only_one)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, false);
    b->paper.no_decrypt = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    ck_assert_uint_eq(b->facts.pairs, 0);
    b->paper.no_decrypt = false;
    paper_find(&b->paper, "a-priv")->not_decrypted = true;
    b->policy.unwrap = ENVELOPE_UNWRAP_GET;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    ck_assert_int_eq(b->events[ENVELOPE_EVENT_EXPORT], 0);
}
END_TEST

START_TEST(half_by_modulus)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, false)->state = ENV_STATE_DEACTIVATED;
    paper_pair(&b->paper, "b", "vm", 2, 200, false);
    b->paper.no_decrypt = true;
    /* not to be fetched: the only one of the same second, else known by the public half */
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv");
    ck_assert_uint_eq(b->facts.pairs, 0);
    paper_find(&b->paper, "a-priv")->initial = 200;
    ck_assert_str_eq(bench_newest(b, "vm"), "b-pub");
    paper_find(&b->paper, "b-priv")->initial = 201;
    paper_find(&b->paper, "a-priv")->initial = 100;
    ck_assert_str_eq(bench_newest(b, "vm"), "b-pub");
    ck_assert_int_eq(b->events[ENVELOPE_EVENT_EXPORT], 0);
    b->policy.unwrap = ENVELOPE_UNWRAP_INSIDE_OR_GET;
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv");
    ck_assert_int_eq(b->events[ENVELOPE_EVENT_EXPORT], 1);
    /* and then it is known */
    ck_assert_str_eq(bench_newest(b, "vm"), "b-priv");
    ck_assert_int_eq(b->events[ENVELOPE_EVENT_EXPORT], 1);
}
END_TEST

START_TEST(half_by_its_own_link)
{
    struct paper_object *a = paper_pair(&b->paper, "a", "vm", 1, 100, false);
    struct paper_object *c = paper_pair(&b->paper, "c", "vm", 2, 200, false);
    a->state = ENV_STATE_DEACTIVATED;
    strcpy(a[1].public_key, "a-pub");
    strcpy(c[1].public_key, "c-pub");
    ck_assert_str_eq(bench_newest(b, "vm"), "c-priv");
}
END_TEST

/* -- servers that differ */

START_TEST(without_links)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    b->paper.refuses_links = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    ck_assert(b->facts.no_links);
    ck_assert_str_eq(bench_newest(b, "vm"), "a-priv");
    ck_assert_ptr_null(strstr(b->paper.log, "Get Attributes a-pub;Get Attributes a-pub"));
}
END_TEST

START_TEST(without_batches)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    paper_pair(&b->paper, "c", "vm", 2, 200, true);
    paper_pair(&b->paper, "d", "vm", 3, 300, true);
    b->policy.exclusive = true;
    b->paper.no_batches = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "d-priv");
    ck_assert(b->facts.no_batches);
    b->facts.no_batches = false;
    b->paper.no_batches = false;
    b->paper.stops_at_failure = true;
    ck_assert_str_eq(bench_newest(b, "vm"), "d-priv");
}
END_TEST

START_TEST(in_pages)
{
    for (int i = 0; i < 7; i++) {
        char id[8];
        snprintf(id, sizeof id, "k%d", i);
        paper_pair(&b->paper, id, "vm", 1 + i, 100 + (i * 3) % 7, true);
    }
    b->policy.exclusive = true;
    b->paper.page = 2;
    ck_assert_str_eq(bench_newest(b, "vm"), "k2-priv");
    b->facts.version.minor = 2; /* no Offset Items */
    b->paper.minor = 2;
    ck_assert_str_eq(bench_newest(b, "vm"), "E_LIMIT");
}
END_TEST

START_TEST(answers_to_other_questions)
{
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    b->facts.has_version = true;
    b->facts.version = (struct env_kmip_version){1, 4};
    b->paper.wrong = 1;
    ck_assert_str_eq(bench_newest(b, "vm"), "E_FORMAT");
    ck_assert_uint_eq(b->paper.spoiled, 1);
    b->paper.wrong = 2;
    ck_assert_str_eq(bench_newest(b, "vm"), "E_FORMAT");
}
END_TEST

START_TEST(failures_are_passed_on)
{
    static const struct {
        uint32_t reason;
        const char *status;
    } all[] = {{ENV_REASON_AUTHENTICATION, "E_REFUSED"},
               {ENV_REASON_GENERAL_FAILURE, "E_KMS_UNREACHED"},
               {ENV_REASON_OPERATION_NOT_SUPPORTED, "E_UNSUPPORTED"}};
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    for (size_t i = 0; i < 3; i++) {
        b->paper.fail = all[i].reason;
        ck_assert_str_eq(bench_newest(b, "vm"), all[i].status);
        ck_assert_int_eq(b->err.origin, ENVELOPE_ORIGIN_KMIP);
        ck_assert_int_eq(b->err.native, all[i].reason);
    }
    b->paper.fail = 0;
    b->paper.down = ENVELOPE_E_KMS_UNREACHED;
    for (unsigned i = 0; i < 7; i++) {
        b->facts.has_version = false;
        b->facts.pairs = 0;
        b->paper.down_after = i;
        ck_assert_str_eq(bench_newest(b, "vm"), "E_KMS_UNREACHED");
    }
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {only_one,
                                  material_in_every_format,
                                  dropped,
                                  filters_ignored,
                                  locate_says_no_more_than_it_must,
                                  ordered,
                                  ties_are_not_broken,
                                  several_without_exclusive,
                                  replaced_with_links,
                                  followed,
                                  replacement_not_there,
                                  loops,
                                  at_most_64_hops,
                                  several_are_given,
                                  too_many_are_refused,
                                  neighbours_link_is_no_evidence,
                                  neighbours_chain_is_no_evidence,
                                  neighbours_copy_is_no_evidence,
                                  evidence_without_links_of_halves,
                                  neighbours_claim_hides_no_evidence,
                                  neighbours_half_is_not_ours,
                                  evidence_on_private_halves,
                                  write_only,
                                  aes,
                                  half_proven_by_decrypt,
                                  half_of_another_key,
                                  half_the_only_one,
                                  half_by_modulus,
                                  half_by_its_own_link,
                                  without_links,
                                  without_batches,
                                  in_pages,
                                  answers_to_other_questions,
                                  failures_are_passed_on,
                                  NULL};
    Suite *s = suite_create("newest key of KMIP");
    TCase *c = tcase_create("newest");
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, set_up, tear_down);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(c, tests[i]);
    }
    suite_add_tcase(s, c);
    return s;
}

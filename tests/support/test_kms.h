/* test_kms.h - a KMS in memory on the public provider table: versions from the pool of keys,
 * replies that lag, outages, counters. */
#ifndef TESTS_TEST_KMS_H
#define TESTS_TEST_KMS_H
#include <envelope/keyring.h>
#include <stdbool.h>

enum { TEST_KMS_VERSIONS = 8, TEST_KMS_REMEMBERED = 64 };
struct test_kms_unwrapped {
    int version;
    size_t len;
    uint8_t wrapped[1024];
    uint8_t dek[32];
};
struct test_kms {
    envelope_ctx *ctx;
    void *pair[TEST_KMS_VERSIONS + 1];
    int pool[TEST_KMS_VERSIONS + 1]; /* number of the pool's key */
    int newest;                      /* version that `newest` answers */
    bool down;
    int public_of;   /* whose public half `newest` shows with it, 0: its own; a KMS that lies */
    bool no_version; /* gives no version numbers */
    const char *replaces; /* what `newest` says, NULL: nothing */
    /* Offers `list`, set before it is opened; version v then replaces v - 1, in `newest` too. */
    bool lists;
    int gap;                    /* this version names no predecessor */
    int loop;                   /* this one names the newest */
    bool list_down;             /* `list` alone does not answer */
    int neighbour;              /* `newest` adds this pair as another's key "vm/7"; 0: none */
    const char *neighbour_says; /* that it replaces this one */
    unsigned asked;
    unsigned unwrapped;
    /* The first unwrappings are done once only: for campaigns that open the same objects a million
     * times. */
    bool remembers;
    struct test_kms_unwrapped remembered[TEST_KMS_REMEMBERED];
    size_t remembered_count;
};
/* Version v is pool key first_pool + v - 1; newest is 1. kms is filled in and must outlive the
 * result. */
envelope_kms *test_kms_open(envelope_ctx *ctx, struct test_kms *kms, int first_pool, int versions);
/* Another handle on the same KMS, for another context; the one that opened it goes last. */
envelope_kms *test_kms_attach(envelope_ctx *ctx, struct test_kms *kms);
/* Frees the pairs, after the last handle. */
void test_kms_clear(struct test_kms *kms);
#endif

/* As test_ops_campaign.c, of all responses that were recorded. Under sanitizers, which take ten
 * times as long, a seventh of the flipped bits. */
#include "check_main.h"
#include "exchange.h"
#include "kms/kmip/message.h"
#include "subject.h"
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { EVERY = 7 };
#else
enum { EVERY = 1 };
#endif

struct all {
    envelope_ctx *ctx;
    struct counts counts;
};

static void one(void *user, const struct exchange *x)
{
    struct all *all = user;
    struct subject s = {.name = x->name,
                        .operation = x->operation,
                        .uid = x->uid,
                        .message = x->response,
                        .ctx = all->ctx,
                        .counts = &all->counts};
    if (strcmp(env_kmip_operation_name(x->operation), "another operation") != 0 && x->minor >= 0) {
        subject_campaign(&s, EVERY);
    }
}

START_TEST(recorded)
{
    struct all all = {.ctx = subject_ctx()};
    (void)exchanges_each(one, &all);
    subject_report("recorded", &all.counts);
    ck_assert_int_gt(all.counts.subjects, 100);
    envelope_ctx_free(all.ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {recorded, NULL};
    return captures_there() ? suite_of("campaign of recorded responses", 1500, all) : NULL;
}

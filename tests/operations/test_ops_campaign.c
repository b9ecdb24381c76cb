/* Every response with every change of mutate.h: it is refused, or reads the same but for what the
 * specification leaves free (freedom.c). Nothing is read outside of it (sanitizers), nothing is
 * allocated beyond what a thousand identifiers take, nothing is left over. */
#include "check_main.h"
#include "samples_ops.h"
#include "subject.h"
#include <stdlib.h>

START_TEST(samples)
{
    struct counts counts = {0};
    envelope_ctx *ctx = subject_ctx();
    for (unsigned i = 0; i < ops_sample_count; i++) {
        const struct ops_sample *sample = &ops_samples[i];
        struct subject s = {.name = sample->name,
                            .operation = sample->operation,
                            .uid = sample->uid,
                            .message = ops_sample_bytes(sample),
                            .ctx = ctx,
                            .counts = &counts};
        subject_campaign(&s, 1);
        free(s.message.p);
    }
    subject_report("samples", &counts);
    envelope_ctx_free(ctx);
}
END_TEST

Suite *suite(void)
{
    const TTest *const all[] = {samples, NULL};
    return suite_of("campaign of KMIP responses", 280, all);
}

/* Sessions with a KMS on paper, written as inputs of fuzz_kmip_session to the folder that
 * RECORD_SESSIONS names. */
#include "check_main.h"
#include "paper.h"
#include <envelope/kmip_session.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bench *b;
static FILE *file;

static void answer(envelope_kmip_session *s)
{
    static uint8_t reply[1 << 20];
    uint8_t request[8192];
    size_t len;
    const void *out = envelope_kmip_session_output(s, &len);
    memcpy(request, out, len);
    envelope_kmip_session_sent(s, len);
    size_t have = paper_answer(&b->paper, request, len, reply, sizeof reply);
    fwrite(reply, 1, have, file);
    for (size_t done = 0; done < have;) {
        size_t n = envelope_kmip_session_wanted(s);
        if (envelope_kmip_session_input(s, reply + done, n, NULL)) {
            return;
        }
        done += n;
    }
}

/* The names are those of the fuzz target: key name vm, key id 46. */
static void record(const char *dir, const char *name, int kind, int how)
{
    static const uint8_t in[512] = {1, 2, 3};
    char path[512];
    envelope_kmip_session *s;
    const envelope_kmip_options options = {.size = sizeof options, .unwrap = how};
    const envelope_key_ref ref = {.size = sizeof ref,
                                  .kms_id = "lab",
                                  .key_name = "vm",
                                  .key_id = "46",
                                  .has_fingerprint = 1};
    const envelope_question q = {.size = sizeof q,
                                 .kind = ENVELOPE_ASK_NEWEST + kind,
                                 .algorithm =
                                     kind == 2 ? ENVELOPE_AES_KWP : ENVELOPE_RSA_OAEP_SHA256,
                                 .key = &ref,
                                 .in = in,
                                 .in_len = kind == 2 ? 32 : sizeof in};
    const uint8_t head[] = {(uint8_t)(kind | how << 2 | 2 << 4), 6, 200};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "we");
    if (!file || envelope_kmip_session_new(b->paper.ctx, &options, &s, NULL)) {
        return;
    }
    fwrite(head, 1, sizeof head, file);
    if (!envelope_kmip_session_begin(s, &q, NULL)) {
        while (envelope_kmip_session_step(s, NULL) == ENVELOPE_E_AGAIN) {
            answer(s);
        }
    }
    envelope_kmip_session_free(s);
    fclose(file);
}

static void name_key(const char *uid)
{
    struct paper_object *o = paper_find(&b->paper, uid);
    strcpy(o->uid, "46");
}

START_TEST(all)
{
    const char *dir = getenv("RECORD_SESSIONS");
    ck_assert_msg(dir != NULL, "RECORD_SESSIONS says where");
    b = bench_new();
    paper_pair(&b->paper, "a", "", 1, 100, true);
    paper_pair(&b->paper, "c", "vm", 2, 200, true);
    paper_replace(&b->paper, "a", "c");
    record(dir, "newest", 0, 0);
    b->paper.no_batches = true;
    b->paper.refuses_links = true;
    record(dir, "newest-plain", 0, 0);
    b->paper.refuses_links = false;
    name_key("c-priv");
    record(dir, "unwrap", 1, 0);
    record(dir, "unwrap-get", 1, 3);
    record(dir, "state", 3, 0);
    paper_find(&b->paper, "46")->type = 0;
    paper_aes(&b->paper, "46", "vm", 1);
    record(dir, "wrap", 2, 3);
    bench_free(b);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {all, NULL};
    return suite_of("record sessions", 60, tests);
}

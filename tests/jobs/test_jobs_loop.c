/* docs/examples/loop.c over a socket pair, at whose other end a KMS on paper answers in small
 * pieces: a header is made and opened, by calls that return E_AGAIN until nothing is left to ask.
 */
#include "../../docs/examples/loop.h"
#include "check_main.h"
#include "paper.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 333 };

static struct bench *b;
static struct line line;
static int far; /* the KMS's end */
static uint8_t request[1 << 16];
static size_t have;
static uint8_t answer[1 << 20];
static size_t answer_len;
static size_t answered;
static unsigned turns;

static void set_up(void)
{
    int fd[2];
    b = bench_new();
    paper_pair(&b->paper, "a", "vm", 1, 100, true);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    line = (struct line){.fd = fd[0]};
    far = fd[1];
    have = answer_len = answered = 0;
    turns = 0;
    const envelope_kmip_options options = {.size = sizeof options};
    ck_assert_int_eq(envelope_kms_new_asking(b->paper.ctx, "loop", &line.asking, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_kmip_session_new(b->paper.ctx, &options, &line.session, NULL),
                     ENVELOPE_OK);
}

static void tear_down(void)
{
    envelope_kmip_session_free(line.session);
    envelope_kms_free(line.asking);
    close(line.fd);
    close(far);
    bench_free(b);
}

static size_t request_length(void)
{
    return have < 8 ? SIZE_MAX
                    : 8 + ((size_t)request[4] << 24 | (size_t)request[5] << 16 |
                           (size_t)request[6] << 8 | request[7]);
}

/* The other end: reads what there is, answers a piece at a time. */
static void kms_turn(void)
{
    ssize_t n = recv(far, request + have, sizeof request - have, 0);
    have += n > 0 ? (size_t)n : 0;
    if (have && have == request_length()) {
        answer_len = paper_answer(&b->paper, request, have, answer, sizeof answer);
        answered = 0;
        have = 0;
    }
    if (answered < answer_len) {
        size_t left = answer_len - answered;
        n = send(far, answer + answered, left < PIECE ? left : PIECE, MSG_NOSIGNAL);
        answered += n > 0 ? (size_t)n : 0;
    }
}

/* Until nothing is asked any more. */
static void turn_until_quiet(void)
{
    envelope_status st;
    while ((st = line_turn(&line, &b->err)) == ENVELOPE_E_AGAIN) {
        struct pollfd p = {line.fd, line_wants(&line), 0};
        ck_assert_int_ne(p.events, 0);
        kms_turn();
        ck_assert_int_ge(poll(&p, 1, 0), 0);
        ck_assert_uint_lt(++turns, 100000);
    }
    ck_assert_msg(st == ENVELOPE_OK, "%s", b->err.message);
}

static envelope_keyring *ring(void)
{
    envelope_keyring *r;
    ck_assert_int_eq(envelope_keyring_new(b->paper.ctx, NULL, &r, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(r, "lab", line.asking,
                                              ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP, 0, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(r, "lab", "vm", NULL), ENVELOPE_OK);
    return r;
}

START_TEST(sealed_and_opened)
{
    envelope_dek *dek;
    envelope_dek *again = NULL;
    envelope_header *header = NULL;
    envelope_status st;
    envelope_keyring *r = ring();
    ck_assert_int_eq(envelope_dek_generate(b->paper.ctx, &dek, NULL), ENVELOPE_OK);
    while ((st = envelope_header_new(r, dek, NULL, &header, &b->err)) == ENVELOPE_E_AGAIN) {
        turn_until_quiet();
    }
    ck_assert_msg(st == ENVELOPE_OK, "%s", b->err.message);
    while ((st = envelope_header_open(header, r, SIZE_MAX, &again, &b->err)) == ENVELOPE_E_AGAIN) {
        turn_until_quiet();
    }
    ck_assert_msg(st == ENVELOPE_OK, "%s", b->err.message);
    ck_assert_mem_eq(envelope_dek_reveal(dek), envelope_dek_reveal(again), ENVELOPE_DEK_BYTES);
    ck_assert_uint_gt(turns, 10);
    envelope_header_free(header);
    envelope_dek_free(again);
    envelope_dek_free(dek);
    envelope_keyring_free(r);
}
END_TEST

/* The KMS hangs up: told, and no signal. */
START_TEST(hung_up)
{
    envelope_dek *dek;
    envelope_header *header = NULL;
    envelope_keyring *r = ring();
    ck_assert_int_eq(envelope_dek_generate(b->paper.ctx, &dek, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_header_new(r, dek, NULL, &header, NULL), ENVELOPE_E_AGAIN);
    close(far);
    far = -1;
    ck_assert_int_eq(line_turn(&line, &b->err), ENVELOPE_E_KMS_UNREACHED);
    envelope_dek_free(dek);
    envelope_keyring_free(r);
}
END_TEST

Suite *suite(void)
{
    const TTest *const tests[] = {sealed_and_opened, hung_up, NULL};
    Suite *s = suite_create("KMIP in an event loop");
    TCase *c = tcase_create("loop");
    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, set_up, tear_down);
    for (size_t i = 0; tests[i]; i++) {
        tcase_add_test(c, tests[i]);
    }
    suite_add_tcase(s, c);
    return s;
}

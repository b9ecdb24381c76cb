#include "walk.h"

enum { ALL_TOGETHER = 16 };

struct run run_begin(size_t index, const char *(*serves)(struct run *, const struct truth *))
{
    struct run r = {.c = campaign_begin(), .plan = plan_new(), .serves = serves};
    ck_assert_uint_lt(index, r.c->targets);
    r.t = &r.c->target[index];
    return r;
}

static void note(struct run *r, const char *what, int copies)
{
    static const char *const of[] = {"", " of copy A", " of copy B", " of both copies"};
    tap_note("%s: %s%s: %lu tried; served by header %lu, twin %lu, catalogue %lu, not %lu",
             strrchr(r->t->file->name, '/') + 1, what, of[copies], (unsigned long)r->plan.done,
             r->by[BY_HEADER], r->by[BY_TWIN], r->by[BY_CATALOGUE], r->by[BY_NOTHING]);
    ck_assert_uint_gt(r->plan.done, 0);
    r->plan.done = 0;
    memset(r->by, 0, sizeof r->by);
}

void run_end(struct run *r)
{
    ck_assert_msg(r->t->file->len == r->t->layout.len &&
                      !memcmp(r->t->file->data, r->t->saved, r->t->layout.len),
                  "not mended");
    for (size_t i = 0; i < r->c->targets; i++) {
        r->c->target[i].file->hidden = false;
    }
    campaign_verify(r->c, 0);
    ck_assert_msg(!r->c->verdict && !r->c->findings, "%s", r->c->why.message);
    campaign_end(r->c);
}

/* Whether Slots with this flip break a rule is not worked out here: if it is not as with whole
 * copies, then as with damaged ones, and no third way; of metadata it may also be that they name
 * another key. */
static const char *judge_open(const struct run *r, struct truth *truth, const struct flip *f)
{
    const char *wrong = judge(r->c, r->t, truth);
    if (!wrong || !truth->open_question) {
        return wrong;
    }
    bool listed = r->t->point != 0;
    if (!listed && f->copies == COPIES && r->c->findings == 1 &&
        (r->c->finding[0].status == ENVELOPE_E_NO_KEY ||
         r->c->finding[0].status == ENVELOPE_E_REFUSED)) {
        truth->say[0].status = r->c->finding[0].status;
        truth->no_fault = !r->t->held;
        return judge(r->c, r->t, truth);
    }
    struct flip plain = *f;
    plain.mend = false;
    *truth = truth_of(&r->t->layout, &plain, listed);
    return judge(r->c, r->t, truth) ? wrong : NULL;
}

static void try(struct run *r, const struct flip *f)
{
    trying(r->t, f);
    r->in_zeros = f->what == HEADER && region_of(&r->t->layout, f->at) == IN_ZEROS;
    struct truth truth = truth_of(&r->t->layout, f, r->t->point != 0);
    damage(r->t, f);
    if (!r->t->point && r->plan.done % ALL_TOGETHER) {
        campaign_verify_alone(r->c, r->t);
    } else {
        campaign_verify(r->c, r->t->point);
    }
    const char *wrong = judge_open(r, &truth, f);
    wrong = wrong ? wrong : r->serves(r, &truth);
    mend(r->t, f);
    ck_assert_msg(!wrong, "%s: %s", tried(), wrong);
    r->by[truth.served]++;
    if (r->log) {
        r->log(r, f, &truth);
    }
}

/* How many are passed over in a sample: none where each byte has a meaning of its own. */
static uint64_t stride(const struct layout *l, size_t at)
{
    enum { NAMES = 32 }; /* kind, algorithm and names of the first slot, before it comes to bulk */
    enum region region = region_of(l, at);
    if (region == IN_SLOTS && region_of(l, at - NAMES) != IN_SLOTS) {
        return 1;
    }
    switch (region) {
    case IN_PRE:
    case IN_ID:
    case IN_BOX_LENGTH:
    case IN_REVISION:
    case IN_SLOTS_LENGTH:
    case IN_CRC:
        return 1;
    case IN_ATT:
    case IN_TAG:
    case IN_P:
        return 4;
    case IN_BOX:
    case IN_SLOTS:
        return 16;
    case IN_ZEROS:
        break;
    }
    return 256;
}

/* format, kind, standing and content stand in the first bytes of ID */
static bool is_shape(size_t at)
{
    return at < 32 + 4;
}

static void flip_headers(struct run *r, int copies, bool mend_it)
{
    const struct layout *l = &r->t->layout;
    for (size_t at = 0; at < l->capacity; at++) {
        enum region region = region_of(l, at);
        if (mend_it && region == IN_CRC) { /* would be no flip */
            continue;
        }
        for (unsigned bit = 0; bit < 8; bit++) {
            const struct flip f = {HEADER, copies, mend_it, at, bit};
            uint64_t thin = r->c->shape_whole && is_shape(at) ? 1 : r->c->thin;
            if (plan_takes(&r->plan, 8 * at + bit, stride(l, at) * thin)) {
                try(r, &f);
            }
        }
    }
}

void walk_headers(struct run *r)
{
    for (int copies = COPY_A; copies <= COPIES; copies++) {
        flip_headers(r, copies, false);
        note(r, "header flips", copies);
        flip_headers(r, copies, true);
        note(r, "header flips, CRC mended,", copies);
    }
}

void walk_payload(struct run *r, uint64_t every)
{
    const struct layout *l = &r->t->layout;
    for (size_t at = l->payload; at < l->payload + l->payload_len; at++) {
        bool prefix = chunk_of(l, at) == SIZE_MAX;
        for (unsigned bit = 0; bit < 8; bit++) {
            const struct flip f = {.what = PAYLOAD, .at = at, .bit = bit};
            if (plan_takes(&r->plan, 8 * at + bit, (prefix ? 1 : every) * r->c->thin)) {
                try(r, &f);
            }
        }
    }
    note(r, "payload flips", 0);
}

static void flip_tail(struct run *r, bool mend_it)
{
    const struct layout *l = &r->t->layout;
    for (size_t at = l->len - TAIL; at < l->len - (mend_it ? 4 : 0); at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            const struct flip f = {.what = IN_TAIL, .mend = mend_it, .at = at, .bit = bit};
            if (plan_takes(&r->plan, 8 * at + bit, r->c->thin)) {
                try(r, &f);
            }
        }
    }
}

void walk_tail(struct run *r)
{
    flip_tail(r, false);
    note(r, "tail flips", 0);
    flip_tail(r, true);
    note(r, "tail flips, CRC mended", 0);
}

/* Lengths near to where something begins or ends. */
static bool near_boundary(const struct layout *l, size_t len)
{
    enum { NEAR = 20 };
    const size_t at[] = {0, 32, l->capacity, l->payload, l->len, l->payload + PREFIX + TAIL};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        if (len + NEAR >= at[i] && len <= at[i] + NEAR) {
            return true;
        }
    }
    size_t payload = l->payload + PREFIX;
    size_t in = len > payload ? (len - payload) % SEALED_CHUNK : NEAR;
    return len >= l->len - TAIL || in < NEAR || in > SEALED_CHUNK - NEAR;
}

void walk_cuts(struct run *r)
{
    const struct layout *l = &r->t->layout;
    for (size_t len = 0; len < l->len; len++) {
        const struct flip f = {.what = CUT, .at = len};
        if (plan_takes(&r->plan, len, (near_boundary(l, len) ? 1 : 64) * r->c->thin)) {
            try(r, &f);
        }
    }
    note(r, "lengths", 0);
}

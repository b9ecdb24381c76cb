#include "campaign_kit.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- the flip that is being tried */

static char now[512];

void trying(const struct target *t, const struct flip *f)
{
    char what[200];
    flip_text(&t->layout, f, what, sizeof what);
    snprintf(now, sizeof now, "%s: %s", t->file->name, what);
}

const char *tried(void)
{
    return now;
}

static void on_death(int number)
{
    if (write(STDERR_FILENO, now, strlen(now)) < 0 || write(STDERR_FILENO, "\n", 1) < 0) {
        _exit(1);
    }
    signal(number, SIG_DFL);
    raise(number);
}

/* -- the chain */

static void make_chain(struct campaign *c)
{
    uint32_t rotated = 0;
    envelope_chain *chain = host_create(&c->host, &c->mem, "vm");
    ck_assert_uint_eq(back_up(chain, 1, LARGE), 1);
    envelope_chain_free(chain);
    c->kms.newest = 2;
    ck_assert_int_eq(try_refresh(&c->host, &c->mem, 0, &rotated), ENVELOPE_OK);
    ck_assert_uint_eq(rotated, 1);
    ck_assert_uint_eq(job(&c->host, &c->mem, 2, SMALL), 2);
}

static void add_target(struct campaign *c, struct memory_file *f)
{
    ck_assert_uint_lt(c->targets, TARGETS_MAX);
    struct target *t = &c->target[c->targets++];
    *t = (struct target){.file = f, .layout = layout_of(f->data, f->len)};
    t->saved = malloc(f->len);
    memcpy(t->saved, f->data, f->len);
    if (strstr(f->name, "-full-")) {
        t->point = t->layout.payload_len > SMALL + CHUNK ? 1 : 2;
    }
}

static void find_targets(struct campaign *c)
{
    struct memory_file *f;
    struct target *newest = NULL;
    for (size_t at = 0; (f = memory_next(&c->mem, ".env", &at));) {
        add_target(c, f);
        struct target *t = &c->target[c->targets - 1];
        bool meta = strstr(f->name, "/meta/") != NULL;
        if (meta && (!newest || strcmp(f->name, newest->file->name) > 0)) {
            newest = t;
        }
    }
    newest->newest = true;
    for (size_t i = 0; i < c->targets; i++) {
        struct target *t = &c->target[i];
        t->held =
            t->layout.len == newest->layout.len && !memcmp(t->saved, newest->saved, t->layout.len);
    }
}

static uint8_t *data_of(uint64_t seed, size_t len)
{
    uint8_t *p = malloc(len + 8);
    fill_bytes(p, seed, len);
    return p;
}

struct campaign *campaign_begin(void)
{
    struct campaign *c = calloc(1, sizeof *c);
    signal(SIGSEGV, on_death);
    signal(SIGABRT, on_death);
    signal(SIGBUS, on_death);
    c->why.size = sizeof c->why;
    c->kms.remembers = true;
    c->thin = 1;
    host_begin(&c->host, &c->kms, 1, 2);
    make_chain(c);
    find_targets(c);
    c->chain = host_open(&c->host, &c->mem, NULL);
    c->want[0] = data_of(1, LARGE);
    c->want[1] = data_of(2, SMALL);
    c->got = malloc(LARGE + 1);
    return c;
}

void campaign_end(struct campaign *c)
{
    envelope_chain_free(c->chain);
    host_end(&c->host);
    memory_store_clear(&c->mem);
    for (size_t i = 0; i < c->targets; i++) {
        free(c->target[i].saved);
    }
    free(c->want[0]);
    free(c->want[1]);
    free(c->got);
    free(c);
}

size_t point_bytes(uint64_t point)
{
    return point == 1 ? LARGE : SMALL;
}

void damage(struct target *t, const struct flip *f)
{
    if (f->what == CUT) {
        t->file->len = f->at;
        return;
    }
    flip_do(&t->layout, f, t->file->data);
}

void mend(struct target *t, const struct flip *f)
{
    size_t from = f->what == IN_TAIL ? t->layout.len - TAIL : 0;
    size_t len = f->what == IN_TAIL ? TAIL : t->layout.payload;
    if (f->what == CUT) {
        t->file->len = t->layout.len;
    } else if (f->what == PAYLOAD) {
        t->file->data[f->at] = t->saved[f->at];
    } else {
        memcpy(t->file->data + from, t->saved + from, len);
    }
}

/* -- what verify says */

static void on_finding(void *user, const envelope_event *event)
{
    static const char *const parts[] = {
        "header copies A and B", "header copy A", "header copy B", "payload", "tail", "object"};
    struct campaign *c = user;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t n = strlen(parts[i]);
        if (strncmp(event->message, parts[i], n) != 0 || event->message[n] != ':' ||
            c->findings == FINDINGS_MAX) {
            continue;
        }
        struct finding *f = &c->finding[c->findings++];
        *f = (struct finding){
            .status = event->status, .offset = (size_t)event->offset, .point = event->point};
        snprintf(f->part, sizeof f->part, "%s", parts[i]);
        snprintf(f->object, sizeof f->object, "%s", event->object ? event->object : "");
        return;
    }
    /* what else is told must say nothing of damage */
    ck_assert_msg(event->kind == ENVELOPE_EVENT_UNWRAP || event->kind == ENVELOPE_EVENT_REFUSED,
                  "%s: event %d: %s", now, event->kind, event->message);
}

void campaign_verify(struct campaign *c, uint64_t point)
{
    const envelope_verify_options o = {.size = sizeof o,
                                       .flags = point ? 0 : ENVELOPE_VERIFY_HEADERS_ONLY,
                                       .point = point,
                                       .event = on_finding,
                                       .user = c};
    c->findings = 0;
    c->host.events = 0;
    c->why.message[0] = 0;
    c->verdict = envelope_chain_verify(c->chain, &o, &c->why);
}

void campaign_verify_alone(struct campaign *c, const struct target *t)
{
    bool hidden[TARGETS_MAX];
    for (size_t i = 0; i < c->targets; i++) {
        hidden[i] = c->target[i].file->hidden;
        c->target[i].file->hidden = hidden[i] || (!c->target[i].point && &c->target[i] != t);
    }
    campaign_verify(c, 0);
    for (size_t i = 0; i < c->targets; i++) {
        c->target[i].file->hidden = hidden[i];
    }
}

static char reason[512];

static const char *judge_one(const struct finding *f, const struct target *t,
                             const struct truth *truth, size_t i)
{
    envelope_status want = truth->say[i].status;
    const char *said = envelope_status_name(f->status);
    if (strcmp(f->object, t->file->name) != 0 || f->point != t->point) {
        snprintf(reason, sizeof reason, "named object %s, point %d", f->object, (int)f->point);
    } else if (strcmp(f->part, truth->say[i].part) != 0) {
        snprintf(reason, sizeof reason, "named %s (%s), not %s", f->part, said, truth->say[i].part);
    } else if (f->status != want) {
        snprintf(reason, sizeof reason, "%s: %s, not %s", f->part, said,
                 envelope_status_name(want));
    } else if (truth->say[i].offset != SIZE_MAX && truth->say[i].offset != f->offset) {
        snprintf(reason, sizeof reason, "%s: at byte %zu, not %zu", f->part, f->offset,
                 truth->say[i].offset);
    } else {
        return NULL;
    }
    return reason;
}

/* The worst of what must be said: altered before damaged. */
static envelope_status worst(const struct truth *truth)
{
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !truth->no_fault && i < truth->said; i++) {
        st = !st || truth->say[i].status == ENVELOPE_E_AUTH ? truth->say[i].status : st;
    }
    return st;
}

const char *judge(const struct campaign *c, const struct target *t, const struct truth *truth)
{
    if (c->findings != truth->said) {
        snprintf(reason, sizeof reason, "%zu findings, not %zu (%s: %.300s)", c->findings,
                 truth->said, envelope_status_name(c->verdict), c->why.message);
        return reason;
    }
    for (size_t i = 0; i < truth->said; i++) {
        const char *wrong = judge_one(&c->finding[i], t, truth, i);
        if (wrong) {
            return wrong;
        }
    }
    if (c->verdict != worst(truth)) {
        snprintf(reason, sizeof reason, "verify returned %s", envelope_status_name(c->verdict));
        return reason;
    }
    if (c->verdict && !strstr(c->why.message, t->file->name)) {
        snprintf(reason, sizeof reason, "its message does not name the object: %.400s",
                 c->why.message);
        return reason;
    }
    return NULL;
}

/* -- what is read */

static const char *wrong_read(const char *what, envelope_status st)
{
    snprintf(reason, sizeof reason, "%s: %s", what, envelope_status_name(st));
    return reason;
}

static bool all_zero(const uint8_t *p, size_t len)
{
    return !len || (p[0] == 0 && !memcmp(p, p + 1, len - 1));
}

/* One chunk fails and gives nothing; the others are as they were. */
static const char *read_chunks(struct campaign *c, envelope_reader *r, size_t bytes, size_t bad)
{
    const uint8_t *want = c->want[bytes == LARGE ? 0 : 1];
    for (size_t at = 0; at < bytes; at += CHUNK) {
        size_t n = bytes - at < CHUNK ? bytes - at : CHUNK;
        size_t got = 0;
        memset(c->got, 0xaa, n);
        envelope_status st = envelope_reader_pread(r, at, c->got, n, &got, NULL);
        bool right = at / CHUNK == bad ? st == ENVELOPE_E_AUTH && !got && all_zero(c->got, n)
                                       : !st && got == n && !memcmp(c->got, want + at, n);
        if (!right) {
            return wrong_read("a chunk", st);
        }
    }
    return NULL;
}

static const char *read_served(struct campaign *c, envelope_reader *r, uint64_t point, size_t bad)
{
    size_t bytes = point_bytes(point);
    size_t got = 0;
    if (envelope_reader_bytes(r) != bytes) {
        return "its length is another";
    }
    memset(c->got, 0xaa, bytes);
    envelope_status st = envelope_reader_pread(r, 0, c->got, bytes + 1, &got, NULL);
    if (bad == SIZE_MAX) {
        bool right = !st && got == bytes && !memcmp(c->got, c->want[point - 1], bytes);
        return right ? NULL : wrong_read("reading all", st);
    }
    if (st != ENVELOPE_E_AUTH || got || !all_zero(c->got, bytes)) {
        return wrong_read("reading all, a chunk damaged", st);
    }
    return read_chunks(c, r, bytes, bad);
}

const char *read_point(struct campaign *c, envelope_chain *chain, uint64_t point,
                       const struct truth *truth)
{
    envelope_reader *r = NULL;
    c->host.events = 0;
    envelope_status st = envelope_reader_new(chain, point, &r, NULL);
    if (truth->served == BY_NOTHING) {
        envelope_reader_free(r);
        return st == truth->say[0].status && !r ? NULL : wrong_read("opened, not served", st);
    }
    if (st) {
        return wrong_read("not served", st);
    }
    bool warned = host_event(&c->host, ENVELOPE_EVENT_REPAIRED) != NULL;
    const char *wrong = read_served(c, r, point, truth->bad_chunk);
    envelope_reader_free(r);
    if (!wrong && warned != (truth->served == BY_TWIN || truth->served == BY_CATALOGUE)) {
        return "who served it was not told";
    }
    return wrong;
}

/* Writes the small chain into the folder ENVELOPE_EXPORT, and into `verdicts` there a sample of
 * flips and lengths with what verify said, a line each:
 *
 *     object TAB what copies mended at bit TAB served TAB part=status;...
 *
 * what: 0 header, 1 payload, 2 tail, 3 cut; copies: 1 A, 2 B, 3 both; served: by 0 header, 1 twin,
 * 2 catalogue, 3 nothing; 4: all but one chunk. The second reader is asked about the same. */
#include "walk.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static FILE *verdicts;

static void make_folders(char *path, size_t below)
{
    for (char *slash = path + below; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    ck_assert_int_lt(snprintf(path, sizeof path, "%s/%s", folder, name), (int)sizeof path);
    make_folders(path, strlen(folder) + 1);
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    return f;
}

static void write_chain(const struct campaign *c, const char *folder)
{
    for (size_t i = 0; i < c->targets; i++) {
        const struct target *t = &c->target[i];
        FILE *f = create(folder, t->file->name);
        ck_assert_uint_eq(fwrite(t->saved, 1, t->layout.len, f), t->layout.len);
        ck_assert_int_eq(fclose(f), 0);
    }
}

static const char *serves(struct run *r, const struct truth *truth)
{
    return r->t->point ? read_point(r->c, r->c->chain, r->t->point, truth) : NULL;
}

static void say(struct run *r, const struct flip *f, const struct truth *truth)
{
    bool part = truth->served == BY_HEADER && truth->bad_chunk != SIZE_MAX;
    fprintf(verdicts, "%s\t%d %d %d %zu %u\t%d\t", r->t->file->name, (int)f->what, f->copies,
            f->mend, f->at, f->bit, part ? 4 : (int)truth->served);
    for (size_t i = 0; i < r->c->findings; i++) {
        fprintf(verdicts, "%s%s=%s", i ? ";" : "", r->c->finding[i].part,
                envelope_status_name(r->c->finding[i].status));
    }
    fputc('\n', verdicts);
}

START_TEST(export)
{
    const char *folder = getenv("ENVELOPE_EXPORT");
    struct run r = run_begin(0, serves);
    r.log = say;
    bool thorough = r.plan.whole;
    r.plan.whole = false; /* Python takes its time */
    write_chain(r.c, folder);
    verdicts = create(folder, "verdicts");
    for (size_t i = 0; i < r.c->targets; i++) {
        r.t = &r.c->target[i];
        bool much = r.t->point == 2 || r.t->newest;
        r.c->shape_whole = much;
        r.c->thin = thorough ? 1 : much ? 8 : 32;
        walk_headers(&r);
        walk_payload(&r, r.t->point == 1 ? 512 : 16);
        walk_tail(&r);
        walk_cuts(&r);
    }
    ck_assert_int_eq(fclose(verdicts), 0);
    run_end(&r);
}
END_TEST

Suite *suite(void)
{
    if (!getenv("ENVELOPE_EXPORT")) {
        skip_all("ENVELOPE_EXPORT is not set: tests/second-reader/campaign.py runs this");
        return NULL;
    }
    Suite *s = suite_create("campaign_export");
    TCase *t = tcase_create("export");
    tcase_set_timeout(t, 36000);
    tcase_add_test(t, export);
    suite_add_tcase(s, t);
    return s;
}

#include "chain/parent.h"
#include "base/error.h"
#include <string.h>

struct search {
    envelope_chain *chain;
    struct env_catalogue *catalogue;
    const struct env_parent_wish *wish;
    const struct env_listener *events;
    struct env_files files;
    struct env_parent *out;
};

void env_parent_free(envelope_chain *chain, struct env_parent *p)
{
    env_disk_close(p->disk);
    if (p->source.ctx) {
        env_source_close(&p->source);
    }
    env_secret_free(chain->ctx, p->pairs, (size_t)p->room * ENV_PAIR_BYTES);
    memset(p, 0, sizeof *p);
    p->row = SIZE_MAX;
}

/* W5 (d): greatest (metadata number, number), never of unverified origin. */
static size_t latest(const struct env_catalogue *c)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < c->row_count; i++) {
        const struct env_row *row = &c->rows[i];
        bool better = best == SIZE_MAX || row->metadata_number >= c->rows[best].metadata_number;
        best = row->provenance != ENV_FROM_OPERATOR && better ? i : best; /* numbers rise */
    }
    return best;
}

static uint32_t depth_of(const struct env_catalogue *c, size_t row)
{
    uint32_t depth = 1;
    while (c->rows[row].parent && depth <= ENV_ANCESTORS_MAX) {
        row = env_catalogue_find_number(c, c->rows[row].parent);
        if (row == SIZE_MAX) {
            return UINT32_MAX; /* an ancestor was lost */
        }
        depth++;
    }
    return depth;
}

/* -- pairs: the DEKs of what the point inherits from */

static envelope_status whole(const struct search *s, size_t row, envelope_error *err)
{
    const struct env_row *r = row == SIZE_MAX ? NULL : &s->catalogue->rows[row];
    const struct env_name *file = r ? env_files_find(&s->files, r->object_id) : NULL;
    if (!r || r->flags & ENV_ROW_DEK_UNKNOWN) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND,
                        "the catalogue does not have all the points that it inherits from");
    }
    if (!file || file->bytes < r->stored_bytes) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND, "the object of point %llu is missing or short",
                        (unsigned long long)r->number);
    }
    return ENVELOPE_OK;
}

/* What is made of it must be restored by its own header, also when all metadata is lost. */
static envelope_status has_header(const struct search *s, size_t row,
                                  const struct env_source *source, envelope_error *err)
{
    return source->served != ENV_SERVED_CATALOGUE
               ? ENVELOPE_OK
               : env_fail(
                     err, ENVELOPE_E_FORMAT,
                     "point %llu is read by the catalogue alone, both copies of its header are "
                     "lost",
                     (unsigned long long)s->catalogue->rows[row].number);
}

/* Its beginning, its end and its length; the bytes between are verify's. */
static envelope_status opens(const struct search *s, size_t row, envelope_error *err)
{
    struct env_source source;
    envelope_status st = whole(s, row, err);
    st = st ? st : env_source_listed(s->chain, s->catalogue, row, &s->files, &source, err);
    if (st) {
        return st;
    }
    st = has_header(s, row, &source, err);
    env_source_close(&source);
    return st;
}

static envelope_status add_pair(struct search *s, size_t row, envelope_error *err)
{
    struct env_parent *p = s->out;
    envelope_status st = opens(s, row, err);
    if (!st && p->count == p->room) {
        st = env_fail(err, ENVELOPE_E_LIMIT, "it inherits from %u points already",
                      (unsigned)p->count);
    }
    if (st) {
        return st;
    }
    uint8_t *pair = p->pairs + (size_t)p->count * ENV_PAIR_BYTES;
    memcpy(pair, s->catalogue->rows[row].link, ENV_LINK_BYTES);
    st = env_catalogue_dek(s->catalogue, row, pair + ENV_LINK_BYTES, err);
    p->count += st ? 0 : 1;
    return st;
}

/* A disk inherits from what its parent's table names; bytes mean what the caller says, so a stream
 * carries every ancestor. */
static envelope_status add_table(struct search *s, envelope_error *err)
{
    struct env_image *image = env_disk_image(s->out->disk);
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; !st && i < env_image_objects(image); i++) {
        st = add_pair(s, env_catalogue_find_link(s->catalogue, env_image_link(image, i)), err);
    }
    return st;
}

static envelope_status add_ancestors(struct search *s, envelope_error *err)
{
    envelope_status st = ENVELOPE_OK;
    uint64_t number = s->catalogue->rows[s->out->row].parent;
    while (!st && number) {
        size_t row = env_catalogue_find_number(s->catalogue, number);
        st = add_pair(s, row, err);
        number = st ? 0 : s->catalogue->rows[row].parent;
    }
    return st;
}

/* -- the parent */

static envelope_status open_disk(struct search *s, envelope_error *err)
{
    struct env_parent *p = s->out;
    envelope_dek *dek = NULL;
    envelope_status st = whole(s, p->row, err);
    st = st ? st : env_source_listed(s->chain, s->catalogue, p->row, &s->files, &p->source, err);
    st = st ? st : env_row_dek(s->catalogue, p->row, &dek, err);
    const struct env_disk_point point = {s->catalogue, &s->catalogue->rows[p->row], dek,
                                         &p->source};
    st = st ? st : env_disk_open(s->chain, &point, &p->disk, err);
    envelope_dek_free(dek);
    return st;
}

static envelope_status fits(const struct search *s, envelope_error *err)
{
    const struct env_row *row = &s->catalogue->rows[s->out->row];
    return row->content == s->wish->content
               ? ENVELOPE_OK
               : env_fail(err, ENVELOPE_E_NOT_FOUND, "point %llu is of another content",
                          (unsigned long long)row->number);
}

static envelope_status fits_blocks(const struct search *s, envelope_error *err)
{
    return s->out->source.footer.block_log2 == s->wish->block_log2
               ? ENVELOPE_OK
               : env_fail(err, ENVELOPE_E_NOT_FOUND, "point %llu has blocks of another size",
                          (unsigned long long)s->catalogue->rows[s->out->row].number);
}

static envelope_status add_pairs(struct search *s, bool image, envelope_error *err)
{
    struct env_parent *p = s->out;
    size_t most = image ? env_image_objects(env_disk_image(p->disk)) + 1 : p->depth;
    p->room = most < ENV_ANCESTORS_MAX ? (uint32_t)most : ENV_ANCESTORS_MAX;
    envelope_status st =
        env_secret_new(s->chain->ctx, (size_t)p->room * ENV_PAIR_BYTES, &p->pairs, err);
    st = st ? st : add_pair(s, p->row, err);
    return st ? st : image ? add_table(s, err) : add_ancestors(s, err);
}

static envelope_status take(struct search *s, envelope_error *err)
{
    struct env_parent *p = s->out;
    const struct env_row *row = &s->catalogue->rows[p->row];
    bool image = s->wish->content == ENV_CONTENT_IMAGE;
    p->number = row->number;
    p->must_read = row->standing != ENV_ATTESTED || row->generation != s->catalogue->generation;
    memcpy(p->link, row->link, ENV_LINK_BYTES);
    envelope_status st = fits(s, err);
    st = st || !image ? st : open_disk(s, err);
    st = st || !image ? st : fits_blocks(s, err);
    return st ? st : add_pairs(s, image, err);
}

/* Something about the parent, not about this process. */
static bool is_parents(envelope_status st)
{
    return st == ENVELOPE_E_NOT_FOUND || st == ENVELOPE_E_FORMAT || st == ENVELOPE_E_AUTH ||
           st == ENVELOPE_E_LIMIT || st == ENVELOPE_E_NO_KEY;
}

static envelope_status none(struct search *s, envelope_status st, const envelope_error *why,
                            envelope_error *err)
{
    bool demanded = s->wish->kind == ENVELOPE_INCREMENT;
    uint64_t number = s->catalogue->rows[s->out->row].number;
    env_parent_free(s->chain, s->out);
    if (!is_parents(st) || demanded) {
        return env_error_pass(err, st, why);
    }
    const struct env_subject subject = {.point = number};
    env_emit(s->events, ENVELOPE_EVENT_DAMAGED, st, &subject,
             "a full point is made, because point %llu cannot be built on: %s",
             (unsigned long long)number, why->message);
    return ENVELOPE_OK;
}

static envelope_status search(struct search *s, envelope_error *err)
{
    struct env_parent *p = s->out;
    envelope_error why = ENVELOPE_ERROR_INIT;
    p->row = latest(s->catalogue);
    if (p->row == SIZE_MAX) {
        return s->wish->kind == ENVELOPE_AUTO
                   ? ENVELOPE_OK
                   : env_fail(err, ENVELOPE_E_NOT_FOUND,
                              "there is no point that an increment could stand on");
    }
    p->depth = depth_of(s->catalogue, p->row);
    const struct env_row *row = &s->catalogue->rows[p->row];
    bool plain = p->depth >= s->wish->full_every || row->content != s->wish->content;
    if (s->wish->kind == ENVELOPE_AUTO && plain && p->depth != UINT32_MAX) {
        p->row = SIZE_MAX; /* due, or the chain was of another content: nothing to tell */
        return ENVELOPE_OK;
    }
    envelope_status st = env_files_list(s->chain, &s->files, err);
    if (st) {
        p->row = SIZE_MAX;
        return st;
    }
    st = p->depth == UINT32_MAX
             ? env_fail(&why, ENVELOPE_E_NOT_FOUND, "one of its ancestors is not listed")
             : take(s, &why);
    env_files_free(s->chain, &s->files);
    return st ? none(s, st, &why, err) : ENVELOPE_OK;
}

envelope_status env_parent_choose(envelope_chain *chain, struct env_catalogue *catalogue,
                                  const struct env_parent_wish *wish,
                                  const struct env_listener *events, struct env_parent *out,
                                  envelope_error *err)
{
    struct search s = {
        .chain = chain, .catalogue = catalogue, .wish = wish, .events = events, .out = out};
    memset(out, 0, sizeof *out);
    out->row = SIZE_MAX;
    return wish->kind == ENVELOPE_FULL ? ENVELOPE_OK : search(&s, err);
}

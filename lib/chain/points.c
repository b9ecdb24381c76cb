/* The public list of points: an immutable snapshot. */
#include "chain/points.h"
#include "base/error.h"
#include "chain/source.h"
#include "format/attributes.h"
#include <string.h>

struct envelope_points {
    envelope_ctx *ctx;
    struct env_view view;
    struct env_files files;
    envelope_chain *chain; /* files' names are its context's */
    envelope_point *point;
    envelope_key_ref *keys; /* of the catalogue's head, by index */
    envelope_key_ref *extra_keys;
    size_t *extra_first; /* where an extra's begin */
    char *text;          /* labels and made-up names */
    size_t text_len;
    size_t text_room;
};

static const char *keep(envelope_points *p, struct env_bytes text)
{
    char *to = p->text + p->text_len;
    if (text.len) {
        memcpy(to, text.p, text.len);
    }
    to[text.len] = 0;
    p->text_len += text.len + 1;
    return to;
}

static uint32_t flags_of(const struct env_view *v, size_t i, const struct env_name *file)
{
    const struct env_row *row = env_view_row(v, i);
    uint32_t flags = row->standing == ENV_DETACHED ? ENVELOPE_POINT_DETACHED : 0;
    if (v->at[i].row == SIZE_MAX) {
        bool proven = v->catalogue && row->standing == ENV_ATTESTED; /* its ATT was verified */
        return flags | ENVELOPE_POINT_UNLISTED | (proven ? 0 : ENVELOPE_POINT_UNVERIFIED);
    }
    flags |= row->flags & ENV_ROW_LATE ? ENVELOPE_POINT_LATE : 0;
    flags |= row->provenance == ENV_FROM_OPERATOR ? ENVELOPE_POINT_UNVERIFIED : 0;
    return flags | (!file || file->bytes < row->stored_bytes ? ENVELOPE_POINT_UNREADABLE : 0);
}

static struct env_bytes label_of(const struct env_view *v, size_t i)
{
    const struct env_point_at *at = &v->at[i];
    if (at->row != SIZE_MAX) {
        return env_catalogue_label(v->catalogue, at->row);
    }
    return ENV_BYTES(v->extras->item[at->extra].label, env_view_row(v, i)->label_len);
}

/* Of an increment that is not listed: whichever point has the LINK that it names. */
static uint64_t parent_of(const struct env_view *v, size_t i)
{
    const struct env_row *row = env_view_row(v, i);
    if (v->at[i].row != SIZE_MAX || row->kind != ENV_KIND_INCREMENT) {
        return row->parent;
    }
    const uint8_t *link = v->extras->item[v->at[i].extra].parent;
    size_t listed = v->catalogue ? env_catalogue_find_link(v->catalogue, link) : SIZE_MAX;
    if (listed != SIZE_MAX) {
        return v->catalogue->rows[listed].number;
    }
    size_t extra = env_extras_find(v->extras, link);
    return extra == SIZE_MAX ? 0 : v->extra_number[extra];
}

void env_row_name(const envelope_chain *chain, const struct env_row *row,
                  char out[ENV_NAME_MAX + 1])
{
    env_name_point(out, chain->folder, row->begun_ms, row->kind == ENV_KIND_FULL ? "full" : "incr",
                   row->object_id);
}

static void fill(envelope_points *p, size_t i)
{
    const struct env_row *row = env_view_row(&p->view, i);
    const struct env_name *file = env_files_find(&p->files, row->object_id);
    envelope_point *to = &p->point[i];
    char name[ENV_NAME_MAX + 1];
    env_row_name(p->chain, row, name);
    *to = (envelope_point){
        .size = sizeof *to,
        .number = p->view.at[i].number,
        .parent = parent_of(&p->view, i),
        .kind = row->kind,
        .content = row->content,
        .flags = flags_of(&p->view, i, file),
        .bytes = row->bytes,
        .stored_bytes = row->stored_bytes,
        .begun_ms = row->begun_ms,
        .ended_ms = row->ended_ms,
        .label = keep(p, label_of(&p->view, i)),
        .object = file ? file->name : keep(p, ENV_BYTES(name, strlen(name))),
    };
    to->key = envelope_points_key(p, i, 0);
}

static envelope_status fill_keys(envelope_points *p, envelope_error *err)
{
    const struct env_view *v = &p->view;
    size_t keys = v->catalogue ? v->catalogue->head.keys.count : 0;
    p->keys = env_alloc_array(p->ctx, keys, sizeof *p->keys);
    if (!p->keys) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < keys; i++) {
        p->keys[i] = env_key_as_ref(&v->catalogue->head.keys.item[i]);
    }
    return ENVELOPE_OK;
}

static envelope_status fill_extra_keys(envelope_points *p, envelope_error *err)
{
    const struct env_extras *e = p->view.extras;
    size_t extras = e ? e->count : 0;
    size_t all = 0;
    for (size_t i = 0; i < extras; i++) {
        all += e->item[i].slots->count;
    }
    p->extra_keys = env_alloc_array(p->ctx, all, sizeof *p->extra_keys);
    p->extra_first = env_alloc_array(p->ctx, extras, sizeof *p->extra_first);
    if (!p->extra_keys || !p->extra_first) {
        return env_nomem(err);
    }
    for (size_t i = 0, at = 0; i < extras; i++) {
        const struct env_slots *slots = e->item[i].slots;
        p->extra_first[i] = at;
        for (size_t k = 0; k < slots->count; k++) {
            p->extra_keys[at++] = env_slot_ref(&slots->slot[k]);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status build(envelope_points *p, envelope_error *err)
{
    envelope_status st = env_view_new(p->chain, &p->view, err);
    st = st ? st : env_files_list(p->chain, &p->files, err);
    st = st ? st : fill_keys(p, err);
    st = st ? st : fill_extra_keys(p, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < p->view.count; i++) {
        p->text_room += label_of(&p->view, i).len + ENV_NAME_MAX + 2;
    }
    p->text = env_alloc(p->ctx, p->text_room);
    p->point = env_alloc_array(p->ctx, p->view.count, sizeof *p->point);
    if (!p->text || !p->point) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < p->view.count; i++) {
        fill(p, i);
    }
    return ENVELOPE_OK;
}

envelope_status envelope_chain_points(const envelope_chain *chain, envelope_points **out,
                                      envelope_error *err)
{
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    if (st) {
        return st;
    }
    *out = NULL;
    envelope_points *p = env_alloc(chain->ctx, sizeof *p);
    if (!p) {
        return env_nomem(err);
    }
    p->ctx = env_ctx_retain(chain->ctx);
    p->view.ctx = chain->ctx;
    p->chain = env_chain_retain((envelope_chain *)(uintptr_t)chain);
    st = build(p, err);
    if (st) {
        envelope_points_free(p);
        return st;
    }
    *out = p;
    return ENVELOPE_OK;
}

void envelope_points_free(envelope_points *p)
{
    if (!p) {
        return;
    }
    envelope_ctx *ctx = p->ctx;
    env_free(ctx, p->point);
    env_free(ctx, p->keys);
    env_free(ctx, p->extra_keys);
    env_free(ctx, p->extra_first);
    env_free(ctx, p->text);
    env_files_free(p->chain, &p->files);
    env_view_free(&p->view);
    envelope_chain_free(p->chain);
    env_free(ctx, p);
    env_ctx_release(ctx);
}

size_t envelope_points_count(const envelope_points *p)
{
    return p ? p->view.count : 0;
}

const envelope_point *envelope_points_at(const envelope_points *p, size_t i)
{
    return p && i < p->view.count ? &p->point[i] : NULL;
}

const void *envelope_points_attribute(const envelope_points *p, size_t i, const char *name,
                                      size_t *len)
{
    struct env_bytes value = {NULL, 0};
    if (len) {
        *len = 0;
    }
    if (!p || i >= p->view.count || !name) {
        return NULL;
    }
    const struct env_point_at *at = &p->view.at[i];
    const struct env_row *row = env_view_row(&p->view, i);
    struct env_bytes all =
        at->row != SIZE_MAX
            ? env_catalogue_attributes(p->view.catalogue, at->row)
            : ENV_BYTES(p->view.extras->item[at->extra].attributes, row->attributes_len);
    if (!env_attributes_find(all, name, &value)) {
        return NULL;
    }
    if (len) {
        *len = value.len;
    }
    return value.p;
}

size_t envelope_points_key_count(const envelope_points *p, size_t i)
{
    if (!p || i >= p->view.count) {
        return 0;
    }
    const struct env_point_at *at = &p->view.at[i];
    if (at->row == SIZE_MAX) {
        return p->view.extras->item[at->extra].slots->count;
    }
    return p->view.catalogue->head.key_sets[p->view.catalogue->rows[at->row].key_set].count;
}

const envelope_key_ref *envelope_points_key(const envelope_points *p, size_t i, size_t k)
{
    if (k >= envelope_points_key_count(p, i)) {
        return NULL;
    }
    const struct env_point_at *at = &p->view.at[i];
    if (at->row == SIZE_MAX) {
        return &p->extra_keys[p->extra_first[at->extra] + k];
    }
    const struct env_catalogue *c = p->view.catalogue;
    return &p->keys[c->head.key_sets[c->rows[at->row].key_set].key[k]];
}

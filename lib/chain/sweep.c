/* What is left of forgotten points (storage.md, "forget"): their objects go once the tombstones are
 * durable, children before parents, so that a crash leaves no child without its parent. A write
 * under way that may inherit from one keeps it, for the next run: its temporary file was there
 * before the tombstones could be seen, or it sees them when it reads metadata again. */
#include "base/error.h"
#include "chain/metadata.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the store cannot tell what is under way. */
static const int64_t wait_ms = INT64_C(24) * 60 * 60 * 1000;

struct doomed {
    char *name;
    uint64_t bytes;
    uint64_t number;
    int64_t forgotten_ms;
    bool waits;
    uint8_t link[ENV_LINK_BYTES];
    uint8_t parent[ENV_LINK_BYTES];
};
struct sweep {
    envelope_chain *chain;
    const struct env_listener *events;
    const struct env_catalogue *newest;
    size_t count;
    struct doomed *item;     /* in the order of removal */
    struct doomed **by_link; /* the same, in order of LINKs */
    bool unread;             /* a forgotten object is there, and what it stands on is not known */
    struct env_swept *out;
};

/* Names are hints: somebody may have given a forgotten point's name to another object. */
static bool is_it(const struct sweep *s, const struct env_headers *headers,
                  const struct env_tombstone *stone)
{
    bool same = true;
    for (int i = 0; i < 2; i++) {
        const struct env_id *id = &headers->copy[i].id;
        same = same && (!headers->whole[i] ||
                        (!memcmp(id->object_id, stone->object_id, ENV_OBJECT_ID_BYTES) &&
                         !memcmp(id->chain_id, s->chain->chain_id, ENV_CHAIN_ID_BYTES)));
    }
    return same && env_catalogue_find_object(s->newest, stone->object_id) == SIZE_MAX;
}

static envelope_status consider(struct sweep *s, const struct env_name *file, envelope_error *err)
{
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    struct env_opened opened;
    const char *rest = file->name + strlen(s->chain->folder);
    if (env_name_is_keys_copy(rest) || !env_name_object_id(rest, object_id)) {
        return ENVELOPE_OK;
    }
    const struct env_tombstone *stone = env_catalogue_tombstone(s->newest, object_id);
    if (!stone) {
        return ENVELOPE_OK;
    }
    if (env_headers_open(s->chain->store, file->name, &opened, NULL)) {
        s->unread = true; /* what cannot be read is not removed */
        return ENVELOPE_OK;
    }
    envelope_status st = ENVELOPE_OK;
    if (is_it(s, opened.headers, stone)) {
        struct doomed *d = &s->item[s->count];
        *d = (struct doomed){.name = env_strdup(s->chain->ctx, file->name),
                             .bytes = file->bytes,
                             .number = stone->number,
                             .forgotten_ms = stone->time_ms};
        memcpy(d->link, opened.headers->link, ENV_LINK_BYTES);
        memcpy(d->parent, env_headers_id(opened.headers)->parent, ENV_LINK_BYTES);
        st = d->name ? ENVELOPE_OK : env_nomem(err);
        s->count += st ? 0 : 1;
    }
    env_opened_close(&opened);
    return st;
}

static envelope_status list(const struct sweep *s, struct env_names *names, envelope_error *err)
{
    char prefix[ENV_NAME_MAX + 1];
    if (snprintf(prefix, sizeof prefix, "%spoints/", s->chain->folder) >= (int)sizeof prefix) {
        return env_fail(err, ENVELOPE_E_INVALID, "a folder's name is too long");
    }
    return env_store_list(s->chain->store, prefix, names, err);
}

static envelope_status collect(struct sweep *s, envelope_error *err)
{
    struct env_names names;
    envelope_status st = list(s, &names, err);
    if (st) {
        return st;
    }
    s->item = env_alloc_array(s->chain->ctx, names.count + 1, sizeof *s->item);
    st = s->item ? ENVELOPE_OK : env_nomem(err);
    for (size_t i = 0; !st && i < names.count; i++) {
        st = consider(s, &names.item[i], err);
    }
    env_names_free(&names);
    return st;
}

static int newest_first(const void *a, const void *b)
{
    const struct doomed *x = a;
    const struct doomed *y = b;
    return (x->number < y->number) - (x->number > y->number);
}

static int link_order(const void *a, const void *b)
{
    return memcmp((*(struct doomed *const *)a)->link, (*(struct doomed *const *)b)->link,
                  ENV_LINK_BYTES);
}

static envelope_status sort(struct sweep *s, envelope_error *err)
{
    s->by_link = env_alloc_array(s->chain->ctx, s->count, sizeof(struct doomed *));
    if (!s->by_link) {
        return env_nomem(err);
    }
    qsort(s->item, s->count, sizeof *s->item, newest_first);
    for (size_t i = 0; i < s->count; i++) {
        s->by_link[i] = &s->item[i];
    }
    qsort(s->by_link, s->count, sizeof(struct doomed *), link_order);
    return ENVELOPE_OK;
}

/* -- writes under way */

static void all_wait(struct sweep *s)
{
    for (size_t i = 0; i < s->count; i++) {
        s->item[i].waits = true;
    }
}

static struct doomed *by_link(struct sweep *s, const uint8_t link[ENV_LINK_BYTES])
{
    struct doomed key;
    const struct doomed *const wanted = &key;
    memcpy(key.link, link, ENV_LINK_BYTES);
    struct doomed **hit =
        bsearch(&wanted, s->by_link, s->count, sizeof(struct doomed *), link_order);
    return hit ? *hit : NULL;
}

/* The object with this LINK and all that it stands on. Where the way down ends at an object that
 * is not known, that one may be the forgotten one whose header cannot be read today: then anything
 * may be below it. */
static void wait_for(struct sweep *s, const uint8_t link[ENV_LINK_BYTES])
{
    const uint8_t *next = link;
    struct doomed *d = by_link(s, next);
    while (d && !d->waits) {
        d->waits = true;
        next = d->parent;
        d = by_link(s, next);
    }
    if (!d && s->unread && !env_all_zero(next, ENV_LINK_BYTES) &&
        env_catalogue_find_link(s->newest, next) == SIZE_MAX) {
        all_wait(s);
    }
}

/* Whatever it stands on stays; one whose header cannot be read may stand on anything. */
static void respect(struct sweep *s, const char *name)
{
    struct env_opened opened;
    if (env_headers_open(s->chain->store, name, &opened, NULL)) {
        all_wait(s);
        return;
    }
    const struct env_id *id = env_headers_id(opened.headers);
    if (id->kind == ENV_KIND_INCREMENT) {
        wait_for(s, id->parent);
    }
    env_opened_close(&opened);
}

/* A point that is there, whose parent is not listed: its parent was forgotten while it was written.
 */
static bool is_orphan(const struct sweep *s, const struct env_name *file)
{
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    const char *rest = file->name + strlen(s->chain->folder);
    if (env_name_is_keys_copy(rest) || !env_name_object_id(rest, object_id)) {
        return false;
    }
    size_t row = env_catalogue_find_object(s->newest, object_id);
    if (row == SIZE_MAX) {
        return !env_catalogue_tombstoned(s->newest, object_id);
    }
    return s->newest->rows[row].kind == ENV_KIND_INCREMENT && s->newest->rows[row].parent == 0;
}

static envelope_status respect_orphans(struct sweep *s, envelope_error *err)
{
    struct env_names names;
    envelope_status st = list(s, &names, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < names.count; i++) {
        if (is_orphan(s, &names.item[i])) {
            respect(s, names.item[i].name);
        }
    }
    env_names_free(&names);
    return ENVELOPE_OK;
}

static envelope_status respect_writes(struct sweep *s, envelope_error *err)
{
    struct env_names names;
    bool known;
    envelope_status st =
        env_store_in_progress(s->chain->store, s->chain->folder, &names, &known, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < names.count; i++) {
        respect(s, names.item[i].name);
    }
    for (size_t i = 0; !known && i < s->count; i++) {
        struct doomed *d = &s->item[i];
        d->waits = d->waits || env_now_ms() - d->forgotten_ms < wait_ms;
    }
    env_names_free(&names);
    return ENVELOPE_OK;
}

/* -- removal */

static void tell(struct sweep *s, const struct doomed *d, envelope_status st, const char *what)
{
    const struct env_subject subject = {.object = d->name, .point = d->number};
    env_emit(s->events, ENVELOPE_EVENT_FORGOTTEN, st, &subject, "%s: %s", d->name, what);
}

/* A child that stays keeps its parents: in the order of removal they come behind it. */
static void remove_one(struct sweep *s, struct doomed *d)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = d->waits ? ENVELOPE_OK : env_store_remove(s->chain->store, d->name, &why);
    if (!d->waits && !st) {
        s->out->freed += d->bytes;
        tell(s, d, ENVELOPE_OK, "removed");
        return;
    }
    s->out->waiting += d->bytes;
    tell(s, d, st,
         st ? why.message : "waits: a point that stays, or a write under way, may need it");
    wait_for(s, d->parent);
}

envelope_status env_sweep(envelope_chain *chain, const struct env_listener *events,
                          const struct env_catalogue *newest, struct env_swept *out,
                          envelope_error *err)
{
    struct sweep s = {.chain = chain, .events = events, .newest = newest, .out = out};
    *out = (struct env_swept){0, 0};
    if (!newest->head.tombstone_count) {
        return ENVELOPE_OK;
    }
    envelope_status st = collect(&s, err);
    st = st || !s.count ? st : sort(&s, err);
    st = st || !s.count ? st : respect_writes(&s, err);
    st = st || !s.count ? st : respect_orphans(&s, err);
    for (size_t i = 0; !st && i < s.count; i++) {
        remove_one(&s, &s.item[i]);
    }
    for (size_t i = 0; i < s.count; i++) {
        env_free(chain->ctx, s.item[i].name);
    }
    env_free(chain->ctx, s.item);
    env_free(chain->ctx, s.by_link);
    return st;
}

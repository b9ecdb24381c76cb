/* Keys copies and what is kept of old metadata (storage.md, section 1). */
#include "base/error.h"
#include "chain/metadata.h"
#include <stdlib.h>
#include <string.h>

/* KEEP_WHEN_FULL: metadata, where the store has no room for the next. */
enum { KEEP_METADATA = 8, KEEP_WHEN_FULL = 2, KEEP_COPIES = 2, COPY_BUFFER = 1 << 18 };

/* -- keys copy */

static envelope_status copy_all(struct env_store_file *from, struct env_store_writer *to,
                                uint8_t *buf, envelope_error *err)
{
    for (uint64_t at = 0; at < from->bytes; at += COPY_BUFFER) {
        uint64_t left = from->bytes - at;
        size_t n = left < COPY_BUFFER ? (size_t)left : COPY_BUFFER;
        envelope_status st = env_store_read(from, at, buf, n, err);
        st = st ? st : env_store_write(to, buf, n, err);
        if (st) {
            return st;
        }
    }
    return ENVELOPE_OK;
}

static envelope_status same_bytes(envelope_chain *chain, struct env_store_file *from,
                                  const char *name, uint8_t *buf, envelope_error *err)
{
    struct env_store_file there;
    uint8_t *other = buf + COPY_BUFFER;
    envelope_status st = env_store_open(chain->store, name, &there, err);
    if (st) {
        return st;
    }
    bool same = there.bytes == from->bytes;
    for (uint64_t at = 0; !st && same && at < from->bytes; at += COPY_BUFFER) {
        uint64_t left = from->bytes - at;
        size_t n = left < COPY_BUFFER ? (size_t)left : COPY_BUFFER;
        st = env_store_read(from, at, buf, n, err);
        st = st ? st : env_store_read(&there, at, other, n, err);
        same = !st && !memcmp(buf, other, n);
    }
    env_store_close(&there);
    if (!st && !same) {
        st = env_fail(err, ENVELOPE_E_EXISTS,
                      "%s is there and is not a copy of metadata: move it away", name);
    }
    return st;
}

static envelope_status put_copy(envelope_chain *chain, struct env_store_file *from,
                                const char *name, uint8_t *buf, envelope_error *err)
{
    struct env_store_writer to;
    envelope_status st = env_store_create(chain->store, name, from->bytes, &to, err);
    if (st && st != ENVELOPE_E_EXISTS) {
        return st;
    }
    if (!st) {
        st = copy_all(from, &to, buf, err);
        if (st) {
            env_store_abort(&to);
            return st;
        }
        st = env_store_finish(&to, err);
    }
    return st == ENVELOPE_E_EXISTS ? same_bytes(chain, from, name, buf, err) : st;
}

envelope_status env_put_keys_copy(envelope_chain *chain, const struct env_catalogue *c,
                                  envelope_error *err)
{
    char meta[ENV_NAME_MAX + 1];
    char name[ENV_NAME_MAX + 1];
    struct env_store_file from;
    env_name_metadata(meta, chain->folder, c->id.number);
    env_name_point(name, chain->folder, c->sealed_ms, "keys", c->id.object_id);
    uint8_t *buf = env_alloc_array(chain->ctx, 2, COPY_BUFFER);
    if (!buf) {
        return env_nomem(err);
    }
    const struct env_listener events = ENV_LISTENER(chain->ctx);
    envelope_status st = env_store_open(chain->store, meta, &from, err);
    if (!st) {
        st = put_copy(chain, &from, name, buf, err);
        if (st == ENVELOPE_E_NO_SPACE && env_make_room(chain, &events, c)) {
            st = put_copy(chain, &from, name, buf, err);
        }
        env_store_close(&from);
    }
    env_free(chain->ctx, buf);
    if (st) {
        env_error_prefix(err, "the keys copy of metadata %llu", (unsigned long long)c->id.number);
    }
    return st;
}

/* -- pruning: only what `past` lists by number and LINK is counted or removed; no unwrap is needed
 */

static bool ours(const struct env_catalogue *newest, const struct env_seen *seen)
{
    return seen->status == ENVELOPE_OK && seen->id.kind == ENV_KIND_METADATA &&
           env_catalogue_descends(newest, seen->id.number, seen->link);
}

static int by_number(const void *a, const void *b)
{
    const struct env_seen *x = a;
    const struct env_seen *y = b;
    return x->id.number == y->id.number  ? strcmp(x->name, y->name)
           : x->id.number > y->id.number ? -1
                                         : 1;
}

static bool drop(envelope_chain *chain, const struct env_listener *events, const char *name)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = env_store_remove(chain->store, name, &why);
    if (st && st != ENVELOPE_E_REFUSED) { /* retained storage keeps more: no event */
        const struct env_subject subject = {.object = name};
        env_emit(events, ENVELOPE_EVENT_DAMAGED, st, &subject, "%s is not removed: %s", name,
                 why.message);
    }
    return !st;
}

/* How many went. */
static size_t prune_metadata(envelope_chain *chain, const struct env_listener *events,
                             const struct env_catalogue *newest, const struct env_seen_list *seen,
                             size_t keep)
{
    size_t kept = 0;
    size_t gone = 0;
    for (size_t i = 0; i < seen->count; i++) {
        const struct env_seen *s = &seen->item[i];
        if (s->in_meta && ours(newest, s) && ++kept > keep) {
            gone += drop(chain, events, s->name);
        }
    }
    return gone;
}

/* Index of the key set that a copy's slots are, SIZE_MAX: none that the head has. */
static size_t set_of(envelope_chain *chain, const struct env_catalogue *newest, const char *name)
{
    struct env_opened opened;
    uint32_t set[ENV_SLOTS_LIMIT];
    uint32_t count = 0;
    if (env_headers_open(chain->store, name, &opened, NULL)) {
        return SIZE_MAX;
    }
    const struct env_slots *slots = opened.headers->slots[opened.headers->first];
    for (size_t i = 0; i < slots->count; i++) {
        struct env_key key = env_slot_key(&slots->slot[i]);
        size_t at = env_keys_find(&newest->head.keys, &key);
        uint32_t k = count++;
        for (; k > 0 && set[k - 1] > at; k--) {
            set[k] = set[k - 1];
        }
        set[k] = at == SIZE_MAX ? UINT32_MAX : (uint32_t)at;
    }
    env_opened_close(&opened);
    for (size_t i = 0; i < newest->head.key_set_count; i++) {
        const struct env_key_set *s = &newest->head.key_sets[i];
        if (s->count == count && !memcmp(s->key, set, count * sizeof set[0])) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void prune_copies(envelope_chain *chain, const struct env_listener *events,
                         const struct env_catalogue *newest, const struct env_seen_list *seen,
                         bool proven, uint8_t *needed)
{
    size_t kept = 0;
    size_t first_set = SIZE_MAX;
    for (size_t i = 0; i < newest->row_count; i++) {
        needed[newest->rows[i].key_set] = 1;
    }
    for (size_t i = 0; i < seen->count; i++) {
        const struct env_seen *s = &seen->item[i];
        if (s->in_meta || !ours(newest, s)) {
            continue;
        }
        size_t set = set_of(chain, newest, s->name);
        bool last_of_set = set != SIZE_MAX && needed[set]; /* the highest number comes first */
        if (set != SIZE_MAX) {
            needed[set] = 0;
        }
        if (kept++ == 0) {
            first_set = set;
        }
        bool may_go = proven || (set != SIZE_MAX && set == first_set);
        if (kept > KEEP_COPIES && !last_of_set && may_go) {
            (void)drop(chain, events, s->name);
        }
    }
}

/* Newest first. */
static bool scan(envelope_chain *chain, const struct env_listener *events,
                 struct env_seen_list *seen)
{
    if (env_scan_metadata(chain, events, seen, NULL)) {
        return false; /* nothing is lost by keeping more */
    }
    qsort(seen->item, seen->count, sizeof *seen->item, by_number);
    return true;
}

bool env_make_room(envelope_chain *chain, const struct env_listener *events,
                   const struct env_catalogue *newest)
{
    struct env_seen_list seen;
    if (!scan(chain, events, &seen)) {
        return false;
    }
    size_t gone = prune_metadata(chain, events, newest, &seen, KEEP_WHEN_FULL);
    env_seen_free(&seen);
    return gone > 0;
}

void env_prune(envelope_chain *chain, const struct env_listener *events,
               const struct env_catalogue *newest, bool proven)
{
    struct env_seen_list seen;
    if (!scan(chain, events, &seen)) {
        return;
    }
    (void)prune_metadata(chain, events, newest, &seen, KEEP_METADATA);
    uint8_t *needed = env_alloc(chain->ctx, newest->head.key_set_count + 1);
    if (needed) {
        prune_copies(chain, events, newest, &seen, proven, needed);
        env_free(chain->ctx, needed);
    }
    env_seen_free(&seen);
}

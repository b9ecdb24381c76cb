/* Writing a point: storage.md, section 5, "backup". The numbers of the steps are that list's. */
#include "object/writer.h"
#include "base/error.h"
#include "base/text.h"
#include "chain/metadata.h"
#include "chain/parent.h"
#include "chain/pinning.h"
#include "crypto/random.h"
#include "format/attributes.h"
#include "image/writer.h"
#include <string.h>

enum { ATTEMPTS = 100, FULL_EVERY = 30 };

struct envelope_writer {
    envelope_chain *chain;
    char name[ENV_NAME_MAX + 1]; /* of the object */
    char *label;
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    struct env_id id;
    int64_t begun_ms;
    uint64_t expected; /* number */
    envelope_dek *dek;
    struct env_slots *slots;
    struct env_store_writer file;
    struct env_object_writer *object;
    struct env_parent_wish wish;
    struct env_parent parent;
    struct env_image_writer *image; /* content image; else NULL */
    uint8_t *attributes;            /* final ones, ENV_ATTRIBUTES_MAX */
    size_t attributes_len;
    size_t begin_len; /* of those known at begin: both together are limited */
    bool lent;        /* another thread seals and writes */
    bool proven;      /* the generation's metadata was opened again by its KMS in this run */
    bool failed;
    bool durable;   /* the point exists; commit may still have to list it */
    bool committed; /* and has done so, or has said why not */
    uint64_t number;
};

static envelope_status sink(void *user, const void *data, size_t len, envelope_error *err)
{
    return env_store_write(user, data, len, err);
}

static envelope_status reread(void *user, uint64_t offset, void *buf, size_t len,
                              envelope_error *err)
{
    return env_store_reread(user, offset, buf, len, err);
}

/* -- begin */

static envelope_status check(const envelope_point_options *o, envelope_error *err)
{
    bool kind = !o->kind || o->kind == ENVELOPE_FULL || o->kind == ENVELOPE_INCREMENT ||
                o->kind == ENVELOPE_AUTO;
    bool content = !o->content || o->content == ENVELOPE_STREAM || o->content == ENVELOPE_IMAGE;
    if (!kind || !content) {
        return env_fail(err, ENVELOPE_E_INVALID, "point_options: unknown kind or content");
    }
    if (o->block_log2 && (o->content != ENVELOPE_IMAGE || o->block_log2 < ENV_BLOCK_LOG2_MIN ||
                          o->block_log2 > ENV_BLOCK_LOG2_MAX)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "point_options.block_log2: 12 to 20, and for disk images only");
    }
    if (o->flags & ~(uint32_t)ENVELOPE_POINT_LENT) {
        return env_fail(err, ENVELOPE_E_INVALID, "point_options.flags: unknown bit");
    }
    if (o->full_every > ENV_ANCESTORS_MAX) {
        return env_fail(err, ENVELOPE_E_INVALID, "point_options.full_every: at most %d",
                        ENV_ANCESTORS_MAX);
    }
    if (o->label && o->label[0] && !env_key_name_valid(o->label, strlen(o->label))) {
        return env_fail(err, ENVELOPE_E_INVALID, "a label is at most %u bytes of UTF-8",
                        ENVELOPE_KEY_NAME_MAX);
    }
    return ENVELOPE_OK;
}

/* What an increment of a stream means only the caller knows, so AUTO makes fulls of those. */
static struct env_parent_wish wish_of(const envelope_point_options *o)
{
    bool image = o->content == ENVELOPE_IMAGE;
    bool automatic = !o->kind || o->kind == ENVELOPE_AUTO;
    return (struct env_parent_wish){
        .kind = automatic ? image ? ENVELOPE_AUTO : ENVELOPE_FULL : o->kind,
        .content = image ? ENV_CONTENT_IMAGE : ENV_CONTENT_STREAM,
        .block_log2 = o->block_log2 ? (uint8_t)o->block_log2 : ENV_BLOCK_LOG2,
        .full_every = o->full_every ? o->full_every : FULL_EVERY,
    };
}

static envelope_status begin_attributes(const envelope_writer *w, uint8_t *buf, size_t cap,
                                        size_t *len, envelope_error *err)
{
    uint8_t number[8];
    uint8_t begun[8];
    struct env_out o = env_out_over(number, sizeof number);
    env_put_u64(&o, w->expected);
    o = env_out_over(begun, sizeof begun);
    env_put_i64(&o, w->begun_ms);
    *len = 0;
    envelope_status st = env_attributes_set(buf, cap, len, ENV_ATTRIBUTE_BEGUN, begun, 8, err);
    st = st ? st : env_attributes_set(buf, cap, len, ENV_ATTRIBUTE_NUMBER, number, 8, err);
    if (!st && w->label) {
        st =
            env_attributes_set(buf, cap, len, ENV_ATTRIBUTE_LABEL, w->label, strlen(w->label), err);
    }
    return st;
}

static envelope_status plan_name(envelope_writer *w, envelope_error *err)
{
    envelope_status st = env_random(w->object_id, sizeof w->object_id, err);
    w->begun_ms = env_now_ms();
    env_name_point(w->name, w->chain->folder, w->begun_ms, "full", w->object_id);
    return st;
}

static void plan_id(envelope_writer *w, const struct env_catalogue *c)
{
    w->id = (struct env_id){
        .format = ENV_FORMAT_MAJOR,
        .kind = w->parent.row == SIZE_MAX ? ENV_KIND_FULL : ENV_KIND_INCREMENT,
        .standing = ENV_ATTESTED,
        .content = w->wish.content,
        .generation = c->generation,
        .serial = w->chain->serial,
        .number = c->id.number,
    };
    memcpy(w->id.chain_id, w->chain->chain_id, ENV_CHAIN_ID_BYTES);
    memcpy(w->id.object_id, w->object_id, sizeof w->object_id);
    if (w->id.kind == ENV_KIND_INCREMENT) {
        memcpy(w->id.parent, w->parent.link, ENV_LINK_BYTES);
        env_name_point(w->name, w->chain->folder, w->begun_ms, "incr", w->object_id);
    }
    w->expected = env_catalogue_next_number(c);
}

/* Secrets of a point's header, in one piece of the arena. */
struct begin_keys {
    uint8_t root[32];
    uint8_t block_hash[32];
    uint8_t attest[32];
    uint8_t parents_hash[32];
};

static envelope_status derive(const envelope_writer *w, const struct env_catalogue *c,
                              struct begin_keys *k, envelope_error *err)
{
    const uint8_t *chain_id = w->chain->chain_id;
    bool found;
    envelope_status st = env_catalogue_root(c, k->root, err);
    st = st ? st
            : env_catalogue_generation_key(c, c->generation, "block hash", chain_id, k->block_hash,
                                           &found, err);
    return st ? st
              : env_catalogue_generation_key(c, c->generation, "attest", chain_id, k->attest,
                                             &found, err);
}

/* The parent's map cannot be read: its blocks are stored again. */
static void segment_damaged(void *user, const struct env_image_fault *fault, envelope_status status,
                            const char *why)
{
    envelope_writer *w = user;
    const struct env_listener events = ENV_LISTENER(w->chain->ctx);
    char name[65];
    const struct env_subject subject = {
        .object = env_disk_object_name(w->parent.disk, fault->object, name),
        .point = w->parent.number,
        .offset = fault->offset};
    env_emit(&events, ENVELOPE_EVENT_DAMAGED, status, &subject,
             "point %llu: its map from byte %llu on cannot be read, so that part is stored whole: "
             "%s",
             (unsigned long long)w->parent.number, (unsigned long long)fault->offset, why);
}

static envelope_status begin_image(envelope_writer *w, struct begin_keys *k, envelope_error *err)
{
    struct env_image_plan plan = {
        .block_log2 = w->wish.block_log2,
        .to = w->object,
        .hash_key = k->block_hash,
        .damaged = segment_damaged,
        .user = w,
    };
    envelope_status st = ENVELOPE_OK;
    if (w->parent.disk) {
        plan.parent = env_disk_image(w->parent.disk);
        plan.parent_link = w->parent.link;
        plan.must_read = w->parent.must_read;
        plan.parent_hash_key = plan.must_read ? k->parents_hash : NULL;
    }
    if (plan.must_read) {
        st = env_disk_hash_key(w->parent.disk, k->parents_hash, err);
    }
    return st ? st : env_image_writer_new(w->chain->ctx, &plan, &w->image, err);
}

static envelope_status begin_object(envelope_writer *w, const struct env_catalogue *c,
                                    struct begin_keys *k, envelope_error *err)
{
    uint8_t attributes[1024];
    size_t len;
    envelope_status st = derive(w, c, k, err);
    st = st ? st : begin_attributes(w, attributes, sizeof attributes, &len, err);
    if (st) {
        return st;
    }
    const struct env_box box = {.root = k->root,
                                .block_hash = k->block_hash,
                                .attributes = {attributes, len},
                                .count = w->parent.count,
                                .pairs = w->parent.pairs};
    const struct env_object_plan plan = {&w->id, &box, k->attest, w->slots, w->dek, false};
    w->begin_len = len;
    st = env_object_writer_new(w->chain->ctx, &plan, sink, &w->file, &w->object, err);
    return st || w->wish.content != ENV_CONTENT_IMAGE ? st : begin_image(w, k, err);
}

static void drop(envelope_writer *w)
{
    envelope_ctx *ctx = w->chain->ctx;
    env_image_writer_free(w->image);
    w->image = NULL;
    env_object_writer_free(w->object);
    w->object = NULL;
    env_parent_free(w->chain, &w->parent);
    if (w->file.file) {
        env_store_abort(&w->file);
    }
    w->file.file = NULL;
    envelope_dek_free(w->dek);
    w->dek = NULL;
    env_free(ctx, w->slots);
    w->slots = NULL;
}

/* Step 5. */
static envelope_status begin_file(envelope_writer *w, struct env_catalogue *c,
                                  const struct env_listener *events, envelope_error *err)
{
    struct begin_keys *k;
    envelope_status st = env_parent_choose(w->chain, c, &w->wish, events, &w->parent, err);
    if (st) {
        return st;
    }
    plan_id(w, c);
    st = env_store_create(w->chain->store, w->name, 0, &w->file, err);
    st = st ? st : env_secret_new(w->chain->ctx, sizeof *k, &k, err);
    if (!st) {
        st = begin_object(w, c, k, err);
        env_secret_free(w->chain->ctx, k, sizeof *k);
    }
    return st;
}

/* Step 6: what was assumed still holds now that the temporary file shows that we write. */
static envelope_status still_newest(envelope_writer *w, const struct env_catalogue *c,
                                    const struct env_listener *events, bool *yes,
                                    envelope_error *err)
{
    struct env_newest newest;
    *yes = false;
    envelope_status st = env_newest_find(w->chain, events, &newest, err);
    if (st) {
        return st;
    }
    const struct env_head *now = &newest.catalogue->head;
    *yes = !newest.behind && newest.catalogue->generation == c->generation &&
           now->serial == c->head.serial &&
           env_recipients_equal(&now->recipients, &c->head.recipients) &&
           (w->parent.row == SIZE_MAX ||
            !env_catalogue_tombstoned(newest.catalogue, c->rows[w->parent.row].object_id));
    env_newest_free(&newest);
    return ENVELOPE_OK;
}

/* Steps 1 to 4, and the point's own DEK, which a KMS may have to wrap: nothing of the point is in
 * the store before. */
static envelope_status prepare(envelope_writer *w, const struct env_listener *events,
                               struct env_put *put, envelope_error *err)
{
    struct env_point_key key = {.object = w->name};
    envelope_status st = plan_name(w, err);
    w->slots = env_alloc(w->chain->ctx, sizeof *w->slots);
    if (st || !w->slots) {
        return st ? st : env_nomem(err);
    }
    key.slots = w->slots;
    put->point = &key;
    st = env_put_metadata(w->chain, events, put, err);
    put->point = NULL;
    w->dek = key.drawn.dek;
    if (!st) {
        env_drawn_spend(&key.drawn);
    }
    return st;
}

/* Steps 1 to 6 once. */
static envelope_status begin_once(envelope_writer *w, const struct env_listener *events, bool *done,
                                  envelope_error *err)
{
    struct env_put put = {0};
    envelope_status st = prepare(w, events, &put, err);
    if (st) {
        return st;
    }
    struct env_catalogue *c = env_chain_catalogue(w->chain);
    w->proven = put.proven;
    st = begin_file(w, c, events, err);
    st = st ? st : still_newest(w, c, events, done, err);
    if (st || !*done) {
        drop(w);
    }
    env_catalogue_release(c);
    env_policy_free(w->chain, &put.policy);
    return st;
}

static bool is_point(envelope_store *store, const char *name)
{
    struct env_opened opened;
    if (env_headers_open(store, name, &opened, NULL)) {
        return false;
    }
    uint8_t kind = env_headers_id(opened.headers)->kind;
    env_opened_close(&opened);
    return kind == ENV_KIND_FULL || kind == ENV_KIND_INCREMENT;
}

/* A second run would not do any harm; but two backups of one source at a time are a mistake of
 * whoever started them. */
static envelope_status alone(const envelope_writer *w, envelope_error *err)
{
    struct env_names names;
    bool known;
    envelope_status st =
        w->chain->flags & ENVELOPE_CHAIN_SIBLINGS
            ? ENVELOPE_OK
            : env_store_in_progress(w->chain->store, w->chain->folder, &names, &known, err);
    if (st || w->chain->flags & ENVELOPE_CHAIN_SIBLINGS) {
        return st;
    }
    for (size_t i = 0; !st && i < names.count; i++) {
        const char *who = strrchr(names.item[i].name, '.');
        if (is_point(w->chain->store, names.item[i].name)) {
            st =
                env_fail(err, ENVELOPE_E_BUSY,
                         "%s: another run is writing to this chain: host and process %s (a host is "
                         "named by the first digits of SHA-256 of its machine id)",
                         w->chain->folder, who ? who + 1 : names.item[i].name);
        }
    }
    env_names_free(&names);
    return st;
}

static envelope_status begin(envelope_writer *w, envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(w->chain->ctx);
    bool done = false;
    envelope_status busy = alone(w, err);
    if (busy) {
        return busy;
    }
    for (int i = 0; i < ATTEMPTS && !done; i++) {
        envelope_status st = begin_once(w, &events, &done, err);
        if (st) {
            return st;
        }
    }
    return done ? ENVELOPE_OK
                : env_fail(err, ENVELOPE_E_BUSY, "%s: other hosts kept changing the chain",
                           w->chain->folder);
}

envelope_status envelope_writer_new(envelope_chain *chain, const envelope_point_options *options,
                                    envelope_writer **out, envelope_error *err)
{
    envelope_point_options o;
    envelope_status st = env_enter(chain ? chain->ctx : NULL, err);
    if (!st && !out) {
        st = env_fail(err, ENVELOPE_E_INVALID, "out is NULL");
    }
    if (st) {
        return st;
    }
    *out = NULL;
    st = env_options(options, &o, sizeof o, "point_options", err);
    st = st ? st : check(&o, err);
    st = st ? st : env_chain_begin_write(chain, err);
    if (st) {
        return st;
    }
    envelope_writer *w = env_alloc(chain->ctx, sizeof *w);
    if (!w) {
        env_chain_end_write(chain);
        return env_nomem(err);
    }
    w->chain = env_chain_retain(chain);
    w->wish = wish_of(&o);
    w->lent = o.flags & ENVELOPE_POINT_LENT;
    w->parent.row = SIZE_MAX;
    w->attributes = env_alloc(chain->ctx, ENV_ATTRIBUTES_MAX);
    w->label = o.label && o.label[0] ? env_strdup(chain->ctx, o.label) : NULL;
    bool nomem = !w->attributes || (o.label && o.label[0] && !w->label);
    struct env_call call;
    env_call_begin(chain->ctx, &call);
    st = env_keyring_end(chain->keyring, &call, nomem ? env_nomem(err) : begin(w, err));
    st = st || !w->lent ? st : env_object_share(w->object, err);
    if (st) {
        envelope_writer_free(w);
        return st;
    }
    *out = w;
    return ENVELOPE_OK;
}

void envelope_writer_free(envelope_writer *writer)
{
    if (!writer) {
        return;
    }
    envelope_chain *chain = writer->chain;
    drop(writer);
    env_free(chain->ctx, writer->label);
    env_free(chain->ctx, writer->attributes);
    env_free(chain->ctx, writer);
    env_chain_end_write(chain);
    envelope_chain_free(chain);
}

/* -- write */

static envelope_status usable(envelope_writer *w, envelope_error *err)
{
    envelope_status st = env_enter(w ? w->chain->ctx : NULL, err);
    if (!st && (w->failed || w->durable)) {
        st = env_fail(err, ENVELOPE_E_INVALID, "this writer has %s: free it",
                      w->failed ? "failed" : "committed");
    }
    return st;
}

envelope_status envelope_writer_write(envelope_writer *w, const void *data, size_t len,
                                      envelope_error *err)
{
    envelope_status st = usable(w, err);
    if (st) {
        return st;
    }
    if (!data && len) {
        return env_fail(err, ENVELOPE_E_INVALID, "data is NULL");
    }
    st = w->image ? env_image_write(w->image, data, len, err)
                  : env_object_append(w->object, data, len, err);
    w->failed = st != ENVELOPE_OK;
    return st;
}

envelope_status envelope_writer_skip(envelope_writer *w, uint64_t len, int32_t what,
                                     envelope_error *err)
{
    envelope_status st = usable(w, err);
    if (st) {
        return st;
    }
    if (!w->image || (what != ENVELOPE_ZERO && what != ENVELOPE_UNCHANGED)) {
        return env_fail(err, ENVELOPE_E_INVALID,
                        "ZERO or UNCHANGED is skipped, of a disk image only");
    }
    st = what == ENVELOPE_ZERO ? env_image_skip_zero(w->image, len, err)
                               : env_image_skip_unchanged(w->image, len, err);
    /* refused before anything was done: the bytes can be given instead */
    w->failed = st && st != ENVELOPE_E_REFUSED && st != ENVELOPE_E_RANGE;
    return st;
}

envelope_status envelope_writer_lend(envelope_writer *w, envelope_error *err)
{
    envelope_status st = env_enter(w ? w->chain->ctx : NULL, err);
    if (st) {
        return st;
    }
    return w->lent ? env_object_work(w->object, err)
                   : env_fail(err, ENVELOPE_E_INVALID,
                              "this writer takes no thread: point_options.flags, POINT_LENT");
}

void envelope_writer_cancel(envelope_writer *w)
{
    if (w && w->object) {
        env_object_cancel(w->object);
    }
}

int32_t envelope_writer_must_read(const envelope_writer *w)
{
    return w && w->image && (!w->parent.disk || w->parent.must_read);
}

envelope_status envelope_writer_set(envelope_writer *w, const char *name, const void *value,
                                    size_t len, envelope_error *err)
{
    envelope_status st = usable(w, err);
    if (st) {
        return st;
    }
    if (!name || !env_attribute_name_valid(name) || (!value && len)) {
        return env_fail(
            err, ENVELOPE_E_INVALID,
            "an attribute's name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and does not "
            "begin with a dot");
    }
    return env_attributes_set(w->attributes, ENV_ATTRIBUTES_MAX - w->begin_len, &w->attributes_len,
                              name, value, len, err);
}

/* -- commit */

static envelope_status finish_payload(envelope_writer *w, uint64_t *object_bytes,
                                      envelope_error *err)
{
    struct env_footer f = {
        .content = w->wish.content,
        .bytes = env_object_appended(w->object),
        .begun_ms = w->begun_ms,
        .ended_ms = env_now_ms(),
    };
    uint8_t raw[ENV_FOOTER_BYTES];
    envelope_status st = w->image ? env_image_finish(w->image, &f, err) : ENVELOPE_OK;
    f.attributes_len = w->attributes_len;
    f.attributes_at = w->attributes_len ? env_object_appended(w->object) : 0;
    env_footer_put(&f, raw);
    st = st ? st : env_object_append(w->object, w->attributes, w->attributes_len, err);
    st = st ? st : env_object_append(w->object, raw, sizeof raw, err);
    return st ? st : env_object_finish(w->object, object_bytes, err);
}

/* Step 9, and what the catalogue is to know of the point. */
static envelope_status reopen(envelope_writer *w, struct env_object **object, envelope_error *err)
{
    struct env_headers *headers;
    envelope_status st =
        env_headers_read(w->chain->ctx, reread, &w->file, w->file.written, &headers, err);
    st = st ? st : env_object_unlock_with(headers, w->dek, object, err);
    bool same = !st && !memcmp((*object)->headers->link, env_object_link(w->object), 32) &&
                (*object)->state[0] == ENV_COPY_GOOD && (*object)->state[1] == ENV_COPY_GOOD;
    if (!same) {
        return env_fail(err, st ? st : ENVELOPE_E_IO, "%s reads back other than it was written",
                        w->name);
    }
    return ENVELOPE_OK;
}

static envelope_status describe(envelope_writer *w, struct env_extra *own, envelope_error *err)
{
    struct env_object *object = NULL;
    struct env_store_file file;
    envelope_status st = env_store_open(w->chain->store, w->name, &file, err);
    if (st) {
        return st;
    }
    struct env_headers *headers;
    st = env_headers_read(w->chain->ctx, env_store_read, &file, file.bytes, &headers, err);
    st = st ? st : env_object_unlock_with(headers, w->dek, &object, err);
    st = st ? st : env_extra_describe(object, &file, w->name, own, err);
    env_object_free(object);
    env_store_close(&file);
    return st;
}

/* Steps 7 to 13: afterwards the point exists. */
static envelope_status make_durable(envelope_writer *w, envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(w->chain->ctx);
    struct env_object *object = NULL;
    uint64_t bytes;
    envelope_status st = finish_payload(w, &bytes, err);
    st = st ? st : reopen(w, &object, err);
    env_object_free(object);
    st = st ? st : env_pin_add_pending(w->chain, &w->id, env_object_link(w->object), &events, err);
    return st ? st : env_store_finish(&w->file, err);
}

static void unlisted(envelope_writer *w, const struct env_listener *events, envelope_status st,
                     const envelope_error *why)
{
    const struct env_subject subject = {.object = w->name, .point = w->expected};
    env_emit(events, ENVELOPE_EVENT_DAMAGED, st, &subject, "%s is safe, and not listed yet: %s",
             w->name, why->message);
}

/* Steps 14 and 15. E_AGAIN is returned; other failures are events: the point is safe. */
static envelope_status list_it(envelope_writer *w, envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(w->chain->ctx);
    envelope_error why = ENVELOPE_ERROR_INIT;
    struct env_extra own = {0};
    struct env_put put = {.own = &own};
    envelope_status st = describe(w, &own, &why);
    st = st ? st : env_put_metadata(w->chain, &events, &put, &why);
    if (!st) {
        struct env_catalogue *c = env_chain_catalogue(w->chain);
        w->number = put.own_number;
        st = env_put_keys_copy(w->chain, c, &why);
        if (!st) {
            env_prune(w->chain, &events, c, put.proven || w->proven);
        }
        env_catalogue_release(c);
    }
    env_policy_free(w->chain, &put.policy);
    env_extra_free(w->chain->ctx, &own);
    if (st == ENVELOPE_E_AGAIN) {
        return env_fail(err, st, "%s is safe, and not listed yet: %s", w->name, why.message);
    }
    if (st) {
        unlisted(w, &events, st, &why);
    }
    return ENVELOPE_OK;
}

envelope_status envelope_writer_commit(envelope_writer *w, uint64_t *number, envelope_error *err)
{
    bool goes_on = w && w->durable && !w->committed;
    envelope_status st = goes_on ? env_enter(w->chain->ctx, err) : usable(w, err);
    if (st) {
        return st;
    }
    if (!goes_on) {
        w->number = w->expected;
        st = make_durable(w, err);
        w->failed = st != ENVELOPE_OK;
        if (st) {
            return st;
        }
    }
    w->durable = true;
    struct env_call call;
    env_call_begin(w->chain->ctx, &call);
    st = env_keyring_end(w->chain->keyring, &call, list_it(w, err));
    w->committed = !st;
    if (!st && number) {
        *number = w->number;
    }
    return st;
}

#include "base/error.h"
#include "base/text.h"
#include "chain/writer.h"
#include "crypto/random.h"
#include "format/attributes.h"
#include <string.h>

enum { ATTEMPTS = 100 };

static envelope_status sink(void *user, const void *data, size_t len, envelope_error *err)
{
    return env_store_write(user, data, len, err);
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
    char name[ENV_NAME_MAX + 1];
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

void env_writer_drop(envelope_writer *w)
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
        env_writer_drop(w);
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

envelope_status env_writer_begin(envelope_writer *w, envelope_error *err)
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

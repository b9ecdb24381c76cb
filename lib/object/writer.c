#include "object/writer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "format/header.h"
#include "format/tail.h"
#include "object/queue.h"
#include "object/seal.h"
#include "object/tag.h"
#include <string.h>

enum { BATCH = 64 }; /* sealed chunks in one write to the store: 1 MiB */

struct env_object_writer {
    envelope_ctx *ctx;
    struct env_chunked *chunked;
    env_write_fn write;
    void *user;
    uint8_t *sealed; /* BATCH sealed chunks */
    size_t sealed_len;
    uint8_t *carry; /* the beginning of a chunk */
    size_t carry_len;
    uint64_t next; /* number of the next chunk; only ever rises (W11) */
    uint64_t appended;
    uint64_t written;
    uint32_t capacity;
    bool secret;
    bool over;               /* finished or failed */
    struct env_queue *queue; /* to whoever seals; NULL: the giver does */
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    uint8_t link[ENV_LINK_BYTES];
};

/* What is needed only until the headers are written. */
struct front {
    uint8_t id[ENV_ID_BYTES];
    uint8_t prefix[ENV_PREFIX_BYTES];
    uint8_t att[ENV_ATT_BYTES];
    uint8_t *box;
    size_t box_len;
    uint8_t *core;
    size_t core_len;
    uint8_t *slots;
    size_t slots_len;
    uint8_t *copies; /* both */
};

static void front_free(envelope_ctx *ctx, struct front *f)
{
    env_free(ctx, f->box);
    env_free(ctx, f->core);
    env_free(ctx, f->slots);
    env_free(ctx, f->copies);
}

static envelope_status check_plan(const struct env_object_plan *plan, envelope_error *err)
{
    bool attested = plan->id->standing == ENV_ATTESTED;
    if (plan->id->kind == ENV_KIND_FOREIGN || attested != (plan->attest_key != NULL)) {
        return env_fail(err, ENVELOPE_E_INVALID, "an object of this kind is not written so");
    }
    return env_slots_check(plan->slots, err);
}

/* P stands in CORE, so the payload's keys come before the headers. */
static envelope_status begin_payload(struct env_object_writer *w, const envelope_dek *dek,
                                     struct front *f, envelope_error *err)
{
    const struct env_bytes context = ENV_BYTES(f->id, ENV_ID_SHORT_BYTES);
    uint8_t *key;
    envelope_status st = env_secret_new(w->ctx, ENV_KEY_BYTES, &key, err);
    if (st) {
        return st;
    }
    st = env_key_payload(w->ctx, env_dek_key(dek), key, err);
    st = st ? st
            : env_chunked_seal_prefix(w->ctx, key, "payload", &context, 1, f->prefix, 1,
                                      &w->chunked, err);
    env_secret_free(w->ctx, key, ENV_KEY_BYTES);
    return st;
}

/* CORE, ATT and LINK: what never changes again. */
static envelope_status make_core(struct env_object_writer *w, const struct env_object_plan *plan,
                                 struct front *f, envelope_error *err)
{
    envelope_status st =
        env_box_seal(w->ctx, plan->dek, f->id, plan->box, &f->box, &f->box_len, err);
    st = st ? st
            : env_core_make(w->ctx, f->id, f->prefix, ENV_BYTES(f->box, f->box_len), NULL, &f->core,
                            &f->core_len, err);
    const struct env_bytes core = ENV_BYTES(f->core, f->core_len);
    if (!st && plan->attest_key) {
        st = env_attest(w->ctx, plan->attest_key, core, f->att, err);
    }
    return st ? st : env_link(w->ctx, core, f->att, w->link, err);
}

static envelope_status make_copies(struct env_object_writer *w, const struct env_object_plan *plan,
                                   struct front *f, envelope_error *err)
{
    envelope_status st = env_slots_encode(w->ctx, plan->slots, &f->slots, &f->slots_len, err);
    if (st) {
        return st;
    }
    const struct env_copy_parts parts = {.core = ENV_BYTES(f->core, f->core_len),
                                         .att = f->att,
                                         .revision = 1,
                                         .slots = ENV_BYTES(f->slots, f->slots_len)};
    w->capacity = env_copy_capacity(&parts);
    if (w->capacity == 0) {
        return env_fail(err, ENVELOPE_E_LIMIT,
                        "the header needs %zu bytes, more than the largest holds: fewer "
                        "recipients, attributes or ancestors",
                        env_copy_need(&parts));
    }
    f->copies = env_alloc(w->ctx, 2 * (size_t)w->capacity);
    if (!f->copies) {
        return env_nomem(err);
    }
    st = env_copy_seal(w->ctx, plan->dek, &parts, ENV_ROLE_A, w->capacity, f->copies, err);
    return st ? st
              : env_copy_seal(w->ctx, plan->dek, &parts, ENV_ROLE_B, w->capacity,
                              f->copies + w->capacity, err);
}

static envelope_status put(struct env_object_writer *w, const void *data, size_t len,
                           envelope_error *err)
{
    envelope_status st = w->write(w->user, data, len, err);
    w->written += st ? 0 : len;
    return st;
}

static envelope_status write_front(struct env_object_writer *w, const struct env_object_plan *plan,
                                   envelope_error *err)
{
    struct front f = {.box = NULL};
    env_id_put(plan->id, f.id);
    envelope_status st = begin_payload(w, plan->dek, &f, err);
    st = st ? st : make_core(w, plan, &f, err);
    st = st ? st : make_copies(w, plan, &f, err);
    st = st ? st : put(w, f.copies, 2 * (size_t)w->capacity, err);
    st = st ? st : put(w, f.prefix, sizeof f.prefix, err);
    front_free(w->ctx, &f);
    return st;
}

static envelope_status make_buffers(struct env_object_writer *w, envelope_error *err)
{
    w->sealed = env_alloc_array(w->ctx, BATCH, ENV_SEALED_CHUNK_BYTES);
    if (!w->sealed) {
        return env_nomem(err);
    }
    if (w->secret) {
        return env_secret_new(w->ctx, ENV_CHUNK_BYTES, &w->carry, err);
    }
    w->carry = env_alloc(w->ctx, ENV_CHUNK_BYTES);
    return w->carry ? ENVELOPE_OK : env_nomem(err);
}

envelope_status env_object_writer_new(envelope_ctx *ctx, const struct env_object_plan *plan,
                                      env_write_fn write, void *user,
                                      struct env_object_writer **out, envelope_error *err)
{
    *out = NULL;
    envelope_status st = check_plan(plan, err);
    if (st) {
        return st;
    }
    struct env_object_writer *w = env_alloc(ctx, sizeof *w);
    if (!w) {
        return env_nomem(err);
    }
    w->ctx = env_ctx_retain(ctx);
    w->write = write;
    w->user = user;
    w->secret = plan->secret;
    memcpy(w->object_id, plan->id->object_id, sizeof w->object_id);
    st = make_buffers(w, err);
    st = st ? st : write_front(w, plan, err);
    if (st) {
        env_object_writer_free(w);
        return st;
    }
    *out = w;
    return ENVELOPE_OK;
}

static envelope_status flush(struct env_object_writer *w, envelope_error *err)
{
    envelope_status st = w->sealed_len ? put(w, w->sealed, w->sealed_len, err) : ENVELOPE_OK;
    w->sealed_len = 0;
    return st;
}

static envelope_status seal(struct env_object_writer *w, const void *plain, size_t len,
                            envelope_error *err)
{
    envelope_status st =
        env_chunked_seal(w->chunked, w->next++, plain, len, w->sealed + w->sealed_len, err);
    if (st) {
        return st;
    }
    w->sealed_len += len + ENV_TAG_BYTES;
    return w->sealed_len == (size_t)BATCH * ENV_SEALED_CHUNK_BYTES ? flush(w, err) : ENVELOPE_OK;
}

/* One step of an append: a whole chunk straight from the caller's memory, or what fills the carry
 * up. *used says how far it came. */
static envelope_status step(struct env_object_writer *w, const uint8_t *data, size_t len,
                            size_t *used, envelope_error *err)
{
    if (w->carry_len == 0 && len >= ENV_CHUNK_BYTES) {
        *used = ENV_CHUNK_BYTES;
        return seal(w, data, ENV_CHUNK_BYTES, err);
    }
    size_t room = ENV_CHUNK_BYTES - w->carry_len;
    *used = len < room ? len : room;
    memcpy(w->carry + w->carry_len, data, *used);
    w->carry_len += *used;
    if (w->carry_len < ENV_CHUNK_BYTES) {
        return ENVELOPE_OK;
    }
    w->carry_len = 0;
    return seal(w, w->carry, ENV_CHUNK_BYTES, err);
}

static envelope_status usable(const struct env_object_writer *w, envelope_error *err)
{
    return w->over ? env_fail(err, ENVELOPE_E_INVALID, "the object is finished, or has failed")
                   : ENVELOPE_OK;
}

/* What was given, in order. */
static envelope_status take(void *user, const void *data, size_t len, envelope_error *err)
{
    struct env_object_writer *w = user;
    const uint8_t *p = data;
    envelope_status st = ENVELOPE_OK;
    for (size_t used = 0; !st && len; p += used, len -= used) {
        st = step(w, p, len, &used, err);
    }
    return st;
}

envelope_status env_object_append(struct env_object_writer *writer, const void *data, size_t len,
                                  envelope_error *err)
{
    envelope_status st = usable(writer, err);
    if (st) {
        return st;
    }
    st =
        writer->queue ? env_queue_put(writer->queue, data, len, err) : take(writer, data, len, err);
    writer->appended += st ? 0 : len;
    writer->over = st != ENVELOPE_OK;
    return st;
}

envelope_status env_object_share(struct env_object_writer *writer, envelope_error *err)
{
    return env_queue_new(writer->ctx, &writer->queue, err);
}

envelope_status env_object_work(struct env_object_writer *writer, envelope_error *err)
{
    return env_queue_run(writer->queue, take, writer, err);
}

void env_object_cancel(struct env_object_writer *writer)
{
    if (writer->queue) {
        env_queue_cancel(writer->queue);
    }
}

uint64_t env_object_appended(const struct env_object_writer *writer)
{
    return writer->appended;
}

static envelope_status write_tail(struct env_object_writer *w, envelope_error *err)
{
    struct env_tail tail = {.payload_bytes = w->written - 2 * (uint64_t)w->capacity};
    memcpy(tail.object_id, w->object_id, sizeof tail.object_id);
    memcpy(tail.link, w->link, sizeof tail.link);
    uint8_t bytes[ENV_TAIL_BYTES];
    env_tail_put(&tail, bytes);
    return put(w, bytes, sizeof bytes, err);
}

envelope_status env_object_finish(struct env_object_writer *writer, uint64_t *object_bytes,
                                  envelope_error *err)
{
    *object_bytes = 0;
    envelope_status st = usable(writer, err);
    if (st) {
        return st;
    }
    writer->over = true;
    st = writer->queue ? env_queue_end(writer->queue, err) : ENVELOPE_OK;
    st = st ? st : seal(writer, writer->carry, writer->carry_len, err);
    st = st ? st : flush(writer, err);
    st = st ? st : write_tail(writer, err);
    *object_bytes = st ? 0 : writer->written;
    return st;
}

const uint8_t *env_object_link(const struct env_object_writer *writer)
{
    return writer->link;
}

uint32_t env_object_capacity(const struct env_object_writer *writer)
{
    return writer->capacity;
}

void env_object_writer_free(struct env_object_writer *writer)
{
    if (!writer) {
        return;
    }
    envelope_ctx *ctx = writer->ctx;
    env_queue_free(writer->queue);
    env_chunked_free(writer->chunked);
    env_free(ctx, writer->sealed);
    if (writer->secret) {
        env_secret_free(ctx, writer->carry, ENV_CHUNK_BYTES);
    } else {
        if (writer->carry) {
            env_wipe(writer->carry, ENV_CHUNK_BYTES);
        }
        env_free(ctx, writer->carry);
    }
    env_free(ctx, writer);
    env_ctx_release(ctx);
}

#include "chain/seal.h"
#include "base/error.h"
#include "crypto/aead.h"
#include "crypto/chunked.h"
#include "crypto/random.h"
#include "format/tail.h"
#include "keys/ref.h"
#include "kms/asking.h"
#include "object/writer.h"
#include <string.h>

static envelope_status sink(void *user, const void *data, size_t len, envelope_error *err)
{
    return env_store_write(user, data, len, err);
}

static envelope_status reread(void *user, uint64_t offset, void *buf, size_t len,
                              envelope_error *err)
{
    return env_store_reread(user, offset, buf, len, err);
}

static envelope_status make_id(envelope_chain *chain, const struct env_catalogue *c,
                               const struct env_seal *seal, struct env_id *id, envelope_error *err)
{
    *id = (struct env_id){
        .format = ENV_FORMAT_MAJOR,
        .kind = ENV_KIND_METADATA,
        .standing = ENV_ATTESTED,
        .content = ENV_CONTENT_NONE,
        .generation = c->generation,
        .serial = c->head.serial,
        .number = seal->number,
    };
    memcpy(id->chain_id, chain->chain_id, ENV_CHAIN_ID_BYTES);
    if (seal->parent) {
        memcpy(id->parent, seal->parent, ENV_LINK_BYTES);
    }
    return env_random(id->object_id, sizeof id->object_id, err);
}

static envelope_status write_payload(envelope_chain *chain, struct env_catalogue *c,
                                     const struct env_id *id, const uint8_t *ak,
                                     struct env_store_writer *file, envelope_error *err)
{
    static const uint8_t zeros[32];
    const struct env_box box = {.root = zeros, .block_hash = zeros};
    const struct env_object_plan plan = {id, &box, ak, c->slots, c->dek, true};
    struct env_object_writer *w;
    uint64_t bytes;
    envelope_status st = env_object_writer_new(chain->ctx, &plan, sink, file, &w, err);
    if (st) {
        return st;
    }
    c->sealed_ms = env_now_ms();
    st = env_catalogue_write(c, c->sealed_ms, w, err);
    st = st ? st : env_object_finish(w, &bytes, err);
    memcpy(c->link, env_object_link(w), ENV_LINK_BYTES);
    c->id = *id;
    env_object_writer_free(w);
    return st;
}

static envelope_status write_object(envelope_chain *chain, struct env_catalogue *c,
                                    const struct env_id *id, struct env_store_writer *file,
                                    envelope_error *err)
{
    uint8_t *ak;
    bool found = false;
    envelope_status st = env_secret_new(chain->ctx, 32, &ak, err);
    if (st) {
        return st;
    }
    st = env_catalogue_generation_key(c, c->generation, "attest", chain->chain_id, ak, &found, err);
    if (!st && !found) {
        st = env_fail(err, ENVELOPE_E_INVALID, "the catalogue lacks its own generation");
    }
    st = st ? st : write_payload(chain, c, id, ak, file, err);
    env_secret_free(chain->ctx, ak, 32);
    return st;
}

/* Architecture.md 4.8: by the KMS where we may; slots stand in the order of the targets. Nothing is
 * in the store yet, so that a KMS which asks can be waited for. All are asked before one's waiting
 * is said. */
static envelope_status prove(envelope_chain *chain, struct env_seal *seal,
                             const struct env_catalogue *c, const struct env_listener *events,
                             envelope_error *err)
{
    envelope_status again = ENVELOPE_OK;
    const struct env_targets *targets = &seal->policy->targets;
    for (size_t i = 0; i < targets->count; i++) {
        const struct env_target *t = &targets->item[i];
        char text[ENV_REF_TEXT_MAX];
        envelope_key_ref ref = env_key_as_ref(&t->key);
        if (t->recipient.kind != ENV_SLOT_KMS) {
            continue;
        }
        if (!t->may_unwrap) {
            const struct env_subject subject = {.key = &ref};
            env_emit(events, ENVELOPE_EVENT_WRAP, ENVELOPE_OK, &subject,
                     "%s: sealed for it, not proven", env_ref_text(text, &ref));
            seal->proven = false;
            continue;
        }
        envelope_status st =
            env_target_opens(chain->keyring, t, c->slots, i, c->dek, events, "new metadata", err);
        if (st && st != ENVELOPE_E_AGAIN) {
            return again ? env_asking_again(err) : st;
        }
        again = st ? st : again;
    }
    return again;
}

static envelope_status reopen(envelope_chain *chain, const struct env_catalogue *c,
                              struct env_store_writer *file, envelope_error *err)
{
    struct env_headers *headers;
    struct env_object *object = NULL;
    envelope_status st = env_headers_read(chain->ctx, reread, file, file->written, &headers, err);
    if (st) {
        return st;
    }
    st = env_object_unlock_with(headers, c->dek, &object, err);
    if (!st && memcmp(object->headers->link, c->link, ENV_LINK_BYTES) != 0) {
        st = env_fail(err, ENVELOPE_E_IO, "metadata reads back other than it was written");
    }
    env_object_free(object);
    return st;
}

static envelope_status make_slots(envelope_chain *chain, struct env_catalogue *c,
                                  struct env_seal *seal, const struct env_listener *events,
                                  const char *name, envelope_error *err)
{
    const struct env_targets *targets = &seal->policy->targets;
    envelope_dek_free(c->dek);
    c->dek = NULL;
    env_free(chain->ctx, c->slots);
    c->slots = env_alloc(chain->ctx, sizeof *c->slots);
    if (!c->slots) {
        return env_nomem(err);
    }
    envelope_status st =
        env_targets_draw(chain->keyring, targets, ENV_DRAW_METADATA, &seal->drawn, err);
    c->dek = seal->drawn.dek;
    return st ? st
              : env_drawn_wrap(chain->keyring, targets, &seal->drawn, events, name, c->slots, err);
}

envelope_status env_seal_prepare(envelope_chain *chain, struct env_catalogue *c,
                                 struct env_seal *seal, const struct env_listener *events,
                                 envelope_error *err)
{
    env_name_metadata(seal->name, chain->folder, seal->number);
    envelope_status st = make_id(chain, c, seal, &seal->id, err);
    st = st ? st : make_slots(chain, c, seal, events, seal->name, err);
    seal->proven = seal->prove;
    return st || !seal->prove ? st : prove(chain, seal, c, events, err);
}

/* Whoever is to free something learns how much. Headers mostly have the smallest size. */
static void tell_bytes(const struct env_catalogue *c, uint64_t number, envelope_error *err)
{
    uint64_t bytes;
    if (env_catalogue_bytes(c, &bytes, NULL)) {
        return;
    }
    uint64_t tags = (bytes / ENV_CHUNK_BYTES + 1) * ENV_TAG_BYTES;
    bytes += 2 * ENV_CAPACITY_MIN + ENV_PREFIX_BYTES + tags + ENV_TAIL_BYTES;
    env_error_prefix(err, "metadata %llu takes about %llu bytes", (unsigned long long)number,
                     (unsigned long long)bytes);
}

static envelope_status seal_metadata(envelope_chain *chain, struct env_catalogue *c,
                                     struct env_seal *seal, envelope_error *err)
{
    struct env_store_writer file;
    env_drawn_spend(&seal->drawn);
    envelope_status st = env_store_create(chain->store, seal->name, 0, &file, err);
    if (st) {
        return st;
    }
    st = write_object(chain, c, &seal->id, &file, err);
    st = st ? st : reopen(chain, c, &file, err);
    if (st) {
        env_store_abort(&file);
        return st;
    }
    c->ours = true;
    return env_store_finish(&file, err);
}

envelope_status env_seal_metadata(envelope_chain *chain, struct env_catalogue *c,
                                  struct env_seal *seal, envelope_error *err)
{
    envelope_status st = seal_metadata(chain, c, seal, err);
    if (st == ENVELOPE_E_NO_SPACE) {
        tell_bytes(c, seal->number, err);
    }
    return st;
}

/* Writing a point: what is given, and the commit. */
#include "chain/writer.h"
#include "base/error.h"
#include "base/text.h"
#include "chain/pinning.h"
#include "format/attributes.h"
#include <string.h>

enum { FULL_EVERY = 30 };

static envelope_status reread(void *user, uint64_t offset, void *buf, size_t len,
                              envelope_error *err)
{
    return env_store_reread(user, offset, buf, len, err);
}

/* -- options */

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
    st = env_keyring_end(chain->keyring, &call, nomem ? env_nomem(err) : env_writer_begin(w, err));
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
    env_writer_drop(writer);
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
    st = env_keyring_end(w->chain->keyring, &call, env_writer_list(w, err));
    w->committed = !st;
    if (!st && number) {
        *number = w->number;
    }
    return st;
}

#include "base/error.h"
#include "chain/points.h"
#include "chain/source.h"
#include <string.h>

struct envelope_reader {
    envelope_chain *chain;
    uint64_t number;
    struct env_source source;
};

static envelope_status select_point(envelope_chain *chain, const struct env_view *v,
                                    uint64_t number, size_t *i, envelope_error *err)
{
    *i = number ? env_view_find(v, number) : env_view_latest(chain, v);
    if (*i != SIZE_MAX) {
        return ENVELOPE_OK;
    }
    return number ? env_fail(err, ENVELOPE_E_NOT_FOUND, "there is no point %llu in this chain",
                             (unsigned long long)number)
                  : env_fail(err, ENVELOPE_E_NOT_FOUND, "this chain has no point yet");
}

static envelope_status open_point(envelope_reader *r, uint64_t number, envelope_error *err)
{
    struct env_view v;
    size_t i;
    envelope_status st = env_view_new(r->chain, &v, err);
    if (st) {
        return st;
    }
    st = select_point(r->chain, &v, number, &i, err);
    if (!st && env_view_row(&v, i)->content != ENV_CONTENT_STREAM) {
        st = env_fail(err, ENVELOPE_E_UNSUPPORTED,
                      "point %llu is a disk image: this version does not read those",
                      (unsigned long long)v.at[i].number);
    }
    if (!st) {
        r->number = v.at[i].number;
        st = v.at[i].row != SIZE_MAX
                 ? env_source_listed(r->chain, v.catalogue, v.at[i].row, &r->source, err)
                 : env_source_extra(r->chain, &v.extras->item[v.at[i].extra], &r->source, err);
    }
    env_view_free(&v);
    return st;
}

envelope_status envelope_reader_new(envelope_chain *chain, uint64_t number, envelope_reader **out,
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
    envelope_reader *r = env_alloc(chain->ctx, sizeof *r);
    if (!r) {
        return env_nomem(err);
    }
    r->chain = env_chain_retain(chain);
    st = open_point(r, number, err);
    if (st) {
        envelope_reader_free(r);
        return st;
    }
    *out = r;
    return ENVELOPE_OK;
}

uint64_t envelope_reader_bytes(const envelope_reader *reader)
{
    return reader ? reader->source.footer.bytes : 0;
}

envelope_status envelope_reader_pread(envelope_reader *r, uint64_t offset, void *buf, size_t len,
                                      size_t *got, envelope_error *err)
{
    envelope_status st = env_enter(r ? r->chain->ctx : NULL, err);
    if (!st && (!got || (!buf && len))) {
        st = env_fail(err, ENVELOPE_E_INVALID, "buf or got is NULL");
    }
    if (st) {
        return st;
    }
    *got = 0;
    uint64_t bytes = r->source.footer.bytes;
    uint64_t left = offset < bytes ? bytes - offset : 0;
    size_t want = len < left ? len : (size_t)left;
    uint64_t bad_at = 0;
    st = want ? env_payload_read(r->source.payload, offset, buf, want, &bad_at, err) : ENVELOPE_OK;
    if (!st) {
        *got = want;
        return ENVELOPE_OK;
    }
    env_wipe(buf, want);
    if (st == ENVELOPE_E_AUTH || st == ENVELOPE_E_FORMAT) {
        const struct env_listener events = ENV_LISTENER(r->chain->ctx);
        const struct env_subject subject = {r->source.name, r->number, bad_at, 0, NULL, NULL};
        env_emit(&events, ENVELOPE_EVENT_DAMAGED, st, &subject,
                 "payload: %s at byte %llu does not verify", r->source.name,
                 (unsigned long long)bad_at);
        env_error_prefix(err, "point %llu (%s)", (unsigned long long)r->number, r->source.name);
    }
    return st;
}

void envelope_reader_free(envelope_reader *reader)
{
    if (!reader) {
        return;
    }
    envelope_chain *chain = reader->chain;
    if (reader->source.ctx) {
        env_source_close(&reader->source);
    }
    env_free(chain->ctx, reader);
    envelope_chain_free(chain);
}

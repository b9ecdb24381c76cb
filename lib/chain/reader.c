#include "base/error.h"
#include "chain/disk.h"
#include "chain/points.h"
#include <string.h>

struct envelope_reader {
    envelope_chain *chain;
    uint64_t number;
    struct env_source source;
    struct env_disk *disk; /* content image; else NULL */
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
    if (!st) {
        r->number = v.at[i].number;
        st = env_source_of_view(r->chain, &v, i, NULL, &r->source, err);
    }
    if (!st && env_view_row(&v, i)->content == ENV_CONTENT_IMAGE) {
        st = env_disk_of_view(r->chain, &v, i, &r->source, &r->disk, err);
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

/* What did not verify, or is gone, and where: for the auditor, and for the message. */
static void tell(const envelope_reader *r, const struct env_subject *subject, envelope_status st,
                 envelope_error *err)
{
    const struct env_listener events = ENV_LISTENER(r->chain->ctx);
    bool gone = st == ENVELOPE_E_NOT_FOUND;
    bool damaged = gone || st == ENVELOPE_E_AUTH || st == ENVELOPE_E_FORMAT;
    if (!damaged && st != ENVELOPE_E_IO) {
        return;
    }
    if (damaged) {
        env_emit(&events, ENVELOPE_EVENT_DAMAGED, st, subject,
                 gone ? "object: %s is missing, and byte %llu lies in it"
                      : "payload: %s at byte %llu does not verify",
                 subject->object, (unsigned long long)subject->offset);
    }
    env_error_prefix(err, "point %llu (%s)", (unsigned long long)r->number, subject->object);
    env_error_suffix(err, "%s from another copy of the repository, or read another point",
                     gone ? "it was forgotten or lost: bring it back" : "take the object");
}

static void tell_disk(const envelope_reader *r, const struct env_image_fault *fault,
                      envelope_status st, envelope_error *err)
{
    char name[ENV_NAME_MAX + 1];
    const struct env_subject subject = {.object =
                                            env_disk_object_name(r->disk, fault->object, name),
                                        .point = r->number,
                                        .offset = fault->offset};
    tell(r, &subject, st, err);
}

static envelope_status read_disk(const envelope_reader *r, uint64_t offset, void *buf, size_t len,
                                 envelope_error *err)
{
    struct env_image_fault fault = {0, 0};
    envelope_status st = env_image_pread(env_disk_image(r->disk), offset, buf, len, &fault, err);
    if (st) {
        tell_disk(r, &fault, st, err);
    }
    return st;
}

static envelope_status read_stream(const envelope_reader *r, uint64_t offset, void *buf, size_t len,
                                   envelope_error *err)
{
    struct env_subject subject = {.object = r->source.name, .point = r->number};
    envelope_status st =
        env_payload_read(r->source.payload, offset, buf, len, &subject.offset, err);
    if (st) {
        env_wipe(buf, len);
        tell(r, &subject, st, err);
    }
    return st;
}

static envelope_status check(const envelope_reader *r, bool whole, envelope_error *err)
{
    envelope_status st = env_enter(r ? r->chain->ctx : NULL, err);
    return st || whole ? st : env_fail(err, ENVELOPE_E_INVALID, "a pointer is NULL");
}

envelope_status envelope_reader_pread(envelope_reader *r, uint64_t offset, void *buf, size_t len,
                                      size_t *got, envelope_error *err)
{
    envelope_status st = check(r, got && (buf || !len), err);
    if (st) {
        return st;
    }
    *got = 0;
    uint64_t bytes = r->source.footer.bytes;
    uint64_t left = offset < bytes ? bytes - offset : 0;
    size_t want = len < left ? len : (size_t)left;
    if (want) {
        st =
            r->disk ? read_disk(r, offset, buf, want, err) : read_stream(r, offset, buf, want, err);
    }
    *got = st ? 0 : want;
    return st;
}

envelope_status envelope_reader_extent(envelope_reader *r, uint64_t offset, uint64_t *len,
                                       int32_t *zero, envelope_error *err)
{
    envelope_status st = check(r, len && zero, err);
    if (st) {
        return st;
    }
    uint64_t bytes = r->source.footer.bytes;
    bool hole = false;
    *len = offset < bytes ? bytes - offset : 0;
    if (r->disk) {
        struct env_image_fault fault = {0, 0};
        st = env_image_extent(env_disk_image(r->disk), offset, len, &hole, &fault, err);
        if (st) {
            tell_disk(r, &fault, st, err);
        }
    }
    *zero = hole;
    return st;
}

void envelope_reader_free(envelope_reader *reader)
{
    if (!reader) {
        return;
    }
    envelope_chain *chain = reader->chain;
    env_disk_close(reader->disk);
    if (reader->source.ctx) {
        env_source_close(&reader->source);
    }
    env_free(chain->ctx, reader);
    envelope_chain_free(chain);
}

#include "base/error.h"
#include "chain/verifying.h"
#include "object/twin.h"
#include <string.h>

/* Durable, and read back from the store. */
static envelope_status rewrite(struct env_verifying *w, const char *name, uint64_t offset,
                               const uint8_t *bytes, size_t len, envelope_error *err)
{
    struct env_store_file file;
    envelope_status st = env_store_overwrite(w->chain->store, name, offset, bytes, len, err);
    st = st ? st : env_store_open(w->chain->store, name, &file, err);
    if (st) {
        return st;
    }
    uint8_t *back = env_alloc(w->chain->ctx, len);
    st = back ? env_store_read(&file, offset, back, len, err) : env_nomem(err);
    if (!st && memcmp(back, bytes, len) != 0) {
        st = env_fail(err, ENVELOPE_E_IO, "what was written does not read back");
    }
    env_free(w->chain->ctx, back);
    env_store_close(&file);
    return st;
}

/* Only the copy that is not right is touched: the right one is never at risk. */
static envelope_status mend_copy(struct env_verifying *w, const struct env_subject *subject,
                                 const envelope_dek *dek, const uint8_t *link, int *which,
                                 envelope_error *why)
{
    envelope_ctx *ctx = w->chain->ctx;
    struct env_store_file file;
    struct env_twin twin;
    *which = ENV_TWINS_GOOD;
    envelope_status st = env_store_open(w->chain->store, subject->object, &file, why);
    if (st) {
        return st;
    }
    st = env_twin_read(ctx, dek, link, env_store_read, &file, file.bytes, &twin, why);
    env_store_close(&file);
    if (st || twin.which == ENV_TWINS_GOOD) { /* another process was here */
        return st;
    }
    *which = twin.which;
    st = rewrite(w, subject->object, (uint64_t)twin.which * twin.capacity, twin.bytes,
                 twin.capacity, why);
    env_twin_free(ctx, &twin);
    return st;
}

envelope_status env_verify_mend_header(struct env_verifying *w, const struct env_subject *subject,
                                       const envelope_dek *dek, const uint8_t link[ENV_LINK_BYTES],
                                       bool *mended, envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    int which;
    envelope_status st = mend_copy(w, subject, dek, link, &which, &why);
    *mended = !st;
    if (st && env_verify_final(st)) {
        return env_error_pass(err, st, &why);
    }
    if (st) {
        env_verify_finding(w, subject, st, ENVELOPE_EVENT_DAMAGED,
                           "header copies A and B: not repaired: %.300s", why.message);
    } else if (which != ENV_TWINS_GOOD) {
        env_verify_finding(w, subject, ENVELOPE_OK, ENVELOPE_EVENT_REPAIRED,
                           "header copy %c: rewritten from copy %c", 'A' + which, 'B' - which);
    }
    return ENVELOPE_OK;
}

envelope_status env_verify_mend_tail(struct env_verifying *w, const struct env_subject *subject,
                                     const uint8_t tail[ENV_TAIL_BYTES], bool *mended,
                                     envelope_error *err)
{
    envelope_error why = ENVELOPE_ERROR_INIT;
    envelope_status st = rewrite(w, subject->object, subject->offset, tail, ENV_TAIL_BYTES, &why);
    *mended = !st;
    if (st && env_verify_final(st)) {
        return env_error_pass(err, st, &why);
    }
    env_verify_finding(w, subject, st, st ? ENVELOPE_EVENT_DAMAGED : ENVELOPE_EVENT_REPAIRED,
                       "tail: %s%.300s", st ? "not repaired: " : "rewritten",
                       st ? why.message : "");
    return ENVELOPE_OK;
}

/* What is asked of a KMS, and what its answers are taken for. */
#include "base/bytes.h"
#include "base/error.h"
#include "crypto/rsa.h"
#include "keys/slot.h"
#include "kms/handle.h"
#include "kms/sink.h"
#include <stdio.h>
#include <string.h>

/* A KMS may answer with anything that fits its largest modulus; only then is the length looked at,
 * so that a ciphertext of the right key and the wrong length looks like every other failure. */
enum { ANSWER_MAX = ENV_RSA_BYTES_MAX };

static envelope_status not_offered(const envelope_kms *kms, const char *what, envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_UNSUPPORTED, "%s does not offer to %s", kms->kind, what);
}

static bool may_return(envelope_status st)
{
    return st == ENVELOPE_E_KMS_UNREACHED || st == ENVELOPE_E_REFUSED || st == ENVELOPE_E_NO_KEY;
}

/* What a callback that failed returned and said, as a failure of ours. */
envelope_status env_kms_failed(const envelope_kms *kms, const char *call, envelope_status st,
                               envelope_error *said, envelope_error *err)
{
    bool own = kms->asking && (st == ENVELOPE_E_AGAIN || st == ENVELOPE_E_LIMIT ||
                               st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO);
    if (kms->admin || own) {
        return env_error_pass(err, st, said);
    }
    char text[ENV_PRINTABLE_MAX];
    said->message[sizeof said->message - 1] = 0;
    env_printable(text, said->message[0] ? said->message : "no reason given");
    if (may_return(st)) {
        env_fail(err, st, "%s: %s", kms->kind, text);
    } else {
        env_fail(err, ENVELOPE_E_CALLBACK, "%s: its `%s` returned %d (%s), which it may not: %s",
                 kms->kind, call, st, envelope_status_name(st), text);
        st = ENVELOPE_E_CALLBACK;
    }
    env_error_origin(err, ENVELOPE_ORIGIN_CALLER, said->native);
    return st;
}

static envelope_status no_deed(const envelope_kms *kms, const char *call, const char *what,
                               envelope_error *err)
{
    return env_fail(err, ENVELOPE_E_CALLBACK, "%s: its `%s` returned OK and %s", kms->kind, call,
                    what);
}

/* A mistake in what was put into the sink weighs more than what the callback then returned. */
static envelope_status filled(const envelope_kms *kms, const char *call,
                              const struct envelope_key_sink *sink, envelope_status st,
                              envelope_error *said, envelope_error *err)
{
    if (sink->failed == ENVELOPE_E_NOMEM) {
        return env_nomem(err);
    }
    if (sink->failed && !(kms->admin && st)) {
        return env_fail(err, ENVELOPE_E_CALLBACK, "%s: its `%s` gave %s", kms->kind, call,
                        sink->why.message);
    }
    return st ? env_kms_failed(kms, call, st, said, err) : ENVELOPE_OK;
}

static envelope_status take_found(envelope_ctx *ctx, const char *kms_id,
                                  const envelope_key_info *info, struct env_found *out,
                                  envelope_error *err)
{
    const envelope_key_ref *ref = info->ref;
    struct env_key *key = &out->key;
    key->kind = ENV_SLOT_KMS;
    key->version = ref->version;
    key->has_fingerprint = ref->has_fingerprint != 0;
    memcpy(key->fingerprint, ref->fingerprint, sizeof key->fingerprint);
    key->kms_id = env_strdup(ctx, kms_id);
    key->name = env_strdup(ctx, ref->key_name);
    key->key_id = env_strdup(ctx, ref->key_id);
    key->spki_len = info->spki_len;
    key->spki = info->spki ? env_alloc(ctx, info->spki_len) : NULL;
    out->replaces = env_strdup(ctx, ref->replaces);
    out->state = info->state;
    bool whole = key->kms_id && key->name && key->key_id && (key->spki || !info->spki) &&
                 (out->replaces || !ref->replaces);
    if (!whole) {
        return env_nomem(err);
    }
    if (info->spki) {
        memcpy(key->spki, info->spki, info->spki_len);
    }
    return ENVELOPE_OK;
}

static bool is_recorded(const envelope_key_ref *ref, const struct env_key *recorded)
{
    return recorded->has_fingerprint && ref->has_fingerprint
               ? !memcmp(ref->fingerprint, recorded->fingerprint, sizeof ref->fingerprint)
               : !strcmp(ref->key_id, recorded->key_id);
}

/* Index of the one candidate that has to do with the recorded key; count: none has, or several. */
static envelope_status find_ours(envelope_kms *kms, const struct envelope_key_sink *sink,
                                 const struct env_key *recorded, size_t *ours, envelope_error *err)
{
    size_t count = envelope_key_list_count(sink->list);
    size_t fits = 0;
    for (size_t i = 0; recorded && i < count; i++) {
        const envelope_key_ref *ref = envelope_key_list_at(sink->list, i)->ref;
        bool yes = is_recorded(ref, recorded);
        envelope_status st =
            yes ? ENVELOPE_OK
                : env_kms_replaces(kms, sink->key_name, ref->replaces, recorded->key_id, &yes, err);
        if (st) {
            return st;
        }
        *ours = yes ? i : *ours;
        fits += yes;
    }
    *ours = fits == 1 ? *ours : count;
    return ENVELOPE_OK;
}

static envelope_status several(const envelope_kms *kms, const struct envelope_key_sink *sink,
                               envelope_error *err)
{
    char name[ENV_PRINTABLE_MAX];
    char line[256] = "";
    size_t used = 0;
    size_t count = envelope_key_list_count(sink->list);
    for (size_t i = 0; i < count && used < sizeof line - 1; i++) {
        char id[ENV_PRINTABLE_MAX];
        int n = snprintf(line + used, sizeof line - used, "%s%.80s", i ? ", " : "",
                         env_printable(id, envelope_key_list_at(sink->list, i)->ref->key_id));
        used += (size_t)n;
    }
    return env_fail(err, ENVELOPE_E_REFUSED,
                    "%s: %zu keys are the newest of the name %.100s: which one is meant cannot be "
                    "told; let one bear that name (key ids: %s)",
                    kms->kind, count, env_printable(name, sink->key_name), line);
}

static envelope_status choose(envelope_kms *kms, const struct envelope_key_sink *sink,
                              const char *kms_id, const struct env_key *recorded,
                              struct env_found *out, envelope_error *err)
{
    char name[ENV_PRINTABLE_MAX];
    size_t at = 0;
    env_printable(name, sink->key_name);
    size_t count = envelope_key_list_count(sink->list);
    if (count == 0) {
        return no_deed(kms, "newest", "added no key", err);
    }
    if (count > 1) {
        envelope_status st = find_ours(kms, sink, recorded, &at, err);
        if (st || at == count) {
            return st ? st : several(kms, sink, err);
        }
    }
    const envelope_key_info *info = envelope_key_list_at(sink->list, at);
    if (info->state != ENVELOPE_KEY_ACTIVE) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "%s: the newest key of the name %s is not active: nothing may be wrapped "
                        "for it",
                        kms->kind, name);
    }
    if (!info->spki && info->ref->has_fingerprint) {
        return env_fail(err, ENVELOPE_E_CALLBACK,
                        "%s: its `newest` gave a fingerprint without a public key", kms->kind);
    }
    out->others = (uint32_t)(count - 1);
    return take_found(kms->ctx, kms_id, info, out, err);
}

envelope_status env_kms_newest(envelope_kms *kms, const char *kms_id, const char *key_name,
                               struct env_found *out, envelope_error *err)
{
    return env_kms_newest_after(kms, kms_id, key_name, NULL, out, err);
}

envelope_status env_kms_newest_after(envelope_kms *kms, const char *kms_id, const char *key_name,
                                     const struct env_key *recorded, struct env_found *out,
                                     envelope_error *err)
{
    memset(out, 0, sizeof *out);
    if (!kms->ops.newest) {
        return not_offered(kms, "name its newest key", err);
    }
    struct envelope_key_sink sink;
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = env_sink_begin(kms->ctx, key_name, &sink, err);
    if (st) {
        return st;
    }
    st = kms->asking ? env_asking_newest(kms->asking, kms_id, key_name, &sink, &said)
                     : kms->ops.newest(kms->self, key_name, &sink, &said);
    st = filled(kms, "newest", &sink, st, &said, err);
    st = st ? st : choose(kms, &sink, kms_id, recorded, out, err);
    env_sink_end(&sink);
    if (st) {
        env_found_free(kms->ctx, out);
    }
    return st;
}

void env_found_free(envelope_ctx *ctx, struct env_found *found)
{
    env_free(ctx, found->key.kms_id);
    env_free(ctx, found->key.name);
    env_free(ctx, found->key.key_id);
    env_free(ctx, found->key.spki);
    env_free(ctx, found->replaces);
    memset(found, 0, sizeof *found);
}

/* All that depends on the ciphertext ends in one status and one text (crypto.md, W12). E_RANGE is
 * what an honest provider says of an answer that is longer than any DEK. */
envelope_status env_kms_unwrapped(const envelope_kms *kms, const char *call, envelope_status st,
                                  size_t len, envelope_error *said, envelope_error *err)
{
    if (!st && len == 0) {
        return no_deed(kms, call, "set no length", err);
    }
    if (!st && len > ANSWER_MAX) {
        return no_deed(kms, call, "claims more bytes than there was room for", err);
    }
    bool range = st == ENVELOPE_E_RANGE && !kms->admin;
    if (st == ENVELOPE_E_AUTH || range || (!st && len != ENVELOPE_DEK_BYTES)) {
        return env_fail(err, ENVELOPE_E_AUTH, ENV_DOES_NOT_OPEN);
    }
    return st ? env_kms_failed(kms, call, st, said, err) : ENVELOPE_OK;
}

envelope_status env_kms_unwrap(envelope_kms *kms, const envelope_key_ref *key, int32_t algorithm,
                               const void *in, size_t in_len, uint8_t out[32], envelope_error *err)
{
    if (!kms->ops.unwrap) {
        return not_offered(kms, "unwrap", err);
    }
    uint8_t *answer;
    size_t len = 0;
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st = env_secret_new(kms->ctx, ANSWER_MAX, &answer, err);
    if (st) {
        return st;
    }
    st = kms->ops.unwrap(kms->self, key, algorithm, in, in_len, answer, ANSWER_MAX, &len, &said);
    st = env_kms_unwrapped(kms, "unwrap", st, len, &said, err);
    if (!st) {
        memcpy(out, answer, ENVELOPE_DEK_BYTES);
    }
    env_secret_free(kms->ctx, answer, ANSWER_MAX);
    return st;
}

envelope_status env_kms_wrap(envelope_kms *kms, const envelope_key_ref *key, int32_t algorithm,
                             const uint8_t in[32], void *out, size_t cap, size_t *len,
                             envelope_error *err)
{
    *len = 0;
    if (!kms->ops.wrap) {
        return not_offered(kms, "wrap", err);
    }
    size_t got = 0;
    envelope_error said = ENVELOPE_ERROR_INIT;
    envelope_status st =
        kms->ops.wrap(kms->self, key, algorithm, in, ENVELOPE_DEK_BYTES, out, cap, &got, &said);
    if (st) {
        return env_kms_failed(kms, "wrap", st, &said, err);
    }
    if (got == 0 || got > cap) {
        return no_deed(kms, "wrap", "set no usable length", err);
    }
    *len = got;
    return ENVELOPE_OK;
}

/* Versions of one name stand together; of these the highest, if it may wrap, is the newest. */
static void mark_newest(envelope_key_list *list)
{
    size_t count = envelope_key_list_count(list);
    for (size_t i = 0, best = 0; i < count; i++) {
        envelope_key_info *info = env_key_list_edit(list, i);
        const envelope_key_info *top = env_key_list_edit(list, best);
        bool same = strcmp(info->ref->key_name, top->ref->key_name) == 0;
        best = !same || info->ref->version >= top->ref->version ? i : best;
        bool last = i + 1 == count || strcmp(envelope_key_list_at(list, i + 1)->ref->key_name,
                                             info->ref->key_name) != 0;
        envelope_key_info *newest = env_key_list_edit(list, best);
        if (last && newest->state == ENVELOPE_KEY_ACTIVE) {
            newest->flags |= ENVELOPE_KEY_NEWEST;
        }
    }
}

envelope_status envelope_kms_list(envelope_kms *kms, const char *key_name, envelope_key_list **out,
                                  envelope_error *err)
{
    if (!kms || !out) {
        return env_fail(err, ENVELOPE_E_INVALID, "envelope_kms_list: a pointer is NULL");
    }
    *out = NULL;
    envelope_status st = env_enter(kms->ctx, err);
    if (st) {
        return st;
    }
    if (!kms->ops.list) {
        return not_offered(kms, "list its keys", err);
    }
    struct envelope_key_sink sink;
    envelope_error said = ENVELOPE_ERROR_INIT;
    st = env_sink_begin(kms->ctx, key_name, &sink, err);
    if (st) {
        return st;
    }
    st = kms->ops.list(kms->self, key_name, &sink, &said);
    st = filled(kms, "list", &sink, st, &said, err);
    if (!st) {
        mark_newest(sink.list);
        *out = sink.list;
        sink.list = NULL;
    }
    env_sink_end(&sink);
    return st;
}

#include "format/keylist.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/rsa.h"
#include "format/slots.h"
#include <string.h>

enum { ROOM_FIRST = 8 };

static bool same_fingerprint(bool has_a, const uint8_t *a, bool has_b, const uint8_t *b)
{
    return has_a && has_b && !memcmp(a, b, ENVELOPE_FINGERPRINT_BYTES);
}

static bool same_recipient(const struct env_recipient *a, const struct env_recipient *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    if (a->kind == ENV_SLOT_ESCROW) {
        return same_fingerprint(a->has_fingerprint, a->fingerprint, b->has_fingerprint,
                                b->fingerprint);
    }
    return !strcmp(a->kms_id, b->kms_id) && !strcmp(a->name, b->name);
}

static bool has_recipient(const struct env_recipients *in, const struct env_recipient *wanted)
{
    for (size_t i = 0; i < in->count; i++) {
        if (same_recipient(&in->item[i], wanted)) {
            return true;
        }
    }
    return false;
}

bool env_recipients_equal(const struct env_recipients *a, const struct env_recipients *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!has_recipient(b, &a->item[i]) || !has_recipient(a, &b->item[i])) {
            return false;
        }
    }
    return true;
}

static const char *recipient_fault(const struct env_recipient *r)
{
    bool named = env_key_name_valid(r->name, strlen(r->name));
    if (r->kind == ENV_SLOT_KMS) {
        bool ok = env_kms_id_valid(r->kms_id, strlen(r->kms_id)) && named && !r->has_fingerprint;
        return ok ? NULL : "a KMS key has a KMS's id and a name, and no fingerprint";
    }
    if (r->kind == ENV_SLOT_PASSWORD) {
        return !r->kms_id[0] && named && !r->has_fingerprint ? NULL : "a password has a name only";
    }
    if (r->kind == ENV_SLOT_ESCROW) {
        return !r->kms_id[0] && named && r->has_fingerprint
                   ? NULL
                   : "an escrow key has a name and a fingerprint";
    }
    return "unknown kind";
}

envelope_status env_recipients_check(const struct env_recipients *recipients, const char *what,
                                     envelope_status status, envelope_error *err)
{
    if (recipients->count < 1 || recipients->count > ENV_RECIPIENTS_LIMIT) {
        return env_fail(err, status, "%s: there must be 1 to %d recipients", what,
                        ENV_RECIPIENTS_LIMIT);
    }
    for (size_t i = 0; i < recipients->count; i++) {
        const char *why = recipient_fault(&recipients->item[i]);
        for (size_t j = 0; j < i && !why; j++) {
            bool twice = same_recipient(&recipients->item[j], &recipients->item[i]);
            why = twice ? "it is there twice" : NULL;
        }
        if (why) {
            return env_fail(err, status, "%s, recipient %zu: %s", what, i + 1, why);
        }
    }
    return ENVELOPE_OK;
}

static const char *kms_key_fault(const struct env_key *k)
{
    if (!env_kms_id_valid(k->kms_id, strlen(k->kms_id)) ||
        !env_key_name_valid(k->key_id, strlen(k->key_id))) {
        return "a KMS key has a KMS's id and a key id";
    }
    return k->version == 0 ? "a KMS key has a version" : NULL;
}

static const char *key_fault(const struct env_key *k, bool spki)
{
    if (!env_key_name_valid(k->name, strlen(k->name))) {
        return "it has no name";
    }
    bool spki_may = spki && k->kind != ENV_SLOT_PASSWORD && k->spki_len <= ENV_SPKI_BYTES_MAX;
    if (k->spki_len && !spki_may) {
        return "a public key has no place there";
    }
    if (k->kind == ENV_SLOT_KMS) {
        return kms_key_fault(k);
    }
    if (k->kind != ENV_SLOT_PASSWORD && k->kind != ENV_SLOT_ESCROW) {
        return "unknown kind";
    }
    if (k->kms_id[0] || k->key_id[0] || k->version) {
        return "it has members of a KMS key";
    }
    return k->has_fingerprint != (k->kind == ENV_SLOT_ESCROW)
               ? "an escrow key has a fingerprint, a password has none"
               : NULL;
}

envelope_status env_keys_check(const struct env_keys *keys, bool spki, const char *what,
                               envelope_status status, envelope_error *err)
{
    if (keys->count > ENV_KEYS_LIMIT) {
        return env_fail(err, status, "%s: more than %d keys", what, ENV_KEYS_LIMIT);
    }
    for (size_t i = 0; i < keys->count; i++) {
        const char *why = key_fault(&keys->item[i], spki);
        if (why) {
            return env_fail(err, status, "%s, key %zu: %s", what, i + 1, why);
        }
    }
    return ENVELOPE_OK;
}

static void free_key(envelope_ctx *ctx, struct env_key *key)
{
    env_free(ctx, key->kms_id);
    env_free(ctx, key->name);
    env_free(ctx, key->key_id);
    env_free(ctx, key->spki);
    memset(key, 0, sizeof *key);
}

static char *copy_text(envelope_ctx *ctx, const char *text)
{
    return env_strdup(ctx, text ? text : "");
}

static bool copy_key(envelope_ctx *ctx, struct env_key *to, const struct env_key *from)
{
    *to = *from;
    to->kms_id = copy_text(ctx, from->kms_id);
    to->name = copy_text(ctx, from->name);
    to->key_id = copy_text(ctx, from->key_id);
    to->spki = from->spki_len ? env_alloc(ctx, from->spki_len) : NULL;
    if (!to->kms_id || !to->name || !to->key_id || (from->spki_len && !to->spki)) {
        free_key(ctx, to);
        return false;
    }
    if (from->spki_len) {
        memcpy(to->spki, from->spki, from->spki_len);
    }
    return true;
}

static bool make_room(envelope_ctx *ctx, struct env_keys *keys, size_t count)
{
    if (count <= keys->room) {
        return true;
    }
    size_t room = keys->room ? keys->room : ROOM_FIRST;
    while (room < count) {
        room *= 2;
    }
    struct env_key *item = env_alloc_array(ctx, room, sizeof *item);
    if (!item) {
        return false;
    }
    if (keys->count) {
        memcpy(item, keys->item, keys->count * sizeof *item);
    }
    env_free(ctx, keys->item);
    keys->item = item;
    keys->room = room;
    return true;
}

envelope_status env_keys_add(envelope_ctx *ctx, struct env_keys *keys, const struct env_key *key,
                             envelope_error *err)
{
    if (keys->count >= ENV_KEYS_LIMIT) {
        return env_fail(err, ENVELOPE_E_LIMIT, "more than %d key versions in one chain",
                        ENV_KEYS_LIMIT);
    }
    /* key may lie in keys itself: the copy is made before the array moves. */
    struct env_key copy;
    if (!copy_key(ctx, &copy, key)) {
        return env_nomem(err);
    }
    if (!make_room(ctx, keys, keys->count + 1)) {
        free_key(ctx, &copy);
        return env_nomem(err);
    }
    keys->item[keys->count++] = copy;
    return ENVELOPE_OK;
}

envelope_status env_keys_copy(envelope_ctx *ctx, struct env_keys *to, const struct env_keys *from,
                              envelope_error *err)
{
    memset(to, 0, sizeof *to);
    envelope_status st = ENVELOPE_OK;
    for (size_t i = 0; i < from->count && !st; i++) {
        st = env_keys_add(ctx, to, &from->item[i], err);
    }
    if (st) {
        env_keys_free(ctx, to);
    }
    return st;
}

void env_keys_free(envelope_ctx *ctx, struct env_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        free_key(ctx, &keys->item[i]);
    }
    env_free(ctx, keys->item);
    memset(keys, 0, sizeof *keys);
}

static bool same_key(const struct env_key *a, const struct env_key *b)
{
    if (a->kind != b->kind || a->has_fingerprint != b->has_fingerprint ||
        strcmp(a->name, b->name) || strcmp(a->kms_id, b->kms_id)) {
        return false;
    }
    if (a->has_fingerprint) {
        return !memcmp(a->fingerprint, b->fingerprint, sizeof a->fingerprint);
    }
    return !strcmp(a->key_id, b->key_id);
}

size_t env_keys_find(const struct env_keys *keys, const struct env_key *key)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (same_key(&keys->item[i], key)) {
            return i;
        }
    }
    return SIZE_MAX;
}

envelope_key_ref env_key_as_ref(const struct env_key *key)
{
    envelope_key_ref ref = {.size = sizeof ref,
                            .kms_id = key->kms_id[0] ? key->kms_id : NULL,
                            .key_name = key->name,
                            .key_id = key->key_id[0] ? key->key_id : NULL,
                            .version = key->version,
                            .has_fingerprint = key->has_fingerprint};
    memcpy(ref.fingerprint, key->fingerprint, sizeof ref.fingerprint);
    return ref;
}

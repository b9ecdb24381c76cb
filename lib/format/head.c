#include "format/head.h"
#include "base/error.h"
#include "base/text.h"
#include "format/envelope.pb-c.h"
#include "format/message.h"
#include "format/wire.h"
#include <stdlib.h>
#include <string.h>

static const char what[] = "head";

static const struct env_wire_limit limits[] = {
    {&libenvelope__head__descriptor, 3, ENV_RECIPIENTS_LIMIT},
    {&libenvelope__head__descriptor, 4, ENV_KEYS_LIMIT},
    {&libenvelope__head__descriptor, 5, ENV_KEY_SETS_LIMIT},
    {&libenvelope__head__descriptor, 7, ENV_TOMBSTONES_LIMIT},
    {&libenvelope__head__descriptor, 9, ENV_PAST_LIMIT},
    {&libenvelope__key_set__descriptor, 1, ENV_KEYS_LIMIT},
};

static envelope_status check_key_sets(const struct env_head *head, envelope_status status,
                                      envelope_error *err)
{
    if (head->key_set_count > ENV_KEY_SETS_LIMIT) {
        return env_fail(err, status, "head: more than %d key sets", ENV_KEY_SETS_LIMIT);
    }
    for (size_t i = 0; i < head->key_set_count; i++) {
        const struct env_key_set *set = &head->key_sets[i];
        bool ok = set->count > 0;
        for (uint32_t j = 0; j < set->count && ok; j++) {
            ok = set->key[j] < head->keys.count && (j == 0 || set->key[j] > set->key[j - 1]);
        }
        if (!ok) {
            return env_fail(err, status, "head, key set %zu: empty, out of order, or out of range",
                            i + 1);
        }
    }
    return ENVELOPE_OK;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, ENV_OBJECT_ID_BYTES);
}

/* Up to 2^20 of them: sorted copies, since comparing each with each would take minutes. */
static envelope_status check_ids_differ(envelope_ctx *ctx, const struct env_head *head,
                                        envelope_status status, envelope_error *err)
{
    uint8_t(*id)[ENV_OBJECT_ID_BYTES] = env_alloc_array(ctx, head->tombstone_count, sizeof *id);
    envelope_status st = ENVELOPE_OK;
    if (!id) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < head->tombstone_count; i++) {
        memcpy(id[i], head->tombstones[i].object_id, sizeof *id);
    }
    qsort(id, head->tombstone_count, sizeof *id, compare_ids);
    for (size_t i = 1; i < head->tombstone_count && !st; i++) {
        if (!memcmp(id[i - 1], id[i], sizeof *id)) {
            st = env_fail(err, status, "head: an object has two tombstones");
        }
    }
    env_free(ctx, id);
    return st;
}

static envelope_status check_tombstones(envelope_ctx *ctx, const struct env_head *head,
                                        envelope_status status, envelope_error *err)
{
    if (head->tombstone_count > ENV_TOMBSTONES_LIMIT) {
        return env_fail(err, status, "head: more than %d tombstones", ENV_TOMBSTONES_LIMIT);
    }
    for (size_t i = 0; i < head->tombstone_count; i++) {
        if (head->tombstones[i].number >= ENV_NUMBER_LIMIT) {
            return env_fail(err, status, "head, tombstone %zu: its number is beyond the limit",
                            i + 1);
        }
    }
    return head->tombstone_count > 1 ? check_ids_differ(ctx, head, status, err) : ENVELOPE_OK;
}

static envelope_status check_past(const struct env_head *head, envelope_status status,
                                  envelope_error *err)
{
    uint64_t before = 0;
    if (head->past_count > ENV_PAST_LIMIT) {
        return env_fail(err, status, "head: more than %d of its past", ENV_PAST_LIMIT);
    }
    for (size_t i = 0; i < head->past_count; i++) {
        uint64_t number = head->past[i].number;
        if (number <= before || number >= ENV_NUMBER_LIMIT) {
            return env_fail(err, status, "head, past %zu: numbers do not rise", i + 1);
        }
        before = number;
    }
    return ENVELOPE_OK;
}

static envelope_status check(envelope_ctx *ctx, const struct env_head *head, envelope_status status,
                             envelope_error *err)
{
    if (!env_chain_name_valid(head->chain_name, strlen(head->chain_name)) || head->serial < 1 ||
        head->serial >= ENV_NUMBER_LIMIT) {
        return env_fail(err, status, "head: no chain has this name or this serial");
    }
    envelope_status st = env_recipients_check(&head->recipients, what, status, err);
    st = st ? st : env_keys_check(&head->keys, false, what, status, err);
    st = st ? st : check_key_sets(head, status, err);
    st = st ? st : check_past(head, status, err);
    return st ? st : check_tombstones(ctx, head, status, err);
}

static bool copy_key_set(envelope_ctx *ctx, const uint32_t *key, size_t count,
                         struct env_key_set *out)
{
    out->key = env_alloc_array(ctx, count, sizeof *out->key);
    if (out->key && count) {
        memcpy(out->key, key, count * sizeof *out->key);
        out->count = (uint32_t)count;
    }
    return out->key;
}

static envelope_status get_key_sets(envelope_ctx *ctx, const Libenvelope__Head *in,
                                    struct env_head *out, envelope_error *err)
{
    out->key_sets = env_alloc_array(ctx, in->n_key_set, sizeof *out->key_sets);
    if (!out->key_sets) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < in->n_key_set; i++) {
        out->key_set_count = i + 1;
        if (!copy_key_set(ctx, in->key_set[i]->key, in->key_set[i]->n_key, &out->key_sets[i])) {
            return env_nomem(err);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status get_tombstones(envelope_ctx *ctx, const Libenvelope__Head *in,
                                      struct env_head *out, envelope_error *err)
{
    out->tombstones = env_alloc_array(ctx, in->n_tombstone, sizeof *out->tombstones);
    if (!out->tombstones) {
        return env_nomem(err);
    }
    out->tombstone_count = in->n_tombstone;
    for (size_t i = 0; i < in->n_tombstone; i++) {
        struct env_tombstone *t = &out->tombstones[i];
        t->number = in->tombstone[i]->number;
        t->time_ms = in->tombstone[i]->time_ms;
        if (!env_message_fixed(t->object_id, sizeof t->object_id, &in->tombstone[i]->object_id)) {
            return env_fail(err, ENVELOPE_E_FORMAT, "head, tombstone %zu: no object id", i + 1);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status get_past(envelope_ctx *ctx, const Libenvelope__Head *in,
                                struct env_head *out, envelope_error *err)
{
    out->past = env_alloc_array(ctx, in->n_past, sizeof *out->past);
    if (!out->past) {
        return env_nomem(err);
    }
    out->past_count = in->n_past;
    for (size_t i = 0; i < in->n_past; i++) {
        out->past[i].number = in->past[i]->number;
        if (!env_message_fixed(out->past[i].link, ENV_LINK_BYTES, &in->past[i]->link)) {
            return env_fail(err, ENVELOPE_E_FORMAT, "head, past %zu: no LINK", i + 1);
        }
    }
    return ENVELOPE_OK;
}

static envelope_status get_all(envelope_ctx *ctx, const Libenvelope__Head *in, struct env_head *out,
                               envelope_error *err)
{
    out->rebuilt = in->rebuilt;
    out->serial = in->serial;
    if (!env_message_text(out->chain_name, sizeof out->chain_name, in->chain_name)) {
        return env_fail(err, ENVELOPE_E_FORMAT, "head: the chain's name is too long");
    }
    envelope_status st =
        env_message_get_recipients(in->recipient, in->n_recipient, what, &out->recipients, err);
    st = st ? st : env_message_get_keys(ctx, in->key, in->n_key, false, what, &out->keys, err);
    st = st ? st : get_key_sets(ctx, in, out, err);
    st = st ? st : get_tombstones(ctx, in, out, err);
    st = st ? st : get_past(ctx, in, out, err);
    return st ? st : check(ctx, out, ENVELOPE_E_FORMAT, err);
}

envelope_status env_head_decode(envelope_ctx *ctx, const void *bytes, size_t len, uint8_t minor,
                                struct env_head *out, envelope_error *err)
{
    const struct env_wire_rules rules = {.message = &libenvelope__head__descriptor,
                                         .what = what,
                                         .newer = minor > ENV_FORMAT_MINOR,
                                         .limits = limits,
                                         .limit_count = sizeof limits / sizeof limits[0]};
    ProtobufCMessage *message = NULL;
    memset(out, 0, sizeof *out);
    if (len > ENV_HEAD_MAX) {
        return env_fail(err, ENVELOPE_E_FORMAT, "head: more than %d bytes", ENV_HEAD_MAX);
    }
    envelope_status st = env_wire_unpack(ctx, &rules, bytes, len, &message, err);
    if (st) {
        return st;
    }
    st = get_all(ctx, (const Libenvelope__Head *)message, out, err);
    env_wire_free(ctx, message);
    if (st) {
        env_head_free(ctx, out);
    }
    return st;
}

static void put_lists(const struct env_head *in, Libenvelope__Head *out)
{
    for (size_t i = 0; i < in->key_set_count; i++) {
        libenvelope__key_set__init(out->key_set[i]);
        out->key_set[i]->n_key = in->key_sets[i].count;
        out->key_set[i]->key = in->key_sets[i].key;
    }
    for (size_t i = 0; i < in->tombstone_count; i++) {
        const struct env_tombstone *t = &in->tombstones[i];
        libenvelope__tombstone__init(out->tombstone[i]);
        out->tombstone[i]->object_id = env_message_bytes(t->object_id, sizeof t->object_id);
        out->tombstone[i]->number = t->number;
        out->tombstone[i]->time_ms = t->time_ms;
    }
    for (size_t i = 0; i < in->past_count; i++) {
        libenvelope__past__init(out->past[i]);
        out->past[i]->number = in->past[i].number;
        out->past[i]->link = env_message_bytes(in->past[i].link, ENV_LINK_BYTES);
    }
}

static envelope_status put_all(envelope_ctx *ctx, const struct env_head *in, Libenvelope__Head *out,
                               envelope_error *err)
{
    out->chain_name = (char *)in->chain_name;
    out->serial = in->serial;
    out->rebuilt = in->rebuilt;
    out->recipient = env_message_put_recipients(ctx, &in->recipients);
    out->key = env_message_put_keys(ctx, &in->keys);
    out->key_set = env_message_array(ctx, in->key_set_count, sizeof *out->key_set[0]);
    out->tombstone = env_message_array(ctx, in->tombstone_count, sizeof *out->tombstone[0]);
    out->past = env_message_array(ctx, in->past_count, sizeof *out->past[0]);
    if (!out->recipient || !out->key || !out->key_set || !out->tombstone || !out->past) {
        return env_nomem(err);
    }
    out->n_recipient = in->recipients.count;
    out->n_key = in->keys.count;
    out->n_key_set = in->key_set_count;
    out->n_tombstone = in->tombstone_count;
    out->n_past = in->past_count;
    put_lists(in, out);
    return ENVELOPE_OK;
}

envelope_status env_head_encode(envelope_ctx *ctx, const struct env_head *head, uint8_t **out,
                                size_t *len, envelope_error *err)
{
    Libenvelope__Head message = LIBENVELOPE__HEAD__INIT;
    *out = NULL;
    *len = 0;
    envelope_status st = check(ctx, head, ENVELOPE_E_INVALID, err);
    if (st) {
        return st;
    }
    st = put_all(ctx, head, &message, err);
    st = st ? st : env_wire_pack(ctx, &message.base, (struct env_wire_frame){0, 0}, out, len, err);
    env_free(ctx, message.recipient);
    env_free(ctx, message.key);
    env_free(ctx, message.key_set);
    env_free(ctx, message.tombstone);
    env_free(ctx, message.past);
    if (!st && *len > ENV_HEAD_MAX) {
        env_free(ctx, *out);
        *out = NULL;
        *len = 0;
        return env_fail(err, ENVELOPE_E_LIMIT, "the head of the catalogue passes %d bytes",
                        ENV_HEAD_MAX);
    }
    return st;
}

/* An array of count items of size bytes each; NULL only when there is no memory. */
static void *copy_array(envelope_ctx *ctx, const void *from, size_t count, size_t size)
{
    void *to = env_alloc_array(ctx, count, size);
    if (to && count) {
        memcpy(to, from, count * size);
    }
    return to;
}

static envelope_status copy_lists(envelope_ctx *ctx, struct env_head *to,
                                  const struct env_head *from, envelope_error *err)
{
    to->key_sets = env_alloc_array(ctx, from->key_set_count, sizeof *to->key_sets);
    to->tombstones =
        copy_array(ctx, from->tombstones, from->tombstone_count, sizeof *to->tombstones);
    to->past = copy_array(ctx, from->past, from->past_count, sizeof *to->past);
    if (!to->key_sets || !to->tombstones || !to->past) {
        return env_nomem(err);
    }
    for (size_t i = 0; i < from->key_set_count; i++) {
        to->key_set_count = i + 1;
        if (!copy_key_set(ctx, from->key_sets[i].key, from->key_sets[i].count, &to->key_sets[i])) {
            return env_nomem(err);
        }
    }
    to->tombstone_count = from->tombstone_count;
    to->past_count = from->past_count;
    return ENVELOPE_OK;
}

envelope_status env_head_copy(envelope_ctx *ctx, struct env_head *to, const struct env_head *from,
                              envelope_error *err)
{
    memset(to, 0, sizeof *to);
    memcpy(to->chain_name, from->chain_name, sizeof to->chain_name);
    to->rebuilt = from->rebuilt;
    to->serial = from->serial;
    to->recipients = from->recipients;
    envelope_status st = env_keys_copy(ctx, &to->keys, &from->keys, err);
    st = st ? st : copy_lists(ctx, to, from, err);
    if (st) {
        env_head_free(ctx, to);
    }
    return st;
}

void env_head_free(envelope_ctx *ctx, struct env_head *head)
{
    env_keys_free(ctx, &head->keys);
    for (size_t i = 0; i < head->key_set_count; i++) {
        env_free(ctx, head->key_sets[i].key);
    }
    env_free(ctx, head->key_sets);
    env_free(ctx, head->tombstones);
    env_free(ctx, head->past);
    memset(head, 0, sizeof *head);
}

static bool find_key_set(const struct env_head *head, const uint32_t *key, uint32_t count,
                         uint32_t *index)
{
    for (uint32_t i = 0; i < head->key_set_count; i++) {
        const struct env_key_set *set = &head->key_sets[i];
        if (set->count == count && !memcmp(set->key, key, count * sizeof *key)) {
            *index = i;
            return true;
        }
    }
    return false;
}

envelope_status env_head_key_set(envelope_ctx *ctx, struct env_head *head, const uint32_t *key,
                                 uint32_t count, uint32_t *index, envelope_error *err)
{
    *index = 0;
    if (find_key_set(head, key, count, index)) {
        return ENVELOPE_OK;
    }
    size_t n = head->key_set_count;
    if (n >= ENV_KEY_SETS_LIMIT) {
        return env_fail(err, ENVELOPE_E_LIMIT, "more than %d sets of keys in one chain",
                        ENV_KEY_SETS_LIMIT);
    }
    struct env_key_set added = {0};
    struct env_key_set *sets = env_alloc_array(ctx, n + 1, sizeof *sets);
    if (!sets || !copy_key_set(ctx, key, count, &added)) {
        env_free(ctx, sets);
        return env_nomem(err);
    }
    if (n) {
        memcpy(sets, head->key_sets, n * sizeof *sets);
    }
    sets[n] = added;
    env_free(ctx, head->key_sets);
    head->key_sets = sets;
    head->key_set_count = n + 1;
    *index = (uint32_t)n;
    return ENVELOPE_OK;
}

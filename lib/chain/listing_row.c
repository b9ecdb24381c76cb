/* From a point that was found to a row of the catalogue. */
#include "base/error.h"
#include "chain/listing.h"
#include <string.h>

struct env_key env_slot_key(const struct env_slot *slot)
{
    struct env_key key = {
        .kind = slot->kind,
        .version = slot->version,
        .kms_id = (char *)(uintptr_t)slot->kms_id,
        .name = (char *)(uintptr_t)slot->name,
        .key_id = (char *)(uintptr_t)slot->key_id,
        .has_fingerprint = slot->has_fingerprint,
    };
    memcpy(key.fingerprint, slot->fingerprint, 32);
    return key;
}

/* A key that only an older point names, below the newest version of its name, is a superseded one.
 */
static bool below_newest(const struct env_keys *keys, const struct env_key *key)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct env_key *k = &keys->item[i];
        if (key->kind == ENV_SLOT_KMS && k->kind == key->kind && !strcmp(k->kms_id, key->kms_id) &&
            !strcmp(k->name, key->name) && k->version > key->version) {
            return true;
        }
    }
    return false;
}

static envelope_status key_set(struct env_catalogue *c, const struct env_slots *slots,
                               uint32_t *index, bool *superseded, envelope_error *err)
{
    uint32_t set[ENV_SLOTS_LIMIT];
    uint32_t count = 0;
    *superseded = false;
    for (size_t i = 0; i < slots->count; i++) {
        struct env_key key = env_slot_key(&slots->slot[i]);
        size_t at = env_keys_find(&c->head.keys, &key);
        if (at == SIZE_MAX) {
            key.superseded = below_newest(&c->head.keys, &key);
            envelope_status st = env_keys_add(c->ctx, &c->head.keys, &key, err);
            if (st) {
                return st;
            }
            at = c->head.keys.count - 1;
        }
        *superseded = *superseded || c->head.keys.item[at].superseded;
        uint32_t k = count++;
        for (; k > 0 && set[k - 1] > at; k--) { /* rising */
            set[k] = set[k - 1];
        }
        set[k] = (uint32_t)at;
    }
    return env_head_key_set(c->ctx, &c->head, set, count, index, err);
}

envelope_status env_catalogue_list(envelope_chain *chain, struct env_catalogue *c,
                                   const struct env_extra *extra, uint8_t provenance,
                                   const struct env_listener *events, uint64_t *number,
                                   envelope_error *err)
{
    struct env_row row = extra->row;
    bool superseded;
    if (row.kind == ENV_KIND_INCREMENT) {
        size_t parent = env_catalogue_find_link(c, extra->parent);
        /* forgotten while this was written: its objects stay, see sweep.c */
        row.parent = parent == SIZE_MAX ? 0 : c->rows[parent].number;
    }
    uint64_t next = env_catalogue_next_number(c);
    envelope_status st = key_set(c, extra->slots, &row.key_set, &superseded, err);
    if (st) {
        return st;
    }
    if (row.number < next || row.number > next + ENV_CLAIMS_AHEAD) {
        row.number = next; /* taken, unknown, or far ahead of anything here */
    }
    row.provenance = provenance;
    if (superseded || row.serial < chain->serial) {
        const struct env_subject subject = {.object = extra->name, .point = row.number};
        row.flags |= ENV_ROW_LATE;
        env_emit(events, ENVELOPE_EVENT_LATE, ENVELOPE_OK, &subject,
                 "%s: a recipient was superseded while this point was written", extra->name);
    }
    *number = row.number;
    return env_catalogue_append(c, &row, env_dek_key(extra->dek),
                                ENV_BYTES(extra->label, row.label_len),
                                ENV_BYTES(extra->attributes, row.attributes_len), err);
}

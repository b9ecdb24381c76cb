#include "samples.h"
#include "crypto/digest.h"
#include "crypto/keywrap.h"
#include "format/attributes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SALT_BYTES = 16, WRAPPED_RSA = 512 };

static void must(bool ok, const char *what)
{
    if (!ok) {
        printf("Bail out! no sample of %s\n", what);
        exit(1);
    }
}

void sample_fill(void *p, size_t len, uint8_t first)
{
    uint8_t *b = p;
    for (size_t i = 0; i < len; i++) {
        b[i] = (uint8_t)(first + i);
    }
}

static void text(char *out, const char *value)
{
    while (*value) {
        *out++ = *value++;
    }
    *out = 0;
}

void sample_id(struct env_id *id, uint8_t kind)
{
    memset(id, 0, sizeof *id);
    id->format = ENV_FORMAT_MAJOR;
    id->kind = kind;
    sample_fill(id->object_id, sizeof id->object_id, 0x10);
    if (kind == ENV_KIND_FOREIGN) {
        return;
    }
    id->content = kind == ENV_KIND_METADATA ? ENV_CONTENT_NONE : ENV_CONTENT_STREAM;
    id->generation = 2;
    id->serial = 3;
    id->number = 12;
    sample_fill(id->chain_id, sizeof id->chain_id, 0x40);
    if (kind != ENV_KIND_FULL) {
        sample_fill(id->parent, sizeof id->parent, 0x80);
    }
}

static struct env_slot *new_slot(struct env_slots *slots, int32_t kind, int32_t algorithm)
{
    struct env_slot *s = &slots->slot[slots->count++];
    s->kind = kind;
    s->algorithm = algorithm;
    bool rsa = algorithm == ENVELOPE_RSA_OAEP_SHA256 || algorithm == ENVELOPE_RSA_OAEP_SHA1;
    s->wrapped_len = rsa ? WRAPPED_RSA : ENV_KWP_BYTES;
    sample_fill(s->wrapped, s->wrapped_len, (uint8_t)(0x20 * slots->count));
    s->has_fingerprint = rsa;
    if (rsa) {
        sample_fill(s->fingerprint, sizeof s->fingerprint, (uint8_t)(0x11 * slots->count));
    }
    return s;
}

static void name_kms(struct env_slot *s, const char *kms_id, const char *name, const char *key_id)
{
    text(s->kms_id, kms_id);
    text(s->name, name);
    text(s->key_id, key_id);
    s->version = 7;
}

static void name_password(struct env_slot *s, const char *name, uint32_t memory_kib,
                          uint32_t passes)
{
    text(s->name, name);
    sample_fill(s->salt, SALT_BYTES, (uint8_t)passes);
    s->memory_kib = memory_kib;
    s->passes = passes;
}

void sample_slots(struct env_slots *slots)
{
    memset(slots, 0, sizeof *slots);
    name_kms(new_slot(slots, ENV_SLOT_KMS, ENVELOPE_RSA_OAEP_SHA256), "lab", "vm", "vm/7");
    name_kms(new_slot(slots, ENV_SLOT_KMS, ENVELOPE_AES_KWP), "lab", "aes", "id-1");
    name_password(new_slot(slots, ENV_SLOT_PASSWORD, ENVELOPE_ARGON2ID), "ops", 19456, 2);
    name_password(new_slot(slots, ENV_SLOT_PASSWORD, ENVELOPE_PBKDF2_SHA256), "old", 0, 600000);
    text(new_slot(slots, ENV_SLOT_ESCROW, ENVELOPE_RSA_OAEP_SHA1)->name, "board \xc3\xa9");
}

void sample_recipients(struct env_recipients *recipients)
{
    memset(recipients, 0, sizeof *recipients);
    recipients->count = 3;
    recipients->item[0].kind = ENV_SLOT_KMS;
    text(recipients->item[0].kms_id, "lab");
    text(recipients->item[0].name, "vm");
    recipients->item[1].kind = ENV_SLOT_PASSWORD;
    text(recipients->item[1].name, "ops");
    recipients->item[2].kind = ENV_SLOT_ESCROW;
    text(recipients->item[2].name, "board");
    recipients->item[2].has_fingerprint = true;
    sample_fill(recipients->item[2].fingerprint, 32, 0x33);
}

static char empty[] = "";
static char lab[] = "lab";
static char vm[] = "vm";
static char ops[] = "ops";
static char board[] = "board";
static char vm_1[] = "vm/1";
static char vm_2[] = "vm/2";

static void sample_keys(envelope_ctx *ctx, struct env_keys *keys, bool spki)
{
    uint8_t public_key[100];
    sample_fill(public_key, sizeof public_key, 1);
    struct env_key all[] = {
        {.kind = ENV_SLOT_KMS,
         .version = 1,
         .kms_id = lab,
         .name = vm,
         .key_id = vm_1,
         .has_fingerprint = true,
         .superseded = true},
        {.kind = ENV_SLOT_KMS,
         .version = 2,
         .kms_id = lab,
         .name = vm,
         .key_id = vm_2,
         .has_fingerprint = true,
         .spki = spki ? public_key : NULL,
         .spki_len = spki ? sizeof public_key : 0},
        {.kind = ENV_SLOT_PASSWORD, .kms_id = empty, .name = ops, .key_id = empty},
        {.kind = ENV_SLOT_ESCROW,
         .kms_id = empty,
         .name = board,
         .key_id = empty,
         .has_fingerprint = true},
    };
    memset(keys, 0, sizeof *keys);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].has_fingerprint) {
            sample_fill(all[i].fingerprint, 32, (uint8_t)(0x30 + i));
        }
        must(!env_keys_add(ctx, keys, &all[i], NULL), "keys");
    }
}

void sample_head(envelope_ctx *ctx, struct env_head *head)
{
    const uint32_t first[] = {0, 2, 3};
    const uint32_t second[] = {1, 2, 3};
    uint32_t index;
    memset(head, 0, sizeof *head);
    text(head->chain_name, "web01");
    head->serial = 3;
    head->rebuilt = true;
    sample_recipients(&head->recipients);
    sample_keys(ctx, &head->keys, false);
    must(!env_head_key_set(ctx, head, first, 3, &index, NULL), "key sets");
    must(!env_head_key_set(ctx, head, second, 3, &index, NULL), "key sets");
    head->tombstones = env_alloc_array(ctx, 2, sizeof *head->tombstones);
    head->past = env_alloc_array(ctx, 2, sizeof *head->past);
    must(head->tombstones && head->past, "head");
    head->tombstone_count = 2;
    head->past_count = 2;
    for (uint8_t i = 0; i < 2; i++) {
        sample_fill(head->tombstones[i].object_id, ENV_OBJECT_ID_BYTES, (uint8_t)(9 - i));
        head->tombstones[i].number = 40u + i;
        head->tombstones[i].time_ms = 1776000000000 + i;
        sample_fill(head->past[i].link, ENV_LINK_BYTES, i);
        head->past[i].number = 10u + i;
    }
}

void sample_pin(envelope_ctx *ctx, struct env_pin *pin)
{
    memset(pin, 0, sizeof *pin);
    sample_fill(pin->chain_id, sizeof pin->chain_id, 0x40);
    sample_fill(pin->pin, sizeof pin->pin, 0x60);
    sample_fill(pin->link, sizeof pin->link, 0x80);
    pin->generation = 2;
    pin->number = 12;
    pin->serial = 3;
    pin->kms_ms = 1776000000000;
    sample_recipients(&pin->recipients);
    sample_keys(ctx, &pin->keys, true);
    pin->pending_count = 2;
    for (uint8_t i = 0; i < 2; i++) {
        sample_fill(pin->pending[i].object_id, ENV_OBJECT_ID_BYTES, i);
        sample_fill(pin->pending[i].link, ENV_LINK_BYTES, i);
    }
}

void sample_keystore(envelope_ctx *ctx, struct env_keystore_file *file)
{
    static const char *const names[] = {"db", "db", "db", "vm"};
    static const uint8_t states[] = {ENVELOPE_KEY_DESTROYED, ENVELOPE_KEY_DEACTIVATED,
                                     ENVELOPE_KEY_ACTIVE, ENVELOPE_KEY_ACTIVE};
    memset(file, 0, sizeof *file);
    file->memory_kib = 19456;
    file->passes = 2;
    file->revision = 5;
    sample_fill(file->salt, sizeof file->salt, 1);
    sample_fill(file->wrapped, sizeof file->wrapped, 2);
    file->room = file->count = 4;
    file->entry = env_alloc_array(ctx, file->count, sizeof *file->entry);
    must(file->entry, "keystore");
    for (uint32_t i = 0; i < file->count; i++) {
        struct env_keystore_entry *e = &file->entry[i];
        text(e->name, names[i]);
        e->state = states[i];
        e->version = i < 3 ? i + 1 : 1;
        e->created_ms = 1776000000000 + i;
        e->spki_len = 60;
        e->sealed_len = e->state == ENVELOPE_KEY_DESTROYED ? 0 : 80;
        e->spki = env_alloc(ctx, e->spki_len);
        e->sealed = env_alloc(ctx, e->sealed_len);
        must(e->spki && e->sealed, "keystore");
        sample_fill(e->spki, e->spki_len, (uint8_t)i);
        sample_fill(e->sealed, e->sealed_len, (uint8_t)(0x80 + i));
        const struct env_bytes spki = {e->spki, e->spki_len};
        must(!env_sha256(ctx, &spki, 1, e->fingerprint, NULL), "fingerprints");
    }
}

void sample_row(struct env_row *row)
{
    memset(row, 0, sizeof *row);
    sample_fill(row->object_id, sizeof row->object_id, 0x10);
    sample_fill(row->link, sizeof row->link, 0x20);
    sample_fill(row->dek, sizeof row->dek, 1);
    row->number = 42;
    row->parent = 41;
    row->metadata_number = 12;
    row->serial = 3;
    row->revision = 1;
    row->begun_ms = 1776000000000;
    row->ended_ms = 1776000001000;
    row->bytes = 1000;
    row->stored_bytes = 34000;
    row->generation = 2;
    row->key_set = 1;
    row->label_at = 5;
    row->label_len = 10;
    row->attributes_at = 15;
    row->attributes_len = 20;
    row->format = ENV_FORMAT_MAJOR;
    row->kind = ENV_KIND_INCREMENT;
    row->content = ENV_CONTENT_STREAM;
    row->capacity_log2 = 3;
    row->provenance = ENV_FROM_OWN;
    row->flags = ENV_ROW_LATE;
}

void sample_tail(struct env_tail *tail)
{
    sample_fill(tail->object_id, sizeof tail->object_id, 0x10);
    sample_fill(tail->link, sizeof tail->link, 0x20);
    tail->payload_bytes = 17000;
}

void sample_footer(struct env_footer *footer, uint8_t content)
{
    memset(footer, 0, sizeof *footer);
    footer->content = content;
    footer->begun_ms = footer->ended_ms = 1776000000000;
    if (content == ENV_CONTENT_NONE) {
        footer->table_at = 400;
        footer->table_count = 2;
        footer->second_at = 400 + 2 * ENV_ROW_BYTES;
        footer->second_count = 30;
        return;
    }
    footer->ended_ms += 1000;
    footer->attributes_len = 40;
    if (content == ENV_CONTENT_IMAGE) { /* four blocks of 64 KiB, two of them stored */
        footer->bytes = 200000;
        footer->block_log2 = 16;
        footer->segment_log2 = 11;
        footer->stored_blocks = 2;
        footer->table_at = 2 * 65536 + 49152;
        footer->table_count = 1;
        footer->second_at = 12 * 16384;
        footer->second_count = 2;
        footer->attributes_at = footer->second_at + 2 * 32;
        return;
    }
    footer->bytes = footer->attributes_at = 1000;
}

static void set(uint8_t *buf, size_t *len, const char *name, const void *value, size_t n)
{
    must(!env_attributes_set(buf, SAMPLE_ATTRIBUTES_MAX, len, name, value, n, NULL), "attributes");
}

size_t sample_attributes(uint8_t out[SAMPLE_ATTRIBUTES_MAX])
{
    static const uint8_t number[8] = {0, 0, 0, 0, 0, 0, 0, 42};
    static const uint8_t begun[8] = {0, 0, 1, 0x9d, 0x80, 0, 0, 0};
    size_t len = 0;
    set(out, &len, "vendor.job", "nightly", 7);
    set(out, &len, ENV_ATTRIBUTE_NUMBER, number, sizeof number);
    set(out, &len, ENV_ATTRIBUTE_LABEL, "before the move", 15);
    set(out, &len, ENV_ATTRIBUTE_BEGUN, begun, sizeof begun);
    set(out, &len, "empty", NULL, 0);
    return len;
}

void sample_box(uint8_t out[SAMPLE_BOX_BYTES])
{
    uint8_t attributes[SAMPLE_ATTRIBUTES_MAX];
    uint8_t pairs[ENV_PAIR_BYTES];
    uint8_t root[32];
    uint8_t block_hash[32];
    sample_fill(pairs, sizeof pairs, 0x70);
    sample_fill(root, sizeof root, 0x20);
    sample_fill(block_hash, sizeof block_hash, 0x30);
    struct env_box box = {.root = root,
                          .block_hash = block_hash,
                          .attributes = {attributes, sample_attributes(attributes)},
                          .count = 1,
                          .pairs = pairs};
    must(env_box_bytes(&box) == SAMPLE_BOX_BYTES, "box");
    env_box_put(&box, out, SAMPLE_BOX_BYTES);
}

void sample_secrets(uint8_t out[SAMPLE_SECRETS_BYTES])
{
    struct env_out o = env_out_over(out, SAMPLE_SECRETS_BYTES);
    sample_fill(out, SAMPLE_SECRETS_BYTES, 0x20);
    o.len = ENV_ROOT_BYTES;
    env_put_u32(&o, 1);
    o.len += ENV_SECRET_ENTRY_BYTES - 4;
    env_put_u32(&o, 5);
}

size_t sample_copy(envelope_ctx *ctx, uint8_t kind, uint8_t role, uint8_t *out)
{
    struct env_id id;
    struct env_slots slots;
    uint8_t id_bytes[ENV_ID_BYTES];
    uint8_t prefix[ENV_PAYLOAD_PREFIX_BYTES] = {0};
    uint8_t att[ENV_ATT_BYTES] = {0};
    uint8_t box[56 + 256 + 16];
    uint8_t tag[ENV_TAG_MAC_BYTES];
    uint8_t core[1024];
    uint8_t *packed = NULL;
    size_t packed_len = 0;
    const struct env_bytes context = {"disk 1 of web01", 15};
    bool foreign = kind == ENV_KIND_FOREIGN;
    sample_id(&id, kind);
    env_id_put(&id, id_bytes);
    sample_slots(&slots);
    sample_fill(box, sizeof box, 0x55);
    sample_fill(tag, sizeof tag, 0x99);
    if (!foreign) {
        sample_fill(prefix, sizeof prefix, 0x01);
        sample_fill(att, sizeof att, 0x77);
    }
    size_t core_len = env_core_put(id_bytes, prefix, ENV_BYTES(box, sizeof box),
                                   foreign ? &context : NULL, core, sizeof core);
    must(core_len && !env_slots_encode(ctx, &slots, &packed, &packed_len, NULL), "header");
    struct env_copy_parts parts = {{core, core_len}, att, 1, {packed, packed_len}, foreign};
    uint32_t capacity = env_copy_capacity(&parts);
    env_copy_put(&parts, role, capacity, out);
    env_copy_finish(out, capacity, tag);
    env_free(ctx, packed);
    return capacity;
}

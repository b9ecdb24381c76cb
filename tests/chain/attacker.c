#include "attacker.h"
#include "chain/generation.h"
#include "crypto/keywrap.h"
#include "crypto/random.h"
#include "format/names.h"
#include "format/secrets.h"
#include "keys/slot.h"
#include "object/reader.h"
#include "object/writer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void attacker_begin(struct attacker *a, const int *pool, const char *password)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    const envelope_keyring_options o = {.size = sizeof o, .max_failures = 1000000};
    memset(a, 0, sizeof *a);
    MUST(envelope_ctx_new(NULL, &a->ctx, &err));
    MUST(envelope_keyring_new(a->ctx, &o, &a->ring, &err));
    for (; *pool; pool++) {
        char pem[TEST_KEY_PEM_MAX];
        size_t len = test_key_pem(*pool, pem);
        MUST(envelope_keyring_add_key(a->ring, NULL, pem, len, NULL, 0, &err));
    }
    if (password) {
        MUST(envelope_keyring_add_password(a->ring, "ops", password, strlen(password),
                                           ENVELOPE_USE_UNWRAP, &err));
    }
    a->secret = calloc(ATTACKER_SECRETS, 32);
}

void attacker_end(struct attacker *a)
{
    env_catalogue_release(a->newest);
    envelope_keyring_free(a->ring);
    free(a->secret);
    envelope_ctx_free(a->ctx);
}

static void know(struct attacker *a, const uint8_t secret[32])
{
    static const uint8_t zeros[32];
    if (!memcmp(secret, zeros, 32)) {
        return;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!memcmp(a->secret[i], secret, 32)) {
            return;
        }
    }
    ck_assert_uint_lt(a->count, ATTACKER_SECRETS);
    memcpy(a->secret[a->count++], secret, 32);
}

struct slice {
    const struct memory_file *f;
};

static envelope_status read_slice(void *user, uint64_t offset, void *buf, size_t len,
                                  envelope_error *err)
{
    const struct memory_file *f = ((struct slice *)user)->f;
    (void)err;
    if (offset > f->len || len > f->len - offset) {
        return ENVELOPE_E_IO;
    }
    memcpy(buf, f->data + offset, len);
    return ENVELOPE_OK;
}

static struct env_headers *headers_of(struct attacker *a, struct slice *s)
{
    struct env_headers *h = NULL;
    return env_headers_read(a->ctx, read_slice, s, s->f->len, &h, NULL) ? NULL : h;
}

/* With his keys, else with every secret as a DEK. NULL: closed to him. */
static struct env_object *open_any(struct attacker *a, struct slice *s)
{
    struct env_object *object = NULL;
    const struct env_listener events = ENV_LISTENER(a->ctx);
    struct env_headers *h = headers_of(a, s);
    if (!h) {
        return NULL;
    }
    struct env_opening opening = env_opening_begin(a->ring, &events);
    if (!env_object_unlock(h, a->ring, &opening, &object, NULL)) {
        return object;
    }
    for (size_t i = 0; i < a->count; i++) {
        envelope_dek *dek = NULL;
        h = headers_of(a, s);
        if (envelope_dek_import(a->ctx, a->secret[i], 32, &dek, NULL)) {
            abort();
        }
        envelope_status st = env_object_unlock_with(h, dek, &object, NULL);
        envelope_dek_free(dek);
        if (!st) {
            return object;
        }
    }
    return NULL;
}

static void learn_catalogue(struct attacker *a, const struct env_object *object, struct slice *s)
{
    struct env_catalogue *c;
    uint8_t *secrets;
    uint8_t dek[32];
    if (env_catalogue_load(object, read_slice, s, &c, NULL)) {
        return;
    }
    ck_assert(!env_catalogue_secrets(c, &secrets, NULL));
    know(a, secrets);
    for (size_t at = 32; at < c->secrets_len; at += 36) {
        know(a, secrets + at + 4);
    }
    env_secret_free(a->ctx, secrets, c->secrets_len);
    for (size_t i = 0; i < c->row_count; i++) {
        if (!env_catalogue_dek(c, i, dek, NULL)) {
            know(a, dek);
        }
    }
    memcpy(a->chain_id, c->id.chain_id, 32);
    if (!a->newest || c->id.number > a->newest->id.number) {
        env_catalogue_release(a->newest);
        a->newest = env_catalogue_retain(c);
    }
    env_catalogue_release(c);
}

static bool learn_one(struct attacker *a, const struct memory_file *f)
{
    struct slice s = {f};
    size_t before = a->count;
    const char *rest;
    struct env_object *object = open_any(a, &s);
    if (!object) {
        return false;
    }
    env_name_split(f->name, a->folder, &rest);
    know(a, env_dek_key(object->dek));
    know(a, object->box.root);
    know(a, object->box.block_hash);
    for (uint32_t i = 0; i < object->box.count; i++) {
        know(a, object->box.pairs + (size_t)i * 64 + 32);
    }
    if (object->copy->id.kind == ENV_KIND_METADATA) {
        learn_catalogue(a, object, &s);
    }
    env_object_free(object);
    a->opened++;
    return a->count > before;
}

void attacker_learn(struct attacker *a, struct memory_store *mem)
{
    bool more = true;
    while (more) {
        more = false;
        a->opened = 0;
        for (size_t i = 0; i < mem->count; i++) {
            if (strstr(mem->file[i].name, ".env")) {
                more = learn_one(a, &mem->file[i]) || more;
            }
        }
    }
}

/* His secrets in every role that bytes in the repository could give them. */
static void try_secrets(struct attacker *a, const struct memory_file *f)
{
    struct slice s = {f};
    struct env_headers *h = headers_of(a, &s);
    ck_assert_ptr_nonnull(h);
    for (size_t i = 0; i < a->count; i++) {
        uint8_t out[64];
        size_t len;
        ck_assert_msg(!memmem(f->data, f->len, a->secret[i], 32), "a secret in clear in %s",
                      f->name);
        for (size_t k = 0; k < h->slots[h->first]->count; k++) {
            const struct env_slot *slot = &h->slots[h->first]->slot[k];
            ck_assert(env_kwp_unwrap(a->ctx, a->secret[i], slot->wrapped, slot->wrapped_len, out,
                                     sizeof out, &len, NULL) ||
                      slot->wrapped_len != 40);
        }
        envelope_dek *dek = NULL;
        struct env_payload_reader *r = NULL;
        const struct env_payload_place place = {2 * (uint64_t)h->capacity,
                                                f->len - 2 * (uint64_t)h->capacity - 64};
        ck_assert(!envelope_dek_import(a->ctx, a->secret[i], 32, &dek, NULL));
        ck_assert_msg(env_payload_reader_new(a->ctx, dek, h->copy[h->first].id_bytes, NULL, place,
                                             read_slice, &s, false, &r, NULL) != ENVELOPE_OK,
                      "a known secret opens the payload of %s", f->name);
        envelope_dek_free(dek);
    }
    env_headers_free(h);
}

void attacker_is_blind(struct attacker *a, struct memory_store *mem, size_t from)
{
    size_t looked = 0;
    for (size_t i = from; i < mem->count; i++) {
        const struct memory_file *f = &mem->file[i];
        struct slice s = {f};
        if (!strstr(f->name, ".env")) {
            continue;
        }
        struct env_object *object = open_any(a, &s);
        ck_assert_msg(!object, "%s opens with what the removed party has", f->name);
        try_secrets(a, f);
        looked++;
    }
    ck_assert_uint_gt(looked, 0);
}

/* -- planting */

struct growing {
    uint8_t *p;
    size_t len;
};

static envelope_status grow(void *user, const void *data, size_t len, envelope_error *err)
{
    struct growing *g = user;
    (void)err;
    g->p = realloc(g->p, g->len + len);
    memcpy(g->p + g->len, data, len);
    g->len += len;
    return ENVELOPE_OK;
}

static void slot_for(struct attacker *a, const struct planted *what, const envelope_dek *dek,
                     struct env_slots *slots)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    char pem[TEST_KEY_PEM_MAX];
    struct env_rsa_public *public;
    size_t len = test_key_public_pem(a->ctx, what->wrap_pool, pem);
    MUST(env_rsa_public_parse(a->ctx, pem, len, &public, &err));
    memset(slots, 0, sizeof *slots);
    slots->count = 1;
    struct env_slot *slot = &slots->slot[0];
    slot->kind = ENV_SLOT_KMS;
    strcpy(slot->kms_id, "lab");
    strcpy(slot->name, "vm");
    snprintf(slot->key_id, sizeof slot->key_id, "vm/%u", what->wrap_version);
    slot->version = what->wrap_version;
    slot->has_fingerprint = true;
    memcpy(slot->fingerprint, env_rsa_public_fingerprint(public), 32);
    MUST(env_slot_wrap_rsa(public, ENVELOPE_RSA_OAEP_SHA256, dek, slot, &err));
    env_rsa_public_free(public);
}

const char *attacker_plant(struct attacker *a, struct memory_store *mem, const struct planted *what)
{
    static char name[ENV_NAME_MAX + 1];
    static const uint8_t zeros[32];
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint8_t root[32];
    uint8_t bk[32];
    uint8_t ak[32];
    bool found;
    struct env_slots slots;
    envelope_dek *dek;
    struct growing g = {NULL, 0};
    struct env_object_writer *w;
    uint8_t footer[ENV_FOOTER_BYTES];
    const struct env_footer f = {.content = ENV_CONTENT_STREAM, .begun_ms = 1, .ended_ms = 2};
    uint64_t bytes;
    struct env_id id = {
        .format = 1,
        .kind = ENV_KIND_FULL,
        .standing = what->detached ? ENV_DETACHED : ENV_ATTESTED,
        .content = ENV_CONTENT_STREAM,
        .generation = what->detached ? 0
                      : what->claims ? what->claims
                                     : what->generation,
        .serial = what->serial,
        .number = what->number,
    };
    memcpy(id.chain_id, a->chain_id, 32);
    MUST(env_random(id.object_id, 16, &err));
    MUST(env_catalogue_root(a->newest, root, &err));
    MUST(env_catalogue_generation_key(a->newest, what->generation, "attest", a->chain_id, ak,
                                      &found, &err));
    ck_assert(found || what->detached);
    MUST(env_catalogue_generation_key(a->newest, what->generation, "block hash", a->chain_id, bk,
                                      &found, &err));
    bk[0] ^= what->other_block_hash;
    MUST(envelope_dek_generate(a->ctx, &dek, &err));
    slot_for(a, what, dek, &slots);
    const struct env_box box = {.root = what->detached ? zeros : root,
                                .block_hash = what->detached ? zeros : bk};
    const struct env_object_plan plan = {&id, &box, what->detached ? NULL : ak, &slots, dek, false};
    MUST(env_object_writer_new(a->ctx, &plan, grow, &g, &w, &err));
    env_footer_put(&f, footer);
    MUST(env_object_append(w, footer, sizeof footer, &err));
    MUST(env_object_finish(w, &bytes, &err));
    env_object_writer_free(w);
    env_name_point(name, a->folder, 1000, "full", id.object_id);
    memory_put(mem, name, g.p, g.len);
    know(a, env_dek_key(dek));
    envelope_dek_free(dek);
    free(g.p);
    return name;
}

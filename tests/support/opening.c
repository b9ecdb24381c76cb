#include "opening.h"
#include "keys.h"
#include "keys/slot.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

void opening_set_up(struct opening_test *t)
{
    memset(t, 0, sizeof *t);
    envelope_ctx_options o = {.size = sizeof o};
    ck_assert_int_eq(envelope_ctx_new(&o, &t->ctx, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_dek_generate(t->ctx, &t->dek, NULL), ENVELOPE_OK);
}

void opening_tear_down(struct opening_test *t)
{
    envelope_dek_free(t->dek);
    envelope_ctx_free(t->ctx);
}

struct env_slot *opening_rsa_slot(struct opening_test *t, const char *kms_id, const char *name,
                                  uint32_t version, int pool)
{
    struct env_rsa_private *key = test_private(t->ctx, pool);
    struct env_rsa_public *public = env_rsa_private_public(key);
    struct env_slot *slot = &t->slots.slot[t->slots.count++];
    memset(slot, 0, sizeof *slot);
    slot->kind = ENV_SLOT_KMS;
    slot->version = version;
    snprintf(slot->kms_id, sizeof slot->kms_id, "%s", kms_id);
    snprintf(slot->name, sizeof slot->name, "%s", name);
    snprintf(slot->key_id, sizeof slot->key_id, "%s-%u", name, version);
    slot->has_fingerprint = true;
    memcpy(slot->fingerprint, env_rsa_public_fingerprint(public), 32);
    ck_assert_int_eq(env_slot_wrap_rsa(public, ENVELOPE_RSA_OAEP_SHA256, t->dek, slot, NULL),
                     ENVELOPE_OK);
    env_rsa_private_free(key);
    return slot;
}

struct env_slot *opening_password_slot(struct opening_test *t, const char *label, const char *text)
{
    struct env_slot *slot = &t->slots.slot[t->slots.count++];
    memset(slot, 0, sizeof *slot);
    slot->kind = ENV_SLOT_PASSWORD;
    snprintf(slot->name, sizeof slot->name, "%s", label);
    ck_assert_int_eq(
        env_slot_wrap_password(text, strlen(text), ENVELOPE_ARGON2ID, t->dek, slot, NULL),
        ENVELOPE_OK);
    return slot;
}

static void keep(void *user, const envelope_event *event)
{
    struct opening_test *t = user;
    ck_assert_uint_lt(t->event_count, EVENTS_KEPT);
    struct kept_event *e = &t->event[t->event_count++];
    e->kind = event->kind;
    e->status = event->status;
    e->slot = event->slot;
    snprintf(e->message, sizeof e->message, "%s", event->message);
}

static envelope_status check_dek(void *user, const uint8_t dek[32])
{
    struct opening_test *t = user;
    t->checks++;
    bool same = !t->accept_none && memcmp(dek, envelope_dek_reveal(t->dek), 32) == 0;
    return same ? ENVELOPE_OK : ENVELOPE_E_AUTH;
}

envelope_status opening_run(struct opening_test *t, envelope_keyring *ring, size_t only)
{
    struct env_listener events = {t->ctx, keep, t};
    envelope_dek *dek;
    t->event_count = 0;
    t->checks = 0;
    t->err = (envelope_error){.size = sizeof t->err};
    uint32_t before = t->opening.failures;
    t->opening = env_opening_begin(ring, &events);
    t->opening.failures = before; /* what an earlier object of the same call cost */
    t->opening.chain_id = t->chain_id;
    envelope_status st =
        env_keyring_open(ring, &t->opening, &t->slots, only, check_dek, t, &dek, &t->slot, &t->err);
    ck_assert(st ? dek == NULL : dek != NULL);
    if (!st) {
        ck_assert_mem_eq(envelope_dek_reveal(dek), envelope_dek_reveal(t->dek), 32);
    }
    envelope_dek_free(dek);
    return st;
}

size_t opening_events(const struct opening_test *t, int32_t kind)
{
    size_t count = 0;
    for (size_t i = 0; i < t->event_count; i++) {
        count += t->event[i].kind == kind;
    }
    return count;
}

void opening_add_private(struct opening_test *t, envelope_keyring *ring, int pool)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(pool, pem);
    (void)t;
    ck_assert_int_eq(envelope_keyring_add_key(ring, NULL, pem, len, NULL, 0, NULL), ENVELOPE_OK);
}

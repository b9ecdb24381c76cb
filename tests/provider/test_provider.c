/* A KMS that somebody else wrote, with the shared library as it is installed: seals, rotates,
 * rewraps, is down, refuses. */
#include "check_main.h"
#include "provider.h"
#include <envelope/object.h>
#include <string.h>

enum { BOTH = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP };

static envelope_ctx *ctx;
static struct service service;
static struct provider provider;
static envelope_keyring *ring;
static envelope_dek *dek;
static int unwraps;

static void audit(void *user, const envelope_event *event)
{
    (void)user;
    unwraps += event->kind == ENVELOPE_EVENT_UNWRAP;
}

static envelope_keyring *new_ring(struct provider *of, const char *kms_id, const char *key_name)
{
    envelope_keyring *made;
    envelope_kms *kms;
    ck_assert_int_eq(provider_new(ctx, of, &kms, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_new(ctx, NULL, &made, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(made, kms_id, kms, BOTH, 0, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_wrap_for(made, kms_id, key_name, NULL), ENVELOPE_OK);
    envelope_kms_free(kms); /* the keyring keeps it */
    return made;
}

static void set_up(void)
{
    envelope_ctx_options o = {.size = sizeof o, .audit = audit};
    ck_assert_int_eq(envelope_ctx_new(&o, &ctx, NULL), ENVELOPE_OK);
    service = (struct service){.may_decrypt = 1};
    provider = (struct provider){.service = &service};
    service_add(&service, "vm", 1);
    ring = new_ring(&provider, "cloud", "vm");
    ck_assert_int_eq(envelope_dek_generate(ctx, &dek, NULL), ENVELOPE_OK);
    unwraps = 0;
}

static void tear_down(void)
{
    envelope_keyring_free(ring);
    ck_assert_int_eq(provider.destroyed, 1);
    envelope_dek_free(dek);
    envelope_ctx_free(ctx);
    service_end(&service);
}

static envelope_header *seal(void)
{
    envelope_header *header;
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_header_options o = {.size = sizeof o, .context = "disk 0", .context_len = 6};
    envelope_status st = envelope_header_new(ring, dek, &o, &header, &err);
    ck_assert_msg(!st, "%s", err.message);
    return header;
}

static envelope_status unseal(const envelope_header *header, envelope_keyring *with,
                              envelope_error *err)
{
    envelope_dek *opened;
    envelope_status st = envelope_header_open(header, with, ENVELOPE_ANY_SLOT, &opened, err);
    ck_assert(st ? opened == NULL : opened != NULL);
    if (!st) {
        ck_assert_mem_eq(envelope_dek_reveal(opened), envelope_dek_reveal(dek), 32);
    }
    envelope_dek_free(opened);
    return st;
}

START_TEST(seals_and_opens)
{
    envelope_header *header = seal();
    const envelope_slot *slot = envelope_header_slot(header, 0);
    ck_assert_str_eq(slot->key->kms_id, "cloud");
    ck_assert_str_eq(slot->key->key_id, "uuid-vm-1");
    ck_assert_int_eq(slot->key->has_fingerprint, 1);
    ck_assert_int_eq(unseal(header, ring, NULL), ENVELOPE_OK);
    ck_assert_int_eq(unwraps, 1);
    envelope_header_free(header);
}
END_TEST

START_TEST(rotates_and_rewraps)
{
    envelope_header *old = seal();
    envelope_header *new;
    service_add(&service, "vm", 2);
    ck_assert_int_eq(envelope_header_rewrap(old, dek, ring, &new, NULL), ENVELOPE_OK);
    ck_assert_str_eq(envelope_header_slot(new, 0)->key->key_id, "uuid-vm-2");
    ck_assert_uint_eq(envelope_header_slot_count(new), 1);
    ck_assert_int_eq(unseal(new, ring, NULL), ENVELOPE_OK);
    ck_assert_int_eq(unseal(old, ring, NULL), ENVELOPE_OK);
    /* with the old version destroyed, only the new header opens */
    strcpy(service.key[0].id, "gone");
    ck_assert_int_eq(unseal(new, ring, NULL), ENVELOPE_OK);
    ck_assert_int_eq(unseal(old, ring, NULL), ENVELOPE_E_NO_KEY);
    envelope_header_free(old);
    envelope_header_free(new);
}
END_TEST

START_TEST(down)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_header *header = seal();
    envelope_header *none;
    service.down = 1;
    ck_assert_int_eq(unseal(header, ring, &err), ENVELOPE_E_KMS_UNREACHED);
    ck_assert_ptr_nonnull(strstr(err.message, "the service timed out"));
    ck_assert_int_eq(err.origin, ENVELOPE_ORIGIN_CALLER);
    ck_assert_int_eq(err.native, SERVICE_TIMEOUT);
    ck_assert_int_eq(envelope_header_rewrap(header, dek, ring, &none, NULL),
                     ENVELOPE_E_KMS_UNREACHED);
    ck_assert_ptr_null(none);
    service.down = 0;
    ck_assert_int_eq(unseal(header, ring, NULL), ENVELOPE_OK);
    envelope_header_free(header);
}
END_TEST

START_TEST(refuses)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_header *header = seal();
    service.may_decrypt = 0;
    ck_assert_int_eq(unseal(header, ring, &err), ENVELOPE_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.message, "this identity may not decrypt"));
    envelope_header_free(header);
}
END_TEST

/* The same key names and ids at another KMS under the same operator's name: what it answers is
 * another key. It says of the ciphertext what it likes, the caller learns nothing of it. */
START_TEST(another_service)
{
    char said[512];
    struct service stranger = {.may_decrypt = 1};
    struct provider other = {.service = &stranger};
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_header *header = seal();
    service_add(&stranger, "vm", 3);
    envelope_keyring *wrong = new_ring(&other, "cloud", "vm");
    ck_assert_int_eq(unseal(header, wrong, &err), ENVELOPE_E_AUTH);
    ck_assert_ptr_null(strstr(err.message, "padding"));
    strcpy(said, err.message);
    ck_assert_int_eq(unseal(header, wrong, &err), ENVELOPE_E_AUTH);
    ck_assert_str_eq(said, err.message);
    envelope_keyring_free(wrong);
    /* under its own name it is not asked at all */
    int before = stranger.requests;
    wrong = new_ring(&other, "elsewhere", "vm");
    ck_assert_int_eq(unseal(header, wrong, NULL), ENVELOPE_E_NO_KEY);
    ck_assert_int_eq(stranger.requests, before);
    envelope_keyring_free(wrong);
    ck_assert_int_eq(other.destroyed, 2);
    envelope_header_free(header);
    service_end(&stranger);
}
END_TEST

/* The neighbour's key lies at the same KMS; his header was copied to us. */
START_TEST(out_of_scope)
{
    service_add(&service, "neighbour", 4);
    envelope_keyring *ours = ring;
    struct provider again = {.service = &service};
    ring = new_ring(&again, "cloud", "neighbour");
    envelope_header *header = seal();
    int before = service.requests;
    ck_assert_int_eq(unseal(header, ours, NULL), ENVELOPE_E_REFUSED);
    ck_assert_int_eq(service.requests, before);
    envelope_header_free(header);
    envelope_keyring_free(ring);
    ring = ours;
}
END_TEST

START_TEST(lists)
{
    envelope_kms *kms;
    envelope_key_list *list;
    struct provider again = {.service = &service};
    service_add(&service, "vm", 2);
    service_add(&service, "db", 3);
    ck_assert_int_eq(provider_new(ctx, &again, &kms, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_kms_list(kms, NULL, &list, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(envelope_key_list_count(list), 3);
    const envelope_key_info *last = envelope_key_list_at(list, 2);
    ck_assert_str_eq(last->ref->key_name, "db");
    ck_assert_int_eq(last->ref->has_fingerprint, 1);
    ck_assert_uint_gt(last->spki_len, 0);
    envelope_key_list_free(list);
    ck_assert_int_eq(envelope_kms_list(kms, "vm", &list, NULL), ENVELOPE_OK);
    ck_assert_uint_eq(envelope_key_list_count(list), 2);
    envelope_key_list_free(list);
    ck_assert_int_eq(envelope_kms_rotate_key(kms, "vm", NULL), ENVELOPE_E_UNSUPPORTED);
    envelope_kms_free(kms);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("provider");
    TCase *t = tcase_create("provider");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, seals_and_opens);
    tcase_add_test(t, rotates_and_rewraps);
    tcase_add_test(t, down);
    tcase_add_test(t, refuses);
    tcase_add_test(t, another_service);
    tcase_add_test(t, out_of_scope);
    tcase_add_test(t, lists);
    suite_add_tcase(s, t);
    return s;
}

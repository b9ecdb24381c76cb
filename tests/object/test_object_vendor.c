/* docs/examples/vendor.c, run as a program: what it made is opened again, by the keystore and by
 * the escrow key. */
#include "check_main.h"
#include "crypto/rsa.h"
#include "failing.h"
#include "keys.h"
#include "object_kit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char passphrase[] = "opens the keystore";
enum { PATHS = 7, LEN = 3 * 1048576 + 12345 };
enum { IN, OUT, DB, STORE, ESCROW, LOG, DIR_ITSELF };

struct scene {
    envelope_ctx *ctx;
    char path[PATHS][128];
    uint8_t *data;
    size_t len;
};

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wbe");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(data, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static uint8_t *read_file(const char *path, size_t *len)
{
    struct stat s;
    FILE *f = fopen(path, "rbe");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fstat(fileno(f), &s), 0);
    uint8_t *p = malloc((size_t)s.st_size + 1);
    ck_assert_ptr_nonnull(p);
    *len = fread(p, 1, (size_t)s.st_size, f);
    ck_assert_int_eq(fclose(f), 0);
    return p;
}

static void make_keystore(struct scene *s)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(KIT_KEY, pem);
    envelope_kms *kms;
    envelope_error err = ENVELOPE_ERROR_INIT;
    ck_assert_msg(!envelope_keystore_open(s->ctx, s->path[STORE], passphrase, strlen(passphrase),
                                          ENVELOPE_KEYSTORE_CREATE, &kms, &err),
                  "%s", err.message);
    ck_assert_int_eq(envelope_kms_import_key(kms, "backup", pem, len, NULL, 0, NULL), ENVELOPE_OK);
    envelope_kms_free(kms);
}

static void make_escrow(struct scene *s)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(KIT_OTHER_KEY, pem);
    struct env_rsa_private *key;
    ck_assert_int_eq(env_rsa_private_parse(s->ctx, pem, len, NULL, 0, &key, NULL), ENVELOPE_OK);
    ck_assert_int_eq(env_rsa_public_pem(env_rsa_private_public(key), pem, sizeof pem, &len, NULL),
                     ENVELOPE_OK);
    write_file(s->path[ESCROW], pem, len);
    env_rsa_private_free(key);
}

static struct scene begin(size_t len)
{
    static const char *const names[PATHS] = {"in",         "out", "db", "keystore",
                                             "escrow.pem", "log", "."};
    struct scene s = {.ctx = test_ctx(), .len = len};
    char dir[] = "vendor-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (int i = 0; i < PATHS; i++) {
        snprintf(s.path[i], sizeof s.path[i], "%s/%s", dir, names[i]);
    }
    s.data = kit_data(len);
    write_file(s.path[IN], s.data, len);
    make_keystore(&s);
    make_escrow(&s);
    return s;
}

static void end(struct scene *s)
{
    char command[256];
    s->path[DIR_ITSELF][strlen(s->path[DIR_ITSELF]) - 2] = 0;
    snprintf(command, sizeof command, "rm -rf %s", s->path[DIR_ITSELF]);
    ck_assert_int_eq(system(command), 0);
    free(s->data);
    envelope_ctx_free(s->ctx);
}

/* Its exit status. */
static int vendor(struct scene *s, const char *word, bool escrow)
{
    const char *program = getenv("VENDOR");
    ck_assert_ptr_nonnull(program);
    pid_t child = fork();
    if (child == 0) {
        int log = open(s->path[LOG], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(log, STDOUT_FILENO);
        execl(program, program, s->path[IN], s->path[OUT], s->path[DB], s->path[STORE], word,
              escrow ? s->path[ESCROW] : (char *)NULL, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static envelope_header *stored_header(struct scene *s)
{
    size_t len;
    uint8_t *bytes = read_file(s->path[DB], &len);
    envelope_header *header;
    ck_assert_int_eq(envelope_header_parse(s->ctx, bytes, len, &header, NULL), ENVELOPE_OK);
    free(bytes);
    return header;
}

static void expect_content(struct scene *s, const envelope_header *header, envelope_keyring *keys)
{
    envelope_dek *dek;
    envelope_payload *p;
    size_t sealed_len;
    size_t got;
    int32_t last;
    char about[64];
    uint8_t *sealed = read_file(s->path[OUT], &sealed_len);
    uint8_t *plain = malloc(s->len + 1);
    ck_assert_ptr_nonnull(plain);
    ck_assert_int_eq(envelope_header_open(header, keys, ENVELOPE_ANY_SLOT, &dek, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_header_sealed(header, dek, about, sizeof about, &got, NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(got, 16);
    ck_assert_mem_eq(about, "{\"guest\":\"db01\"}", 16);
    ck_assert_int_eq(envelope_payload_open_new(header, dek, 0, sealed, &p, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_payload_open(p, 0, sealed + ENVELOPE_PREFIX,
                                           sealed_len - ENVELOPE_PREFIX, plain, s->len, &got, &last,
                                           NULL),
                     ENVELOPE_OK);
    ck_assert_uint_eq(got, s->len);
    ck_assert_int_eq(last, 1);
    ck_assert(memcmp(plain, s->data, s->len) == 0);
    envelope_payload_free(p);
    envelope_dek_free(dek);
    free(plain);
    free(sealed);
}

static void expect_opens_by_keystore(struct scene *s, const envelope_header *header)
{
    envelope_kms *kms;
    envelope_keyring *keys;
    ck_assert_int_eq(envelope_keystore_open(s->ctx, s->path[STORE], passphrase, strlen(passphrase),
                                            0, &kms, NULL),
                     ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_new(s->ctx, NULL, &keys, NULL), ENVELOPE_OK);
    ck_assert_int_eq(envelope_keyring_add_kms(keys, "tenant-7", kms, ENVELOPE_USE_UNWRAP, 0, NULL),
                     ENVELOPE_OK);
    expect_content(s, header, keys);
    envelope_keyring_free(keys);
    envelope_kms_free(kms);
}

static const size_t lengths[] = {0, 1048576, LEN};

START_TEST(sealed_and_opened)
{
    struct scene s = begin(lengths[_i]);
    ck_assert_int_eq(vendor(&s, passphrase, true), 0);
    size_t len;
    uint8_t *log = read_file(s.path[LOG], &len);
    static const char told[] = "slot 0, tenant-7/backup v1: opens\nslot 1, -/escrow v0: no key";
    ck_assert(len > strlen(told) && memcmp(log, told, strlen(told)) == 0);
    free(log);
    envelope_header *header = stored_header(&s);
    ck_assert_uint_eq(envelope_header_slot_count(header), 2);
    ck_assert_str_eq(envelope_header_slot(header, 0)->key->kms_id, "tenant-7");
    ck_assert_str_eq(envelope_header_slot(header, 0)->key->key_id, "backup/1");
    ck_assert_uint_eq(envelope_header_slot(header, 0)->key->version, 1);
    expect_opens_by_keystore(&s, header);
    envelope_keyring *escrow = kit_keyring(s.ctx, KIT_OTHER_KEY);
    expect_content(&s, header, escrow);
    envelope_keyring_free(escrow);
    envelope_header_free(header);
    end(&s);
}
END_TEST

START_TEST(fails_cleanly)
{
    struct scene s = begin(1);
    ck_assert_int_eq(vendor(&s, "another word", false), 1);
    ck_assert_int_ne(access(s.path[OUT], F_OK), 0);
    ck_assert_int_eq(vendor(&s, passphrase, false), 0);
    ck_assert_int_eq(vendor(&s, passphrase, false), 1); /* OUT is there */
    end(&s);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("object_vendor");
    TCase *t = tcase_create("vendor");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, sealed_and_opened, 0, 3);
    tcase_add_test(t, fails_cleanly);
    suite_add_tcase(s, t);
    return s;
}

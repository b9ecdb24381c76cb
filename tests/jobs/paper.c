#include "paper.h"
#include "crypto/rsa.h"
#include "failing.h"
#include "fake_kms.h"
#include "keys.h"
#include "kms/kmip/jobs.h"
#include "kms/kmip/ops.h"
#include "kms/sink.h"
#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void paper_new(struct paper *p, envelope_ctx *ctx)
{
    memset(p, 0, sizeof *p);
    p->ctx = ctx;
    p->minor = 4;
    p->now = 5000;
    p->next_pool = 7;
}

struct paper_object *paper_find(struct paper *p, const char *uid)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->object[i].type && strcmp(p->object[i].uid, uid) == 0) {
            return &p->object[i];
        }
    }
    return NULL;
}

static struct paper_object *add(struct paper *p, uint32_t type, const char *uid, const char *name,
                                int64_t initial)
{
    ck_assert_uint_lt(p->count, PAPER_OBJECTS);
    struct paper_object *o = &p->object[p->count++];
    memset(o, 0, sizeof *o);
    snprintf(o->uid, sizeof o->uid, "%s", uid);
    snprintf(o->name, sizeof o->name, "%s", name);
    snprintf(o->group, sizeof o->group, "g-%.50s", name);
    o->type = type;
    o->state = ENV_STATE_ACTIVE;
    o->initial = initial;
    o->algorithm = type == ENV_OBJECT_SYMMETRIC ? ENV_ALGORITHM_AES : ENV_ALGORITHM_RSA;
    o->bits = type == ENV_OBJECT_SYMMETRIC ? 256 : 4096;
    o->usage = type == ENV_OBJECT_PRIVATE  ? ENV_USAGE_DECRYPT | ENV_USAGE_UNWRAP
               : type == ENV_OBJECT_PUBLIC ? ENV_USAGE_ENCRYPT | ENV_USAGE_WRAP
                                           : 60;
    return o;
}

struct paper_object *paper_pair(struct paper *p, const char *id, const char *name, int pool,
                                int64_t initial, bool linked)
{
    char public_uid[PAPER_TEXT];
    char private_uid[PAPER_TEXT];
    snprintf(public_uid, sizeof public_uid, "%s-pub", id);
    snprintf(private_uid, sizeof private_uid, "%s-priv", id);
    struct paper_object *public = add(p, ENV_OBJECT_PUBLIC, public_uid, name, initial);
    struct paper_object *private = add(p, ENV_OBJECT_PRIVATE, private_uid, name, initial);
    public->pool = pool;
    private->pool = pool;
    if (linked) {
        strcpy(public->private_key, private_uid);
        strcpy(private->public_key, public_uid);
    }
    return public;
}

struct paper_object *paper_aes(struct paper *p, const char *id, const char *name, int64_t initial)
{
    struct paper_object *o = add(p, ENV_OBJECT_SYMMETRIC, id, name, initial);
    for (size_t i = 0; i < sizeof o->aes; i++) {
        o->aes[i] = (uint8_t)(strlen(id) * 7 + (size_t)id[0] * 31 + i);
    }
    return o;
}

static void replace_half(struct paper *p, const char *old, const char *young, const char *half)
{
    char a[PAPER_TEXT + 8];
    char b[PAPER_TEXT + 8];
    snprintf(a, sizeof a, "%s%s", old, half);
    snprintf(b, sizeof b, "%s%s", young, half);
    struct paper_object *o = paper_find(p, a);
    struct paper_object *y = paper_find(p, b);
    if (!o || !y) {
        return;
    }
    snprintf(o->replacement, sizeof o->replacement, "%s", y->uid);
    snprintf(y->replaced, sizeof y->replaced, "%s", o->uid);
    o->name[0] = 0;
    o->group[0] = 0;
}

void paper_replace(struct paper *p, const char *old, const char *young)
{
    replace_half(p, old, young, "-pub");
    replace_half(p, old, young, "-priv");
    replace_half(p, old, young, "");
}

/* -- RSA, apart from the library */

static EVP_PKEY *pool_key(int pool)
{
    char pem[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(pool, pem);
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ck_assert_ptr_nonnull(key);
    return key;
}

static int oaep_open(int pool, const char *hash, const char *mask, const uint8_t *in, size_t in_len,
                     uint8_t *out, size_t *len)
{
    EVP_PKEY *key = pool_key(pool);
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    int ok = EVP_PKEY_decrypt_init(c) > 0 &&
             EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_oaep_md_name(c, hash, NULL) > 0 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md_name(c, mask, NULL) > 0 &&
             EVP_PKEY_decrypt(c, out, len, in, in_len) > 0;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(key);
    return ok;
}

size_t paper_wrap(struct paper *p, int pool, int32_t algorithm, const uint8_t dek[32],
                  uint8_t out[1024])
{
    size_t len = 0;
    struct env_rsa_private *key = test_private(p->ctx, pool);
    ck_assert_int_eq(
        env_oaep_wrap(env_rsa_private_public(key), algorithm, dek, out, 1024, &len, NULL),
        ENVELOPE_OK);
    env_rsa_private_free(key);
    return len;
}

void paper_fingerprint(struct paper *p, int pool, uint8_t out[32])
{
    struct env_rsa_private *key = test_private(p->ctx, pool);
    memcpy(out, env_rsa_public_fingerprint(env_rsa_private_public(key)), 32);
    env_rsa_private_free(key);
}

unsigned paper_count(const struct paper *p, const char *word)
{
    unsigned n = 0;
    for (const char *at = strstr(p->log, word); at; at = strstr(at + 1, word)) {
        n++;
    }
    return n;
}

/* -- reading a request */

struct item {
    uint32_t operation;
    struct env_ttlv payload;
    struct env_ttlv_item id;
};

static bool get(struct env_ttlv c, uint32_t tag, struct env_ttlv_item *out)
{
    while (env_ttlv_next(&c, out)) {
        if (out->tag == tag) {
            return true;
        }
    }
    memset(out, 0, sizeof *out);
    return false;
}

static void text(struct env_ttlv c, uint32_t tag, char out[256])
{
    struct env_ttlv_item item;
    out[0] = 0;
    if (get(c, tag, &item)) {
        ck_assert(env_ttlv_text(&item, out, 256));
    }
}

/* The value of an attribute of a request; as text or number. */
static bool attribute(struct env_ttlv c, const char *name, char out[256], uint32_t *number)
{
    struct env_ttlv_item item;
    char said[256];
    while (env_ttlv_next(&c, &item)) {
        if (item.tag == ENV_TAG_COMMON_TEMPLATE_ATTRIBUTE ||
            item.tag == ENV_TAG_TEMPLATE_ATTRIBUTE) {
            if (attribute(env_ttlv_inside(&item), name, out, number)) {
                return true;
            }
        }
        if (item.tag != ENV_TAG_ATTRIBUTE) {
            continue;
        }
        struct env_ttlv_item value;
        text(env_ttlv_inside(&item), ENV_TAG_ATTRIBUTE_NAME, said);
        if (strcmp(said, name) != 0 ||
            !get(env_ttlv_inside(&item), ENV_TAG_ATTRIBUTE_VALUE, &value)) {
            continue;
        }
        if (value.type == ENV_TTLV_STRUCTURE) {
            text(env_ttlv_inside(&value), ENV_TAG_NAME_VALUE, out);
        } else if (value.type == ENV_TTLV_TEXT) {
            ck_assert(env_ttlv_text(&value, out, 256));
        } else {
            *number = value.type == ENV_TTLV_ENUM ? env_ttlv_enum(&value)
                                                  : (uint32_t)env_ttlv_int(&value);
        }
        return true;
    }
    return false;
}

/* -- writing a response */

struct reply {
    struct env_ttlv_out o;
    bool payload; /* open */
    uint32_t reason;
    const char *message;
};

static void refuse(struct reply *r, uint32_t reason, const char *message)
{
    r->reason = reason;
    r->message = message;
}

static void put_attribute_begin(struct reply *r, const char *name)
{
    env_ttlv_open(&r->o, ENV_TAG_ATTRIBUTE);
    env_ttlv_put_text(&r->o, ENV_TAG_ATTRIBUTE_NAME, name);
}

static void put_enum(struct reply *r, const char *name, uint32_t v)
{
    put_attribute_begin(r, name);
    env_ttlv_put_enum(&r->o, ENV_TAG_ATTRIBUTE_VALUE, v);
    env_ttlv_close(&r->o);
}

static void put_int(struct reply *r, const char *name, uint32_t v)
{
    put_attribute_begin(r, name);
    env_ttlv_put_int(&r->o, ENV_TAG_ATTRIBUTE_VALUE, (int32_t)v);
    env_ttlv_close(&r->o);
}

static void put_date(struct reply *r, const char *name, int64_t v)
{
    put_attribute_begin(r, name);
    env_ttlv_put_date(&r->o, ENV_TAG_ATTRIBUTE_VALUE, v);
    env_ttlv_close(&r->o);
}

static void put_link(struct reply *r, uint32_t type, const char *uid)
{
    if (!*uid) {
        return;
    }
    put_attribute_begin(r, "Link");
    env_ttlv_open(&r->o, ENV_TAG_ATTRIBUTE_VALUE);
    env_ttlv_put_enum(&r->o, ENV_TAG_LINK_TYPE, type);
    env_ttlv_put_text(&r->o, ENV_TAG_LINKED_OBJECT_IDENTIFIER, uid);
    env_ttlv_close(&r->o);
    env_ttlv_close(&r->o);
}

/* -- operations */

static void discover(struct paper *p, struct reply *r)
{
    if (p->no_discover) {
        refuse(r, ENV_REASON_OPERATION_NOT_SUPPORTED, "no Discover Versions");
        return;
    }
    for (int32_t minor = 0; minor <= p->minor; minor++) {
        env_ttlv_open(&r->o, ENV_TAG_PROTOCOL_VERSION);
        env_ttlv_put_int(&r->o, ENV_TAG_PROTOCOL_VERSION_MAJOR, 1);
        env_ttlv_put_int(&r->o, ENV_TAG_PROTOCOL_VERSION_MINOR, minor);
        env_ttlv_close(&r->o);
    }
}

static void query(struct paper *p, struct reply *r)
{
    static const uint32_t all[] = {
        ENV_KMIP_CREATE, ENV_KMIP_CREATE_KEY_PAIR, ENV_KMIP_REGISTER, ENV_KMIP_LOCATE,
        ENV_KMIP_GET,    ENV_KMIP_GET_ATTRIBUTES,  ENV_KMIP_ACTIVATE, ENV_KMIP_REVOKE,
        ENV_KMIP_QUERY};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        env_ttlv_put_enum(&r->o, ENV_TAG_OPERATION, all[i]);
    }
    if (!p->no_rekey) {
        env_ttlv_put_enum(&r->o, ENV_TAG_OPERATION, ENV_KMIP_REKEY_KEY_PAIR);
    }
    env_ttlv_put_enum(&r->o, ENV_TAG_OBJECT_TYPE, ENV_OBJECT_PUBLIC);
    env_ttlv_put_text(&r->o, ENV_TAG_VENDOR_IDENTIFICATION, "a KMS on paper");
}

static void locate(struct paper *p, const struct item *in, struct reply *r)
{
    char name[256] = "";
    char group[256] = "";
    char none[256];
    uint32_t type = 0;
    uint32_t unused;
    struct env_ttlv_item offset;
    const struct paper_object *found[PAPER_OBJECTS];
    size_t n = 0;
    bool by_name = attribute(in->payload, "Name", name, &unused);
    bool by_group = attribute(in->payload, "Object Group", group, &unused);
    attribute(in->payload, "Object Type", none, &type);
    for (size_t i = 0; i < p->count; i++) {
        const struct paper_object *o = &p->object[p->backwards ? p->count - 1 - i : i];
        bool other = (type && o->type != type && !p->ignores_type) ||
                     (by_name && !p->ignores_name && strcmp(o->name, name) != 0) ||
                     (by_group && !p->ignores_name && strcmp(o->group, group) != 0);
        if (o->type && !o->not_shown && !other) {
            found[n++] = o;
        }
    }
    size_t from =
        get(in->payload, ENV_TAG_OFFSET_ITEMS, &offset) ? (size_t)env_ttlv_int(&offset) : 0;
    if (p->page) {
        env_ttlv_put_int(&r->o, ENV_TAG_LOCATED_ITEMS, (int32_t)n);
    }
    for (size_t i = from; i < n && (!p->page || i < from + p->page); i++) {
        env_ttlv_put_text(&r->o, ENV_TAG_UNIQUE_IDENTIFIER, found[i]->uid);
    }
}

static bool asks_for(struct env_ttlv c, const char *name)
{
    struct env_ttlv_item item;
    while (env_ttlv_next(&c, &item)) {
        if (item.tag == ENV_TAG_ATTRIBUTE_NAME && env_ttlv_text_is(&item, name)) {
            return true;
        }
    }
    return false;
}

static void get_attributes(struct paper *p, const struct item *in, const struct paper_object *o,
                           struct reply *r)
{
    bool links = asks_for(in->payload, "Link");
    if (links && p->refuses_links) {
        refuse(r, ENV_REASON_INVALID_FIELD, "Link is no attribute");
        return;
    }
    env_ttlv_put_text(&r->o, ENV_TAG_UNIQUE_IDENTIFIER, p->wrong == 2 ? "somebody" : o->uid);
    put_enum(r, "Object Type", o->type);
    put_enum(r, "Cryptographic Algorithm", o->algorithm);
    put_int(r, "Cryptographic Length", o->bits);
    put_int(r, "Cryptographic Usage Mask", o->usage);
    put_enum(r, "State", o->state);
    put_date(r, "Initial Date", o->initial);
    if (o->activation) {
        put_date(r, "Activation Date", o->activation);
    }
    if (*o->name) {
        put_attribute_begin(r, "Name");
        env_ttlv_open(&r->o, ENV_TAG_ATTRIBUTE_VALUE);
        env_ttlv_put_text(&r->o, ENV_TAG_NAME_VALUE, o->name);
        env_ttlv_put_enum(&r->o, ENV_TAG_NAME_TYPE, ENV_NAME_TEXT);
        env_ttlv_close(&r->o);
        env_ttlv_close(&r->o);
    }
    if (*o->group) {
        put_attribute_begin(r, "Object Group");
        env_ttlv_put_text(&r->o, ENV_TAG_ATTRIBUTE_VALUE, o->group);
        env_ttlv_close(&r->o);
    }
    if (o->generation) {
        put_attribute_begin(r, "x-rotate-generation");
        env_ttlv_put_int(&r->o, ENV_TAG_ATTRIBUTE_VALUE, (int32_t)o->generation);
        env_ttlv_close(&r->o);
    }
    if (links) {
        put_link(r, ENV_LINK_PUBLIC_KEY, o->public_key);
        put_link(r, ENV_LINK_PRIVATE_KEY, o->private_key);
        put_link(r, ENV_LINK_REPLACEMENT, o->replacement);
        put_link(r, ENV_LINK_REPLACED, o->replaced);
    }
}

static void put_numbers(struct reply *r, const EVP_PKEY *key)
{
    uint8_t n[520] = {0};
    static const uint8_t e[8] = {0, 0, 0, 0, 0, 1, 0, 1};
    BIGNUM *number = NULL;
    ck_assert(EVP_PKEY_get_bn_param(key, "n", &number));
    ck_assert_int_eq(BN_bn2binpad(number, n, sizeof n), sizeof n);
    BN_free(number);
    env_ttlv_open(&r->o, ENV_TAG_KEY_MATERIAL);
    env_ttlv_put_big(&r->o, ENV_TAG_MODULUS, n, sizeof n);
    env_ttlv_put_big(&r->o, ENV_TAG_PUBLIC_EXPONENT, e, sizeof e);
    env_ttlv_close(&r->o);
}

static void put_rsa(struct reply *r, const struct paper_object *o, uint32_t format)
{
    EVP_PKEY *key = pool_key(o->pool);
    uint8_t *der = NULL;
    int len = 0;
    if (format == ENV_FORMAT_TRANSPARENT_RSA_PUBLIC) {
        put_numbers(r, key);
    } else if (o->type == ENV_OBJECT_PUBLIC) {
        len = format == ENV_FORMAT_X509 ? i2d_PUBKEY(key, &der) : i2d_PublicKey(key, &der);
    } else if (format == ENV_FORMAT_PKCS1) {
        len = i2d_PrivateKey(key, &der);
    } else {
        PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
        len = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
        PKCS8_PRIV_KEY_INFO_free(p8);
    }
    if (der) {
        env_ttlv_put_bytes(&r->o, ENV_TAG_KEY_MATERIAL, der, (size_t)len);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
}

static void get_key(struct paper *p, const struct paper_object *o, struct reply *r)
{
    static const uint32_t tag[] = {0, 0, ENV_TAG_SYMMETRIC_KEY, ENV_TAG_PUBLIC_KEY,
                                   ENV_TAG_PRIVATE_KEY};
    uint32_t format = o->format                         ? o->format
                      : o->type == ENV_OBJECT_SYMMETRIC ? ENV_FORMAT_RAW
                      : o->type == ENV_OBJECT_PUBLIC    ? ENV_FORMAT_PKCS1
                                                        : ENV_FORMAT_PKCS8;
    if (o->not_exported || (p->active_only && o->state != ENV_STATE_ACTIVE)) {
        refuse(r, ENV_REASON_PERMISSION_DENIED, "not so");
        return;
    }
    env_ttlv_put_enum(&r->o, ENV_TAG_OBJECT_TYPE, o->type);
    env_ttlv_put_text(&r->o, ENV_TAG_UNIQUE_IDENTIFIER, p->wrong == 2 ? "somebody" : o->uid);
    env_ttlv_open(&r->o, tag[o->type]);
    env_ttlv_open(&r->o, ENV_TAG_KEY_BLOCK);
    env_ttlv_put_enum(&r->o, ENV_TAG_KEY_FORMAT_TYPE, format);
    env_ttlv_open(&r->o, ENV_TAG_KEY_VALUE);
    if (o->type == ENV_OBJECT_SYMMETRIC) {
        env_ttlv_put_bytes(&r->o, ENV_TAG_KEY_MATERIAL, o->aes, sizeof o->aes);
    } else {
        put_rsa(r, o, format);
    }
    env_ttlv_close(&r->o);
    env_ttlv_put_enum(&r->o, ENV_TAG_CRYPTOGRAPHIC_ALGORITHM, o->algorithm);
    env_ttlv_put_int(&r->o, ENV_TAG_CRYPTOGRAPHIC_LENGTH, (int32_t)o->bits);
    env_ttlv_close(&r->o);
    env_ttlv_close(&r->o);
}

static const char *hash_name(uint32_t hash)
{
    return hash == ENV_HASH_SHA1 ? "SHA1" : "SHA256";
}

static void decrypt(struct paper *p, const struct item *in, const struct paper_object *o,
                    struct reply *r)
{
    struct env_ttlv_item parameters;
    struct env_ttlv_item data;
    struct env_ttlv_item field;
    uint8_t out[1024];
    size_t len = sizeof out;
    const char *hash = "SHA256";
    const char *mask = "SHA256";
    bool said = get(in->payload, ENV_TAG_CRYPTOGRAPHIC_PARAMETERS, &parameters);
    if (p->no_decrypt) {
        refuse(r, ENV_REASON_OPERATION_NOT_SUPPORTED, "no Decrypt");
        return;
    }
    if (said && p->own_parameters) {
        refuse(r, ENV_REASON_INVALID_FIELD, "the key has its own");
        return;
    }
    if (o->type != ENV_OBJECT_PRIVATE || o->not_decrypted ||
        (p->active_only && o->state != ENV_STATE_ACTIVE)) {
        refuse(r, ENV_REASON_PERMISSION_DENIED, "not with this key");
        return;
    }
    if (said) {
        struct env_ttlv c = env_ttlv_inside(&parameters);
        ck_assert(get(c, ENV_TAG_HASHING_ALGORITHM, &field));
        hash = hash_name(env_ttlv_enum(&field));
        mask = p->masks == MASK_AS_SPECIFIED ? "SHA1" : hash;
        if (get(c, ENV_TAG_MASK_GENERATOR_HASHING_ALGORITHM, &field)) {
            mask = hash_name(env_ttlv_enum(&field));
        }
    }
    ck_assert(get(in->payload, ENV_TAG_DATA, &data));
    if (!oaep_open(o->pool, hash, mask, data.value, data.len, out, &len)) {
        if (!p->padding_is_random) {
            refuse(r, p->bad_data ? p->bad_data : ENV_REASON_CRYPTOGRAPHIC_FAILURE,
                   p->bad_text ? p->bad_text : "RSA decrypt failed");
            return;
        }
        memset(out, 0x5a, sizeof out);
        len = 32;
    }
    env_ttlv_put_text(&r->o, ENV_TAG_UNIQUE_IDENTIFIER, p->wrong == 2 ? "somebody" : o->uid);
    env_ttlv_put_bytes(&r->o, ENV_TAG_DATA, out, len);
}

static void made_id(struct paper *p, char out[PAPER_TEXT])
{
    snprintf(out, PAPER_TEXT, "made%d", ++p->made);
}

static struct paper_object *make_pair(struct paper *p, const char *name)
{
    char id[PAPER_TEXT];
    made_id(p, id);
    struct paper_object *o = paper_pair(p, id, name, p->next_pool++, p->now, !p->no_rekey);
    o[0].state = ENV_STATE_PRE_ACTIVE;
    o[1].state = ENV_STATE_PRE_ACTIVE;
    return o;
}

static void create_pair(struct paper *p, const struct item *in, struct reply *r)
{
    char name[256] = "";
    uint32_t unused;
    attribute(in->payload, "Name", name, &unused);
    name[PAPER_TEXT - 1] = 0;
    struct paper_object *o = make_pair(p, name);
    env_ttlv_put_text(&r->o, ENV_TAG_PRIVATE_KEY_UNIQUE_IDENTIFIER, o[1].uid);
    env_ttlv_put_text(&r->o, ENV_TAG_PUBLIC_KEY_UNIQUE_IDENTIFIER, o[0].uid);
}

static void create(struct paper *p, const struct item *in, struct reply *r)
{
    char name[256] = "";
    char id[PAPER_TEXT];
    uint32_t unused;
    attribute(in->payload, "Name", name, &unused);
    name[PAPER_TEXT - 1] = 0;
    made_id(p, id);
    struct paper_object *o = paper_aes(p, id, name, p->now);
    o->state = ENV_STATE_PRE_ACTIVE;
    env_ttlv_put_enum(&r->o, ENV_TAG_OBJECT_TYPE, ENV_OBJECT_SYMMETRIC);
    env_ttlv_put_text(&r->o, ENV_TAG_UNIQUE_IDENTIFIER, o->uid);
}

static void rekey(struct paper *p, const struct item *in, struct reply *r)
{
    char uid[256];
    char id[PAPER_TEXT];
    char young[PAPER_TEXT];
    text(in->payload, ENV_TAG_PRIVATE_KEY_UNIQUE_IDENTIFIER, uid);
    struct paper_object *old = paper_find(p, uid);
    if (p->no_rekey || !old) {
        refuse(r, p->no_rekey ? ENV_REASON_OPERATION_NOT_SUPPORTED : ENV_REASON_ITEM_NOT_FOUND,
               "no");
        return;
    }
    uid[PAPER_TEXT - 1] = 0;
    strcpy(id, uid);
    *strrchr(id, '-') = 0;
    struct paper_object *o = make_pair(p, old->name);
    snprintf(young, sizeof young, "%s", o->uid);
    *strrchr(young, '-') = 0;
    paper_replace(p, id, young);
    env_ttlv_put_text(&r->o, ENV_TAG_PRIVATE_KEY_UNIQUE_IDENTIFIER, o[1].uid);
    env_ttlv_put_text(&r->o, ENV_TAG_PUBLIC_KEY_UNIQUE_IDENTIFIER, o[0].uid);
}

static void register_key(struct paper *p, const struct item *in, struct reply *r)
{
    char name[256] = "";
    char id[PAPER_TEXT];
    uint32_t unused;
    struct env_ttlv_item type;
    ck_assert(get(in->payload, ENV_TAG_OBJECT_TYPE, &type));
    attribute(in->payload, "Name", name, &unused);
    name[PAPER_TEXT - 1] = 0;
    made_id(p, id);
    struct paper_object *o = add(p, env_ttlv_enum(&type), id, name, p->now);
    o->state = ENV_STATE_PRE_ACTIVE;
    o->pool = 3; /* what the test registers */
    env_ttlv_put_text(&r->o, ENV_TAG_UNIQUE_IDENTIFIER, o->uid);
}

static void set_state(struct paper_object *o, uint32_t state, struct reply *r)
{
    if (state == ENV_STATE_ACTIVE && o->state != ENV_STATE_PRE_ACTIVE) {
        refuse(r, ENV_REASON_PERMISSION_DENIED, "it is active");
        return;
    }
    o->state = state;
    env_ttlv_put_text(&r->o, ENV_TAG_UNIQUE_IDENTIFIER, o->uid);
}

static void note(struct paper *p, const char *operation, const char *uid)
{
    size_t used = strlen(p->log);
    snprintf(p->log + used, sizeof p->log - used, "%s%s%s;", operation, *uid ? " " : "", uid);
}

static void about_object(struct paper *p, const struct item *in, const char *uid, struct reply *r)
{
    struct paper_object *o = paper_find(p, uid);
    if (!o) {
        refuse(r, ENV_REASON_ITEM_NOT_FOUND, "Could not locate object");
        return;
    }
    if (o->not_shown || o->located_only) {
        refuse(r, ENV_REASON_PERMISSION_DENIED, "Could not locate object");
        return;
    }
    switch (in->operation) {
    case ENV_KMIP_GET_ATTRIBUTES:
        get_attributes(p, in, o, r);
        break;
    case ENV_KMIP_GET:
        get_key(p, o, r);
        break;
    case ENV_KMIP_DECRYPT:
        decrypt(p, in, o, r);
        break;
    case ENV_KMIP_ACTIVATE:
        set_state(o, ENV_STATE_ACTIVE, r);
        break;
    case ENV_KMIP_REVOKE:
        set_state(o, ENV_STATE_DEACTIVATED, r);
        break;
    default:
        refuse(r, ENV_REASON_OPERATION_NOT_SUPPORTED, "no such operation");
    }
}

static void perform(struct paper *p, const struct item *in, struct reply *r)
{
    char uid[256];
    text(in->payload, ENV_TAG_UNIQUE_IDENTIFIER, uid);
    note(p, env_kmip_operation_name(in->operation), uid);
    if (p->fail && in->operation != ENV_KMIP_DISCOVER_VERSIONS) {
        refuse(r, p->fail, "so it was ordered");
        return;
    }
    switch (in->operation) {
    case ENV_KMIP_DISCOVER_VERSIONS:
        discover(p, r);
        break;
    case ENV_KMIP_QUERY:
        query(p, r);
        break;
    case ENV_KMIP_LOCATE:
        locate(p, in, r);
        break;
    case ENV_KMIP_CREATE_KEY_PAIR:
        create_pair(p, in, r);
        break;
    case ENV_KMIP_CREATE:
        create(p, in, r);
        break;
    case ENV_KMIP_REGISTER:
        register_key(p, in, r);
        break;
    case ENV_KMIP_REKEY_KEY_PAIR:
        rekey(p, in, r);
        break;
    default:
        about_object(p, in, uid, r);
    }
}

/* Payloads are written aside first: a failure has none. */
static void answer_item(struct paper *p, const struct item *in, struct env_ttlv_out *o)
{
    static uint8_t aside[1 << 20];
    struct reply r = {.o = env_ttlv_out_over(aside, sizeof aside)};
    env_ttlv_open(&r.o, ENV_TAG_RESPONSE_PAYLOAD);
    perform(p, in, &r);
    env_ttlv_close(&r.o);
    env_ttlv_open(o, ENV_TAG_BATCH_ITEM);
    env_ttlv_put_enum(o, ENV_TAG_OPERATION, p->wrong == 1 ? 99 : in->operation);
    if (in->id.tag) {
        env_ttlv_put_bytes(o, ENV_TAG_UNIQUE_BATCH_ITEM_ID, in->id.value, in->id.len);
    }
    env_ttlv_put_enum(o, ENV_TAG_RESULT_STATUS, r.reason ? ENV_RESULT_FAILED : ENV_RESULT_SUCCESS);
    if (r.reason) {
        env_ttlv_put_enum(o, ENV_TAG_RESULT_REASON, r.reason);
        env_ttlv_put_text(o, ENV_TAG_RESULT_MESSAGE, r.message);
    } else {
        size_t len = env_ttlv_out_done(&r.o);
        ck_assert_uint_gt(len, 0);
        struct env_ttlv all = env_ttlv_over(aside, len);
        struct env_ttlv_item payload;
        ck_assert(env_ttlv_next(&all, &payload));
        env_ttlv_put_item(o, &payload);
    }
    env_ttlv_close(o);
}

static void header(struct env_ttlv_out *o, int32_t minor, int32_t items)
{
    env_ttlv_open(o, ENV_TAG_RESPONSE_MESSAGE);
    env_ttlv_open(o, ENV_TAG_RESPONSE_HEADER);
    env_ttlv_open(o, ENV_TAG_PROTOCOL_VERSION);
    env_ttlv_put_int(o, ENV_TAG_PROTOCOL_VERSION_MAJOR, 1);
    env_ttlv_put_int(o, ENV_TAG_PROTOCOL_VERSION_MINOR, minor);
    env_ttlv_close(o);
    env_ttlv_put_date(o, ENV_TAG_TIME_STAMP, 1);
    env_ttlv_put_int(o, ENV_TAG_BATCH_COUNT, items);
    env_ttlv_close(o);
}

static size_t whole_failure(struct env_ttlv_out *o, uint32_t reason)
{
    header(o, 0, 1);
    env_ttlv_open(o, ENV_TAG_BATCH_ITEM);
    env_ttlv_put_enum(o, ENV_TAG_RESULT_STATUS, ENV_RESULT_FAILED);
    env_ttlv_put_enum(o, ENV_TAG_RESULT_REASON, reason);
    env_ttlv_put_text(o, ENV_TAG_RESULT_MESSAGE, "Error parsing request message.");
    env_ttlv_close(o);
    env_ttlv_close(o);
    return env_ttlv_out_done(o);
}

static struct item item_of(const struct env_ttlv_item *batch_item)
{
    struct env_ttlv c = env_ttlv_inside(batch_item);
    struct env_ttlv_item field;
    struct item out = {0};
    ck_assert(get(c, ENV_TAG_OPERATION, &field));
    out.operation = env_ttlv_enum(&field);
    get(c, ENV_TAG_UNIQUE_BATCH_ITEM_ID, &out.id);
    ck_assert(get(c, ENV_TAG_REQUEST_PAYLOAD, &field));
    out.payload = env_ttlv_inside(&field);
    return out;
}

static bool has_mask(const struct item *item)
{
    struct env_ttlv_item p;
    struct env_ttlv_item mask;
    return get(item->payload, ENV_TAG_CRYPTOGRAPHIC_PARAMETERS, &p) &&
           get(env_ttlv_inside(&p), ENV_TAG_MASK_GENERATOR, &mask);
}

static void watch(struct paper *p, const struct item *item)
{
    struct env_ttlv_item data;
    struct env_ttlv_item parameters;
    struct env_ttlv_item hash;
    if (p->watch && get(item->payload, ENV_TAG_DATA, &data) && data.len == p->watch_len &&
        memcmp(data.value, p->watch, data.len) == 0) {
        p->watched++;
    }
    if (get(item->payload, ENV_TAG_CRYPTOGRAPHIC_PARAMETERS, &parameters) &&
        get(env_ttlv_inside(&parameters), ENV_TAG_HASHING_ALGORITHM, &hash)) {
        p->sha1_seen |= env_ttlv_enum(&hash) == ENV_HASH_SHA1;
    }
}

size_t paper_answer(struct paper *p, const void *request, size_t len, uint8_t *out, size_t cap)
{
    struct env_ttlv_out o = env_ttlv_out_over(out, cap);
    struct env_ttlv_item message;
    struct env_ttlv_item head;
    struct env_ttlv_item field;
    const char *why;
    ck_assert_msg(env_ttlv_whole(request, len, &why), "the request is no TTLV: %s", why);
    struct env_ttlv all = env_ttlv_over(request, len);
    ck_assert(env_ttlv_next(&all, &message));
    struct env_ttlv inside = env_ttlv_inside(&message);
    ck_assert(get(inside, ENV_TAG_REQUEST_HEADER, &head));
    ck_assert(get(env_ttlv_inside(&head), ENV_TAG_PROTOCOL_VERSION, &field));
    struct env_ttlv version = env_ttlv_inside(&field);
    ck_assert(get(version, ENV_TAG_PROTOCOL_VERSION_MINOR, &field));
    int32_t minor = env_ttlv_int(&field);
    ck_assert(get(env_ttlv_inside(&head), ENV_TAG_BATCH_COUNT, &field));
    int32_t items = env_ttlv_int(&field);
    p->requests++;
    if (minor > p->minor && p->strict_version) {
        note(p, "too new", "");
        return whole_failure(&o, ENV_REASON_INVALID_MESSAGE);
    }
    if (items > 1 && p->no_batches) {
        note(p, "batch refused", "");
        return whole_failure(&o, ENV_REASON_INVALID_FIELD);
    }
    struct env_ttlv c = inside;
    struct env_ttlv_item item;
    struct item it;
    while (env_ttlv_next(&c, &item)) {
        if (item.tag == ENV_TAG_BATCH_ITEM) {
            it = item_of(&item);
            watch(p, &it);
            if (p->masks == MASK_NOT_PARSED && has_mask(&it)) {
                note(p, "mask not parsed", "");
                return whole_failure(&o, ENV_REASON_INVALID_MESSAGE);
            }
        }
    }
    if (p->stops_at_failure && items > 1) {
        struct env_ttlv d = inside;
        ck_assert(get(d, ENV_TAG_BATCH_ITEM, &item));
        it = item_of(&item);
        header(&o, minor, 1);
        answer_item(p, &it, &o);
        env_ttlv_close(&o);
        return env_ttlv_out_done(&o);
    }
    header(&o, minor < p->minor ? minor : p->minor, items);
    while (env_ttlv_next(&inside, &item)) {
        if (item.tag == ENV_TAG_BATCH_ITEM) {
            it = item_of(&item);
            answer_item(p, &it, &o);
        }
    }
    env_ttlv_close(&o);
    return env_ttlv_out_done(&o);
}

/* -- the link */

static envelope_status exchange(void *self, const struct env_kmip_call *call,
                                struct env_kmip_reply *reply, envelope_error *err)
{
    static uint8_t answer[1 << 20];
    struct paper *p = self;
    if (p->down && p->requests >= p->down_after) {
        return envelope_error_set(err, p->down, 0, "down");
    }
    size_t len = paper_answer(p, call->bytes, call->len, answer, sizeof answer);
    ck_assert_uint_gt(len, 0);
    envelope_status st =
        env_kmip_reply_new(p->ctx, len, call->secret, ENV_KMIP_RESPONSE_MAX, reply, err);
    if (!st) {
        memcpy(reply->bytes, answer, len);
        reply->len = len;
    }
    return st;
}

static void spoil(void *self)
{
    struct paper *p = self;
    p->spoiled++;
}

struct env_kmip_link paper_link(struct paper *p)
{
    return (struct env_kmip_link){.self = p, .exchange = exchange, .spoil = spoil};
}

/* -- the bench */

static struct bench *heard; /* the context's audit callback has one user for all */

static void audit(void *user, const envelope_event *event)
{
    (void)user;
    if (heard && event->kind < 32) {
        heard->events[event->kind]++;
        snprintf(heard->event, sizeof heard->event, "%s", event->message);
    }
}

struct bench *bench_new(void)
{
    envelope_ctx_options options = {.size = sizeof options, .audit = audit};
    envelope_ctx *ctx;
    ck_assert_int_eq(envelope_ctx_new(&options, &ctx, NULL), ENVELOPE_OK);
    return bench_on(ctx);
}

struct bench *bench_on(envelope_ctx *ctx)
{
    struct bench *b = calloc(1, sizeof *b);
    ck_assert_ptr_nonnull(b);
    paper_new(&b->paper, ctx);
    b->policy = (struct env_kmip_policy){.unwrap = ENVELOPE_UNWRAP_INSIDE,
                                         .selector = ENVELOPE_SELECT_NAME,
                                         .oaep = ENVELOPE_RSA_OAEP_SHA256,
                                         .max_response = ENV_KMIP_RESPONSE_MAX};
    heard = b;
    bench_job(b);
    return b;
}

void bench_job(struct bench *b)
{
    if (b->job.draw) {
        env_kmip_job_end(&b->job);
    }
    ck_assert_int_eq(env_kmip_job_begin(b->paper.ctx, &b->job, NULL), ENVELOPE_OK);
    b->job.policy = &b->policy;
    b->job.facts = &b->facts;
    b->job.link = paper_link(&b->paper);
    b->job.now_ms = INT64_C(1000000) * 1000;
    b->err = (envelope_error)ENVELOPE_ERROR_INIT;
    b->paper.log[0] = 0;
    b->paper.requests = 0;
}

void bench_free(struct bench *b)
{
    envelope_ctx *ctx = b->paper.ctx;
    env_kmip_job_end(&b->job);
    heard = NULL;
    free(b);
    envelope_ctx_free(ctx);
}

const char *bench_newest(struct bench *b, const char *key_name)
{
    static char text[600];
    struct envelope_key_sink sink;
    bench_job(b);
    ck_assert_int_eq(env_sink_begin(b->paper.ctx, key_name, &sink, NULL), ENVELOPE_OK);
    envelope_status st = env_kmip_newest(&b->job, key_name, &sink, &b->err);
    b->given = st ? 0 : envelope_key_list_count(sink.list);
    st = st ? st : env_kmip_only_one(&sink, &b->err);
    if (st) {
        snprintf(text, sizeof text, "%s", envelope_status_name(st));
    } else {
        ck_assert_int_eq(sink.failed, ENVELOPE_OK);
        ck_assert_uint_eq(envelope_key_list_count(sink.list), 1);
        const envelope_key_ref *ref = envelope_key_list_at(sink.list, 0)->ref;
        snprintf(text, sizeof text, "%s%s%s", ref->key_id, ref->replaces ? " replaces " : "",
                 ref->replaces ? ref->replaces : "");
    }
    env_sink_end(&sink);
    return text;
}

const char *bench_list(struct bench *b, const char *key_name)
{
    static char text[4096];
    struct envelope_key_sink sink;
    bench_job(b);
    text[0] = 0;
    ck_assert_int_eq(env_sink_begin(b->paper.ctx, key_name, &sink, NULL), ENVELOPE_OK);
    envelope_status st = env_kmip_list(&b->job, key_name, &sink, &b->err);
    if (st) {
        snprintf(text, sizeof text, "%s", envelope_status_name(st));
    }
    for (size_t i = 0; !st && i < envelope_key_list_count(sink.list); i++) {
        const envelope_key_ref *ref = envelope_key_list_at(sink.list, i)->ref;
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s%s%s", i ? " " : "", ref->key_id,
                 ref->replaces ? "<" : "", ref->replaces ? ref->replaces : "");
    }
    env_sink_end(&sink);
    return text;
}

envelope_key_ref bench_ref(struct bench *b, const char *name, const char *key_id, int pool)
{
    envelope_key_ref ref = {
        .size = sizeof ref, .kms_id = "lab", .key_name = name, .key_id = key_id};
    if (pool) {
        ref.has_fingerprint = 1;
        paper_fingerprint(&b->paper, pool, ref.fingerprint);
    }
    return ref;
}

const char *bench_unwrap_bytes(struct bench *b, const envelope_key_ref *ref, int32_t algorithm,
                               const void *in, size_t in_len, const uint8_t expected[32])
{
    uint8_t out[1024];
    size_t len = 77;
    bench_job(b);
    envelope_status st =
        env_kmip_unwrap(&b->job, ref, algorithm, in, in_len, out, sizeof out, &len, &b->err);
    if (st) {
        ck_assert_uint_eq(len, 0);
        ck_assert(b->err.message[0] != 0);
        return envelope_status_name(st);
    }
    return len == 32 && memcmp(out, expected, 32) == 0 ? "OK" : "OTHER";
}

const char *bench_unwrap(struct bench *b, const envelope_key_ref *ref, int32_t algorithm, int pool)
{
    uint8_t dek[32];
    uint8_t in[1024];
    memset(dek, 0x11, sizeof dek);
    size_t in_len = paper_wrap(&b->paper, pool, algorithm, dek, in);
    return bench_unwrap_bytes(b, ref, algorithm, in, in_len, dek);
}

#include "kms/kmip/link.h"
#include <string.h>

/* What is shown is listed, not what is hidden: a server's own field with a key in it, under a tag
 * that nobody here knows, is blanked as well. */

static bool listed(uint32_t tag, const uint32_t *tags, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (tags[i] == tag) {
            return true;
        }
    }
    return false;
}
#define LISTED(tag, tags) listed((tag), (tags), sizeof(tags) / sizeof(tags)[0])

/* In these nothing is shown but the few numbers that say what lies there. */
static bool is_secret(uint32_t tag)
{
    static const uint32_t tags[] = {
        ENV_TAG_AUTHENTICATION, ENV_TAG_CREDENTIAL, ENV_TAG_CREDENTIAL_VALUE, ENV_TAG_KEY_BLOCK,
        ENV_TAG_KEY_MATERIAL,   ENV_TAG_KEY_VALUE,  ENV_TAG_KEY_WRAPPING_DATA};
    return LISTED(tag, tags);
}

static bool shown_in_secret(const struct env_ttlv_item *item)
{
    static const uint32_t tags[] = {ENV_TAG_CREDENTIAL_TYPE, ENV_TAG_CRYPTOGRAPHIC_ALGORITHM,
                                    ENV_TAG_CRYPTOGRAPHIC_LENGTH, ENV_TAG_KEY_COMPRESSION_TYPE,
                                    ENV_TAG_KEY_FORMAT_TYPE};
    bool number = item->type == ENV_TTLV_INTEGER || item->type == ENV_TTLV_ENUM;
    return number && LISTED(item->tag, tags);
}

static bool shown(const struct env_ttlv_item *item)
{
    static const uint32_t texts[] = {ENV_TAG_ATTRIBUTE_NAME,
                                     ENV_TAG_ATTRIBUTE_VALUE,
                                     ENV_TAG_LINKED_OBJECT_IDENTIFIER,
                                     ENV_TAG_NAME_VALUE,
                                     ENV_TAG_PRIVATE_KEY_UNIQUE_IDENTIFIER,
                                     ENV_TAG_PUBLIC_KEY_UNIQUE_IDENTIFIER,
                                     ENV_TAG_RESULT_MESSAGE,
                                     ENV_TAG_REVOCATION_MESSAGE,
                                     ENV_TAG_UNIQUE_IDENTIFIER,
                                     ENV_TAG_VENDOR_IDENTIFICATION};
    switch (item->type) {
    case ENV_TTLV_TEXT:
        return LISTED(item->tag, texts);
    case ENV_TTLV_BYTES:
        return item->tag == ENV_TAG_UNIQUE_BATCH_ITEM_ID;
    case ENV_TTLV_BIG:
        return false;
    default:
        return !is_secret(item->tag);
    }
}

static void copy_leaf(const struct env_ttlv_item *item, bool secret, uint8_t *to)
{
    if (secret ? shown_in_secret(item) : shown(item)) {
        memcpy(to, item->value, item->len);
    } else {
        memset(to, item->type == ENV_TTLV_TEXT ? '*' : 0, item->len);
    }
}

/* Item by item into zeros: a key is not in the copy even for a moment, nor is what a server left in
 * its padding. As deep as the message, so ENV_TTLV_DEPTH at most. */
static void copy_shown(struct env_ttlv c, bool secret, uint8_t *to)
{
    const uint8_t *from = c.p;
    struct env_ttlv_item item;
    while (env_ttlv_next(&c, &item)) {
        uint8_t *value = to + (item.value - from);
        memcpy(value - ENV_TTLV_HEAD, item.value - ENV_TTLV_HEAD, ENV_TTLV_HEAD);
        if (item.type == ENV_TTLV_STRUCTURE) {
            copy_shown(env_ttlv_inside(&item), secret || is_secret(item.tag), value);
        } else {
            copy_leaf(&item, secret, value);
        }
    }
}

void env_kmip_trace(envelope_ctx *ctx, const struct env_kmip_tracer *tracer, bool outgoing,
                    const void *bytes, size_t len)
{
    /* where there is no structure, nobody can say what is a key */
    if (!tracer->fn || !env_ttlv_whole(bytes, len, NULL)) {
        return;
    }
    uint8_t *copy = env_alloc(ctx, len);
    if (copy) {
        copy_shown(env_ttlv_over(bytes, len), false, copy);
        tracer->fn(tracer->user, outgoing, copy, len);
    }
    env_free(ctx, copy);
}

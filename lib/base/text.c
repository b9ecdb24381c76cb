#include "base/text.h"
#include <envelope/key.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the well-formed character at p (RFC 3629, table 3-7 of Unicode), 0 if there is none. */
static size_t character(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* overlong forms, surrogates, above U+10FFFF */
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return len;
}

bool env_utf8_valid(const void *text, size_t len)
{
    const uint8_t *p = text;
    for (size_t i = 0; i < len;) {
        size_t n = p[i] ? character(p + i, len - i) : 0;
        if (!n) {
            return false;
        }
        i += n;
    }
    return true;
}

static bool only(const char *text, size_t len, const char *extra, bool upper)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  (upper && c >= 'A' && c <= 'Z') || (c && strchr(extra, c));
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool env_kms_id_valid(const char *text, size_t len)
{
    return len >= 1 && len <= ENVELOPE_KMS_ID_MAX && only(text, len, "._-", true);
}

bool env_key_name_valid(const char *text, size_t len)
{
    return len >= 1 && len <= ENVELOPE_KEY_NAME_MAX && env_utf8_valid(text, len);
}

bool env_chain_name_valid(const char *text, size_t len)
{
    return len >= 1 && len <= 64 && text[0] != '.' && only(text, len, "._-", false);
}

size_t env_utf8_prefix(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (len <= max) {
        return len;
    }
    len = max;
    while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80) {
        len--;
    }
    return len;
}

char *env_text_copy(char *out, size_t cap, const char *text)
{
    size_t n = env_utf8_prefix(text, cap - 1);
    memcpy(out, text, n);
    out[n] = 0;
    return out;
}

char *env_printable(char out[ENV_PRINTABLE_MAX], const char *text)
{
    const uint8_t *p = (const uint8_t *)(text ? text : "-");
    size_t left = strlen((const char *)p);
    size_t used = 0;
    while (left > 0 && used + 5 < ENV_PRINTABLE_MAX) {
        size_t n = character(p, left);
        /* C0, DEL, and C1 (U+0080 to U+009F), which terminals obey too */
        bool control = p[0] < 0x20 || p[0] == 0x7f || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
        if (n == 0 || control) {
            used += (size_t)snprintf(out + used, ENV_PRINTABLE_MAX - used, "\\x%02x", p[0]);
            p++;
            left--;
            continue;
        }
        memcpy(out + used, p, n);
        used += n;
        p += n;
        left -= n;
    }
    out[used] = 0;
    return out;
}

char *env_hex(char *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = 0;
    return out;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool env_unhex(uint8_t *bytes, size_t len, const char *text)
{
    if (strnlen(text, 2 * len + 1) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int hi = digit(text[2 * i]);
        int lo = digit(text[2 * i + 1]);
        if (hi < 0 || lo < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

#include "text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Length of the character at p, 0 if it is not UTF-8 in shortest form; *code is the character. */
static size_t next_character(const unsigned char *p, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (*p < 0x80) {
        *code = *p;
        return 1;
    }
    size_t len = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
    if (*p < 0xc2 || *p > 0xf4) {
        return 0;
    }
    *code = *p & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (p[i] & 0x3fu);
    }
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[len] || *code > 0x10ffff || surrogate ? 0 : len;
}

static bool harmless(uint32_t code)
{
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool turns = (code >= 0x200e && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                 (code >= 0x2066 && code <= 0x2069);
    return !control && !turns;
}

const char *text_printable(struct pool *pool, const char *text)
{
    if (!text) {
        return "-";
    }
    char *out = pool_alloc(pool, strlen(text) * 4 + 1);
    char *to = out;
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        uint32_t code;
        size_t len = next_character(p, &code);
        if (len && harmless(code)) {
            memcpy(to, p, len);
            to += len;
            p += len;
            continue;
        }
        for (size_t i = 0; i < (len ? len : 1); i++) {
            to += snprintf(to, 5, "\\x%02x", *p++);
        }
    }
    return out;
}

bool text_is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        uint32_t code;
        size_t len = next_character(p, &code);
        if (!len) {
            return false;
        }
        p += len;
    }
    return true;
}

const char *text_hex(struct pool *pool, const uint8_t *bytes, size_t len)
{
    char *out = pool_alloc(pool, 2 * len + 1);
    for (size_t i = 0; i < len; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return out;
}

bool text_unhex(uint8_t *bytes, size_t len, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(hex) != 2 * len || strspn(hex, digits) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        size_t high = (size_t)(strchr(digits, hex[2 * i]) - digits);
        size_t low = (size_t)(strchr(digits, hex[2 * i + 1]) - digits);
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

const char *text_time(struct pool *pool, int64_t ms)
{
    char line[64];
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (!gmtime_r(&seconds, &tm) || !strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ", &tm)) {
        return "-";
    }
    return pool_text(pool, line);
}

const char *text_size(struct pool *pool, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        return pool_format(pool, "%" PRIu64 " B", bytes);
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    return pool_format(pool, "%.1f %s", value, units[unit]);
}

const char *text_plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

bool text_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    for (const char *p = text; *p; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (*p < '0' || *p > '9' || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return *text != 0;
}

const char *text_key(struct pool *pool, const envelope_key_ref *key)
{
    const char *name = text_printable(pool, key->key_name);
    if (!key->kms_id) {
        return pool_format(pool, "%s %s", key->has_fingerprint ? "escrow key" : "password", name);
    }
    const char *kms = text_printable(pool, key->kms_id);
    if (!key->version) {
        return pool_format(pool, "%s/%s", kms, name);
    }
    return pool_format(pool, "%s/%s version %" PRIu32, kms, name, key->version);
}

const char *text_key_exact(struct pool *pool, const envelope_key_ref *key)
{
    const char *line = text_key(pool, key);
    if (key->kms_id && key->key_id) {
        line = pool_format(pool, "%s, key id %s", line, text_printable(pool, key->key_id));
    }
    if (key->has_fingerprint) {
        const char *hex = text_hex(pool, key->fingerprint, sizeof key->fingerprint);
        line = pool_format(pool, "%s, fingerprint %s", line, hex);
    }
    return line;
}

#include "format/names.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SUFFIX ".env"
#define META   "meta/"
#define POINTS "points/"
enum { ID_DIGITS = 2 * ENV_OBJECT_ID_BYTES, CHAIN_DIGITS = 16, NUMBER_DIGITS = 20 };
enum { SUFFIX_LEN = 4 };

void env_name_chain(char out[ENV_NAME_MAX + 1], const char *chain_name,
                    const uint8_t chain_id[ENV_CHAIN_ID_BYTES])
{
    char hex[CHAIN_DIGITS + 1];
    snprintf(out, ENV_NAME_MAX + 1, ENV_CHAINS_PREFIX "%s-%s/", chain_name,
             env_hex(hex, chain_id, CHAIN_DIGITS / 2));
}

void env_name_metadata(char out[ENV_NAME_MAX + 1], const char *folder, uint64_t number)
{
    snprintf(out, ENV_NAME_MAX + 1, "%s" META "%020llu" SUFFIX, folder, (unsigned long long)number);
}

/* A clock that is far off must not make a name of another shape. */
static time_t in_four_digit_years(int64_t ms)
{
    const int64_t last = 253402300799; /* 9999-12-31T23:59:59Z */
    int64_t s = ms / 1000;
    return (time_t)(s < 0 ? 0 : s > last ? last : s);
}

void env_name_point(char out[ENV_NAME_MAX + 1], const char *folder, int64_t begun_ms,
                    const char *kind_word, const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    char hex[ID_DIGITS + 1];
    time_t t = in_four_digit_years(begun_ms);
    struct tm tm = {0};
    gmtime_r(&t, &tm);
    snprintf(out, ENV_NAME_MAX + 1, "%s" POINTS "%04d%02d%02dT%02d%02d%02dZ-%s-%s" SUFFIX, folder,
             tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             kind_word, env_hex(hex, object_id, ENV_OBJECT_ID_BYTES));
}

bool env_name_is_object(const char *name)
{
    size_t len = strlen(name);
    return len >= SUFFIX_LEN && !strcmp(name + len - SUFFIX_LEN, SUFFIX);
}

bool env_name_split(const char *name, char folder[ENV_NAME_MAX + 1], const char **rest)
{
    const size_t prefix = sizeof ENV_CHAINS_PREFIX - 1;
    const char *slash =
        strncmp(name, ENV_CHAINS_PREFIX, prefix) ? NULL : strchr(name + prefix, '/');
    size_t len = slash ? (size_t)(slash + 1 - name) : 0;
    folder[0] = 0;
    *rest = NULL;
    if (!slash || slash == name + prefix || len > ENV_NAME_MAX) {
        return false;
    }
    memcpy(folder, name, len);
    folder[len] = 0;
    *rest = slash + 1;
    return true;
}

/* The digits in their own, terminated piece, so that env_unhex sees only them. */
static bool unhex_at(const char *text, size_t digits, uint8_t *bytes)
{
    char piece[ID_DIGITS + 1];
    memcpy(piece, text, digits);
    piece[digits] = 0;
    return env_unhex(bytes, digits / 2, piece);
}

bool env_name_parse_chain(const char *folder, char chain_name[65], uint8_t id_prefix[8])
{
    const size_t prefix = sizeof ENV_CHAINS_PREFIX - 1;
    const size_t end = 1 + CHAIN_DIGITS + 1; /* "-", digits, "/" */
    size_t len = strlen(folder);
    chain_name[0] = 0;
    if (strncmp(folder, ENV_CHAINS_PREFIX, prefix) || len < prefix + end ||
        folder[len - 1] != '/' || folder[len - end] != '-') {
        return false;
    }
    const char *name = folder + prefix;
    size_t name_len = len - prefix - end;
    if (!env_chain_name_valid(name, name_len) ||
        !unhex_at(folder + len - end + 1, CHAIN_DIGITS, id_prefix)) {
        return false;
    }
    memcpy(chain_name, name, name_len);
    chain_name[name_len] = 0;
    return true;
}

uint64_t env_name_metadata_number(const char *rest)
{
    const size_t prefix = sizeof META - 1;
    if (strncmp(rest, META, prefix) || strlen(rest) != prefix + NUMBER_DIGITS + SUFFIX_LEN ||
        !env_name_is_object(rest)) {
        return 0;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < NUMBER_DIGITS; i++) {
        char c = rest[prefix + i];
        if (c < '0' || c > '9' || number >= ENV_NUMBER_LIMIT) {
            return 0;
        }
        number = number * 10 + (uint64_t)(c - '0');
    }
    return number < ENV_NUMBER_LIMIT ? number : 0;
}

/* "-<32 hex>.env" of a file directly in points/, NULL if there is no such end. */
static const char *id_part(const char *rest)
{
    const size_t prefix = sizeof POINTS - 1;
    const size_t end = 1 + ID_DIGITS + SUFFIX_LEN;
    size_t len = strlen(rest);
    if (strncmp(rest, POINTS, prefix) || len < prefix + end || strchr(rest + prefix, '/') ||
        !env_name_is_object(rest) || rest[len - end] != '-') {
        return NULL;
    }
    return rest + len - end;
}

bool env_name_object_id(const char *rest, uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    const char *id = id_part(rest);
    memset(object_id, 0, ENV_OBJECT_ID_BYTES);
    if (id && unhex_at(id + 1, ID_DIGITS, object_id)) {
        return true;
    }
    memset(object_id, 0, ENV_OBJECT_ID_BYTES);
    return false;
}

bool env_name_is_keys_copy(const char *rest)
{
    static const char word[] = "-keys";
    const char *id = id_part(rest);
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    size_t before = id ? (size_t)(id - rest) : 0;
    return before >= sizeof POINTS - 1 + sizeof word - 1 &&
           !strncmp(id - (sizeof word - 1), word, sizeof word - 1) &&
           env_name_object_id(rest, object_id);
}

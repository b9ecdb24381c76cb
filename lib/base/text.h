/* base/text.h - text from outside: checked before it is stored, escaped before it is shown. */
#ifndef ENV_BASE_TEXT_H
#define ENV_BASE_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid UTF-8 without U+0000? */
bool env_utf8_valid(const void *text, size_t len);

/* 1 to ENVELOPE_KMS_ID_MAX of [A-Za-z0-9._-]? */
bool env_kms_id_valid(const char *text, size_t len);

/* 1 to ENVELOPE_KEY_NAME_MAX bytes of UTF-8? Also for key ids and labels. */
bool env_key_name_valid(const char *text, size_t len);

/* A chain's name: 1 to 64 of [a-z0-9._-], not beginning with a dot? */
bool env_chain_name_valid(const char *text, size_t len);

/* Length of the longest prefix of text, at most max bytes, that does not cut a character. */
size_t env_utf8_prefix(const char *text, size_t max);

/* Terminated, and cut at a character where cap is too small: for text whose length was checked
 * before. Returns out. */
char *env_text_copy(char *out, size_t cap, const char *text);

#define ENV_PRINTABLE_MAX 256u
/* text with control characters and broken UTF-8 as \xNN, cut at ENV_PRINTABLE_MAX - 1 bytes.
 * Returns out. NULL text is "-". */
char *env_printable(char out[ENV_PRINTABLE_MAX], const char *text);

/* Lower-case hex; out has 2 * len + 1 bytes. Returns out. */
char *env_hex(char *out, const uint8_t *bytes, size_t len);
/* false unless text is exactly 2 * len lower-case digits. */
bool env_unhex(uint8_t *bytes, size_t len, const char *text);
#endif

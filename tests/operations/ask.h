/* ask.h - requests and responses of KMIP as the tests make and read them. */
#ifndef TESTS_ASK_H
#define TESTS_ASK_H
#include "kms/kmip/ops.h"
#include "tree.h"

/* A request of one item in words, what write() put into it; free() it. */
char *request_words(int minor, uint32_t operation, void (*write)(struct env_ttlv_out *o));
/* The same as bytes; free(p). */
struct tree request_bytes(int minor, uint32_t operation, void (*write)(struct env_ttlv_out *o));
/* Fails unless the payload in words is that text. */
void expect_payload(uint32_t operation, void (*write)(struct env_ttlv_out *o), const char *words);

/* The payload of the only item, a success; fails else. */
struct env_ttlv payload_of(const struct tree *response, uint32_t operation);
#endif

/* object.h - one DEK and one foreign header, always the same, for the targets of lib/object. */
#ifndef FUZZ_OBJECT_H
#define FUZZ_OBJECT_H
#include <envelope/object.h>

enum {
    OBJECT_FOREIGN_MAX = 4096,
    OBJECT_STREAM = 0,
    OBJECT_BEGIN = 3, /* fuzz_object_headers: k, length of A */
    OBJECT_RAW = 0x80 /* in the place of k: what follows is the object as it is */
};

/* 00 01 … 1f */
envelope_dek *object_dek(envelope_ctx *ctx);
/* A header with TAG and box under that DEK; its length. The box has a fixed salt, so that the bytes
 * are the same each time; out has OBJECT_FOREIGN_MAX. */
size_t object_foreign(envelope_ctx *ctx, uint8_t *out);
/* Prefix and chunks of a payload of len zeros under that header, with a fixed salt. */
size_t object_payload(envelope_ctx *ctx, size_t len, uint8_t *out);

/* The payload of a disk's point, with a fixed salt; out has object_disk_bytes(len). id_short is
 * ID[0..55] of the point. */
size_t object_disk_bytes(size_t len);
size_t object_disk(envelope_ctx *ctx, const uint8_t *plain, size_t len, uint8_t *out,
                   uint8_t id_short[56]);
#endif

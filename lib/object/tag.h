/* object/tag.h - keys of an object derived from its DEK, TAG, ATT and LINK. */
#ifndef ENV_OBJECT_TAG_H
#define ENV_OBJECT_TAG_H
#include "base/context.h"
#include "format/header.h"

/* K_pay, K_box, K_hdr: X(DEK, "payload" | "box" | "header", ""); out in the arena. */
envelope_status env_key_payload(envelope_ctx *ctx, const uint8_t dek[32], uint8_t out[32],
                                envelope_error *err);
envelope_status env_key_box(envelope_ctx *ctx, const uint8_t dek[32], uint8_t out[32],
                            envelope_error *err);
envelope_status env_key_header(envelope_ctx *ctx, const uint8_t dek[32], uint8_t out[32],
                               envelope_error *err);
/* ATT = MAC(AK_g, "attest", CORE) */
envelope_status env_attest(envelope_ctx *ctx, const uint8_t ak[32], struct env_bytes core,
                           uint8_t out[32], envelope_error *err);
/* LINK = H("link", CORE | ATT) */
envelope_status env_link(envelope_ctx *ctx, struct env_bytes core, const uint8_t att[32],
                         uint8_t out[32], envelope_error *err);
/* Behind what TAG covers: TAG and CRC32C. */
enum { ENV_COPY_END_BYTES = 36 };
/* TAG over the first capacity - 36 bytes of a copy as stored. */
envelope_status env_tag_make(envelope_ctx *ctx, const uint8_t header_key[32], const void *copy,
                             uint32_t capacity, uint8_t out[ENV_TAG_MAC_BYTES],
                             envelope_error *err);
/* E_AUTH unless it is copy->tag. */
envelope_status env_tag_check(envelope_ctx *ctx, const uint8_t header_key[32],
                              const struct env_copy *copy, envelope_error *err);
#endif

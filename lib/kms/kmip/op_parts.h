/* kms/kmip/op_parts.h - what the operations share: attributes as KMIP 1.x writes them (a name in
 * text, then the value), identifiers and names as text of limited length. */
#ifndef ENV_KMIP_OP_PARTS_H
#define ENV_KMIP_OP_PARTS_H
#include "kms/kmip/ops.h"

void env_kmip_put_attribute_int(struct env_ttlv_out *o, const char *name, int32_t v);
void env_kmip_put_attribute_enum(struct env_ttlv_out *o, const char *name, uint32_t v);
/* What a key of that object type may be used for, as it is set at creation. */
uint32_t env_kmip_usage(uint32_t object_type);
/* Name and Object Group; NULL: not said. */
void env_kmip_put_selector(struct env_ttlv_out *o, const char *name, const char *group);

/* 1 to 255 bytes; else E_FORMAT with what. */
envelope_status env_kmip_take_text(const struct env_ttlv_item *item, env_kmip_text out,
                                   const char *what, envelope_error *err);
/* A positive Integer; else E_FORMAT with what. Not there: 0. */
envelope_status env_kmip_take_count(const struct env_ttlv_item *item, uint32_t *out,
                                    const char *what, envelope_error *err);
/* The Unique Identifier of the answer must be that of the question. */
envelope_status env_kmip_same_uid(const struct env_ttlv_item *item, const char *uid,
                                  const char *what, envelope_error *err);
#endif

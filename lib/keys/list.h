/* keys/list.h - building an envelope_key_list. */
#ifndef ENV_KEYS_LIST_H
#define ENV_KEYS_LIST_H
#include "base/context.h"
#include <envelope/key.h>

envelope_status env_key_list_new(envelope_ctx *ctx, envelope_key_list **out, envelope_error *err);
/* A deep copy of *info behind the others. */
envelope_status env_key_list_add(envelope_key_list *list, const envelope_key_info *info,
                                 envelope_error *err);
/* While it is being built only. */
envelope_key_info *env_key_list_edit(envelope_key_list *list, size_t i);
#endif

/* format/tail.h - the last 64 bytes of an object, in clear: shows completeness without a key. A
 * hint; the final chunk is the proof. */
#ifndef ENV_FORMAT_TAIL_H
#define ENV_FORMAT_TAIL_H
#include "format/id.h"

enum { ENV_TAIL_BYTES = 64, ENV_TAIL_LINK_BYTES = 16 };
struct env_tail {
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    uint64_t payload_bytes; /* N */
    uint8_t link[ENV_TAIL_LINK_BYTES];
};
void env_tail_put(const struct env_tail *tail, uint8_t out[ENV_TAIL_BYTES]);
/* E_FORMAT */
envelope_status env_tail_get(const uint8_t in[ENV_TAIL_BYTES], struct env_tail *out,
                             envelope_error *err);
#endif

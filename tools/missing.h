/* tools/missing.h - which keys would open what does not open: exactly, as the headers claim. */
#ifndef ENVELOPE_TOOLS_MISSING_H
#define ENVELOPE_TOOLS_MISSING_H
#include "report.h"
#include <envelope/recovery.h>

/* On standard error, and as missing_keys in the object. chain NULL: the only one. Returns how many
 * points nothing at hand opens. */
uint64_t missing_tell(struct report *report, envelope_store *store, envelope_keyring *keyring,
                      const char *chain);
/* {key, status, points, points_alone, first} */
json_t *missing_key_json(const envelope_key_info *info);
#endif

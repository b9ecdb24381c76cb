/* chain/verify_disk.h - every block of a disk against the hash that its point recorded, wherever
 * the block lies (crypto.md, W10). */
#ifndef ENV_CHAIN_VERIFY_DISK_H
#define ENV_CHAIN_VERIFY_DISK_H
#include "chain/disk.h"

/* object: which one, by name; offset: of the block on the disk. */
typedef void (*env_block_fault)(void *user, const char *object, uint64_t offset,
                                envelope_status status, const char *why);
/* Goes on behind a bad block, and tells each. Fails only for what says something about this
 * process, or when stop says so. */
envelope_status env_verify_disk(struct env_disk *disk, env_block_fault fault,
                                envelope_status (*stop)(void *user, uint64_t more,
                                                        envelope_error *err),
                                void *user, envelope_error *err);
#endif

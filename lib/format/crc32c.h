/* format/crc32c.h - CRC32C, reflected, init and final xor FFFFFFFF. Against bit rot only. */
#ifndef ENV_FORMAT_CRC32C_H
#define ENV_FORMAT_CRC32C_H
#include <stddef.h>
#include <stdint.h>
uint32_t env_crc32c(const void *p, size_t len);
/* The same without the processor's instruction: what runs where there is none. */
uint32_t env_crc32c_by_table(const void *p, size_t len);
#endif

/* seed_kmip.h - small answers of a KMIP server, for the corpora of TTLV. */
#ifndef FUZZ_SEED_KMIP_H
#define FUZZ_SEED_KMIP_H

enum { SEED_KMIP_MAX = 1024 };
void seed_kmip(void);
#endif

/* samples_ops.h - a response of each kind, made for the tests: what servers send, and what they may
 * send. */
#ifndef TESTS_SAMPLES_OPS_H
#define TESTS_SAMPLES_OPS_H
#include <stdint.h>

struct ops_sample {
    const char *name;
    int minor;
    uint32_t operation;
    const char *uid;   /* that the request was about */
    const char *words; /* of the payload; with "BatchItem" in front: of the item */
    const char *view;  /* what is read */
};
extern const struct ops_sample ops_samples[];
extern const unsigned ops_sample_count;
struct tree;
struct tree ops_sample_bytes(const struct ops_sample *sample);
#endif

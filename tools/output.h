/* tools/output.h - where restore writes: a file that appears whole or not at all, a device in
 * place, or standard output. */
#ifndef ENVELOPE_TOOLS_OUTPUT_H
#define ENVELOPE_TOOLS_OUTPUT_H
#include "report.h"
#include <stdint.h>

struct output {
    struct report *report;
    const char *path;
    const char *partial; /* NULL: written in place */
    int fd;
    bool force;
    bool block;    /* a block device: zeros must be written there */
    uint64_t size; /* as far as it was written, or left out */
};
/* size: what will come; a device that is smaller is refused before anything is written. */
int output_open(struct report *report, const char *path, bool force, struct output *out);
int output_begin(struct output *output, uint64_t size);
int output_write(struct output *output, const void *data, size_t len);
/* len zero bytes: not written where there is nothing yet, written where something may lie. */
int output_zeros(struct output *output, uint64_t len);
/* fsync, rename, fsync of the folder. */
int output_finish(struct output *output);
/* After a failure: OUT.partial goes. Harmless after output_finish. */
void output_drop(struct output *output);
#endif

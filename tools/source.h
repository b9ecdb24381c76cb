/* tools/source.h - where backup reads: a file, a block device, or standard input. */
#ifndef ENVELOPE_TOOLS_SOURCE_H
#define ENVELOPE_TOOLS_SOURCE_H
#include "report.h"
#include <stdint.h>
#include <sys/types.h>

struct source {
    struct report *report;
    const char *path;
    int fd;
    bool seekable;
    bool direct;    /* past the page cache: offsets, lengths and memory are aligned */
    bool has_holes; /* the file system says where nothing is */
    uint64_t size;  /* 0: not known, unless seekable */
};
enum { SOURCE_ALIGN = 4096, SOURCE_BUFFER = 1 << 20 };

int source_open(struct report *report, const char *path, bool direct, struct source *out);
void source_close(struct source *source);
/* A buffer of SOURCE_BUFFER bytes, aligned; free() it. NULL: no memory. */
void *source_buffer(void);
/* Sequentially: a whole buffer, fewer at the end only. -1: errno. */
ssize_t source_read(struct source *source, void *buffer, size_t len);
/* All of len bytes from offset of a seekable source, into a buffer of source_buffer. With direct
 * offset and len are aligned, and the last part of a file may be asked for beyond its end. -1:
 * errno, 0 for "ended early". */
ssize_t source_pread(struct source *source, uint64_t offset, void *buffer, size_t len);
/* From offset on: how far there is data, or nothing (*hole). Never beyond size. */
uint64_t source_extent(struct source *source, uint64_t offset, bool *hole);
int source_failed(const struct source *source, const char *why);
#endif

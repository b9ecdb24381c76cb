/* memory_store.h - a store in memory, written against the public table: for tests that flip bits,
 * hide and bring back objects, or run hundreds of histories. */
#ifndef TESTS_MEMORY_STORE_H
#define TESTS_MEMORY_STORE_H
#include <envelope/store.h>
#include <stdbool.h>

struct memory_file {
    char name[208];
    uint8_t *data;
    size_t len;
    bool hidden; /* not listed, not found */
};
struct memory_store {
    struct memory_file *file;
    size_t count;
    size_t room;
    uint64_t opened; /* opens for reading, all in all */
    uint64_t read;   /* bytes */
    /* Writes under way are told, and can be opened by their temporary names. */
    bool shows_writes;
    struct memory_writing *under_way;
    /* called before a file gets its final name, if set; a nonzero status fails the finish */
    envelope_status (*before_finish)(void *user, const char *name);
    /* called when a file is opened for reading */
    void (*before_open)(void *user, const char *name);
    /* called before names are listed */
    void (*before_list)(void *user, const char *prefix);
    /* called before what was written is read back: the bytes may be altered */
    void (*before_reread)(void *user, const char *name, uint8_t *data, size_t len);
    /* called before bytes are overwritten: a nonzero status fails that, whatever it has done to
     * them */
    envelope_status (*before_overwrite)(void *user, struct memory_file *file, uint64_t offset,
                                        const void *data, size_t len);
    bool overwrite_lies;  /* it answers OK, and does nothing */
    uint64_t overwritten; /* calls that were made */
    /* called after a file has got its final name */
    void (*after_finish)(void *user, const char *name);
    /* called with what was put behind a file that is being written */
    void (*after_write)(void *user, const char *name, const void *data, size_t len);
    void *user;
};

/* mem outlives the store. Several stores may stand on one mem (hosts on one repository); not for
 * several threads that write. */
envelope_store *memory_store_open(envelope_ctx *ctx, struct memory_store *mem);
void memory_store_clear(struct memory_store *mem);
struct memory_file *memory_find(struct memory_store *mem, const char *name);
/* The first whose name holds part, from index *at on; NULL: none. *at is moved behind it. */
struct memory_file *memory_next(struct memory_store *mem, const char *part, size_t *at);
void memory_put(struct memory_store *mem, const char *name, const void *data, size_t len);
void memory_remove(struct memory_store *mem, const char *name);
/* A deep copy into an empty one. */
void memory_copy(struct memory_store *to, const struct memory_store *from);
/* Do the bytes lie anywhere in files from index `from` on? */
bool memory_holds(const struct memory_store *mem, size_t from, const void *needle, size_t len);
#endif

/* The journal of calls: one line of JSON each, with what it was made on. */
#ifndef FAULTFS_JOURNAL_H
#define FAULTFS_JOURNAL_H
#include "plan.h"
#include <stddef.h>
#include <sys/types.h>

enum { PATH_SIZE = 4096 };

/* What a call is made on. Inodes tell files apart whatever their names are. */
struct call {
    enum kind kind;
    const char *function;
    char path[PATH_SIZE]; /* of the file, or of the entry in its folder */
    char to[PATH_SIZE];   /* link, rename: the second entry */
    ino_t ino;
    ino_t folder;    /* of path, where the call changes it */
    ino_t to_folder; /* of to */
    bool created;
    bool lists;       /* open: of a folder by ".", as who is going to list it does */
    off_t offset;     /* open: the flags; lock: the operation */
    const void *data; /* write */
    size_t len;
};

/* Lexically: dots are taken out. at is a folder's descriptor or AT_FDCWD. */
void path_resolve(char out[PATH_SIZE], int at, const char *path);
void path_of_fd(char out[PATH_SIZE], int fd);
bool path_below(const char *path, const char *root);

/* file NULL: none. */
void journal_call(const char *file, bool with_data, unsigned number, const struct call *call,
                  long result, int error, const char *note);
/* What the program says on its standard output, so that a reader knows what it had promised when.
 */
void journal_say(const char *file, const void *text, size_t len);
#endif

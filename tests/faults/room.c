#include "room.h"
#include <stdlib.h>
#include <sys/stat.h>

static bool limited;
static long room;
static long growth; /* of the write under way */

void room_set(const char *text)
{
    limited = text != NULL;
    room = text ? atol(text) : 0;
}

long room_for(const struct call *call, int fd, long len)
{
    struct stat s;
    growth = 0;
    if (!limited || !len || fstat(fd, &s)) {
        return len;
    }
    long beyond = (long)call->offset + len - s.st_size;
    beyond = beyond > 0 ? beyond : 0;
    if (beyond > room) {
        len -= beyond - room;
        beyond = room;
    }
    growth = len > 0 ? beyond : 0;
    return len > 0 ? len : -1;
}

long room_held(const struct call *call)
{
    struct stat s;
    const char *path = call->kind == KIND_UNLINK ? call->path : call->to;
    bool goes = call->kind == KIND_UNLINK || call->kind == KIND_RENAME;
    return goes && lstat(path, &s) == 0 && S_ISREG(s.st_mode) && s.st_nlink == 1 ? s.st_size : 0;
}

void room_after(const struct call *call, long result, long held)
{
    if (result >= 0) {
        room += held - (call->kind == KIND_WRITE ? growth : 0);
    }
}

/* A disk that gets full: so many bytes more fit, and what is removed gives room. */
#ifndef FAULTFS_ROOM_H
#define FAULTFS_ROOM_H
#include "journal.h"

/* text NULL: there is no end to it. */
void room_set(const char *text);
/* How many bytes of the write fit, all in all; -1 where none does. */
long room_for(const struct call *call, int fd, long len);
/* Before a name goes, or another file gets it: the bytes that this will give back. */
long room_held(const struct call *call);
/* Behind a call that was made. held: what room_held said before. */
void room_after(const struct call *call, long result, long held);
#endif

/* The gate: a process says which call it is about to make, and waits until it may make it. So
 * somebody else decides in which order the calls of several processes come. */
#ifndef FAULTFS_GATE_H
#define FAULTFS_GATE_H
#include "journal.h"

/* fd is a stream socket. One line of JSON goes out, one byte comes in; without it (the other end is
 * gone) the process ends. Calls of which no other process sees anything pass at once: syncing,
 * opening a folder on the way, and what is done to the contents of a file that has its name for
 * good, which is outside of folders "tmp". */
void gate_wait(int fd, const char *kind, const struct call *call);
#endif

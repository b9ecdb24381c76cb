/* pipes.h - pipes of the caller's (kmip.h): TCP underneath, with one answer that no pipe may give.
 */
#ifndef TESTS_KMIP_PIPES_H
#define TESTS_KMIP_PIPES_H
#include <envelope/kmip.h>

/* "plain": none; "open-nothing", "write-nothing", "write-more", "read-more": OK without the deed,
 * or with too much of one; "odd-status": `read` fails with a status that is not its to give;
 * "no-read": the member is NULL; "old": a size from before `destroy`. NULL: no such pipe. */
const envelope_pipe_ops *pipe_of(const char *name);

struct pipe_calls {
    int open; /* that worked */
    int close;
    int destroy;
};
extern struct pipe_calls pipe_calls;
#endif

/* captures.h - recorded exchanges with KMIP servers, NAME.req.hex and NAME.resp.hex. They are not
 * part of the tree: the option kmip_captures names their folder. */
#ifndef TESTS_CAPTURES_H
#define TESTS_CAPTURES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture {
    const char *file; /* "1.4-get-private.resp" */
    bool response;
    uint8_t *bytes; /* ends where its heap block ends */
    size_t len;
};

/* false, and the program is skipped, when the build names no folder. */
bool captures_there(void);
/* All, by name; how many. None ends the test. */
size_t captures_each(void (*fn)(void *user, const struct capture *capture), void *user);
/* One of them; the test ends when it is not there. Free with capture_free. */
struct capture capture_read(const char *file);
void capture_free(struct capture *capture);
#endif

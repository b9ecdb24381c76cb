/* tools/progress.h - bar, rate and time left, on standard error. */
#ifndef ENVELOPE_TOOLS_PROGRESS_H
#define ENVELOPE_TOOLS_PROGRESS_H
#include "options.h"

struct progress {
    bool on;
    bool drawn;
    double begun; /* seconds */
    double last;
};
/* END_USAGE for an unknown value of --progress. auto: on when standard error is a terminal. */
int progress_begin(struct report *report, const struct options *options, struct progress *out);
/* total 0: not known. Draws a few times a second at most. */
void progress_step(struct progress *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);
/* For the library: user is the struct progress. */
int32_t progress_fn(void *user, uint64_t done, uint64_t total);
#endif

/* steps.h - how much work it was: the basic blocks that the library's rooms format, store, chain
 * and recovery have run through, in a program that is linked with `counted` first
 * (tests/meson.build). The same work is the same number on any machine, however busy it is. */
#ifndef TESTS_STEPS_H
#define TESTS_STEPS_H
#include <stdint.h>

/* So far. 0 for ever: this build does not count. */
uint64_t steps_taken(void);
#endif

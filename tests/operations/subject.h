/* subject.h - every change of one response, judged and counted. */
#ifndef TESTS_SUBJECT_H
#define TESTS_SUBJECT_H
#include "mutate.h"
#include <envelope/base.h>

struct counts {
    long subjects;
    long tried[MUTATE_KINDS];
    long refused[MUTATE_KINDS];
    long same[MUTATE_KINDS];
};

struct subject {
    const char *name;
    uint32_t operation;
    const char *uid;
    struct tree message;
    struct part part[PARTS_MAX];
    int parts;
    char *view;
    envelope_ctx *ctx; /* of subject_ctx */
    struct counts *counts;
};
/* A context that knows the largest piece of memory it was asked for. */
envelope_ctx *subject_ctx(void);
/* Every n-th bit is flipped; all else is done in full. */
void subject_campaign(struct subject *s, size_t flips);
void subject_report(const char *what, const struct counts *c);
#endif

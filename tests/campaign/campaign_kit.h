/* campaign_kit.h - the small chain of the campaigns (3.5 chunks, two generations), its objects, and
 * what the library says of one that was damaged. */
#ifndef TESTS_CAMPAIGN_KIT_H
#define TESTS_CAMPAIGN_KIT_H
#include "chain_kit.h"
#include "plan.h"
#include "truth.h"

enum { LARGE = 57344, SMALL = 100, POINTS = 2, TARGETS_MAX = 16, FINDINGS_MAX = 16 };

struct target {
    struct memory_file *file;
    uint8_t *saved; /* undamaged */
    struct layout layout;
    uint64_t point; /* 0: metadata, or a keys copy */
    bool newest;    /* the newest metadata */
    bool held;      /* that, or a copy of it: what a handle holds open */
};

/* A finding of verify. */
struct finding {
    char part[32];
    char object[208];
    envelope_status status;
    size_t offset;
    uint64_t point;
};

struct campaign {
    struct memory_store mem;
    struct test_kms kms;
    struct host host;
    envelope_chain *chain; /* opened before anything was damaged */
    struct target target[TARGETS_MAX];
    size_t targets;
    struct finding finding[FINDINGS_MAX];
    size_t findings;
    envelope_status verdict; /* what verify returned */
    envelope_error why;
    bool copy_gone;        /* the newest metadata's keys copy is hidden */
    bool shape_whole;      /* PRE and the shape in ID are not thinned out */
    uint64_t thin;         /* of a sample: how many more are passed over, 1: none */
    uint8_t *want[POINTS]; /* the data of the points */
    uint8_t *got;
};
/* Point 1 of LARGE bytes in generation 1; a new key version and a refresh; point 2 of SMALL bytes
 * in generation 2. */
struct campaign *campaign_begin(void);
void campaign_end(struct campaign *c);
size_t point_bytes(uint64_t point);

/* Damage and back. */
void damage(struct target *t, const struct flip *f);
void mend(struct target *t, const struct flip *f);

/* Fills findings and verdict; point 0: all, of points the headers only. */
void campaign_verify(struct campaign *c, uint64_t point);
/* The same with all metadata but t out of sight: what is said of one does not hang on the others,
 * and it costs a fraction. */
void campaign_verify_alone(struct campaign *c, const struct target *t);
/* NULL, or how the findings differ from the truth. */
const char *judge(const struct campaign *c, const struct target *t, const struct truth *truth);
/* NULL, or how what is read of the point is not what the truth allows. */
const char *read_point(struct campaign *c, envelope_chain *chain, uint64_t point,
                       const struct truth *truth);

/* The flip that is being tried, shown if the program dies in it. */
void trying(const struct target *t, const struct flip *f);
const char *tried(void);
#endif

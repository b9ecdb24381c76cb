/* wycheproof.h - walking a file of Wycheproof: every case has a verdict, cases that no call of the
 * library can have are counted apart, with the reason. */
#ifndef TESTS_WYCHEPROOF_H
#define TESTS_WYCHEPROOF_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct tally;
typedef void (*one_case)(struct tally *t, const json_t *group, const json_t *test);

enum { REASONS = 12 };
struct tally {
    void *user;
    const char *file;
    int valid;   /* right answers to valid and acceptable cases */
    int invalid; /* to invalid ones */
    int wrong;
    int apart;
    struct {
        const char *why;
        int count;
    } reason[REASONS];
};

/* false, and the program is skipped, when the build names no folder. */
bool wycheproof_there(void);

/* Every case of the file goes to fn, which calls verdict or apart once. Fails unless all are right,
 * some ran, and none was missed. */
void walk(const char *file, one_case fn, void *user);
void verdict(struct tally *t, const json_t *test, bool right);
void apart(struct tally *t, const char *why);

/* A member in hex; free p. Never NULL. */
struct octets {
    uint8_t *p;
    size_t len;
};
struct octets octets_of(const json_t *object, const char *member);
const char *text_of(const json_t *object, const char *member);
int64_t number_of(const json_t *object, const char *member);
bool is_invalid(const json_t *test);
bool has_flag(const json_t *test, const char *flag);
#endif

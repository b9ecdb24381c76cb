/* parser.h - what every test of a parser does: exact-size copies so that the sanitizers see a byte
 * read too far, every truncation, random changes by a printed seed. */
#ifndef TESTS_PARSER_H
#define TESTS_PARSER_H
#include <envelope/base.h>

/* Parses and gives back what it got. */
typedef envelope_status (*parse_fn)(envelope_ctx *ctx, const void *bytes, size_t len,
                                    envelope_error *err);

/* fn on a copy of its own, ending where the heap block ends. */
envelope_status parse_exact(parse_fn fn, const void *bytes, size_t len, envelope_error *err);
/* The status is expected, and on failure there is a message. rule: for the report. */
void expect_parse(parse_fn fn, const void *bytes, size_t len, envelope_status expected,
                  const char *rule);
/* Every prefix, the whole apart, is E_FORMAT. */
void expect_prefixes_refused(parse_fn fn, const void *bytes, size_t len);
/* Random bytes, and the valid ones with random changes: any status of ok or E_FORMAT or
 * E_UNSUPPORTED, nothing else. Seed from TEST_SEED, else from the clock; printed. */
void expect_garbage_survived(parse_fn fn, const void *valid, size_t len);
/* Each allocation of fn on valid bytes made to fail: E_NOMEM, and nothing is left over. */
void expect_no_memory_survived(parse_fn fn, const void *valid, size_t len);

/* bytes with hex written over them at an offset. */
struct edit {
    const char *rule;
    size_t at;
    const char *hex;
};
void apply_edit(const struct edit *edit, void *bytes, size_t len);

/* A small generator, the same on every machine. */
uint64_t next_random(uint64_t *state);
uint64_t test_seed(const char *what);
#endif

/* kms/asking.h - the KMS that asks instead of being called: its questions, and the draws that they
 * depend on. docs/design.md, "The asking KMS", says why it is built like this. */
#ifndef ENV_KMS_ASKING_H
#define ENV_KMS_ASKING_H
#include "base/context.h"
#include "keys/dek.h"
#include <envelope/kms.h>
#include <pthread.h>
#include <stdbool.h>

/* STALE: calls of the context after which what nobody has looked at again is wiped. */
enum { ENV_QUESTIONS_LIMIT = 1024, ENV_DRAWS_LIMIT = 64, ENV_STALE_CALLS = 4096 };

struct env_ask;  /* one question, and its answer: asking_questions.c */
struct env_draw; /* one DEK that a question depends on: asking_draws.c */
struct env_asking {
    envelope_ctx *ctx; /* borrowed from the envelope_kms */
    pthread_mutex_t lock;
    uint64_t last_id;
    size_t ask_count;
    struct env_ask *asks; /* the oldest first */
    size_t draw_count;
    struct env_draw *draws;
};
/* The table of functions that asks; self is a struct env_asking. */
extern const envelope_kms_ops env_asking_ops;
envelope_status env_asking_new(envelope_ctx *ctx, struct env_asking **out, envelope_error *err);
/* `newest` knows no kms_id, and the question bears one. */
envelope_status env_asking_newest(struct env_asking *asking, const char *kms_id,
                                  const char *key_name, envelope_key_sink *sink,
                                  envelope_error *err);
envelope_status env_asking_again(envelope_error *err);
/* The public call of that id has ended, with E_AGAIN or otherwise: then what it asked is wiped and
 * forgotten, and the draws that it had are gone. */
void env_asking_settle(struct env_asking *asking, uint64_t call, bool again);

/* -- questions */
struct env_answer {
    envelope_status status;
    int32_t state;
    const char *message;
    const envelope_key_ref *key;
    const uint8_t *bytes;
    size_t len;
};
/* Asks q (id is not looked at), unless it is asked already; questions are the same when kind,
 * algorithm, key and bytes are. OK: *answer is valid until env_ask_release. E_AGAIN: not answered.
 * E_LIMIT. */
envelope_status env_ask(struct env_asking *asking, const envelope_question *q, struct env_ask **out,
                        struct env_answer *answer, envelope_error *err);
void env_ask_release(struct env_asking *asking, struct env_ask *ask);
const envelope_question *env_ask_next(struct env_asking *asking);
/* What is asked under this id, to check an answer against: until env_ask_release. E_NOT_FOUND,
 * E_EXISTS. */
envelope_status env_ask_find(struct env_asking *asking, uint64_t id, struct env_ask **out,
                             const envelope_question **q, envelope_error *err);
/* Takes over a copy of answer. E_EXISTS: somebody was quicker. */
envelope_status env_ask_answer(struct env_asking *asking, struct env_ask *ask,
                               const struct env_answer *answer, envelope_error *err);
void env_asks_settle(struct env_asking *asking, uint64_t call, bool again);
void env_asks_free(struct env_asking *asking);

/* -- draws */
enum { ENV_DRAW_PROOF = 1, ENV_DRAW_METADATA = 2, ENV_DRAW_POINT = 3 };
struct env_draw_wrapped {
    uint16_t len; /* 0: not wrapped yet */
    uint8_t bytes[1024];
};
/* One that this purpose and tag (a hash of whom it is for) left behind and that no call has, or a
 * fresh one; it is this call's until it ends, or spends it. NULL outside of a public call. */
envelope_status env_draw_take(struct env_asking *asking, int32_t purpose, const uint8_t tag[32],
                              size_t places, struct env_draw **out, envelope_error *err);
const envelope_dek *env_draw_dek(const struct env_draw *draw);
struct env_draw_wrapped *env_draw_place(struct env_draw *draw, size_t i);
/* From here on nobody gets it any more: something is sealed under it. */
void env_draw_spend(struct env_asking *asking, struct env_draw *draw);
void env_draws_settle(struct env_asking *asking, uint64_t call, bool again);
void env_draws_free(struct env_asking *asking);
#endif

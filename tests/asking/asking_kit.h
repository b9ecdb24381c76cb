/* asking_kit.h - a room of keys, a KMS on the blocking table and a desk that answers an asking KMS
 * from the same room: promptly, late, backwards, twice, wrongly, from another thread. */
#ifndef TESTS_ASKING_KIT_H
#define TESTS_ASKING_KIT_H
#include "check_main.h"
#include "failing.h"
#include "keys.h"
#include "memory_store.h"
#include <envelope/envelope.h>
#include <stdbool.h>

enum { ROOM_VERSIONS = 4 };
/* One key name, "vm": versions "vm/1", "vm/2", ... of RSA from the pool, or of AES-256. */
struct room {
    envelope_ctx *ctx;
    bool symmetric;
    int newest;
    void *pair[ROOM_VERSIONS + 1];
    uint8_t kek[ROOM_VERSIONS + 1][32];
    uint8_t spki[ROOM_VERSIONS + 1][1024];
    size_t spki_len[ROOM_VERSIONS + 1];
    envelope_status fail[5]; /* by kind: what is answered instead */
    unsigned asked[5];       /* by kind */
};
void room_open(struct room *r, bool symmetric, int first_pool);
void room_close(struct room *r);
envelope_kms *room_blocking(envelope_ctx *ctx, struct room *r);

enum desk_mode { PROMPT, LATE, REVERSED, ONE_BY_ONE, TWICE, WRONG_ID, THREADED, DESK_MODES };
enum { DESK_OPEN = 1024 };
struct desk {
    struct room *room;
    envelope_kms *kms;
    enum desk_mode mode;
    bool patient; /* an answer that found no memory is given again */
    unsigned rounds;
    unsigned questions; /* taken, all in all */
    size_t open_count;
    const envelope_question *open[DESK_OPEN];
};
void desk_open(struct desk *d, envelope_ctx *ctx, struct room *r, enum desk_mode mode);
void desk_close(struct desk *d);
/* Takes what is asked, and nothing more. Returns how many are open. */
size_t desk_take(struct desk *d);
/* One round: takes, and answers as mode says. */
void desk_round(struct desk *d);
void desk_answer(struct desk *d, size_t i);

/* Are two stores equal in names and bytes? */
bool same_store(const struct memory_store *a, const struct memory_store *b);

/* call again and again until it is not E_AGAIN. mem (NULL: none) must not have changed at E_AGAIN.
 */
typedef envelope_status (*asking_call)(void *user, envelope_error *err);
envelope_status drive(struct desk *const *desks, size_t count, const struct memory_store *mem,
                      asking_call call, void *user, envelope_error *err);

#define MUST(call) must_ok((call), &err, #call, __FILE__, __LINE__)
void must_ok(envelope_status st, const envelope_error *err, const char *call, const char *file,
             int line);
#endif

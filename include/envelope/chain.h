/* envelope/chain.h - restore points under keys that rotate: write, list, read, keep. */
#ifndef ENVELOPE_CHAIN_H
#define ENVELOPE_CHAIN_H
#include <envelope/keyring.h>
#include <envelope/store.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Threads: share it freely. Any number of readers; one writer at a time (E_BUSY). Writers in other
 * processes are put in order when they commit: a point's number is known then, not before. */
typedef struct envelope_chain envelope_chain;

/* chain_options.on_outage: no KMS answers when opening to write */
enum {
    ENVELOPE_OUTAGE_FAIL = 1,  /* default: nothing is written */
    ENVELOPE_OUTAGE_DETACH = 2 /* not built yet: E_UNSUPPORTED */
};
enum {
    ENVELOPE_CHAIN_READONLY = 1u << 0,
    /* a writer beside another one, of this host or of another: harmless, but else E_BUSY, naming it
     */
    ENVELOPE_CHAIN_SIBLINGS = 1u << 1
};

typedef struct envelope_chain_options {
    size_t size;
    uint32_t flags;
    int32_t on_outage;
    /* Public: it stands in the repository. NULL: the only chain there; to create, "default". */
    const char *name;
    const uint8_t *chain_id; /* 32 bytes; NULL: by name */
    const void *pin;         /* what this host remembered, see envelope_chain_pin; NULL: nothing */
    size_t pin_len;
    /* Called after metadata with a new generation is durable and before that generation is used,
     * and before a point gets its final name; a failure fails the call. NULL: remembered in this
     * handle only. */
    envelope_status (*save_pin)(void *user, const void *pin, size_t len, envelope_error *err);
    void *user;
    uint64_t
        policy_serial; /* 0: 1; raise it whenever recipients change by name, or a password does */
    uint32_t pin_max_days; /* for OUTAGE_DETACH */
    uint32_t reserved;
} envelope_chain_options;

/* Which chain a name means (NULL: the only one there), as the headers claim: no key is needed and
 * nothing is proven. chain_id gets 32 bytes. E_NOT_FOUND: none of that name; E_INVALID: several,
 * and the message names them. */
ENVELOPE_TRY envelope_status envelope_chain_find(envelope_store *store, const char *name,
                                                 uint8_t *chain_id, envelope_error *err);
/* [kms] Recipients are what the keyring wraps for. E_EXISTS. */
ENVELOPE_TRY envelope_status envelope_chain_create(envelope_store *store, envelope_keyring *keyring,
                                                   const envelope_chain_options *options,
                                                   envelope_chain **out, envelope_error *err);
/* [kms] One unwrap with a pin; without, one for each metadata object. Serial and names of what the
 * keyring wraps for are compared with the newest metadata when something is written (E_REFUSED),
 * never for reading. Older than the pin: an event; writing is E_ROLLBACK. NULL options: the only
 * chain there. */
ENVELOPE_TRY envelope_status envelope_chain_open(envelope_store *store, envelope_keyring *keyring,
                                                 const envelope_chain_options *options,
                                                 envelope_chain **out, envelope_error *err);
ENVELOPE_API void envelope_chain_free(envelope_chain *chain);
/* 1: no pin, so the chain is the one that the repository shows. */
ENVELOPE_API int32_t envelope_chain_is_provisional(const envelope_chain *chain);
ENVELOPE_API const uint8_t *envelope_chain_id(const envelope_chain *chain); /* 32 bytes */

/* [kms] Ask for the newest keys; seal the metadata anew if one changed; list what this host wrote
 * and could not list; clean up after a crash. Opens no point that is listed. *rotated: how many
 * keys changed. */
enum { ENVELOPE_REFRESH_NEW_GENERATION = 1u << 0 }; /* also when nothing changed */
ENVELOPE_TRY envelope_status envelope_chain_refresh(envelope_chain *chain, uint32_t flags,
                                                    uint32_t *rotated, envelope_error *err);

/* What a host remembers between runs to see a rollback, to go on in a generation instead of drawing
 * a new one, and to work through an outage: newest public keys, generation, newest metadata, points
 * not listed yet. Not a secret; not needed to recover. Keep it 0600, outside the repository; saved
 * by save_pin, readable here. */
#define ENVELOPE_PIN_MAX 65536u
ENVELOPE_TRY envelope_status envelope_chain_pin(const envelope_chain *chain, void *buf, size_t cap,
                                                size_t *len, envelope_error *err);

/* -- points */
/* AUTO, of an image: an increment where there is a listed image to stand on, whole, of blocks of
 * the same size, fewer than full_every points above its full; else a full. Of a stream: a full. */
enum { ENVELOPE_FULL = 1, ENVELOPE_INCREMENT = 2, ENVELOPE_AUTO = 3 };
enum {
    ENVELOPE_STREAM = 1, /* bytes, as they come; an increment's bytes mean what you say */
    ENVELOPE_IMAGE = 2   /* a disk: zero blocks and blocks equal to the parent's are not stored */
};
enum {
    ENVELOPE_POINT_DETACHED = 1u << 0,
    ENVELOPE_POINT_UNREADABLE = 1u << 1, /* listed, but its object is missing or short */
    ENVELOPE_POINT_UNLISTED = 1u << 2,   /* authentic, not in the catalogue yet */
    ENVELOPE_POINT_LATE = 1u << 3,       /* a recipient was removed while it was written */
    ENVELOPE_POINT_UNVERIFIED = 1u << 4  /* nothing proves who made it */
};

typedef struct envelope_point {
    size_t size;
    uint64_t number; /* 1, 2, 3 ...: its name for ever, also when others are forgotten */
    uint64_t parent; /* 0: none */
    int32_t kind;
    int32_t content;
    uint32_t flags;
    uint32_t reserved;
    uint64_t bytes;        /* as read back */
    uint64_t stored_bytes; /* in the store */
    int64_t begun_ms;
    int64_t ended_ms;
    const char *label;
    const char *object;          /* name in the store */
    const envelope_key_ref *key; /* the first of envelope_points_key */
} envelope_point;

/* The points as of this moment. Immutable. Threads: share it freely. */
typedef struct envelope_points envelope_points;
ENVELOPE_TRY envelope_status envelope_chain_points(const envelope_chain *chain,
                                                   envelope_points **out, envelope_error *err);
ENVELOPE_API size_t envelope_points_count(const envelope_points *points);
ENVELOPE_API const envelope_point *envelope_points_at(const envelope_points *points, size_t i);
/* NULL: not set. */
ENVELOPE_API const void *envelope_points_attribute(const envelope_points *points, size_t i,
                                                   const char *name, size_t *len);
/* The keys that a point was sealed for. */
ENVELOPE_API size_t envelope_points_key_count(const envelope_points *points, size_t i);
ENVELOPE_API const envelope_key_ref *envelope_points_key(const envelope_points *points, size_t i,
                                                         size_t k);
ENVELOPE_API void envelope_points_free(envelope_points *points);

/* Which key versions the chain still needs, and for how many points. */
ENVELOPE_TRY envelope_status envelope_chain_keys(const envelope_chain *chain,
                                                 envelope_key_list **out, envelope_error *err);

/* -- write. [kms] at writer_new, which asks for the newest keys as refresh does, and at commit when
 * the catalogue is written. The point is durable before commit asks: from then on E_AGAIN means
 * "safe, not listed yet"; the same call goes on, and freeing the writer leaves the point to the
 * next run. Another failure to write the catalogue is an event, and the next run lists the point.
 * Threads: one at a time. */
typedef struct envelope_writer envelope_writer;

enum { ENVELOPE_POINT_LENT = 1u << 0 }; /* point_options.flags: see envelope_writer_lend */
typedef struct envelope_point_options {
    size_t size;
    int32_t kind;    /* 0: AUTO */
    int32_t content; /* 0: STREAM */
    const char *label;
    uint32_t full_every; /* AUTO: a full when the parent has so many points below it; 0: 30 */
    uint32_t block_log2; /* IMAGE: 12 to 20; 0: 16, blocks of 64 KiB */
    uint32_t flags;
    uint32_t reserved;
} envelope_point_options;

ENVELOPE_TRY envelope_status envelope_writer_new(envelope_chain *chain,
                                                 const envelope_point_options *options,
                                                 envelope_writer **out, envelope_error *err);
ENVELOPE_TRY envelope_status envelope_writer_write(envelope_writer *writer, const void *data,
                                                   size_t len, envelope_error *err);
enum { ENVELOPE_ZERO = 1, ENVELOPE_UNCHANGED = 2 };
/* IMAGE: the next len bytes are a hole, or known equal to the parent's (changed block tracking):
 * not read, not hashed. UNCHANGED is E_REFUSED where envelope_writer_must_read says 1, and E_RANGE
 * beyond the parent's end; then nothing was done, and the bytes can be given. */
ENVELOPE_TRY envelope_status envelope_writer_skip(envelope_writer *writer, uint64_t len,
                                                  int32_t what, envelope_error *err);
/* IMAGE: 1 if every block must be given, because there is no parent, or it is not of this point's
 * generation. */
ENVELOPE_API int32_t envelope_writer_must_read(const envelope_writer *writer);
/* With POINT_LENT: a thread of yours for sealing and writing, while write, skip and commit, called
 * by another one, only test, hash and compare. Returns when the point's last byte was written, or
 * with the failure that the others get as well; write waits when nobody was lent. Join it before
 * you free the writer; where you give up before commit, cancel first. */
ENVELOPE_TRY envelope_status envelope_writer_lend(envelope_writer *writer, envelope_error *err);
/* Any thread: what is under way ends with E_CANCELLED; then free the writer. */
ENVELOPE_API void envelope_writer_cancel(envelope_writer *writer);
/* Sealed in the footer; any time before commit, so totals can be told. Together at most 8 KiB. */
ENVELOPE_TRY envelope_status envelope_writer_set(envelope_writer *writer, const char *name,
                                                 const void *value, size_t len,
                                                 envelope_error *err);
/* Durable when it returns. Then free the writer. */
ENVELOPE_TRY envelope_status envelope_writer_commit(envelope_writer *writer, uint64_t *number,
                                                    envelope_error *err);
/* Not committed: nothing was written. */
ENVELOPE_API void envelope_writer_free(envelope_writer *writer);

/* -- read. Threads: share it freely. */
typedef struct envelope_reader envelope_reader;
/* number 0: the newest. An image reads as it was then, whatever points its blocks lie in. */
ENVELOPE_TRY envelope_status envelope_reader_new(envelope_chain *chain, uint64_t number,
                                                 envelope_reader **out, envelope_error *err);
ENVELOPE_API uint64_t envelope_reader_bytes(const envelope_reader *reader);
/* *got < len only at the end. Verified before it is given out. */
ENVELOPE_TRY envelope_status envelope_reader_pread(envelope_reader *reader, uint64_t offset,
                                                   void *buf, size_t len, size_t *got,
                                                   envelope_error *err);
/* How far from offset the content is of one sort: *zero 1 for a hole. What follows may be of the
 * same sort: ask again from there. For sparse restores. *len 0: at the end. */
ENVELOPE_TRY envelope_status envelope_reader_extent(envelope_reader *reader, uint64_t offset,
                                                    uint64_t *len, int32_t *zero,
                                                    envelope_error *err);
ENVELOPE_API void envelope_reader_free(envelope_reader *reader);

/* -- keep */
/* REPAIR: a header copy that is damaged, altered or older than its twin is written anew from the
 * twin, and a damaged tail from the catalogue; each is told as an event (REPAIRED, OK) and is no
 * finding then. Only the wrong copy is touched, and only where the object's DEK proves which that
 * is, so a call that is cut off loses nothing. The chain must not be open read only. */
enum { ENVELOPE_VERIFY_HEADERS_ONLY = 1u << 0, ENVELOPE_VERIFY_REPAIR = 1u << 1 };
typedef struct envelope_verify_options {
    size_t size;
    uint32_t flags;
    uint32_t reserved;
    uint64_t point;          /* 0: all */
    envelope_event_fn event; /* each thing found */
    envelope_progress_fn progress;
    void *user;
} envelope_verify_options;
/* [kms] Goes on after damage; the worst status is returned, also where the other copy served. */
ENVELOPE_TRY envelope_status envelope_chain_verify(envelope_chain *chain,
                                                   const envelope_verify_options *options,
                                                   envelope_error *err);
/* [kms] All or nothing: E_REFUSED if a point that stays needs one that goes, E_NOT_FOUND: there
 * never was such a point. The catalogue forgets them first; then their objects are removed, but for
 * those that a write under way may inherit from: these wait for the next forget or refresh. Both
 * are told as events (FORGOTTEN) and summed up in bytes; freed and waiting may be NULL. */
ENVELOPE_TRY envelope_status envelope_chain_forget(envelope_chain *chain, const uint64_t *numbers,
                                                   size_t count, uint64_t *freed, uint64_t *waiting,
                                                   envelope_error *err);
#ifdef __cplusplus
}
#endif
#endif

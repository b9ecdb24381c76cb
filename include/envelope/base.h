/* envelope/base.h - status, error, events, context: what every other header stands on.
 *
 * Rules that hold everywhere, said once:
 * - What comes through `**out` is yours: its _free takes NULL, wipes, and may come in any order,
 *   because handles keep what they stand on alive. What a getter returns is borrowed from the
 *   handle it was asked of.
 * - A struct you fill: zero it, set `size` to its sizeof; 0 in a member means the default; NULL
 *   for the struct means all defaults. E_INVALID: size 0, size above 4096, a nonzero byte in a
 *   tail that this library does not know, an unknown flag bit, an unknown constant.
 * - A struct you are given (const T *) is the library's; before you read a member newer than 0.1,
 *   ask ENVELOPE_HAS. Expect values and event kinds that you do not know.
 * - Text in is UTF-8, NUL-terminated, copied. Bytes in are pointer and length, used up on return.
 * - (buf, cap, *len): *len is what was written or, with E_RANGE, what is needed; then nothing
 *   has happened.
 * - On failure *out is NULL, output buffers are wiped, inputs untouched, the repository as it was.
 * - Offsets, sizes and counts on disk are uint64_t, in memory size_t; times are int64_t ms since
 *   1970 UTC.
 * - Your callbacks run in the calling thread with no lock of ours held. They must not throw,
 *   longjmp, or free the handle in use. One that returns OK and has not delivered (a key, a
 *   length) has failed: some languages return 0 when your code raised.
 * - The library makes no thread, reads no environment variable (OpenSSL's own reading of
 *   OPENSSL_CONF apart, which envelope_ctx_new may be the first to cause: for another file, or
 *   none, call OPENSSL_init_crypto before), raises no signal, and leaves your OpenSSL error queue
 *   as it was. After fork() the child may exec, _exit, and _free: every other call is E_INVALID. */
#ifndef ENVELOPE_BASE_H
#define ENVELOPE_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ENVELOPE_API __attribute__((visibility("default")))
#define ENVELOPE_TRY __attribute__((visibility("default"), warn_unused_result))
#else
#define ENVELOPE_API
#define ENVELOPE_TRY
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Does this library-owned struct reach as far as member? 1 or 0. */
#define ENVELOPE_HAS(ptr, member)                                                                  \
    ((ptr)->size >= (size_t)((const char *)(&(ptr)->member + 1) - (const char *)(ptr)))

/* Chosen by what you would do next. Frozen, only appended to: an unknown negative is a failure. */
typedef int32_t envelope_status;
enum {
    ENVELOPE_OK = 0,
    ENVELOPE_E_INVALID = -1,  /* mend the calling code */
    ENVELOPE_E_NOMEM = -2,    /* memory, or the locked arena: ctx_options.locked_kib */
    ENVELOPE_E_RANGE = -3,    /* give a larger buffer: *len says how large */
    ENVELOPE_E_LIMIT = -4,    /* a documented limit was passed */
    ENVELOPE_E_FORMAT = -5,   /* damaged: not what the format allows */
    ENVELOPE_E_AUTH = -6,     /* altered, or not made by who it says; one message for every cause */
    ENVELOPE_E_ROLLBACK = -7, /* whole and genuine, but older than what is known to exist */
    ENVELOPE_E_UNSUPPORTED = -8,    /* a newer format, or a part left out of this build */
    ENVELOPE_E_NO_KEY = -9,         /* no key at hand opens it: see the survey (recovery.h) */
    ENVELOPE_E_REFUSED = -10,       /* a policy said no: the keyring's, the chain's, or the KMS's */
    ENVELOPE_E_KMS_UNREACHED = -11, /* no answer in time: retry, or another endpoint */
    ENVELOPE_E_AGAIN = -12,         /* not finished: make the same call again */
    ENVELOPE_E_BUSY = -13,          /* somebody else writes to this chain */
    ENVELOPE_E_EXISTS = -14,
    ENVELOPE_E_NOT_FOUND = -15, /* no such chain, point, key name or file */
    ENVELOPE_E_IO = -16,        /* the store or a file: native is errno */
    ENVELOPE_E_CRYPTO = -17,    /* OpenSSL or libsodium failed for reasons of its own */
    ENVELOPE_E_CANCELLED = -18, /* your progress callback said stop */
    ENVELOPE_E_CALLBACK = -19,  /* your callback failed, or returned OK and delivered nothing */
    ENVELOPE_E_NO_SPACE = -20   /* the store is full: free what the message says, then again */
};

/* what envelope_error.native means */
enum {
    ENVELOPE_ORIGIN_NONE = 0,
    ENVELOPE_ORIGIN_ERRNO = 1,
    ENVELOPE_ORIGIN_OPENSSL = 2, /* ERR_get_error() */
    ENVELOPE_ORIGIN_KMIP = 3,    /* Result Reason */
    ENVELOPE_ORIGIN_PKCS11 = 4,  /* CK_RV */
    ENVELOPE_ORIGIN_CALLER = 5   /* your callback's own */
};

/* Yours, on the stack, never freed; NULL is allowed everywhere. Written only when a call fails; no
 * secrets. */
typedef struct envelope_error {
    size_t size; /* 0 is taken as this first layout */
    envelope_status status;
    int32_t origin;
    int64_t native;
    /* One line, cut at a character, always terminated: what, which object, which key, what now. */
    char message[512];
} envelope_error;
/* clang-format off */
#define ENVELOPE_ERROR_INIT {sizeof(envelope_error), 0, 0, 0, {0}}
/* clang-format on */

/* For your callbacks: fills err, if any, and returns status: `return envelope_error_set(...)`. */
ENVELOPE_API envelope_status envelope_error_set(envelope_error *err, envelope_status status,
                                                int64_t native, const char *message);

/* Something an auditor or a verifier wants to know. Borrowed for the length of the callback. */
struct envelope_key_ref;
enum {
    ENVELOPE_EVENT_WRAP = 1,       /* a slot was made */
    ENVELOPE_EVENT_UNWRAP = 2,     /* a slot was tried: status says how it went, slot which one */
    ENVELOPE_EVENT_EXPORT = 3,     /* a private key left its KMS */
    ENVELOPE_EVENT_ROTATED = 4,    /* key is new, old_key was the last seen */
    ENVELOPE_EVENT_REFUSED = 5,    /* a policy said no */
    ENVELOPE_EVENT_DETACHED = 6,   /* a point was written without opening metadata */
    ENVELOPE_EVENT_DAMAGED = 7,    /* bytes do not verify */
    ENVELOPE_EVENT_REPAIRED = 8,   /* served or rewritten from the other copy */
    ENVELOPE_EVENT_ROLLBACK = 9,   /* older than known */
    ENVELOPE_EVENT_MISPLACED = 10, /* genuine, but belongs elsewhere: moved, swapped */
    ENVELOPE_EVENT_FORGED = 11,    /* sealed for this key by somebody who does not know the chain */
    ENVELOPE_EVENT_FORK = 12,      /* two histories of one chain; message names both */
    ENVELOPE_EVENT_LATE = 13,      /* a recipient was removed while this point was written */
    ENVELOPE_EVENT_FORGOTTEN = 14  /* a forgotten point's object was removed, or waits */
};
typedef struct envelope_event {
    size_t size;
    int32_t kind;
    envelope_status status;
    int64_t time_ms;
    const char *object; /* name in the store, or NULL */
    uint64_t point;     /* 0: none */
    uint64_t offset;    /* first byte concerned, in the object */
    int32_t slot;       /* -1: none */
    int32_t reserved;
    const struct envelope_key_ref *key;     /* NULL: none */
    const struct envelope_key_ref *old_key; /* NULL: none */
    const char *message;
} envelope_event;
typedef void (*envelope_event_fn)(void *user, const envelope_event *event);

/* Called a few times a second in long walks; nonzero stops them with E_CANCELLED. total 0: not
 * known. */
typedef int32_t (*envelope_progress_fn)(void *user, uint64_t done, uint64_t total);

/* Allocator, OpenSSL library context, locked memory. Threads: share it freely. One per process, not
 * per file: it costs about 3 ms and 0.5 MiB, and locks locked_kib of an RLIMIT_MEMLOCK that may be
 * 64 KiB. */
typedef struct envelope_ctx envelope_ctx;

enum { ENVELOPE_CTX_REQUIRE_MLOCK = 1u << 0 }; /* else: logged once, and readable below */

typedef struct envelope_ctx_options {
    size_t size;
    uint32_t flags;
    uint32_t locked_kib; /* 0: 256; a live DEK, chain or payload takes 64 to 2048 bytes of it */
    const char *engine;  /* NULL: the fastest that passes its self-test; "openssl" */
    const char *openssl_propq;  /* for example "fips=yes"; leaves OpenSSL the only engine */
    const char *openssl_config; /* file; NULL: none is read */
    /* Both or neither; not used by OpenSSL, nor for secrets. */
    void *(*alloc)(void *user, size_t size);
    void (*release)(void *user, void *p);
    /* level as in syslog: 3 error, 4 warning, 6 information, 7 debug. */
    void (*log)(void *user, int32_t level, const char *line);
    envelope_event_fn audit;
    void *user; /* handed to all four; must outlive the last handle */
} envelope_ctx_options;

typedef struct envelope_ctx_info {
    size_t size;
    const char *version; /* of the library that runs, "0.1.0" */
    const char *engine;
    const char *openssl;
    int32_t memory_locked; /* 1 or 0 */
    uint32_t locked_kib;
} envelope_ctx_info;

ENVELOPE_TRY envelope_status envelope_ctx_new(const envelope_ctx_options *options,
                                              envelope_ctx **out, envelope_error *err);
ENVELOPE_API const envelope_ctx_info *envelope_ctx_describe(const envelope_ctx *ctx);
ENVELOPE_API void envelope_ctx_free(envelope_ctx *ctx);

ENVELOPE_API uint32_t envelope_version(void); /* 0x00MMmmpp; the first thing a binding calls */
ENVELOPE_API const char *envelope_status_name(envelope_status status); /* "E_NO_KEY"; never NULL */

#ifdef __cplusplus
}
#endif
#endif

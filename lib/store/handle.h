/* store/handle.h - the handle itself, for this room. */
#ifndef ENV_STORE_HANDLE_H
#define ENV_STORE_HANDLE_H
#include "store/store.h"

enum { ENV_STORE_NAME_MAX = 200 };

struct envelope_store {
    atomic_uint refs;
    bool own; /* the table is ours: its statuses and errors are passed on as they are */
    envelope_ctx *ctx;
    envelope_store_ops ops;
    void *self;
    char kind[64];
};

/* envelope_store_new for a table of ours. */
envelope_status env_store_new_own(envelope_ctx *ctx, const envelope_store_ops *ops, void *self,
                                  envelope_store **out, envelope_error *err);

/* A name from within the library; E_INVALID. */
envelope_status env_store_check_name(const char *name, envelope_error *err);

/* What a callback that failed returned and said, as a failure of ours. */
envelope_status env_store_failed(const envelope_store *store, const char *call, envelope_status st,
                                 envelope_error *said, envelope_error *err);
/* A callback returned OK and has not done its part. */
envelope_status env_store_no_deed(const envelope_store *store, const char *call, const char *what,
                                  envelope_error *err);
/* A member of the table that is NULL. */
envelope_status env_store_not_offered(const envelope_store *store, const char *what,
                                      envelope_error *err);
#endif

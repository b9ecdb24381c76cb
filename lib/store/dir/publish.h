/* store/dir/publish.h - giving a written file its name: exclusively, and never by a plain rename,
 * which replaces. */
#ifndef ENV_STORE_DIR_PUBLISH_H
#define ENV_STORE_DIR_PUBLISH_H
#include "store/dir/dir.h"

struct env_publish {
    int tmp;
    const char *temp; /* name in tmp */
    int fd;           /* the file, synced */
    int folder;
    const char *name; /* of the object */
};
/* OK: it is there, and durable. E_EXISTS: another one is, and that is durable. Else there is none
 * by this writer. The name in tmp may be gone or not. */
envelope_status env_publish(const struct env_publish *p, envelope_error *err);
#endif

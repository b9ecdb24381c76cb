/* tools/secretfile.h - passphrases, passwords and private keys: in memory that is locked where the
 * system allows it, kept out of core files, wiped at the end. */
#ifndef ENVELOPE_TOOLS_SECRETFILE_H
#define ENVELOPE_TOOLS_SECRETFILE_H
#include "report.h"

struct secret {
    char *bytes; /* NULL: none */
    size_t len;
    size_t room;
};
/* Room for a secret of at most room bytes; false: errno. */
bool secret_new(struct secret *secret, size_t room);
void secret_free(struct secret *secret);

enum { SECRET_LINE_MAX = 4096, SECRET_KEY_MAX = 65536 };
/* The first line without its line end. Refused: empty, or a file that others can read. On failure
 * says so (where: the configuration's file and line, or NULL) and returns the status to end with.
 */
int secret_read_line(struct report *report, const char *path, const char *where,
                     struct secret *out);
/* The whole file, for a private key. */
int secret_read_file(struct report *report, const char *path, struct secret *out);
/* Is it there, to be read by somebody else later? private: refused when others can read it. */
int secret_check_file(struct report *report, const char *path, const char *where, bool private);
/* A file that is no secret (a public key), at most room bytes; *out from the pool. */
int plain_read_file(struct report *report, const char *path, const char *where, size_t room,
                    const char **out, size_t *len);
#endif

#include "base/error.h"
#include "chain/metadata.h"

static const char readme[] =
    "This is a repository of encrypted restore points, made by libenvelope.\n"
    "\n"
    "What lies here can be read with the repository and the right keys alone; no database and no\n"
    "other file of the host that wrote it is needed. To learn which keys those are:\n"
    "    envelope keys REPOSITORY\n"
    "To get a point back with a private key that was exported from its key management server:\n"
    "    envelope restore REPOSITORY --key-file PRIVATE.pem -o OUTPUT\n"
    "Copy the whole folder of a chain to move it. Do not change, rename or remove single files.\n";

envelope_status env_put_readme(envelope_chain *chain, envelope_error *err)
{
    struct env_store_writer w;
    envelope_status st = env_store_create(chain->store, "README.txt", sizeof readme, &w, err);
    if (!st) {
        st = env_store_write(&w, readme, sizeof readme - 1, err);
        if (st) {
            env_store_abort(&w);
            return st;
        }
        st = env_store_finish(&w, err);
    }
    return st == ENVELOPE_E_EXISTS ? ENVELOPE_OK : st;
}

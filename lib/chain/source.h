/* chain/source.h - a point opened for reading: by its headers, by the twin copy, or by the
 * catalogue alone when both headers are dead. */
#ifndef ENV_CHAIN_SOURCE_H
#define ENV_CHAIN_SOURCE_H
#include "chain/points.h"

/* Names of the files in points/, by object id. */
struct env_files {
    struct env_names names;
    size_t count;
    struct env_file_ref *item; /* sorted by object id */
};
struct env_file_ref {
    uint8_t object_id[ENV_OBJECT_ID_BYTES];
    const struct env_name *name; /* borrowed from names */
};
envelope_status env_files_list(envelope_chain *chain, struct env_files *out, envelope_error *err);
/* NULL: no file's name bears this id. */
const struct env_name *env_files_find(const struct env_files *files,
                                      const uint8_t object_id[ENV_OBJECT_ID_BYTES]);
void env_files_free(envelope_chain *chain, struct env_files *files);

enum { ENV_SERVED_WHOLE = 0, ENV_SERVED_TWIN = 1, ENV_SERVED_CATALOGUE = 2 };

struct env_source {
    envelope_ctx *ctx;
    char *name;
    struct env_store_file file;
    struct env_payload_reader *payload;
    struct env_footer footer;
    struct env_payload_place place;
    int32_t served;          /* ENV_SERVED_* */
    int32_t copy[2];         /* ENV_COPY_* of the header copies, as far as known */
    char why[200];           /* what is wrong with the headers, if anything */
    bool replaced;           /* a copy verified, and its LINK is another */
    envelope_status headers; /* OK, E_FORMAT or E_AUTH */
    const char *part;        /* where it failed, as events of verify name it */
};
/* A listed point. files: where it is looked for if it has not the name that its writer gave it;
 * NULL: they are listed then. E_NOT_FOUND: no file has it; E_FORMAT, E_AUTH: neither headers nor
 * catalogue serve. */
envelope_status env_source_listed(envelope_chain *chain, const struct env_catalogue *catalogue,
                                  size_t row, const struct env_files *files, struct env_source *out,
                                  envelope_error *err);
/* One that is not listed. */
envelope_status env_source_extra(envelope_chain *chain, const struct env_extra *extra,
                                 const envelope_dek *dek, struct env_source *out,
                                 envelope_error *err);
/* Point i of a view, whichever it is. */
envelope_status env_source_of_view(envelope_chain *chain, const struct env_view *view, size_t i,
                                   const struct env_files *files, struct env_source *out,
                                   envelope_error *err);
void env_source_close(struct env_source *source);
#endif

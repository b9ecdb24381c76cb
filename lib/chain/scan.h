/* chain/scan.h - what lies in a chain's folder, as the headers claim. */
#ifndef ENV_CHAIN_SCAN_H
#define ENV_CHAIN_SCAN_H
#include "chain/chain.h"
#include "object/headers.h"

/* What a header claims of a number or a generation is believed only so far above what is known. */
enum { ENV_CLAIMS_AHEAD = 1000 };

/* One object whose headers were read. */
struct env_seen {
    char *name;
    uint64_t bytes;
    envelope_status status; /* OK; E_FORMAT, E_AUTH, E_UNSUPPORTED, E_IO: id and link say nothing */
    bool in_meta;
    struct env_id id;
    uint8_t link[ENV_LINK_BYTES];
};
struct env_seen_list {
    envelope_ctx *ctx;
    size_t count;
    size_t room;
    struct env_seen *item;
};
void env_seen_free(struct env_seen_list *list);

/* Headers of one object; the file stays open until env_opened_close. */
struct env_opened {
    struct env_store_file file;
    struct env_headers *headers; /* NULL when status is not OK */
};
envelope_status env_headers_open(envelope_store *store, const char *name, struct env_opened *out,
                                 envelope_error *err);
void env_opened_close(struct env_opened *opened);

/* meta/ and the keys copies: every header is read. Objects of another chain are told (MISPLACED)
 * and left out; damaged ones are told (DAMAGED) and kept with their status. */
envelope_status env_scan_metadata(envelope_chain *chain, const struct env_listener *events,
                                  struct env_seen_list *out, envelope_error *err);
/* points/ without keys copies: only objects that the catalogue (NULL: none) does not list by the
 * object id in their name are opened. present (NULL, or one byte a row) is set to 1 for rows whose
 * file is there with the length recorded, 2 for another length. */
envelope_status env_scan_points(envelope_chain *chain, const struct env_catalogue *catalogue,
                                const struct env_listener *events, uint8_t *present,
                                struct env_seen_list *out, envelope_error *err);
#endif

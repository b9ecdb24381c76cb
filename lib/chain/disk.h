/* chain/disk.h - a point of content image opened: its own payload, and the objects that its blocks
 * lie in, found by LINK and opened by the catalogue's rows, or, without metadata, by the DEKs that
 * the point's own box carries. */
#ifndef ENV_CHAIN_DISK_H
#define ENV_CHAIN_DISK_H
#include "chain/points.h"
#include "chain/source.h"
#include "image/image.h"

struct env_disk;
struct env_disk_point {
    struct env_catalogue *catalogue; /* retained; may be NULL */
    const struct env_row *row;       /* copied */
    const envelope_dek *dek;
    const struct env_source *source; /* of the point; must outlive the disk */
};
/* No object but the point itself is opened. E_FORMAT, E_AUTH. */
envelope_status env_disk_open(envelope_chain *chain, const struct env_disk_point *point,
                              struct env_disk **out, envelope_error *err);
/* The same for a point of a view; source is that point's. */
envelope_status env_disk_of_view(envelope_chain *chain, const struct env_view *view, size_t i,
                                 const struct env_source *source, struct env_disk **out,
                                 envelope_error *err);
struct env_image *env_disk_image(const struct env_disk *disk);
/* Of the object that fault.object names, for messages: its LINK where no catalogue lists it.
 * Borrowed. */
const char *env_disk_object_name(const struct env_disk *disk, size_t object,
                                 char out[ENV_NAME_MAX + 1]);
/* Key of the point's block hashes; out in the arena. */
envelope_status env_disk_hash_key(struct env_disk *disk, uint8_t out[32], envelope_error *err);
void env_disk_close(struct env_disk *disk);
#endif

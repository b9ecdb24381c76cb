/* What a catalogue lists, by number, object and LINK; and what it remembers of what it does not
 * list any more. */
#include "chain/catalogue_parts.h"
#include <string.h>

static const uint8_t *id_of_row(const void *catalogue, size_t i)
{
    return ((const struct env_catalogue *)catalogue)->rows[i].object_id;
}

/* The front of a LINK is as good as all of it: it is a hash. */
static const uint8_t *link_of_row(const void *catalogue, size_t i)
{
    return ((const struct env_catalogue *)catalogue)->rows[i].link;
}

static const uint8_t *id_of_stone(const void *catalogue, size_t i)
{
    return ((const struct env_catalogue *)catalogue)->head.tombstones[i].object_id;
}

envelope_status env_catalogue_index(struct env_catalogue *c, envelope_error *err)
{
    const struct env_head *head = &c->head;
    envelope_status st = env_lookup_extend(c->ctx, &c->by_object, c, c->row_count, id_of_row, err);
    st = st ? st : env_lookup_extend(c->ctx, &c->by_link, c, c->row_count, link_of_row, err);
    for (size_t i = c->by_stone.used; !st && i < head->tombstone_count; i++) {
        uint64_t number = head->tombstones[i].number;
        c->forgotten = number > c->forgotten ? number : c->forgotten;
    }
    return st ? st
              : env_lookup_extend(c->ctx, &c->by_stone, c, head->tombstone_count, id_of_stone, err);
}

size_t env_catalogue_find_object(const struct env_catalogue *c,
                                 const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    return env_lookup_find(&c->by_object, c, id_of_row, object_id);
}

size_t env_catalogue_find_link(const struct env_catalogue *c, const uint8_t link[ENV_LINK_BYTES])
{
    size_t i = env_lookup_find(&c->by_link, c, link_of_row, link);
    return i == SIZE_MAX || memcmp(c->rows[i].link, link, ENV_LINK_BYTES) != 0 ? SIZE_MAX : i;
}

size_t env_catalogue_find_number(const struct env_catalogue *c, uint64_t number)
{
    size_t low = 0;
    size_t high = c->row_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->rows[mid].number == number) {
            return mid;
        }
        if (c->rows[mid].number > number) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    return SIZE_MAX;
}

const struct env_tombstone *env_catalogue_tombstone(const struct env_catalogue *c,
                                                    const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    size_t i = env_lookup_find(&c->by_stone, c, id_of_stone, object_id);
    return i == SIZE_MAX ? NULL : &c->head.tombstones[i];
}

bool env_catalogue_tombstoned(const struct env_catalogue *c,
                              const uint8_t object_id[ENV_OBJECT_ID_BYTES])
{
    return env_catalogue_tombstone(c, object_id) != NULL;
}

uint64_t env_catalogue_next_number(const struct env_catalogue *c)
{
    uint64_t last = c->row_count ? c->rows[c->row_count - 1].number : 0;
    return 1 + (last > c->forgotten ? last : c->forgotten);
}

bool env_catalogue_descends(const struct env_catalogue *c, uint64_t number,
                            const uint8_t link[ENV_LINK_BYTES])
{
    if (c->id.number == number && !memcmp(c->link, link, ENV_LINK_BYTES)) {
        return true;
    }
    for (size_t i = 0; i < c->head.past_count; i++) {
        const struct env_past *p = &c->head.past[i];
        if (p->number == number && !memcmp(p->link, link, ENV_LINK_BYTES)) {
            return true;
        }
    }
    return false;
}

/* crypto.md, section 3: what an increment names is a point of this chain. So parents are listed
 * before their children, and what has none here is not listed. */
#include "base/error.h"
#include "chain/listing.h"
#include <string.h>

enum standing { STANDING_NEW, STANDING_ASKED, STANDING_PLACED, STANDING_LOST };
struct order {
    const envelope_chain *chain;
    const struct env_listing *how;
    const struct env_extras *extras;
    uint8_t *standing; /* of each */
    size_t *path;      /* from a point up to where that is known */
    size_t *placed;
    size_t count;
};

static bool stands_alone(const struct order *o, const struct env_extra *extra)
{
    return extra->row.kind == ENV_KIND_FULL ||
           env_catalogue_find_link(o->how->base, extra->parent) != SIZE_MAX ||
           env_is_pending(o->chain, extra->row.link);
}

/* Up to an ancestor of which it is known whether it has a place, then down again: each point is
 * asked once, and no depth takes the stack. */
static void place(struct order *o, size_t i)
{
    size_t n = 0;
    bool ready = false;
    while (i != SIZE_MAX && !ready && o->standing[i] == STANDING_NEW) {
        const struct env_extra *extra = &o->extras->item[i];
        o->standing[i] = STANDING_ASKED;
        o->path[n++] = i;
        ready = stands_alone(o, extra);
        i = ready ? i : env_extras_find(o->extras, extra->parent);
    }
    ready = ready || (i != SIZE_MAX && o->standing[i] == STANDING_PLACED);
    while (n) {
        i = o->path[--n];
        o->standing[i] = ready ? STANDING_PLACED : STANDING_LOST;
        if (ready) {
            o->placed[o->count++] = i;
        }
    }
}

/* On the point that the caller is about to list. Who made it has seen that listed: there is newer
 * metadata than what is in hand, and the caller will find its number taken and look again. */
static bool on_own(const struct order *o, const struct env_extra *extra)
{
    const uint8_t *own = o->how->skip_link;
    return own && !memcmp(own, extra->parent, ENV_LINK_BYTES);
}

static void tell_lost(const struct order *o, const struct env_listener *events)
{
    for (size_t i = 0; i < o->extras->count; i++) {
        const struct env_extra *extra = &o->extras->item[i];
        const char *name = extra->name;
        const struct env_subject subject = {.object = name};
        if (o->standing[i] == STANDING_LOST && !on_own(o, extra)) {
            env_emit(events, ENVELOPE_EVENT_MISPLACED, ENVELOPE_E_NOT_FOUND, &subject,
                     "%s: an increment of a point that is not here: not listed by itself", name);
        }
    }
}

envelope_status env_parents_first(envelope_chain *chain, const struct env_listing *how,
                                  const struct env_listener *events, struct env_extras *extras,
                                  envelope_error *err)
{
    struct order o = {.chain = chain, .how = how, .extras = extras};
    o.standing = env_alloc(chain->ctx, extras->count);
    o.path = env_alloc_array(chain->ctx, extras->count, sizeof *o.path);
    o.placed = env_alloc_array(chain->ctx, extras->count, sizeof *o.placed);
    envelope_status st = o.standing && o.path && o.placed ? ENVELOPE_OK : env_nomem(err);
    for (size_t i = 0; !st && i < extras->count; i++) {
        place(&o, i);
    }
    if (!st) {
        tell_lost(&o, events);
        st = env_extras_arrange(extras, o.placed, o.count, err);
    }
    env_free(chain->ctx, o.standing);
    env_free(chain->ctx, o.path);
    env_free(chain->ctx, o.placed);
    return st;
}

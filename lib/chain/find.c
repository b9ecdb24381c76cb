#include "chain/find.h"
#include "base/error.h"
#include "base/text.h"
#include "chain/scan.h"
#include <stdio.h>
#include <string.h>

enum { IDS_MAX = 16, HEADERS_MAX = 64 };

/* Calls visit once for each folder below chains/, in order of names. visit returns false to stop.
 */
static envelope_status each_folder(envelope_store *store,
                                   bool (*visit)(void *user, const char *folder), void *user,
                                   envelope_error *err)
{
    struct env_names names;
    char last[ENV_NAME_MAX + 1] = "";
    envelope_status st = env_store_list(store, ENV_CHAINS_PREFIX, &names, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < names.count; i++) {
        char folder[ENV_NAME_MAX + 1];
        const char *rest;
        if (!env_name_split(names.item[i].name, folder, &rest) || !strcmp(folder, last)) {
            continue;
        }
        env_text_copy(last, sizeof last, folder);
        if (!visit(user, folder)) {
            break;
        }
    }
    env_names_free(&names);
    return ENVELOPE_OK;
}

struct match {
    const char *name;
    const uint8_t *chain_id;
    size_t count;
    uint8_t prefix[8];
    struct env_place *out;
    char others[300]; /* names found, for the message */
};

static bool visit_match(void *user, const char *folder)
{
    struct match *m = user;
    char name[65];
    uint8_t prefix[8];
    if (!env_name_parse_chain(folder, name, prefix)) {
        return true;
    }
    if ((m->name && strcmp(m->name, name) != 0) ||
        (m->chain_id && memcmp(m->chain_id, prefix, sizeof prefix) != 0)) {
        return true;
    }
    size_t used = strlen(m->others);
    if (used + strlen(name) + 3 < sizeof m->others) {
        snprintf(m->others + used, sizeof m->others - used, "%s%s", used ? ", " : "", name);
    }
    if (m->count++ == 0) {
        env_text_copy(m->out->name, sizeof m->out->name, name);
        env_text_copy(m->out->folder, sizeof m->out->folder, folder);
        memcpy(m->prefix, prefix, sizeof prefix);
    }
    return true;
}

struct votes {
    uint8_t id[IDS_MAX][ENV_CHAIN_ID_BYTES];
    uint32_t count[IDS_MAX];
    size_t used;
};

static void vote(struct votes *v, const uint8_t id[ENV_CHAIN_ID_BYTES])
{
    size_t i = 0;
    while (i < v->used && memcmp(v->id[i], id, ENV_CHAIN_ID_BYTES) != 0) {
        i++;
    }
    if (i == IDS_MAX) {
        return;
    }
    if (i == v->used) {
        memcpy(v->id[i], id, ENV_CHAIN_ID_BYTES);
        v->used++;
    }
    v->count[i]++;
}

static envelope_status count_votes(envelope_store *store, const struct env_names *names,
                                   const struct match *m, bool points, struct votes *v,
                                   envelope_error *err)
{
    size_t read = 0;
    for (size_t i = 0; i < names->count && read < HEADERS_MAX; i++) {
        struct env_opened opened;
        const char *rest = names->item[i].name + strlen(m->out->folder);
        bool metadata = !strncmp(rest, "meta/", 5) || env_name_is_keys_copy(rest);
        if (!env_name_is_object(rest) || metadata == points) {
            continue;
        }
        read++;
        envelope_status st = env_headers_open(store, names->item[i].name, &opened, err);
        if (st == ENVELOPE_E_NOMEM || st == ENVELOPE_E_CRYPTO) {
            return st;
        }
        if (st) {
            continue; /* damaged: it has no voice */
        }
        const uint8_t *id = env_headers_id(opened.headers)->chain_id;
        if (!memcmp(id, m->prefix, sizeof m->prefix)) {
            vote(v, id);
        }
        env_opened_close(&opened);
    }
    return ENVELOPE_OK;
}

/* The whole id: names carry only its first half. */
static envelope_status read_id(envelope_store *store, const struct match *m, envelope_error *err)
{
    struct env_names names;
    struct votes v = {.used = 0};
    if (m->chain_id) {
        memcpy(m->out->chain_id, m->chain_id, ENV_CHAIN_ID_BYTES);
        return ENVELOPE_OK;
    }
    envelope_status st = env_store_list(store, m->out->folder, &names, err);
    if (st) {
        return st;
    }
    st = count_votes(store, &names, m, false, &v, err);
    if (!st && !v.used) { /* no metadata and no keys copy: only then is a point looked at */
        st = count_votes(store, &names, m, true, &v, err);
    }
    env_names_free(&names);
    if (st) {
        return st;
    }
    size_t best = 0;
    for (size_t i = 1; i < v.used; i++) {
        best = v.count[i] > v.count[best] ? i : best;
    }
    if (!v.used) {
        return env_fail(err, ENVELOPE_E_FORMAT, "%s holds no object with a whole header",
                        m->out->folder);
    }
    memcpy(m->out->chain_id, v.id[best], ENV_CHAIN_ID_BYTES);
    return ENVELOPE_OK;
}

envelope_status env_place_find(envelope_store *store, const char *name, const uint8_t *chain_id,
                               struct env_place *out, envelope_error *err)
{
    struct match m = {.name = name, .chain_id = chain_id, .out = out};
    char text[ENV_PRINTABLE_MAX];
    memset(out, 0, sizeof *out);
    envelope_status st = each_folder(store, visit_match, &m, err);
    if (st) {
        return st;
    }
    if (m.count == 0) {
        return env_fail(err, ENVELOPE_E_NOT_FOUND, "there is no chain%s%s here",
                        name ? " named " : "", name ? env_printable(text, name) : "");
    }
    if (m.count > 1) {
        return env_fail(err, ENVELOPE_E_INVALID, "several chains fit, say which: %s", m.others);
    }
    return read_id(store, &m, err);
}

envelope_status env_place_taken(envelope_store *store, const char *name, bool *taken,
                                envelope_error *err)
{
    struct env_place place;
    struct match m = {.name = name, .out = &place};
    envelope_status st = each_folder(store, visit_match, &m, err);
    *taken = m.count > 0;
    return st;
}

envelope_status envelope_chain_find(envelope_store *store, const char *name, uint8_t *chain_id,
                                    envelope_error *err)
{
    struct env_place place;
    envelope_status st = env_enter(store ? env_store_ctx(store) : NULL, err);
    if (st) {
        return st;
    }
    if (!chain_id) {
        return env_fail(err, ENVELOPE_E_INVALID, "chain_id is NULL");
    }
    memset(chain_id, 0, ENV_CHAIN_ID_BYTES);
    st = env_place_find(store, name, NULL, &place, err);
    if (!st) {
        memcpy(chain_id, place.chain_id, ENV_CHAIN_ID_BYTES);
    }
    return st;
}

#include "many.h"
#include "memory_store.h"
#include "store/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Points are listed in portions: unlisted ones are held in memory with all their slots. */
enum { PORTION = 1000, PAYLOAD = 48 };

void many_must(envelope_status st, const envelope_error *err, const char *call)
{
    if (st) {
        fprintf(stderr, "%s: %s: %s\n", call, envelope_status_name(st), err->message);
        exit(1);
    }
}

static envelope_status save_pin(void *user, const void *pin, size_t len, envelope_error *err)
{
    struct many_host *h = user;
    (void)err;
    memcpy(h->pin, pin, len);
    h->pin_len = len;
    return ENVELOPE_OK;
}

static envelope_chain_options options(struct many_host *h)
{
    return (envelope_chain_options){.size = sizeof(envelope_chain_options),
                                    .name = h->name,
                                    .pin = h->pin_len ? h->pin : NULL,
                                    .pin_len = h->pin_len,
                                    .save_pin = save_pin,
                                    .user = h,
                                    .policy_serial = h->serial};
}

envelope_chain *many_open(struct many_host *h, envelope_store *store)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain_options o = options(h);
    envelope_chain *chain;
    MANY_MUST(envelope_chain_open(store, h->ring, &o, &chain, &err));
    return chain;
}

void many_back_up(envelope_chain *chain, int32_t kind)
{
    static const uint8_t bytes[PAYLOAD];
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_point_options o = {.size = sizeof o, .kind = kind, .label = "nightly"};
    envelope_writer *w;
    uint64_t number = 0;
    MANY_MUST(envelope_writer_new(chain, &o, &w, &err));
    MANY_MUST(envelope_writer_write(w, bytes, sizeof bytes, &err));
    MANY_MUST(envelope_writer_set(w, "source", "disk", 4, &err));
    MANY_MUST(envelope_writer_commit(w, &number, &err));
    envelope_writer_free(w);
    if (!number) {
        fprintf(stderr, "a point was not listed\n");
        exit(1);
    }
}

static void copy_out(envelope_store *store, const struct env_name *name, struct memory_store *to)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_store_file file;
    uint8_t *bytes = malloc(name->bytes + 1);
    MANY_MUST(env_store_open(store, name->name, &file, &err));
    MANY_MUST(env_store_read(&file, 0, bytes, name->bytes, &err));
    env_store_close(&file);
    memory_put(to, name->name, bytes, name->bytes);
    free(bytes);
}

static void copy_all_out(envelope_store *store, struct memory_store *to)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_names names;
    MANY_MUST(env_store_list(store, "chains/", &names, &err));
    for (size_t i = 0; i < names.count; i++) {
        copy_out(store, &names.item[i], to);
    }
    env_names_free(&names);
}

static void put(envelope_store *store, const struct memory_file *f)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct env_store_writer w;
    MANY_MUST(env_store_create(store, f->name, f->len, &w, &err));
    MANY_MUST(env_store_write(&w, f->data, f->len, &err));
    MANY_MUST(env_store_finish(&w, &err));
}

static void write_batch(envelope_chain *chain, size_t points)
{
    for (size_t i = 0; i < points; i++) {
        many_back_up(chain, i ? ENVELOPE_INCREMENT : ENVELOPE_FULL);
    }
}

/* On a copy of the chain as it was, whose metadata is then thrown away. */
static void batch_aside(const struct many_host *before, struct memory_store *base,
                        envelope_store *store, size_t points)
{
    struct memory_store aside = {0};
    struct many_host h = *before;
    memory_copy(&aside, base);
    envelope_store *small = memory_store_open(h.ctx, &aside);
    envelope_chain *chain = many_open(&h, small);
    write_batch(chain, points);
    envelope_chain_free(chain);
    envelope_store_free(small);
    for (size_t i = 0; i < aside.count; i++) {
        const char *name = aside.file[i].name;
        if (strstr(name, "/points/") && !strstr(name, "-keys-") && !memory_find(base, name)) {
            put(store, &aside.file[i]);
        }
    }
    memory_store_clear(&aside);
}

static void list_them(struct many_host *h, envelope_store *store)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain *chain = many_open(h, store);
    MANY_MUST(envelope_chain_refresh(chain, 0, NULL, &err));
    envelope_chain_free(chain);
}

void many_create(struct many_host *h, envelope_store *store)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_chain_options o = options(h);
    envelope_chain *chain;
    MANY_MUST(envelope_chain_create(store, h->ring, &o, &chain, &err));
    envelope_chain_free(chain);
}

void many_add(struct many_host *h, envelope_store *store, size_t points)
{
    struct memory_store base = {0};
    size_t unlisted = 0;
    size_t done = points < MANY_BATCH ? points : MANY_BATCH;
    copy_all_out(store, &base);
    const struct many_host before = *h;
    /* The first batch stays as it is: so the chain's metadata is as new as any that a point names.
     */
    envelope_chain *chain = many_open(h, store);
    write_batch(chain, done);
    envelope_chain_free(chain);
    if (h->begun) {
        h->begun(h->user);
    }
    while (done < points) {
        size_t n = points - done < MANY_BATCH ? points - done : MANY_BATCH;
        batch_aside(&before, &base, store, n);
        done += n;
        unlisted += n;
        if (unlisted + MANY_BATCH > PORTION || done == points) {
            list_them(h, store);
            unlisted = 0;
        }
    }
    memory_store_clear(&base);
}

#include "chain_kit.h"
#include "format/crc32c.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void must_ok(envelope_status st, const envelope_error *err, const char *call, const char *file,
             int line)
{
    if (st) {
        ck_abort_msg("%s:%d: %s: %s: %s", file, line, call, envelope_status_name(st), err->message);
    }
}

static void on_event(void *user, const envelope_event *event)
{
    struct host *h = user;
    if (h->events == EVENTS_MAX) {
        return;
    }
    struct seen_event *e = &h->event[h->events++];
    e->kind = event->kind;
    e->status = event->status;
    e->point = event->point;
    snprintf(e->object, sizeof e->object, "%s", event->object ? event->object : "");
    snprintf(e->message, sizeof e->message, "%s", event->message);
    if (getenv("CHAIN_KIT_EVENTS")) {
        fprintf(stderr, "event %d %s %s\n", event->kind, envelope_status_name(event->status),
                event->message);
    }
}

const struct seen_event *host_event(const struct host *h, int32_t kind)
{
    for (size_t i = 0; i < h->events; i++) {
        if (h->event[i].kind == kind) {
            return &h->event[i];
        }
    }
    return NULL;
}

void host_begin(struct host *h, struct test_kms *kms, int first_pool, int versions)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    memset(h, 0, sizeof *h);
    const envelope_ctx_options o = {.size = sizeof o, .audit = on_event, .user = h};
    MUST(envelope_ctx_new(&o, &h->ctx, &err));
    h->kms = kms;
    h->exclusive = true;
    h->serial = 1;
    h->keeps = true;
    if (!kms->ctx) {
        h->handle = test_kms_open(h->ctx, kms, first_pool, versions);
    } else { /* another host has it: the same KMS through a handle of this context */
        h->handle = test_kms_attach(h->ctx, kms);
    }
}

void host_other(struct host *h, const char *id, struct test_kms *kms, int first_pool, int versions)
{
    h->other_kms_id = id;
    h->other = kms;
    h->other_handle =
        kms->ctx ? test_kms_attach(h->ctx, kms) : test_kms_open(h->ctx, kms, first_pool, versions);
}

void host_end(struct host *h)
{
    envelope_kms_free(h->handle);
    envelope_kms_free(h->other_handle);
    if (h->kms && h->kms->ctx == h->ctx) {
        test_kms_clear(h->kms);
    }
    if (h->other && h->other->ctx == h->ctx) {
        test_kms_clear(h->other);
    }
    envelope_ctx_free(h->ctx);
}

static void add_pem(struct host *h, envelope_keyring *ring, int number, bool public)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    char pem[TEST_KEY_PEM_MAX];
    char out[TEST_KEY_PEM_MAX];
    size_t len = test_key_pem(number, pem);
    if (public) {
        len = test_key_public_pem(h->ctx, number, out);
    }
    MUST(envelope_keyring_add_key(ring, public ? "board" : NULL, public ? out : pem, len, NULL, 0,
                                  &err));
}

envelope_keyring *host_keyring(struct host *h)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_keyring *ring;
    uint32_t use = ENVELOPE_USE_WRAP | (h->wrap_only ? 0 : ENVELOPE_USE_UNWRAP) |
                   (h->exclusive ? ENVELOPE_USE_NAMES_EXCLUSIVE : 0);
    MUST(envelope_keyring_new(h->ctx, NULL, &ring, &err));
    if (!h->no_kms) {
        MUST(envelope_keyring_add_kms(ring, "lab", h->handle, use, 0, &err));
        MUST(envelope_keyring_wrap_for(ring, "lab", "vm", &err));
    }
    if (h->other_kms_id) {
        MUST(envelope_keyring_add_kms(ring, h->other_kms_id, h->other_handle, use, 1, &err));
        MUST(envelope_keyring_wrap_for(ring, h->other_kms_id, "vm", &err));
    }
    if (h->password) {
        MUST(envelope_keyring_add_password(ring, "ops", h->password, strlen(h->password),
                                           ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP, &err));
    }
    if (h->escrow) {
        add_pem(h, ring, h->escrow, true);
    }
    if (h->private_key) {
        add_pem(h, ring, h->private_key, false);
    }
    return ring;
}

static envelope_status save_pin(void *user, const void *pin, size_t len, envelope_error *err)
{
    struct host *h = user;
    (void)err;
    memcpy(h->pin, pin, len);
    h->pin_len = len;
    h->pins_saved++;
    return ENVELOPE_OK;
}

envelope_chain_options host_options(struct host *h)
{
    envelope_chain_options o = {.size = sizeof o, .policy_serial = h->serial};
    if (h->keeps) {
        o.save_pin = save_pin;
        o.user = h;
    }
    return o;
}

envelope_chain *host_create(struct host *h, struct memory_store *mem, const char *name)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_store *store = memory_store_open(h->ctx, mem);
    envelope_keyring *ring = host_keyring(h);
    envelope_chain_options o = host_options(h);
    envelope_chain *chain;
    o.name = name;
    MUST(envelope_chain_create(store, ring, &o, &chain, &err));
    envelope_keyring_free(ring);
    envelope_store_free(store);
    return chain;
}

envelope_chain *host_open(struct host *h, struct memory_store *mem, envelope_status *st)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_store *store = memory_store_open(h->ctx, mem);
    envelope_keyring *ring = host_keyring(h);
    envelope_chain_options o = host_options(h);
    envelope_chain *chain = NULL;
    if (h->keeps && h->pin_len) {
        o.pin = h->pin;
        o.pin_len = h->pin_len;
    }
    envelope_status got = envelope_chain_open(store, ring, &o, &chain, &err);
    if (st) {
        *st = got;
    } else {
        must_ok(got, &err, "envelope_chain_open", __FILE__, __LINE__);
    }
    envelope_keyring_free(ring);
    envelope_store_free(store);
    return chain;
}

/* Cheap, and different for each seed (splitmix64). */
void fill_bytes(uint8_t *out, uint64_t seed, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        uint64_t z = seed + (i / 8 + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        memcpy(out + i, &z, len - i < 8 ? len - i : 8);
    }
}

envelope_status try_back_up(envelope_chain *chain, uint64_t seed, size_t len, uint64_t *number,
                            envelope_error *err)
{
    envelope_point_options o = {.size = sizeof o, .label = "nightly"};
    envelope_writer *w;
    uint8_t *data = malloc(len + 8);
    fill_bytes(data, seed, len);
    envelope_status st = envelope_writer_new(chain, &o, &w, err);
    st = st ? st : envelope_writer_write(w, data, len, err);
    st = st ? st : envelope_writer_set(w, "source", "disk", 4, err);
    st = st ? st : envelope_writer_commit(w, number, err);
    envelope_writer_free(w);
    free(data);
    return st;
}

uint64_t back_up(envelope_chain *chain, uint64_t seed, size_t len)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    uint64_t number = 0;
    MUST(try_back_up(chain, seed, len, &number, &err));
    return number;
}

void check_point(envelope_chain *chain, uint64_t number, uint64_t seed, size_t len)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    envelope_reader *r;
    size_t got;
    uint8_t *want = malloc(len + 8);
    uint8_t *data = malloc(len + 8);
    fill_bytes(want, seed, len);
    MUST(envelope_reader_new(chain, number, &r, &err));
    ck_assert_uint_eq(envelope_reader_bytes(r), len);
    MUST(envelope_reader_pread(r, 0, data, len + 8, &got, &err));
    ck_assert_uint_eq(got, len);
    ck_assert(!memcmp(data, want, len));
    envelope_reader_free(r);
    free(want);
    free(data);
}

uint64_t job(struct host *h, struct memory_store *mem, uint64_t seed, size_t len)
{
    envelope_chain *chain = host_open(h, mem, NULL);
    uint64_t number = back_up(chain, seed, len);
    envelope_chain_free(chain);
    return number;
}

envelope_status try_job(struct host *h, struct memory_store *mem, uint64_t seed, size_t len)
{
    envelope_status st;
    uint64_t number;
    envelope_chain *chain = host_open(h, mem, &st);
    st = st ? st : try_back_up(chain, seed, len, &number, NULL);
    envelope_chain_free(chain);
    return st;
}

envelope_status try_refresh(struct host *h, struct memory_store *mem, uint32_t flags,
                            uint32_t *rotated)
{
    envelope_status st;
    envelope_chain *chain = host_open(h, mem, &st);
    st = st ? st : envelope_chain_refresh(chain, flags, rotated, NULL);
    envelope_chain_free(chain);
    return st;
}

void remove_all(struct memory_store *mem, const char *part)
{
    struct memory_file *f;
    size_t at = 0;
    while ((f = memory_next(mem, part, &at))) {
        memory_remove(mem, f->name);
        at = 0;
    }
}

size_t count_files(struct memory_store *mem, const char *part)
{
    size_t n = 0;
    for (size_t at = 0; memory_next(mem, part, &at);) {
        n++;
    }
    return n;
}

void forge_header(struct memory_file *f, size_t field, int width, uint64_t value)
{
    for (int copy = 0; copy < 2; copy++) {
        uint8_t *p = f->data + (copy ? 16384 : 0);
        for (int i = 0; i < width; i++) {
            p[32 + field + (size_t)i] = (uint8_t)(value >> (8 * (width - 1 - i)));
        }
        uint32_t crc = env_crc32c(p, 16380);
        for (int i = 0; i < 4; i++) {
            p[16380 + i] = (uint8_t)(crc >> (8 * (3 - i)));
        }
    }
}

/* store_steps ROOT STEP...: uses a directory store, one step after the other, and says of each how
 * it went: "put NAME OK". Nothing is buffered, so that the journal has what was said in its place.
 *
 *     put=NAME:BYTES      an object of NAME, repeated
 *     change=NAME:OFFSET:BYTES    overwrites with '#'
 *     remove=NAME
 *     list=PREFIX         says "saw NAME" of each
 *     progress=PREFIX     says "under-way NAME" of each */
#include "store/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static envelope_store *store;
static envelope_error err = ENVELOPE_ERROR_INIT;

static void say(const char *verb, const char *name, const char *result)
{
    char line[512];
    int n = snprintf(line, sizeof line, "%s %s %s\n", verb, name, result);
    if (write(STDOUT_FILENO, line, (size_t)n) != n) {
        exit(3);
    }
}

static envelope_status write_object(struct env_store_writer *w, const char *name, uint64_t bytes)
{
    size_t len = strlen(name);
    uint64_t piece = bytes / 8 < 700 ? 700 : bytes / 8;
    char *buf = malloc(piece);
    envelope_status st = buf ? ENVELOPE_OK : ENVELOPE_E_NOMEM;
    for (uint64_t at = 0; !st && at < bytes; at += piece) {
        size_t n = bytes - at < piece ? (size_t)(bytes - at) : (size_t)piece;
        for (size_t i = 0; i < n; i++) {
            buf[i] = name[(at + i) % len];
        }
        st = env_store_write(w, buf, n, &err);
    }
    free(buf);
    return st;
}

static envelope_status put(const char *name, uint64_t bytes)
{
    struct env_store_writer w;
    envelope_status st = env_store_create(store, name, bytes, &w, &err);
    if (st) {
        return st;
    }
    st = write_object(&w, name, bytes);
    if (st) {
        env_store_abort(&w);
        return st;
    }
    return env_store_finish(&w, &err);
}

static envelope_status change(const char *name, uint64_t offset, uint64_t bytes)
{
    char *buf = malloc(bytes);
    if (!buf) {
        return ENVELOPE_E_NOMEM;
    }
    memset(buf, '#', bytes);
    envelope_status st = env_store_overwrite(store, name, offset, buf, bytes, &err);
    free(buf);
    return st;
}

static envelope_status list(const char *prefix, bool under_way)
{
    struct env_names names;
    bool known;
    envelope_status st = under_way ? env_store_in_progress(store, prefix, &names, &known, &err)
                                   : env_store_list(store, prefix, &names, &err);
    for (size_t i = 0; !st && i < names.count; i++) {
        say(under_way ? "under-way" : "saw", names.item[i].name, "OK");
    }
    if (!st) {
        env_names_free(&names);
    }
    return st;
}

static envelope_status step(const char *text)
{
    char verb[16];
    char name[256] = "";
    uint64_t a = 0;
    uint64_t b = 0;
    if (sscanf(text, "%15[a-z]=%255[^:]:%" SCNu64 ":%" SCNu64, verb, name, &a, &b) < 1) {
        exit(2);
    }
    envelope_status st = !strcmp(verb, "put")      ? put(name, a)
                         : !strcmp(verb, "change") ? change(name, a, b)
                         : !strcmp(verb, "remove") ? env_store_remove(store, name, &err)
                                                   : list(name, !strcmp(verb, "progress"));
    say(verb, name, envelope_status_name(st));
    return st;
}

int main(int argc, char **argv)
{
    envelope_ctx *ctx = NULL;
    envelope_status st = argc < 3 ? ENVELOPE_E_INVALID : envelope_ctx_new(NULL, &ctx, &err);
    if (!st) {
        st = envelope_store_dir(ctx, argv[1], ENVELOPE_DIR_CREATE, &store, &err);
        say("open", "-", envelope_status_name(st));
    }
    for (int i = 2; !st && i < argc; i++) {
        st = step(argv[i]);
    }
    if (st) {
        fprintf(stderr, "%s: %s\n", envelope_status_name(st), err.message);
    }
    envelope_store_free(store);
    envelope_ctx_free(ctx);
    return st ? 1 : 0;
}

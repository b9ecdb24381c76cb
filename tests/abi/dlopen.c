/* dlopen LIBRARY: loaded, used and unloaded again and again, each time in a thread of its own that
 * ends before the next begins: nothing of the library's may be left behind for that end, or for a
 * later load, to trip over. */
#include <dlfcn.h>
#include <envelope/base.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 8 };

struct round {
    const char *path;
    const char *failed; /* what, or NULL */
};

typedef envelope_status ctx_new_fn(const envelope_ctx_options *, envelope_ctx **, envelope_error *);
typedef void ctx_free_fn(envelope_ctx *);

/* ISO C has no cast from an object's address to a function's; POSIX says they look alike. */
static void symbol(void *lib, const char *name, void *function, size_t len)
{
    void *found = dlsym(lib, name);
    memcpy(function, &found, len);
}

static const char *use(void *lib)
{
    ctx_new_fn *make = NULL;
    ctx_free_fn *release = NULL;
    symbol(lib, "envelope_ctx_new", &make, sizeof make);
    symbol(lib, "envelope_ctx_free", &release, sizeof release);
    if (!make || !release) {
        return "a function is missing";
    }
    envelope_ctx *ctx;
    if (make(NULL, &ctx, NULL)) {
        return "no context";
    }
    release(ctx);
    return NULL;
}

static void *load_and_unload(void *arg)
{
    struct round *round = arg;
    void *lib = dlopen(round->path, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        round->failed = "dlopen";
        return NULL;
    }
    round->failed = use(lib);
    if (dlclose(lib)) {
        round->failed = "dlclose";
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct round round = {argv[1], NULL};
        pthread_t thread;
        if (pthread_create(&thread, NULL, load_and_unload, &round) || pthread_join(thread, NULL)) {
            round.failed = "thread";
        }
        if (round.failed) {
            const char *why = dlerror();
            printf("round %d: %s: %s\n", i, round.failed, why ? why : "-");
            return 1;
        }
    }
    void *left = dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD);
    printf("%d rounds; afterwards it is %s\n", ROUNDS, left ? "still loaded" : "gone");
    return left != NULL;
}

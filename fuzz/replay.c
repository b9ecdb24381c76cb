/* Runs a target over every file of the folders given. A folder that is empty or missing fails: a
 * replay of nothing would prove nothing. */
#include "fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20 };

static int by_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool run(const char *folder, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
    uint8_t *input = malloc(INPUT_MAX);
    size_t len = f && input ? fread(input, 1, INPUT_MAX, f) : 0;
    bool ok = f && input && !ferror(f);
    if (ok) {
        uint8_t *exact = fuzz_copy(input, len);
        LLVMFuzzerTestOneInput(exact, len);
        free(exact);
    }
    if (f) {
        fclose(f);
    }
    free(input);
    return ok;
}

static int run_folder(const char *folder)
{
    struct dirent **entries;
    int ran = 0;
    int count = scandir(folder, &entries, by_name, alphasort);
    for (int i = 0; i < count; i++) {
        ran += run(folder, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    printf("%s: %d of %d inputs\n", folder, ran, count);
    return count > 0 && ran == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++) {
        failed |= run_folder(argv[i]);
    }
    envelope_ctx_free(fuzz_ctx());
    return failed;
}

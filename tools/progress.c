#include "progress.h"
#include "text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int progress_begin(struct report *report, const struct options *options, struct progress *out)
{
    const char *mode = option_value(options, OPTION_PROGRESS);
    *out = (struct progress){.begun = now()};
    if (!mode || !strcmp(mode, "auto")) {
        out->on = isatty(STDERR_FILENO);
        return END_DONE;
    }
    out->on = !strcmp(mode, "always");
    if (!out->on && strcmp(mode, "never") != 0) {
        return report_error(report, END_USAGE, "--progress is auto, always or never");
    }
    return END_DONE;
}

static void draw_bar(uint64_t done, uint64_t total, double rate)
{
    static const char full[] = "########################";
    int width = (int)sizeof full - 1;
    double part = done < total ? (double)done / (double)total : 1;
    double left = rate > 0 && done < total ? (double)(total - done) / rate : 0;
    fprintf(stderr, "\r[%.*s%*s] %3d %%  %d:%02d:%02d left", (int)(part * width), full,
            width - (int)(part * width), "", (int)(part * 100), (int)(left / 3600),
            (int)(left / 60) % 60, (int)left % 60);
}

static void draw(struct progress *progress, uint64_t done, uint64_t total, double at)
{
    struct pool pool = {NULL};
    double spent = at - progress->begun;
    double rate = spent > 0 ? (double)done / spent : 0;
    if (total) {
        draw_bar(done, total, rate);
    }
    fprintf(stderr, "%s%s  %s/s   ", total ? "  " : "\r", text_size(&pool, done),
            text_size(&pool, (uint64_t)rate));
    fflush(stderr);
    progress->drawn = true;
    pool_free(&pool);
}

void progress_step(struct progress *progress, uint64_t done, uint64_t total)
{
    if (!progress->on) {
        return;
    }
    double at = now();
    bool finished = total && done >= total;
    if (at - progress->last >= 0.2 || finished) {
        progress->last = at;
        draw(progress, done, total, at);
    }
}

void progress_end(struct progress *progress)
{
    if (progress->drawn) {
        fputc('\n', stderr);
        progress->drawn = false;
    }
}

int32_t progress_fn(void *user, uint64_t done, uint64_t total)
{
    progress_step(user, done, total);
    return 0;
}

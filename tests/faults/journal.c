#include "journal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Calls of our own go past the interposed functions. */
static void append(const char *file, const char *line, size_t len)
{
    long fd = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_write, fd, line, len) != (long)len) {
        abort();
    }
    syscall(SYS_close, fd);
}

void path_of_fd(char out[PATH_SIZE], int fd)
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_SIZE - 1);
    out[n > 0 ? n : 0] = 0;
}

static void normalise(char *path)
{
    char out[PATH_SIZE] = "";
    char *rest = path;
    for (char *part = strtok_r(path, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
        char *slash = strrchr(out, '/');
        if (!strcmp(part, "..") && slash) {
            *slash = 0;
        }
        if (strcmp(part, ".") != 0 && strcmp(part, "..") != 0) {
            strcat(out, "/");
            strcat(out, part);
        }
    }
    strcpy(path, out[0] ? out : "/");
}

void path_resolve(char out[PATH_SIZE], int at, const char *path)
{
    char base[PATH_SIZE / 2] = "";
    char whole[PATH_SIZE];
    if (path[0] != '/' && at == AT_FDCWD && !getcwd(base, sizeof base)) {
        abort();
    }
    if (path[0] != '/' && at != AT_FDCWD) {
        path_of_fd(whole, at);
        snprintf(base, sizeof base, "%.*s", (int)sizeof base - 1, whole);
    }
    snprintf(whole, sizeof whole, "%s/%.2000s", base, path);
    normalise(whole);
    strcpy(out, whole);
}

bool path_below(const char *path, const char *root)
{
    size_t n = strlen(root);
    return !strncmp(path, root, n) && (!path[n] || path[n] == '/');
}

static char *put_hex(char *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    return out;
}

static void finish(const char *file, const char *head, const void *data, size_t len)
{
    char *line = malloc(strlen(head) + 2 * len + 16);
    if (!line) {
        abort();
    }
    char *end = stpcpy(line, head);
    if (data) {
        end = put_hex(stpcpy(end, ", \"data\": \""), data, len);
        *end++ = '"';
    }
    end = stpcpy(end, "}\n");
    append(file, line, (size_t)(end - line));
    free(line);
}

/* Names in tests need no escapes; whatever else comes is no JSON, and is noticed. */
void journal_call(const char *file, bool with_data, unsigned number, const struct call *c,
                  long result, int error, const char *note)
{
    if (!file) {
        return;
    }
    char *head;
    int n = asprintf(
        &head,
        "{\"n\": %u, \"pid\": %d, \"kind\": \"%s\", \"call\": \"%s\", \"result\": %ld, "
        "\"errno\": %d, \"path\": \"%s\", \"to\": \"%s\", \"ino\": %lu, "
        "\"folder\": %lu, \"to_folder\": %lu, \"created\": %s, \"offset\": %ld, "
        "\"len\": %zu, \"note\": \"%s\"",
        number, (int)getpid(), kind_names[c->kind], c->function, result, error, c->path, c->to,
        (unsigned long)c->ino, (unsigned long)c->folder, (unsigned long)c->to_folder,
        c->created ? "true" : "false", (long)c->offset, c->len, note);
    if (n < 0) {
        abort();
    }
    bool data = with_data && c->data && result > 0;
    finish(file, head, data ? c->data : NULL, data ? (size_t)result : 0);
    free(head);
}

void journal_say(const char *file, const void *text, size_t len)
{
    if (file) {
        finish(file, "{\"n\": 0, \"kind\": \"say\"", text, len);
    }
}

#include "prompt.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL_C = 3 };

/* One line into out. Signals from the keyboard are off meanwhile, or ^C would leave the terminal
 * without echo; ^C is then a character of the line. */
static const char *read_line(int tty, const char *question, struct secret *out)
{
    struct termios before, silent;
    if (tcgetattr(tty, &before)) {
        return strerror(errno);
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    /* First this, which drops what was typed ahead, then the question. */
    tcsetattr(tty, TCSAFLUSH, &silent);
    dprintf(tty, "%s: ", question);
    ssize_t n;
    do {
        n = read(tty, out->bytes, out->room);
    } while (n < 0 && errno == EINTR);
    tcsetattr(tty, TCSAFLUSH, &before);
    dprintf(tty, "\n");
    out->len = n > 0 ? (size_t)n : 0;
    if (out->len && out->bytes[out->len - 1] == '\n') {
        out->len--;
    }
    if (memchr(out->bytes, CONTROL_C, out->len)) {
        return "cancelled";
    }
    return out->len ? NULL : "an empty passphrase is refused";
}

static const char *ask_twice(int tty, const char *question, struct secret *out)
{
    struct secret again;
    const char *why = read_line(tty, question, out);
    if (why || !secret_new(&again, SECRET_LINE_MAX)) {
        return why ? why : "no memory";
    }
    why = read_line(tty, "Again", &again);
    if (!why && (again.len != out->len || memcmp(again.bytes, out->bytes, out->len) != 0)) {
        why = "the two are not the same";
    }
    secret_free(&again);
    return why;
}

int prompt_secret(struct report *report, const char *question, const char *instead, bool twice,
                  struct secret *out)
{
    memset(out, 0, sizeof *out);
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0) {
        return report_error(report, END_USAGE, "%s: there is no terminal to ask at; %s", question,
                            instead);
    }
    const char *why = "no memory";
    if (secret_new(out, SECRET_LINE_MAX)) {
        why = twice ? ask_twice(tty, question, out) : read_line(tty, question, out);
    }
    close(tty);
    if (why) {
        secret_free(out);
        return report_error(report, END_USAGE, "%s: %s", question, why);
    }
    return END_DONE;
}

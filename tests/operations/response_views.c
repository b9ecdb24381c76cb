/* What the library reads from responses, for the second reader to compare: lines "OPERATION UID
 * NUMBER ASKED MESSAGE" in, numbers in decimal, UID and MESSAGE in hex; views (view.h) in hex out.
 */
#include "view.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t unhex(const char *digits, uint8_t *out)
{
    unsigned b;
    size_t len = 0;
    for (; sscanf(digits, "%2x", &b) == 1; digits += 2) {
        out[len++] = (uint8_t)b;
    }
    return len;
}

static void answer(envelope_ctx *ctx, const char *line)
{
    unsigned operation;
    unsigned number;
    unsigned asked;
    char uid[600];
    char name[300] = "";
    int at = 0;
    if (sscanf(line, "%u x%599s %u %u x%n", &operation, uid, &number, &asked, &at) != 4) {
        exit(1);
    }
    name[unhex(uid, (uint8_t *)name)] = 0;
    uint8_t *room = malloc(strlen(line));
    if (!room) {
        exit(1);
    }
    size_t len = unhex(line + at, room);
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact) {
        exit(1);
    }
    memcpy(exact, room, len);
    free(room);
    char *view = view_of_item(ctx, operation, name, number, asked, ENV_BYTES(exact, len));
    for (const char *p = view; *p; p++) {
        printf("%02x", (uint8_t)*p);
    }
    printf("\n");
    free(view);
    free(exact);
}

int main(void)
{
    envelope_ctx *ctx;
    char *line = NULL;
    size_t cap = 0;
    if (envelope_ctx_new(NULL, &ctx, NULL)) {
        return 1;
    }
    while (getline(&line, &cap, stdin) > 0) {
        answer(ctx, line);
    }
    free(line);
    envelope_ctx_free(ctx);
    return 0;
}

/* provider.h - what provider.c offers, and what it needs of the HTTP client of the house. */
#ifndef PROVIDER_H
#define PROVIDER_H
#include <envelope/kms.h>

struct http;
struct reply {
    int code;
    char key_id[128];
    unsigned char body[1024];
    size_t len;
};
/* Sends and waits, at most ten seconds; 0 where there was no answer. Called from several threads.
 */
int http_wait(struct http *http, const char *path, const void *body, size_t len, struct reply *r);

/* http must outlive the KMS. */
envelope_status cloud_new(envelope_ctx *ctx, struct http *http, envelope_kms **out,
                          envelope_error *err);
#endif

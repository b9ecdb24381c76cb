/* vendor IN OUT KEY-DB KEYSTORE PASSPHRASE [ESCROW.pem]: a product with a container format of its
 * own. Its database keeps our header bytes; its container is our chunks and nothing else; four
 * threads of its own do the sealing. */
#include <envelope/envelope.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4, SPAN = 64 }; /* chunks a thread takes at once: 1 MiB */

/* What the threads share. */
struct job {
    envelope_payload *payload;
    int in;
    int out;
    uint64_t spans;            /* the last one holds the end, and may be empty */
    atomic_uint_fast64_t next; /* span to be sealed */
    pthread_mutex_t lock;      /* over the two below */
    envelope_status status;    /* of the first thread that failed */
    envelope_error err;
};

static void fail(struct job *job, envelope_status status, const envelope_error *err)
{
    pthread_mutex_lock(&job->lock);
    if (!job->status) {
        job->status = status;
        job->err = *err;
    }
    pthread_mutex_unlock(&job->lock);
    atomic_store(&job->next, job->spans); /* the others stop too */
}

/* A file that is read while it changes could end early: then nothing is sealed. */
static envelope_status read_span(const struct job *job, uint64_t span, void *buf, size_t cap,
                                 size_t *len, envelope_error *err)
{
    ssize_t n = pread(job->in, buf, cap, (off_t)(span * cap));
    *len = n > 0 ? (size_t)n : 0;
    if (n < 0 || (*len < cap && span + 1 < job->spans)) {
        return envelope_error_set(err, ENVELOPE_E_IO, 0, "cannot read the input");
    }
    return ENVELOPE_OK;
}

static envelope_status seal_span(const struct job *job, uint64_t span, unsigned char *plain,
                                 unsigned char *sealed, envelope_error *err)
{
    const size_t plain_max = SPAN * ENVELOPE_CHUNK;
    const size_t sealed_max = SPAN * ENVELOPE_SEALED_CHUNK;
    uint64_t first = span * SPAN;
    size_t len;
    envelope_status st = read_span(job, span, plain, plain_max, &len, err);
    if (!st) {
        uint32_t flags = span + 1 == job->spans ? ENVELOPE_LAST : 0;
        st = envelope_payload_seal(job->payload, first, plain, len, flags, sealed, sealed_max, &len,
                                   err);
    }
    uint64_t at = ENVELOPE_PREFIX + first * ENVELOPE_SEALED_CHUNK;
    if (!st && pwrite(job->out, sealed, len, (off_t)at) != (ssize_t)len) {
        st = envelope_error_set(err, ENVELOPE_E_IO, 0, "cannot write the container");
    }
    return st;
}

static void *work(void *arg)
{
    struct job *job = arg;
    envelope_error err = ENVELOPE_ERROR_INIT;
    unsigned char *plain = malloc(SPAN * ENVELOPE_CHUNK);
    unsigned char *sealed = malloc(SPAN * ENVELOPE_SEALED_CHUNK);
    envelope_status st = ENVELOPE_OK;
    if (!plain || !sealed) {
        st = envelope_error_set(&err, ENVELOPE_E_NOMEM, 0, "out of memory");
    }
    for (uint64_t span; !st && (span = atomic_fetch_add(&job->next, 1)) < job->spans;) {
        st = seal_span(job, span, plain, sealed, &err);
    }
    if (st) {
        fail(job, st, &err);
    }
    free(sealed);
    free(plain);
    return NULL;
}

static void run_threads(struct job *job)
{
    pthread_t thread[THREADS];
    int started = 0;
    while (started < THREADS && !pthread_create(&thread[started], NULL, work, job)) {
        started++;
    }
    if (started == 0) {
        work(job);
    }
    while (started > 0) {
        pthread_join(thread[--started], NULL);
    }
}

static envelope_status seal_file(const char *in, const char *out, envelope_payload *payload,
                                 const uint8_t *prefix, envelope_error *err)
{
    struct stat s;
    struct job job = {.payload = payload, .lock = PTHREAD_MUTEX_INITIALIZER};
    job.in = open(in, O_RDONLY | O_CLOEXEC);
    job.out = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (job.in < 0 || job.out < 0 || fstat(job.in, &s) ||
        pwrite(job.out, prefix, ENVELOPE_PREFIX, 0) != (ssize_t)ENVELOPE_PREFIX) {
        job.status = envelope_error_set(&job.err, ENVELOPE_E_IO, 0, "cannot open IN or make OUT");
    } else {
        job.spans = (uint64_t)s.st_size / (SPAN * ENVELOPE_CHUNK) + 1;
        run_threads(&job);
    }
    if (job.in >= 0) {
        close(job.in);
    }
    if (job.out >= 0 && close(job.out) && !job.status) {
        job.status = envelope_error_set(&job.err, ENVELOPE_E_IO, 0, "cannot write the container");
    }
    if (job.status) {
        *err = job.err;
    }
    return job.status;
}

/* Why does it not open? One line for each slot. */
static void explain(const envelope_header *header, envelope_keyring *keys)
{
    for (size_t i = 0; i < envelope_header_slot_count(header); i++) {
        const envelope_slot *slot = envelope_header_slot(header, i);
        envelope_error err = ENVELOPE_ERROR_INIT;
        envelope_dek *dek;
        envelope_status st = envelope_header_open(header, keys, i, &dek, &err);
        printf("slot %zu, %s/%s v%" PRIu32 ": %s\n", i, slot->key->kms_id ? slot->key->kms_id : "-",
               slot->key->key_name, slot->key->version, st ? err.message : "opens");
        envelope_dek_free(dek);
    }
}

/* All that a run holds. */
struct product {
    envelope_ctx *ctx;
    envelope_kms *kms;
    envelope_keyring *keys;
    envelope_dek *dek;
    envelope_header *header;
    envelope_payload *payload;
    uint8_t prefix[ENVELOPE_PREFIX];
};

static envelope_status add_escrow(envelope_keyring *keys, const char *path, envelope_error *err)
{
    char pem[ENVELOPE_PEM_MAX];
    FILE *f = fopen(path, "re");
    size_t len = f ? fread(pem, 1, sizeof pem, f) : 0;
    if (f) {
        fclose(f);
    }
    if (len == 0) {
        return envelope_error_set(err, ENVELOPE_E_IO, 0, "cannot read the escrow key");
    }
    return envelope_keyring_add_key(keys, "escrow", pem, len, NULL, 0, err);
}

static envelope_status open_keys(struct product *p, const char *dir, const char *passphrase,
                                 const char *escrow, envelope_error *err)
{
    uint32_t use = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP;
    envelope_status st = envelope_ctx_new(NULL, &p->ctx, err);
    if (!st) {
        st = envelope_keystore_open(p->ctx, dir, passphrase, strlen(passphrase), 0, &p->kms, err);
    }
    if (!st) {
        st = envelope_keyring_new(p->ctx, NULL, &p->keys, err);
    }
    if (!st) {
        st = envelope_keyring_add_kms(p->keys, "tenant-7", p->kms, use, 0, err);
    }
    if (!st) {
        st = envelope_keyring_wrap_for(p->keys, "tenant-7", "backup", err);
    }
    return st || !escrow ? st : add_escrow(p->keys, escrow, err);
}

static envelope_status begin(struct product *p, envelope_error *err)
{
    static const char context[] = "vendor/vm-42/disk-0"; /* ours: what this container is */
    static const char sealed[] = "{\"guest\":\"db01\"}"; /* nobody's without the key */
    const envelope_header_options about = {.size = sizeof about,
                                           .context = context,
                                           .context_len = sizeof context - 1,
                                           .sealed = sealed,
                                           .sealed_len = sizeof sealed - 1};
    envelope_status st = envelope_dek_generate(p->ctx, &p->dek, err);
    if (!st) {
        st = envelope_header_new(p->keys, p->dek, &about, &p->header, err);
    }
    return st ? st : envelope_payload_seal_new(p->header, p->dek, 0, p->prefix, &p->payload, err);
}

/* The header's bytes go to the product's database. */
static envelope_status keep_header(const envelope_header *header, const char *path,
                                   envelope_error *err)
{
    size_t len;
    const void *bytes = envelope_header_bytes(header, &len);
    FILE *db = fopen(path, "wbe");
    size_t written = db ? fwrite(bytes, 1, len, db) : 0;
    if (!db || fclose(db) || written != len) {
        return envelope_error_set(err, ENVELOPE_E_IO, 0, "cannot write the key database");
    }
    return ENVELOPE_OK;
}

static envelope_status run(struct product *p, char **argv, envelope_error *err)
{
    envelope_status st = open_keys(p, argv[4], argv[5], argv[6], err);
    if (!st) {
        st = begin(p, err);
    }
    if (!st) {
        st = seal_file(argv[1], argv[2], p->payload, p->prefix, err);
    }
    if (!st) {
        st = keep_header(p->header, argv[3], err);
    }
    if (!st) {
        explain(p->header, p->keys);
    }
    return st;
}

int main(int argc, char **argv)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct product p = {0};
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: vendor IN OUT KEY-DB KEYSTORE PASSPHRASE [ESCROW.pem]\n");
        return 2;
    }
    envelope_status st = run(&p, argv, &err);
    if (st) {
        fprintf(stderr, "vendor: %s (%s)\n", err.message, envelope_status_name(st));
    }
    envelope_payload_free(p.payload); /* any order will do */
    envelope_header_free(p.header);
    envelope_dek_free(p.dek);
    envelope_keyring_free(p.keys);
    envelope_kms_free(p.kms);
    envelope_ctx_free(p.ctx);
    return st ? 1 : 0;
}

/* backup REPO KEYSTORE PASSPHRASE SOURCE: one run of a small backup program.
 * First run: creates the chain. Every run: refresh, back up, list, read a range back. */
#include <envelope/envelope.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char pin_path[] = "vm-42.pin";

/* All that a run holds. */
struct job {
    envelope_ctx *ctx;
    envelope_kms *kms;
    envelope_keyring *keys;
    envelope_store *store;
    envelope_chain *chain;
};

static size_t load_pin(const char *path, unsigned char *buf, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t n = read(fd, buf, cap);
    close(fd);
    return n > 0 ? (size_t)n : 0;
}

/* Called at the moments that matter; a real one: temporary file, fsync, rename. */
static envelope_status save_pin(void *user, const void *pin, size_t len, envelope_error *err)
{
    int fd = open(user, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int saved = fd >= 0 && write(fd, pin, len) == (ssize_t)len;
    if (fd >= 0 && close(fd)) {
        saved = 0;
    }
    return saved ? ENVELOPE_OK : envelope_error_set(err, ENVELOPE_E_IO, 0, "cannot save the pin");
}

static envelope_status open_keys(struct job *job, const char *dir, const char *passphrase,
                                 envelope_error *err)
{
    uint32_t use = ENVELOPE_USE_WRAP | ENVELOPE_USE_UNWRAP;
    envelope_status st = envelope_ctx_new(NULL, &job->ctx, err);
    if (!st) {
        st = envelope_keystore_open(job->ctx, dir, passphrase, strlen(passphrase), 0, &job->kms,
                                    err);
    }
    if (!st) {
        st = envelope_keyring_new(job->ctx, NULL, &job->keys, err);
    }
    if (!st) {
        st = envelope_keyring_add_kms(job->keys, "lab", job->kms, use, 0, err);
    }
    return st ? st : envelope_keyring_wrap_for(job->keys, "lab", "vm", err);
}

static envelope_status open_chain(struct job *job, const char *repo, envelope_error *err)
{
    static unsigned char pin[ENVELOPE_PIN_MAX];
    envelope_chain_options how = {.size = sizeof how, .name = "vm-42"};
    how.pin = pin;
    how.pin_len = load_pin(pin_path, pin, sizeof pin);
    how.save_pin = save_pin;
    how.user = pin_path;
    envelope_status st = envelope_store_dir(job->ctx, repo, ENVELOPE_DIR_CREATE, &job->store, err);
    if (st) {
        return st;
    }
    st = envelope_chain_open(job->store, job->keys, &how, &job->chain, err);
    if (st == ENVELOPE_E_NOT_FOUND) {
        st = envelope_chain_create(job->store, job->keys, &how, &job->chain, err);
    }
    return st;
}

static envelope_status copy(int fd, envelope_writer *writer, envelope_error *err)
{
    static unsigned char buf[1 << 20];
    for (;;) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n < 0) {
            return envelope_error_set(err, ENVELOPE_E_IO, 0, "cannot read the source");
        }
        if (n == 0) {
            return ENVELOPE_OK;
        }
        envelope_status st = envelope_writer_write(writer, buf, (size_t)n, err);
        if (st) {
            return st;
        }
    }
}

static envelope_status back_up(envelope_chain *chain, const char *path, uint64_t *number,
                               envelope_error *err)
{
    envelope_point_options how = {.size = sizeof how, .label = "nightly"};
    envelope_writer *writer = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return envelope_error_set(err, ENVELOPE_E_IO, 0, "cannot open the source");
    }
    envelope_status st = envelope_writer_new(chain, &how, &writer, err);
    if (!st) {
        st = copy(fd, writer, err);
    }
    if (!st) {
        st = envelope_writer_set(writer, "source", path, strlen(path), err);
    }
    if (!st) {
        st = envelope_writer_commit(writer, number, err);
    }
    envelope_writer_free(writer); /* not committed: nothing was written */
    close(fd);
    return st;
}

static envelope_status list(const envelope_chain *chain, envelope_error *err)
{
    envelope_points *points;
    envelope_status st = envelope_chain_points(chain, &points, err);
    if (st) {
        return st;
    }
    for (size_t i = 0; i < envelope_points_count(points); i++) {
        const envelope_point *p = envelope_points_at(points, i);
        printf("%4" PRIu64 "  %s  %12" PRIu64 " bytes  %s/%s v%" PRIu32 "\n", p->number,
               p->kind == ENVELOPE_FULL ? "full     " : "increment", p->bytes, p->key->kms_id,
               p->key->key_name, p->key->version);
    }
    envelope_points_free(points);
    return ENVELOPE_OK;
}

static envelope_status read_range(envelope_chain *chain, uint64_t number, uint64_t offset,
                                  envelope_error *err)
{
    unsigned char buf[4096];
    size_t got;
    envelope_reader *reader;
    envelope_status st = envelope_reader_new(chain, number, &reader, err);
    if (st) {
        return st;
    }
    st = envelope_reader_pread(reader, offset, buf, sizeof buf, &got, err);
    if (!st && got > 0) {
        printf("%zu of %" PRIu64 " bytes, first is %02x\n", got, envelope_reader_bytes(reader),
               buf[0]);
    }
    envelope_reader_free(reader);
    return st;
}

static envelope_status run(struct job *job, char **argv, envelope_error *err)
{
    uint32_t rotated;
    uint64_t number;
    envelope_status st = open_keys(job, argv[2], argv[3], err);
    if (!st) {
        st = open_chain(job, argv[1], err);
    }
    if (!st) {
        st = envelope_chain_refresh(job->chain, 0, &rotated, err);
    }
    if (!st) {
        st = back_up(job->chain, argv[4], &number, err);
    }
    if (!st) {
        st = list(job->chain, err);
    }
    return st ? st : read_range(job->chain, number, 1u << 20, err);
}

int main(int argc, char **argv)
{
    envelope_error err = ENVELOPE_ERROR_INIT;
    struct job job = {0};
    if (argc != 5) {
        fprintf(stderr, "usage: backup REPO KEYSTORE PASSPHRASE SOURCE\n");
        return 2;
    }
    envelope_status st = run(&job, argv, &err);
    if (st) {
        fprintf(stderr, "backup: %s (%s)\n", err.message, envelope_status_name(st));
    }
    envelope_chain_free(job.chain); /* any order will do */
    envelope_store_free(job.store);
    envelope_keyring_free(job.keys);
    envelope_kms_free(job.kms);
    envelope_ctx_free(job.ctx);
    return st ? 1 : 0;
}

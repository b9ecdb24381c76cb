#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"
#include "kms/keystore/keystore.h"
#include <string.h>
#include <unistd.h>

static struct env_ks_state *retain(struct env_ks_state *state)
{
    if (state) {
        atomic_fetch_add_explicit(&state->refs, 1, memory_order_relaxed);
    }
    return state;
}

void env_ks_state_release(struct env_ks *ks, struct env_ks_state *state)
{
    if (!state || atomic_fetch_sub_explicit(&state->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    env_keystore_file_free(ks->ctx, &state->file);
    env_free(ks->ctx, state);
}

static struct env_ks_state *newest_seen(struct env_ks *ks)
{
    pthread_mutex_lock(&ks->lock);
    struct env_ks_state *state = retain(ks->state);
    pthread_mutex_unlock(&ks->lock);
    return state;
}

static envelope_status check_mac(struct env_ks *ks, const uint8_t *bytes, size_t len,
                                 struct env_ks_state *state, const uint8_t *mac,
                                 envelope_error *err)
{
    uint8_t own[32];
    char safe[ENV_PRINTABLE_MAX];
    envelope_status st = env_ks_mac(ks, bytes, len, own, err);
    if (st) {
        return st;
    }
    if (!env_equal_secret(own, mac, sizeof own)) {
        return env_fail(err, ENVELOPE_E_AUTH,
                        "keystore %s was altered or damaged: bring it back from a copy",
                        env_printable(safe, ks->dir));
    }
    memcpy(state->mac, own, sizeof state->mac);
    return ENVELOPE_OK;
}

static envelope_status parse(struct env_ks *ks, const uint8_t *bytes, size_t len,
                             const struct env_ks_passphrase *passphrase, struct env_ks_state *state,
                             envelope_error *err)
{
    const uint8_t *mac = NULL;
    envelope_status st = env_keystore_decode(ks->ctx, bytes, len, &state->file, &mac, err);
    if (st) {
        return st;
    }
    st = ks->keys ? env_ks_same_keys(ks, &state->file, err)
                  : env_ks_unlock(ks, passphrase, &state->file, err);
    return st ? st : check_mac(ks, bytes, len, state, mac, err);
}

static envelope_status read_state(struct env_ks *ks, int dir_fd,
                                  const struct env_ks_passphrase *passphrase,
                                  struct env_ks_state **out, envelope_error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    struct env_ks_state *state = env_alloc(ks->ctx, sizeof *state);
    if (!state) {
        return env_nomem(err);
    }
    atomic_init(&state->refs, 1);
    envelope_status st = env_ks_read(ks->ctx, dir_fd, &bytes, &len, &state->identity, err);
    st = st ? st : parse(ks, bytes, len, passphrase, state, err);
    env_free(ks->ctx, bytes);
    if (st) {
        env_ks_state_release(ks, state);
        return st;
    }
    *out = state;
    return ENVELOPE_OK;
}

/* Compared with what was seen before reading began: another thread may meanwhile have seen more. */
static envelope_status not_older(struct env_ks *ks, const struct env_ks_state *before,
                                 const struct env_ks_state *now, envelope_error *err)
{
    char safe[ENV_PRINTABLE_MAX];
    if (!before || now->file.revision > before->file.revision ||
        (now->file.revision == before->file.revision && !memcmp(now->mac, before->mac, 32))) {
        return ENVELOPE_OK;
    }
    return env_fail(err, ENVELOPE_E_ROLLBACK,
                    "keystore %s is at revision %llu, but %llu was seen: an older copy was put in "
                    "its place",
                    env_printable(safe, ks->dir), (unsigned long long)now->file.revision,
                    (unsigned long long)before->file.revision);
}

/* The newer of state (taken over) and what another thread may have put there, retained. */
static struct env_ks_state *adopt(struct env_ks *ks, struct env_ks_state *state)
{
    pthread_mutex_lock(&ks->lock);
    struct env_ks_state *old = ks->state;
    bool newer = !old || state->file.revision >= old->file.revision;
    if (newer) {
        ks->state = retain(state);
    }
    struct env_ks_state *use = newer ? state : retain(old);
    pthread_mutex_unlock(&ks->lock);
    env_ks_state_release(ks, newer ? old : state);
    return use;
}

envelope_status env_ks_current(struct env_ks *ks, int dir_fd,
                               const struct env_ks_passphrase *passphrase,
                               struct env_ks_state **out, envelope_error *err)
{
    *out = NULL;
    struct env_ks_identity identity;
    envelope_status st = env_ks_identify(dir_fd, &identity, err);
    if (st) {
        return st;
    }
    struct env_ks_state *before = newest_seen(ks);
    if (before && env_ks_same_identity(&before->identity, &identity)) {
        *out = before;
        return ENVELOPE_OK;
    }
    struct env_ks_state *state = NULL;
    st = read_state(ks, dir_fd, passphrase, &state, err);
    st = st ? st : not_older(ks, before, state, err);
    env_ks_state_release(ks, before);
    if (st) {
        env_ks_state_release(ks, state);
        return st;
    }
    *out = adopt(ks, state);
    return ENVELOPE_OK;
}

envelope_status env_ks_look(struct env_ks *ks, struct env_ks_state **out, envelope_error *err)
{
    int fd;
    *out = NULL;
    envelope_status st = env_ks_dir_open(ks->dir, &fd, err);
    if (st) {
        return st;
    }
    st = env_ks_current(ks, fd, NULL, out, err);
    close(fd);
    return st;
}

envelope_status env_ks_settled(struct env_ks *ks, envelope_error *err)
{
    int fd;
    envelope_status st = env_ks_dir_open(ks->dir, &fd, err);
    if (!st) {
        st = env_ks_settle(fd, err);
        close(fd);
    }
    return st;
}

envelope_status env_ks_write(struct env_ks *ks, int dir_fd, const struct env_keystore_file *file,
                             envelope_error *err)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    envelope_status st = env_keystore_encode(ks->ctx, file, &bytes, &len, err);
    st = st ? st : env_ks_mac(ks, bytes, len, bytes + len - 32, err);
    st = st ? st : env_ks_replace(dir_fd, bytes, len, err);
    env_free(ks->ctx, bytes);
    return st;
}

static envelope_status edit_copy(struct env_ks *ks, int dir_fd, const struct env_ks_state *state,
                                 env_ks_edit edit, void *user, envelope_error *err)
{
    struct env_keystore_file copy = state->file;
    copy.room = state->file.count + 1;
    copy.entry = env_alloc_array(ks->ctx, copy.room, sizeof *copy.entry);
    if (!copy.entry) {
        return env_nomem(err);
    }
    if (copy.count) {
        memcpy(copy.entry, state->file.entry, copy.count * sizeof *copy.entry);
    }
    envelope_status st = edit(ks, &copy, user, err);
    copy.revision++;
    st = st ? st : env_ks_write(ks, dir_fd, &copy, err);
    env_free(ks->ctx, copy.entry);
    return st;
}

static envelope_status change_locked(struct env_ks *ks, int dir_fd, env_ks_edit edit, void *user,
                                     envelope_error *err)
{
    struct env_ks_state *state = NULL;
    envelope_status st = env_ks_current(ks, dir_fd, NULL, &state, err);
    st = st ? st : edit_copy(ks, dir_fd, state, edit, user, err);
    env_ks_state_release(ks, state);
    if (!st && !env_ks_current(ks, dir_fd, NULL, &state, NULL)) {
        env_ks_state_release(ks, state); /* now an older copy put in its place is noticed */
    }
    return st;
}

envelope_status env_ks_change(struct env_ks *ks, env_ks_edit edit, void *user, envelope_error *err)
{
    int dir_fd;
    int lock_fd;
    envelope_status st = env_ks_dir_open(ks->dir, &dir_fd, err);
    if (st) {
        return st;
    }
    st = env_ks_lock(dir_fd, &lock_fd, err);
    if (!st) {
        st = change_locked(ks, dir_fd, edit, user, err);
        close(lock_fd);
    }
    close(dir_fd);
    return st;
}

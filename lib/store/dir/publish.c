#include "store/dir/publish.h"
#include "base/error.h"
#include "store/dir/path.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The answer to a link that was made can get lost, and the call be made again (NFS): then it fails
 * with EEXIST and has succeeded. */
static bool there(const struct env_publish *p)
{
    struct stat s;
    return fstat(p->fd, &s) == 0 && env_dir_same(p->folder, env_dir_leaf(p->name), &s);
}

static bool no_links(int number)
{
    return number == EPERM || number == EOPNOTSUPP || number == ENOSYS;
}

static int link_to(const struct env_publish *p)
{
    int number = linkat(p->tmp, p->temp, p->folder, env_dir_leaf(p->name), 0) == 0 ? 0 : errno;
    return number && there(p) ? 0 : number;
}

static int rename_to(const struct env_publish *p)
{
    int number = renameat2(p->tmp, p->temp, p->folder, env_dir_leaf(p->name), RENAME_NOREPLACE) == 0
                     ? 0
                     : errno;
    return number && there(p) ? 0 : number;
}

static envelope_status not_named(int number, const char *name, envelope_error *err)
{
    return number == EEXIST ? env_fail(err, ENVELOPE_E_EXISTS, "%s exists already", name)
                            : env_dir_failed(err, number, "naming", name);
}

static envelope_status give_name(const struct env_publish *p, envelope_error *err)
{
    int number = link_to(p);
    if (!no_links(number)) {
        return number ? not_named(number, p->name, err) : ENVELOPE_OK;
    }
    number = rename_to(p);
    if (no_links(number) || number == EINVAL) {
        return env_fail(err, ENVELOPE_E_REFUSED,
                        "the file system has neither hard links nor a rename that replaces nothing "
                        "(%s): keep the repository on another",
                        p->name);
    }
    return number ? not_named(number, p->name, err) : ENVELOPE_OK;
}

envelope_status env_publish(const struct env_publish *p, envelope_error *err)
{
    envelope_status st = give_name(p, err);
    if (st && st != ENVELOPE_E_EXISTS) {
        return st;
    }
    /* also for one that exists: the caller will build on it, and its writer may have died here */
    int number = env_dir_sync(p->folder);
    if (!number) {
        return st;
    }
    /* a failure leaves the repository as it was */
    if (!st && there(p)) {
        (void)unlinkat(p->folder, env_dir_leaf(p->name), 0);
    }
    return env_dir_failed(err, number, "making durable", p->name);
}

"""keeper.py FOLDER COMMAND...: runs COMMAND until standard input ends, however the test ended.

Then everything that COMMAND started is killed and waited for, and FOLDER removed (unless the last
that was read is "k": keep it). PyKMIP forks two helpers that outlive a killed parent: they are
adopted here.
"""
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def reap_all():
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def main():
    folder, command = sys.argv[1], sys.argv[2:]
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with open(os.path.join(folder, "output"), "ab") as out:
        child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=out, start_new_session=True, preexec_fn=die_with_parent)
    died = os.pidfd_open(child.pid)
    said = b""
    while True:
        ready, _, _ = select.select([0, died], [], [])
        data = os.read(0, 64) if 0 in ready else b""
        said += data
        if not data:
            break
    died_alone = 0 not in ready
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    reap_all()
    if not died_alone and not said.endswith(b"k"):
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if died_alone else 0


if __name__ == "__main__":
    sys.exit(main())

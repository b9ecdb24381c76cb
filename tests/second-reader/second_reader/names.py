"""Section 2: repository and names, which are hints."""

import os
import re
import stat

from .header import MAGIC
from .rules import E_FORMAT, Reject

FOLDER = re.compile(r"((?!\.)[a-z0-9._-]{1,64})-([0-9a-f]{16})\Z")
POINT = re.compile(r"\d{8}T\d{6}Z-(full|incr|keys)-([0-9a-f]{32})\.env\Z")


class Entry:
    """A file that is, or claims to be, an object."""

    def __init__(self, path, folder):
        self.path = path
        self.folder = folder
        match = FOLDER.match(folder)
        self.chain_name, self.chain_digits = match.groups() if match else (None, None)
        point = POINT.match(os.path.basename(path))
        self.object_id = bytes.fromhex(point.group(2)) if point else None


def _begins_with_magic(path):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return os.read(fd, 8) == MAGIC
    finally:
        os.close(fd)


def scan(repo):
    """(entries, findings); findings are (path, Reject)."""
    chains = os.path.join(repo, "chains")
    entries, findings = [], []
    for folder in sorted(os.listdir(chains)):
        for part in ("meta", "points"):
            place = os.path.join(chains, folder, part)
            if os.path.islink(os.path.join(chains, folder)) or os.path.islink(place):
                continue
            if not os.path.isdir(place):
                continue
            for name in sorted(os.listdir(place)):
                path = os.path.join(place, name)
                regular = stat.S_ISREG(os.lstat(path).st_mode)
                if name.endswith(".env") and not regular:
                    findings.append((path, Reject("R-NAME-01", E_FORMAT, "not a regular file",
                                                  "name")))
                elif regular and (name.endswith(".env") or _begins_with_magic(path)):
                    entries.append(Entry(path, folder))
    return entries, findings

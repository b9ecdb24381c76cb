"""The library in a process of its own (driver.c), a line of JSON for each command."""
import json
import os
import pathlib
import subprocess

DRIVER = os.environ.get("KMIP_DRIVER", "")


class Host:
    """with Host(folder) as h: h.new(endpoints=...); h.ask("r", request)"""

    def __init__(self, folder, who="backup"):
        self.files = {"ca": folder / "ca.crt", "cert": folder / f"{who}.crt",
                      "key": folder / f"{who}.key"}

    def __enter__(self):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        return self

    def __exit__(self, kind, *unused):
        self.process.stdin.close()
        status = self.process.wait()
        self.process.stdout.close()
        assert kind or status == 0, f"the host ended with {status}"

    def command(self, *words):
        self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the host died of {words[0]}: {self.process.wait()}"
        return json.loads(line)

    def new(self, **options):
        """A client in place of the one there was."""
        self.command("free")
        words = [f"{k}={v}" for k, v in {**self.files, **options}.items() if v is not None]
        return self.command("new", *words)

    def ask(self, flags, request):
        return self.command("ask", flags or "-", request.hex())

    def exchange(self, flags, request):
        return self.command("exchange", flags or "-", request.hex())

    def sockets(self):
        """(how many, those of them that a child would inherit)"""
        count, open_ = 0, []
        folder = pathlib.Path(f"/proc/{self.process.pid}")
        for fd in os.listdir(folder / "fd"):
            if not os.readlink(folder / "fd" / fd).startswith("socket:"):
                continue
            count += 1
            info = (folder / "fdinfo" / fd).read_text().split()
            if not int(info[info.index("flags:") + 1], 8) & os.O_CLOEXEC:
                open_.append(fd)
        return count, open_

"""The KMS on paper (paper_stdio.c) as what stands behind a responder: real answers, to be spoiled."""
import os
import subprocess
import threading


class Paper:
    """with Paper() as p: Responder(lambda c: c.serve(p.answer)); p.wrapped, p.fingerprint"""

    def __enter__(self):
        self.lock = threading.Lock()
        self.process = subprocess.Popen([os.environ["KMIP_PAPER"]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.wrapped, self.fingerprint = self.process.stdout.readline().decode().split()
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def answer(self, request):
        with self.lock:
            self.process.stdin.write(request)
            self.process.stdin.flush()
            head = self.process.stdout.read(8)
            return head + self.process.stdout.read(int.from_bytes(head[4:], "big"))


OPERATION = bytes.fromhex("42005c0500000004")


def operation(message):
    """The number of the first operation in it."""
    at = message.index(OPERATION) + len(OPERATION)
    return int.from_bytes(message[at:at + 4], "big")

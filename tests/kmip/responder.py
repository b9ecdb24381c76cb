"""A KMIP server that does what a test says, byte by byte, and counts: no KMIP in it.

    with Responder(play) as r:        r.endpoint, r.connections, r.handshakes, r.requests

`play(c)` is called in a thread of its own for each connection `c`: c.handshake(), c.request(),
c.respond(bytes), and c.limit(n, how): after n more bytes on the wire the connection hangs, is
closed, or is reset. TLS is Python's, over memory, so that each byte on the wire is ours to send.
"""
import socket
import ssl
import struct
import threading
import time

import ttlv

TAG_REQUEST, TAG_RESPONSE = 0x420078, 0x42007B
PATIENCE = 120  # seconds until a thread that nobody ends, ends


def message(tag, text="x", header=0x42007A):
    """A whole message that says little; text makes it a certain one."""
    version = (0x420069, [(0x42006A, 1), (0x42006B, 4)])
    item = (0x42000F, [(0x42005C, ttlv.Enum(24)), (0x42007F, ttlv.Enum(0)),
                       (0x42007C, [(0x42009D, text)])])
    return ttlv.encode(tag, [(header, [version, (0x420092, ttlv.Date(1)), (0x42000D, 1)]), item])


REQUEST = message(TAG_REQUEST, header=0x420077)
RESPONSE = message(TAG_RESPONSE)


class Ended(Exception):
    """The connection is over, as the script or the peer wanted it."""


class Connection:
    def __init__(self, responder, sock):
        self.responder, self.sock = responder, sock
        self.left, self.how, self.drip = None, None, False
        self.cut = False      # a limit was reached
        self.wire = 0         # bytes sent
        self.said_goodbye = False
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = responder.context.wrap_bio(self.inward, self.outward, server_side=True)

    def limit(self, count, how):
        self.left, self.how = count, how

    def handshake(self):
        self._until_done(self.tls.do_handshake)
        self.responder.count("handshakes")

    def request(self):
        """The bytes of one request."""
        head = self._exactly(8)
        body = self._exactly(int.from_bytes(head[4:], "big"))
        self.responder.count("requests")
        return head + body

    def respond(self, data):
        self.tls.write(data)
        self._flush()

    def raw(self, data):
        """Bytes on the wire that are no TLS of ours."""
        self._send(data)

    def serve(self, answer=RESPONSE):
        """Handshake, then the answer to each request (or what answer(request) gives)."""
        self.handshake()
        while True:
            request = self.request()
            self.respond(answer(request) if callable(answer) else answer)

    def hang(self):
        """Until the peer goes away."""
        self.sock.settimeout(PATIENCE)
        while self.sock.recv(65536):
            pass
        raise Ended

    def close(self):
        self.sock.close()
        raise Ended

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def goodbye(self):
        """close_notify, then the end."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self._flush()
        self.close()

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            data += self._until_done(lambda: self.tls.read(count - len(data)))
        return data

    def _until_done(self, step):
        while True:
            try:
                result = step()
                self._flush()
                if result == b"":
                    self.said_goodbye = True
                    self.responder.count("goodbyes")
                    raise Ended
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if not data:
                    raise Ended from None
                self.inward.write(data)
            except ssl.SSLZeroReturnError:
                self.responder.count("goodbyes")
                raise Ended from None
            except ssl.SSLError:
                self._flush()  # the alert
                raise

    def _flush(self):
        self._send(self.outward.read())

    def _send(self, data):
        if self.left is not None and len(data) >= self.left:
            self._put(data[:self.left])
            self.cut = True
            self.responder.count("cuts")
            getattr(self, self.how)()
        if self.left is not None:
            self.left -= len(data)
        self._put(data)

    def _put(self, data):
        self.wire += len(data)
        if not self.drip:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])
            time.sleep(self.drip)


class Responder:
    def __init__(self, play, folder, certificate="server", version=ssl.TLSVersion.TLSv1_3,
                 host="127.0.0.1", ca="ca"):
        self.play = play
        self.lock = threading.Lock()
        self.connections = self.handshakes = self.requests = self.cuts = self.goodbyes = 0
        self.wire = []         # bytes sent on each connection that has ended
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / f"{certificate}.crt", folder / f"{certificate}.key")
        self.context.load_verify_locations(folder / f"{ca}.crt")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.minimum_version = self.context.maximum_version = version
        self.sockets = set()
        self.listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host
                                             else socket.AF_INET, backlog=128)
        self.port = self.listener.getsockname()[1]
        self.endpoint = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def count(self, what):
        with self.lock:
            setattr(self, what, getattr(self, what) + 1)

    def __enter__(self):
        self.accepting = threading.Thread(target=self._accept, daemon=True)
        self.accepting.start()
        return self

    def __exit__(self, *unused):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for sock in self.sockets:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.sockets.add(sock)
            threading.Thread(target=self._run, args=(sock,), daemon=True).start()

    def _run(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c = Connection(self, sock)
        try:
            self.play(c)
        except (Ended, OSError):  # ssl.SSLError is an OSError: the peer refused, or went away
            pass
        finally:
            with self.lock:
                self.wire.append(c.wire)
                self.sockets.discard(sock)
            sock.close()


class BlackHole:
    """A port whose SYN nobody answers: the backlog of its listener is full."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.endpoint = f"127.0.0.1:{self.port}"
        self.filling = []
        while True:
            s = socket.socket()
            s.settimeout(0.3)
            self.filling.append(s)
            try:
                s.connect(("127.0.0.1", self.port))
            except OSError:
                return self

    def __exit__(self, *unused):
        for s in self.filling + [self.listener]:
            s.close()


class Dead:
    """A port where nobody listens, kept from others by being bound."""

    def __enter__(self):
        self.held = socket.socket()
        self.held.bind(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self.held.getsockname()[1]}"
        return self

    def __exit__(self, *unused):
        self.held.close()

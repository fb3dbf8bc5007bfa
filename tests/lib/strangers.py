"""Strangers at a door: a program that opens connections from many addresses and means no good; run by Strangers.

Each of the addresses from --first on (127.H.0.1, 127.H.0.2, …; with IPv6 one of each /64 of 2001:db8:H::/48) keeps its number
of connections open, all of them doing the same, and opens another as soon as one is closed. At the end it says what it did, as
one line of JSON.
"""
import argparse
import collections
import errno
import ipaddress
import json
import pathlib
import re
import resource
import select
import signal
import socket
import sys
import time

if __name__ != "__main__":
    import kit

BODY = 2 << 20
HEAD = "POST {path} HTTP/1.1\r\nHost: bridge\r\n"


class Silent:
    """Connects and says nothing, or what it has to say and no more."""
    hold_s = None  # when it gives up by itself

    def __init__(self, options):
        self.path = options.path
        self.hold_s = options.hold or self.hold_s

    def first(self):
        return b""

    def later(self, pieces):
        """What to send now, a while after so many @pieces; None: nothing more."""
        return None

    def answered(self, data):
        """What to send after an answer; None: this connection is over."""
        return None


class Slowloris(Silent):
    """A head that never ends, a line at a time."""

    def first(self):
        return HEAD.format(path=self.path).encode()

    def later(self, pieces):
        return b"X-Line: y\r\n"


class Bodies(Silent):
    """A large body: most of it at once, then small pieces that fill what room is left, but never the last bytes."""
    signature = "X-Signature: " + "0" * 40
    hold_s = 12

    def __init__(self, options):
        super().__init__(options)
        head = HEAD.format(path=self.path) + f"{self.signature}\r\nContent-Length: {options.size}\r\n\r\n"
        self.bytes = head.encode() + b"x" * max(0, options.size - 8000)

    def first(self):
        return self.bytes

    def later(self, pieces):
        return b"x" * 150 if pieces < 50 else None


class Signed(Bodies):
    """The same, as a service that would prove itself with a signature."""
    signature = "webhook-signature: v1,AAAA\r\nwebhook-id: a\r\nwebhook-timestamp: 1767225610"


class Token(Bodies):
    """The same, as a service that has a token and means no good."""

    def __init__(self, options):
        self.signature = "Authorization: Bearer " + options.token
        super().__init__(options)


class Wrong(Bodies):
    """Whole requests with a wrong signature, one after the other."""

    def __init__(self, options):
        super().__init__(options)
        self.bytes += b"x" * min(options.size, 8000)

    def later(self, pieces):
        return None

    def answered(self, data):
        return None if b"connection: close" in data.lower() else self.bytes


KINDS = {"silent": Silent, "slowloris": Slowloris, "bodies": Bodies, "signed": Signed, "token": Token,
         "wrong": Wrong}


class Crowd:
    """All connections of all addresses, on one epoll."""

    def __init__(self, options):
        self.kind = KINDS[options.kind](options)
        self.options = options
        self.epoll = select.epoll()
        self.open = {}                       # descriptor: [socket, address, bytes to send, sent, since, was connected, pieces]
        self.missing = collections.deque()   # addresses that lack a connection
        for _ in range(options.connections):
            self.missing.extend(self.address(n) for n in range(options.addresses))
        self.said = collections.Counter()
        self.stopping = False

    def address(self, n):
        if self.options.six:
            return f"2001:db8:{self.options.net}:{n:x}::1"
        return str(ipaddress.ip_address(self.options.first or f"127.{self.options.net}.0.1") + n)

    def dial(self, address):
        s = socket.socket(socket.AF_INET6 if self.options.six else socket.AF_INET)
        s.setblocking(False)
        s.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: as many ports as there are peers
        s.bind((address, 0))
        code = s.connect_ex((self.options.to or ("::1" if self.options.six else "127.0.0.1"), self.options.port))
        if code not in (0, errno.EINPROGRESS):
            s.close()
            self.missing.append(address)
            self.said["no_connection"] += 1
            return
        self.open[s.fileno()] = [s, address, self.kind.first(), 0, time.monotonic(), False, 0]
        self.epoll.register(s.fileno(), select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP)
        self.said["connections"] += 1

    def end(self, fd, why):
        s, address = self.open.pop(fd)[:2]
        s.close()
        self.missing.append(address)
        self.said[why] += 1

    def send(self, fd):
        one = self.open[fd]
        one[5] = True
        left = memoryview(one[2])[one[3]:]
        if not left:
            self.epoll.modify(fd, select.EPOLLIN | select.EPOLLRDHUP)
            return
        n = one[0].send(left[:1 << 18])
        one[3] += n
        self.said["bytes"] += n

    def read(self, fd):
        one = self.open[fd]
        data = one[0].recv(1 << 16)
        if not data:
            self.end(fd, "closed")
            return
        status = re.match(rb"HTTP/1\.. (\d+)", data)
        if status:
            self.said[status[1].decode()] += 1
        more = self.kind.answered(data)
        if more is None:
            self.end(fd, "answered")
            return
        one[2], one[3], one[4] = more, 0, time.monotonic()
        self.epoll.modify(fd, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP)

    def event(self, fd, events):
        try:
            if fd in self.open and events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR | select.EPOLLRDHUP):
                self.read(fd)
            if fd in self.open and events & select.EPOLLOUT:
                self.send(fd)
        except BlockingIOError:
            pass
        except OSError:
            self.end(fd, "reset")

    def tick(self, now):
        for fd, one in list(self.open.items()):
            more = self.kind.later(one[6]) if one[5] and one[3] == len(one[2]) else None
            if more:
                one[2], one[3], one[6] = more, 0, one[6] + 1
                self.event(fd, select.EPOLLOUT)
            elif self.kind.hold_s and now - one[4] > self.kind.hold_s:
                self.end(fd, "given_up")

    def run(self):
        ready, ticked, credit, before = False, time.monotonic(), 0.0, time.monotonic()
        while not self.stopping:
            now = time.monotonic()
            credit = min(credit + (now - before) * self.options.rate, 200)
            before = now
            while self.missing and credit >= 1:
                credit -= 1
                self.dial(self.missing.popleft())
            for fd, events in self.epoll.poll(0.01, 512):
                self.event(fd, events)
            if now - ticked > 0.2:
                ticked = now
                self.tick(now)
            if not ready and self.said["connections"] >= min(self.options.addresses * self.options.connections, self.options.rate):
                ready = True
                print("ready", flush=True)
        print("did " + json.dumps(self.said), flush=True)


def main():
    words = argparse.ArgumentParser()
    words.add_argument("kind", choices=KINDS)
    words.add_argument("port", type=int)
    for name, value in ("addresses", 1), ("connections", 64), ("net", 40), ("size", BODY), ("rate", 500), ("six", 0), ("hold", 0):
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--path", default="/messages/nobody")
    for name in "token", "to", "first":
        words.add_argument(f"--{name}", default="")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    crowd = Crowd(words.parse_args())
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda *_: setattr(crowd, "stopping", True))
    crowd.run()


if __name__ == "__main__":
    main()
else:
    class Strangers(kit.Process):
        """The program, as the kit's processes are; @did after stop()."""
        n = 0

        def __init__(self, directory, kind, port, **options):
            Strangers.n += 1
            words = [word for name, value in options.items() for word in (f"--{name}", value)]
            super().__init__(f"strangers-{Strangers.n}", [sys.executable, pathlib.Path(__file__), kind, port, *words], None,
                             directory)
            self.start()
            self.wait_line("^ready$")

        def stop(self, timeout=30):
            code = super().stop(timeout)
            self.did = json.loads(self.wait_line("^did (.*)")[1])
            return code

"""Addresses a stranger may write into a connector's url to make the bridge call what is not his.

All of it happens in a network namespace in which every address of the table is a local one with a service behind it:
what is dialled is reached, and seen."""
import socket
import threading

import pytest

from egress_harness import (DEAD, DONE, HOLD, SERVICE_TEST, Bench, Remote, answer, outcome, registry, to_service,
                            wait_for)
from netns import NameServer, Namespace, lent

PUBLIC, PUBLIC6 = "93.184.215.14", "2606:4700::1234"
LOCAL = ["10.1.2.3", "100.64.0.1", "100.100.100.200", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.1",
         "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "203.0.113.7", "fd00:ec2::254", "fc00::1", "fe80::1",
         "fec0::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2001:db8::1",
         "2001::1", "100::1", "3fff::1"]
HOSTS = "169.254.169.254 metadata.google.internal metadata\n100.100.100.200 metadata.tencentyun.com\n" \
        "127.0.0.1 localhost.localdomain intranet\n::1 ip6-localhost\n"
NAMES = {"localhost": ["127.0.0.1"], "loop.test": ["127.0.0.1"], "loop6.test": ["::1"], "mapped.test": ["::ffff:127.0.0.1"],
         "inside.test": ["10.1.2.3"], "meta.test": ["169.254.169.254"], "both.test": ["127.0.0.1", "::1"],
         "zero.test": ["0.0.0.0"], "127.0.0.1.nip.test": ["127.0.0.1"]}

# host parts of addresses, all of them private in the end
TRICKS = {
    "plain": "127.0.0.1", "all of 127": "127.255.255.254", "decimal": "2130706433", "octal": "017700000001",
    "hexadecimal": "0x7f000001", "dotted octal": "0177.0.0.1", "dotted hexadecimal": "0x7f.0x0.0x0.0x1",
    "short": "127.1", "three parts": "127.0.1", "mixed": "0x7f.1", "leading zeros": "0000177.0.0.01",
    "percent": "%31%32%37.0.0.1", "percent dots": "127%2e0%2e0%2e1", "zero": "0", "any": "0.0.0.0",
    "zero in hexadecimal": "0x0", "ten": "10.1.2.3", "ten in decimal": "167838211", "shared": "100.64.0.1",
    "private 172": "172.16.0.1", "private 172 high": "172.31.255.1", "private 192": "192.168.1.1",
    "metadata": "169.254.169.254", "metadata in decimal": "2852039166", "metadata in octal": "0251.0376.0251.0376",
    "metadata of Alibaba": "100.100.100.200", "metadata of Azure": "168.63.129.16", "metadata of Oracle": "192.0.0.192",
    "metadata of EC2 in IPv6": "[fd00:ec2::254]", "benchmark": "198.18.0.1", "documentation": "203.0.113.7",
    "broadcast": "255.255.255.255", "multicast": "224.0.0.1", "reserved": "240.0.0.1",
    "IPv6 loopback": "[::1]", "IPv6 loopback in full": "[0000:0000:0000:0000:0000:0000:0000:0001]", "IPv6 any": "[::]",
    "mapped": "[::ffff:127.0.0.1]", "mapped in hexadecimal": "[::ffff:7f00:1]", "mapped ten": "[::ffff:10.1.2.3]",
    "compatible": "[::127.0.0.1]", "NAT64 loopback": "[64:ff9b::7f00:1]", "NAT64 metadata": "[64:ff9b::169.254.169.254]",
    "local NAT64": "[64:ff9b:1::7f00:1]", "6to4": "[2002:7f00:1::1]", "ULA": "[fc00::1]",
    "link-local with a zone": "[fe80::1%25lo]", "site-local": "[fec0::1]", "IPv6 multicast": "[ff02::1]",
    "IPv6 documentation": "[2001:db8::1]", "Teredo": "[2001::1]", "discard": "[100::1]",
    "localhost": "localhost", "LOCALHOST": "LOCALHOST", "localhost.": "localhost.", "a.localhost": "a.localhost",
    "localhost.localdomain": "localhost.localdomain", "a word of hosts": "intranet", "ip6-localhost": "ip6-localhost",
    "metadata by name": "metadata.google.internal", "metadata in a word": "metadata",
    "metadata of Tencent": "metadata.tencentyun.com", "name of loopback": "loop.test", "name of ::1": "loop6.test",
    "name of mapped": "mapped.test", "name of ten": "inside.test", "name of metadata": "meta.test",
    "name of both": "both.test", "name of zero": "zero.test", "name that looks like an address": "127.0.0.1.nip.test",
    "user before": "amojo.amocrm.ru@127.0.0.1", "user and password": f"{PUBLIC}:443@127.0.0.1",
}
# unusual ports of addresses that would be there
PORTS = {"ssh": 22, "redis": 6379, "smtp": 25, "the worker's own metrics": 9103, "the highest": 65535}


class Everywhere(Remote):
    """The same service at every address of the namespace; keeps where each connection came to."""

    def __init__(self, port, behave, tls=None):
        self.behave, self.tls = behave, tls
        self.requests, self.connections, self.handshakes, self.failed_handshakes = [], 0, 0, 0
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.where, self.open = [], set()
        self.listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)
        self.port = port
        threading.Thread(target=self._accept, daemon=True).start()

    def _serve(self, raw, number):
        with self.lock:
            self.where.append(raw.getsockname()[0].removeprefix("::ffff:"))
        super()._serve(raw, number)

    def hang_up(self):
        with self.lock:
            for conn in list(self.open):
                try:
                    conn.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


class Place:
    """The namespace with its services, its name server and a worker in it."""

    def __init__(self, authority):
        self.bench, self.space = Bench(), Namespace([PUBLIC, PUBLIC6, *LOCAL], HOSTS)
        self.authority, self.dns, self.version, self.number = authority, None, 1, 0
        self.connectors, self.behave = {}, lambda request: answer(200, {})

    def start(self):
        self.space.start()
        self.dns = self.space.run_inside(NameServer)
        self.dns.names.update(NAMES)
        tls = self.authority.server("rebind.test")
        self.tls = self.space.run_inside(lambda: Everywhere(443, lambda request: self.behave(request), tls))
        self.plain = self.space.run_inside(lambda: Everywhere(80, lambda request: answer(200, {})))
        self.bench.remotes += [self.tls, self.plain]
        self.core = self.bench.start_core(registry("http://127.0.0.1:80"))
        self.bench.worker(prefix=self.space.prefix, **{"egress/ca_file": self.authority.ca, "egress/connect_ms": 3000})
        self.core.wait_hello()
        return self

    def stop(self):
        self.bench.close()
        if self.dns:
            self.dns.close()
        self.space.stop()

    def connect(self, name, url, allow=False):
        self.connectors[name] = (name, url, allow)
        self.version += 1
        self.core.send(self.core.peer, "REGISTRY",
                       registry("http://127.0.0.1:80", self.connectors.values(), version=self.version))

    def call(self, name, **more):
        """One command to the connector; its result."""
        self.number += 1
        self.core.push(to_service(self.number, connector=name, **more))
        return self.core.result()

    def seen(self):
        return len(self.tls.where) + len(self.plain.where)


@pytest.fixture(scope="module")
def place(authority):
    yield from lent(Place(authority))


@pytest.mark.parametrize("trick", TRICKS)
def test_no_form_of_a_private_address_is_dialled(place, trick):
    before = place.seen()
    place.connect("trick", f"https://{TRICKS[trick]}/hook")
    for kind in ({}, {"kind": SERVICE_TEST}):
        result = place.call("trick", **kind)
        assert outcome(result) == (HOLD, "private"), result
        assert result["stage"] == "address" and "status" not in result
    assert place.seen() == before


@pytest.mark.parametrize("trick", ["plain", "decimal", "octal", "hexadecimal", "short", "percent", "ten", "metadata",
                                   "metadata of EC2 in IPv6", "IPv6 loopback", "mapped", "NAT64 loopback", "6to4",
                                   "localhost", "metadata by name", "name of ten", "link-local with a zone"])
def test_the_same_addresses_are_reached_by_who_may(place, trick):
    """That nothing was dialled above is the worker's doing: the way is there."""
    place.connect("open", f"http://{TRICKS[trick]}/hook", allow=True)
    assert outcome(place.call("open", kind=SERVICE_TEST)) == (DONE, "none")
    assert place.plain.where[-1] not in (PUBLIC, PUBLIC6)


@pytest.mark.parametrize("port", PORTS)
def test_no_port_of_a_private_address_is_dialled(place, port):
    hit = place.space.run_inside(lambda: Everywhere(PORTS[port], lambda request: answer(200)))
    try:
        for host in ("127.0.0.1", "10.1.2.3", "[::1]", "loop.test"):
            place.connect("port", f"https://{host}:{PORTS[port]}/")
            assert outcome(place.call("port")) == (HOLD, "private")
        assert hit.where == []
    finally:
        hit.close()


@pytest.mark.parametrize("where", ["https://127.0.0.1/", "https://[::1]/", "http://169.254.169.254/latest/meta-data",
                                   "https://loop.test/", "//127.0.0.1/", "http://localhost:80/"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_a_private_address_is_never_followed(place, status, where):
    place.behave = lambda request: answer(status, b"", [("Location", where)])
    place.dns.names["rebind.test"] = [PUBLIC]
    place.connect("redirect", "https://rebind.test/")
    before = len(place.tls.where)
    plain = len(place.plain.where)
    assert outcome(place.call("redirect")) == (HOLD, "redirect")
    assert set(place.tls.where[before:]) <= {PUBLIC} and len(place.plain.where) == plain
    place.behave = lambda request: answer(200, {})


def test_a_public_address_is_reached_at_all(place):
    place.dns.names["rebind.test"] = [PUBLIC]
    place.connect("public", "https://rebind.test/")
    assert outcome(place.call("public", kind=SERVICE_TEST)) == (DONE, "none")
    assert place.tls.where[-1] == PUBLIC


@pytest.mark.parametrize("inside", ["127.0.0.1", "::1", "10.1.2.3", "169.254.169.254", "fd00:ec2::254"])
def test_a_name_that_changes_its_answer_reaches_nothing_inside(place, inside):
    """Public when it is looked at first, private at the next look: what counts is what is dialled."""
    asked = place.dns.times("rebind.test")
    place.dns.names["rebind.test"] = lambda times: [PUBLIC] if times <= asked + 1 else [inside]
    place.connect("rebind", "https://rebind.test/")
    before = len(place.tls.where)
    assert outcome(place.call("rebind", kind=SERVICE_TEST)) == (DONE, "none")
    for _ in range(3):
        assert outcome(place.call("rebind", kind=SERVICE_TEST)) == (HOLD, "private")
    assert place.dns.times("rebind.test") >= asked + 4  # it was asked anew each time
    assert place.tls.where[before:] == [PUBLIC]


def test_a_private_address_behind_a_public_one_that_does_not_answer_is_not_dialled(place):
    """The next address of the same answer is looked at like the first."""
    hit = place.space.run_inside(lambda: socket.create_server(("127.0.0.1", 8443)))
    place.dns.names["two.test"] = [PUBLIC, "127.0.0.1"]
    place.connect("two", "https://two.test:8443/")
    result = place.call("two")
    assert result["outcome"] == HOLD and result["stage"] in ("connect", "address")
    hit.setblocking(False)
    with pytest.raises(BlockingIOError):
        hit.accept()
    hit.close()


def test_a_kept_connection_stays_where_it_is_when_its_name_moves_inside(place):
    place.dns.names["rebind.test"] = [PUBLIC]
    place.connect("keep", "https://rebind.test/keep")
    before = len(place.tls.where)
    assert outcome(place.call("keep")) == (DONE, "none")
    place.dns.names["rebind.test"] = ["127.0.0.1"]
    for _ in range(3):
        assert outcome(place.call("keep")) == (DONE, "none")
    assert set(place.tls.where[before:]) <= {PUBLIC}
    place.tls.hang_up()  # now a new one is needed
    wait_for(lambda: not place.tls.open, "no connection")
    result = place.call("keep")
    assert outcome(result) in ((DONE, "none"), (HOLD, "private"))
    assert "127.0.0.1" not in place.tls.where[before:]


def test_a_connection_kept_for_who_may_is_not_lent_to_who_may_not(place):
    place.dns.names["rebind.test"] = ["127.0.0.1"]
    place.connect("may", "https://rebind.test/", allow=True)
    assert outcome(place.call("may")) == (DONE, "none")
    place.connect("may-not", "https://rebind.test/")
    before = place.seen()
    assert outcome(place.call("may-not", kind=SERVICE_TEST)) == (HOLD, "private")
    assert place.seen() == before

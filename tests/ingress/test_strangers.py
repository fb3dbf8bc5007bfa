"""Strangers at the door cost amojo nothing: the short form of ./dev bench strangers, and what they may hold."""
import os
import resource
import signal
import socket
import sys
import time

import pytest

import kit
import siege
from ingress_harness import DEADLINE, TOKEN, hook, message, sign, wait_for
from test_limits import head

SHORT_S = 5
CHOSEN = ["one_bodies", "17_silent", "100_slowloris", "100_bodies", "5_signed", "one_wrong", "hostile_service",
          "six_one_network", "nginx_unbuffered_17_bodies", "caddy_100_bodies", "unknown_caddy_17_wrong", "fresh_17_wrong",
          "fresh_3000_silent", "fresh_caddy_100_bodies", "restart_100_slowloris", "restart_caddy_100_bodies"]


@pytest.mark.parametrize("name", CHOSEN)
def test_strangers_cost_amojo_no_webhook_and_no_second(name):
    case = siege.SIEGES[name]
    if case.proxy and not siege.is_there(case.proxy):
        pytest.skip(f"{case.proxy} is not installed")
    if case.six and not siege.namespace_works():
        pytest.skip("no network namespace, or no IPv6, can be had here")
    run = kit.run(sys.executable, kit.ROOT / "tests" / "bench" / "strangers.py", SHORT_S, name,
                  env=os.environ | {"AMO_BIN_DIR": str(kit.BIN)}, timeout=4 * DEADLINE)
    print(run.stdout)
    assert run.returncode == 0 and "lost 0, late 0" in run.stdout, run.stdout + run.stderr


# connects, and sends all that is taken without anybody who reads; then says how many bytes the kernel keeps of each
UNREAD = """
import socket
def pages():
    return int(open("/proc/net/sockstat").read().split("TCP:")[1].split("\\n")[0].split()[-1])
door, before, kept = socket.create_server(("127.0.0.1", 0), backlog=256), pages(), []
for i in range(200):
    kept.append(s := socket.create_connection(door.getsockname()))
    s.settimeout(0.01)
    try:
        while s.send(bytes(1 << 16)):
            pass
    except TimeoutError:
        pass
print((pages() - before) * 4096 // 200)
"""


def test_a_siege_that_nobody_reads_leaves_the_host_its_memory_for_tcp():
    """2,000 connections with a large body are the most that a siege has: half a GiB then."""
    if not siege.namespace_works():
        pytest.skip("no network namespace can be had here")
    run = kit.run(*siege.NAMESPACE, sys.executable, "-c", UNREAD)
    assert run.returncode == 0, run.stderr
    assert 16 << 10 < int(run.stdout) <= 256 << 10, run.stdout


def test_a_network_of_ipv6_has_the_share_of_four_addresses(make):
    make.core()
    ingress = make(amo_ingress_trusted_proxies="127.0.0.1", amo_ingress_max_connections_per_address=2)
    ingress.wait_log("what=registry.new")

    def unfinished(who):
        return dial(ingress, "127.0.0.1", head("X-Signature: 0", f"X-Forwarded-For: {who}", "Content-Length: 100"))

    ingress.held += (one := [unfinished("2001:db8:1::1"), unfinished("2001:db8:1::2"), unfinished("2001:db8:1:0:ffff::1")])
    wait_for(lambda: closed(one[0]), "the end of the first of one /64")
    ingress.held += (more := [unfinished(f"2001:db8:1:{i}::1") for i in range(1, 8)])
    wait_for(lambda: closed(one[1]), "the end of the longest of the /48")
    ingress.held.append(beside := unfinished("2001:db8:2::1"))
    wait_for(lambda: ingress.metric("amo_connections_strangers") == 9, "eight of one /48 and one of another")
    assert not any(map(closed, [one[2], *more, beside]))


def dial(ingress, source, data=b""):
    s = socket.create_connection(("127.0.0.1", ingress.port), DEADLINE, (source, 0))
    s.sendall(data)
    return s


def closed(s):
    s.setblocking(False)
    try:
        return s.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def webhook(ident, source=None, ingress=None, s=None):
    """One of amojo's, on @s or on a connection of its own that is kept."""
    body = hook(ident)
    s = s or dial(ingress, source)
    s.settimeout(DEADLINE)
    s.sendall(head(f"X-Signature: {sign(body)}", f"Content-Length: {len(body)}") + body)
    assert s.recv(1000).startswith(b"HTTP/1.1 200")
    return s


@pytest.fixture
def narrow(make):
    """Few places: 16 in all, 4 for an address; so strangers may have 12."""
    core = make.core()
    ingress = make(amo_ingress_max_connections=16, amo_ingress_max_connections_per_address=4)
    ingress.wait_log("what=registry.new")
    held = ingress.held
    yield ingress, held
    assert core


def test_an_address_over_its_share_loses_its_longest_connection_not_its_newest(narrow):
    ingress, held = narrow
    held += [dial(ingress, "127.1.1.1") for _ in range(4)]
    assert ingress.request("GET", "/healthz").status == 200
    held.append(dial(ingress, "127.1.1.1"))
    wait_for(lambda: closed(held[0]), "the end of the longest")
    assert not any(closed(s) for s in held[1:])
    assert ingress.metric("amo_put_out_total", reason="address") == 1


def test_an_address_that_verified_lately_holds_as_many_as_it_likes_and_strangers_do_not_move_them(narrow):
    ingress, held = narrow
    kept = [webhook(f"k{i}", "127.9.9.9", ingress) for i in range(13)]
    held += kept
    for i in range(40):                                          # from forty addresses
        held.append(dial(ingress, f"127.1.1.{i + 1}", head("X-Signature: 0", "Content-Length: 100")))
    wait_for(lambda: sum(closed(s) for s in held[13:]) >= 37, "the ends of those for whom there is no room")
    assert not any(closed(s) for s in kept)
    for i, s in enumerate(kept):
        webhook(f"again{i}", s=s)
    assert ingress.metric("amo_put_out_total", reason="room") >= 37


def test_a_known_address_holds_hundreds_of_connections_through_a_siege(make):
    """With the limits as they are: amojo's senders keep what they open, and come from one address or two."""
    make.core()
    ingress = make()
    ingress.wait_log("what=registry.new")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    try:
        ingress.held += (kept := [webhook(f"k{i}", "127.9.9.9", ingress) for i in range(600)])
        ingress.held += [dial(ingress, f"127.1.1.{i % 100 + 1}") for i in range(1000)]
        wait_for(lambda: ingress.metric("amo_put_out_total", reason="room") >= 500, "the ends of most strangers")
        for i, s in enumerate(kept):
            webhook(f"again{i}", s=s)
        assert not any(map(closed, kept))
        for s in ingress.held:
            s.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_when_everybody_is_known_a_services_idle_connection_goes_before_amojos(narrow):
    ingress, held = narrow
    kept = [webhook(f"k{i}", "127.9.9.9", ingress) for i in range(8)]
    services = []
    for i in range(8):
        body = message(f"s{i}")
        s = dial(ingress, "127.8.8.8", head(f"Authorization: Bearer {TOKEN}", f"Content-Length: {len(body)}",
                                            path="/v1/connectors/mobilon/messages") + body)
        assert s.recv(1000).startswith(b"HTTP/1.1 202")
        services.append(s)
    held += kept + services
    for i in range(4):
        webhook(f"new{i}", "127.7.7.7", ingress).close()         # from an address never seen: it has to get in
    assert not any(closed(s) for s in kept)
    assert [closed(s) for s in services] == [True] + [False] * 7 or sum(closed(s) for s in services) <= 4


def test_with_few_descriptors_there_are_fewer_places_and_nobody_has_to_wait(make):
    core = make.core()
    ingress = make(wrap=["prlimit", "--nofile=300:300"])
    ingress.wait_log("what=registry.new")
    for i in range(400):
        ingress.held.append(dial(ingress, f"127.1.1.{i % 100 + 1}"))
    for i in range(5):
        webhook(f"w{i}", "127.9.9.9", ingress).close()
    core.wait_events(5)
    ingress.wait_log("what=places.short connections=")
    assert 50 < ingress.metric("amo_connections") <= 150
    assert ingress.metric("amo_put_out_total", reason="room") >= 250


def test_behind_a_trusted_proxy_whoever_asks_has_the_share_of_an_address(make):
    make.core()
    ingress = make(amo_ingress_trusted_proxies="127.0.0.1", amo_ingress_max_connections_per_address=4)
    ingress.wait_log("what=registry.new")

    def unfinished(who):
        return dial(ingress, "127.0.0.1", head("X-Signature: 0", f"X-Forwarded-For: {who}", "Content-Length: 100"))

    ingress.held += (mine := [unfinished("203.0.113.7") for _ in range(4)])
    wait_for(lambda: ingress.metric("amo_connections_strangers") == 4, "four requests under way")
    ingress.held += (more := [unfinished("203.0.113.7") for _ in range(4)])
    ingress.held.append(other := unfinished("203.0.113.8"))
    wait_for(lambda: all(map(closed, mine)), "the ends of the first four")
    assert not any(map(closed, [*more, other]))


def test_a_stop_waits_for_who_is_known_and_hardly_for_strangers(make):
    """The door is shut for amojo meanwhile; here it stays so for less than somebody known may take, let alone a request."""
    make.core()
    ingress = make(amo_drain_ms=20000)
    ingress.wait_log("what=registry.new")
    body = hook("known")
    known = webhook("k", "127.9.9.9", ingress)
    known.sendall(head(f"X-Signature: {sign(body)}", f"Content-Length: {len(body)}") + body[:20])
    strangers = [dial(ingress, "127.1.1.1"), dial(ingress, "127.1.1.2", head("X-Signature: 0")[:-4]),
                 dial(ingress, "127.1.1.3", head("X-Signature: 0", "Content-Length: 100"))]
    service = dial(ingress, "127.8.8.8", head(f"Authorization: Bearer {TOKEN}", "Content-Length: 100",
                                              path="/v1/connectors/mobilon/messages"))
    ingress.held += [known, service, *strangers]
    wait_for(lambda: ingress.metric("amo_connections") == 5, "all of them")
    ingress.signal(signal.SIGTERM)
    wait_for(lambda: all(map(closed, strangers)), "the ends of strangers")
    assert not closed(known)
    known.settimeout(DEADLINE)
    known.sendall(body[20:])
    assert known.recv(1000).startswith(b"HTTP/1.1 200")
    wait_for(lambda: closed(service), "the end of a service, which will repeat")
    assert ingress.wait_end() == 0


def test_whoever_knocked_before_a_stop_is_answered_also_behind_a_crowd(narrow):
    ingress, held = narrow
    webhook("before", "127.9.9.9", ingress).close()
    ingress.signal(signal.SIGSTOP)                               # so that all of them wait in the kernel's queue
    held += [dial(ingress, f"127.1.{i // 100}.{i % 100 + 1}") for i in range(400)]
    body = hook("behind")
    held.append(amojo := dial(ingress, "127.9.9.9", head(f"X-Signature: {sign(body)}", f"Content-Length: {len(body)}") + body))
    ingress.signal(signal.SIGTERM)
    ingress.signal(signal.SIGCONT)
    amojo.settimeout(DEADLINE)
    assert amojo.recv(1000).startswith(b"HTTP/1.1 200")
    assert ingress.wait_end() == 0


def test_when_places_are_short_strangers_have_three_seconds_and_others_ten(narrow):
    ingress, held = narrow
    webhook("known", "127.9.9.9", ingress).close()
    held.append(known := dial(ingress, "127.9.9.9", head("X-Signature: 0", "Content-Length: 100")))
    held += (strangers := [dial(ingress, f"127.1.1.{i + 1}", head("X-Signature: 0", "Content-Length: 100"))
                           for i in range(11)])
    began = time.monotonic()
    wait_for(lambda: all(map(closed, strangers)), "the ends of strangers")
    held_s = time.monotonic() - began
    assert not closed(known)
    wait_for(lambda: closed(known), "the end of the other")
    assert time.monotonic() - began > 2 * held_s                 # 10 s beside 3
    assert ingress.metric("amo_put_out_total", reason="time") == 11


def test_who_proves_nothing_and_asks_too_often_is_answered_before_its_body_is_read(pair):
    ingress, _ = pair

    def statuses(source, size, n=60):
        found = []
        for _ in range(n):
            s = dial(ingress, source, head("X-Signature: " + "0" * 40, f"Content-Length: {size}", "Connection: close")
                     + b"x" * min(size, 100))
            s.settimeout(DEADLINE)
            found.append(s.recv(1000))
            s.close()
        return found

    def flood():
        answers = statuses("127.1.1.1", 100)
        return [a for a in statuses("127.1.1.1", 1 << 20, 1) if b" 429 " in answers[-1] and b" 429 " in a]

    answer = wait_for(flood, "an answer to the head alone")[0]   # with all of it in one second
    assert b"Retry-After: 1" in answer and b"Connection: close" in answer
    assert ingress.metric("amo_heads_refused_total", reason="rate") >= 1
    # whose small body verifies is taken all the same, and from then on the address is known
    statuses("127.1.1.1", 100)
    webhook("in the flood", "127.1.1.1", ingress).close()
    before = ingress.metric("amo_heads_refused_total", reason="rate")
    statuses("127.1.1.1", 100)
    s = dial(ingress, "127.1.1.1", head("X-Signature: " + "0" * 40, f"Content-Length: {1 << 20}"))
    s.settimeout(0.3)
    with pytest.raises(socket.timeout):
        s.recv(100)                                              # it is being read
    s.close()
    assert ingress.metric("amo_heads_refused_total", reason="rate") == before

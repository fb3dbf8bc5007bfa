"""What outsiders can grow, send slowly, or send in two readings at once."""
import socket
import threading
import time

import pytest

from ingress_harness import (DEADLINE, SCOPE, TOKEN, hook, message, sign)


def status_of(raw):
    return int(raw.split(b" ", 2)[1]) if raw.startswith(b"HTTP/1.1 ") else None


def head(*lines, path=f"/messages/{SCOPE}", method="POST", host=True):
    rows = [f"{method} {path} HTTP/1.1"] + (["Host: x"] if host else []) + list(lines)
    return ("\r\n".join(rows) + "\r\n\r\n").encode()


@pytest.mark.parametrize("lines,host", [
    (["Content-Length: 5", "Transfer-Encoding: chunked"], True),
    (["Transfer-Encoding: chunked", "Content-Length: 5"], True),
    (["Content-Length: 5", "Content-Length: 5"], True),
    (["Content-Length: 5", "Content-Length: 6"], True),
    (["Transfer-Encoding: identity, chunked"], True),
    (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], True),
    (["Transfer-Encoding: gzip"], True),
    (["Content-Length: 5"], False),
    (["Host: y", "Content-Length: 5"], True),
    (["Content-Length: +5"], True),
    (["Content-Length: -1"], True),
    (["Content-Length: 5 5"], True),
    (["Content-Length: 0x5"], True),
])
def test_heads_with_two_readings_are_refused_and_end_the_connection(pair, lines, host):
    ingress, core = pair
    smuggled = head(f"X-Signature: {sign(b'{}')}", "Content-Length: 2") + b"{}"
    got = ingress.raw(head("X-Signature: " + sign(b"{}"), *lines, host=host) + b"0\r\n\r\n" + smuggled)
    assert status_of(got) == 400, got
    # libmicrohttpd's own refusals (HTML) repeat their head as the body; a second request is not answered
    assert got.count(b"HTTP/1.1") == 1 or b"<html>" in got, got
    assert not any(word in got for word in (b" 200 ", b" 401 ", b" 404 ")), got
    assert not core.events and ingress.metric("amo_spool_events") == 0


def test_no_host_is_400_also_for_health(pair):
    ingress, _ = pair
    assert status_of(ingress.raw(b"GET /healthz HTTP/1.0\r\n\r\n")) == 400


def test_a_body_over_the_limit_is_413_before_it_is_read(pair):
    ingress, core = pair
    got = ingress.raw(head("X-Signature: " + "0" * 40, f"Content-Length: {(2 << 20) + 1}"))
    assert status_of(got) == 413 and b'"too_large"' in got
    got = ingress.raw(head(f"Authorization: Bearer {TOKEN}", f"Content-Length: {(256 << 10) + 1}",
                           path="/v1/connectors/mobilon/messages"))
    assert status_of(got) == 413
    assert not core.events


def test_a_body_at_the_limit_is_taken_whole(pair):
    ingress, core = pair
    body = hook("big", text="я")
    body = hook("big", text="я" + "x" * ((2 << 20) - len(body)))
    assert len(body) == 2 << 20
    assert ingress.amo(body).status == 200
    assert len(core.wait_events(1)[0][1]["text"]) > 2 << 20 >> 1


def chunked(ingress, body, piece=65536, path=f"/messages/{SCOPE}", **headers):
    c = ingress.connect()
    c.putrequest("POST", path)
    c.putheader("Transfer-Encoding", "chunked")
    for k, v in headers.items():
        c.putheader(k.replace("_", "-"), v)
    c.endheaders()
    try:
        for i in range(0, len(body), piece):
            part = body[i:i + piece]
            c.send(b"%x\r\n%s\r\n" % (len(part), part))
        c.send(b"0\r\n\r\n")
        return c.getresponse().status
    except (ConnectionError, OSError):
        return None
    finally:
        c.close()


def test_chunked_bodies_count_too(pair):
    ingress, core = pair
    body = hook("chunked", text="x" * 100000)
    assert chunked(ingress, body, X_Signature=sign(body)) == 200
    core.wait_events(1)
    over = hook("over", text="x" * (2 << 20))
    assert chunked(ingress, over, X_Signature=sign(over)) == 413
    endless = b"x" * (6 << 20)
    assert chunked(ingress, endless, X_Signature="0" * 40) in (None, 413)
    assert len(core.events) == 1


def test_the_long_head_is_refused(pair):
    ingress, _ = pair
    assert status_of(ingress.raw(head("Content-Length: 0", "Connection: close", path="/" + "a" * 3000))) == 414
    assert status_of(ingress.raw(head(*[f"X-{i}: " + "y" * 1000 for i in range(64)]))) in (None, 431)
    assert ingress.request("GET", "/healthz").status == 200


def test_every_head_is_answered_and_nothing_else_is_taken(pair):
    """What is accepted is answered, however little memory its head leaves for the answer's."""
    ingress, core = pair
    body = message()
    accepted = []
    for n, size in enumerate([*range(7000, 13000, 500), *range(14800, 17200, 60), *range(23000, 26000, 250)]):
        fill = ["X: " + "y" * size] if n % 2 else [f"X-{i}: " + "y" * 60 for i in range(size // 70)]
        got = ingress.raw(head(*fill, f"Authorization: Bearer {TOKEN}", "Content-Type: application/json",
                               f"Idempotency-Key: k{n}", f"Content-Length: {len(body)}", "Connection: close",
                               path="/v1/connectors/mobilon/messages") + body)
        assert status_of(got) in (202, 200, 409, 431), (n, size, got[:100])
        accepted.append(status_of(got) == 202)
    assert any(accepted) and not all(accepted)


def test_a_slow_request_is_cut_and_a_slow_head_too(pair):
    ingress, _ = pair
    sockets = [socket.create_connection(("127.0.0.1", ingress.port)) for _ in range(3)]
    try:
        sockets[0].sendall(b"POST /messages/")           # half a request line
        sockets[1].sendall(head("X-Signature: x", "Content-Length: 100")[:-2])   # half a head
        sockets[2].sendall(head("X-Signature: " + "0" * 40, "Content-Length: 100"))   # half a body
        stop = time.monotonic() + 60
        cut = set()
        while len(cut) < 3 and time.monotonic() < stop:
            for i, s in enumerate(sockets):
                if i in cut:
                    continue
                try:
                    s.sendall(b"a")                       # keeps every idle timer awake
                    s.settimeout(0.2)
                    if s.recv(1) == b"":
                        cut.add(i)
                except socket.timeout:
                    pass
                except OSError:
                    cut.add(i)
        assert cut == {0, 1, 2}
    finally:
        for s in sockets:
            s.close()
    assert ingress.metric("amo_connections_cut_total") == 3


def test_over_all_connections_one_that_asks_nothing_gives_way_and_nothing_spins(make):
    make.core()
    ingress = make(amo_ingress_max_connections=8)
    ingress.wait_log("what=registry.new")
    held = []
    for i in range(8):
        c = ingress.connect()
        assert ingress.amo(hook(f"h-{i}"), connection=c).status == 200
        held.append(c)
    for i in range(20):
        assert ingress.amo(hook(f"more-{i}")).status == 200
    before = _ticks(ingress)
    time.sleep(0.5)                                       # how much it works in this time is measured
    assert _ticks(ingress) - before < 20
    for c in held:
        c.close()


def _ticks(ingress):
    with open(f"/proc/{ingress.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_unverified_floods_are_limited_and_verified_requests_never(pair):
    ingress, core = pair
    statuses = [ingress.amo(signature="0" * 40).status for _ in range(120)]
    assert set(statuses) <= {401, 429} and statuses[0] == 401
    if 429 in statuses:                                   # all within a second
        answer = ingress.amo(signature="0" * 40)
        if answer.status == 429:
            assert answer.code == "too_many" and answer.headers["Retry-After"].isdigit()
    connection = ingress.connect()
    for i in range(200):
        assert ingress.amo(hook(f"f-{i}"), connection=connection).status == 200
    core.wait_events(200)


def test_behind_a_trusted_proxy_the_last_untrusted_hop_counts(make):
    make.core()
    ingress = make(amo_ingress_trusted_proxies="127.0.0.0/8, 10.0.0.1")
    ingress.wait_log("what=registry.new")

    def flood(forwarded):
        c = ingress.connect()
        found = set()
        end = time.monotonic() + 5
        while time.monotonic() < end and 429 not in found:
            try:
                found.add(ingress.amo(signature="0" * 40, connection=c,
                                      **{"X-Forwarded-For": forwarded}).status)
            except (ConnectionError, OSError):
                c = ingress.connect()
        return found

    assert 429 in flood("6.6.6.6, 203.0.113.7, 10.0.0.1")
    assert ingress.amo(signature="0" * 40, **{"X-Forwarded-For": "203.0.113.8"}).status == 401
    body = hook("still")
    assert ingress.amo(body, **{"X-Forwarded-For": "203.0.113.7"}).status == 200


def test_many_large_bodies_at_once_stay_within_memory(pair):
    ingress, _ = pair
    part = b"x" * ((2 << 20) - 1000)
    sockets = []
    try:
        for _ in range(60):
            s = socket.create_connection(("127.0.0.1", ingress.port), DEADLINE)
            s.sendall(head("X-Signature: " + "0" * 40, f"Content-Length: {2 << 20}"))
            sockets.append(s)

        def send(s):
            try:
                s.sendall(part)
            except OSError:
                pass
        threads = [threading.Thread(target=send, args=(s,)) for s in sockets]
        for t in threads:
            t.start()
        for t in threads:
            t.join(DEADLINE)
        with open(f"/proc/{ingress.pid}/status") as status:
            anon = [int(l.split()[1]) for l in status if l.startswith("RssAnon")][0]
        assert anon < 200 * 1024, f"{anon} KiB"
        assert ingress.request("GET", "/healthz").status == 200
    finally:
        for s in sockets:
            s.close()


def test_idle_memory(pair):
    ingress, _ = pair
    assert ingress.amo().status == 200
    with open(f"/proc/{ingress.pid}/status") as status:
        anon = [int(l.split()[1]) for l in status if l.startswith("RssAnon")][0]
    assert anon <= 8 * 1024, f"{anon} KiB"


def test_the_answer_to_expect_100_is_early(pair):
    ingress, core = pair
    body = hook("expect")
    with socket.create_connection(("127.0.0.1", ingress.port), DEADLINE) as s:
        s.sendall(head("X-Signature: " + sign(body), f"Content-Length: {len(body)}", "Expect: 100-continue",
                       "Connection: close"))
        assert s.recv(1000).startswith(b"HTTP/1.1 100")
        s.sendall(body)
        got = b""
        while piece := s.recv(1000):
            got += piece
    assert status_of(got) == 200
    core.wait_events(1)


def test_pipelined_requests_are_answered_in_order(pair):
    ingress, core = pair
    data = b""
    for i in range(5):
        body = hook(f"p-{i}")
        data += head("X-Signature: " + sign(body), f"Content-Length: {len(body)}",
                     *(["Connection: close"] if i == 4 else [])) + body
    got = ingress.raw(data)
    assert got.count(b"HTTP/1.1 200 OK") == 5
    core.wait_events(5)
    assert [e["message_id"] for _, e, _ in core.events] == [f"p-{i}" for i in range(5)]


def test_service_messages_have_their_own_limit(pair):
    ingress, _ = pair
    assert ingress.service(message("fits", text="x" * 200000)).status == 202
    assert ingress.service(message("over", text="x" * (256 << 10))).status == 413

"""Connections: TLS, reuse, proxies, private addresses, names that do not resolve, calls that time out or break."""
import socket
import time

import pytest
from egress_harness import (AMO_STATUS, DEAD, DONE, HOLD, UNKNOWN, Authority, Remote, accepted, answer, message,
                            outcome, registry, to_service)
from netns import AAAA, Namespace, NameServer, lent


def test_one_handshake_serves_many_calls(bench, authority):
    remote, core, worker = bench.up(tls=authority.server(), worker={"egress/ca_file": authority.ca})
    for number in range(1, 31):
        core.push(message(number))
        assert outcome(core.result()) == (DONE, "none")
    assert remote.handshakes == 1 and remote.connections == 1
    assert worker.metric("amo_connects_total") == 1


def test_an_unknown_authority_holds_the_destination_and_nothing_is_sent(bench, authority, tmp_path):
    stranger = Authority(tmp_path)
    remote, core, _ = bench.up(tls=stranger.server(), worker={"egress/ca_file": authority.ca})
    core.push(message(1))
    result = core.result()
    assert outcome(result) == (HOLD, "connect") and "certificate" in result["evidence"]
    assert remote.requests == []


def test_a_certificate_for_another_name_holds_the_destination(bench, authority):
    remote, core, _ = bench.up(tls=authority.server("other.example"), worker={"egress/ca_file": authority.ca})
    core.push(message(1))
    assert outcome(core.result()) == (HOLD, "connect")
    assert remote.requests == []


def test_a_missing_bundle_of_authorities_is_seen_and_holds(bench, authority):
    remote, core, worker = bench.up(tls=authority.server(), worker={"egress/ca_file": "/nowhere/ca.pem"})
    core.push(message(1))
    assert outcome(core.result()) == (HOLD, "connect")
    assert "ca_file.unreadable" in worker.log() and remote.requests == []


def test_a_refused_connection_is_a_hold(bench):
    remote, core, _ = bench.up()
    remote.close()
    core.push(message(1))
    assert outcome(core.result()) == (HOLD, "connect")


def test_proxies_of_the_environment_are_ignored(bench):
    proxy = bench.remote(lambda request: answer(200))
    env = {name: proxy.url for name in ("http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")}
    remote, core, _ = bench.up(worker={"env": env})
    core.push(message(1))
    assert outcome(core.result()) == (DONE, "none")
    assert len(remote.requests) == 1 and proxy.connections == 0


def test_a_public_connector_never_reaches_private_addresses(bench, authority):
    inside = bench.remote(tls=authority.server())
    urls = [f"https://{host}:{inside.port}/" for host in
            ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1")]
    urls += ["https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[fd00::1]/"]
    connectors = [(f"c{i}", url, False) for i, url in enumerate(urls)]
    _, core, _ = bench.up(connectors=connectors, worker={"egress/ca_file": authority.ca})
    core.push(*[to_service(i + 1, connector=name) for i, (name, _, _) in enumerate(connectors)])
    for result in core.results(len(urls)):
        assert outcome(result) == (HOLD, "private"), urls[result["id"] - 1]
    assert inside.connections == 0


def test_an_allowed_connector_shares_no_connection_with_a_public_one(bench, authority):
    _, core, worker = bench.up(worker={"egress/ca_file": authority.ca})
    inside = bench.remote(tls=authority.server())
    core.send(core.peer, "REGISTRY", registry(bench.remotes[0].url, [("open", inside.url + "/a", True),
                                                                    ("shut", inside.url + "/b", False)], version=2))
    core.push(to_service(1, connector="open"))
    assert outcome(core.result()) == (DONE, "none")
    core.push(to_service(2, connector="shut"))
    assert outcome(core.result()) == (HOLD, "private")
    assert len(inside.requests) == 1


def test_plain_http_is_for_private_connectors_only(bench):
    remote, core, _ = bench.up(connectors=[("shut", None, False)])
    core.push(to_service(1, connector="shut"))
    assert outcome(core.result()) == (HOLD, "unregistered")
    assert remote.requests == []


def test_a_silent_answer_is_unknown_after_the_attempts_time(bench):
    remote, core, _ = bench.up(lambda request: [30], worker={"egress/attempt_ms": 300})
    core.push(message(1))
    result = core.result(5)
    assert outcome(result) == (UNKNOWN, "timeout") and 250 <= result["took_ms"] < 3000
    assert len(remote.requests) == 1


def test_finish_within_is_shorter_than_the_attempts_time(bench):
    _, core, _ = bench.up(lambda request: [30])
    core.push(message(1, finish_within_ms=300))
    assert outcome(core.result(5)) == (UNKNOWN, "timeout")


def test_an_answer_that_drips_does_not_outlive_the_attempts_time(bench):
    def behave(request):
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"] + [b"x", 0.05] * 200

    _, core, _ = bench.up(behave, worker={"egress/attempt_ms": 500})
    core.push(message(1))
    assert outcome(core.result(5)) == (UNKNOWN, "timeout")


@pytest.mark.parametrize("steps", [
    None, [b"HTTP/1.1 200 OK\r\nContent-", None],
    [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"new_message\"", None]])
def test_a_cut_connection_is_unknown(bench, steps):
    remote, core, _ = bench.up(lambda request: steps)
    core.push(message(1))
    assert outcome(core.result()) == (UNKNOWN, "cut")
    assert len(remote.requests) == 1


def test_a_cut_behind_a_whole_answer_is_a_whole_answer(bench):
    remote, core, _ = bench.up(lambda request: [accepted(request), None])
    core.push(message(1))
    assert outcome(core.result()) == (DONE, "none")
    core.push(message(2))
    assert outcome(core.result()) == (DONE, "none")
    assert remote.connections == 2


def test_nonsense_for_an_answer_is_unknown(bench):
    _, core, _ = bench.up(lambda request: [b"no http at all\r\n\r\n", None])
    core.push(message(1))
    assert core.result()["outcome"] == UNKNOWN


def test_a_refusal_of_what_curl_sent_twice_is_not_final(bench):
    """A kept-alive connection that dies under a request makes curl send it again on a new one."""
    def behave(request):
        if request.json()["payload"]["msgid"] == "demo-1":
            return accepted(request)
        first = len([r for r in remote.requests if r.body == request.body]) == 1
        return None if first else answer(400, {"error_description": "msgid already used"})

    remote, core, _ = bench.up(behave)
    core.push(message(1))
    core.result()
    core.push(message(2))
    result = core.result()
    assert len(remote.requests) == 3
    assert outcome(result) == (UNKNOWN, "refused")
    core.push(message(2, attempt=2))
    assert outcome(core.result()) == (DEAD, "refused")


# --- a resolver that does not answer ---------------------------------------------------------------


class DeadDns(Namespace):
    """Its only name server takes every question and never reads one."""

    def __init__(self):
        super().__init__(hosts="127.0.0.1 alive.test\n", resolver="")
        self.hole = None

    def start(self):
        super().start()
        self.hole = self.run_inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.hole.bind(("127.0.0.1", 53))

    def stop(self):
        if self.hole:
            self.hole.close()
        super().stop()


@pytest.fixture
def dead_dns():
    yield from lent(DeadDns())


def test_a_dead_name_server_stalls_nobody_else(bench, dead_dns):
    remote = dead_dns.run_inside(lambda: Remote(accepted))
    service = dead_dns.run_inside(lambda: Remote(lambda request: answer(200, {})))
    bench.remotes += [remote, service]
    dead = [(f"dead{i}", f"https://service{i}.example/hook", False) for i in range(8)]
    alive = ("alive", f"http://alive.test:{service.port}/hook", True)
    core = bench.start_core(registry(remote.url, [*dead, alive]))
    bench.worker(prefix=dead_dns.prefix, **{"egress/connect_ms": 2000})
    core.wait_hello()
    began = time.monotonic()
    core.push(*[to_service(1 + i, connector=f"dead{i % 8}") for i in range(40)])
    core.push(*[message(100 + i) for i in range(20)], *[to_service(200 + i, connector="alive") for i in range(10)])
    living = core.results(30, 5)
    took = time.monotonic() - began
    assert sorted(r["id"] for r in living) == [*range(100, 120), *range(200, 210)]
    assert all(r["outcome"] == DONE for r in living)
    assert took < 1.5, "those with a living name waited for those without"
    lost = core.results(40, 15)
    assert all(outcome(r) == (HOLD, "connect") for r in lost)
    assert time.monotonic() - began < 10


def test_calls_go_on_while_names_are_being_resolved_for_long(bench, dead_dns):
    """Latency of a kept-alive destination beside 30 dead names, more than may be resolved at once."""
    remote = dead_dns.run_inside(lambda: Remote(accepted))
    bench.remotes.append(remote)
    dead = [(f"dead{i}", f"https://service{i}.example/hook", False) for i in range(30)]
    core = bench.start_core(registry(remote.url, dead))
    bench.worker(prefix=dead_dns.prefix, **{"egress/connect_ms": 1000})
    core.wait_hello()
    core.push(*[to_service(1 + i, connector=f"dead{i}") for i in range(30)])
    slowest, results = 0, []
    for number in range(100, 160):
        began = time.monotonic()
        core.push(message(number))
        while not any(r["id"] == number for r in results):
            results += core.results(1)
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 0.5
    results += core.results(90 - len(results), 15)
    assert all(outcome(r) == (HOLD, "connect") for r in results if r["id"] < 100)


@pytest.fixture
def deaf_to_ipv6():
    yield from lent(Namespace(resolver=""))


def test_a_name_server_that_swallows_questions_for_ipv6_keeps_nobody_away(bench, deaf_to_ipv6):
    names = deaf_to_ipv6.run_inside(NameServer)
    names.names["service.test"], names.swallows = ["127.0.0.1"], (AAAA,)
    remote = deaf_to_ipv6.run_inside(lambda: Remote(lambda request: answer(200, {})))
    bench.remotes.append(remote)
    core = bench.start_core(registry(remote.url, [("deaf", f"http://service.test:{remote.port}/", True)]))
    bench.worker(prefix=deaf_to_ipv6.prefix, **{"egress/connect_ms": 1000})
    core.wait_hello()
    core.push(to_service(1, connector="deaf"))
    assert outcome(core.result()) == (HOLD, "connect")  # it was found out
    core.push(to_service(1, attempt=2, connector="deaf"))
    assert outcome(core.result()) == (DONE, "none")
    names.close()


def test_a_status_after_a_dead_name_is_still_fast(bench, dead_dns):
    remote = dead_dns.run_inside(lambda: Remote(accepted))
    bench.remotes.append(remote)
    core = bench.start_core(registry(remote.url, [("dead", "https://service.example/", False)]))
    worker = bench.worker(prefix=dead_dns.prefix, **{"egress/connect_ms": 500})
    core.wait_hello()
    core.push(to_service(1, connector="dead"))
    assert outcome(core.result(5)) == (HOLD, "connect")
    core.push(message(2, kind=AMO_STATUS, message_id="m", status_code=1))
    assert outcome(core.result(1)) == (DONE, "none")
    core.push(to_service(3, connector="dead"))
    assert outcome(core.result(5)) == (HOLD, "connect")
    core.settle()
    began = time.monotonic()
    assert worker.stop() == 0 and time.monotonic() - began < 5, "the resolver's thread held the exit up"

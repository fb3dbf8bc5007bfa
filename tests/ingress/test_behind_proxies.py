"""What stands before ingress, as deploy/ has it and as most people have it: it lets nothing through that is read in two ways,
and never says 200 to a webhook that ingress has not kept."""
import re
import socket

import pytest

import kit
import siege
from ingress_harness import DEADLINE, Core, Ingress, hook, sign, wait_for
from test_limits import head

# Each passed through libmicrohttpd in such a way that the bytes behind it were run as a request. With %d of body to come.
HEADS = {
    "a line that begins with a colon": b"Content-Length: %d\r\n:x\r\n\r\n",
    "a line that begins with NUL": b"Content-Length: %d\r\n\0x: y\r\n\r\n",
    "a blank before the colon": b"Content-Length : %d\r\n\r\n",
    "a tab before the colon": b"Content-Length\t: %d\r\n\r\n",
    "Transfer-Encoding with a blank": b"Transfer-Encoding : chunked\r\n\r\n%x\r\n",
    "a folded length": b"Content-Length:\r\n %d\r\n\r\n",
    "CR alone in a value": b"X: y\rContent-Length: 5\r\nContent-Length: %d\r\n\r\n",
    "NUL in a value": b"Content-Length: %d\0 3\r\n\r\n",
}
DOORS = ["direct", "nginx", "nginx_unbuffered", "caddy"]


class Doors:
    """One ingress, and in front of it what was asked for; each proxy is started when it is first needed."""

    def __init__(self, path):
        self.path, self.ports, self.made = path, {}, []
        self.core = Core(f"ipc://{path}/events")
        self.ingress = Ingress(path, amo_ingress_trusted_proxies="127.0.0.1")
        self.ingress.wait_log("what=registry.new")
        self.ports["direct"] = self.ingress.port
        (path / "straight").mkdir()
        self.straight = Ingress(path / "straight", amo_bus_events=self.core.endpoint, amo_name="straight")

    def port(self, door):
        if door != "direct" and not siege.is_there(door):
            pytest.skip(f"{door} is not installed")
        if door not in self.ports:
            (folder := self.path / door).mkdir()
            process, self.ports[door] = siege.PROXIES[door](folder, self.ingress.port)
            self.made.append(process.start())
            wait_for(lambda: siege.answers(self.ports[door]), door)
        return self.ports[door]

    def close(self):
        for one in (*self.made, self.straight, self.ingress, self.core):
            one.close()


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    made = Doors(tmp_path_factory.mktemp("doors"))
    yield made
    made.close()


def webhook(ident, *lines):
    body = hook(ident)
    return head(f"X-Signature: {sign(body)}", f"Content-Length: {len(body)}", *lines) + body


def kept(doors):
    return {event.get("message_id") for _, event, _ in doors.core.events}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("form", HEADS)
def test_a_head_that_is_read_in_two_ways_hides_no_request_in_another(doors, door, form):
    port, first, second = doors.port(door), f"1 {door} {form}", f"2 {door} {form}"
    body = hook(first)
    end = b"\r\n0\r\n\r\n" if b"chunked" in HEADS[form] else b""
    got = doors.ingress.raw(head("X-Signature: " + sign(body))[:-2] + HEADS[form] % len(body) + body + end
                            + webhook(second, "Connection: close"), port=port)
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", got)
    assert b"200 OK" in doors.ingress.raw(webhook("3" + second, "Connection: close"), port=port)
    wait_for(lambda: "3" + second in kept(doors), "the webhook behind it at core")
    if statuses == [b"400"]:
        assert not {first, second} & kept(doors)
    else:  # Caddy passes over an empty name, unfolds a value, and writes both heads anew
        assert door == "caddy" and statuses == [b"200", b"200"] and {first, second} < kept(doors), got


def test_a_webhook_that_never_comes_whole_is_told_so_by_whoever_stands_in_front(doors):
    """Caddy says 200 by itself once its own time for a body is over."""
    there = [door for door in DOORS if door == "direct" or siege.is_there(door)]
    unfinished = {door: socket.create_connection(("127.0.0.1", doors.port(door)), DEADLINE) for door in there
                  if door != "nginx"}  # which takes the whole of it first, and a minute for that
    for door, s in unfinished.items():
        s.sendall(webhook(f"cut at {door}")[:-10])
    for door, s in unfinished.items():
        got = kit.wait_for(lambda s=s: s.recv(1000) or b"closed", door)
        assert got == b"closed" or re.match(rb"HTTP/1\.1 (4|5)\d\d ", got), (door, got)
        s.close()


def asks(port, source, n):
    """The status of an unverified request from @source, which says that it comes from elsewhere."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE, (source, 0)) as s:
        s.sendall(head("X-Signature: " + "0" * 40, f"X-Forwarded-For: 203.0.113.{n % 250}", "Content-Length: 2",
                       "Connection: close") + b"hi")
        return s.recv(1000)[9:12]


@pytest.mark.parametrize("door", DOORS)
def test_whoever_stands_in_front_says_who_asks_and_nobody_can_say_it_instead(doors, door):
    port, mine, other = doors.port(door), f"127.7.{DOORS.index(door)}.1", f"127.7.{DOORS.index(door)}.2"
    if door == "direct":
        port = doors.straight.port

    def over():
        return [answer for answer in (asks(port, mine, n) for n in range(120)) if answer == b"429"]
    wait_for(over, "an answer that these are too many")  # of one address, all within a second
    assert asks(port, other, 0) == b"401"

"""A service at full speed while core is away: whoever else there is loses nothing, and the service hears so in time."""
import json
import pathlib
import re
import socket
import threading
import time

from ingress_harness import (CHANNEL, OTHER_TOKEN, ROOT, SCOPE, TOKEN, hook, message, registry, wait_for)

LOUD = f"{CHANNEL}_11111111-2222-4333-8444-555555555555"
REGISTRY = dict(scopes=[(SCOPE, "mobilon"), (LOUD, "another")])
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20}


def bounds():
    """{what: bytes} of the table of what a flood can make grow, docs/configuration.md."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (\d+) (KiB|MiB)\b", page, re.M)
    return {name.strip(): int(n) * UNITS[unit] for name, n, unit in rows}


def of_another(n, text):
    """A webhook of the loud account."""
    return json.dumps({**json.loads(hook(f"loud-{n}", text=text)), "account_id": LOUD.partition("_")[2]}).encode()


def statuses(*ids):
    return json.dumps({"statuses": [{"id": i, "status": "read"} for i in ids]}).encode()


class Flood:
    """A connector that sends as fast as it can over connections of its own, and heeds no Retry-After."""

    def __init__(self, ingress, connections=4, size=200000):
        self.ingress, self.stop, self.size = ingress, threading.Event(), size
        self.accepted, self.refused, self.odd = [], 0, []
        self.threads = [threading.Thread(target=self.run, args=(k,), daemon=True) for k in range(connections)]
        for thread in self.threads:
            thread.start()

    def run(self, k):
        connection, n = self.ingress.connect(), 0
        while not self.stop.is_set():
            n += 1
            path, body = (("messages", message(f"l{k}-{n}", text="x" * self.size)) if n % 2 else
                          ("statuses", statuses(*(f"nobody-{k}-{n}-{i}" for i in range(100)))))
            try:
                answer = self.ingress.service(body, path, "another", OTHER_TOKEN, connection)
            except OSError:   # an answer that came before the body ends the connection
                connection.close()
                connection = self.ingress.connect()
                continue
            if answer.status == 202:
                self.accepted += [f"l{k}-{n}"] if n % 2 else []
            elif answer.code == "spool_share" and answer.headers["Retry-After"].isdigit():
                self.refused += 1
            else:
                self.odd.append((answer.status, answer.body[:200]))
        connection.close()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def private_bytes(ingress):
    text = pathlib.Path(f"/proc/{ingress.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) << 10


def disk_bytes(ingress):
    return sum(f.stat().st_blocks * 512 for f in ingress.spool_dir.iterdir())


def hostile(make, seconds, spool_bytes):
    """What became of everybody, how far memory and disk grew, and how late the others were answered."""
    core = make.core(registry=registry(**REGISTRY))
    ingress = make(amo_ingress_spool_max_bytes=spool_bytes, amo_log_level="info")
    ingress.wait_log("what=registry.new")
    core.close()
    flood, held = Flood(ingress), ingress.connect()
    lost, sent, late, memory, disk, n = [], [], [], 0, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or n < 20:
        n += 1
        for what, call in (
                (f"a-{n}", lambda: ingress.amo(hook(f"a-{n}"), connection=held)),
                (f"e-{n}", lambda: ingress.service(b'{"text":"new"}', f"messages/e-{n}", connection=held, method="PATCH")),
                (f"s-{n}", lambda: ingress.service(statuses(f"s-{n}"), "statuses", connection=held))):
            began = time.monotonic()
            (sent if call().status in (200, 202) else lost).append(what)
            late.append(time.monotonic() - began)
        memory, disk = max(memory, private_bytes(ingress)), max(disk, disk_bytes(ingress))
        time.sleep(0.01)
    flood.end()
    held.close()
    return ingress, flood, sent, lost, memory, disk, late


def judge(ingress, flood, lost, memory, disk, spool_bytes):
    assert not lost and not flood.odd, (lost[:5], flood.odd[:5])
    assert flood.accepted and flood.refused
    limit = bounds()
    assert disk <= spool_bytes * 17 // 32 + limit["ingress: index of repeats"] + (1 << 20), disk
    if "libasan" not in pathlib.Path(f"/proc/{ingress.pid}/maps").read_text(encoding="utf-8"):
        assert memory <= limit["ingress: memory"], memory
    assert ingress.metric("amo_spool_connector_bytes", connector="another") <= spool_bytes // 4
    assert ingress.metric("amo_over_share_total", sender="another") >= flood.refused


def test_a_hostile_connector_takes_nothing_from_anybody_while_core_is_away(make):
    spool_bytes = 32 << 20
    ingress, flood, sent, lost, memory, disk, _ = hostile(make, 3, spool_bytes)
    judge(ingress, flood, lost, memory, disk, spool_bytes)
    lines = [line for line in ingress.log().splitlines() if "what=share.reached" in line]
    assert 1 <= len(lines) <= 40
    # who has how much is known after a restart, too
    before = ingress.metric("amo_spool_connector_bytes", connector="another")
    ingress.kill()
    ingress.start()
    wait_for(lambda: ingress.metric("amo_spool_connector_bytes", connector="another") == before, "the accounts")
    assert before > spool_bytes // 5
    assert ingress.service(message("more", text="x" * 200000), name="another", token=OTHER_TOKEN).code == "spool_share"
    assert ingress.amo(hook("after-a-kill")).status == 200
    back = make.core(registry=registry(**REGISTRY))
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    got = [event["message_id"] for _, event, _ in back.events]
    assert [i for i in got if i[0] in "aes" and i[1] == "-"] == sent
    assert sorted(i for i in got if i.startswith("l")) == sorted(flood.accepted)
    assert ingress.service(message("again"), name="another", token=OTHER_TOKEN).status == 202


def test_who_is_over_the_share_hears_so_before_his_body_is_read(make):
    core = make.core(registry=registry(**REGISTRY))
    ingress = make(amo_ingress_spool_max_bytes=4 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    ingress.wait_log("what=core.lost")
    n = 0
    while ingress.service(message(f"m-{n}", text="x" * 100000), name="another", token=OTHER_TOKEN).status == 202:
        n += 1
    while ingress.service(message(f"m-{n}"), name="another", token=OTHER_TOKEN).status == 202:  # what is left over
        n += 1
    with socket.create_connection(("127.0.0.1", ingress.port), 10) as s:
        s.sendall(f"POST /v1/connectors/another/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {OTHER_TOKEN}\r\n"
                  "Content-Length: 200000\r\n\r\n".encode())
        answer = s.recv(65536)
    assert b" 503 " in answer and b"Retry-After: 10" in answer and b"spool_share" in answer
    # of what leaves nothing in the spool, and of others, nothing is refused
    typing = b'{"source":"wa1","conversation":{"id":"7"}}'
    assert ingress.service(typing, "typing", "another", OTHER_TOKEN).status == 202
    assert ingress.service(message("other"), token=TOKEN).status == 202
    assert ingress.amo(hook("m")).status == 200


def test_the_room_comes_back_as_core_takes_events(make):
    core = make.core(registry=registry(**REGISTRY))
    ingress = make(amo_ingress_spool_max_bytes=4 << 20)
    ingress.wait_log("what=registry.new")
    core.take = False

    def until_refused(prefix):
        n = 0
        while ingress.service(message(f"{prefix}-{n}", text="x" * 100000), name="another", token=OTHER_TOKEN).status == 202:
            n += 1
        return n

    first = until_refused("first")
    assert 7 <= first <= 11   # a quarter of the spool
    core.take_all()
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    assert ingress.metric("amo_spool_connector_bytes", connector="another") == 0
    core.take = False
    assert abs(until_refused("second") - first) <= 2


def test_small_events_are_bounded_by_their_number(make):
    core = make.core(registry=registry(**REGISTRY))
    ingress = make(amo_log_level="info")   # 4 GiB would hold some ten million of them
    ingress.wait_log("what=registry.new")
    core.close()
    held = ingress.connect()

    def send(n, name="another", token=OTHER_TOKEN):
        return ingress.service(statuses(*(f"nobody-{n}-{i}" for i in range(100))), "statuses", name, token, held)

    n = 0
    while (answer := send(n)).status == 202:
        n += 1
        assert n <= 1000, "as many as one connector may have of core's queue"
    assert (answer.status, answer.code) == (503, "spool_share") and answer.headers["Retry-After"].isdigit()
    assert n >= 999
    assert ingress.metric("amo_spool_connector_events", connector="another") in range(99_900, 100_001)
    # nobody else is
    assert send(n, "mobilon", TOKEN).status == 202
    assert ingress.amo(hook("m")).status == 200


def test_the_number_of_events_is_known_after_a_restart_and_is_no_matter_of_amojo(make):
    core = make.core(registry=registry(**REGISTRY))
    ingress = make(amo_ingress_spool_max_events=60)
    ingress.wait_log("what=registry.new")
    core.close()
    held = ingress.connect()

    def refused(name, token, prefix):
        """How many of one's messages are taken before he is refused."""
        for n in range(100):
            answer = ingress.service(message(f"{prefix}-{n}"), name=name, token=token)
            if answer.status != 202:
                assert (answer.status, answer.code) == (503, "spool_share")
                return n
        return 100

    assert [ingress.amo(hook(f"a-{n}"), connection=held).status for n in range(100)] == [200] * 100
    assert refused("another", OTHER_TOKEN, "loud") == 30
    assert refused("mobilon", TOKEN, "quiet") == 15   # a half of what is left
    held.close()
    ingress.kill()
    ingress.start()
    wait_for(lambda: ingress.metric("amo_spool_connector_events", connector="mobilon") == 15, "the accounts")
    assert ingress.metric("amo_spool_connector_events", connector="another") == 30
    assert refused("another", OTHER_TOKEN, "more") == refused("mobilon", TOKEN, "more") == 0
    assert [ingress.amo(of_another(n, "x"), scope=LOUD).status for n in range(100)] == [200] * 100
    back = make.core(registry=registry(**REGISTRY))
    wait_for(lambda: ingress.metric("amo_spool_events") == 0, "an empty spool")
    assert len(back.events) == 245
    back.take = False
    assert refused("another", OTHER_TOKEN, "again") == 30


def test_an_account_that_floods_leaves_the_last_room_to_the_others(make):
    core = make.core(registry=registry(**REGISTRY))
    ingress = make(amo_ingress_spool_max_bytes=4 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    held, n = ingress.connect(), 0
    while (answer := ingress.amo(of_another(n, "x" * 60000), scope=LOUD, connection=held)).status == 200:
        n += 1
    assert answer.status == 503 and answer.code == "spool_share"
    assert n * 60000 > (4 << 20) * 8 // 10
    # the door is open, and there is room for the account that writes little
    for i in range(5):
        assert ingress.amo(hook(f"quiet-{i}", text="x" * 10000)).status == 200


def test_one_account_alone_may_use_all_of_it(make):
    core = make.core(registry=registry(scopes=[(SCOPE, "mobilon")]))
    ingress = make(amo_ingress_spool_max_bytes=4 << 20)
    ingress.wait_log("what=registry.new")
    core.close()
    held, n = ingress.connect(), 0
    while (answer := ingress.amo(hook(f"m-{n}", text="x" * 60000), connection=held)).status == 200:
        n += 1
    assert answer.code == "spool_full" and n * 60000 > (4 << 20) * 95 // 100


def test_core_names_a_connector_that_is_over_a_share_of_its_own(make):
    core = make.core(registry=registry(**REGISTRY))
    ingress = make()
    ingress.wait_log("what=registry.new")
    core.send_all("SHARES", {"over": [["mobilon", "queue", False, 7]]})
    wait_for(lambda: ingress.service(message("m")).status == 429, "429")
    answer = ingress.service(message("m"))
    assert answer.code == "over_share" and 1 <= int(answer.headers["Retry-After"]) <= 7
    assert ingress.service(statuses("s"), "statuses", "another", OTHER_TOKEN).status == 202
    assert ingress.amo(hook("m")).status == 200

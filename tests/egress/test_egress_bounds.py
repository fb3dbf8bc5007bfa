"""What hostile services can make a worker hold: its bound is a row of docs/configuration.md."""
import os
import re
import threading

import pytest
from egress_harness import ROOT, answer, to_service, wait_for

PLACES = 256  # what egress/concurrency is by default
HEAD = 240 << 10  # curl takes 300 KiB of headers
BODY = (1 << 20) - 1  # LIMIT_ANSWER_BYTES, less one: it goes on being read


def documented():
    """(at most, of that for each place), bytes."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    row = re.search(r"^\| egress: memory \| (\d+) MiB \|.* ([\d.]+) MiB for each of `egress/concurrency`", page, re.M)
    return int(row[1]) << 20, int(float(row[2]) * (1 << 20))


class Most(threading.Thread):
    """The largest that the private memory of a worker was."""

    def __init__(self, worker):
        super().__init__(daemon=True)
        self.worker, self.most, self.over = worker, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.05):
            self.most = max(self.most, self.worker.private_kib() << 10)

    def end(self):
        self.over.set()
        self.join()
        return self.most


@pytest.mark.skipif("AMO_SANITIZED" in os.environ, reason="a build with sanitizers takes more")
def test_answers_that_never_end_take_no_more_memory_than_is_documented(bench, authority):
    """Over TLS, at every place at once, with as much head and body as a worker reads; twice, on connections of their own."""
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 8000) for i in range(HEAD // 8008))
    head += b"Content-Length: 1048575\r\n\r\n"

    def endless(request):
        if b"quick" in request.body:
            return answer(200, {})
        return [head + b"z" * (BODY - 1), 600]

    remote, core, worker = bench.up(endless, connectors=[("demo", None, True)], tls=authority.server(), lease_ms=120000,
                                    worker={"egress/ca_file": authority.ca, "egress/attempt_ms": 10000})
    most = Most(worker)
    text = "т" * 12000  # 24 KB: together what a worker's credit of bytes allows, almost
    for first in (0, PLACES):
        core.push(*[to_service(first + n + 1, text=text, finish_within_ms=110000, start_within_ms=100000) for n in range(PLACES)])
        remote.wait_requests(first + PLACES, 60)
        wait_for(lambda: worker.private_kib() << 10 > PLACES * BODY, "the answers to be read", 60)
        results = core.results(PLACES, 90)
        assert len(results) == PLACES
    seen = most.end()
    at_most, place = documented()
    print(f"{seen >> 20} MiB at most; documented {at_most >> 20} MiB")
    assert PLACES * BODY < seen < at_most
    assert PLACES * place < at_most
    core.push(to_service(9999, text="quick"))
    assert core.result(30)["outcome"] == 1

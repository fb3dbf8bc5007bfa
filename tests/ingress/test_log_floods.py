"""What outsiders cause as often as they like fills neither the log nor the figures."""
import re

import msgpack
import pytest

from ingress_harness import OTHER_TOKEN, message, registry, standard_headers, wait_for


def rows(ingress, name):
    return [line for line in ingress.admin("/metrics").body.decode().splitlines() if line.startswith(name + "{")]


@pytest.mark.parametrize("what,flood", [
    ("webhook.refused", lambda i, c, n: i.service(token=None, connection=c, X_Forwarded_For=f"10.1.{n // 250}.{n % 250}",
                                                  **standard_headers(b"{}", key=b"x" * 32))),
    ("source.refused", lambda i, c, n: i.service(message(f"m-{n}", source=f"s-{n}"), name="another", token=OTHER_TOKEN,
                                                 connection=c)),
], ids=["wrong signatures from many addresses", "sources of nobody"])
def test_a_flood_of_refusals_is_a_few_lines_and_a_count(make, what, flood):
    core = make.core(registry=registry())
    ingress = make(amo_ingress_trusted_proxies="127.0.0.0/8", amo_log_level="info")
    ingress.wait_log("what=registry.new")
    held = ingress.connect()
    for n in range(600):
        assert flood(ingress, held, n).status in (401, 422)
    held.close()
    ingress.wait_log(rf"(what={what} .*left_out=\d+|what=log.left_out of={what} .*left_out=\d+)")
    wait_for(lambda: "what=log.left_out" in ingress.log(), "the rest of the count")
    lines = [line for line in ingress.log().splitlines() if f"what={what} " in line or f"of={what} " in line]
    assert len(lines) <= 60
    written = sum(f"what={what} " in line for line in lines)
    assert written + sum(int(n) for line in lines for n in re.findall(r"left_out=(\d+)", line)) == 600
    assert core


def test_names_in_figures_have_so_many_rows(make):
    names = [f"svc{n:02}" for n in range(50)]
    core = make.core(registry=registry(more=names))
    ingress = make()
    ingress.wait_log("what=registry.new")
    for name in names:
        assert ingress.service(b'{"statuses":[{"id":"s","status":"read","at":"never"}]}', "statuses", name, f"token-of-{name}-{'0' * 24}").status == 202
    assert len(rows(ingress, "amo_requests_warned_total")) == 33
    assert ingress.metric("amo_requests_warned_total", connector="other") == 18
    assert core


def test_strangers_hide_no_line_of_who_was_verified_and_fill_no_figure(make):
    names = [f"svc{n:02}" for n in range(50)]
    core = make.core(registry=registry(more=names))
    ingress = make(amo_ingress_trusted_proxies="127.0.0.0/8", amo_log_level="info")
    ingress.wait_log("what=registry.new")
    held = ingress.connect()
    for n in range(150):
        assert ingress.service(token="x" * 32, connection=held, X_Forwarded_For=f"10.1.{n}.1").status == 401
    assert ingress.service(message("m-1", type="hologram"), connection=held).status == 422
    ingress.wait_log(r"what=webhook.refused .*status=422 .*verified=yes id=m-1")
    for n in range(150):
        assert ingress.service(name=names[n % 50], token="x" * 32, connection=held, X_Forwarded_For=f"10.2.{n}.1").status == 401
    held.close()
    assert len(rows(ingress, "amo_refused_total")) == 33 + 2  # of 401 and of 422, each with "other"
    wait_for(lambda: len({(r["name"], r["status"]) for h in core.heartbeats for r in refusals(h)}) == 52, "all kinds")
    assert all(len(refusals(h)) <= 16 for h in core.heartbeats)


def refusals(heartbeat):
    return msgpack.unpackb(heartbeat.body["refusals"]) if "refusals" in heartbeat.body else []

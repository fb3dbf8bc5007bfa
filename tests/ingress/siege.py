"""An ingress under siege: strangers in front of it, directly or through a proxy, and amojo that has to get through.

amojo sends a webhook once. So of its webhooks none may go unanswered, be answered anything but 200, be missing at core,
or be late; and a service that has a token repeats what is refused, but must not have to."""
import collections
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import threading
import time
import typing

import kit
from ingress_harness import SCOPE, TOKEN, Ingress, hook, sign
from strangers import Strangers

LATE_S = 1.0
NOISE_S = 0.3  # what a machine without a processor to spare adds
CALM_S = 2.0
LARGE = 300_000  # bytes of every tenth webhook
BOUND_MIB = int(re.search(r"\| ingress: memory \| (\d+) MiB", (kit.ROOT / "docs" / "configuration.md").read_text())[1])
AMOJO = "127.9.9.9"
AMOJO_SIX = "2001:db8:9:9::9"
PATHS = {"amojo": f"/messages/{SCOPE}", "service": "/v1/connectors/mobilon/messages"}


def free_port():
    """One for a program that cannot take port 0: below those that connections are given."""
    while True:
        port = random.randrange(12000, 30000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Sent(typing.NamedTuple):
    """A webhook of amojo's."""
    ident: str
    began: float   # monotonic
    took_s: float  # until the answer
    status: str    # or what went wrong

    @property
    def is_good(self):
        return self.status == "HTTP/1.1 200 OK"


def is_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    return bool(end and length and len(body) >= int(length[1]))


class Amojo(threading.Thread):
    """Some of amojo's senders: every @every seconds a webhook, on a fresh connection and on a kept one in turn. The first
    ones are small: a large one may be refused while an address that floods, too, has never verified anything."""

    def __init__(self, port, name, every, source=AMOJO):
        super().__init__(daemon=True)
        self.port, self.name_, self.every, self.source = port, name, every, source
        self.kept = None
        self.sent = []
        self.stopping = False
        self.start()

    def dial(self):
        s = socket.create_connection(("::1" if ":" in self.source else "127.0.0.1", self.port), 20, (self.source, 0))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def connection(self, fresh):
        if fresh:
            return self.dial()
        if self.kept:  # as curl does: one that was closed meanwhile is not used
            self.kept.setblocking(False)
            try:
                closed = self.kept.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                closed = False
            except OSError:
                closed = True
            self.kept.settimeout(20)
            if not closed:
                return self.kept
            self.kept.close()
        self.kept = self.dial()
        return self.kept

    def send(self, ident, fresh, large=False):
        body = hook(ident, text="x" * LARGE) if large else hook(ident)
        head = (f"POST {PATHS['amojo']} HTTP/1.1\r\nHost: bridge\r\nX-Signature: {sign(body)}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                + ("Connection: close\r\n" if fresh else "") + "\r\n")
        s = self.connection(fresh)
        try:
            s.sendall(head.encode() + body)
            got = b""
            while not is_whole(got):
                piece = s.recv(4096)
                if not piece:
                    break
                got += piece
            return got.split(b"\r\n")[0].decode() or "closed"
        finally:
            if fresh:
                s.close()

    def run(self):
        n = 0
        while not self.stopping:
            began = time.monotonic()
            ident = f"{self.name_}-{n}"
            try:
                status = self.send(ident, n % 2 == 0, n % 20 in (5, 16))
            except OSError as e:
                status = f"{type(e).__name__}: {e}"
                if self.kept:
                    self.kept.close()
                self.kept = None
            n += 1
            self.sent.append(Sent(ident, began, time.monotonic() - began, status))
            time.sleep(max(0, self.every - (time.monotonic() - began)))

    def stop(self):
        self.stopping = True
        self.join(60)
        if self.kept:
            self.kept.close()


def nginx(directory, upstream, more=""):
    """nginx as most people set it up, with places for as many as come."""
    port = free_port()
    conf = pathlib.Path(directory) / "nginx.conf"
    conf.write_text(f"""
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/nginx.err error;
events {{ worker_connections 16384; }}
worker_rlimit_nofile 40000;
http {{
    access_log off; client_max_body_size 2m;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/f;
    uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
    server {{
        listen 127.0.0.1:{port} backlog=8192;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_set_header Host $host; {more}
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}""")
    proxy = kit.Process("nginx", [shutil.which("nginx") or "/usr/sbin/nginx", "-c", conf, "-p", directory], None, directory)
    return proxy, port


def nginx_unbuffered(directory, upstream):
    """One that hands bodies on as they come, as Caddy does."""
    return nginx(directory, upstream, "proxy_request_buffering off; proxy_http_version 1.1;")


def caddy(directory, upstream):
    """deploy/Caddyfile, on ports of its own and without TLS."""
    port = free_port()
    text = (kit.ROOT / "deploy" / "Caddyfile").read_text()
    for line, other in (("admin 127.0.0.1:2019", "admin off"), ("http_port 8081", f"http_port {port}"),
                        ("https_port 8443", f"https_port {free_port()}")):
        assert line in text
        text = text.replace(line, other)
    conf = pathlib.Path(directory) / "Caddyfile"
    conf.write_text(text)
    env = kit.environment(AMO_DOMAIN=f"http://:{port}", AMO_TLS="", AMO_UPSTREAM=f"127.0.0.1:{upstream}",
                          XDG_DATA_HOME=directory, XDG_CONFIG_HOME=directory, HOME=directory)
    proxy = kit.Process("caddy", ["caddy", "run", "--config", conf, "--adapter", "caddyfile"], env, directory)
    return proxy, port


PROXIES = {"nginx": nginx, "nginx_unbuffered": nginx_unbuffered, "caddy": caddy,
           "unknown_caddy": caddy}  # which ingress was not told to trust


def is_there(proxy):
    return shutil.which(proxy.split("_")[-1] if "caddy" in proxy else "nginx", path=os.environ["PATH"] + ":/usr/sbin")


def answers(port):
    try:
        return kit.http("GET", f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200
    except OSError:
        return False


class Siege:
    """Strangers besiege an ingress; amojo sends before them and among them, and all the time to an ingress beside it, which
    nobody besieges: what is late there, too, is so for want of processors."""

    def __init__(self, directory, core, name):
        self.case, self.core, self.made = SIEGES[name], core, []
        self.directory = directory
        (beside := directory / "beside").mkdir()
        self.ingress = self.make(directory, **self.case.settings)
        self.beside = self.make(beside, **self.case.listen, amo_bus_events=core.endpoint, amo_name="beside")
        self.port = self.ingress.port
        if self.case.proxy:
            process, self.port = PROXIES[self.case.proxy](directory, self.ingress.port)
            self.made.append(process.start())
            kit.wait_for(lambda: answers(self.port), self.case.proxy, 30)
        self.down = []  # (since, until), monotonic

    def make(self, directory, **config):
        one = Ingress(directory, **{"amo_log_level": "info", "amo_drain_ms": 20000} | config)
        self.made.append(one)
        one.wait_log("what=registry.new")
        return one

    def amojo(self, name, n=4, port=None):
        return [Amojo(port or self.port, f"{name}{i}", 0.2, AMOJO_SIX if self.case.six else AMOJO) for i in range(n)]

    def calm(self, name):
        senders = self.amojo(name)
        time.sleep(CALM_S)
        return rows_of(senders)

    def strangers(self):
        rate = {"rate": 2000} if os.environ.get("AMO_IN_NAMESPACE") else {}
        return [Strangers(self.directory, port=self.port, net=40 + i, six=int(self.case.six),
                          **rate | {"path": PATHS["amojo"], "token": TOKEN} | wave)
                for i, wave in enumerate(self.case.waves)]

    def restart(self):
        """An orderly stop and another start, as an update of the programs is."""
        since = time.monotonic()
        self.ingress.stop()
        host = "[::1]" if self.case.six else "127.0.0.1"
        self.ingress.start(amo_ingress_listen=f"{host}:{self.ingress.port}")
        self.down.append((since, time.monotonic()))

    def was_down(self, row):
        """It was begun while nobody listened. Whoever came before that is still answered; 50 ms are for connecting."""
        return any(since - 0.05 < row.began < until for since, until in self.down)

    def run(self, seconds):
        """The figures. With a case that is @fresh ingress has never heard of amojo when strangers have come."""
        calm = [] if self.case.fresh else self.calm("calm")
        self.made += (crowd := self.strangers())
        if self.case.fresh:
            time.sleep(2)  # not only their first connections
        control, senders = self.amojo("beside", 1, self.beside.port), self.amojo("siege")
        for i in range(self.case.restarts):
            time.sleep(seconds / (self.case.restarts + 1))
            self.restart()
        time.sleep(seconds / (self.case.restarts + 1))
        besieged, control = rows_of(senders), rows_of(control)
        memory = self.memory()
        for one in crowd:
            one.stop()
        calm = calm or self.calm("after")
        return Figures(self, calm, control, besieged, [one.did for one in crowd], memory)

    def memory(self):
        with open(f"/proc/{self.ingress.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

    def close(self):
        for one in reversed(self.made):
            one.close()


def rows_of(senders):
    """What they have sent, once they have stopped."""
    for one in senders:
        one.stopping = True
    for one in senders:
        one.stop()
    return [row for one in senders for row in one.sent]


def percentile(rows, part):
    times = sorted(row.took_s for row in rows)
    return times[int(len(times) * part)] if times else 0


class Figures:
    def __init__(self, siege, calm, control, besieged, did, memory):
        self.calm, self.control, self.did, self.memory_mib = calm, control, did, memory
        self.rows = [row for row in besieged if not siege.was_down(row)]
        self.lost_while_down = [row for row in besieged if siege.was_down(row) and not row.is_good]
        # Caddy waits for an ingress that starts again; who comes to ingress itself then is refused by the kernel
        self.bad = [row for row in (besieged if "caddy" in siege.case.proxy else self.rows) if not row.is_good]
        noise = max(row.took_s for row in calm + control)
        self.over_s = [row for row in self.rows if row.is_good and row.took_s > LATE_S]
        self.late = [row for row in self.over_s if row.took_s > LATE_S + (noise if noise > NOISE_S else 0)]
        self.down_s = [until - since for since, until in siege.down]
        good = {row.ident for row in besieged if row.is_good}
        kit.wait_for(lambda: good <= {e.get("message_id") for _, e, _ in siege.core.events}, "amojo's webhooks at core", 30)

    @property
    def is_good(self):
        return not self.bad and not self.late and len(self.rows) > 10 and self.memory_mib < BOUND_MIB

    def __str__(self):
        did = collections.Counter()
        for one in self.did:
            did.update(one)
        words = [f"webhooks {len(self.rows)}, lost {len(self.bad)}, late {len(self.late)}, over 1 s {len(self.over_s)}"]
        for name, rows in ("", self.rows), ("calm ", self.calm), ("beside ", self.control):
            words.append(f"{name}p50/p99/worst " + "/".join(f"{percentile(rows, part) * 1e3:.0f}" for part in (.5, .99, .9999)) + " ms")
        if self.down_s:
            words.append(f"down {'/'.join(f'{s:.1f}' for s in self.down_s)} s, lost then {len(self.lost_while_down)}")
        return "; ".join([*words, f"ingress {self.memory_mib:.0f} MiB", f"load {os.getloadavg()[0]:.1f}", f"strangers {dict(did)}"])


# A namespace of its own, in which every address of 2001:db8::/32 is a local one: so many connections would fill the
# host's table of them (nf_conntrack), and what the host drops then would look like a webhook that is late. Buffers are
# small there: while nobody reads, large bodies would take all the memory that the host has for TCP (tcp_mem), and it
# would reset connections of others.
NAMESPACE = ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c",
             'ip link set lo up && ip -6 route add local 2001:db8::/32 dev lo && '
             'echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind && '
             'echo 4096 65536 65536 | tee /proc/sys/net/ipv4/tcp_rmem > /proc/sys/net/ipv4/tcp_wmem && '
             'AMO_IN_NAMESPACE=1 exec "$@"', "sh"]


def namespace_works():
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def many(kind, addresses=1, **more):
    """One wave of strangers. Large bodies come at 2.5 Gbit/s, through a proxy at 0.6: it has to hand each of them on."""
    rate = {"rate": 150} if kind == "bodies" and "size" not in more else {}
    return [dict(rate, kind=kind, addresses=addresses, **more)]


class Case(typing.NamedTuple):
    waves: list
    proxy: str = ""
    fresh: bool = False   # amojo has not sent anything before
    restarts: int = 0     # of ingress
    six: bool = False

    @property
    def listen(self):
        return {"amo_ingress_listen": "[::1]:0"} if self.six else {}

    @property
    def settings(self):
        """Of an ingress that is besieged: the defaults; it knows its proxy."""
        known = self.proxy and not self.proxy.startswith("unknown")
        return self.listen | ({"amo_ingress_trusted_proxies": "127.0.0.1"} if known else {})
SIEGES = {
    "one_silent": Case(many("silent")),
    "one_slowloris": Case(many("slowloris")),
    "one_bodies": Case(many("bodies")),
    "one_wrong": Case(many("wrong")),
    "17_silent": Case(many("silent", 17)),
    "17_slowloris": Case(many("slowloris", 17)),
    "17_bodies": Case(many("bodies", 17)),
    "17_wrong": Case(many("wrong", 17, connections=8, size=2000)),
    "100_silent": Case(many("silent", 100)),
    "100_slowloris": Case(many("slowloris", 100)),
    "100_bodies": Case(many("bodies", 100, connections=16)),
    "100_wrong": Case(many("wrong", 100, connections=2, size=2000)),
    "3000_silent": Case(many("silent", 3000, connections=2)),
    "all_at_once": Case([*many("silent", 17), *many("slowloris", 100, connections=16), *many("bodies", 17),
                         *many("wrong", 17, connections=8, size=2000)]),
    "5_signed": Case(many("signed", 5, path="service", size=256 << 10)),
    "hostile_service": Case(many("token", 4, path="service", connections=300, size=256 << 10, rate=300)),
    "six_one_network": Case(many("silent", 1000, connections=2), six=True),
    "six_one_network_bodies": Case(many("bodies", 1000, connections=2), six=True),
    "nginx_one_bodies": Case(many("bodies", rate=40), "nginx"),
    "nginx_100_silent": Case(many("silent", 100), "nginx"),
    "nginx_100_slowloris": Case(many("slowloris", 100, connections=16), "nginx"),
    "nginx_100_bodies": Case(many("bodies", 100, connections=16, rate=20), "nginx"),
    "nginx_17_wrong": Case(many("wrong", 17, connections=8, size=100000), "nginx"),
    "nginx_unbuffered_one_bodies": Case(many("bodies", rate=40), "nginx_unbuffered"),
    "nginx_unbuffered_17_bodies": Case(many("bodies", 17, rate=40), "nginx_unbuffered"),
    "caddy_one_bodies": Case(many("bodies", rate=40, hold=2), "caddy"),
    "caddy_one_wrong": Case(many("wrong", size=2000), "caddy"),
    "caddy_17_bodies": Case(many("bodies", 17, rate=40, hold=2), "caddy"),
    "caddy_17_wrong": Case(many("wrong", 17, connections=8, size=2000), "caddy"),
    "caddy_100_silent": Case(many("silent", 100), "caddy"),
    "caddy_100_slowloris": Case(many("slowloris", 100, connections=16), "caddy"),
    "caddy_100_bodies": Case(many("bodies", 100, connections=16, rate=40, hold=2), "caddy"),
    "caddy_all_at_once": Case([*many("silent", 17), *many("slowloris", 100, connections=16), *many("bodies", 17, rate=20, hold=2),
                               *many("wrong", 17, connections=2, size=2000)], "caddy"),
    "unknown_caddy_17_bodies": Case(many("bodies", 17, rate=40, hold=2), "unknown_caddy"),
    "unknown_caddy_17_wrong": Case(many("wrong", 17, connections=8, size=2000), "unknown_caddy"),
    "unknown_caddy_100_slowloris": Case(many("slowloris", 100, connections=16), "unknown_caddy"),
    "fresh_100_silent": Case(many("silent", 100), fresh=True),
    "fresh_3000_silent": Case(many("silent", 3000, connections=2), fresh=True),
    "fresh_100_slowloris": Case(many("slowloris", 100), fresh=True),
    "fresh_100_bodies": Case(many("bodies", 100, connections=16), fresh=True),
    "fresh_17_wrong": Case(many("wrong", 17, connections=8, size=2000), fresh=True),
    "fresh_six_one_network": Case(many("silent", 1000, connections=2), fresh=True, six=True),
    "fresh_nginx_unbuffered_17_bodies": Case(many("bodies", 17, rate=40), "nginx_unbuffered", fresh=True),
    "fresh_caddy_100_bodies": Case(many("bodies", 100, connections=16, rate=40, hold=2), "caddy", fresh=True),
    "fresh_caddy_17_wrong": Case(many("wrong", 17, connections=8, size=2000), "caddy", fresh=True),
    "fresh_unknown_caddy_17_bodies": Case(many("bodies", 17, rate=40, hold=2), "unknown_caddy", fresh=True),
    "fresh_unknown_caddy_17_wrong": Case(many("wrong", 17, connections=8, size=2000), "unknown_caddy", fresh=True),
    "restart_100_silent": Case(many("silent", 100), restarts=2),
    "restart_100_slowloris": Case(many("slowloris", 100), restarts=2),
    "restart_100_bodies": Case(many("bodies", 100, connections=16), restarts=2),
    "restart_all_at_once": Case([*many("silent", 17), *many("slowloris", 100, connections=16), *many("bodies", 17),
                                 *many("wrong", 17, connections=8, size=2000)], restarts=2),
    "restart_hostile_service": Case(many("token", 4, path="service", connections=300, size=256 << 10, rate=300), restarts=2),
    "restart_nginx_unbuffered_17_bodies": Case(many("bodies", 17, rate=40), "nginx_unbuffered", restarts=2),
    "restart_caddy_100_bodies": Case(many("bodies", 100, connections=16, rate=40, hold=2), "caddy", restarts=2),
    "restart_unknown_caddy_17_bodies": Case(many("bodies", 17, rate=40, hold=2), "unknown_caddy", restarts=2),
}

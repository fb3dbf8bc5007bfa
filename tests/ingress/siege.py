"""An ingress under siege: strangers in front of it, directly or through a proxy, and amojo that has to get through.

amojo sends a webhook once. So of its webhooks none may go unanswered, be answered anything but 200, be missing at core,
or be late; and a service that has a token repeats what is refused, but must not have to."""
import os
import pathlib
import random
import shutil
import socket
import subprocess
import threading
import time

import kit
from ingress_harness import SCOPE, TOKEN, hook, sign
from strangers import Strangers

LATE_S = 1.0
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


class Amojo(threading.Thread):
    """Some of amojo's senders: every @every seconds a webhook, on a fresh connection and on a kept one in turn."""

    def __init__(self, port, name, every, source=AMOJO):
        super().__init__(daemon=True)
        self.port, self.name_, self.every, self.source = port, name, every, source
        self.kept = None
        self.sent = []       # (id, seconds until the answer, status or what went wrong)
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

    def send(self, ident, fresh):
        body = hook(ident)
        head = (f"POST {PATHS['amojo']} HTTP/1.1\r\nHost: bridge\r\nX-Signature: {sign(body)}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                + ("Connection: close\r\n" if fresh else "") + "\r\n")
        s = self.connection(fresh)
        try:
            s.sendall(head.encode() + body)
            got = b""
            while not (b"\r\n\r\n" in got and got.endswith(b"OK")):
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
                status = self.send(ident, n % 2 == 0)
            except OSError as e:
                status = f"{type(e).__name__}: {e}"
                if self.kept:
                    self.kept.close()
                self.kept = None
            n += 1
            self.sent.append((ident, time.monotonic() - began, status))
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
    """Strangers @waves ({kind: …, addresses: …}) for @seconds; amojo sends before them and among them."""

    def __init__(self, ingress, core, proxy=None, six=False):
        self.ingress, self.core, self.six, self.made = ingress, core, six, []
        self.port = ingress.port
        self.directory = ingress.dir
        if proxy:
            process, self.port = PROXIES[proxy](self.directory, ingress.port)
            self.made.append(process.start())
            kit.wait_for(lambda: answers(self.port), proxy, 30)

    def amojo(self, name, seconds):
        senders = [Amojo(self.port, f"{name}{i}", 0.2, AMOJO_SIX if self.six else AMOJO) for i in range(4)]
        time.sleep(seconds)
        for one in senders:
            one.stop()
        return [row for one in senders for row in one.sent]

    def strangers(self, waves):
        return [Strangers(self.directory, port=self.port, net=40 + i, six=int(self.six), **self.wave(**wave)) for i, wave in enumerate(waves)]

    @staticmethod
    def wave(path="amojo", **options):
        more = {"rate": 2000} if os.environ.get("AMO_IN_NAMESPACE") else {}
        return dict(more, path=PATHS[path], token=TOKEN) | options

    def run(self, waves, seconds, calm_s=1.0):
        """What amojo's senders met while calm, and among the strangers."""
        calm = self.amojo("calm", calm_s) if calm_s else []
        crowd = self.strangers(waves)
        self.made += crowd
        besieged = self.amojo("siege", seconds)
        memory = self.memory()
        for one in crowd:
            one.stop()
        return Figures(self, calm, besieged, [one.did for one in crowd], memory)

    def memory(self):
        with open(f"/proc/{self.ingress.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

    def close(self):
        for one in self.made:
            one.close()


class Figures:
    def __init__(self, siege, calm, besieged, did, memory):
        self.calm, self.besieged, self.did, self.memory_mib = calm, besieged, did, memory
        self.bad = [row for row in besieged if row[2] != "HTTP/1.1 200 OK"]
        worst_calm = max((row[1] for row in calm), default=0)
        self.late = [row for row in besieged if row not in self.bad and row[1] > LATE_S + worst_calm]
        self.worst_s = max(row[1] for row in besieged)
        times = sorted(row[1] for row in besieged)
        self.p50_s, self.p99_s = times[len(times) // 2], times[len(times) * 99 // 100]
        good = {row[0] for row in besieged if row not in self.bad}
        core = siege.core
        kit.wait_for(lambda: good <= {e.get("message_id") for _, e, _ in core.events}, "amojo's webhooks at core", 30)

    def __str__(self):
        did = {}
        for one in self.did:
            for name, n in one.items():
                did[name] = did.get(name, 0) + n
        return (f"amojo {len(self.besieged)} webhooks, lost {len(self.bad)}, late {len(self.late)}, p50 {self.p50_s * 1e3:.0f} ms, "
                f"p99 {self.p99_s * 1e3:.0f} ms, worst {self.worst_s * 1e3:.0f} ms (calm "
                f"{max((r[1] for r in self.calm), default=0) * 1e3:.0f}); ingress {self.memory_mib:.0f} MiB; strangers {did}")


def settings(proxy, six=False):
    """Of an ingress that is besieged: the defaults; it knows its proxy."""
    return {"amo_log_level": "info", **({"amo_ingress_listen": "[::1]:0"} if six else {}),
            **({"amo_ingress_trusted_proxies": "127.0.0.1"} if proxy and not proxy.startswith("unknown") else {})}


# A namespace of its own, in which every address of 2001:db8::/32 is a local one: so many connections would fill the
# host's table of them (nf_conntrack), and what the host drops then would look like a webhook that is late.
NAMESPACE = ["unshare", "-n" if os.geteuid() == 0 else "-rn", "sh", "-c",
             'ip link set lo up && ip -6 route add local 2001:db8::/32 dev lo && '
             'echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind && AMO_IN_NAMESPACE=1 exec "$@"', "sh"]


def namespace_works():
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


def many(kind, addresses=1, **more):
    """One wave of strangers. Large bodies come at 2.5 Gbit/s, through a proxy at 0.6: it has to hand each of them on."""
    rate = {"rate": 150} if kind == "bodies" and "size" not in more else {}
    return [dict(rate, kind=kind, addresses=addresses, **more)]


# name: (proxy, waves)
SIEGES = {
    "one_silent": (None, many("silent")),
    "one_bodies": (None, many("bodies")),
    "17_silent": (None, many("silent", 17)),
    "100_silent": (None, many("silent", 100)),
    "100_slowloris": (None, many("slowloris", 100)),
    "17_bodies": (None, many("bodies", 17)),
    "100_bodies": (None, many("bodies", 100, connections=16)),
    "5_signed": (None, many("signed", 5, path="service", size=256 << 10)),
    "one_wrong": (None, many("wrong")),
    "17_wrong": (None, many("wrong", 17, connections=8, size=2000)),
    "nginx_100_silent": ("nginx", many("silent", 100)),
    "nginx_100_slowloris": ("nginx", many("slowloris", 100, connections=16)),
    "nginx_100_bodies": ("nginx", many("bodies", 100, connections=16, rate=20)),
    "nginx_17_wrong": ("nginx", many("wrong", 17, connections=8, size=100000)),
    "nginx_unbuffered_one_bodies": ("nginx_unbuffered", many("bodies", rate=40)),
    "nginx_unbuffered_17_bodies": ("nginx_unbuffered", many("bodies", 17, rate=40)),
    "caddy_one_bodies": ("caddy", many("bodies", rate=40)),
    "caddy_17_bodies": ("caddy", many("bodies", 17, rate=40)),
    "caddy_100_bodies": ("caddy", many("bodies", 100, connections=16, rate=40)),
    "caddy_100_silent": ("caddy", many("silent", 100)),
    "caddy_100_slowloris": ("caddy", many("slowloris", 100, connections=16)),
    "caddy_17_wrong": ("caddy", many("wrong", 17, connections=8, size=2000)),
    "unknown_caddy_17_bodies": ("unknown_caddy", many("bodies", 17, rate=40)),
    "unknown_caddy_17_wrong": ("unknown_caddy", many("wrong", 17, connections=8, size=2000)),
    "six_one_network": (None, many("silent", 1000, connections=2)),
    "six_one_network_bodies": (None, many("bodies", 1000, connections=2)),
    "hostile_service": (None, many("token", 4, path="service", connections=300, size=256 << 10, rate=300)),
}

"""What one healthy service alone gets of the bridge, beside what it got with a window that learns nothing; ./dev bench alone
[SECONDS [ROUNDS]].

A service answers every call after the same time, and managers write to 200 chats of it as much as it can take and more. Rounds
with the window as it is take turns with rounds where 48 calls may be under way whatever happens, which is what a destination
had before windows were learnt. It must reach nine tenths of that; ends with 1 when it does not."""
import http.server
import multiprocessing
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build-release"
os.environ.setdefault("AMO_BIN_DIR", str(BUILT / "bin"))
os.environ["AMO_CORE_BIN"] = str(BUILT / "tests" / "amo-core-faulty")  # for both of them (core/model/inject.h)
sys.path[:0] = [str(ROOT / "tests" / "process"), str(ROOT / "tests" / "lib")]
import beside  # noqa: E402
from stack import Stack, wait_for  # noqa: E402

LANES, LEAST = 200, 0.9


def serve(port, after_s, taken):
    """In a process of its own, so that nobody else's work makes it slow."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(after_s)
            with taken.get_lock():
                taken.value += 1
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        def log_message(self, *args):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size, daemon_threads = 256, True

        def handle_error(self, request, client_address):  # its caller was killed
            pass

    server = Server(("127.0.0.1", 0), Handler)
    port.value = server.server_port
    server.serve_forever(0.05)


class Service:
    def __init__(self, after_s):
        port, self.taken = multiprocessing.Value("i", 0), multiprocessing.Value("i", 0)
        self.process = multiprocessing.Process(target=serve, args=(port, after_s, self.taken), daemon=True)
        self.process.start()
        self.url = f"http://127.0.0.1:{wait_for(lambda: port.value, 'the service')}/hook"

    def rate(self, seconds):
        """Calls a second."""
        before, began = self.taken.value, time.monotonic()
        time.sleep(seconds)
        return (self.taken.value - before) / (time.monotonic() - began)


def reached(service, seconds, most, **env):
    """Calls a second that the bridge makes, with more to send than it can."""
    with Stack(env={**beside.UNLIMITED, **env}) as stack:
        stack.up()
        others = beside.Strangers(stack, "alone", service.url, LANES)
        others.write(int(most * (seconds + 20)))
        wait_for(lambda: stack.figure("ingress", "amo_spool_events") == 0, "core to have all of it", 120)
        found = service.rate(seconds)
        assert stack.control("status")["commands"] > LANES, "it had nothing more to send"
        return found


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    fine = True
    for after_ms in (50, 100, 200):
        service = Service(after_ms / 1000)
        got = {"fixed": 0.0, "": 0.0}
        for _ in range(rounds):
            for inject in got:
                got[inject] += reached(service, seconds, 48_000 / after_ms, AMO_INJECT=inject) / rounds
        service.process.terminate()
        ratio = got[""] / got["fixed"]
        fine &= ratio >= LEAST
        print(f"answers after {after_ms} ms: a fixed window {got['fixed']:.0f} a second, the learnt one {got['']:.0f}: "
              f"{ratio:.2f}{'' if ratio >= LEAST else ', NOT enough'}", flush=True)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())

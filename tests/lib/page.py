"""A document as a test: its fenced blocks, run as they stand, and what they show compared with what comes.

A block ```console holds commands behind "$ " (a "> " goes on) and below each what it answers. In what is shown "…" stands for
anything within a line, and a line of "…" alone for any lines. A block ```sh holds commands only.
"""
import pathlib
import re
import selectors
import subprocess
import time
import uuid

from kit import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = 60


class Block:
    def __init__(self, info, text, line, heading):
        self.info, self.text, self.line, self.heading = info, text, line, heading


def blocks(path, *infos):
    """The fenced blocks of a page, in order; of these languages, if any are named."""
    found, heading, lines, fence = [], "", [], None
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").split("\n"), 1):
        if fence is not None:
            if line.startswith("```"):
                found.append(Block(fence, "\n".join(lines), start, heading))
                fence = None
            else:
                lines.append(line)
        elif line.startswith("```"):
            fence, lines, start = line[3:].strip(), [], number
        elif line.startswith("#"):
            heading = line.lstrip("# ")
    return [b for b in found if not infos or b.info in infos]


def program(path, name):
    """The block whose first line names this file."""
    return next(b.text for b in blocks(path) if re.match(rf"(#|//) {re.escape(name)}\b", b.text))


def steps(block):
    """(command, shown lines) of a console block."""
    found = []
    for line in block.text.split("\n"):
        if line.startswith("$ "):
            found.append([[line[2:]], []])
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0].append(line[2:])
        elif found:
            found[-1][1].append(line)
    return [("\n".join(command), [s for s in shown if s.strip()]) for command, shown in found]


def fits(shown, got):
    """Does the output say what the page shows?"""
    rows = []
    for line in shown:
        rows.append(r"(?:.*\n)*" if line.strip() == "…" else
                    ".*".join(re.escape(part) for part in re.sub(r" +", " ", line.strip()).split("…")) + r"\n")
    text = "".join(re.sub(r" +", " ", line.strip()) + "\n" for line in got.split("\n") if line.strip())
    return re.fullmatch("".join(rows), text) is not None


class Shell:
    """One bash for all commands of a page, so that what one of them sets the next has."""

    def __init__(self, directory, environment):
        self.bash = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=directory, env=environment, text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run("kill $(jobs -p) 2>/dev/null; wait")
        self.bash.stdin.close()
        self.bash.wait(DEADLINE)
        self.bash.stdout.close()

    def run(self, command, timeout=DEADLINE):
        """(exit code, output)"""
        mark = uuid.uuid4().hex
        self.bash.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s %d\\n' {mark} $?\n")
        self.bash.stdin.flush()
        got, end = "", time.monotonic() + timeout
        with selectors.DefaultSelector() as ready:
            ready.register(self.bash.stdout, selectors.EVENT_READ)
            while not (done := re.search(rf"\n?{mark} (\d+)\n", got)):
                assert time.monotonic() < end, f"{command}\nsaid so far:\n{got}"
                if ready.select(0.5):
                    piece = self.bash.stdout.buffer.read1(65536)
                    assert piece, f"the shell ended:\n{got}"
                    got += piece.decode("utf-8", "replace")
        return int(done[1]), got[:done.start()]

    def until(self, command, shown, timeout=20):
        """Runs it again until it says what the page shows; asserts that it does."""
        said = []

        def does():
            said[:] = self.run(command)
            return fits(shown, said[1])
        wait_for(does, lambda: f"$ {command}\nthe page shows:\n" + "\n".join(shown) + f"\nit says ({said[0]}):\n{said[1]}",
                 timeout, every=0.1)
        return said[0]

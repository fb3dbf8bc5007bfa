"""The verbs of amoctl, out of its own help."""
import re

from kit import environment, run


def told(*words, columns=1000):
    """What help says; with a thousand columns no line of it is folded."""
    done = run("amoctl", *words, "--help", env=environment(COLUMNS=columns))
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def groups():
    """The first words of all verbs, in the order of the general help."""
    return list(dict.fromkeys(re.findall(r"^  ([a-z]+)\b", told(), re.M)))


def usage():
    """{verb: what may stand behind it, as help writes it}."""
    found = {}
    for group in groups():
        for line in told(group).splitlines():
            match = re.match(r"(?:usage: amoctl|  )\s*([a-z]+(?: [a-z]+)?)((?: [\[<A-Z-].*)?)$", line)
            if match and match[1].split()[0] == group:
                found[match[1]] = match[2]
    return found


def options():
    """{verb: its options}."""
    return {verb: set(re.findall(r"--[a-z-]+", rest)) for verb, rest in usage().items()}

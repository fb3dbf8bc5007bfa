"""amoctl and the real amo-core: every verb is understood, and what one adds the other shows."""
import json

import pytest

from kit import BIN, Process
from tools_harness import amoctl, environment

REPLY = """
{
  "result": {
    "ru": {
      "id": "f90ba33d-c9d9-44da-b76c-c349b0ecbe41",
      "code": "ru.example.test",
      "secret_key": "0123456789abcdef0123456789abcdef01234567",
      "name": "Мессенджер",
      "allowed_acc_list": [        // works on these only
        {"id": "2b13cae0-24f7-4058-b9ad-c13ee05e1b53"}
      ],
      "write_first": true,
      "bot": {"id": "dafae4e4-a428-4ae2-918c-0d785d7a44f4"}
    }
  },
  "error": null
}
"""
CHANNEL = "f90ba33d-c9d9-44da-b76c-c349b0ecbe41"
ACCOUNT = "2b13cae0-24f7-4058-b9ad-c13ee05e1b53"
SCOPE = f"{CHANNEL}_{ACCOUNT}"


@pytest.fixture
def real_core(run_dir):
    env = environment(run_dir, AMO_DATA_DIR=run_dir / "data", AMO_CORE_ADMIN_LISTEN="127.0.0.1:0")
    core = Process("core", [BIN / "amo-core"], env, run_dir).start()
    core.wait_line("what=ready")
    yield core
    try:
        assert core.stop(60) == 0 and not core.sanitizer_words()
    finally:
        core.close()


def asked(run_dir, *words):
    done = amoctl(run_dir, *words, "--json")
    assert (done.returncode, done.stderr) == (0, ""), words
    return json.loads(done.stdout)


def test_what_is_added_is_listed_and_kept_over_a_pause(real_core, run_dir):
    (run_dir / "reply.json").write_text(REPLY, encoding="utf-8")
    assert asked(run_dir, "channel", "add", "--reply", run_dir / "reply.json")["id"] == CHANNEL
    made = asked(run_dir, "connector", "add", "--name", "svc", "--kind", "http", "--url", "https://service.example/x")
    assert made["secret"].startswith("whsec_") and len(made["token"]) >= 32
    done = amoctl(run_dir, "account", "connect", "--channel", CHANNEL, "--account", ACCOUNT, "--connector", "svc",
                  "--scope-id", SCOPE)
    assert (done.returncode, done.stdout) == (0, SCOPE + "\n")
    asked(run_dir, "source", "add", "--connector", "svc", "--source", "wa1", "--scope", SCOPE)

    assert [c["id"] for c in asked(run_dir, "channel", "list")] == [CHANNEL]
    assert [c["name"] for c in asked(run_dir, "connector", "list")] == ["svc"]
    assert [s["source"] for s in asked(run_dir, "source", "list")] == ["wa1"]
    assert asked(run_dir, "account", "list")[0]["scope_id"] == SCOPE
    assert asked(run_dir, "account", "pause", SCOPE)["paused"] is True
    assert asked(run_dir, "account", "list")[0]["paused"] is True
    assert asked(run_dir, "account", "resume", SCOPE)["paused"] is False
    for everything in ("channel list", f"channel show {CHANNEL}", "connector list", "account list", "status"):
        for form in ([], ["--json"]):
            done = amoctl(run_dir, *everything.split(), *form)
            assert done.returncode == 0
            assert "0123456789abcdef" not in done.stdout and made["token"] not in done.stdout
            assert made["secret"] not in done.stdout


def test_eight_characters_name_an_account_or_a_channel_that_is_the_only_one(real_core, run_dir):
    for n, channel in enumerate((CHANNEL, "0a1b2c3d" + CHANNEL[8:])):
        (run_dir / "reply.json").write_text(REPLY.replace(CHANNEL, channel), encoding="utf-8")
        asked(run_dir, "channel", "add", "--reply", run_dir / "reply.json")
        asked(run_dir, "connector", "add", "--name", f"svc{chr(97 + n)}", "--kind", "http", "--url", "https://service.example/x")
    done = amoctl(run_dir, "account", "connect", "--channel", CHANNEL[:8], "--account", ACCOUNT, "--connector", "svca",
                  "--title", "Acme", "--scope-id", SCOPE)
    assert (done.returncode, done.stdout) == (0, SCOPE + "\n")
    short, shown = ACCOUNT[:8], f"{ACCOUNT[:8]} Acme"
    assert asked(run_dir, "account", "pause", short) == {"scope_id": SCOPE, "paused": True}
    assert asked(run_dir, "account", "resume", f"{CHANNEL[:8]}_{short}") == {"scope_id": SCOPE, "paused": False}
    assert asked(run_dir, "account", "show", short)["scope_id"] == SCOPE
    assert asked(run_dir, "source", "add", "--connector", "svca", "--source", "wa1", "--scope", short)["scope_id"] == SCOPE
    assert shown in amoctl(run_dir, "source", "list").stdout.splitlines()[1]
    assert asked(run_dir, "channel", "show", CHANNEL[:8])["id"] == CHANNEL
    assert amoctl(run_dir, "account", "show", short[:7]).returncode == 1

    asked(run_dir, "account", "connect", "--channel", "0a1b2c3d", "--account", ACCOUNT, "--connector", "svcb",
          "--title", "Other", "--scope-id", f"0a1b2c3d{SCOPE[8:]}")
    done = amoctl(run_dir, "account", "pause", short)
    assert done.returncode == 1 and "2 accounts" in done.stderr
    assert [r["paused"] for r in asked(run_dir, "account", "list")] == [False, False]
    rows = amoctl(run_dir, "account", "list").stdout
    for name in (f"{CHANNEL[:8]}_{short}", f"0a1b2c3d_{short}"):
        assert name in rows and asked(run_dir, "account", "show", name)["scope_id"].startswith(name[:8])


@pytest.mark.parametrize("words", ["conversation list", "queue", "dead list", "quarantine list", "channel list",
                                   "connector list", "account list", "source list"])
def test_an_empty_list_is_an_empty_array_or_words(real_core, run_dir, words):
    assert asked(run_dir, *words.split()) == []
    assert amoctl(run_dir, *words.split()).stdout.strip()


@pytest.mark.parametrize("words, code", [
    ("channel show nowhere", 1), ("trace nowhere", 1), ("dead show 5", 1), ("dead show x", 2), ("dead retry 5 6", 1),
    ("dead drop 5", 1), ("quarantine show 5", 1), ("quarantine replay 5", 1), ("quarantine drop 5 6", 1),
    ("quarantine drop x", 2), ("connector test nobody", 1), ("account pause nowhere", 1),
    ("account connect --channel c --account a --connector n", 1),
    ("connector add --name UPPER --kind http --url https://x", 2),
    ("source add --connector n --source s --scope c_a", 1)])
def test_cores_refusals_are_told_in_words(real_core, run_dir, words, code):
    done = amoctl(run_dir, *words.split())
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("amoctl: ") and len(done.stderr) > len("amoctl: x\n")


def test_status_is_a_summary(real_core, run_dir):
    document = asked(run_dir, "status")
    assert document["version"] and document["peers"] == []
    assert "uptime" in amoctl(run_dir, "status").stdout

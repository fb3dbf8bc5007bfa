"""The pages and amoctl know the same verbs and options."""
import re
import subprocess

from kit import BIN, ROOT
from verbs import options


def pages():
    return {path: path.read_text(encoding="utf-8") for path in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("README*.md")]}


def test_every_verb_and_option_of_amoctl_is_on_a_page():
    text = "\n".join(pages().values())
    known = options()
    assert {"status", "queue drop", "account connect"} <= set(known) and "--may-double" in known["dead retry"]
    for verb, its in known.items():
        assert re.search(rf"\b{verb.split()[-1]}\b", text), verb
        for option in its:
            assert f"{option}" in text, f"{verb} {option}"


def test_every_option_that_stands_behind_a_verb_on_a_page_is_one_of_it():
    known = options()
    for path, text in pages().items():
        for quoted in re.findall(r"(?:`|^|\$ )amoctl ([^`\n|>#;]*)", text, re.M):
            words = quoted.split()
            verb = next((v for v in (" ".join(words[:2]), " ".join(words[:1])) if v in known), None)
            for option in re.findall(r"(?<![\w-])--[a-z-]+", quoted) if verb else []:
                assert option in known[verb] | {"--json", "--help", "--config"}, f"{path.name}: amoctl {quoted}"


def test_every_line_of_doctor_leads_to_a_page_that_there_is():
    """Its name, which stands behind what to do, and whatever a line says to have explained."""
    code = "".join(re.sub(r'"\s*\n?\s*"', "", path.read_text(encoding="utf-8")) for path in (ROOT / "core/doctor").glob("*.c")
                   if not path.name.endswith("_test.c"))
    names = set(re.findall(r'\.name = "([a-z_]+)"', code)) | {"ingress", "egress", "data_dir", "run_dir", "master_key"}
    asked = set(re.findall(r"amoctl explain ([a-z_.-]+)", code))
    assert {"disk", "reach", "webhooks", "setting", "front_door"} <= names and "a-destination-is-held" in asked
    unknown = [name for name in sorted(names | asked)
               if subprocess.run([BIN / "amoctl", "explain", name], capture_output=True, timeout=60).returncode]
    assert not unknown, unknown

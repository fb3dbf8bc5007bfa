"""A page that exists in both languages says the same in both: whoever adds a section, a row, a command, a name or a link to
one of them adds it to the other. Words are not compared; what is the same in every language is."""
import collections
import difflib
import re

import pytest

from kit import ROOT

PAIRS = ["docs/first-channel.md", "docs/cut-over.md", "docs/operations.md"]
ENGLISH_ALONE = "| verb | arguments | answer |"  # a table that is held to the code word by word; the other page leads there
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


class Section:
    def __init__(self, heading):
        self.heading, self.rows, self.fences, self.prose = heading, [], [], []


def russian(path):
    return path.removesuffix(".md") + ".ru.md"


def sections(text):
    """The parts of a page, each with its heading, the rows of its tables, its fenced blocks and its other lines."""
    found, fence = [Section("")], None
    for line in text.split("\n"):
        if line.strip().startswith("```"):
            fence = None if fence is not None else []
            if fence is not None:
                found[-1].fences.append((line.strip()[3:], fence))
        elif fence is not None:
            fence.append(line)
        elif re.match(r"#+ ", line):
            found.append(Section(line))
        elif line.startswith("|"):
            found[-1].rows.append(line)
        else:
            found[-1].prose.append(line)
    return found


def names(text):
    """What stands in code quotes, however often; what is to be put in place of <…> may be in any language."""
    return {re.sub(r"<[^>]*>", "<>", name) for name in re.findall(r"`([^`]+)`", text)}


def anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").strip().lower()).replace(" ", "-")


def place(path, target, fragment):
    """Where a link leads: the English page's name, and the number of the heading there."""
    file = (ROOT / path).parent / target if target else ROOT / path
    number = 0
    if fragment and file.suffix == ".md":
        heads = [anchor(s.heading) for s in sections(file.read_text(encoding="utf-8"))]
        number = heads.index(fragment) if fragment in heads else fragment
    return file.resolve().name.replace(".ru.md", ".md"), number


def links(path, text):
    return collections.Counter((target, fragment) if re.match("[a-z]+:", target) else place(path, target, fragment)
                               for target, fragment in _LINK.findall(text))


def commands(fence):
    """The lines of a block; what explains a command, behind two spaces, is left out. Of a drawing their number."""
    info, lines = fence
    if re.search("[│├└─▶]", "".join(lines)):
        return info, len(lines)
    return info, lines if info else [re.split(r"(?<=\S) {2,}", line)[0] for line in lines]


def missing(here, there):
    """What one has and the other has not, in words."""
    gone, new = sorted(map(str, here - there)), sorted(map(str, there - here))
    return "; ".join((["lacks " + ", ".join(gone)] if gone else []) + (["has in excess " + ", ".join(new)] if new else []))


def rows(ours, theirs):
    """Where two tables part: rows that one has alone, and rows that name different things."""
    if ENGLISH_ALONE in ours:
        ours = ours[:ours.index(ENGLISH_ALONE)]
    a, b = ([tuple(sorted(names(row))) for row in side] for side in (ours, theirs))
    for kind, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "replace" and j - i == m - k:
            for x, y in zip(range(i, j), range(k, m)):
                yield f"row {x + 1} {missing(set(a[x]), set(b[y]))}\n    in English: {ours[x][:100]}\n    in Russian: {theirs[y][:100]}"
        elif kind != "equal":
            yield from (f"row {x + 1} is in English alone: {ours[x][:100]}" for x in range(i, j))
            yield from (f"row {y + 1} is in Russian alone: {theirs[y][:100]}" for y in range(k, m))


def differences(path, english, other):
    page = russian(path)
    ours, theirs = sections(english), sections(other)
    for number, (a, b) in enumerate(zip(ours, theirs)):
        if a.heading.split(" ")[0] != b.heading.split(" ")[0]:
            return [f"{page}: in place of \"{a.heading}\" stands \"{b.heading}\": a section is missing before it, or too many"]
    if len(ours) != len(theirs):
        return [f"{path} has {len(ours)} sections, {page} {len(theirs)}"]
    found = []
    for number, (a, b) in enumerate(zip(ours, theirs)):
        where = f"{page}, \"{b.heading or 'top'}\""
        found += [f"{where}: {said}" for said in rows(a.rows, b.rows)]
        x, y = names("\n".join(a.prose)), names("\n".join(b.prose))
        if x != y:
            found.append(f"{where}: the text {missing(x, y)}")
        x, y = [commands(f) for f in a.fences], [commands(f) for f in b.fences]
        if x != y:
            found.append(f"{where}: its blocks of commands are not those of \"{a.heading}\" in {path}")
        x, y = (links(p, "\n".join(s.rows + s.prose)) for p, s in ((path, a), (page, b)))
        if ENGLISH_ALONE in a.rows:
            del y[path.removeprefix("docs/"), number]
        if x != y:
            found.append(f"{where}: of links it {missing(set(x.items()), set(y.items()))}")
    return found


@pytest.mark.parametrize("path", PAIRS)
def test_both_languages_say_the_same(path):
    english, other = ((ROOT / p).read_text(encoding="utf-8") for p in (path, russian(path)))
    found = differences(path, english, other)
    assert not found, "whoever changes one language changes the other:\n" + "\n".join(found)


def test_each_page_in_russian_has_a_pair_and_leads_there():
    pages = {str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.ru.md")}
    assert pages == {russian(path) for path in PAIRS}
    for path in PAIRS:
        for here, there in ((path, russian(path)), (russian(path), path)):
            top = sections((ROOT / here).read_text(encoding="utf-8"))[1]
            assert f"({there.removeprefix('docs/')})" in "\n".join(top.prose), f"{here} begins without a link to {there}"


@pytest.mark.parametrize("path", ["README.ru.md", *map(russian, PAIRS)])
def test_a_page_in_russian_leads_to_pages_in_russian(path):
    body = (ROOT / path).read_text(encoding="utf-8").split("| Русский\n")[-1]
    targets = {target.split("/")[-1] for target, _ in _LINK.findall(body)}
    own = path.removeprefix("docs/").replace(".ru.md", ".md")
    assert not targets & {p.removeprefix("docs/") for p in PAIRS} - {own}, f"{path} leads to the English page of a pair"


SMALL = "# Page\n\n[here](page.md)\n\n## Part\n\n| `a` | says |\n|---|---|\n| `b` | more |\n\n`c` is read.\n\n```sh\nd --now\n```\n\n## End\n"


@pytest.mark.parametrize("was, is_, said", [
    ("| `b` | more |\n", "", "row 3 is in English alone: | `b` | more |"),
    ("| `b` | more |", "| `e` | more |", "row 3 lacks b; has in excess e"),
    ("`c` is", "It is", "the text lacks c"),
    ("d --now", "d", "blocks of commands"),
    ("## End\n", "", "sections"),
    ("## Part", "### Part", "in place of"),
    ("[here](page.md)", "here", "of links it lacks"),
])
def test_what_one_language_lacks_is_named(was, is_, said):
    assert differences("docs/x.md", SMALL, SMALL) == []
    assert said in "\n".join(differences("docs/x.md", SMALL, SMALL.replace(was, is_)))

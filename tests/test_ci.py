"""What CI runs: the parts of .ci/run, each within its minutes, and nowhere a list that differs."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
SCRIPT = REPOSITORY / ".ci/run"
TEXT = SCRIPT.read_text(encoding="utf-8")
(PARTS,) = (found.split() for found in re.findall(r'^PARTS="(.*)"$', TEXT, re.M))
PRETEND = """
make() {
    echo "made $1"
    if [ "$1" = demo ]; then echo "$DEMO"; fi
    [ "$1" != "$BROKEN" ]
}
debian() { :; }
"""
DONE = "Nothing to do: every result is up to date."


def run(script, broken="", demo=DONE):
    """The functions of .ci/run under a ``make`` that only says what it was asked for."""
    command = ["bash", "-c", f"BROKEN={broken} DEMO='{demo}'; source {SCRIPT}; {PRETEND}{script}"]
    return subprocess.run(command, capture_output=True, text=True)


def made(done):
    return re.findall(r"^made (.*)$", done.stdout + done.stderr, re.M)


def test_without_a_name_all_parts_run_in_turn():
    done = run("main")
    assert made(done) == ["venv", *PARTS, "demo"]
    assert done.returncode == 0


def test_a_demonstration_that_runs_again_has_failed():
    assert run("main demo").returncode == 0
    assert run("main demo", demo="12 of 31 steps done").returncode != 0


def test_what_the_demonstration_says_after_that_it_is_done_changes_nothing():
    """More than a pipe holds."""
    assert run("main demo", demo=DONE + 1500 * f"\n{70 * '-'}").returncode == 0


def test_all_parts_together_take_at_most_an_hour():
    assert sum(map(int, re.findall(r"within \w+ (\d+)", TEXT))) <= 60
    assert TEXT.count("within ") - TEXT.count("# within ") == len(PARTS)


def test_what_has_a_part_of_its_own_is_no_part_of_make_test():
    """Else CI would run it twice."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    own = set(re.findall(r"-m pytest (tests/\w+) ", makefile)) | {"tests/mutation"}
    assert own == set(re.findall(r"--ignore=(\S+?)[\s\"]", project))


def test_parts_run_by_name():
    assert made(run("main mutation lint")) == ["venv", "mutation", "lint"]


def test_an_unknown_part_is_refused_before_anything_runs():
    done = run("main lint linth")
    assert made(done) == []
    assert done.returncode == 2
    assert f"must be one of {' '.join(PARTS)}; got linth" in done.stderr


def test_the_first_failure_ends_the_run():
    done = run("main lint test faults", broken="test")
    assert made(done) == ["venv", "lint", "test"]
    assert done.returncode != 0


@pytest.mark.parametrize(
    ("seconds", "code", "said"),
    [
        (50, 0, ""),
        (75, 0, "slow is too slow: it may take 1 minutes, it took 7[56] s"),  # a second may begin
        (115, 0, "slow is too slow: it may take 1 minutes, it took 11[56] s"),
        (125, 1, "slow FAILED: it may take 1 minutes, it took 12[56] s"),
    ],
)
def test_a_part_that_takes_longer_than_its_minutes_is_told_of_and_then_fails(seconds, code, said):
    done = run(f"work() {{ SECONDS=$((SECONDS + {seconds})); }}; within slow 1 work")
    assert done.returncode == code
    assert re.search(said, done.stderr)
    assert bool(said) == bool(done.stderr)


def test_the_workflow_on_github_runs_every_part():
    text = (REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    job = yaml.safe_load(text)["jobs"]["part"]
    assert job["strategy"]["matrix"]["part"] == PARTS
    assert job["steps"][-1]["run"] == ".ci/run ${{ matrix.part }}"


def test_contributors_are_told_the_minutes_of_every_part():
    minutes = dict(re.findall(r"within (\w+) (\d+)", TEXT))
    assert list(minutes) == PARTS
    page = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.M) == list(minutes.items())


def test_the_version_is_the_same_wherever_it_stands():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## ([\d.]+)", changes, re.M)[1]
    assert project["version"] == citation["version"] == newest

"""The table of hours adds up what the jobs' benchmarks say."""

import pytest

from studies.hours import main, rows

TIMES = {
    "teacher.tsv": (600.0, 1100.0),
    "teacher_exit_logits.tsv": (6.0, 5.0),
    "kd/seed0.tsv": (60.0, 50.0),
    "kd/seed1.tsv": (120.0, 70.0),
    "kd/seed1_exit_logits.tsv": (3.0, 2.0),
    "kd/seed0_int8.tsv": (9.0, 8.0),
    "members/resnet10-w0.11-plain-b47a6b51/seed0.tsv": (30.0, 20.0),
    "deploy/kd-seed0.tsv": (1.0, 1.0),
    "rivals/narrow0/seed0.tsv": (20.0, 10.0),
    "teacher/fold0.tsv": (100.0, 90.0),
}


@pytest.fixture
def finished(tmp_path):
    for name, (wall, cpu) in TIMES.items():
        path = tmp_path / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tcpu_time\n{wall}\t0:00:00\t{cpu}\n")
    return tmp_path


def test_jobs_of_a_kind_are_one_row(finished):
    assert rows(finished) == [
        ("teacher", 2, 700.0, 1190.0),
        ("student", 2, 180.0, 120.0),
        ("member of a cascade", 1, 30.0, 20.0),
        ("plain rival", 1, 20.0, 10.0),
        ("all others", 2, 10.0, 9.0),
        ("exit logits", 2, 9.0, 7.0),
    ]


def test_the_table_ends_with_the_sum(finished, capsys):
    main([str(finished)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[2] == "| teacher | 2 | 11.7 | 19.8 |"
    assert printed[-1] == "| sum | 10 | 15.8 | 22.6 |"


def test_without_benchmarks_there_is_no_table(tmp_path):
    with pytest.raises(ValueError, match="must hold the benchmarks of finished jobs, got none"):
        rows(tmp_path)

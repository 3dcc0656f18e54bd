"""A processor without 8-bit dot products is told of; where nobody tells, nothing is said."""

import pytest

from erde.deployment.processor import slow_int8


@pytest.mark.parametrize(
    ("line", "slow"),
    [
        ("flags\t\t: fpu sse4_2 avx2 avx512f avx512bw", True),
        ("flags\t\t: fpu avx2 avx512_vnni", False),
        ("flags\t\t: fpu avx2 avx_vnni", False),
        ("Features\t: fp asimd aes", True),
        ("Features\t: fp asimd asimddp", False),
        ("model name\t: avx2", False),
    ],
)
def test_by_the_processors_instructions(tmp_path, line, slow):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{line}\n")
    sentence = slow_int8(tmp_path / "cpuinfo")
    assert (sentence is not None) is slow
    assert not slow or "int8 is emulated" in sentence


def test_where_there_is_no_such_file(tmp_path):
    assert slow_int8(tmp_path / "cpuinfo") is None

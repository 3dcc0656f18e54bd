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
    sentence = slow_int8(True, tmp_path / "cpuinfo")
    assert (sentence is not None) is slow
    assert not slow or ("int8 is emulated" in sentence and sentence.endswith("are the same"))


@pytest.mark.parametrize(
    ("line", "differ"),
    [("flags : avx2", True), ("Features : asimd", False), ("flags : avx_vnni", False)],
)
def test_weights_of_8_bits_may_overflow_on_x86_alone(tmp_path, line, differ):
    (tmp_path / "cpuinfo").write_text(f"{line}\n")
    sentence = slow_int8(False, tmp_path / "cpuinfo") or ""
    assert ("certificate do not hold here" in sentence) is differ
    assert ("the answers are the same" in sentence) is (line == "Features : asimd")


def test_where_there_is_no_such_file(tmp_path):
    assert slow_int8(True, tmp_path / "cpuinfo") is None

"""An int8 manifest names its very stages, and says how they were made."""

import pytest

from erde_core.store.int8 import check_int8, int8_hash

HASHES = {f"stage{e}.onnx": str(e) * 64 for e in range(2)} | {"single.onnx": "5" * 64}
FACTS = {
    "images": 512,
    "method": "minmax",
    "reduce_range": True,
    "float32_bytes": 10,
    "int8_bytes": 3,
    "exceptions": [],
    "single": None,
}


def manifest(files=HASHES, **facts):
    own = int8_hash([HASHES["stage0.onnx"], HASHES["stage1.onnx"]])
    return {
        "macs": [1, 2],
        "files": files,
        "weights_sha256": own,
        "quantisation": FACTS | facts,
    }


def test_what_fits_is_taken():
    check_int8(manifest())
    stages = {name: HASHES[name] for name in ("stage0.onnx", "stage1.onnx")}
    check_int8(manifest(stages, single="If is not taken"))


def test_other_stages_or_another_order_are_refused():
    swapped = HASHES | {"stage0.onnx": "1" * 64, "stage1.onnx": "0" * 64}
    for files in (swapped, HASHES | {"stage1.onnx": "9" * 64}):
        with pytest.raises(ValueError, match="the θ and the curve are another network's"):
            check_int8(manifest(files))


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"images": True}, "images"),
        ({"method": 1}, "method"),
        ({"reduce_range": 1}, "reduce_range"),
        ({"exceptions": None}, "exceptions"),
        ({"single": "refused"}, "single.onnx"),
        ({"more": 1}, "more"),
    ],
)
def test_odd_facts_are_refused(facts, named):
    with pytest.raises(ValueError, match=named):
        check_int8(manifest(**facts))

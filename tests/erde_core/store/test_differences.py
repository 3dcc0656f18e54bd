from erde_core.store.differences import differences


def test_changed_new_and_lost_keys_by_their_path():
    old = {"train": {"epochs": 30, "ema": {"decay": 0.9}}, "seed": 1, "fold": None}
    new = {"train": {"epochs": 40, "ema": {"decay": 0.9}}, "seed": 1, "kd": True}
    assert differences(old, new) == [
        "fold: null → absent",
        "kd: absent → true",
        "train.epochs: 30 → 40",
    ]
    assert differences(new, new) == []


def test_hashes_and_other_long_values_are_shortened():
    hashes = {"code": "0123456789abcdef" * 4}, {"code": "f" * 64}
    assert differences(*hashes) == ["code: 0123456789ab → ffffffffffff"]
    (text,) = differences({"names": "a" * 100}, {"names": "a" * 99 + "b"})
    assert text == f"names: {'a' * 29}…{'a' * 29} → {'a' * 29}…{'a' * 28}b"


def test_an_empty_mapping_and_a_mapping_in_place_of_a_value():
    assert differences({"loss": {}}, {"loss": {"tau": 4}}) == [
        "loss: {} → absent",
        "loss.tau: absent → 4",
    ]

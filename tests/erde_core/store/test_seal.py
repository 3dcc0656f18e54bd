import hashlib

import numpy as np

from erde_core.store.seal import content_hash, sealed


def test_content_hash_is_of_values_and_not_of_memory():
    array = np.arange(12, dtype=np.int64).reshape(3, 4)
    assert content_hash(array) == content_hash(np.asfortranarray(array))
    assert content_hash(array) == content_hash(array.repeat(2, axis=1)[:, ::2])
    others = [
        (array.astype(np.int32),),
        (array.reshape(4, 3),),
        (array[::-1],),
        (array, array),
        (array[:2], array[2:]),
        (),
    ]
    hashes = {content_hash(*arrays) for arrays in others}
    assert len(hashes) == len(others)
    assert content_hash(array) not in hashes


def test_content_hash_is_sha256_of_dtype_shape_and_bytes():
    wanted = hashlib.sha256(b"<i8(2,)" + np.array([1, 2], "<i8").tobytes()).hexdigest()
    assert content_hash(np.array([1, 2], "<i8")) == wanted


def test_a_seal_sees_names_types_shapes_values_and_where_a_text_ends():
    ones = np.ones(4, np.float32)
    whole = {"a": ones, "b": "text", "c": "more"}
    others = [
        {"a": ones, "b": "textm", "c": "ore"},
        {"x": ones, "b": "text", "c": "more"},
        {"a": ones, "b": "more", "c": "text"},
        {"a": ones.reshape(2, 2), "b": "text", "c": "more"},
        {"a": ones.view(np.int32), "b": "text", "c": "more"},
        {"a": 2 * ones, "b": "text", "c": "more"},
        {"a": ones, "b": "text"},
        {"a": "1", "b": "text", "c": "more"},
    ]
    hashes = {sealed(**parts) for parts in (whole, *others)}
    assert len(hashes) == 1 + len(others)
    assert sealed(**dict(reversed(whole.items()))) == sealed(**whole)

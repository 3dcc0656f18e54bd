"""The long campaigns find every kind, and run what the tests run."""

from tests.fuzz.campaign import kinds, run


def test_every_kind_of_stored_file_has_a_campaign():
    assert {"data_sets", "caches", "exit_logits", "weights", "checkpoints"} <= set(kinds())
    assert "campaign" not in kinds()


def test_a_campaign_counts_its_outcomes():
    counts = run("exit_logits", 20, 5)
    assert counts["refused"] + counts["harmless"] == 20
    assert run("exit_logits", 20, 5) == counts  # the seed decides

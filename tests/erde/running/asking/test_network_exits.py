import pytest

from erde.running.asking.network_exits import exit_count
from erde.running.asking.questions import Questions
from erde_torch.networks.settings import NetworkSettings


def test_ours_are_counted_without_a_process(monkeypatch):
    monkeypatch.setattr("subprocess.run", None)
    assert exit_count(NetworkSettings(name="wrn16_1", exits=[0]), Questions()) == 2


@pytest.mark.usefixtures("answered_here")
@pytest.mark.parametrize(
    ("name", "exits", "count"),
    [
        ("timm/mobilenetv3_small_050", None, 4),
        ("timm/vit_tiny_patch16_224", [3, 7, 11], 3),
    ],
)
def test_timm_is_asked(name, exits, count):
    pytest.importorskip("timm")
    assert exit_count(NetworkSettings(name=name, exits=exits), Questions()) == count


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        (
            {"name": "timm/resnet19"},
            r"^name must be a model that timm \S+ has, such as (timm/\w+, ){4}timm/\w+, got '",
        ),
        ({"name": "timm/resnet18", "exits": [4]}, r"^exits must be stages 0 … 3 of timm/resnet18"),
    ],
)
def test_what_does_not_exist_is_one_sentence(keys, rule):
    pytest.importorskip("timm")
    with pytest.raises(ValueError, match=rule):
        exit_count(NetworkSettings(**keys), Questions())

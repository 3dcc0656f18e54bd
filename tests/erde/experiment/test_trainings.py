"""What is trained for variants with networks of their own: each network once, by one loss."""

import pytest

from erde.experiment.errors import ExperimentError
from erde.experiment.exit_counts import ExitCounts
from erde.experiment.schema import parse_experiment
from erde.experiment.trainings import way_of
from erde_torch.networks.settings import NetworkSettings

THIN = {"name": "resnet10", "width": 0.1, "exits": []}
DEAR = {"name": "resnet10", "width": 0.2, "exits": []}
EARLY = {"name": "resnet10"}


def kd(*members, **keys):
    network = {"cascade": list(members)} if len(members) > 1 else members[0]
    return {"method": "kd", "network": network} | keys


def parsed(**variants):
    return parsed_with({}, **variants)


def parsed_with(parts, **variants):
    part = {"train": {"epochs": 1}}
    keys = {"dataset": {"name": "digits"}, "teacher": part, "student": part, "seeds": [0]}
    keys |= {"variants": {"kd": {"method": "kd"}} | variants} | parts
    return parse_experiment(keys, "x.yaml")


def folders(experiment):
    return sorted(experiment.trainings())


def test_a_member_is_trained_once_whoever_holds_it():
    found = parsed(one=kd(THIN, DEAR), two=kd(THIN, EARLY), mean=kd(DEAR, EARLY))
    members = [name for name in folders(found) if name.startswith("members/")]
    assert len(members) == 2
    assert folders(found) == ["kd", *members]
    thin, dear = found.member_folders("one")
    assert {thin, dear} == set(members)
    assert thin.startswith("members/resnet10-w0.1-plain-")
    # The student that kd trains anyway.
    assert found.member_folders("two") == [thin, "kd"]


def test_a_variants_own_network_serves_as_a_member():
    found = parsed(thin=kd(THIN), both=kd(THIN, DEAR))
    assert found.member_folders("both")[0] == "thin"
    assert [name for name in folders(found) if "w0.1" in name] == []


def test_another_loss_or_network_is_another_member():
    base = parsed(one=kd(THIN, DEAR)).member_folders("one")
    assert parsed(one=kd(THIN, DEAR, temperature=4)).member_folders("one") == base
    other = parsed(one=kd(THIN, DEAR, temperature=2)).member_folders("one")
    assert not {*other} & {*base}
    conv = parsed(one=kd(THIN, EARLY | {"head": "conv"})).member_folders("one")
    assert conv[0] == base[0]
    assert conv[1] != base[1]


def test_a_plain_network_hears_the_teachers_last_exit():
    found = parsed(thin=kd(THIN), two=kd(EARLY | {"exits": [1]}, EARLY)).trainings()
    heard = {name: (t.loss.target_from, t.loss.right_from) for name, t in found.items()}
    assert heard.pop("kd") == ("exit", "exit")
    assert list(heard.values()) == [("last", "last")] * 2


def test_weights_of_exits_are_shared_out_among_the_members():
    found = parsed(two=kd(THIN, EARLY, exit_weights=[1, 2, 1, 1, 3])).trainings()
    weights = {t.loss.exit_weights for name, t in found.items() if name != "kd"}
    assert weights == {None, (2.0, 1.0, 1.0, 3.0)}
    with pytest.raises(ExperimentError, match=r"two: exit_weights must have one .* exit \(5\)"):
        parsed(two=kd(THIN, EARLY, exit_weights=[1, 2]))


ALONE = {"name": "timm/resnet18", "exits": [3]}
ASKED = ExitCounts(4, {NetworkSettings(**ALONE): 1})


SEVERAL = (
    ("entropy_exits 'early'", {"entropy_exits": "early", "entropy_weight": 0.3}),
    ("self_weight 0.5", {"self_weight": 0.5}),
)


def test_each_member_of_a_cascade_needs_the_exits_that_its_loss_names():
    rule = "needs at least 2 exits in each member of the cascade, got 1"
    for members in ((THIN, DEAR), (THIN, EARLY)):
        for said, setting in (("kd_exits 'late'", {"kd_exits": "late"}), *SEVERAL):
            with pytest.raises(ExperimentError, match=f"^x.yaml: variants.two: {said} {rule}$"):
                parsed(two=kd(*members, **setting))
    thin = EARLY | {"width": 0.1}
    found = parsed(two=kd(thin, EARLY, kd_exits="late"))
    assert {one.loss.kd_exits for name, one in found.trainings().items() if name != "kd"} == {
        "late"
    }


def test_a_network_that_was_asked_is_as_one_that_the_table_knows():
    """Its way, its share of the weights, and which of the teacher's exits it hears."""
    found = parsed(alone=kd(ALONE), two=kd(THIN, ALONE, exit_weights=[1, 2]))
    with pytest.raises(ValueError, match="exit_weights must be left out while nobody knows"):
        found.trainings()
    known = found.with_exits(ASKED)
    ways = [way_of(known.network_of(label), known.exits) for label in ("alone", "two")]
    assert ways == ["plain", "cascade"]
    heard = {name: t.loss for name, t in known.trainings().items() if name != "kd"}
    assert {(loss.target_from, loss.right_from) for loss in heard.values()} == {("last", "last")}
    assert {loss.exit_weights for loss in heard.values()} == {None, (2.0,)}
    rule = r"two: exit_weights must have one number per exit \(2\)"
    with pytest.raises(ValueError, match=rule):
        parsed(two=kd(THIN, ALONE, exit_weights=[1, 2, 3])).with_exits(ASKED)


def test_which_exit_of_the_teacher_taught_which():
    """A cascade's members are asked one by one: their numbers of exits may add up to its own."""
    three = {"name": "resnet10", "exits": [1, 2]}
    keys = {"like": kd(THIN, three), "more": kd(THIN, EARLY), "thin": kd(THIN)}
    keys |= {"last": {"method": "erde", "right_from": "last"}, "ce": {"method": "ce"}}
    assert parsed(**keys).taught_by() == {
        "kd": [0, 1, 2, 3],
        "like": [-1, -1, -1, -1],
        "more": [-1, 0, 1, 2, 3],
        "thin": [-1],
        "last": [-1, -1, -1, -1],
        "ce": [0, 1, 2, 3],
    }


def test_of_a_teacher_that_nobody_asked_a_plain_network_may_hear_its_own_exit():
    """It may be the only one; once its number is known, another one is refused."""
    given = {"teacher": {"onnx": "t.onnx"}}
    own = parsed_with(given, thin=kd(THIN, target_from="exit"))
    assert own.trainings()["thin"].loss.target_from == "exit"
    assert own.with_exits(ExitCounts(1)).trainings()["thin"].loss.target_from == "exit"
    with pytest.raises(ValueError, match=r"thin: target_from and right_from must be .* 1 and 4"):
        own.with_exits(ExitCounts(4))
    silent = parsed_with(given, thin=kd(THIN))
    assert silent.trainings()["thin"].loss.target_from == "last"


def test_what_a_network_is_called():
    keys = {"c": kd(THIN, DEAR), "m": kd(THIN, EARLY), "p": kd(THIN), "e": kd(EARLY)}
    found = parsed(**keys)
    kinds = [way_of(found.network_of(label), found.exits) for label in ("c", "m", "p", "e", "kd")]
    assert kinds == ["cascade", "mixture", "plain", "early exit", "early exit"]


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (3, "network: must be a mapping of keys, got 3"),
        ({"cascade": [THIN]}, "network.cascade must list at least 2 networks, got 1"),
        (
            {"cascade": [THIN, DEAR, THIN]},
            "network.cascade must list networks that differ, got resnet10 as both number 0 and",
        ),
        ({"cascade": 3}, "network.cascade: must be a list, got 3"),
        ({"cascade": [THIN, 3]}, "network.cascade.1: must be a mapping of keys, got 3"),
        ({"cascade": [THIN | {"width": True}, DEAR]}, "network.cascade.0.width: must be a valid n"),
        ({"cascade": [THIN | {"width": "1"}, DEAR]}, "network.cascade.0.width: must be a valid n"),
        ({"cascade": [THIN, DEAR], "average": 1}, "network.average: must be a valid boolean"),
        ({"name": "resnet10", "width": True}, "network.width: must be a valid number, got True"),
        ({"cascade": [THIN, DEAR], "avrage": 1}, "unknown key 'avrage'; did you mean 'average'?"),
        ({"cascade": [THIN, {"name": "resnet11"}]}, "network.cascade.1.name must be one of"),
        ({"cascade": [THIN, DEAR | {"widht": 1}]}, "network.cascade.1: unknown key 'widht'; did"),
        ({"cascade": [THIN, DEAR | {"exits": [9]}]}, "network.cascade.1.exits must be stages 0"),
        (DEAR | {"average": True}, "network: unknown key 'average'"),
        ({"cascade": [THIN, {"cascade": [THIN, DEAR]}]}, "network.cascade.1.cascade must be left"),
    ],
)
def test_a_wrong_network_is_named_in_one_sentence(network, said):
    with pytest.raises(ExperimentError) as caught:
        parsed(mine={"method": "kd", "network": network})
    text = str(caught.value)
    assert text.startswith("x.yaml: variants.mine: network")
    assert said in text


@pytest.mark.parametrize("part", ["student", "teacher"])
def test_a_cascade_anywhere_but_in_a_variant_is_told_where_it_belongs(part):
    with pytest.raises(ExperimentError) as caught:
        parsed_with({part: {"train": {"epochs": 1}, "network": {"cascade": [THIN, DEAR]}}})
    rule = "network.cascade must be left out: only a variant's own network can be a cascade"
    assert str(caught.value).startswith(f"x.yaml: {part}.{rule} (variants.<name>.network)")


def test_members_is_no_name_of_a_variant():
    with pytest.raises(ExperimentError, match="the name 'members' is taken"):
        parsed(members={"method": "kd"})

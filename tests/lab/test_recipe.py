"""Recipes: the shipped ones, what they say, and what a wrong one is told."""

import pytest

from fingerspell.core.durable import digest_of
from fingerspell.core.errors import DataError, RecipeError
from fingerspell.core.preprocess import PreprocessSpec
from fingerspell.lab import recipe as recipes
from fingerspell.lab.nets.registry import build, multiply_adds
from fingerspell.lab.recipe import Recipe, from_dict, read, shipped

NOTEBOOK = {
    # name: network, augmentation, epochs, early stopping, plateau
    "notebook-v1": ("notebook-v1", "A", 30, 3, None),
    "notebook-v2": ("notebook-v2", "A", 50, 3, 2),
    "notebook-v2-intended": ("notebook-v2", "B", 50, 3, 2),
    "notebook-v3": ("notebook-v3", "B", 50, 5, 3),
    "notebook-v4": ("notebook-v4", "B", 50, 6, 3),
    "notebook-v5": ("notebook-v5", "C", 75, 8, 3),
}


class TestShipped:
    @pytest.mark.parametrize("name", shipped())
    def test_loads_has_its_files_name_and_a_header(self, name):
        recipe = read(name)
        assert recipe.name == name
        assert recipe.about
        header = [line for line in shipped()[name].splitlines() if line.startswith("#")]
        assert {line.split(":")[0].lstrip("# ") for line in header if ":" in line} >= {
            "command",
            "hardware",
            "time",
            "score",
        }

    def test_all_are_there(self):
        assert set(shipped()) >= {*NOTEBOOK, "quick", "fast"}

    @pytest.mark.parametrize("name", NOTEBOOK)
    def test_the_notebooks_values(self, name):
        """Hard-coded from the specification of the notebook, so that a slip in a TOML file is seen."""
        network, augment, epochs, stopping, plateau = NOTEBOOK[name]
        recipe = read(name)
        assert (recipe.network, recipe.augment, recipe.augment_as) == (network, augment, "keras")
        training = recipe.training
        assert (training.epochs, training.batch_size, training.optimizer) == (epochs, 32, "adam")
        assert (training.learning_rate, training.weight_decay, training.label_smoothing) == (0.001, 0.0, 0.0)
        assert recipe.stopping is not None
        assert (recipe.stopping.patience, recipe.stopping.min_delta) == (stopping, 0.0)
        if plateau is None:
            assert recipe.plateau is None
        else:
            assert recipe.plateau is not None
            assert recipe.plateau.model_dump() == {
                "patience": plateau,
                "factor": 0.2,
                "floor": 1e-5,
                "min_delta": 1e-4,
                "cooldown": 0,
            }
        assert recipe.cyclic is None
        assert recipe.cosine is None
        assert recipe.split.by == "keras"
        assert recipe.preprocess.spec() == PreprocessSpec(200, 200, "stretch", "nearest", upright=False)

    def test_the_cyclic_option_that_v5_names_works_as_written(self):
        line = next(line for line in shipped()["notebook-v5"].splitlines() if "--set cyclic.base" in line)
        recipe = read("notebook-v5", [part for part in line.split() if "=" in part])
        assert recipe.plateau is None
        assert recipe.cyclic is not None
        assert (recipe.cyclic.base, recipe.cyclic.top, recipe.cyclic.half_cycle) == (1e-4, 2e-3, 4)

    @pytest.mark.parametrize("name", ["quick", "fast"])
    def test_ours_do_not_leak_and_do_not_mirror(self, name):
        assert read(name).split.by == "block"
        assert not read(name).policy().flip

    def test_fast_takes_about_half_of_the_work_of_quick_in_bfloat16(self):
        def multiplications(name: str) -> int:
            recipe = read(name)
            height, width = recipe.preprocess.height, recipe.preprocess.width
            net = build(recipe.network, 29, height, width)
            return recipe.training.epochs * multiply_adds(net, height, width)

        fast = read("fast")
        assert multiplications("fast") < 0.55 * multiplications("quick")
        assert fast.training.precision == "bfloat16"
        assert fast.cosine is not None
        assert fast.cosine.warmup < fast.training.epochs / 4


class TestUnknown:
    @pytest.mark.parametrize(
        ("overrides", "found", "known", "near"),
        [
            (["training.epoch=3"], "unknown recipe key 'training.epoch'", "learning_rate", "'epochs'"),
            (["netwrok=quick"], "unknown recipe key 'netwrok'", "augment", "'network'"),
            (["plateau.patince=3"], "unknown recipe key 'plateau.patince'", "factor", "'patience'"),
            (["network=notebook-v6"], "unknown network 'notebook-v6'", "residual-small", "'notebook-v"),
            (["augment=stong"], "unknown augmentation 'stong'", "none", "'strong'"),
            (["split.by=blok"], "unknown split 'blok'", "random", "'block'"),
        ],
    )
    def test_known_ones_are_listed_and_the_nearest_suggested(self, overrides, found, known, near):
        with pytest.raises(RecipeError) as raised:
            read("notebook-v2", overrides)
        assert raised.value.found == found
        assert known in raised.value.expected
        assert near in raised.value.remedy

    def test_a_recipe(self):
        with pytest.raises(RecipeError, match="unknown recipe 'quik'") as raised:
            read("quik")
        assert "notebook-v4" in raised.value.expected
        assert ".toml" in raised.value.expected
        assert raised.value.remedy == "did you mean 'quick'?"


class TestAugmentAs:
    def test_what_the_words_say_unless_asked_otherwise(self):
        assert read("quick").augment_as == "intended"
        assert read("notebook-v4", ["augment_as=intended"]).augment_as == "intended"

    def test_keras_does_what_it_can_say(self):
        assert read("quick", ["augment_as=keras", "augment=mild", "mirror=true"]).augment_as == "keras"

    @pytest.mark.parametrize("overrides", [["augment=strong"], ["augment=strong", "mirror=true"]])
    def test_and_refuses_what_it_cannot(self, overrides):
        with pytest.raises(RecipeError, match=r"generator has no blur, .*saturation") as raised:
            read("notebook-v4", overrides)
        assert 'augment_as = "intended"' in raised.value.remedy

    def test_other_ways_are_unknown(self):
        with pytest.raises(RecipeError, match=r"the recipe's augment_as is 'kears'; expected .*'intended' or 'keras'"):
            read("quick", ["augment_as=kears"])

    def test_an_unknown_policy_is_named_first(self):
        with pytest.raises(RecipeError, match="unknown augmentation 'D'"):
            read("notebook-v4", ["augment=D"])


class TestOverrides:
    def test_values_are_toml_and_the_last_word_wins(self):
        recipe = read(
            "quick",
            ["training.epochs=3", "training.epochs=4", "about=two words", "preprocess.mean=[0.1, 0.2, 0.3]"],
            {"training.batch_size": 8, "seed": None, "preprocess.width": 48},
        )
        assert (recipe.training.epochs, recipe.training.batch_size, recipe.seed) == (4, 8, 0)
        assert recipe.about == "two words"
        assert recipe.preprocess.spec().mean == (0.1, 0.2, 0.3)
        assert (recipe.preprocess.height, recipe.preprocess.width) == (64, 48)
        assert read("quick", ["training.epochs=3"], {"training.epochs": 5}).training.epochs == 5

    def test_types(self):
        recipe = read("quick", [" training.channels_last = false", 'name="x"', "training.learning_rate=1"])
        assert recipe.training.channels_last is False
        assert recipe.name == "x"
        assert recipe.training.learning_rate == 1.0

    def test_none_removes_a_table_and_a_table_can_be_made(self):
        recipe = read("quick", ["cosine=none", "plateau.patience=2"])
        assert recipe.cosine is None
        assert recipe.plateau is not None

    @pytest.mark.parametrize(
        ("override", "found"),
        [
            ("training.epochs", "the override 'training.epochs' has no '='"),
            ("training.epochs=0", "the recipe's training.epochs is 0"),
            ("training.epochs=many", "the recipe's training.epochs is 'many'"),
            ("training.epochs=2.5", "the recipe's training.epochs is 2.5"),
            ("training.batch_size=1", "the recipe's training.batch_size is 1"),
            ("training.learning_rate=nan", "the recipe's training.learning_rate is nan"),
            ("training.weight_decay=inf", "the recipe's training.weight_decay is inf"),
            ("training.optimizer=sgd", "the recipe's training.optimizer is 'sgd'"),
            ("training.epochs.x=1", "the recipe key 'training.epochs.x' goes through 'epochs', which is no table"),
            ("training=3", "the recipe's training is 3"),
            ("preprocess.height=8", "the recipe's preprocess.height is 8"),
            ("preprocess.mean=[0, 0]", "the recipe lacks 'preprocess.mean.2'"),
            ("split.val=1", "the recipe's split.val is 1"),
            ("seed=-1", "the recipe's seed is -1"),
            ("network=none", "the recipe lacks 'network'"),
            ("=3", "unknown recipe key ''"),
        ],
    )
    def test_impossible_values_are_named(self, override, found):
        with pytest.raises(RecipeError) as raised:
            read("quick", [override])
        assert raised.value.found == found

    def test_a_spread_of_zero_is_refused_before_any_photo_is_read(self):
        with pytest.raises(DataError, match="std > 0"):
            read("quick", ["preprocess.std=[0, 1, 1]"]).preprocess.spec()


class TestSchedules:
    PLATEAU = "plateau.patience=2"
    CYCLIC = ("cyclic.base=1e-4", "cyclic.top=1e-3", "cyclic.half_cycle=2")

    @pytest.mark.parametrize(
        ("overrides", "named"),
        [
            ((PLATEAU,), "plateau and cosine"),
            (CYCLIC, "cyclic and cosine"),
            ((PLATEAU, *CYCLIC), "plateau and cyclic and cosine"),
            ((PLATEAU, *CYCLIC, "cosine=none"), "plateau and cyclic"),
        ],
    )
    def test_exclude_each_other(self, overrides, named):
        with pytest.raises(RecipeError, match=f"gives the schedules {named}$|{named};") as raised:
            read("quick", overrides)
        assert "overwrites" in raised.value.expected
        remedy = raised.value.remedy.partition("--set ")[2]
        assert remedy.endswith("=none")

    def test_the_remedy_works(self):
        with pytest.raises(RecipeError) as raised:
            read("quick", [self.PLATEAU])
        assert read("quick", [self.PLATEAU, raised.value.remedy.partition("--set ")[2]]).cosine is not None


class TestFiles:
    @pytest.mark.parametrize("name", shipped())
    def test_toml_round_trip(self, name, tmp_path):
        recipe = read(name)
        (tmp_path / "mine.toml").write_text(recipe.as_toml(), encoding="utf-8")
        again = read(str(tmp_path / "mine.toml"))
        assert again == recipe
        assert again.digest == recipe.digest == digest_of(recipe.as_dict())
        assert from_dict(recipe.as_dict()) == recipe

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(RecipeError, match="cannot be read"):
            read(str(tmp_path / "mine.toml"))

    @pytest.mark.parametrize("content", [b"name = ", b"\xff", b"[a\n"])
    def test_what_is_no_toml(self, tmp_path, content):
        (tmp_path / "mine.toml").write_bytes(content)
        with pytest.raises(RecipeError, match=r"mine\.toml"):
            read(str(tmp_path / "mine.toml"))

    def test_an_empty_file_lacks_something(self, tmp_path):
        (tmp_path / "mine.toml").write_bytes(b"")
        with pytest.raises(RecipeError, match="the recipe lacks 'name'") as raised:
            read(str(tmp_path / "mine.toml"))
        assert "--set name=" in raised.value.remedy

    def test_a_recipe_cannot_be_changed(self):
        with pytest.raises(ValueError, match="frozen"):
            read("quick").seed = 3  # type: ignore[misc]


def test_the_digest_is_stable_and_covers_every_setting():
    """Runs carry it. Only a new setting may change it: then look at why, and put the new value here."""
    minimal = {"name": "x", "network": "notebook-v1", "training": {"epochs": 1}}
    assert from_dict(minimal).digest == "b9292ae12483dd743e6eae8c2f82e45b98a8e2651bac27fc9b14f19a502bb88b"
    seen = {from_dict(minimal).digest}
    for override in (
        "seed=1",
        "augment=A",
        "training.epochs=2",
        "split.guard=0.02",
        "cosine.warmup=2",
        "about=x",
        "augment_as=keras",
    ):
        values = from_dict(minimal).as_dict()
        key, _, value = override.partition("=")
        recipes._put(values, key, recipes._value(value))
        seen.add(Recipe.model_validate(values).digest)
    assert len(seen) == 8

"""A recipe: every setting of a training run, frozen and validated, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fingerspell.core.durable import digest_of
from fingerspell.core.errors import RecipeError, known_names
from fingerspell.core.preprocess import Filter, Fit, PreprocessSpec
from fingerspell.lab.augment import POLICIES, Policy
from fingerspell.lab.data.split import STRATEGIES
from fingerspell.lab.framing import Framing
from fingerspell.lab.keras_augment import keras_arguments
from fingerspell.lab.nets.registry import HAND_NETWORKS, MIN_SIDE, NETWORKS


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class SplitSettings(_Settings):
    """Who learns, chooses and judges; see `lab.data.split.make_split`."""

    by: str = "block"
    val: float | None = Field(None, gt=0, lt=1)
    test: float | None = Field(None, ge=0, lt=1)
    stretches: int = Field(20, ge=3)
    guard: float = Field(0.01, ge=0, lt=0.5)
    seed: int = 0


class PreprocessSettings(_Settings):
    """The network's input; see `core.preprocess.PreprocessSpec`."""

    height: int = Field(64, ge=MIN_SIDE, le=1024)
    width: int = Field(64, ge=MIN_SIDE, le=1024)
    fit: Fit = "stretch"
    filter: Filter = "triangle"
    upright: bool = True
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def spec(self) -> PreprocessSpec:
        """The same as core's type."""
        return PreprocessSpec(**self.model_dump())


class TrainingSettings(_Settings):
    """The optimiser and how long it works."""

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(32, ge=2, le=65_536)
    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: float = Field(0.001, gt=0, le=10)
    weight_decay: float = Field(0.0, ge=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    channels_last: bool = True
    compile: bool | None = Field(None, description="whether torch.compile compiles the network, with graphs on a GPU")
    keep: Literal["best", "last"] = Field("best", description="which epoch's weights: by val_accuracy, or the last")
    average: float = Field(0.0, ge=0, lt=1, description="of the weights over the steps, as a decay; 0 for none")
    remember: float = Field(0.0, ge=0, lt=1, description="share of the weights begun with in those that are kept")


class HandSettings(_Settings):
    """What is learnt beside the letters, and how photos are framed; for networks that learn hands.

    `packed` is the side of the packed photos that views are cut from; the others are as in `lab.framing.Framing`.
    """

    packed: int = Field(128, ge=MIN_SIDE, le=1024)
    landmarks: float = Field(1.0, ge=0, description="weight of the landmarks' loss")
    heat: float = Field(0.0, ge=0, description="weight of the loss of the landmarks' heat maps")
    handedness: float = Field(0.1, ge=0, description="weight of the handedness's loss")
    framed: float = Field(0.5, ge=0, le=1)
    closest: float = Field(1.15, gt=0.5, le=4)
    widest: float = Field(2.1, gt=0.5, le=8)
    off: float = Field(0.12, ge=0, le=1)
    mirrored: float = Field(0.15, ge=0, le=1)
    tipped: float = Field(0.0, ge=0, le=75, description="degrees")

    def framing(self) -> Framing:
        """The same as the augmentation's type."""
        return Framing(self.framed, self.closest, self.widest, self.off, self.mirrored, self.tipped)


class StoppingSettings(_Settings):
    """Early stopping on val_accuracy; the best weights are restored, stopped or not."""

    patience: int = Field(ge=0)
    min_delta: float = 0.0


class PlateauSettings(_Settings):
    """Reduce the learning rate when val_loss stops falling."""

    patience: int = Field(ge=0)
    factor: float = Field(0.2, gt=0, lt=1)
    floor: float = Field(1e-5, ge=0)
    min_delta: float = Field(1e-4, ge=0)
    cooldown: int = Field(0, ge=0)


class CyclicSettings(_Settings):
    """A learning rate that swings between two bounds, set for each batch."""

    base: float = Field(gt=0)
    top: float = Field(gt=0)
    half_cycle: float = Field(gt=0, description="half a cycle, in epochs")
    shape: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: float = Field(1.0, gt=0, le=1)


class CosineSettings(_Settings):
    """Linear warm-up, then a cosine down to nearly nothing at the last epoch, set for each batch."""

    warmup: float = Field(1.0, ge=0, description="epochs")
    floor: float = Field(0.01, ge=0, lt=1, description="fraction of the learning rate at the end")


class Recipe(_Settings):
    """All settings of a run. At most one of plateau, cyclic and cosine may be given.

    `mirror` says whether half of the training photos are mirrored; without it the augmentation's own policy does.
    `augment_as` says whose order of photos and whose changes: `intended` does what the policy's words say (see
    `lab.augment`), `keras` what Keras's ImageDataGenerator does with the same settings (see `lab.keras_augment`).
    """

    name: str
    about: str = ""
    network: str
    augment: str = "none"
    augment_as: Literal["intended", "keras"] = "intended"
    mirror: bool | None = None
    seed: int = Field(0, ge=0, lt=2**31)
    split: SplitSettings = SplitSettings()
    preprocess: PreprocessSettings = PreprocessSettings()
    training: TrainingSettings
    hand: HandSettings | None = None
    stopping: StoppingSettings | None = None
    plateau: PlateauSettings | None = None
    cyclic: CyclicSettings | None = None
    cosine: CosineSettings | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> Recipe:
        for kind, name, known in (
            ("network", self.network, NETWORKS),
            ("augmentation", self.augment, POLICIES),
            ("split", self.split.by, dict.fromkeys(STRATEGIES)),
        ):
            if name not in known:
                expected, remedy = known_names(kind, name, known)
                raise RecipeError(f"unknown {kind} '{name}'", expected=expected, remedy=remedy)
        given = [kind for kind in ("plateau", "cyclic", "cosine") if getattr(self, kind) is not None]
        if len(given) > 1:
            raise RecipeError(
                f"the recipe gives the schedules {' and '.join(given)}",
                expected="at most one: a schedule set for each batch overwrites what a plateau sets",
                remedy=f"remove one, for example with --set {given[0]}=none",
            )
        if self.stopping is not None and self.training.keep == "last":
            raise RecipeError(
                "the recipe stops early and keeps the last weights",
                expected="one of them: stopping early means to go back to the best epoch",
                remedy="remove [stopping], or --set training.keep=best",
            )
        if (self.hand is not None) != (self.network in HAND_NETWORKS):
            raise RecipeError(
                f"the recipe {'gives' if self.hand else 'lacks'} [hand], and its network is '{self.network}'",
                expected=f"[hand] with one of {', '.join(sorted(HAND_NETWORKS))}, and without for all others",
            )
        if self.hand is not None and self.training.compile:
            raise RecipeError(
                "networks that learn hands are not compiled", expected="training.compile = false, or another network"
            )
        if self.hand is not None and self.augment_as == "keras":
            raise RecipeError(
                "views framed by the hand cannot be augmented as Keras does", expected="augment_as = intended"
            )
        if self.augment_as == "keras":
            keras_arguments(self.policy())  # refuses what Keras has no argument for
        return self

    def policy(self) -> Policy:
        """How far training photos are changed: the named policy, with `mirror` where it is given."""
        named = POLICIES[self.augment]
        return named if self.mirror is None else replace(named, flip=self.mirror)

    def as_dict(self) -> dict[str, Any]:
        """JSON- and TOML-ready; absent tables are left out."""
        return self.model_dump(mode="json", exclude_none=True)

    def as_toml(self) -> str:
        """The recipe as a TOML document that `read` takes."""
        return tomli_w.dumps(self.as_dict())

    @property
    def digest(self) -> str:
        """SHA-256 of all settings."""
        return digest_of(self.as_dict())


def shipped() -> dict[str, str]:
    """The recipes that come with the package: name → TOML text."""
    folder = resources.files("fingerspell.lab") / "recipes"
    found = {entry.name.removesuffix(".toml"): entry for entry in folder.iterdir() if entry.name.endswith(".toml")}
    return {name: found[name].read_text(encoding="utf-8") for name in sorted(found)}


def read(name: str, overrides: Sequence[str] = (), settings: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    Args:
        name: of a shipped recipe, or the path of a TOML file.
        overrides: `key=value` texts such as `training.epochs=3` (values in TOML spelling; `none` removes a table).
        settings: dotted keys with values that come after the overrides; None is skipped.

    Raises:
        RecipeError: unknown recipe or key (the nearest known one is suggested), or impossible values.
    """
    values = _parse(name, _text_of(name))
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator:
            raise RecipeError(f"the override '{override}' has no '='", expected="key=value, as training.epochs=3")
        _put(values, key.strip(), _value(text.strip()))
    for key, value in (settings or {}).items():
        if value is not None:
            _put(values, key, value)
    return from_dict(values)


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """A recipe from nested settings. Raises RecipeError in plain words."""
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise _plain(error) from error


def _text_of(name: str) -> str:
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"the recipe {path} cannot be read: {error}", expected="a TOML file") from error
    recipes = shipped()
    if name not in recipes:
        expected, remedy = known_names("recipe", name, recipes)
        raise RecipeError(f"unknown recipe '{name}'", expected=expected + ", or a path to a .toml file", remedy=remedy)
    return recipes[name]


def _parse(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"the recipe {name} is not TOML: {error}", expected="key = value lines") from error


def _value(text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _put(values: dict[str, Any], key: str, value: Any) -> None:
    *tables, last = key.split(".")
    place = values
    for table in tables:
        place = place.setdefault(table, {})
        if not isinstance(place, dict):
            raise RecipeError(f"the recipe key '{key}' goes through '{table}', which is no table")
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value


def _known_keys(where: tuple[str, ...]) -> set[str]:
    """Keys of the table at a place of the recipe."""
    model: Any = Recipe
    for name in where:
        field = model.model_fields.get(name)
        choices = getattr(field.annotation, "__args__", (field.annotation,)) if field else ()
        model = next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if model is None:
            return set()
    return set(model.model_fields)


def _plain(error: ValidationError) -> RecipeError:
    first = error.errors()[0]
    where = tuple(str(part) for part in first["loc"])
    key = ".".join(where)
    if first["type"] == "extra_forbidden":
        expected, remedy = known_names("key", where[-1], _known_keys(where[:-1]))
        return RecipeError(f"unknown recipe key '{key}'", expected=expected, remedy=remedy)
    if first["type"] == "missing":
        return RecipeError(f"the recipe lacks '{key}'", expected="a value for it", remedy=f"add --set {key}=…")
    return RecipeError(f"the recipe's {key} is {first.get('input')!r}", expected=first["msg"].lower())

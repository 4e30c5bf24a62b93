"""The door ``perturbation``: what happens to media on their way to a viewer, in named packs.

An *operation* changes one medium by a strength; a *perturbation* is one step or a chain of steps; a *pack* is a named,
versioned tuple of perturbations (``configs/perturbations/*.yaml``) whose digest covers every parameter and every
operation's version, so that figures of one digest compare. Nothing here knows whether a medium is bona fide or edited:
both go the same way, and a seed comes from the medium, never from its class. All runs in memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import numpy as np
from pydantic import Field, ValidationError, field_validator

from visavox.core.config import explain, read_yaml
from visavox.core.digest import sha256_json
from visavox.core.errors import ConfigError, UnknownNameError
from visavox.core.records import Pairs, Record
from visavox.core.registry import Registry
from visavox.core.resources import configs_dir
from visavox.core.seeding import generator
from visavox.core.terms import Modality

from .editor import Media


class Perturb(Protocol):
    """What an operation does: one medium in, one of the same kind out; the same for the same generator's state."""

    def __call__(self, medium: Any, strength: float, random: np.random.Generator, /, **params: Any) -> Any: ...


@dataclass(frozen=True)
class Operation:
    """One operation of the door.

    Attributes:
        apply: the function.
        modality: face (images) or voice (sounds).
        strength: what the strength counts, with its unit.
        neutral: the strength at which nothing happens, or as little as can, infinite where none is finite; the
            farther from it on either side, the harder.
        params: names of what else it takes.
        version: raised when the function changes what it returns.
        keeps_place: what stood at a place, or sounded at a time, still does: before and after can be compared there.
    """

    apply: Perturb
    modality: Modality
    strength: str
    neutral: float
    params: tuple[str, ...] = ()
    version: int = 1
    keeps_place: bool = True

    def is_harder(self, strength: float, than: float) -> bool:
        """Whether a strength lies beyond another, on the same side of the neutral one.

        >>> Operation(lambda medium, *rest: medium, Modality.FACE, "quality", 100).is_harder(50, 90)
        True
        """
        return strength < than <= self.neutral or strength > than >= self.neutral


operations: Final[Registry[Operation]] = Registry("operations of perturbations")
"""Operations by name; a plug-in may register its own and name them in a pack of its own."""


class Step(Record):
    """One operation at one strength."""

    operation: str
    strength: float
    params: Pairs = ()

    def found(self) -> Operation:
        """The operation; raises as the registry does."""
        return operations.get(self.operation)


class Perturbation(Record):
    """One or more steps that a medium goes through in order.

    Attributes:
        name: unique within its pack, ``jpeg/50`` for instance.
        ladder: what orders it: a ladder's name, or the pack's for chains.
        strength: of a single step; None for a chain.
        neutral: the ladder's strength at which nothing happens; None where it is infinite, and for a chain.
        rung: 1, 2, ... within its ladder and modality, mildest first.
        source: where the parameters come from.
    """

    name: str
    modality: Modality
    ladder: str
    strength: float | None
    neutral: float | None
    rung: int
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    source: str

    @property
    def digest(self) -> str:
        """SHA-256 over the steps and the versions of their operations."""
        return sha256_json([[step.model_dump(mode="json"), step.found().version] for step in self.steps])

    def perturb(self, medium: Media, seed: int) -> Media:
        """The medium after all steps.

        Args:
            medium: an image or a sound, as ``modality`` says; it is not changed.
            seed: of this medium; each step draws from a named child of it, the same at every rung of a ladder.

        Raises:
            MediaError: it is no usable image or sound.
            MissingDependencyError: a codec that a step needs is not installed.
        """
        check = _check_of(self.modality)
        check(medium)
        for place, step in enumerate(self.steps):
            random = generator(seed, "perturbation", step.operation, place)
            medium = step.found().apply(medium, step.strength, random, **dict(step.params))
        check(medium)
        return medium


class Pack(Record):
    """A named, versioned tuple of perturbations."""

    name: str
    version: str
    summary: str
    perturbations: Annotated[tuple[Perturbation, ...], Field(min_length=1)]

    @property
    def digest(self) -> str:
        """SHA-256 over name, version and every parameter: figures of equal digests compare."""
        parts = [[one.name, one.ladder, one.rung, one.digest] for one in self.perturbations]
        return sha256_json([self.name, self.version, parts])

    def of(self, modality: Modality) -> tuple[Perturbation, ...]:
        """Its perturbations of one kind of medium, ladder by ladder, mildest first."""
        return tuple(one for one in self.perturbations if one.modality is modality)


# ---------------------------------------------------------------- files
class _Ladder(Record):
    name: Annotated[str, Field(min_length=1)]
    operation: str
    strengths: Annotated[tuple[float, ...], Field(min_length=1)]
    params: Pairs = ()
    source: Annotated[str, Field(min_length=1)]

    def steps(self) -> tuple[Step, ...]:
        return tuple(Step(operation=self.operation, strength=one, params=self.params) for one in self.strengths)


class _Chain(Record):
    name: Annotated[str, Field(min_length=1)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]


class _PackFile(Record):
    """A pack as its file says it: ladders of one operation, and chains, both mildest first."""

    name: str
    version: Annotated[str, Field(min_length=1)]
    summary: Annotated[str, Field(min_length=1)]
    includes: tuple[str, ...] = ()
    ladders: tuple[_Ladder, ...] = ()
    chains: tuple[_Chain, ...] = ()

    @field_validator("version", mode="before")
    @classmethod
    def _text(cls, version: object) -> object:
        return str(version) if isinstance(version, int) else version


def pack_names() -> tuple[str, ...]:
    """Names of the shipped packs."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def load_pack(name: str) -> Pack:
    """A shipped pack by name, or one of the user's by the path of its YAML file.

    Raises:
        UnknownNameError: no pack of that name, or an operation that nobody registered.
        ConfigError: the file is unreadable, no pack, includes itself, names a perturbation twice, mixes images and
            sounds in one chain, or has a ladder whose strengths do not get harder from each to the next.
    """
    return _read(name, ())


def _read(name: str, within: tuple[str, ...]) -> Pack:
    path = Path(name) if name.endswith((".yaml", ".yml")) else _folder() / f"{name}.yaml"
    if not path.is_file():
        raise UnknownNameError(
            f"{name!r} is no pack of perturbations",
            found="there are: " + ", ".join(pack_names()),
            todo="or give a path",
        )
    what = f"the pack {path.name}"
    try:
        file = _PackFile.model_validate(read_yaml(path.read_text("utf-8"), what=what))
    except ValidationError as error:
        todo = f"the shipped packs show what is allowed: {_folder()}"
        raise ConfigError(f"read {what}", found=explain(error, what=what).found, todo=todo) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"read {what}", found=str(error), todo="make it a readable UTF-8 file") from error
    if name in within:
        raise ConfigError(f"read {what}", found=f"it includes itself: {' > '.join((*within, name))}")
    included = [one for other in file.includes for one in _read(other, (*within, name)).perturbations]
    _check_steps(file, what)
    own = [one for ladder in file.ladders for one in _rungs(ladder)]
    every = (*own, *_chained(file), *included)
    _check(file, path, every, what)
    return Pack(name=file.name, version=file.version, summary=file.summary, perturbations=every)


def _check_of(modality: Modality) -> Callable[[object], object]:
    from visavox.media.audio import check_audio
    from visavox.media.image import check_image

    return check_image if modality is Modality.FACE else check_audio


def _folder() -> Path:
    return configs_dir() / "perturbations"


def _check_steps(file: _PackFile, what: str) -> None:
    """Every step takes its params and does something; a ladder's get harder, a chain's take one kind of medium."""
    for name, steps, is_ladder in [
        *((one.name, one.steps(), True) for one in file.ladders),
        *((one.name, one.steps, False) for one in file.chains),
    ]:
        operations_of = [step.found() for step in steps]
        milder = [operation.neutral for operation in operations_of]
        if is_ladder:
            milder[1:] = [step.strength for step in steps[:-1]]
        for step, operation, mild in zip(steps, operations_of, milder, strict=True):
            unknown = {name for name, _ in step.params} - set(operation.params)
            if unknown:
                found = f"{step.operation} takes no {', '.join(sorted(unknown))}"
                todo = f"its params: {', '.join(operation.params) or 'none'}"
            elif not operation.is_harder(step.strength, mild):
                found = f"{step.strength:g} is not harder than {mild:g} ({step.operation}: {operation.strength})"
                todo = "list strengths mildest first, all on one side of the one that does nothing"
            else:
                continue
            raise ConfigError(f"read {what}", found=f"{name}: {found}", todo=todo)
        if len({operation.modality for operation in operations_of}) > 1:
            raise ConfigError(f"read {what}", found=f"{name}: it mixes images and sounds", todo="make two of it")


def _rungs(ladder: _Ladder) -> list[Perturbation]:
    operation = operations.get(ladder.operation)
    return [
        Perturbation(
            name=f"{ladder.name}/{step.strength:g}",
            modality=operation.modality,
            ladder=ladder.name,
            strength=step.strength,
            neutral=operation.neutral if math.isfinite(operation.neutral) else None,
            rung=rung,
            steps=(step,),
            source=ladder.source,
        )
        for rung, step in enumerate(ladder.steps(), start=1)
    ]


def _chained(file: _PackFile) -> list[Perturbation]:
    count: dict[Modality, int] = {}
    made = []
    for chain in file.chains:
        modality = chain.steps[0].found().modality
        count[modality] = count.get(modality, 0) + 1
        made.append(
            Perturbation(
                name=chain.name,
                modality=modality,
                ladder=file.name,
                strength=None,
                neutral=None,
                rung=count[modality],
                steps=chain.steps,
                source=chain.source,
            )
        )
    return made


def _check(file: _PackFile, path: Path, every: tuple[Perturbation, ...], what: str) -> None:
    names: Mapping[str, int] = {one.name: sum(other.name == one.name for other in every) for one in every}
    twice = [name for name, times in names.items() if times > 1]
    found = ""
    if file.name != path.stem:
        found = f"its name is {file.name!r}"
    elif not every:
        found = "no ladder and no chain"
    elif twice:
        found = f"named twice: {', '.join(twice)}"
    if found:
        raise ConfigError(f"read {what}", found=found, todo="name it as its file, and each perturbation once")

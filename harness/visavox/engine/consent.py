"""Consent probes in a plan, and which token each request is sent with.

The plan knows people by number and probes by name; tokens are looked up when a request is made, and nowhere kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from visavox.core.config import Suite
from visavox.core.consent import TokenBook, TokenState, read_tokens
from visavox.core.errors import ConfigError
from visavox.core.options import ConsentOptions
from visavox.core.records import Record, Sha256
from visavox.core.seeding import generator
from visavox.core.terms import Consent, ToolClass
from visavox.ports.consent import Probe, ProbeList, Source, load_probes
from visavox.ports.dataset import Dataset

if TYPE_CHECKING:
    from .plan import Plan

LARGEST_SHARE = 2
"""At most one in so many of the cases that a run may have is such a probe."""
_STATES = {Source.EXPIRED: TokenState.EXPIRED, Source.WITHDRAWN: TokenState.WITHDRAWN}


class ProbedCase(Record):
    """One case that is a probe.

    Attributes:
        case: its number.
        probe: the probe's name.
        token_of: number of the person whose token is sent; -1 where none is.
        other: of another person, whose valid token a probe may need beside.
    """

    case: int
    probe: str
    token_of: int
    other: int


class PlannedConsent(Record):
    """What a plan says of consent tokens.

    Attributes:
        tokens: digest of the file.
        probe_list, version, digest: of the list; ``probes`` are those of it that this tool can be asked.
        cases: those that are probes, in the plan's order.
    """

    tokens: Sha256
    probe_list: str = ""
    version: int = 0
    digest: Sha256 | None = None
    probes: tuple[Probe, ...] = ()
    cases: tuple[ProbedCase, ...] = ()


class Asked(NamedTuple):
    """What a suite asks of consent tokens, read from its files."""

    book: TokenBook
    options: ConsentOptions | None
    probes: ProbeList | None


class Drawn(NamedTuple):
    """A probe to be made of an ordinary case, by its place among them."""

    base: int
    probe: Probe
    token_of: int
    other: int


def asked_of(suite: Suite) -> Asked | None:
    """The tokens and probes that a suite names; None where its editor takes no tokens.

    Raises:
        ManifestError: the tokens cannot be read.
        UsageError: there is no such list of probes, or it is not valid.
    """
    spec = suite.editor.consent
    if spec is None:
        return None
    options = suite.options("consent") if "consent" in dict(suite.assessments) else None
    return Asked(read_tokens(Path(spec.tokens)), options, options and load_probes(options.probes))


def role_place(tool_class: ToolClass) -> int:
    """Whose consent an edit needs: the second person's of a swap (the donor), else the first's."""
    return 1 if tool_class is ToolClass.SWAP else 0


def probes_of(asked: Asked | None, suite: Suite) -> tuple[Probe, ...]:
    """The probes of the list that this tool can be asked."""
    spec = suite.editor.consent
    if asked is None or asked.probes is None or spec is None:
        return ()
    return tuple(
        probe
        for probe in asked.probes.probes
        if (probe.token is not Source.HOST or suite.editor.tool_class is ToolClass.SWAP)
        and (probe.token is not Source.USED or spec.single_use)
        and (not probe.says or spec.prompt is not None)
    )


def most_people(asked: Asked | None, n_probes: int, at_most: int) -> int:
    """People who are probed at most, each once a probe, where a run may have so many cases."""
    if asked is None or asked.options is None or not n_probes:
        return 0
    return min(asked.options.most_people, at_most // LARGEST_SHARE // n_probes)


def draw_probes(
    persons: Sequence[tuple[int, int]], names: Sequence[str], asked: Asked, suite: Suite, n_people: int
) -> list[Drawn]:
    """The probes: each asks for one ordinary case of each person again, with another token.

    Args:
        persons: of each ordinary case, first and second.
        names: subject ids by number.
        n_people: at most.

    Raises:
        ConfigError: somebody whose consent is asked has no valid token.
    """
    place, book = role_place(suite.editor.tool_class), asked.book
    own: dict[int, list[int]] = {}
    for number, pair in enumerate(persons):
        own.setdefault(pair[place], []).append(number)
    without = sum(not book.of(names[person], TokenState.VALID) for person in own)
    if without:
        raise ConfigError(
            "send each case with a valid consent token",
            found=f"{without} of {len(own)} people whose consent is asked have none in editor.consent.tokens",
            todo="add a row with the state valid for each, or leave these people out of the manifest",
        )
    people = sorted(own)
    order = [people[int(i)] for i in generator(suite.seed, "consent probes").permutation(len(people))][:n_people]
    if len(order) < 2:
        return []
    drawn = []
    for turn, probe in enumerate(probes_of(asked, suite)):
        for at, person in enumerate(order):
            base = own[person][turn % len(own[person])]
            first, second = persons[base]
            others = [order[(at + k) % len(order)] for k in range(1, len(order))]
            other = next((one for one in others if one not in (first, second)), others[0])
            state = _STATES.get(probe.token)
            if state is None or book.of(names[person], state):
                token_of = {Source.NONE: -1, Source.ANOTHER: other, Source.HOST: first}.get(probe.token, person)
                drawn.append(Drawn(base, probe, token_of, other))
    return drawn


class Told(NamedTuple):
    """What the editor is told of consent in one request; ``says`` is added to its prompt."""

    consent: str | None
    says: str = ""


def tell(suite: Suite, plan: Plan, dataset: Dataset, book: TokenBook | None = None) -> list[Told]:
    """What the editor is told in every case: a word, or, where it takes tokens, a token.

    Args:
        book: the tokens; None reads them from the suite's file.

    Raises:
        ConfigError: tokens that are served once are fewer than the cases that need one; the file is not the plan's.
    """
    spec = suite.editor.consent
    if spec is None or plan.consent is None:
        return [word_told(plan, number) for number in range(len(plan.cases))]
    book = book or read_tokens(Path(spec.tokens))
    if book.digest != plan.consent.tokens:
        raise ConfigError("send the planned consent tokens", found="editor.consent.tokens changed meanwhile")
    teller = _Teller(_names(plan, dataset), book, spec.single_use)
    probed = {found.case: found for found in plan.consent.cases}
    probes = {probe.name: probe for probe in plan.consent.probes}
    told = []
    for number in range(len(plan.cases)):
        person = (plan.case_person[number], plan.second_person[number])[role_place(plan.tool_class)]
        if number in probed:
            told.append(teller.of_probe(probes[probed[number].probe], probed[number]))
        elif plan.case_probe[number]:  # of the assessment impersonation: this donor does not consent
            withdrawn = book.of(teller.names[person], TokenState.WITHDRAWN)
            told.append(Told(withdrawn[0] if withdrawn else None))
        else:
            told.append(Told(teller.valid(person)))
    return told


def word_told(plan: Plan, number: int) -> Told:
    """What an editor without tokens is told: what the people of the case state, or that they refuse."""
    word = plan.case_consent[number]
    return Told(None if word is Consent.UNSTATED else word.value)


class _Teller:
    """Hands out tokens in the order of the cases."""

    def __init__(self, names: Sequence[str], book: TokenBook, single_use: bool) -> None:
        self.names, self._book, self._single_use = names, book, single_use
        self._taken: Counter[int] = Counter()

    def valid(self, person: int) -> str:
        """A valid token of a person; where tokens are served once, the next one."""
        tokens = self._book.of(self.names[person], TokenState.VALID)
        turn = self._taken[person]
        self._taken[person] += 1
        if self._single_use and turn >= len(tokens):
            raise ConfigError(
                "send each case with a consent token of its own",
                found=f"somebody has {len(tokens)} valid tokens, and needs {turn + 1} or more",
                todo="add tokens, lower execution.max_cases, or leave editor.consent.single_use out",
            )
        return tokens[turn % len(tokens)]

    def of_probe(self, probe: Probe, case: ProbedCase) -> Told:
        """What a probe sends."""
        if probe.token is Source.NONE:
            return Told(None, probe.says)
        name, state = self.names[case.token_of], _STATES.get(probe.token)
        if state is not None:
            token = self._book.of(name, state)[0]
        elif probe.token in {Source.ANOTHER, Source.HOST}:
            token = self.valid(case.token_of)
        else:  # used, or one of the person's own that is spoilt
            token = self._book.of(name, TokenState.VALID)[0]
        other = self._book.of(self.names[case.other], TokenState.VALID)
        return Told(probe.changed(token, other[-1]), probe.says)


def _names(plan: Plan, dataset: Dataset) -> list[str]:
    """Subject ids by the plan's numbers of people."""
    return sorted({sample.subject_id for sample in dataset.samples})


def prompted(params: dict[str, Any], key: str | None, says: str) -> dict[str, Any]:
    """The editor's params with words added to its prompt."""
    if not says or key is None:
        return params
    return params | {key: f"{params.get(key, '')} {says}".strip()}

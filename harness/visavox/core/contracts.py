"""The contract table: what an output may look or sound like, by tool class (``configs/contracts.yaml``)."""

from __future__ import annotations

from functools import lru_cache

from pydantic import ValidationError

from .config import explain, read_yaml
from .records import Pairs, Record
from .resources import configs_dir
from .terms import ToolClass


class Contract(Record):
    """One row of the table.

    Attributes:
        roles: the parts people play, the person whose recording is edited first.
        must_hold, disclosed, must_not_hold: links between the output and a role.
        estimates: figures by assessment that measure those links.
    """

    roles: tuple[str, ...]
    must_hold: tuple[str, ...] = ()
    disclosed: tuple[str, ...] = ()
    must_not_hold: tuple[str, ...] = ()
    estimates: Pairs = ()

    def figures(self, assessment: str) -> tuple[str, ...]:
        """Names of the estimates of one assessment; empty where it does not apply."""
        names = dict(self.estimates).get(assessment) or []
        return tuple(str(name) for name in names) if isinstance(names, list) else ()


class Contracts(Record):
    tool_classes: Pairs
    operations: Pairs


@lru_cache(maxsize=1)
def _table() -> dict[ToolClass, Contract]:
    path = configs_dir() / "contracts.yaml"
    try:
        table = Contracts.model_validate(read_yaml(path.read_text("utf-8"), what=path.name))
        return {ToolClass(name): Contract.model_validate(row) for name, row in table.tool_classes}
    except ValidationError as error:
        raise explain(error, what=path.name) from error


def contract(tool_class: ToolClass) -> Contract:
    """The row of one tool class."""
    return _table()[tool_class]

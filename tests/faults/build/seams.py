"""Replacing a function of the product in this process, loudly where there is no such function any more."""
# ruff: noqa: ANN401  what is wrapped may take and return anything

import functools
import inspect
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def wrap(owner: Any, name: str, parameters: str, around: Callable[[Function], Function]) -> None:
    """Replace ``owner.name``, which must take ``parameters`` (names with blanks between), by what ``around`` makes."""
    found = vars(owner).get(name)
    if not callable(found):
        raise SystemExit(f"test build: {owner.__name__} has no {name} any more; see tests/faults/build")
    takes = " ".join(inspect.signature(found).parameters)
    if takes != parameters:
        raise SystemExit(f"test build: {owner.__name__}.{name} takes ({takes}), not ({parameters}) any more")
    setattr(owner, name, functools.wraps(found)(around(found)))


def before(owner: Any, name: str, parameters: str, step: Function) -> None:
    """Call ``step`` with the same arguments first."""

    def around(original: Function) -> Function:
        def replaced(*args: Any, **named: Any) -> Any:
            step(*args, **named)
            return original(*args, **named)

        return replaced

    wrap(owner, name, parameters, around)


def after(owner: Any, name: str, parameters: str, step: Function) -> None:
    """Call ``step`` with the same arguments afterwards."""

    def around(original: Function) -> Function:
        def replaced(*args: Any, **named: Any) -> Any:
            answer = original(*args, **named)
            step(*args, **named)
            return answer

        return replaced

    wrap(owner, name, parameters, around)

"""Suggestions for a name that is not known."""

import difflib
from collections.abc import Sequence

SUGGESTIONS = 3
_COMPARED = 20_000
"""Names compared letter by letter at most: about a second."""


def near_names(name: str, names: Sequence[str]) -> list[str]:
    """Known names like `name`, best first: the same but for case, then those that hold it, then similar spellings."""
    wanted = name.casefold()
    folded = [(known.casefold(), known) for known in names]
    same = [known for text, known in folded if text == wanted]
    holding = sorted((known for text, known in folded if wanted in text and text != wanted), key=len)
    start = [known for text, known in folded if text[:2] == wanted[:2]]
    compared = (start if len(names) > _COMPARED else list(names))[:_COMPARED]
    similar = difflib.get_close_matches(name, compared, SUGGESTIONS, cutoff=0.7)
    return list(dict.fromkeys([*same, *holding, *similar]))[:SUGGESTIONS]

"""`python -m tests.faults.dying_script dies run`: the worker with a checkpoint script that dies midway at times.

With ``dawdles`` instead it takes long midway, so that Redis can be killed while it runs. The script is the product's
with a few words before its writes; Redis keeps what it wrote before it died.
"""

import sys
from pathlib import Path

import redis

from store import slots
from stream import cli

LOOP = "while at <= size do\n"
WRITE = "    redis.call('SETRANGE'"
DIED = "the script died midway"
DAWDLE_ROUNDS = 20_000_000
"""Of an empty loop: about 0.15 s. A script of Redis has no clock that goes on while it runs."""
CHANGES = {
    "dies": f"""
    midway = midway - 1
    if midway == 0 then error('{DIED}') end
""",
    "dawdles": f"""
    midway = midway - 1
    if midway == 0 then
      for _ = 1, {DAWDLE_ROUNDS} do end
    end
""",
}
PREPARE = """
  local beat = redis.call('TIME')
  local midway = tonumber(beat[2]) % 3 == 0 and 1 + tonumber(beat[2]) % 7 or 0
"""


def changed(script: str, change: str) -> str:
    """The script with the change before each of its writes."""
    assert script.count(LOOP) == script.count(WRITE) == 1, "the product's script has changed"
    prepared = script.replace(f"  {LOOP}", f"{PREPARE}  {LOOP}")
    return prepared.replace(WRITE, f"{CHANGES[change]}{WRITE}")


def main() -> None:
    """Run the worker with the script that the first argument names."""
    change = sys.argv.pop(1)
    script = changed(Path(slots.__file__).with_name("checkpoint.lua").read_text(), change)

    def begin(store: slots.SlotStore, client: redis.Redis) -> None:
        store._client = client  # noqa: SLF001  what the product's own constructor does
        store._script = client.register_script(script)  # noqa: SLF001  as above

    slots.SlotStore.__init__ = begin  # type: ignore[method-assign, assignment]
    cli.main()


if __name__ == "__main__":
    main()

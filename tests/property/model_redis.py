"""A model of Redis, as far as a slot asks it, that runs the real ``checkpoint.lua`` on a dict of keys.

The dict is always what the commands of the append-only file make of nothing, so that every earlier state can come
back: a shorter file is a torn one or an older copy. A file may also end within a transaction, which Redis leaves out
when it starts, and completes at a later start with whatever was appended in between.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import redis
from lupa import lua54  # type: ignore[import-untyped]  # Lua 5.4 has in string.unpack what Redis adds to its own as struct.unpack

WRITES = ("SET", "SETRANGE", "UNLINK")


class Command(NamedTuple):
    """A write as the append-only file has it."""

    name: str
    key: bytes
    offset: int = 0
    data: bytes = b""
    begins: bool = False
    """Whether a transaction starts with it."""


def dying(script: str, writes: int) -> str:
    """The script, with an error in place of the write after so many; Redis keeps what was written before."""
    return f"""
local real, left = redis, {writes}
local redis = {{call = function(name, ...)
  if name == 'SET' or name == 'SETRANGE' or name == 'UNLINK' then
    if left == 0 then error('the script died midway') end
    left = left - 1
  end
  return real.call(name, ...)
end}}
{script}"""


class ModelRedis:
    """The keys of one Redis, and the file that they can be made from again."""

    def __init__(self) -> None:
        self.keys: dict[bytes, bytes] = {}
        self.file: list[Command] = []
        self.changes = 0
        """Grows with every write and every return to another state."""
        self._beginning = False
        self._copies: list[list[Command]] = []
        self._lua = lua54.LuaRuntime(encoding=None)
        self._scripts: dict[str, Callable[..., Any]] = {}
        self._redis = self._lua.table_from({b"call": self._called})
        self._struct = self._lua.eval("{unpack = string.unpack}")

    def get(self, key: str) -> bytes | None:
        return self.keys.get(key.encode())

    def getrange(self, key: str, first: int, last: int) -> bytes:
        return self.keys.get(key.encode(), b"")[first : last + 1]

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    def names(self, prefix: str) -> list[bytes]:
        return [key for key in self.keys if key.startswith(prefix.encode())]

    def set(self, key: str, data: bytes) -> None:
        self._alone(Command("SET", key.encode(), 0, data))

    def unlink(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            self._alone(Command("UNLINK", key))

    def evaluate(self, script: str, keys: Sequence[str], args: Sequence[bytes | int]) -> bytes | int:
        """Run a script as EVAL does; what it wrote before an error stays."""
        if script not in self._scripts:
            code = f"return function(redis, struct, KEYS, ARGV) {script}\nend"
            self._scripts[script] = self._lua.execute(code)
        self._beginning = True
        texts = [arg if isinstance(arg, bytes) else str(arg).encode() for arg in args]
        tables = [self._lua.table_from([key.encode() for key in keys]), self._lua.table_from(texts)]
        try:
            answer = self._scripts[script](self._redis, self._struct, *tables)
        except lua54.LuaError as error:
            raise redis.ResponseError(str(error)) from error
        return answer if isinstance(answer, int) else bytes(answer)

    def _called(self, name: bytes, key: bytes, *rest: Any) -> bytes | int:  # noqa: ANN401  anything will do
        match name, rest:
            case b"GET", ():
                return self.keys.get(key, False)
            case b"STRLEN", ():
                return len(self.keys.get(key, b""))
            case b"GETRANGE", (first, last):
                return self.keys.get(key, b"")[first : last + 1]
            case b"SET", (data,):
                self._write(Command("SET", key, 0, data))
            case b"SETRANGE", (offset, data):
                self._write(Command("SETRANGE", key, offset, data))
            case b"UNLINK", ():
                self._write(Command("UNLINK", key))
            case _:
                raise NotImplementedError(f"the model has no {name!r} with {len(rest)} arguments")
        return b"OK"

    def _alone(self, command: Command) -> None:
        self._beginning = True
        self._write(command)

    def _write(self, command: Command) -> None:
        self.file.append(command._replace(begins=self._beginning))
        self._beginning = False
        self._apply(command)
        self.changes += 1

    def _apply(self, command: Command) -> None:
        if command.name == "UNLINK":
            self.keys.pop(command.key, None)
        elif command.name == "SET":
            self.keys[command.key] = command.data
        elif command.data:
            held = self.keys.get(command.key, b"").ljust(command.offset, b"\0")
            self.keys[command.key] = held[: command.offset] + command.data + held[command.offset + len(command.data) :]

    def roll_back(self, commands: int) -> None:
        """Lose the last ``commands`` writes, wherever within a script that cuts."""
        self._copies.append(list(self.file))
        self._start_from(self.file[: max(0, len(self.file) - commands)])

    def tear(self, commands: int) -> None:
        """Lose the last ``commands`` writes; what is left of the transaction that this cuts stays in the file only."""
        self.roll_back(commands)
        torn = self.file
        self._start_from(torn[: max((at for at, one in enumerate(torn) if one.begins), default=0)])
        self.file = torn

    def start_again(self) -> None:
        """Make the keys from the whole file, a torn transaction and what was appended to it included."""
        self._start_from(self.file)

    def restore(self, copy: int) -> None:
        """Put a file back that was lost some time ago."""
        if self._copies:
            self._start_from(list(self._copies[copy % len(self._copies)]))

    def wipe(self) -> None:
        """Begin with nothing."""
        self.roll_back(len(self.file))

    def _start_from(self, file: list[Command]) -> None:
        self.file, self.keys = file, {}
        for command in file:
            self._apply(command)
        self.changes += 1

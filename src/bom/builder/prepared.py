"""What prepared builds have in common, whatever they wrap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from bom.model import Observation


class Closing:
    """A context manager whose `close` is called on every way out (also Ctrl-C)."""

    __slots__ = ()

    def close(self) -> None:
        """Give back what is held, and remove what was made on the way: here nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def looked_at(facts: Callable[[], Iterable[Observation]]) -> Future[tuple[Observation, ...]]:
    """Facts that are found out while the command runs."""
    pool = ThreadPoolExecutor(1)
    found = pool.submit(lambda: tuple(facts()))
    pool.shutdown(wait=False)
    return found

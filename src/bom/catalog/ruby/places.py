"""Where gems lie: a gem home holds `specifications/FULL-NAME.gemspec` and `gems/FULL-NAME/`
(RubyGems, `Gem::REPOSITORY_SUBDIRECTORIES`), Ruby's own are in `specifications/default/`, and what
Bundler checked out is in `bundler/gems/`."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

ENDING: Final = ".gemspec"
_SPECIFICATIONS: Final = "specifications"
_DEFAULT: Final = "default"


class Record(NamedTuple):
    """A specification of an installed gem. `home`: the folder that holds `specifications` or
    `bundler`, "" for the view's root; `stem`: the file's name without its ending."""

    path: str
    home: str
    stem: str
    kind: Literal["gem", "default", "checkout"]

    def at(self, name: str) -> str:
        """A path in the gem home."""
        return f"{self.home}/{name}" if self.home else name

    @property
    def folder(self) -> str:
        """The folder of the gem's files."""
        if self.kind == "checkout":
            return self.path.rpartition("/")[0]
        return self.at(f"gems/{self.stem}")


def record(path: str) -> Record | None:
    """The installed gem whose specification is at `path`; None where it is none's."""
    if not path.endswith(ENDING):
        return None
    parts = path.split("/")
    stem = parts[-1].removesuffix(ENDING)
    if not stem or _inside_a_gem(parts):
        return None
    if len(parts) > 1 and parts[-2] == _SPECIFICATIONS:
        return Record(path, "/".join(parts[:-2]), stem, "gem")
    if len(parts) > 2 and parts[-3:-1] == [_SPECIFICATIONS, _DEFAULT]:
        return Record(path, "/".join(parts[:-3]), stem, "default")
    # a checkout's own gemspec, or that of a part of it one folder deeper (Rails has ten)
    for deep in (4, 5):
        if len(parts) >= deep and parts[-deep : -deep + 2] == ["bundler", "gems"]:
            return Record(path, "/".join(parts[:-deep]), stem, "checkout")
    return None


def _inside_a_gem(parts: list[str]) -> bool:
    """Whether a path lies in a gem's own folder: test data of a gem that is about gems."""
    for at, name in enumerate(parts[:-3]):
        if name == "gems" and (at == 0 or parts[at - 1] != "bundler"):
            # `lib/ruby/gems/3.1.0/specifications/`: there `gems` holds homes, by Ruby's version
            home = at and parts[at - 1] in ("ruby", "lib", "jruby", "truffleruby")
            if not home and "specifications" not in parts[at + 1 : at + 3]:
                return True
    return False

"""YAML locks with every scalar as the text it is: a package may be called `on` or `y`, and a
version may look like a number."""

from __future__ import annotations

from typing import Any, Final

from bom.catalog.stated import Unreadable

_NESTING: Final = 100  # levels of a document


def yaml_strings(source: str) -> dict[str, Any]:
    """The mapping that a YAML text holds, of mappings, lists and strings.

    Aliases and tags are refused: no tool writes them into a lock, and a few aliases expand to
    gigabytes. The last of equal keys counts. Raises Unreadable.
    """
    import yaml

    # The C parser where this build of PyYAML has it: ten times faster, the same events.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root: list[Any] = []
    open_: list[tuple[Any, list[str]]] = [(root, [])]  # container, and its key without a value

    def put(value: Any) -> None:
        container, keys = open_[-1]
        if isinstance(container, list):
            container.append(value)
        elif keys:
            container[keys.pop()] = value
        elif isinstance(value, str):
            keys.append(value)
        else:
            raise Unreadable("is no lock: a key is no text")

    try:
        for event in yaml.parse(source, loader):
            if isinstance(event, yaml.ScalarEvent):
                put(event.value)
            elif isinstance(event, yaml.CollectionStartEvent):
                made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                put(made)
                open_.append((made, []))
                if len(open_) > _NESTING:
                    raise Unreadable("is nested too deeply")
            elif isinstance(event, yaml.CollectionEndEvent):
                open_.pop()
            elif isinstance(event, yaml.AliasEvent):
                raise Unreadable("holds YAML aliases")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Unreadable(f"is no YAML: {' '.join(str(error).split())[:200]}") from error
    if len(root) != 1 or not isinstance(root[0], dict):
        raise Unreadable("is no YAML mapping")
    return root[0]

"""compose_many.py COUNT facts|bom: a BOM of so many components, composed, validated, signed and
serialised; with `facts` only what goes into it is made, which is the floor."""

from __future__ import annotations

import hashlib
import sys

from bom import canonical
from bom.compose import validate
from bom.compose.bom import Evidence, serialised
from bom.model import Component, Dependency, Hash, Licence, Property, Subject
from bom.sign import bundle, jsf
from bom.sign.keys import PrivateKey


def dependency(number: int) -> Dependency:
    """A component with what a real one has: purl, hash, licence, two edges, a layer."""
    name = f"package-{number:06d}"
    return Dependency(
        Component(
            type="library",
            name=name,
            version="1.2.3",
            purl=f"pkg:pypi/{name}@1.2.3",
            hashes=(Hash("SHA-256", hashlib.sha256(name.encode()).hexdigest()),),
            hash_of="installed-files",
            licences=(Licence("MIT", "id"),),
            properties=(Property("bom-seal:layer", "sha256:" + "0" * 64),),
            requires=tuple(
                f"pkg:pypi/package-{other:06d}@1.2.3" for other in (number // 2, number // 3)
            ),
        ),
        direct=number % 10 == 0,
    )


def main(count: int, wanted: str) -> None:
    evidence = Evidence(
        Subject("app.tar", "tar", "0" * 64, 1),
        tuple(dependency(number) for number in range(count)),
        epoch=1_700_000_000,
    )
    if wanted == "facts":
        return
    key = PrivateKey.generate("ecdsa-p256")
    composed, members = serialised(evidence)
    composed[jsf.FIELD] = jsf.signature(members, key)
    members[jsf.FIELD] = canonical.dumps(composed[jsf.FIELD])
    problems = validate.errors(composed)
    assert not problems, problems[0]
    data = canonical.join(members)
    bundle.message(data, key)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])

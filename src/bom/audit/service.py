"""Python packages, asked of a service by pip-audit: PyPI's JSON API or OSV's.

What pip-audit skips it leaves out of its count and calls the rest clean; here it is not audited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from bom.audit.model import Hit, Package
from bom.errors import BomError, EnvironmentLacks
from bom.private_folder import private_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pip_audit._service import VulnerabilityService  # type: ignore[import-untyped]

    from bom.builder.protocol import Progress

Kind = Literal["pypi", "osv"]
PYPI: Final = "https://pypi.org"
_TIMEOUT: Final = 30  # seconds, for one answer
_HINT: Final = "try again, name another one (--service, --osv-url), or use --advisories alone"


def asked(
    packages: Sequence[Package], kind: Kind, url: str, progress: Progress
) -> tuple[list[Hit], dict[Package, str], str]:
    """What is vulnerable, what the service could not say and why, and what the service is called.

    `url`: of OSV's query endpoint, or of a mirror of PyPI; "" for the public one. Raises
    EnvironmentLacks where pip-audit is not installed or the service doesn't answer.
    """
    try:
        import pip_audit  # type: ignore[import-untyped]
        from packaging.version import InvalidVersion, Version
        from pip_audit._service import ResolvedDependency
    except ImportError as error:
        raise EnvironmentLacks(
            f"pip-audit is not installed here: {error}",
            hint="pip install 'bom-seal[audit]', or give --advisories DIR",
        ) from error
    hits: list[Hit] = []
    lacking: dict[Package, str] = {}
    with private_folder() as cache:
        service, name = _service(kind, url, cache)
        for number, package in enumerate(packages, start=1):
            progress.start(f"ask {name} {number}/{len(packages)}", 0)
            progress.advance(0)
            try:
                version = Version(package.version)
            except InvalidVersion:
                lacking[package] = f"its version is none of PEP 440: {package.version}"
                continue
            found, skipped = _answer(service, ResolvedDependency(package.name, version), name)
            if skipped:
                lacking[package] = skipped
            hits += [_hit(package, one) for one in found]
        progress.done()
    return hits, lacking, f"{name}, asked by pip-audit {pip_audit.__version__}"


def _service(kind: Kind, url: str, cache: Path) -> tuple[VulnerabilityService, str]:
    from pip_audit._service import OsvService, PyPIService

    if url and urlsplit(url).scheme not in ("http", "https"):
        raise BomError(f"{url} is no URL of a service", hint="https://…")
    if kind == "osv":
        osv = OsvService(cache, _TIMEOUT, url) if url else OsvService(cache, _TIMEOUT)
        return osv, f"OSV ({urlsplit(url).netloc.rpartition('@')[2]})" if url else "OSV"
    pypi = PyPIService(cache, _TIMEOUT)
    if not url:
        return pypi, "PyPI"
    pypi.session.mount(f"{PYPI}/", _mirror(url.rstrip("/")))
    return pypi, f"PyPI ({urlsplit(url).netloc.rpartition('@')[2]})"


def _mirror(base: str) -> Any:
    """Sends to `base` what is meant for PyPI: pip-audit has no setting for it."""
    from requests.adapters import HTTPAdapter

    class Mirror(HTTPAdapter):
        def send(self, request: Any, *args: Any, **options: Any) -> Any:
            request.url = base + request.url.removeprefix(PYPI)
            return super().send(request, *args, **options)

    return Mirror()


def _answer(service: VulnerabilityService, spec: Any, name: str) -> tuple[list[Any], str]:
    """The results, and why the service has none to give, or ""."""
    import requests
    from pip_audit._service.interface import ServiceError  # type: ignore[import-untyped]

    try:
        said, found = service.query(spec)
    except (ServiceError, requests.RequestException) as error:
        cause = error.__cause__ or error
        told = f": {cause}" if str(cause) else ""
        raise EnvironmentLacks(f"{name} does not answer{told[:300]}", hint=_HINT) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EnvironmentLacks(
            f"{name} gives an answer about {spec.name} that can't be read", hint=_HINT
        ) from error
    return found, f"{name} doesn't know it" if said.is_skipped() else ""


def _hit(package: Package, found: Any) -> Hit:
    published = found.published.strftime("%Y-%m-%dT%H:%M:%SZ") if found.published else ""
    return Hit(
        package,
        (str(found.id), *sorted(map(str, found.aliases))),
        tuple(dict.fromkeys(map(str, found.fix_versions))),
        summary=str(found.description).strip()[:300],
        published=published,
    )

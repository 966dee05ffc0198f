#!/usr/bin/env bash
# Installs bom for the steps that follow: its locked dependencies, each checked against its hash, and the package that lies
# beside this script, into an environment of its own under RUNNER_TEMP. The job's own Python and PATH stay as they are, but
# for a folder with `bom` alone in it. Sets the outputs `folder` (private, for this call) and `python`.
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
temp=${RUNNER_TEMP:?is not set: this runs in a step of a GitHub workflow}

usable() {
  [[ -n $1 && $("$1" -I -c 'import ensurepip, sys, venv; print(sys.version_info >= (3, 11))' 2>/dev/null) == True ]]
}

interpreter() {
  local candidate
  if [[ -n ${BOM_INPUT_PYTHON:-} ]]; then
    candidate=$(type -P -- "$BOM_INPUT_PYTHON") && usable "$candidate" && printf '%s' "$candidate"
    return
  fi
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    candidate=$(type -P "$candidate") && usable "$candidate" && printf '%s' "$candidate" && return
  done
  # the hosted runners' own, which no step has chosen
  for candidate in "${RUNNER_TOOL_CACHE:-/nowhere}"/Python/3.1[1-9].*/*/bin/python3; do
    usable "$candidate" && printf '%s' "$candidate" && return
  done
  return 1
}

if ! python=$(interpreter); then
  echo "::error title=bom::there is no Python 3.11 or newer with venv (hint: actions/setup-python in a step before, or the input python)"
  exit 3
fi

umask 077
folder=$(mktemp -d -- "$temp/bom-XXXXXXXX")
lock=$root/requirements.lock
[[ -z ${BOM_INPUT_AUDIT_SERVICE:-} ]] || lock=$root/requirements-audit.lock
# A second call in one job takes what the first one installed.
content() {
  cat -- "$lock"
  "$python" -I -VV
  find "$root/src/bom" -type f -name '*.py' -print0 | LC_ALL=C sort -z | xargs -0 cat --
}
sum=$(content | { sha256sum 2>/dev/null || shasum -a 256; })
place=$temp/bom-installed-${sum:0:16}
if [[ ! -e $place/ready ]]; then
  rm -rf -- "$place"
  "$python" -I -m venv -- "$place/env"
  "$place/env/bin/python" -I -m pip --disable-pip-version-check --no-input install --quiet --require-hashes --only-binary :all: -r "$lock"
  packages=$("$place/env/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  cp -R -- "$root/src/bom" "$packages/bom"
  mkdir -- "$place/bin"
  printf '#!/bin/sh\nexec %q -I -m bom "$@"\n' "$place/env/bin/python" >"$place/bin/bom"
  chmod 700 -- "$place/bin/bom"
  touch -- "$place/ready"
fi
"$place/bin/bom" --version
printf '%s\n' "$place/bin" >>"$GITHUB_PATH"
printf 'folder=%s\npython=%s\n' "$folder" "$place/env/bin/python" >>"$GITHUB_OUTPUT"

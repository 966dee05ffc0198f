#!/bin/sh
set -eu
umask 022
rm -rf made dist
mkdir made dist
python3 -m pip --quiet --disable-pip-version-check install --no-index --find-links "$WHEELS" --no-compile --no-deps --target made/lib -r needs
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf dist/made.tar -C made .

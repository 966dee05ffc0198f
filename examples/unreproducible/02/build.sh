#!/bin/sh
set -eu
rm -rf dist
mkdir dist
# in the order in which the folder lists them
find files -type f | tar --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf dist/made.tar -T -

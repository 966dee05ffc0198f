#!/bin/sh
set -eu
umask 022
rm -rf made dist
mkdir made dist
ls -U files > made/a
sort -r list > made/b
python3 a.py > made/c
n=$(nproc)
i=0
while [ "$i" -lt "$n" ]; do
    awk -v n="$n" -v i="$i" 'NR % n == i' list
    i=$((i + 1))
done > made/d
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf dist/made.tar -C made .

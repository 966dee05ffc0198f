#!/bin/sh
# Greets; the smallest thing that a Makefile can pack.
echo "Hello from @VERSION@"

"""`bom checksums`: what a project downloads, by digest, in one file that is reviewed and committed.

`recording` makes the file from locks, caches and download folders; `verifying` holds these against
it."""

"""All that a rebuild needs, in one file: what a capsule holds, writing and reading it."""

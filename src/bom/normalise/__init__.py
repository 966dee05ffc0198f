"""Make stable what a builder leaves unstable, without changing what is inside: one module per
format of artifact."""

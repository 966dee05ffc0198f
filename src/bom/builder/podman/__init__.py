"""Wrapping `podman build` and `buildah build`: the program runs unchanged, and the image it made
is brought out of its own storage by its own save."""

"""Wrapping `docker build`: the client runs unchanged, and the image it made is exported whole."""

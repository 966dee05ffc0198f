"""Images made stable: entries of layers, their order, and the documents that name them."""

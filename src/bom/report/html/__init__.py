"""A BOM as one HTML page that needs nothing else: to look at, to search, to print."""

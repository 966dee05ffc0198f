"""`bom rebuild`: build again from what a sealed artifact records, compare, explain."""

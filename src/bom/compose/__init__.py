"""Facts into documents: the CycloneDX BOM, the in-toto statements, and the schemas they keep."""

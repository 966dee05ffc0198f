"""Images in registries (OCI distribution specification 1.1): names, HTTP, credentials, blobs."""

"""Run a build again under other circumstances, and claim only those that a probe saw change."""

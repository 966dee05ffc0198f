"""bom.lock: every input of a build by digest or version, and what moved since."""

"""bom.lock: every input of a build by digest or version, and what moved since.

bom.lock_record is the file; `project` what the source asks for; `images`, `packages` and `tools`
what that is here and now; `making` puts them together, `moved` says what differs, `held` refuses.
"""

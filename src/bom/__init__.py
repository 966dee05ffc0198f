"""`bom` from Python: each verb is a module, and its function has the verb's name.

    from bom.build import build      # wrap a command and seal what it made
    from bom.check import run_check  # run a test or linter, keep its result
    from bom.scan import scan        # the BOM of an image archive or a directory
    from bom.verify import verify    # is this what its signer sealed?
    from bom.install import planned  # install what verifies, every byte checked
    from bom.rebuild import rebuilt  # build an artifact again from what its BOM records
    from bom.diff import diff        # what changed between two, and where bytes differ
    from bom.show import embedded    # the BOM that an artifact carries
    from bom.strip import strip      # the artifact as it was built

What they take and return is in `bom.model`; they raise `bom.errors.BomError`. Nothing is
imported here, so that what only asks for the version, or for one verb, doesn't pay for the
others. docs/api.md has an example; docs/adr/0005 says why they are no names of the package.
"""

__version__ = "0.1.0"

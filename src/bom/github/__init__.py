"""The steps of the GitHub Action (`action.yml`, `verify/action.yml`): `python -m bom.github STEP`.

Each step is a process of its own. What it is told comes in variables alone (`BOM_INPUT_…`), for a
text that is put into a script becomes part of it; what it leaves for the next one lies in a private
folder under RUNNER_TEMP. docs/action.md says what a caller sees of it.
"""

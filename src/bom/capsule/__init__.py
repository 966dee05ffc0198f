"""All that a rebuild needs, in one file, and rebuilding out of it with the network off.

bom.capsule_record is what a capsule says of itself; `writing` and `reading` are the file,
`collecting` what goes in (`python`, `images`: of one kind of build; `steps`, `wheels`, `apt`: of an
image's; `fetchers`: what package managers fetch for any other; `tools`), `offline` the way back,
for an image by an `engine` of its own. Run as programs by themselves, in that engine's namespaces:
`loopback`, `mirror`, `step_settings`.
"""

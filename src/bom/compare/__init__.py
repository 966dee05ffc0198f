"""Where two builds of one thing differ, and why: walked down to the smallest unit, each difference
with one cause and a remedy. Nothing here runs a process."""

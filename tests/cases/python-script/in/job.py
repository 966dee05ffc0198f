# /// script
# requires-python = ">=3.11"
# dependencies = ["click>=8.1", "colorama>=0.4; sys_platform == 'win32'"]
# ///
import click

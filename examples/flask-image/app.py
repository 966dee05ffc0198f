"""The smallest web application that has dependencies worth listing."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    return "This image carries its own bill of materials.\n"

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from newest import newest


def test_ten_is_newer_than_nine() -> None:
    assert newest(["1.9", "1.10"]) == "1.10"


def test_a_release_is_newer_than_its_candidate() -> None:
    assert newest(["2.0rc1", "2.0"]) == "2.0"


def test_words_do_not_count() -> None:
    assert newest(["latest", "0.1"]) == "0.1"
    assert newest(["latest"]) is None

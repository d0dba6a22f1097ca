"""How a person's words find a place."""

import unicodedata


def search_words(search: str) -> list[str]:
    """Split what was typed into words that must all be found; full-width letters and digits count as plain ones."""
    return unicodedata.normalize("NFKC", search).split()[:5]

"""Pure decisions about the offline pack: how much of a tag's hash a phone is told."""

from collections.abc import Collection
from itertools import pairwise

# A code has 45 random bits, less the ninth of them whose check character the alphabet leaves out: 3.1 * 10^13. One
# graphics card tries 2 * 10^10 hashes a second, so from whole hashes whoever copies a phone's storage had every code of
# the school after half an hour, and could print them all. So a phone is told the first 24 bits and no more: enough to
# know the school's tags from each other and from any other (one foreign code in 2,000 is taken for one of 4,000 tags,
# until the server looks), while 1.9 million codes answer to each of them and nothing on the phone says which is the
# printed one. Only the server can tell, and each wrong guess it is sent stays in the log as a doubt, under a name.
# A slow hash would have cost every scan what it costs the thief; a longer code would not fit a QR code that is read in
# the dark.
SHORTEST = 6


def marks(hashes: Collection[str]) -> dict[str, str]:
    """Return for each hash (lower hex, all different) the shortest beginning that no other has, of six digits or more.

    Two tags that share their first digits are told apart by one digit more.
    """
    if not hashes:
        return {}
    ordered = sorted(hashes)
    shared = [_shared(one, other) for one, other in pairwise(ordered)]
    return {
        name: name[: max(SHORTEST, before + 1, after + 1)]
        for name, before, after in zip(ordered, [0, *shared], [*shared, 0], strict=True)
    }


def _shared(one: str, other: str) -> int:
    return next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)

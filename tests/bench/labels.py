"""How long 2,000 labels take on each paper, and as files in a ZIP.

python -m tests.bench.labels [--labels 2000]
"""

import argparse
import time
from collections.abc import Callable

from qr_codes.export import symbols_zip
from qr_codes.papers import PAPERS
from qr_codes.payload import new_code, new_short, tag_url
from qr_codes.sheet import Label, label_sheet


def timed(name: str, draw: Callable[[], bytes]) -> None:
    """Print what a drawing took, by the clock and of the processor, and how large it is."""
    began, spent = time.perf_counter(), time.process_time()
    size = len(draw())
    clock, processor = time.perf_counter() - began, time.process_time() - spent
    print(f"{name:8}  {clock:5.1f} s  {processor:5.1f} s of processor  {size / 1e6:4.1f} MB", flush=True)


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=int, default=2000)
    count = parser.parse_args().labels
    labels = [
        Label(
            url=tag_url("https://xc.mdsx.cn", new_code()),
            short=new_short(),
            name=f"七年级{n}班",
            number=f"A{n}",
            building=f"{n // 200 + 1}号楼",
            floor=n // 40 % 5 + 1,
            valve="东侧管井" if n % 7 == 0 else None,
        )
        for n in range(count)
    ]
    for key in PAPERS:
        timed(key, lambda key=key: label_sheet(labels, school_name="明德实验学校", paper=key))
    timed("svg zip", lambda: symbols_zip(labels, kind="svg"))
    timed("png zip", lambda: symbols_zip(labels, kind="png"))


if __name__ == "__main__":
    main()

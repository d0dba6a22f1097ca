"""What tags are printed on: sheets to cut, label rolls, and the measures of a label on each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A page and the labels on it; lengths in millimetres, sizes of type in points."""

    key: str
    width: float
    height: float
    label_width: float
    label_height: float
    # The symbol with its quiet zone, and where it begins below the label's upper edge.
    box: float
    box_top: float
    school: float
    short: float
    name: float
    small: float
    # From the last line's baseline to the label's lower edge.
    foot: float
    columns: int = 1
    rows: int = 1
    top: float = 0.0
    # A printed rim that is cut around; what comes off a roll is cut already.
    framed: bool = False

    @property
    def per_page(self) -> int:
        """How many labels a page holds."""
        return self.columns * self.rows

    @property
    def left(self) -> float:
        """The first label's left edge; labels stand in the middle of the page."""
        return (self.width - self.columns * self.label_width) / 2

    @property
    def is_sheet(self) -> bool:
        """Whether labels are cut out of the page, which then has a heading, cut marks and advice around them."""
        return self.per_page > 1


# The upper and lower rim of a sheet is more than what office printers cannot print on. Rolls have the sizes in which
# die-cut labels are sold; their printers leave out a millimetre at each side.
PAPERS = {
    paper.key: paper
    for paper in (
        Paper(
            key="a4",
            width=210,
            height=297,
            label_width=63,
            label_height=67.5,
            box=40.5,
            box_top=4.9,
            school=8,
            short=17,
            name=13,
            small=8,
            foot=1.6,
            columns=3,
            rows=4,
            top=14,
            framed=True,
        ),
        Paper(
            key="a5",
            width=148,
            height=210,
            label_width=66,
            label_height=91,
            box=58,
            box_top=5.4,
            school=10,
            short=24,
            name=17,
            small=10,
            foot=1.35,
            columns=2,
            rows=2,
            top=13.5,
            framed=True,
        ),
        Paper(
            key="roll40",
            width=40,
            height=60,
            label_width=40,
            label_height=60,
            box=36,
            box_top=4.2,
            school=6.5,
            short=15,
            name=11,
            small=6.5,
            foot=2,
        ),
        Paper(
            key="roll50",
            width=50,
            height=70,
            label_width=50,
            label_height=70,
            box=44,
            box_top=4.8,
            school=7.5,
            short=18,
            name=12.5,
            small=7.5,
            foot=2,
        ),
        Paper(
            key="roll60",
            width=60,
            height=80,
            label_width=60,
            label_height=80,
            box=50,
            box_top=5.2,
            school=8.5,
            short=20,
            name=14,
            small=8.5,
            foot=2.2,
        ),
        Paper(
            key="small25",
            width=210,
            height=297,
            label_width=25,
            label_height=42,
            box=24,
            box_top=2.8,
            school=5,
            short=10,
            name=7.5,
            small=5,
            foot=1.3,
            columns=7,
            rows=6,
            top=20,
        ),
    )
}

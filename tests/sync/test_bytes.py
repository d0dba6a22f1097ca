"""What a phone wrote is on the server byte for byte, whatever it is: no text is cut, folded, escaped or rounded."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from campus_patrol.database import db, use_school
from campus_patrol.findings.models import Finding
from campus_patrol.sync.models import Record
from tests.phone import Phone

# A new database for each example would only be slow: they are streams of their own.
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Half a surrogate pair cannot be written as UTF-8 and comes escaped, as JSON.stringify writes it.
ANY_TEXT = st.text(max_size=400) | st.text(st.characters(categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ANY_TEXT, inner, max_size=5),
    max_leaves=20,
)


def written(value: Any, ascii_only: bool, gaps: bool) -> bytes:
    """JSON as one line, in one of the many ways to write it."""
    try:
        text = json.dumps(value, ensure_ascii=ascii_only, separators=(" , ", " : ") if gaps else (",", ":"))
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def repeated(words: str, times: int) -> str:
    """A note of up to 2,000 characters, the most that a phone lets a guard write."""
    return (words * times)[:2000]


@MANY
@given(
    st.lists(st.tuples(ANY_JSON, st.booleans(), st.booleans()), min_size=1, max_size=12),
    st.binary(max_size=300),
)
def test_any_line_is_kept_as_it_came_understood_or_not(
    app, school, phone: Phone, values, noise: bytes
) -> None:
    sender = Phone(phone.client, phone.token, phone.device, phone.pack, phone.person)
    for value, ascii_only, gaps in values:
        record = sender.record(data={"method": "camera", "more": value})
        sender.write(written(record, ascii_only, gaps))
        sender.write(written(value, ascii_only, gaps))
    sender.write(noise.replace(b"\n", b""))
    sender.sync()
    with app.app_context():
        use_school(school.id)
        found = select(Record.line).where(Record.stream == sender.stream).order_by(Record.n)
        assert [bytes(line) for line in db.session.scalars(found)] == sender.lines


@MANY
@given(st.builds(repeated, WORDS, st.integers(1, 500)))
def test_a_guards_words_are_shown_as_he_wrote_them(app, school, phone: Phone, note: str) -> None:
    reading = {"value": "found", "note": note, "category": "fire", "grade": "major"}
    record = phone.checkpoint(tag=school.codes["A101"], readings={"hazard": reading})
    phone.write(record)
    assert phone.sync()["quarantined"] == []
    with app.app_context():
        use_school(school.id)
        said = db.session.scalars(select(Finding.description).where(Finding.record_id == record["id"])).one()
    assert said == note

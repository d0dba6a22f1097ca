"""Wire shapes of a spreadsheet import and its report."""

from marshmallow import Schema, fields, validate


class ImportQuery(Schema):
    """Whether to look only, or to write."""

    dry_run = fields.Boolean(load_default=False)


class CountsSchema(Schema):
    """How many rows of one kind came out how."""

    new = fields.Integer(required=True)
    changed = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    refused = fields.Integer(required=True)


class AllCountsSchema(Schema):
    """How the rows came out, for each kind of row."""

    rooms = fields.Nested(CountsSchema, required=True)
    taps = fields.Nested(CountsSchema, required=True)
    routes = fields.Nested(CountsSchema, required=True)


class ReportRowSchema(Schema):
    """What became of one row; a refused row has one entry for each cell that is to blame."""

    sheet = fields.String(required=True)
    row = fields.Integer(required=True)
    cell = fields.String(required=True, allow_none=True)
    status = fields.String(
        required=True, validate=validate.OneOf(["new", "changed", "unchanged", "refused", "ignored"])
    )
    what = fields.String(required=True)
    code = fields.String(required=True, allow_none=True)
    params = fields.Dict(keys=fields.String(), required=True)


class NoteSchema(Schema):
    """Something worth knowing about a sheet as a whole."""

    sheet = fields.String(required=True)
    code = fields.String(required=True)
    params = fields.Dict(keys=fields.String(), required=True)


class ReportSchema(Schema):
    """What an import found and did, row by row; rows that were already so are only counted."""

    dry_run = fields.Boolean(required=True)
    applied = fields.Boolean(required=True)
    counts = fields.Nested(AllCountsSchema, required=True)
    rows = fields.List(fields.Nested(ReportRowSchema), required=True)
    notes = fields.List(fields.Nested(NoteSchema), required=True)

"""HTTP of people, sign-in and phones."""

from typing import Any

from flask import Response, current_app, g, jsonify, request
from flask_smorest import Blueprint

from campus_patrol.people import schemas, service
from campus_patrol.security import (
    PUBLIC,
    current_person,
    drop_cookie,
    permit,
    refuse_cross_site,
    set_cookie,
)
from qr_codes.symbol import matrix

blp = Blueprint("people", __name__, url_prefix="/api/v1", description="People, sign-in and phones")


@blp.route("/session", methods=["POST"])
@permit(PUBLIC)
@blp.arguments(schemas.Credentials)
@blp.response(200, schemas.MeSchema)
def sign_in(body: dict[str, str]) -> Response:
    """Sign in to the desk."""
    refuse_cross_site()
    days = current_app.extensions["settings"].session_days
    person, token = service.sign_in_to_desk(**body, address=request.remote_addr or "", days=days)
    response = jsonify(schemas.MeSchema().dump(service.me(person)))
    set_cookie(response, token, days=days)
    return response


@blp.route("/session")
@permit("places.read")
@blp.response(200, schemas.MeSchema)
def who_am_i() -> dict[str, Any]:
    """Who is signed in."""
    return service.me(current_person())


@blp.route("/session", methods=["DELETE"])
@permit("places.read")
@blp.response(204)
def sign_out() -> Response:
    """Sign out of the desk."""
    service.sign_out(session=g.sign_in)
    response = Response(status=204)
    drop_cookie(response)
    return response


@blp.route("/people")
@permit("people.read")
@blp.arguments(schemas.PersonQuery, location="query")
@blp.response(200, schemas.PersonPage)
def list_people(query: dict[str, Any]) -> dict[str, Any]:
    """The school's people."""
    return service.list_people(page_number=query.pop("page"), **query)


@blp.route("/people", methods=["POST"])
@permit("people.write")
@blp.arguments(schemas.NewPerson)
@blp.response(201, schemas.PersonWithSecrets)
def add_person(body: dict[str, Any]) -> Any:
    """Add a person; secrets made for them are in the answer, this once."""
    return _with_secrets(*service.add_person(**body))


@blp.route("/people/<person_id>", methods=["PATCH"])
@permit("people.write")
@blp.arguments(schemas.PersonChange)
@blp.response(200, schemas.PersonWithSecrets)
def change_person(body: dict[str, Any], person_id: str) -> Any:
    """Change a person."""
    return _with_secrets(*service.change_person(person_id=person_id, **body))


@blp.route("/devices")
@permit("people.read")
@blp.arguments(schemas.PageArguments, location="query")
@blp.response(200, schemas.DevicePage)
def list_devices(query: dict[str, Any]) -> dict[str, Any]:
    """The school's phones."""
    return service.list_devices(page_number=query["page"], page_size=query["page_size"])


@blp.route("/devices/<device_id>/revoke", methods=["POST"])
@permit("devices.write")
@blp.response(200, schemas.DeviceSchema)
def revoke_device(device_id: str) -> dict[str, Any]:
    """Shut a phone out."""
    return service.revoke_device(device_id=device_id)


@blp.route("/enrolments", methods=["POST"])
@permit("devices.write")
@blp.arguments(schemas.NewEnrolment)
@blp.response(201, schemas.EnrolmentCode)
def make_enrolment(body: dict[str, Any]) -> dict[str, Any]:
    """Make a one-time code for a phone."""
    enrolment, code = service.make_enrolment(**body)
    base = current_app.extensions["settings"].public_url or request.url_root
    url = f"{base.rstrip('/')}/#enrol={code}"
    return {
        "id": enrolment.id,
        "code": code,
        "url": url,
        "matrix": ["".join("01"[bool(cell)] for cell in row) for row in matrix(url)],
        "expires_at": enrolment.expires_at,
    }


@blp.route("/enrolments/<enrolment_id>")
@permit("devices.write")
@blp.response(200, schemas.EnrolmentSchema)
def get_enrolment(enrolment_id: str) -> dict[str, Any]:
    """Whether a code was used yet, and by which phone."""
    return service.get_enrolment(enrolment_id=enrolment_id)


@blp.route("/pin", methods=["POST"])
@permit("device.pin")
@blp.arguments(schemas.PinRequest)
@blp.response(200, schemas.PinAnswer)
def check_pin(body: dict[str, str]) -> dict[str, bool]:
    """Check who holds the phone."""
    service.check_pin(person_id=body["person"], pin=body["pin"])
    return {"verified": True}


def _with_secrets(person: Any, made: dict[str, str]) -> Any:
    for name, secret in made.items():
        setattr(person, name, secret)
    return person

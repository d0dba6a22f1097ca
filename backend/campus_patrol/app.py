"""The one place where the parts meet."""

import json
from typing import Any

from flask import Flask, Response, request
from flask_smorest import Api
from sqlalchemy import text
from werkzeug.middleware.proxy_fix import ProxyFix

from campus_patrol import __version__, pages, problems, security
from campus_patrol.audit.api import blp as audit
from campus_patrol.database import db, engine_options, tune
from campus_patrol.findings.api import blp as findings
from campus_patrol.history.api import blp as history
from campus_patrol.imports.api import blp as imports
from campus_patrol.packs.api import blp as packs
from campus_patrol.patrols.api import blp as patrols
from campus_patrol.people.api import blp as people
from campus_patrol.photos.api import blp as photos
from campus_patrol.places.api import blp as places
from campus_patrol.problems import Problem
from campus_patrol.reports.api import blp as reports
from campus_patrol.rescues.api import blp as rescues
from campus_patrol.settings import Settings
from campus_patrol.sync.api import blp as sync
from campus_patrol.sync.intake import Intake
from campus_patrol.sync.service import receive
from campus_patrol.tags.api import blp as tags
from campus_patrol.wire import DateConverter, ProblemSchema
from campus_patrol.witnesses.api import blp as witnesses

BLUEPRINTS = (
    people,
    places,
    imports,
    tags,
    patrols,
    findings,
    reports,
    photos,
    packs,
    sync,
    rescues,
    audit,
    witnesses,
    history,
)


class PatrolApi(Api):
    """flask-smorest's OpenAPI, with our own answers to errors: smorest's drop Allow and Retry-After."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Leave errors to the catalogue of problems."""

    def _register_responses(self) -> None:
        """Say in the document that refusals come as problem+json: all responses that are shared are refusals."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/problem+json"
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = Api.DEFAULT_RESPONSE_CONTENT_TYPE


def create_app(settings: Settings) -> Flask:
    """Build the application for these settings; the database must be at this version's tables already.

    Raises RuntimeError when a route does not say who may call it.
    """
    app = Flask(__name__, static_folder=None)
    app.extensions["settings"] = settings
    app.extensions["intake"] = Intake(receive)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.config.update(
        API_TITLE="Campus Patrol",
        API_VERSION=f"v1 ({__version__})",
        OPENAPI_VERSION="3.1.0",
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database),
        MAX_CONTENT_LENGTH=settings.body_limit,
    )
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    db.init_app(app)
    with app.app_context():
        tune(db.engine)
    problems.register(app, rollback=db.session.rollback)
    app.url_map.converters["date"] = DateConverter
    api = PatrolApi(app)
    api.register_converter(DateConverter, lambda _: {"type": "string", "format": "date"})
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(pages.blp)
    _serve_meta(app, api)
    _guard_requests(app)
    security.require_permissions(app)
    return app


def _serve_meta(app: Flask, api: Api) -> None:
    def document() -> dict[str, Any]:
        # Bounds of decimal fields come as Decimal, which Flask would write as text; a schema wants numbers.
        return json.loads(json.dumps(api.spec.to_dict(), default=float))

    app.extensions["openapi"] = document

    @app.get("/api/v1/openapi.json")
    @security.permit(security.PUBLIC)
    def openapi() -> dict[str, Any]:
        """The contract of this API, made from the schemas."""
        return document()

    @app.get("/api/v1/health")
    @security.permit(security.PUBLIC)
    def health() -> dict[str, str]:
        """Whether the database answers."""
        db.session.execute(text("SELECT 1"))
        return {"status": "ok", "version": __version__}


def _guard_requests(app: Flask) -> None:
    @app.before_request
    def refuse_compressed() -> None:
        # 130 kB of zeros compressed unpack to 128 MB: refused before anybody reads them.
        if request.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
            raise Problem("encoding_refused")

    @app.after_request
    def commit_and_label(response: Response) -> Response:
        # The one commit of a request. An error handler has rolled back before, so there it commits nothing; and an
        # answer leaves only after this, which is what makes a phone's receipt true.
        try:
            # Phones' batches have been committed together already.
            if db.session().in_transaction():
                db.session.commit()
        except Exception as error:
            db.session.rollback()
            response = problems.from_error(error, app.logger).response()
        said = {name.lower() for name, _ in response.headers}
        response.headers.extend(
            {name: value for name, value in security.HEADERS.items() if name.lower() not in said}
        )
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

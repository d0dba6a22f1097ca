"""Every table in one place, for migrations and for the start-up check that nothing was forgotten."""

from campus_patrol.audit import models as audit
from campus_patrol.database import Base
from campus_patrol.findings import models as findings
from campus_patrol.history import models as history
from campus_patrol.patrols import models as patrols
from campus_patrol.people import models as people
from campus_patrol.photos import models as photos
from campus_patrol.places import models as places
from campus_patrol.plans import models as plans
from campus_patrol.rescues import models as rescues
from campus_patrol.sync import models as sync
from campus_patrol.tags import models as tags
from campus_patrol.witnesses import models as witnesses

METADATA = Base.metadata
DOMAINS = (people, places, tags, patrols, plans, findings, photos, sync, rescues, audit, witnesses, history)

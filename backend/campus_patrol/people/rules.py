"""Pure decisions about roles."""

ROLES = ("guard", "repairer", "inspector", "supervisor", "admin", "district")
# Those who carry a phone through the school and say with a PIN who holds it.
PATROLLING = ("guard", "repairer", "inspector", "supervisor", "admin")
DESK = ("inspector", "supervisor", "admin")


def needs_account(role: str) -> bool:
    """Tell whether a role is useless without signing in to the desk: an inspector may work with the phone alone."""
    return role in ("supervisor", "admin")


def gets_pin(role: str) -> bool:
    """Tell whether a person of this role is given a PIN without asking."""
    return role in ("guard", "repairer", "inspector")

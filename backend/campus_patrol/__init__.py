"""Campus Patrol (夜巡): offline-first night patrol for schools."""

__version__ = "0.1.0"

"""The same endpoints the way they are usually written with FastAPI and async SQLAlchemy: what ours are compared with."""

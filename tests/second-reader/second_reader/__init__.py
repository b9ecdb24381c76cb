"""A second reader of libenvelope's format, written from docs/format.md alone.

Each module cites the sections that it reads by. It shares nothing with the library: Python's standard
library, python3-cryptography and python3-argon2 are all it stands on. It writes nothing but plaintext.
"""

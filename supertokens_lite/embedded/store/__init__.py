"""The tables of the embedded core: the only importer of sqlite3 here."""

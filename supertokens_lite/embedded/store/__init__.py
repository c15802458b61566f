"""The tables of the embedded core: the only importer of sqlite3 here.

`Database` opens the file and says who may write; the other modules hold the statements, a file per group of tables.
"""

"""The tables of a store."""

from cdmer._files.sqlite import Layout

LAYOUT = Layout(
    noun="store",
    what="a store of results",
    application_id=0x63646D72,  # "cdmr"
    version=4,
    tables=(
        "CREATE TABLE test_sets (key TEXT PRIMARY KEY, clips TEXT NOT NULL)",
        "CREATE TABLE jobs (key TEXT PRIMARY KEY, config TEXT NOT NULL, test_set TEXT NOT NULL, "
        "predicted TEXT, scores BLOB, details TEXT NOT NULL, seconds TEXT NOT NULL, "
        "finished TEXT NOT NULL, error TEXT, embedding BLOB, checksum TEXT NOT NULL)",
        "CREATE TABLE runs (run INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, created TEXT "
        "NOT NULL, asked INTEGER NOT NULL, info TEXT NOT NULL, checksum TEXT NOT NULL)",
        "CREATE TABLE run_jobs (run INTEGER NOT NULL, position INTEGER NOT NULL, "
        "label TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (run, position)) WITHOUT ROWID",
        "CREATE TABLE about (name TEXT PRIMARY KEY, value BLOB NOT NULL, checksum TEXT NOT NULL)",
    ),
    durable=False,
    checks_pages=True,
)

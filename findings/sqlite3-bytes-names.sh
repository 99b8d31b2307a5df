# Installed: nothing but Python; its standard library has the module sqlite3.
#
# SQLite takes the names of tables and columns as bytes, and a program in C can name a column in Latin-1. Expected: a connection with `text_factory = bytes` never decodes
# text, and whatever goes wrong with a statement is a `sqlite3.Error`.
# Seen: the names of the columns of a result are decoded all the same, so `SELECT *` raises UnicodeDecodeError before any row. So does a statement whose error message quotes
# the name: a violated NOT NULL is no IntegrityError then. UnicodeDecodeError is no `sqlite3.Error`.
# Hurt: whoever opens files that other programs wrote, or that a disk damaged, and catches `sqlite3.Error` only.
. "$(dirname "$0")/common.sh"

cat > "$work/look.py" <<'PYTHON'
import sqlite3

db = sqlite3.connect(":memory:")
db.text_factory = bytes
db.execute("CREATE TABLE shop (price INTEGER NOT NULL)")
db.execute("INSERT INTO shop VALUES (7)")
db.execute("PRAGMA writable_schema = ON")
sql = "CREATE TABLE shop (größe INTEGER NOT NULL)".encode("latin-1")
db.execute("UPDATE sqlite_schema SET sql = CAST(? AS TEXT)", (sql,))
db.execute("PRAGMA writable_schema = RESET")

for statement in ("SELECT count(*) FROM shop", "SELECT * FROM shop", "INSERT INTO shop VALUES (NULL)"):
    try:
        print(db.execute(statement).fetchall(), end=" ")
    except Exception as error:
        print(type(error).__name__, isinstance(error, sqlite3.Error), end=" ")
PYTHON
expect "$(cd "$work" && "${PYTHON:-python3}" look.py)" "[(1,)] UnicodeDecodeError False UnicodeDecodeError False "

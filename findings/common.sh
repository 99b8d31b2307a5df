# Functions of the findings, which source this file: a temporary folder with a virtual environment, and one comparison.
# The folder is removed when the script ends.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# install PACKAGE==VERSION…: install packages, and what they need, into a new virtual environment of ${PYTHON:-python3}.
install() {
    "${PYTHON:-python3}" -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@"
    echo "installed: $*"
}

# python [ARGUMENT…]: run the interpreter of the virtual environment in the temporary folder.
python() { (cd "$work" && "$work/venv/bin/python" "$@"); }

# expect SEEN EXPECTED: print what was seen, and fail if it is not what was seen when the finding was written.
expect() {
    echo "seen: $1"
    if [ "$1" != "$2" ]; then
        echo "changed: expected: $2" >&2
        exit 1
    fi
}

#!/bin/sh
# Installed: pip-audit 2.10.1.
#
# pip-audit asks an advisory service about each package of a lock file. One would expect that it fails if the service knows nothing about a package, as it
# does when the service cannot be reached: an audit without an answer is no audit.
#
# What happens: a package that the service answers with "not found" is left out, whether it is a private package or the index is a mirror without
# advisories. If that is so for every package of the file, pip-audit still prints "No known vulnerabilities found", and its exit code is 0. Only the
# report, on the standard output, lists what was skipped; --strict makes it fail.
#
# Who is hurt: whoever lets a release depend on the exit code, behind a mirror that answers every question with "not found".
. "$(dirname "$0")/common.sh"

install pip-audit==2.10.1

echo "edged-no-such-package==1.0" >"$work/requirements.txt"
audit() { (cd "$work" && venv/bin/pip-audit --disable-pip --no-deps --progress-spinner off "$@" -r requirements.txt >report 2>words); }

code=0
audit --format json || code=$?
expect "exit code $code: $(tail -n 1 "$work/words"); skipped: $(grep -c skip_reason "$work/report")" "exit code 0: No known vulnerabilities found; skipped: 1"
code=0
audit --strict || code=$?
expect "with --strict: exit code $code" "with --strict: exit code 1"

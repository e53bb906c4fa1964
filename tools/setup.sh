#!/bin/sh
# Make the virtual environment from hash-pinned requirements alone.
# uv installs the set in seconds; where it cannot be had, pip does the same work.
set -eu
venv=$1
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: $("$python" --version) is too old; set PYTHON to 3.11 or newer" >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"

say() { echo "setup: $1"; }

if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements/bootstrap.txt; then
    say "installing with uv"
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode \
        --require-hashes -r requirements/dev.txt
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" \
        --no-deps --no-build-isolation --editable .
else
    say "uv could not be had; installing with pip, which takes a minute or two"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r requirements/dev.txt
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
fi
say "ready: $venv/bin/analemma"

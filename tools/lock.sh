#!/bin/sh
# Compile the requirements: pinned, hashed, naming no index, for Python 3.11 up.
set -eu
uv=$1
lock() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --upgrade "$@"
}
echo 'uv' | lock - -o requirements/bootstrap.txt
# Everything a developer and the embedded cloud need.
lock pyproject.toml --all-extras --group dev requirements/build.in -o requirements/dev.txt
# What goes into the Lambda zip: the kernel, AWS and the model providers.
lock pyproject.toml --extra aws --extra models -o requirements/lambda.txt \
    --constraint requirements/dev.txt

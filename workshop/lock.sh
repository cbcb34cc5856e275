#!/bin/sh
# Choose package versions and write them with their hashes: requirements.txt for a production image,
# requirements-dev.txt for this tree. No registry address goes in, so every machine asks its own.
set -eu
uv=$1
shift
lock() {
    # setuptools builds the project itself, offline; it is not among the dependencies.
    echo 'setuptools>=77' | "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --custom-compile-command 'make lock' "$@" pyproject.toml -
}
lock "$@" --output-file requirements.txt
lock "$@" --output-file requirements-dev.txt --constraint requirements.txt --group dev

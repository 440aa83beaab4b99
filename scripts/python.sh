#!/bin/sh
# Makes a virtual environment of Python: python.sh DIRECTORY REQUIREMENTS. Does nothing where it has been made of the same
# requirements before. Never asks anything and touches nothing outside DIRECTORY.
set -eu

directory=$1
requirements=$2

if cmp -s "$requirements" "$directory/requirements.txt"; then
    exit 0
fi
echo "python: installing what $requirements lists into $directory" >&2
rm -rf "$directory"
/usr/bin/python3 -m venv "$directory"
if ! "$directory/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 5 -r "$requirements" >&2; then
    echo "python: pip could not install what $requirements lists" >&2
    exit 1
fi
# Last: its being there tells that all of it is.
cp "$requirements" "$directory/requirements.txt"

#!/usr/bin/env bash
# build.sh
#
# Assembles shadow.S and says what came out. A lab test does the same and compares.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
powerpc64le-linux-gnu-as -mpower8 shadow.S -o shadow.o
sha256sum shadow.o

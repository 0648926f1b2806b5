#!/usr/bin/env bash
# build.sh
#
# Assembles shadow.S and shadow-stack.S and says what came out. A lab test does the same and compares.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for name in shadow shadow-stack; do
  powerpc64le-linux-gnu-as -mpower8 $name.S -o $name.o
done
sha256sum shadow.o shadow-stack.o

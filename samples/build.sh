#!/usr/bin/env bash
# build.sh [GENERATION...]
#
# Makes everything in this folder but the sources, then SHA256SUMS. With the same packages the result is the same to the
# byte. Needs what the lab needs (test/lab/harness says what is missing), and the network the first time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab=$here/../test/lab/harness
[ $# -gt 0 ] || set -- 6.1 6.12 7.2

command -v zstd >/dev/null || { echo "build.sh: 'zstd' is not installed: apt-get install zstd" >&2 && exit 1; }
for generation in "$@"; do
  "$lab/build-module" "$generation" "$here/$generation" "$here/src"
  rm "$here/$generation/tocsin_merge.ko" # only its demo_object.o is wanted
  "$here/kernel-pieces.sh" "$generation" "$here/$generation/tocsin_demo.ko" "$here/$generation/tocsin_fix.ko"
done

# One of each compression, as distributions ship modules. The kernel wants xz with a CRC32.
xz --keep --force --check=crc32 --lzma2=dict=1MiB "$here/6.12/tocsin_demo.ko"
zstd --quiet --force -19 "$here/6.12/tocsin_demo.ko" -o "$here/6.12/tocsin_demo.ko.zst"
gzip --keep --force --no-name -9 "$here/6.12/tocsin_demo.ko"

# Objects of other compilers and machines: see src/legacy/legacy.c. recordmcount, which Debian ships with the 6.1
# kernel's build tools, writes __mcount_loc as a kernel build does.
. "$lab/lib.sh"
harness=$lab
kernel=$(kernel_folder 6.1)
recordmcount=$(find "$kernel/usr/lib" -name recordmcount -type f -print -quit)
mkdir -p "$cache/build" "$here/legacy"
scratch=$(mktemp -d "$cache/build/legacy-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
cp "$here/src/legacy/legacy.c" "$scratch"
cd "$scratch"
run() { "$lab/in-toolchain" 6.1 "$@"; }
compile() { run powerpc64le-linux-gnu-gcc-12 -O2 -fno-pic -fno-asynchronous-unwind-tables -msoft-float legacy.c "$@"; }
compile -mcpu=power8 -mcmodel=large -pg -mno-profile-kernel -c -o pg.o
compile -mcpu=power8 -mcmodel=large -pg -mprofile-kernel -S -o mprofile.s
sed -E '/^\tmflr 0$/{ N; s/\n\tbl _mcount/\n\tstd 0,16(1)\n\tbl _mcount/ }' mprofile.s >mprofile-lr.s
run powerpc64le-linux-gnu-as -mpower8 mprofile-lr.s -o mprofile-lr.o
compile -mcpu=power10 -fpatchable-function-entry=2 -c -o pcrel.o
run "$recordmcount" pg.o mprofile-lr.o
cp ./*.o "$here/legacy"

# Trampolines for --strategy custom:FILE.o, the same for all kernels: see docs/custom.md.
rm ./*.o
cp "$here"/src/custom/*.S "$scratch"
for name in count frame; do run powerpc64le-linux-gnu-as -mpower8 "$name.S" -o "$name.o"; done
mkdir -p "$here/custom"
cp ./*.o "$here/custom"

cd "$here"
find . -type f \( -name '*.ko*' -o -name '*.o' -o -name Module.symvers -o -path '*/kernel/*' \) | LC_ALL=C sort | xargs sha256sum >SHA256SUMS

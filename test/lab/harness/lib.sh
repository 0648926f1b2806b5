# shellcheck shell=bash
# What the lab's scripts share: where things are, and errors that say what to install.
#
# Everything that is downloaded or built lives below one cache folder, nothing is written to the system:
#
#   bookworm, trixie, sid   one unpacked Debian kernel each (fetch-kernel)
#   chroot-SUITE            a compiler and C library of that suite, where this machine's are not the right ones (toolchain)
#   livepatch[-GENERATION]  a kernel with CONFIG_LIVEPATCH (livepatch-kernel)
#   busybox                 a static ppc64le busybox (fetch-busybox)
#   perf                    perf and its libraries (fetch-perf)
#   kread                   kread.c, compiled
#   modules                 the lab's own modules, built (harness.ts)
#   build                   scratch folders of module builds

cache=${TOCSIN_LAB_CACHE:-${HOME:?}/.cache/tocsin-lab}

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# need COMMAND PACKAGE: the command exists, or an error names the Debian package that has it.
need() {
  command -v "$1" >/dev/null 2>&1 || fail "'$1' is not installed: apt-get install $2"
}

# suite_of GENERATION: the Debian suite whose kernel has this kind of call site. A suite is taken too.
suite_of() {
  case $1 in
    6.1 | bookworm) echo bookworm ;;
    6.12 | trixie) echo trixie ;;
    7.2 | sid) echo sid ;;
    *) fail "unknown kernel generation '$1': 6.1, 6.12 or 7.2" ;;
  esac
}

# The address of this machine's own Debian mirror and the key that signs it; only the suite is ours to choose.
apt_mirror() {
  if [ -n "${TOCSIN_LAB_MIRROR:-}" ]; then
    echo "$TOCSIN_LAB_MIRROR"
  elif [ -f /etc/apt/sources.list.d/debian.sources ]; then
    awk '$1 == "URIs:" { print $2; exit }' /etc/apt/sources.list.d/debian.sources
  else
    awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' \
      /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null
  fi
}
apt_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_for STATE SUITE ARCHITECTURE TOOL ARGUMENT...: apt-get or apt-cache with a state, a source and a notion of the
# installed architecture of its own. The system's package lists are neither read nor changed.
apt_for() {
  local state=$1 suite=$2 architecture=$3 tool=$4
  shift 4
  need "$tool" apt
  if [ ! -f "$state/sources/lab.list" ]; then
    local mirror
    mirror=$(apt_mirror)
    [ -n "$mirror" ] || fail "no Debian mirror in /etc/apt: set TOCSIN_LAB_MIRROR"
    [ -f "$apt_keyring" ] || fail "$apt_keyring is missing: apt-get install debian-archive-keyring"
    mkdir -p "$state/sources" "$state/lists/partial" "$state/cache/archives/partial"
    echo "deb [signed-by=$apt_keyring] $mirror $suite main" >"$state/sources/lab.list"
  fi
  "$tool" -q -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" \
    -o Dir::State::Lists="$state/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$state/cache" \
    -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$state/sources" -o APT::Sandbox::User=root "$@"
}

# update_lists STATE SUITE ARCHITECTURE: the package lists of a suite, for apt_for with the same STATE. A mirror that is
# caught between two states may have lists that do not belong together under one of a suite's names, and whole ones under
# the other.
update_lists() {
  local state=$1 suite=$2 architecture=$3 other
  if apt_for "$state" "$suite" "$architecture" apt-get -o Acquire::Retries=3 update >/dev/null; then return 0; fi
  case $suite in
    bookworm) other=oldstable ;;
    trixie) other=stable ;;
    sid) other=unstable ;;
    *) fail "no package lists of $suite: try again later, or set TOCSIN_LAB_MIRROR to another mirror" ;;
  esac
  echo "${0##*/}: the mirror's lists of $suite do not fit each other, taking those of $other" >&2
  rm -rf "$state"
  apt_for "$state" "$other" "$architecture" apt-get -o Acquire::Retries=3 update >/dev/null ||
    fail "no package lists of $suite: try again later, or set TOCSIN_LAB_MIRROR to another mirror"
  # What the other name stands for changes with every release of Debian.
  grep -qsx "Codename: $suite" "$state"/lists/*Release || fail "$other is not $suite on this mirror: try again later"
}

# kernel_folder GENERATION: the unpacked kernel, fetched if it is not there yet.
kernel_folder() {
  local suite
  suite=$(suite_of "$1") || exit 1
  [ -d "$cache/$suite/usr/src" ] || "$harness/fetch-kernel" "$1" >&2 || exit 1
  echo "$cache/$suite"
}

# What is where in FOLDER. Debian moved the image and the modules between these generations.
kernel_image() { # an ELF file that boots
  find "$1" -maxdepth 5 -type f \( -path '*/boot/vmlinux-*' -o -path '*/lib/modules/*/vmlinuz' \) -print -quit
}
kernel_modules() {
  find "$1" -maxdepth 5 -type d -path '*/lib/modules/*/kernel' -print -quit
}
kernel_headers() {
  find "$1/usr/src" -maxdepth 1 -name 'linux-headers-*-powerpc64le' -print -quit
}
kernel_compiler() { # major version of the gcc that built it
  sed -nE 's/^CONFIG_GCC_VERSION=([0-9]+)[0-9]{4}$/\1/p' "$(kernel_headers "$1")/.config"
}

# lock NAME: from here to the end of the script, one process at a time.
lock() {
  mkdir -p "$cache"
  need flock util-linux
  exec 9>"$cache/.lock-$1"
  flock 9
}

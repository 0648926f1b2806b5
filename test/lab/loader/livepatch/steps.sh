# What the machine does for each step (busybox sh); machine.ts calls the functions and reads what they print.

# report [call]: what the kernel logged, every section of every module, and the bytes of those that /files/wanted names;
# with `call`, what klp_target computes.
report() {
  dmesg -r -c | sed 's/^/@log /'
  # Few processes: each takes its time in the emulated machine.
  for folder in /sys/module/*/sections; do
    [ -d "$folder" ] || continue
    module=${folder#/sys/module/}; module=${module%/sections}
    (cd "$folder" && grep -s '' .[!.]* [!.]*) | sed "s/^/$module /; s/:0x/ 0x/"
  done > /tmp/sections
  sed 's/^/@section /' /tmp/sections
  awk 'NR == FNR { size[$1 " " $2] = $3; next } ($1 " " $2) in size { print $3, size[$1 " " $2], $1, $2 }' \
    /files/wanted /tmp/sections > /tmp/ranges
  if [ -s /tmp/ranges ]; then kread $(cut -d' ' -f1,2 /tmp/ranges) | paste -d' ' /tmp/ranges - | sed 's/^/@bytes /'; fi
  if [ "$1" = call ] && [ -d /sys/module/klp_target ]; then
    echo "@result $(cat /sys/module/klp_target/parameters/result)"
  fi
  echo "@end"
}

# Waits until all functions are patched, or are not any more.
settled() {
  for wait in $(seq 300); do
    cat /sys/kernel/livepatch/*/transition 2>/dev/null | grep -q 1 || return 0
    sleep 0.1
  done
  echo "@stuck"
}

# doload FILE PARAMETERS [call]
doload() {
  dmesg -c >/dev/null
  echo "@errno $(/files/load "/files/$1" "$2")"
  settled
  report $3
}

# unload MODULE: a livepatch is disabled before.
unload() {
  dmesg -c >/dev/null
  if [ -d /sys/kernel/livepatch/$1 ]; then
    echo 0 > /sys/kernel/livepatch/$1/enabled
    for wait in $(seq 300); do [ -d /sys/kernel/livepatch/$1 ] || break; sleep 0.1; done
  fi
  rmmod $1 2>/dev/null
  if [ -d /sys/module/$1 ]; then echo "@errno 16"; else echo "@errno 0"; fi
  report
}

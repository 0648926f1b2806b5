# Run in the machine: loads the modules of /files/list, uses what they drive, and unloads them. `USE NAME TEXT` lines are what was seen
# of a subsystem, the same at every run; `LOAD` and `UNLOAD` lines are from use/load.c. /out has the counters and the kernel's log.
U=/files/use

with() { for module; do [ -d "/sys/module/$module" ] || return 1; done; }
use() { # NAME COMMAND...
  name=$1; shift
  echo "tocsin-stress: use $name" > /dev/kmsg
  timeout 150 "$@" > /tmp/use 2>&1; status=$?
  while read -r line; do echo "USE $name $line"; done < /tmp/use
  echo "USE $name ended with $status"
}
tree() { # NAME TYPE DEVICE
  grep -q "[[:space:]]$2\$" /proc/filesystems || return
  use "$1" mount -t "$2" -o ro "$3" /tmp/mount
  use "$1" $U tree /tmp/mount
  use "$1" umount /tmp/mount
}
files() { # NAME TYPE DEVICE: makes a tree, and sees it again after the next mount
  grep -q "[[:space:]]$2\$" /proc/filesystems || return
  use "$1" mount -t "$2" "$3" /tmp/mount
  use "$1" $U files /tmp/mount
  use "$1" umount /tmp/mount
  tree "$@"
}
disk() { # where image NAME is: the images are virtio disks, in the order of their names
  echo "/dev/vd$(awk -v name="$1" '$1 == name { print substr("abcdefghijklmnopqrstuvwxyz", NR, 1) }' /files/images)"
}
wait_for() { for turn in 1 2 3 4 5 6 7 8 9 10; do [ -b "$1" ] && return; sleep 0.3; done; }

mkdir -p /tmp/mount /tmp/lower /tmp/over
insmod /files/stress_count.ko || exit 3
$U load /files/list
echo "LAB loaded after $(cut -d' ' -f1 /proc/uptime) s"

# File systems, on disks of the machine
wait_for "$(disk xfs)"
use virtio_blk $U device "$(disk blank)"
for type in btrfs ext4 f2fs minix udf vfat xfs; do files $type $type "$(disk $type)"; done
for type in erofs squashfs; do tree $type $type "$(disk $type)"; done
tree isofs iso9660 "$(disk iso)"
if with overlay squashfs; then
  mount -t tmpfs tmpfs /tmp/over; mkdir /tmp/over/upper /tmp/over/work
  mount -t squashfs -o ro "$(disk squashfs)" /tmp/lower
  use overlay mount -t overlay -o lowerdir=/tmp/lower,upperdir=/tmp/over/upper,workdir=/tmp/over/work overlay /tmp/mount
  rm -rf /tmp/mount/c; echo more >> /tmp/mount/a/f5
  use overlay $U files /tmp/mount
  use overlay $U tree /tmp/mount
  use overlay umount /tmp/mount
  umount /tmp/lower; umount /tmp/over
fi
[ ! -e /dev/fuse ] || use fuse $U fuse /tmp/mount

# Block devices
if with loop; then
  dd if=/dev/zero of=/tmp/loopfile bs=1024 count=8192 2>/dev/null
  losetup /dev/loop0 /tmp/loopfile
  use loop $U device /dev/loop0
  use loop mke2fs -F /dev/loop0
  files loop ext4 /dev/loop0
  losetup -d /dev/loop0; rm /tmp/loopfile
fi
if with zram; then
  echo 16M > /sys/block/zram0/disksize
  use zram mke2fs -F -b 4096 /dev/zram0
  files zram ext4 /dev/zram0
  echo 1 > /sys/block/zram0/reset
fi
! with nbd || use nbd $U nbd
! with null_blk || use null_blk $U device /dev/nullb0
if with brd; then
  use brd $U device /dev/ram0
  if with dm_mod; then
    use dm $U dm lin 8192 linear "/dev/ram0 0"
    use dm $U dm str 16384 striped "2 128 /dev/ram0 0 /dev/ram1 0"
    use dm_crypt $U dm cry 8192 crypt "aes-xts-plain64 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 0 /dev/ram0 0"
    use dm_snapshot $U dm sna 8192 snapshot "/dev/ram0 /dev/ram1 N 16"
    use dm_mirror $U dm mir 8192 mirror "core 2 64 nosync 2 /dev/ram0 0 /dev/ram1 0"
  fi
  ! with raid0 || use raid0 $U md /dev/md0 0 /dev/ram0 /dev/ram1
  ! with raid1 || use raid1 $U md /dev/md1 1 /dev/ram0 /dev/ram1
  ! with raid456 || use raid456 $U md /dev/md5 5 /dev/ram0 /dev/ram1 /dev/ram2
  ! with raid10 || use raid10 $U md /dev/md10 10 /dev/ram0 /dev/ram1 /dev/ram2 /dev/ram3
fi
mkdir -p /sys/kernel/config; mount -t configfs configfs /sys/kernel/config 2>/dev/null
if with brd nvme_loop; then
  cd /sys/kernel/config/nvmet
  mkdir subsystems/stress; echo 1 > subsystems/stress/attr_allow_any_host
  mkdir subsystems/stress/namespaces/1; printf /dev/ram4 > subsystems/stress/namespaces/1/device_path
  echo 1 > subsystems/stress/namespaces/1/enable
  mkdir ports/1; echo loop > ports/1/addr_trtype; ln -s /sys/kernel/config/nvmet/subsystems/stress ports/1/subsystems/stress
  echo transport=loop,nqn=stress > /dev/nvme-fabrics
  wait_for /dev/nvme0n1
  use nvme_loop $U device /dev/nvme0n1
  echo 1 > /sys/class/nvme/nvme0/delete_controller
  rm ports/1/subsystems/stress; rmdir ports/1
  echo 0 > subsystems/stress/namespaces/1/enable; rmdir subsystems/stress/namespaces/1 subsystems/stress
  cd /
fi
if with tcm_loop target_core_file sd_mod; then
  mkdir -p /sys/kernel/config/target; cd /sys/kernel/config/target
  truncate -s 8M /tmp/target
  mkdir -p core/fileio_0/f; echo fd_dev_name=/tmp/target,fd_dev_size=8388608 > core/fileio_0/f/control; echo 1 > core/fileio_0/f/enable
  tpg=loopback/naa.5001405000000001/tpgt_1
  mkdir -p $tpg/lun/lun_0; echo naa.5001405000000002 > $tpg/nexus
  ln -s /sys/kernel/config/target/core/fileio_0/f $tpg/lun/lun_0/port
  for host in /sys/class/scsi_host/host*; do echo '- - -' > "$host/scan"; done
  wait_for /dev/sda
  use tcm_loop $U device /dev/sda
  rm $tpg/lun/lun_0/port; rmdir $tpg/lun/lun_0 $tpg loopback/naa.5001405000000001 core/fileio_0/f core/fileio_0
  cd /; rm /tmp/target
fi
umount /sys/kernel/config 2>/dev/null

# Sockets and network devices
! with algif_hash || use alg $U alg
! with veth bridge || use links $U links
! with tun || use tap $U tap
ip link add name vcan0 type vcan 2>/dev/null && ip link set vcan0 up
for family in sctp dccp vsock tipc can rds; do ! with $family || use $family $U sockets $family; done
! with nf_tables nft_ct nft_redir nft_chain_nat || use nft $U nft
use tcp $U tcp

# Others
! with uinput evdev || use uinput $U input
! with snd_aloop || use snd_aloop $U sound
! with mac80211_hwsim || use mac80211_hwsim sh -c 'ls /sys/class/ieee80211 | wc -l'
if with binfmt_misc; then
  mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
  printf '#!stress\n' > /tmp/odd; chmod +x /tmp/odd; echo ':stress:M::#!stress::/bin/echo:' > /proc/sys/fs/binfmt_misc/register
  use binfmt_misc /tmp/odd with arguments
  echo -1 > /proc/sys/fs/binfmt_misc/status; umount /proc/sys/fs/binfmt_misc
fi
ip link del vcan0 2>/dev/null
echo "LAB used after $(cut -d' ' -f1 /proc/uptime) s"

cat /proc/stress_count > /out/counts
for file in /sys/module/*/parameters/stress_calls; do [ ! -e "$file" ] || echo "$file $(cat "$file")"; done > /out/calls
for file in /sys/module/*/sections/.text; do echo "$file $(cat "$file")"; done > /out/texts
$U unload /files/list
dmesg > /out/dmesg

/** Modules that the exercises of ../stress use, of whichever kernel has them, for a full run. */
export const USED: readonly string[] = [
  ...['virtio_pci', 'virtio_blk', 'loop', 'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat', 'nls_ascii', 'nls_cp437', 'isofs'],
  ...['squashfs', 'udf', 'minix', 'erofs', 'overlay', 'fuse', 'binfmt_misc'],
  ...['brd', 'null_blk', 'zram', 'lzo_rle', 'nbd', 'dm_mod', 'dm_crypt', 'dm_snapshot', 'dm_mirror'],
  ...['raid0', 'raid1', 'raid456', 'raid10', 'nvme_loop', 'tcm_loop', 'target_core_file', 'sd_mod'],
  ...['xts', 'cbc', 'ctr', 'gcm', 'vmx_crypto', 'algif_hash', 'algif_skcipher', 'algif_aead', 'algif_rng'],
  ...['ansi_cprng', 'camellia_generic', 'serpent_generic', 'twofish_generic'],
  ...['veth', 'bridge', '8021q', 'tun', 'dummy', 'macvlan', 'ipvlan', 'vxlan', 'ipip', 'sit', 'ip_gre', 'ip6_tunnel'],
  ...['ip_tables', 'iptable_filter', 'nf_tables', 'nft_ct', 'nft_redir', 'nft_chain_nat'],
  ...['sctp', 'dccp_ipv4', 'tipc', 'rds', 'vsock_loopback', 'can_raw', 'vcan', 'tls', 'tcp_vegas', 'tcp_bbr'],
  ...['uinput', 'evdev', 'snd_aloop'],
];

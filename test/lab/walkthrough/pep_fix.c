// SPDX-License-Identifier: GPL-2.0-only
// pep_getsockopt() of net/phonet/pep.c as upstream fixed it ("phonet: pep: do not write beyond optlen in getsockopt",
// CVE-2026-90327, 6.1.188), to merge into pn_pep.ko. It needs nothing else of the module.
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <net/sock.h>

#include <linux/phonet.h>
#include <net/phonet/pep.h>

#define pep_getsockopt pep_getsockopt_fixed
#include "pep_getsockopt.inc"

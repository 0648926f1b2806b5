# Builds external modules and checks them against the kernel that they are for.
#
#     make -f /path/to/tocsin.mk M=$PWD modules          build, then check; a finding fails the build
#     make -f /path/to/tocsin.mk M=$PWD check            check what is built
#
# A module's own Makefile may include it instead: modules and check become targets of that Makefile.
#
#     ifeq ($(KERNELRELEASE),)
#     include /path/to/tocsin.mk
#     endif
#
#   KDIR            the kernel's build folder: /lib/modules/RELEASE/build of the running kernel
#   M               the modules' folder: the current one
#   TOCSIN          the program: tocsin
#   TOCSIN_KERNEL   what --kernel gets: KDIR/vmlinux where there is one, else the release that KDIR was configured for
#   TOCSIN_MODULES  folder of modules to import from: /lib/modules/RELEASE/kernel where there is one
#   TOCSIN_FLAGS    more options, such as --report tocsin.sarif
#   TOCSIN_KBUILD   how the kernel's build is called: $(MAKE) -C $(KDIR) M=$(M)

KDIR ?= /lib/modules/$(shell uname -r)/build
M ?= $(CURDIR)
TOCSIN ?= tocsin
TOCSIN_KBUILD ?= $(MAKE) -C $(KDIR) M=$(M)

tocsin-release = $(shell cat $(KDIR)/include/config/kernel.release)
TOCSIN_KERNEL ?= $(or $(wildcard $(KDIR)/vmlinux),$(tocsin-release))
TOCSIN_MODULES ?= $(wildcard /lib/modules/$(tocsin-release)/kernel)

tocsin-check = $(TOCSIN) check --kernel $(TOCSIN_KERNEL) $(addprefix --modules ,$(TOCSIN_MODULES)) $(TOCSIN_FLAGS) $(M)

.PHONY: modules check
modules:
	$(TOCSIN_KBUILD) modules
	$(tocsin-check)

check:
	$(tocsin-check)

/* SPDX-License-Identifier: GPL-2.0-only */
/* Module `probe` calls nothing by name. */

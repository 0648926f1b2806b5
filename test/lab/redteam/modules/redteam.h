/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that functions of these modules count in; objects that are merged have those above. */
#define REDTEAM_FIRST 1000
#define REDTEAM_LAST 2999
#define REDTEAM_SLOTS 8192

struct redteam_slot {
	unsigned long calls;
	unsigned long target;
};

/* Puts rubbish into all registers that a call may change. */
void redteam_spoil(void);

/* A macro for each number from the first to the last. */
#define TEN(of, n) of(n##0) of(n##1) of(n##2) of(n##3) of(n##4) of(n##5) of(n##6) of(n##7) of(n##8) of(n##9)
#define HUNDRED(of, n) TEN(of, n##0) TEN(of, n##1) TEN(of, n##2) TEN(of, n##3) TEN(of, n##4) \
	TEN(of, n##5) TEN(of, n##6) TEN(of, n##7) TEN(of, n##8) TEN(of, n##9)
#define HUNDREDS(of) HUNDRED(of, 10) HUNDRED(of, 11) HUNDRED(of, 12) HUNDRED(of, 13) HUNDRED(of, 14) \
	HUNDRED(of, 15) HUNDRED(of, 16) HUNDRED(of, 17) HUNDRED(of, 18) HUNDRED(of, 19) \
	HUNDRED(of, 20) HUNDRED(of, 21) HUNDRED(of, 22) HUNDRED(of, 23) HUNDRED(of, 24) \
	HUNDRED(of, 25) HUNDRED(of, 26) HUNDRED(of, 27) HUNDRED(of, 28) HUNDRED(of, 29)

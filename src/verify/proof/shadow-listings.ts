/**
 * The words of shadow code, for shadow-code.ts: hexadecimal, without what depends on the place or the kernel, and what is to be
 * known of them. `saved` and `recomputed` are only in that variant.
 */

/** What comes back waits in a table of the module. */
export const TABLE_LISTING = `
# calls += 1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 state.ha
396b0000 state.lo
7d8058a8
398c0001
7d8059ad
40c2fff4
# live += 1, unless that is more than the limit
e80b0020
396b0008
7d8058a8
7c2c0040
40c0017c
398c0001
7d8059ad
40c2ffec
# high = max(high, live)
396b0008
7c0058a8
7c206040
4080000c
7d8059ad
40c2fff0
# the window of r1, and in it the first free slot behind those of r1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 table.ha
396b0000 table.lo
3d809e37
618c79b9
7d8c09d6
558c7c74
7d6b6214
38000020
7c0903a6
38000000
e98b0000
7c2c0800
41c2001c
2c2c0000
40820018
2c200000
40820010
7d605b78
48000008
38000000
396b0020
4200ffd4
2c200000
41c200c0
# the slot becomes ours, or somebody was faster
7c0b0378
7d8058a8
2c2c0000
40c2ff84
7c2059ad
40c2fff0
7c0802a6
f80b0008 keeps
f84b0010 saved
# the call
429f0005
7d8802a6
e98c0000 target
7d8903a6
4e800421
# the last slot of r1 in its window
429f0005
7d6802a6
3d6b0000 table.ha
396b0000 table.lo
3d809e37
618c79b9
7d8c09d6
558c7c74
7d6b6214
38000020
7c0903a6
39400000
e98b0000
7c2c0800
40820008
7d6a5b78
396b0020
4200ffec
# what it kept; then it is free, after all that was read
e80a0008
e84a0010 saved
7c2004ac
39800000
f98a0000
# live -= 1, and back
429f0005
7d6802a6
3c4b0000 toc.ha recomputed
38420000 toc.lo recomputed
3d6b0000 state+8.ha
396b0000 state+8.lo
7d8058a8
398cffff
7d8059ad
40c2fff4
7c0803a6 gives
4e800020
# live -= 1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 state+8.ha
396b0000 state+8.lo
7d8058a8
398cffff
7d8059ad
40c2fff4
# overflows += 1, and F goes on
396b0010
7d8058a8
398c0001
7d8059ad
40c2fff4
7c0802a6
`;

/** What comes back waits on the second stack of the task, which `livepatch_sp` is the end of. */
export const STACK_LISTING = `
# calls += 1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 state.ha
396b0000 state.lo
7d8058a8
398c0001
7d8059ad
40c2fff4
# room: the limit, what is in use, and how far r1 is
e80b0020
e98d0000 threadInfo
e96c0000 sp
796c04e0
7c2c0040
40c000dc saved
40c000e0 recomputed
7d8b0850
282c0800
41c000d0 saved
41c000d4 recomputed
# live += 1
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 state+8.ha
396b0000 state+8.lo
7d8058a8
398c0001
7d8059ad
40c2fff4
# high = max(high, live)
396b0008
7c0058a8
7c206040
4080000c
7d8059ad
40c2fff0
# the entry: livepatch_sp first
e98d0000 threadInfo
e96c0000 sp
396b0018
f96c0000 sp
f84bffe8
7c0802a6
f80bfff0 keeps
3d8057ac
618c6e9d
f98bfff8
# the call
429f0005
7d8802a6
e98c0000 target
7d8903a6
4e800421
# the same entry, if it is whole; livepatch_sp last
e98d0000 threadInfo
e96c0000 sp
e80bfff8
3d4057ac
614a6e9d
7f005088
e80bfff0
e84bffe8 saved
396bffe8
f96c0000 sp
# live -= 1, and back
429f0005
7d6802a6
3c4b0000 toc.ha recomputed
38420000 toc.lo recomputed
3d6b0000 state+8.ha
396b0000 state+8.lo
7d8058a8
398cffff
7d8059ad
40c2fff4
7c0803a6 gives
4e800020
# overflows += 1, and F goes on
7c0802a6
429f0005
7d6802a6
7c0803a6
3d6b0000 state+8.ha
396b0000 state+8.lo
396b0010
7d8058a8
398c0001
7d8059ad
40c2fff4
7c0802a6
`;
